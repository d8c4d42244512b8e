#include "loadgen/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/alarms.h"
#include "loadgen/timeouts.h"

/* How much may ring in one turn before descriptors get their chance again. */
enum { RINGS_PER_TURN = 64 };

struct loop {
	struct event_base *base;
	struct event *timer_event;
	int timer;          /* a timerfd */
	bool stopped;
	bool fresh;         /* now_us is of this turn */
	int64_t now_us;
	int64_t began_us;   /* this turn, if fresh */
	int64_t longest_us;
	int64_t armed_us;   /* when the timer fires; INT64_MAX: it does not */
	uint64_t turn;
	struct alarms alarms;
	struct timeouts timeouts;
};

static void timer_fired(evutil_socket_t timer, short events, void *context)
{
	struct loop *loop = context;

	(void)timer, (void)events;
	loop->armed_us = INT64_MAX; /* waking up was all; the turn rings what is due */
	loop_now(loop);
}

/*
 * The timer is a timerfd of our own with absolute deadlines, edge-triggered so that it need not be
 * read. libevent's precise timers are one too, but cost a system call in every turn.
 */
static bool timer_open(struct loop *loop, struct error *err)
{
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer < 0)
		return error_errno(err, "cannot create a timer");
	loop->timer_event =
		event_new(loop->base, loop->timer, EV_READ | EV_PERSIST | EV_ET, timer_fired, loop);
	if (!loop->timer_event || event_add(loop->timer_event, NULL) < 0)
		return error_set(err, "cannot watch the timer");
	return true;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_new(struct error *err)
{
	struct loop *loop = memory_new(sizeof(*loop));

	loop->timer = -1;
	loop->armed_us = INT64_MAX;
	loop->now_us = clock_now_us();
	timeouts_init(&loop->timeouts, loop->now_us);
	prctl(PR_SET_TIMERSLACK, 1UL);
	loop->base = base_new();
	if (!loop->base)
		error_set(err, "cannot create an event loop");
	if (!loop->base || !timer_open(loop, err)) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	alarms_release(&loop->alarms);
	timeouts_release(&loop->timeouts);
	if (loop->timer_event)
		event_free(loop->timer_event);
	if (loop->timer >= 0)
		close(loop->timer);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int64_t loop_clock(struct loop *loop)
{
	loop->now_us = clock_now_us();
	if (!loop->fresh) {
		loop->fresh = true;
		loop->began_us = loop->now_us;
	}
	return loop->now_us;
}

int64_t loop_now(struct loop *loop)
{
	return loop->fresh ? loop->now_us : loop_clock(loop);
}

uint64_t loop_turn(const struct loop *loop)
{
	return loop->turn;
}

int64_t loop_longest_turn(struct loop *loop)
{
	int64_t longest_us = loop->longest_us;

	loop->longest_us = 0;
	return longest_us;
}

void alarm_set(struct loop *loop, struct alarm *alarm, int64_t due_us, alarm_rang *rang,
	       void *context)
{
	alarm->rang = rang;
	alarm->context = context;
	alarms_set(&loop->alarms, alarm, due_us);
}

void alarm_clear(struct loop *loop, struct alarm *alarm)
{
	alarms_clear(&loop->alarms, alarm);
}

void timeout_set(struct loop *loop, struct timeout *timeout, int64_t due_us, alarm_rang *expired,
		 void *context)
{
	timeout->expired = expired;
	timeout->context = context;
	timeouts_set(&loop->timeouts, timeout, due_us);
}

static int64_t next_us(const struct loop *loop)
{
	int64_t alarm_us = alarms_next_us(&loop->alarms);
	int64_t timeout_us = timeouts_next_us(&loop->timeouts);

	return alarm_us < timeout_us ? alarm_us : timeout_us;
}

/* A timer that fires too early is left alone: waking up once for nothing is cheaper. */
static void timer_arm(struct loop *loop, int64_t due_us)
{
	struct itimerspec at = { .it_value = { due_us / US_PER_S, due_us % US_PER_S * 1000 } };

	if (due_us >= loop->armed_us)
		return;
	timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &at, NULL);
	loop->armed_us = due_us;
}

/* Alarms first, they are the exact ones. What they set for now rings in this turn too. */
static void ring(struct loop *loop)
{
	int64_t now_us = loop_clock(loop);
	struct alarm *alarm;

	for (int i = 0; i < RINGS_PER_TURN && (alarm = alarms_due(&loop->alarms, now_us)); i++)
		alarm->rang(alarm->context);
	if (timeouts_next_us(&loop->timeouts) <= now_us)
		timeouts_expire(&loop->timeouts, now_us, RINGS_PER_TURN);
}

static void turn_over(struct loop *loop)
{
	int64_t took_us = loop_clock(loop) - loop->began_us;

	if (took_us > loop->longest_us)
		loop->longest_us = took_us;
	loop->fresh = false;
	loop->turn++;
}

static void turn(struct loop *loop)
{
	int64_t due_us = next_us(loop);
	int flags = EVLOOP_ONCE;

	if (due_us <= loop->now_us || loop->stopped)
		flags |= EVLOOP_NONBLOCK;
	else if (due_us != INT64_MAX)
		timer_arm(loop, due_us);
	event_base_loop(loop->base, flags);
	ring(loop);
	turn_over(loop);
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	loop->now_us = clock_now_us();
	loop->fresh = false;
	do
		turn(loop);
	while (!loop->stopped);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
