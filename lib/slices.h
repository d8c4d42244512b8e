/*
 * slices: the last minute of a run, second by second: per journey and request name how many, errors
 * by class, latencies; per journey how its starts ended. For whoever looks at stretches of time
 * while records go by: the watch of a running run, and reports.
 *
 *	struct slices *slices = slices_new();
 *	slices_add_request(slices, &request, flags);
 *	slices_sum(slices, &condition, 12, 21, &sample);   // seconds 12 to 21, both included
 *
 * A request belongs to the second in which its answer was complete. Memory follows the number of
 * journeys and names, not time. What comes later than SLICES_SECONDS is left out.
 */
#ifndef LIB_SLICES_H
#define LIB_SLICES_H

#include "lib/sample.h"

enum { SLICES_SECONDS = 64, SLICES_DIGITS = 2 };

struct slices;

struct slices *slices_new(void);
void slices_free(struct slices *slices);

void slices_add_request(struct slices *slices, const struct record_request *request,
			uint16_t flags);
void slices_add_start(struct slices *slices, const struct record_start *start);

/*
 * Merges into `sample` what the condition is about, of these seconds. SUBJECT_RUN is everything;
 * seconds that are gone, or yet to come, are empty.
 */
void slices_sum(const struct slices *slices, const struct condition *condition, int64_t first,
		int64_t last, struct sample *sample);

/* Records that came too late for their second, or of too many names. */
uint64_t slices_left_out(const struct slices *slices);

#endif
