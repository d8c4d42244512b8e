/*
 * settle: waits until every saga has come to its end, or has had its time.
 *
 * First all at once, from sources with `outcome:`; what they leave open is asked for by its key,
 * again and again, each at most once a second: until its state is final and nothing is being undone
 * (SAGA_IS), it is absent twice, apart in time (SAGA_ABSENT), or its time is up. Everyone is asked
 * at least once, however late it is. What was heard last of a saga counts; SAGA_UNREADABLE is
 * written for those who could not be asked at last.
 *
 * `since_us` is from when the time of `settles-within` counts: the end of the load, or the last
 * heal.
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
 * Two equal readings apart in time, as snapshots 1 and 2 (evidence001.history, evidence002). While
 * they differ the older one is given up for a new one with the next number, until `rest_by_us` has
 * passed. So it is while they are equal and yet something is owed, until `due_us`: who waits for an
 * answer that was lost, or before the next attempt, rests as well. Times are of clock_now_us().
 */
struct patience {
	int64_t rest_by_us, due_us;
	bool (*owes)(void *context); /* as far as the readings so far can tell; NULL: never */
	void *context;
};

/* `*quiet`: they are equal; else judges see in what they differ. */
bool sagas_snapshots(struct evidence *evidence, const struct patience *patience, bool *quiet,
		     struct error *err);

#endif
