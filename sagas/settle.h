/*
 * settle: waits until every saga has come to its end, or has had its time.
 *
 * First all at once, from sources with `outcome:`; what they leave open is asked for by its key,
 * again and again, each at most once a second: until its state is final and nothing is being undone
 * (SAGA_IS), it is absent twice, apart in time (SAGA_ABSENT), or its time is up: then what was
 * heard last stands (SAGA_IS with a state that is not final; SAGA_UNREADABLE when nobody answers).
 *
 * `since_us` is from when the time of `settles-within` counts: the end of the load, or the last
 * heal. Each saga gets one last fact per contract that it is asked for; who looks at the history
 * takes the last one.
 */
#ifndef SAGAS_SETTLE_H
#define SAGAS_SETTLE_H

#include "sagas/evidence.h"

struct settled {
	uint64_t succeeded, compensated; /* final */
	uint64_t absent;
	uint64_t open;                   /* not final when their time was up */
	uint64_t unreadable;
	int64_t took_us;
};

/* `since_us` on clock_now_us(). False as evidence_read() has it. */
bool sagas_settle(struct evidence *evidence, int64_t since_us, struct settled *settled,
		  struct error *err);

/*
 * Two equal readings apart in time: reads as snapshot 1 and 2, and, while they differ, again with
 * the next numbers, until `deadline_us` (clock_now_us()) has passed. `*last` is the number of the
 * last reading, of which *last - 1 was equal if `*quiet`. Judges take the last two.
 */
bool sagas_snapshots(struct evidence *evidence, int64_t deadline_us, uint16_t *last, bool *quiet,
		     struct error *err);

#endif
