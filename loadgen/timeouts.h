/*
 * timeouts: coarse, and nearly free to set and to clear. A hashed wheel.
 *
 * A slot is 1.024 ms; a timeout hangs in the slot of its due time, however many rounds of the wheel
 * away that is, and is looked at once a round until it is due. Setting puts it at the head of the
 * list of its slot, clearing unlinks it. A bit per slot says which lists may not be empty, so that
 * the next one to look at is found without walking 8192 slots.
 *
 * Part of loadgen/loop; nobody else includes this.
 */
#ifndef LOADGEN_TIMEOUTS_H
#define LOADGEN_TIMEOUTS_H

#include "loadgen/loop.h"

enum { TIMEOUT_SLOT_BITS = 10, TIMEOUT_SLOTS = 8192 };

struct timeouts {
	struct timeout *slots[TIMEOUT_SLOTS];
	uint64_t used[TIMEOUT_SLOTS / 64];
	struct timeout *due;  /* taken out of its slot, about to expire */
	int64_t tick;         /* slots before this one were looked at */
	int64_t next_tick;    /* nothing is before this one; INT64_MAX: nothing at all */
};

void timeouts_init(struct timeouts *timeouts, int64_t now_us);
void timeouts_release(struct timeouts *timeouts); /* what is set is no longer */

void timeouts_set(struct timeouts *timeouts, struct timeout *timeout, int64_t due_us);

/* Calls what is due. At most so many; true: there is more. */
bool timeouts_expire(struct timeouts *timeouts, int64_t now_us, unsigned most);

/* When to look again. Never early, up to a slot late. */
static inline int64_t timeouts_next_us(const struct timeouts *timeouts)
{
	if (timeouts->due)
		return 0;
	return timeouts->next_tick == INT64_MAX ? INT64_MAX :
						  (timeouts->next_tick + 1) << TIMEOUT_SLOT_BITS;
}

#endif
