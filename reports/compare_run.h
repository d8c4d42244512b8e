/*
 * compare_run: of one run what a comparison looks at: for each request name and second of its
 * measured phases a histogram, from the history alone.
 *
 * Kept as the buckets that have something in them, so that a second costs what was done in it. Long
 * runs have longer slices than a second: there are never more than COMPARE_SLICES_MAX.
 */
#ifndef REPORTS_COMPARE_RUN_H
#define REPORTS_COMPARE_RUN_H

#include "reports/figures.h"

enum { COMPARE_SLICES_MAX = 1200, COMPARE_DIGITS = 3 };

/* Buckets are those of a histogram with COMPARE_DIGITS. */
struct compare_cell {
	uint32_t bucket, count;
};

struct compare_slice {
	size_t cell, cell_count;
	uint64_t count, errors;
};

struct compare_name {
	const char *name;
	struct compare_cell *cells;
	size_t cell_count, cell_room;
	struct compare_slice *slices; /* `slices` of the run, of all of them */
	uint64_t count, errors;
};

struct compare_run {
	const char *directory;
	struct meta *meta;
	char *scenario;      /* what it does, without what may differ; see compare_check.c */
	char *invalid;       /* why it says nothing about the system, or NULL */
	struct compare_name *names; /* by their number in meta */
	size_t slices;
	int64_t slice_us;
	/* While it is read. */
	struct hist **now;
	uint64_t *errors_now;
	size_t slice_now;
};

/* NULL when there is no run in the directory. */
struct compare_run *compare_run_read(const char *directory, struct error *err);
void compare_run_free(struct compare_run *run);

/* NULL: it made no such requests. */
const struct compare_name *compare_run_name(const struct compare_run *run, const char *name);

/* The range of values of a bucket, in microseconds: from `low` to below `low` + `width`. */
void compare_bucket(uint32_t bucket, double *low, double *width);

#endif
