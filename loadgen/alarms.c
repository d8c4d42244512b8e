#include "loadgen/alarms.h"

#include <stdlib.h>

#include "lib/memory.h"

enum { CHILDREN = 4 };

void alarms_release(struct alarms *alarms)
{
	if (!alarms)
		return;
	for (size_t i = 0; i < alarms->count; i++)
		alarms->heap[i].alarm->place = 0;
	free(alarms->heap);
	*alarms = (struct alarms)ALARMS_EMPTY;
}

static void put(struct alarms *alarms, size_t at, struct alarm_place place)
{
	alarms->heap[at] = place;
	place.alarm->place = (uint32_t)at + 1;
}

static void rise(struct alarms *alarms, size_t at, struct alarm_place place)
{
	while (at > 0) {
		size_t parent = (at - 1) / CHILDREN;

		if (alarms->heap[parent].due_us <= place.due_us)
			break;
		put(alarms, at, alarms->heap[parent]);
		at = parent;
	}
	put(alarms, at, place);
}

static size_t first_child(const struct alarms *alarms, size_t at)
{
	size_t child = at * CHILDREN + 1;
	size_t end = child + CHILDREN < alarms->count ? child + CHILDREN : alarms->count;
	size_t first = child;

	for (; child < end; child++)
		if (alarms->heap[child].due_us < alarms->heap[first].due_us)
			first = child;
	return first;
}

static void sink(struct alarms *alarms, size_t at, struct alarm_place place)
{
	for (;;) {
		size_t child = first_child(alarms, at);

		if (child >= alarms->count || alarms->heap[child].due_us >= place.due_us)
			break;
		put(alarms, at, alarms->heap[child]);
		at = child;
	}
	put(alarms, at, place);
}

static void settle(struct alarms *alarms, size_t at, struct alarm_place place)
{
	if (at > 0 && alarms->heap[(at - 1) / CHILDREN].due_us > place.due_us)
		rise(alarms, at, place);
	else
		sink(alarms, at, place);
}

void alarms_set(struct alarms *alarms, struct alarm *alarm, int64_t due_us)
{
	struct alarm_place place = { due_us, alarm };

	alarm->due_us = due_us;
	if (alarm->place) {
		settle(alarms, alarm->place - 1, place);
		return;
	}
	alarms->heap =
		memory_grow(alarms->heap, alarms->count, &alarms->room, sizeof(*alarms->heap));
	rise(alarms, alarms->count++, place);
}

void alarms_clear(struct alarms *alarms, struct alarm *alarm)
{
	size_t at = alarm->place - 1;
	struct alarm_place last;

	if (!alarm->place)
		return;
	alarm->place = 0;
	last = alarms->heap[--alarms->count];
	if (at < alarms->count)
		settle(alarms, at, last);
}

struct alarm *alarms_due(struct alarms *alarms, int64_t now_us)
{
	struct alarm *alarm;

	if (alarms_next_us(alarms) > now_us || !alarms->count)
		return NULL;
	alarm = alarms->heap[0].alarm;
	alarms_clear(alarms, alarm);
	return alarm;
}
