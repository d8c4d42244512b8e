#include "loadgen/timeouts.h"

#include <string.h>

static size_t slot_of(int64_t tick)
{
	return (size_t)tick & (TIMEOUT_SLOTS - 1);
}

static void link_at(struct timeout **head, struct timeout *timeout)
{
	timeout->next = *head;
	timeout->link = head;
	if (timeout->next)
		timeout->next->link = &timeout->next;
	*head = timeout;
}

void timeout_clear(struct timeout *timeout)
{
	if (!timeout->link)
		return;
	*timeout->link = timeout->next;
	if (timeout->next)
		timeout->next->link = timeout->link;
	timeout->link = NULL;
}

void timeouts_init(struct timeouts *timeouts, int64_t now_us)
{
	memset(timeouts, 0, sizeof(*timeouts));
	timeouts->tick = now_us >> TIMEOUT_SLOT_BITS;
	timeouts->next_tick = INT64_MAX;
}

void timeouts_release(struct timeouts *timeouts)
{
	for (size_t i = 0; i < TIMEOUT_SLOTS; i++)
		while (timeouts->slots[i])
			timeout_clear(timeouts->slots[i]);
	while (timeouts->due)
		timeout_clear(timeouts->due);
}

void timeouts_set(struct timeouts *timeouts, struct timeout *timeout, int64_t due_us)
{
	int64_t tick = due_us >> TIMEOUT_SLOT_BITS;
	size_t slot;

	timeout_clear(timeout);
	timeout->due_us = due_us;
	if (tick < timeouts->tick)
		tick = timeouts->tick; /* due already: the next slot that is looked at */
	slot = slot_of(tick);
	link_at(&timeouts->slots[slot], timeout);
	timeouts->used[slot / 64] |= UINT64_C(1) << slot % 64;
	if (tick < timeouts->next_tick)
		timeouts->next_tick = tick;
}

/* The first tick from `tick` on whose slot may be used, a round later at most; INT64_MAX: none. */
static int64_t next_used(const struct timeouts *timeouts, int64_t tick)
{
	const size_t words = TIMEOUT_SLOTS / 64;
	size_t first = slot_of(tick) / 64;
	uint64_t bits = timeouts->used[first] >> slot_of(tick) % 64;

	if (bits)
		return tick + __builtin_ctzll(bits);
	tick += 64 - (int64_t)(slot_of(tick) % 64);
	for (size_t i = 1; i <= words; i++, tick += 64)
		if ((bits = timeouts->used[(first + i) % words]))
			return tick + __builtin_ctzll(bits);
	return INT64_MAX;
}

/* Moves what was due before `end` out of the slot of `tick`; what stays is for a later round. */
static void sweep(struct timeouts *timeouts, int64_t tick, int64_t end)
{
	struct timeout **head = &timeouts->slots[slot_of(tick)], *each = *head, *next;

	for (; each; each = next) {
		next = each->next;
		if (each->due_us >> TIMEOUT_SLOT_BITS >= end)
			continue;
		timeout_clear(each);
		link_at(&timeouts->due, each);
	}
	if (!*head)
		timeouts->used[slot_of(tick) / 64] &= ~(UINT64_C(1) << slot_of(tick) % 64);
}

bool timeouts_expire(struct timeouts *timeouts, int64_t now_us, unsigned most)
{
	int64_t end = now_us >> TIMEOUT_SLOT_BITS; /* slots that are over */
	int64_t tick = timeouts->next_tick;
	int64_t stop =
		end - tick > TIMEOUT_SLOTS ? tick + TIMEOUT_SLOTS : end; /* one round is all */

	for (; tick < stop; tick = next_used(timeouts, tick + 1))
		sweep(timeouts, tick, end);
	if (timeouts->tick < end)
		timeouts->tick = end;
	timeouts->next_tick = tick < timeouts->tick ? next_used(timeouts, timeouts->tick) : tick;
	while (timeouts->due && most--) {
		struct timeout *timeout = timeouts->due;

		timeout_clear(timeout);
		timeout->expired(timeout->context);
	}
	return timeouts->due != NULL;
}
