#include "shop/breaker.h"

#include "shop/bugs.h"
#include "tests/unit/tap.h"

enum { FAILURES = 5, OPEN_US = 1000 };

/* One call that passes or not. */
static bool call(struct breaker *breaker, bool good, int64_t now_us)
{
	enum admission admission = breaker_admit(breaker, now_us);

	if (admission != ADMITTED_NOT)
		breaker_report(breaker, admission, good, now_us);
	return admission != ADMITTED_NOT;
}

static struct breaker opened(int64_t now_us)
{
	struct breaker breaker = breaker_make(FAILURES, OPEN_US);

	for (int i = 0; i < FAILURES; i++)
		call(&breaker, false, now_us);
	return breaker;
}

static void test_opening(void)
{
	TEST("it stays closed below its failures, and opens with the last of them") {
		struct breaker breaker = breaker_make(FAILURES, OPEN_US);

		for (int i = 1; i < FAILURES; i++) {
			CHECK(call(&breaker, false, i));
			CHECK_INT(breaker.state, BREAKER_CLOSED);
		}
		CHECK(call(&breaker, false, FAILURES));
		CHECK_INT(breaker.state, BREAKER_OPEN);
		CHECK_INT(breaker.entered[BREAKER_OPEN], 1);
	}

	TEST("only failures in a row count") {
		struct breaker breaker = breaker_make(FAILURES, OPEN_US);

		for (int i = 0; i < 100; i++)
			call(&breaker, i % FAILURES == 0, i);
		CHECK_INT(breaker.state, BREAKER_CLOSED);
	}

	TEST("with 0 failures it never opens") {
		struct breaker breaker = breaker_make(0, OPEN_US);

		for (int i = 0; i < 100; i++)
			CHECK(call(&breaker, false, i));
	}
}

static void test_open(void)
{
	TEST("open, it lets nothing through before its time") {
		struct breaker breaker = opened(50);

		CHECK(!call(&breaker, true, 50));
		CHECK(!call(&breaker, true, 50 + OPEN_US - 1));
		CHECK_INT(breaker.state, BREAKER_OPEN);
	}

	TEST("after its time it lets one through, and no other while that is under way") {
		struct breaker breaker = opened(0);

		CHECK_INT(breaker_admit(&breaker, OPEN_US), ADMITTED_ON_TRIAL);
		CHECK_INT(breaker.state, BREAKER_HALF_OPEN);
		CHECK_INT(breaker_admit(&breaker, OPEN_US), ADMITTED_NOT);
		CHECK_INT(breaker_admit(&breaker, 100 * OPEN_US), ADMITTED_NOT);
	}

	TEST("a good trial closes it, and the count starts anew") {
		struct breaker breaker = opened(0);

		CHECK(call(&breaker, true, OPEN_US));
		CHECK_INT(breaker.state, BREAKER_CLOSED);
		for (int i = 1; i < FAILURES; i++)
			CHECK(call(&breaker, false, 2 * OPEN_US));
		CHECK_INT(breaker.state, BREAKER_CLOSED);
	}

	TEST("a bad trial opens it for as long again") {
		struct breaker breaker = opened(0);

		CHECK(call(&breaker, false, OPEN_US));
		CHECK_INT(breaker.state, BREAKER_OPEN);
		CHECK(!call(&breaker, true, 2 * OPEN_US - 1));
		CHECK(call(&breaker, true, 2 * OPEN_US));
		CHECK_INT(breaker.state, BREAKER_CLOSED);
		CHECK_INT(breaker.entered[BREAKER_OPEN], 2);
		CHECK_INT(breaker.entered[BREAKER_HALF_OPEN], 2);
		CHECK_INT(breaker.entered[BREAKER_CLOSED], 1);
	}
}

static void test_stragglers(void)
{
	TEST("calls from before it opened change nothing when they end") {
		struct breaker breaker = breaker_make(FAILURES, OPEN_US);
		enum admission early = breaker_admit(&breaker, 0);
		enum admission trial;

		for (int i = 0; i < FAILURES; i++)
			call(&breaker, false, 0);
		breaker_report(&breaker, early, true, 10);
		CHECK_INT(breaker.state, BREAKER_OPEN);
		trial = breaker_admit(&breaker, OPEN_US);
		breaker_report(&breaker, early, true, OPEN_US);
		breaker_report(&breaker, early, false, OPEN_US);
		CHECK_INT(breaker.state, BREAKER_HALF_OPEN);
		breaker_report(&breaker, trial, true, OPEN_US);
		CHECK_INT(breaker.state, BREAKER_CLOSED);
	}

	TEST("with the bug breaker-stuck it never tries again") {
		struct breaker breaker = opened(0);

		bugs_on = UINT64_C(1) << BUG_BREAKER_STUCK;
		CHECK(!call(&breaker, true, 1000 * OPEN_US));
		bugs_on = 0;
		CHECK(call(&breaker, true, 1000 * OPEN_US));
	}
}

int main(void)
{
	test_opening();
	test_open();
	test_stragglers();
	return tap_done();
}
