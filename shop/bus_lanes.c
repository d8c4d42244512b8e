#include <assert.h>
#include <search.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "shop/bus.h"

struct subscriber *find_subscriber(struct bus *bus, const char *name)
{
	struct subscriber *at = bus->subscribers;

	while (at && strcmp(at->name, name) != 0)
		at = at->next;
	return at;
}

struct subscriber *add_subscriber(struct bus *bus, const char *name)
{
	struct subscriber *subscriber = find_subscriber(bus, name);

	if (subscriber)
		return subscriber;
	subscriber = memory_new(sizeof(*subscriber));
	subscriber->bus = bus;
	subscriber->name = memory_copy_string(name);
	subscriber->types = json_object();
	subscriber->next = bus->subscribers;
	bus->subscribers = subscriber;
	return subscriber;
}

/* --- lanes --- */

static int compare_lanes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void make_ready(struct lane *lane)
{
	struct subscriber *subscriber = lane->subscriber;

	lane->state = LANE_READY;
	lane->next = NULL;
	if (subscriber->ready)
		subscriber->ready_last->next = lane;
	else
		subscriber->ready = lane;
	subscriber->ready_last = lane;
	subscriber->ready_count++;
}

static struct lane *new_lane(struct subscriber *subscriber, const char *aggregate)
{
	struct lane *lane = memory_new(sizeof(*lane));

	lane->aggregate = memory_copy_string(aggregate);
	lane->subscriber = subscriber;
	tsearch(lane, &subscriber->lanes, compare_lanes);
	make_ready(lane);
	return lane;
}

static struct lane *lane_of(struct subscriber *subscriber, const char *aggregate)
{
	const char *const *key = &aggregate;
	void *found = tfind(key, &subscriber->lanes, compare_lanes);

	return found ? *(struct lane **)found : new_lane(subscriber, aggregate);
}

static void free_lane(struct lane *lane)
{
	tdelete(lane, &lane->subscriber->lanes, compare_lanes);
	if (lane->timer)
		event_free(lane->timer);
	free(lane->aggregate);
	free(lane);
}

/*
 * Behind what is on its way, before what came later; nearly always that is the end. False: it is
 * there already.
 */
static bool insert(struct lane *lane, struct delivery *delivery)
{
	struct delivery **at = &lane->first;

	if (lane->last && lane->last->position < delivery->position)
		at = &lane->last->next; /* whatever is taken lies before it */
	else
		for (int i = 0; *at && i < lane->taken; i++)
			at = &(*at)->next;
	while (*at && (*at)->position < delivery->position)
		at = &(*at)->next;
	if (*at && (*at)->position == delivery->position)
		return false;
	delivery->next = *at;
	*at = delivery;
	if (!delivery->next)
		lane->last = delivery;
	return true;
}

void queue_delivery(struct subscriber *subscriber, int64_t position, const char *aggregate,
		    int failed)
{
	struct delivery *delivery = memory_new(sizeof(*delivery));

	delivery->position = position;
	delivery->failed = failed;
	if (insert(lane_of(subscriber, aggregate), delivery))
		subscriber->pending++;
	else
		free(delivery);
}

struct lane *take_ready(struct subscriber *subscriber)
{
	struct lane *lane = subscriber->ready;

	if (!lane)
		return NULL;
	subscriber->ready = lane->next;
	subscriber->ready_count--;
	lane->state = LANE_UNDER_WAY;
	return lane;
}

void take_back(struct lane *lane)
{
	assert(lane->state == LANE_UNDER_WAY);
	lane->taken = 0;
}

void remove_first(struct lane *lane)
{
	struct delivery *delivery = lane->first;

	lane->first = delivery->next;
	if (!lane->first)
		lane->last = NULL;
	if (lane->taken > 0)
		lane->taken--;
	lane->tries = 0;
	lane->subscriber->pending--;
	free(delivery);
}

void lane_goes_on(struct lane *lane)
{
	if (lane->first)
		make_ready(lane);
	else
		free_lane(lane);
}

static void waited(evutil_socket_t fd, short what, void *context)
{
	struct lane *lane = context;

	(void)fd;
	(void)what;
	make_ready(lane);
	wake_subscriber(lane->subscriber);
}

void park_lane(struct lane *lane, int64_t wait_us)
{
	struct timeval wait = { .tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000 };

	lane->state = LANE_PARKED;
	if (!lane->timer)
		lane->timer = event_new(lane->subscriber->bus->service->base, -1, 0, waited, lane);
	event_add(lane->timer, &wait);
}
