/*
 * breaker: stops calling what does not answer, and tries again after a while.
 *
 *	enum admission admission = breaker_admit(&breaker, now_us);
 *	if (admission == ADMITTED_NOT) return CALL_OPEN;
 *	...
 *	breaker_report(&breaker, admission, good, now_us);
 *
 * CLOSED     all calls pass; `failures_max` failures in a row make it OPEN
 * OPEN       none pass; the first call after `open_us` makes it HALF_OPEN and passes, on trial
 * HALF_OPEN  none but that one; if it is good CLOSED, else OPEN again
 *
 * Calls that passed before it opened and end later change nothing: only the one on trial counts.
 */
#ifndef SHOP_BREAKER_H
#define SHOP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATES };

enum admission { ADMITTED_NOT, ADMITTED, ADMITTED_ON_TRIAL };

struct breaker {
	enum breaker_state state;
	int failures;        /* in a row */
	int failures_max;    /* 0: never opens */
	int64_t open_us;
	int64_t opened_at_us;
	uint64_t entered[BREAKER_STATES]; /* how often it came into that state */
};

struct breaker breaker_make(int failures_max, int64_t open_us);
enum admission breaker_admit(struct breaker *breaker, int64_t now_us);
void breaker_report(struct breaker *breaker, enum admission admission, bool good, int64_t now_us);
/* An open one through which the next call may go is as good as half open, though nobody came. */
enum breaker_state breaker_now(const struct breaker *breaker, int64_t now_us);
const char *breaker_state_name(enum breaker_state state);

#endif
