/* A heap of alarms over one timerfd, which is set again only when an earlier alarm comes. */
#include "chaos/proxy_parts.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/memory.h"

static void alarm_place(struct alarms *alarms, struct alarm *alarm, size_t place)
{
	alarms->heap[place] = alarm;
	alarm->place = place;
}

static void alarm_rise(struct alarms *alarms, struct alarm *alarm)
{
	size_t place = alarm->place;

	while (place > 1 && alarms->heap[place / 2]->at_us > alarm->at_us) {
		alarm_place(alarms, alarms->heap[place / 2], place);
		place /= 2;
	}
	alarm_place(alarms, alarm, place);
}

static void alarm_sink(struct alarms *alarms, struct alarm *alarm)
{
	size_t place = alarm->place;

	for (;;) {
		size_t child = place * 2;

		if (child > alarms->count)
			break;
		if (child < alarms->count &&
		    alarms->heap[child + 1]->at_us < alarms->heap[child]->at_us)
			child++;
		if (alarms->heap[child]->at_us >= alarm->at_us)
			break;
		alarm_place(alarms, alarms->heap[child], place);
		place = child;
	}
	alarm_place(alarms, alarm, place);
}

static void alarm_remove(struct alarms *alarms, struct alarm *alarm)
{
	struct alarm *last = alarms->heap[alarms->count--];

	if (last != alarm) {
		alarm_place(alarms, last, alarm->place);
		alarm_rise(alarms, last);
		alarm_sink(alarms, last);
	}
	alarm->place = 0;
}

/* A timer that rings too early only costs a look; so it is never put off. */
static void timer_set(struct alarms *alarms)
{
	struct itimerspec when = { 0 };
	int64_t at_us = alarms->count ? alarms->heap[1]->at_us : NEVER_US;

	if (at_us >= alarms->timer_us)
		return;
	if (at_us < 1)
		at_us = 1;
	when.it_value.tv_sec = at_us / US_PER_S;
	when.it_value.tv_nsec = at_us % US_PER_S * 1000;
	timerfd_settime(alarms->timer, TFD_TIMER_ABSTIME, &when, NULL);
	alarms->timer_us = at_us;
}

/* Only what is due now: an alarm that sets itself again at once waits for the next turn. */
static void timer_rang(evutil_socket_t timer, short what, void *context)
{
	struct alarms *alarms = context;
	int64_t now_us = clock_now_us();
	uint64_t times;

	(void)what;
	if (read(timer, &times, sizeof(times)) < 0)
		return;
	alarms->timer_us = NEVER_US;
	while (alarms->count && alarms->heap[1]->at_us <= now_us) {
		struct alarm *alarm = alarms->heap[1];

		alarm_remove(alarms, alarm);
		alarm->ring(alarm->context, now_us);
	}
	timer_set(alarms);
}

bool proxy_alarms_init(struct alarms *alarms, struct event_base *base, struct error *err)
{
	*alarms = (struct alarms){ .timer_us = NEVER_US };
	alarms->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (alarms->timer < 0)
		return error_errno(err, "cannot make a timer");
	alarms->event = event_new(base, alarms->timer, EV_READ | EV_PERSIST, timer_rang, alarms);
	if (!alarms->event || event_add(alarms->event, NULL) < 0)
		return error_set(err, "cannot wait for a timer");
	return true;
}

void proxy_alarms_release(struct alarms *alarms)
{
	if (alarms->event)
		event_free(alarms->event);
	if (alarms->timer > 0)
		close(alarms->timer);
	free(alarms->heap);
	*alarms = (struct alarms){ 0 };
}

void proxy_alarm_set(struct proxy_core *core, struct alarm *alarm, int64_t at_us)
{
	struct alarms *alarms = &core->alarms;

	alarm->at_us = at_us;
	if (!alarm->place) {
		alarms->heap = memory_grow(alarms->heap, alarms->count + 1, &alarms->room,
					   sizeof(struct alarm *));
		alarm_place(alarms, alarm, ++alarms->count);
	}
	alarm_rise(alarms, alarm);
	alarm_sink(alarms, alarm);
	timer_set(alarms);
}

void proxy_alarm_cancel(struct proxy_core *core, struct alarm *alarm)
{
	if (alarm->place)
		alarm_remove(&core->alarms, alarm);
}
