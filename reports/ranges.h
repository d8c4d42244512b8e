/*
 * ranges: bars from one value to another with a mark between them, in groups, lying on one
 * logarithmic axis.
 *
 *	ranges_add_group(&ranges, "slow provider", 1);
 *	ranges_add(&ranges, &(struct range){ "before", 7, p50, p95, p99 });
 *	ranges_write(&ranges, out);
 *	ranges_release(&ranges);
 */
#ifndef REPORTS_RANGES_H
#define REPORTS_RANGES_H

#include "reports/svg.h"

struct range {
	const char *label;
	int colour;
	double low, middle, high; /* NAN: none; without a low one it is a point */
};

struct range_row {
	struct range range;
	const char *group; /* borrowed; its first row begins it */
	size_t number;     /* of the group, 0: none */
	bool begins;
};

struct ranges {
	const char *id, *title;
	svg_label *label;
	struct range_row *rows;
	size_t count, room;
	const char *group;
	size_t number;
	bool begun;
};

void ranges_add_group(struct ranges *ranges, const char *name, size_t number);
void ranges_add(struct ranges *ranges, const struct range *range);
bool ranges_any(const struct ranges *ranges);
void ranges_write(const struct ranges *ranges, struct buffer *out);
void ranges_write_table(const struct ranges *ranges, struct buffer *out);
void ranges_release(struct ranges *ranges);

#endif
