#include "shop/limiter.h"

#include <stdio.h>

#include "lib/clock.h"
#include "tests/unit/tap.h"

static const struct text anna = { "anna", 4 }, bert = { "bert", 4 };

static bool take(struct limiter *limiter, struct text key, int64_t now_us)
{
	int64_t wait_us;

	return limiter_take(limiter, key, now_us, &wait_us);
}

/* How many of those asked for, evenly, in `duration_us` were let through. */
static int taken_in(struct limiter *limiter, struct text key, int64_t from_us, int64_t duration_us,
		    int asked)
{
	int taken = 0;

	for (int i = 0; i < asked; i++)
		taken += take(limiter, key, from_us + duration_us * i / asked);
	return taken;
}

static void test_rate(void)
{
	TEST("burst at once, then the rate") {
		struct limiter *limiter = limiter_new(100.0, 20.0);

		CHECK_INT(taken_in(limiter, anna, 1, 0, 100), 20);
		CHECK_INT(taken_in(limiter, anna, 1, 10 * US_PER_S, 5000), 999);
		limiter_free(limiter);
	}
	TEST("a bucket never holds more than the burst") {
		struct limiter *limiter = limiter_new(100.0, 20.0);

		take(limiter, anna, 1);
		CHECK_INT(taken_in(limiter, anna, 3600 * US_PER_S, 0, 100), 20);
		limiter_free(limiter);
	}
	TEST("in no second more than burst and rate, however it is asked for") {
		struct limiter *limiter = limiter_new(50.0, 10.0);
		int64_t now_us = 1;

		for (int second = 0; second < 100; second++) {
			now_us += second * 7919 % 3000 * US_PER_MS;
			CHECK(taken_in(limiter, anna, now_us, US_PER_S, 1 + second * 31 % 300) <=
			      60);
			now_us += US_PER_S;
		}
		limiter_free(limiter);
	}
	TEST("slow limits count too") {
		struct limiter *limiter = limiter_new(100.0 / 60.0, 100.0);

		CHECK_INT(taken_in(limiter, anna, 1, 60 * US_PER_S, 6000), 199);
		limiter_free(limiter);
	}
}

static void test_wait(void)
{
	TEST("who waits as long as told is let through, and not before") {
		struct limiter *limiter = limiter_new(10.0, 1.0);
		int64_t wait_us;

		CHECK(limiter_take(limiter, anna, 1000, &wait_us));
		CHECK_INT(wait_us, 0);
		CHECK(!limiter_take(limiter, anna, 1000, &wait_us));
		CHECK_INT(wait_us, 100 * US_PER_MS);
		CHECK(!take(limiter, anna, 1000 + wait_us - 10));
		CHECK(take(limiter, anna, 1000 + wait_us));
		limiter_free(limiter);
	}
	TEST("a clock that stands or goes back gives nothing") {
		struct limiter *limiter = limiter_new(1000.0, 1.0);

		CHECK(take(limiter, anna, US_PER_S));
		CHECK(!take(limiter, anna, US_PER_S));
		CHECK(!take(limiter, anna, 1));
		CHECK(!take(limiter, anna, US_PER_S));
		limiter_free(limiter);
	}
	TEST("what is given back can be taken again, but no more than that") {
		struct limiter *limiter = limiter_new(1.0, 2.0);

		CHECK_INT(taken_in(limiter, anna, 1, 0, 5), 2);
		for (int i = 0; i < 5; i++)
			limiter_return(limiter, anna);
		CHECK_INT(taken_in(limiter, anna, 1, 0, 5), 2);
		limiter_return(limiter, bert);
		limiter_free(limiter);
	}
	TEST("a rate of 0 is no limit") {
		struct limiter *limiter = limiter_new(0.0, 0.0);

		CHECK_INT(taken_in(limiter, anna, 1, 0, 10000), 10000);
		limiter_free(limiter);
		limiter_free(NULL);
	}
}

static void test_keys(void)
{
	TEST("one does not take from the other") {
		struct limiter *limiter = limiter_new(1.0, 3.0);

		CHECK_INT(taken_in(limiter, anna, 1, 0, 10), 3);
		CHECK_INT(taken_in(limiter, bert, 1, 0, 10), 3);
		CHECK_INT(taken_in(limiter, (struct text){ "", 0 }, 1, 0, 10), 3);
		limiter_free(limiter);
	}
	TEST("five thousand busy at a time are kept apart, all within their limit") {
		struct limiter *limiter = limiter_new(1.0, 5.0);
		char name[24];
		int taken = 0, rounds = 10, users = 5000;

		for (int round = 0; round < rounds; round++)
			for (int user = 0; user < users; user++) {
				snprintf(name, sizeof(name), "usr_%d", user);
				taken += take(limiter, text_of(name), 1 + round);
			}
		CHECK_NEAR(taken, 5.0 * users, users * 0.001);
		limiter_free(limiter);
	}
	TEST("a flood of addresses takes no memory, and nobody's place who is busy") {
		struct limiter *limiter = limiter_new(0.001, 10.0);
		char name[24];

		CHECK_INT(taken_in(limiter, anna, 1, 0, 100), 10);
		for (int i = 0; i < 300000; i++) {
			snprintf(name, sizeof(name), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
			take(limiter, text_of(name), 2);
		}
		CHECK_INT(taken_in(limiter, anna, 3, 0, 100), 0);
		limiter_free(limiter);
	}
}

int main(void)
{
	test_rate();
	test_wait();
	test_keys();
	return tap_done();
}
