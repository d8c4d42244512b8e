#include "loadgen/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/random.h"
#include "loadgen/timeouts.h"
#include "tests/unit/tap.h"

static struct loop *loop;

static void stop(void *context)
{
	(void)context;
	loop_stop(loop);
}

static void run_for(int64_t us)
{
	struct alarm end = { 0 };

	alarm_set(loop, &end, clock_now_us() + us, stop, NULL);
	loop_run(loop);
	alarm_clear(loop, &end);
}

/* --- order --- */

enum { MANY = 2000 };

struct bell {
	struct alarm alarm;
	int64_t due_us;
	bool rang, cleared;
};

static int64_t last_due_us;
static int out_of_order, early, rang;

static void bell_rang(void *context)
{
	struct bell *bell = context;

	bell->rang = true;
	rang++;
	out_of_order += bell->due_us < last_due_us;
	early += clock_now_us() < bell->due_us;
	last_due_us = bell->due_us;
}

static void test_order(void)
{
	struct bell *bells = memory_array(MANY, sizeof(*bells));
	struct random random = random_stream(7, "bells", 0);
	int64_t start_us = clock_now_us() + 20000;
	int wrong = 0;

	for (int i = 0; i < MANY; i++) {
		bells[i].due_us = start_us + (int64_t)random_below(&random, 50000);
		alarm_set(loop, &bells[i].alarm, bells[i].due_us, bell_rang, &bells[i]);
	}
	for (int i = 0; i < MANY; i += 3) { /* moved, earlier or later */
		bells[i].due_us = start_us + (int64_t)random_below(&random, 50000);
		alarm_set(loop, &bells[i].alarm, bells[i].due_us, bell_rang, &bells[i]);
	}
	for (int i = 0; i < MANY; i += 7) {
		alarm_clear(loop, &bells[i].alarm);
		alarm_clear(loop, &bells[i].alarm); /* twice is harmless */
		bells[i].cleared = true;
	}
	run_for(120000);
	for (int i = 0; i < MANY; i++)
		wrong += bells[i].rang == bells[i].cleared || bells[i].alarm.place;
	CHECK_INT(wrong, 0);
	CHECK_INT(out_of_order, 0);
	CHECK_INT(early, 0);
	free(bells);
}

/* --- on time --- */

enum { PACE_PER_S = 5000, PACED = 5000 };

static struct alarm pace;
static int64_t pace_start_us, lags[PACED];
static int paced;

