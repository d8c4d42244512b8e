/*
 * loop: an event loop that is on time.
 *
 * libevent underneath; on top of it one notion of now per turn, alarms with microsecond deadlines,
 * and coarse timeouts that cost nothing to set and to cancel.
 *
 *	struct loop *loop = loop_new(err);
 *	alarm_set(loop, &user->alarm, due_us, wake_user, user);   // exact: think times, starts
 *	timeout_set(loop, &lane->timeout, due_us, expire, lane);  // within 2 ms: request timeouts
 *	loop_run(loop);                                           // until loop_stop()
 *
 * Alarms live in a 4-ary heap, timeouts in a hashed wheel; one timer of the kernel serves both.
 * Callbacks may set and clear any alarm or timeout, their own too.
 *
 * A turn is: wait for events, call their callbacks, then ring what is due. Only so many alarms ring
 * in one turn; when more are due the next turn does not wait, so that neither side starves.
 */
#ifndef LOADGEN_LOOP_H
#define LOADGEN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct event_base;
struct loop;

typedef void alarm_rang(void *context);

struct alarm {
	int64_t due_us;
	uint32_t place; /* in the heap, from 1; 0: not set */
	alarm_rang *rang;
	void *context;
};

struct timeout {
	struct timeout *next, **link; /* link is NULL when not set */
	int64_t due_us;
	alarm_rang *expired;
	void *context;
};

struct loop *loop_new(struct error *err);
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* after this turn */

/* Of this turn: the clock is read by the first who asks in a turn. */
int64_t loop_now(struct loop *loop);
int64_t loop_clock(struct loop *loop); /* reads the clock, and makes it this turn's now */
uint64_t loop_turn(const struct loop *loop); /* the number of this turn */

/* Setting what is set moves it. One that is due already rings in this turn or the next. */
void alarm_set(struct loop *loop, struct alarm *alarm, int64_t due_us, alarm_rang *rang,
	       void *context);
void alarm_clear(struct loop *loop, struct alarm *alarm);

static inline bool alarm_is_set(const struct alarm *alarm)
{
	return alarm->place != 0;
}

void timeout_set(struct loop *loop, struct timeout *timeout, int64_t due_us, alarm_rang *expired,
		 void *context);
void timeout_clear(struct timeout *timeout);

static inline bool timeout_is_set(const struct timeout *timeout)
{
	return timeout->link != NULL;
}

/*
 * Since last asked: the longest time one turn took, without waiting. A turn begins when the clock
 * is first asked for in it, so a callback that may take long should ask loop_now() first.
 */
int64_t loop_longest_turn(struct loop *loop);

#endif
