/*
 * bus: keeps every event, and brings it to each service that subscribed to its type.
 *
 *	POST /internal/publish    {"events": [envelope...]}
 *	     200 {"accepted": 2, "duplicates": 0, "instance": "bus_..."}   when they are on the disk
 *	POST /internal/subscribe  {"service": "payment", "types": ["OrderCreated"]}
 *	     200 {"instance": "bus_..."}; a new type is delivered from the first event on
 *
 * and from the bus to the services
 *
 *	POST /internal/events     {"bus": "bus_...", "events": [envelope...]}
 *	     200 {"acked": [ids], "failed": [ids], "later": [ids]}
 *
 * Order holds per aggregate and subscriber: the events of an aggregate wait in a lane, and the next
 * goes only after the one before it was acknowledged. What failed is tried again after a growing
 * while, and is a dead letter after FAILURES_MAX times, when its lane goes on. What was put off
 * (later) is tried again and again. A subscriber that does not answer is asked again, one batch at
 * a time; that is nobody's failure but its own.
 *
 *	bus.c          what is asked of the bus; its tables
 *	bus_lanes.c    subscribers and their lanes, in memory
 *	bus_deliver.c  batches on their way, and what became of them
 */
#ifndef SHOP_BUS_H
#define SHOP_BUS_H

#include <event2/event.h>

#include "shop/service.h"

enum {
	FAILURES_MAX = 8,
	LATER_MAX = 1000,             /* so that nothing is for ever */
	BATCH_EVENTS_MAX = 64,
	BATCH_BYTES_MAX = 256 * 1024,
	LANE_EVENTS_MAX = 16,         /* of one lane in a batch */
	BATCHES_MAX = 8,              /* under way to one subscriber */
	LINGER_US = 3 * 1000,         /* a small batch waits so long while another is under way */
	CLEAN_AFTER_US = 100 * 1000,  /* one delete for all that was delivered meanwhile */
	AGAIN_FIRST_US = 100 * 1000,
	AGAIN_MAX_US = 5 * 1000 * 1000,
	UNREACHABLE_MAX_US = 1000 * 1000,
	DELIVERY_TIMEOUT_US = 5 * 1000 * 1000, /* well over what inbox.h promises */
};

struct delivery {
	struct delivery *next;
	int64_t position; /* of the event */
	int failed;
};

/*
 * READY      in the subscriber's queue; a batch makes it UNDER_WAY
 * UNDER_WAY  its first `taken` deliveries are in a batch; then READY, PARKED, or gone when empty
 * PARKED     until its timer rings; then READY
 */
enum lane_state { LANE_READY, LANE_UNDER_WAY, LANE_PARKED };

struct lane {
	char *aggregate; /* first: what the tree compares */
	struct subscriber *subscriber;
	struct delivery *first, *last;
	struct lane *next; /* in the queue */
	struct event *timer;
	enum lane_state state;
	int taken;
	int tries; /* in a row without getting on */
};

struct subscriber {
	struct subscriber *next;
	struct bus *bus;
	char *name;
	json_t *types; /* an object used as a set */
	void *lanes;   /* a tree, by aggregate */
	struct lane *ready, *ready_last;
	size_t ready_count, pending;
	int under_way;   /* batches */
	int unreachable; /* in a row */
	int64_t sent_at_us, paused_until_us;
	struct event *turn; /* looks what can be sent */
	int64_t *done;      /* positions that are delivered, and still in the table */
	size_t done_count, done_room;
};

struct bus {
	struct service *service;
	char *instance; /* of this process */
	bool cleaning;  /* what is done goes from the table soon */
	struct subscriber *subscribers;
};

/* bus_lanes.c */
struct subscriber *find_subscriber(struct bus *bus, const char *name);
struct subscriber *add_subscriber(struct bus *bus, const char *name);
void queue_delivery(struct subscriber *subscriber, int64_t position, const char *aggregate,
		    int failed);
struct lane *take_ready(struct subscriber *subscriber); /* NULL: none */
void take_back(struct lane *lane); /* what a batch took is not on its way any more */
void remove_first(struct lane *lane);
void lane_goes_on(struct lane *lane); /* READY, or gone when nothing is left in it */
void park_lane(struct lane *lane, int64_t wait_us);

/* bus_deliver.c */
void wake_subscriber(struct subscriber *subscriber); /* soon sends what can be sent */
void wake_subscriber_in(struct subscriber *subscriber, int64_t wait_us);
void greet_services(struct bus *bus); /* who hears of a new instance subscribes again */

#endif
