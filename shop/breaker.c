#include "shop/breaker.h"

#include "shop/bugs.h"

struct breaker breaker_make(int failures_max, int64_t open_us)
{
	return (struct breaker){ .failures_max = failures_max, .open_us = open_us };
}

static void enter(struct breaker *breaker, enum breaker_state state)
{
	breaker->state = state;
	breaker->entered[state]++;
}

static void open_it(struct breaker *breaker, int64_t now_us)
{
	breaker->opened_at_us = now_us;
	enter(breaker, BREAKER_OPEN);
}

static bool may_try_again(const struct breaker *breaker, int64_t now_us)
{
	if (bug(BUG_BREAKER_STUCK))
		return false;
	return now_us - breaker->opened_at_us >= breaker->open_us;
}

enum admission breaker_admit(struct breaker *breaker, int64_t now_us)
{
	if (breaker->state == BREAKER_CLOSED)
		return ADMITTED;
	if (breaker->state == BREAKER_HALF_OPEN || !may_try_again(breaker, now_us))
		return ADMITTED_NOT;
	enter(breaker, BREAKER_HALF_OPEN);
	return ADMITTED_ON_TRIAL;
}

static void report_trial(struct breaker *breaker, bool good, int64_t now_us)
{
	breaker->failures = 0;
	if (good)
		enter(breaker, BREAKER_CLOSED);
	else
		open_it(breaker, now_us);
}

void breaker_report(struct breaker *breaker, enum admission admission, bool good, int64_t now_us)
{
	if (admission == ADMITTED_ON_TRIAL) {
		report_trial(breaker, good, now_us);
		return;
	}
	if (admission == ADMITTED_NOT || breaker->state != BREAKER_CLOSED)
		return;
	breaker->failures = good ? 0 : breaker->failures + 1;
	if (breaker->failures_max > 0 && breaker->failures >= breaker->failures_max)
		open_it(breaker, now_us);
}

enum breaker_state breaker_now(const struct breaker *breaker, int64_t now_us)
{
	if (breaker->state == BREAKER_OPEN && may_try_again(breaker, now_us))
		return BREAKER_HALF_OPEN;
	return breaker->state;
}

const char *breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = { "closed", "open", "half-open" };

	return names[state];
}