static void next_pace(void *context)
{
	(void)context;
	lags[paced++] = clock_now_us() - pace.due_us;
	if (paced == PACED)
		loop_stop(loop);
	else
		alarm_set(loop, &pace, pace_start_us + paced * US_PER_S / PACE_PER_S, next_pace,
			  NULL);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void test_pace(void)
{
	pace_start_us = clock_now_us() + 1000;
	alarm_set(loop, &pace, pace_start_us, next_pace, NULL);
	loop_run(loop);
	qsort(lags, PACED, sizeof(*lags), by_size);
	printf("# lag at %d/s: p50 %d us, p99 %d us, p99.9 %d us, max %d us\n", PACE_PER_S,
	       (int)lags[PACED / 2], (int)lags[PACED * 99 / 100], (int)lags[PACED * 999 / 1000],
	       (int)lags[PACED - 1]);
	CHECK(lags[0] >= 0);
	CHECK(lags[PACED / 2] <
	      2000); /* the machine may be busy; an idle core has a p99 below 100 */
}

/* --- neither side starves --- */

static struct alarm restless;
static int rings_without_data, most_rings_without_data;

static void ring_again(void *context)
{
	(void)context;
	if (++rings_without_data > most_rings_without_data)
		most_rings_without_data = rings_without_data;
	alarm_set(loop, &restless, loop_now(loop), ring_again, NULL);
}

static void data_came(evutil_socket_t fd, short events, void *context)
{
	(void)fd, (void)events, (void)context;
	rings_without_data = 0; /* the byte is left there: always readable */
}

static void test_starving(void)
{
	int pair[2];
	struct event *event;

	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CHECK_INT(write(pair[1], "x", 1), 1);
	event = event_new(loop_base(loop), pair[0], EV_READ | EV_PERSIST, data_came, NULL);
	event_add(event, NULL);
	alarm_set(loop, &restless, loop_now(loop), ring_again, NULL);
	run_for(50000);
	alarm_clear(loop, &restless);
	event_free(event);
	close(pair[0]);
	close(pair[1]);
	CHECK(most_rings_without_data > 0);
	CHECK(most_rings_without_data <= 128);
}

/* --- now --- */

static int64_t now_of_first, now_of_second, turn_of_first, turn_of_second;

static void first(void *context)
{
	(void)context;
	now_of_first = loop_now(loop);
	turn_of_first = (int64_t)loop_turn(loop);
	usleep(30000);
}

static void second(void *context)
{
	(void)context;
	now_of_second = loop_now(loop);
	turn_of_second = (int64_t)loop_turn(loop);
	CHECK(loop_clock(loop) >= now_of_first + 30000);
	CHECK(loop_now(loop) >= now_of_first + 30000);
}

static void test_now(void)
{
	struct alarm a = { 0 }, b = { 0 };

	loop_longest_turn(loop);
	alarm_set(loop, &a, 0, first, NULL);
	alarm_set(loop, &b, 1, second, NULL);
	run_for(60000);
	CHECK_INT(turn_of_first, turn_of_second);
	CHECK_INT(now_of_first, now_of_second);
	CHECK(loop_longest_turn(loop) >= 30000);
	run_for(60000);
	CHECK(loop_longest_turn(loop) < 30000); /* waiting is not part of a turn */
}

/* --- timeouts --- */

struct patience {
	struct timeout timeout;
	int64_t due_us;
	int64_t late_us;
	int times;
};

static void expired(void *context)
{
	struct patience *patience = context;

	patience->late_us = clock_now_us() - patience->due_us;
	patience->times++;
}

static void test_timeouts(void)
{
	struct patience *all = memory_array(MANY, sizeof(*all));
	struct random random = random_stream(7, "patience", 0);
	int64_t start_us = clock_now_us(), latest_us = 0;
	int wrong = 0, too_early = 0;

	for (int i = 0; i < MANY; i++) {
		all[i].due_us = start_us + (int64_t)random_below(&random, 200000);
		timeout_set(loop, &all[i].timeout, all[i].due_us, expired, &all[i]);
	}
	for (int i = 0; i < MANY; i += 2) { /* set again, as each request does */
		all[i].due_us = start_us + (int64_t)random_below(&random, 200000);
		timeout_set(loop, &all[i].timeout, all[i].due_us, expired, &all[i]);
	}
	for (int i = 0; i < MANY; i += 5)
		timeout_clear(&all[i].timeout);
	run_for(300000);
	for (int i = 0; i < MANY; i++) {
		wrong += all[i].times != (i % 5 ? 1 : 0) || timeout_is_set(&all[i].timeout);
		too_early += all[i].times && all[i].late_us < 0;
		if (all[i].times && all[i].late_us > latest_us)
			latest_us = all[i].late_us;
	}
	printf("# the latest timeout was %d us late\n", (int)latest_us);
	CHECK_INT(wrong, 0);
	CHECK_INT(too_early, 0);
	CHECK(latest_us < 50000);
	free(all);
}

/* A wheel driven by hand, so that hours pass in no time. */
static void test_rounds(void)
{
	struct timeouts *wheel = memory_new(sizeof(*wheel));
	struct patience soon = { .times = 0 }, late = { .times = 0 }, never = { .times = 0 };
	const int64_t hour_us = 3600 * US_PER_S;

	soon.timeout.expired = late.timeout.expired = never.timeout.expired = expired;
	soon.timeout.context = &soon;
	late.timeout.context = &late;
	never.timeout.context = &never;
	timeouts_init(wheel, 0);
	CHECK_INT(timeouts_next_us(wheel), INT64_MAX);
	timeouts_set(wheel, &soon.timeout, hour_us + 100);
	timeouts_set(wheel, &late.timeout, hour_us + 30 * US_PER_S);
	timeouts_set(wheel, &never.timeout, 3 * hour_us);
	timeouts_expire(wheel, hour_us, 10);
	CHECK_INT(soon.times, 0);
	timeouts_expire(wheel, hour_us + 3000, 10);
	CHECK_INT(soon.times, 1);
	for (int64_t now_us = hour_us; now_us < hour_us + 29 * US_PER_S; now_us += 100000)
		timeouts_expire(wheel, now_us, 10);
	CHECK_INT(late.times, 0);
	CHECK(timeouts_next_us(wheel) <= hour_us + 31 * US_PER_S);
	timeouts_expire(wheel, hour_us + 100 * US_PER_S,
			10); /* as after a SIGSTOP: rounds at once */
	CHECK_INT(late.times, 1);
	CHECK_INT(never.times, 0);
	timeouts_release(wheel);
	CHECK(!timeout_is_set(&never.timeout));
	free(wheel);
}

static struct patience again;
static int agains;

static void expire_again(void *context)
{
	(void)context;
	if (++agains < 5)
		timeout_set(loop, &again.timeout, loop_now(loop) + 1000, expire_again, NULL);
	else
		loop_stop(loop);
}

static void test_again(void)
{
	int64_t start_us = clock_now_us();

	timeout_set(loop, &again.timeout, start_us - 1000, expire_again, NULL);
	loop_run(loop);
	CHECK_INT(agains, 5);
	CHECK(clock_now_us() - start_us >= 4000);
}

int main(void)
{
	struct error error;

	loop = loop_new(&error);
	if (!loop) {
		printf("Bail out! %s\n", error.text);
		return 1;
	}
	TEST("alarms ring in order, never early, and not when cleared")
		test_order();
	TEST("alarms at 5,000/s are on time")
		test_pace();
	TEST("alarms that are always due do not starve descriptors")
		test_starving();
	TEST("now is one moment per turn, and a long turn is noticed")
		test_now();
	TEST("timeouts expire once, never early")
		test_timeouts();
	TEST("timeouts live through rounds of the wheel and a stopped clock")
		test_rounds();
	TEST("a timeout may set itself again")
		test_again();
	loop_free(loop);
	return tap_done();
}
