/*
 * steady: whether a system is in its steady state: before a fault, while it lasts, after it.
 *
 *	struct steady *steady = steady_new(&settings);
 *	steady_begin(steady, STEADY_BEFORE, now_us);
 *	... each turn of the loop, after watch_turn():
 *	switch (steady_turn(steady, watch, now_us)) {
 *	case STEADY_HELD: supervisor_allow(supervisor); ...
 *
 * It looks once for each complete second, at all conditions, and writes what it saw into the
 * history (RECORD_STEADY, one per condition).
 *
 *	BEFORE  HELD as soon as every condition held over the last `for_us`. Where that is too
 *	        short to say (few requests), as much of the last minute is looked at as it takes.
 *	DURING  BREACHED when a condition did not hold over the last `for_us`, of which all lies
 *	        behind the beginning, in two looks after another. HELD otherwise, if all held.
 *	AFTER   HELD when every condition held over a stretch of `for_us` that began after the
 *	        heal: steady_since_us() is where that stretch began. What came before the heal is
 *	        never looked at.
 *
 * What can't be known (too few requests) neither holds nor breaches.
 */
#ifndef ENGINE_STEADY_H
#define ENGINE_STEADY_H

#include "engine/watch.h"
#include "lib/history.h"
#include "lib/schema.h"

enum steady_state {
	STEADY_LOOKING,  /* not held (yet), not breached */
	STEADY_HELD,
	STEADY_BREACHED, /* stays so until the next steady_begin() */
};

struct steady_settings {
	const struct condition *conditions; /* CONDITION_STEADY; at least one */
	size_t count;
	int64_t for_us;          /* chaos_section.steady_for_us */
	struct history *history; /* may be NULL */
};

struct steady;

/* What `settings` points to is borrowed. */
struct steady *steady_new(const struct steady_settings *settings);
void steady_free(struct steady *steady);

/* From now on this moment is looked at. */
void steady_begin(struct steady *steady, enum steady_moment moment, int64_t now_us);
enum steady_state steady_turn(struct steady *steady, const struct watch *watch, int64_t now_us);

/*
 * It is over: broken while a fault lasted, never held before, not held again in time. Written into
 * the history, so that the run ends with exit code 22.
 */
void steady_write_broken(const struct steady *steady, int64_t now_us);

enum steady_state steady_state(const struct steady *steady);
/* Since when it has held; -1: it does not. Of AFTER: the recovery, less the time of the heal. */
int64_t steady_since_us(const struct steady *steady);
/* "browse.p99 < 500ms: it is 812 ms; errors < 1%: too few requests: 3, and it takes 20": all that
 * did not hold, or nothing. */
void steady_explain(const struct steady *steady, struct buffer *out);

/*
 * `steady:` of `chaos:` (a list of conditions, or one). Complains; NULL when it did, or there are
 * none. The array lives in the arena of the reading.
 */
struct condition *steady_read(const struct yaml *list, const struct condition_names *names,
			      struct reading *reading, size_t *count);

#endif
