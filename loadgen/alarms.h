/*
 * alarms: the earliest first. A 4-ary heap, because its nodes share cache lines with their
 * siblings.
 *
 *	alarms_set(&alarms, &alarm);              // alarm.due_us says when
 *	while ((alarm = alarms_due(&alarms, now_us))) alarm->rang(alarm->context);
 *
 * Part of loadgen/loop; nobody else includes this.
 */
#ifndef LOADGEN_ALARMS_H
#define LOADGEN_ALARMS_H

#include <stddef.h>

#include "loadgen/loop.h"

struct alarms {
	struct alarm_place {
		int64_t due_us;
		struct alarm *alarm;
	} *heap;
	size_t count, room;
};

#define ALARMS_EMPTY { NULL, 0, 0 }

void alarms_release(struct alarms *alarms);

void alarms_set(struct alarms *alarms, struct alarm *alarm, int64_t due_us);
void alarms_clear(struct alarms *alarms, struct alarm *alarm);

/* Takes out the first one that is due; NULL: none is. */
struct alarm *alarms_due(struct alarms *alarms, int64_t now_us);

static inline int64_t alarms_next_us(const struct alarms *alarms)
{
	return alarms->count ? alarms->heap[0].due_us : INT64_MAX;
}

#endif
