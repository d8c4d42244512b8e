/*
 * sync: what happens in one region, told to all others. One per region, when there are several.
 *
 * It hears of every order and every price of its region from the bus, and keeps a copy of each, as
 * it does of those of the other regions:
 *
 *	order ord_17   us   version 4 (the event's sequence)   CONFIRMED
 *	price SKU-3    eu   version 1795176555000000 (when)    1299
 *
 * Of two copies of the same thing the one with the greater (version, region) stays, everywhere and
 * in whatever order they come; so all regions end with the same. A received price goes into the
 * catalog first, which goes by the same rule and tells nobody.
 *
 * The copies are the queue, too. Each of the region's own has the position of its last change; the
 * rest of what another region must get are those behind the position up to which it has everything.
 * That position is the receiver's to keep, in the transaction that adds what it received:
 *
 *	POST /internal/sync  {"from": "us", "epoch": "epo_...", "after": 40, "last": 57,
 *	                      "items": [{"kind", "id", "version", "value"}...]}
 *	     200 {"position": 57}     where to go on, whatever it made of the batch
 *
 * The sender forgets it when it dies and asks again. An epoch is the life of a sender's database:
 * in a new one positions start again, and so does the receiver.
 *
 *	sync.c          tables, events, and what can be asked
 *	sync_send.c     to each of the others, for ever
 *	sync_receive.c  from them
 */
#ifndef SHOP_SYNC_H
#define SHOP_SYNC_H

#include "shop/service.h"

enum {
	SYNC_BATCH_ITEMS_MAX = 500,
	SYNC_ID_MAX = 63,
};

/* Another region. */
struct peer {
	struct sync *sync;
	const char *region, *edge; /* "eu", "sync.eu" */
	struct task *task;         /* that sends to it */
	struct event *timer;       /* for the next sign of life */
	int64_t position;          /* up to which it has everything, as it last said */
	bool pending;              /* there may be more for it */
	bool reachable;            /* it answered the last time */
	bool receiving;            /* a batch from it is being dealt with */
	uint32_t failures;         /* in a row */
};

struct sync {
	struct service *service;
	const char *region, *epoch;
	struct arena arena;
	struct peer *peers;
	size_t peer_count;
};

struct copy {
	const char *kind, *id, *region, *value;
	int64_t version;
	int64_t position; /* 0: another region's, not ours to send */
};

/* sync.c */
extern const char SYNC_ORDER[], SYNC_PRICE[]; /* kinds */
struct sync *sync_of(struct service *service);
struct peer *sync_peer(struct sync *sync, const char *region);     /* NULL: no such region */
bool sync_is_newer(struct service *service, const struct copy *copy);
void sync_keep(struct service *service, const struct copy *copy);  /* unless ours is newer */

/* sync_send.c */
void sync_start_sending(struct peer *peer);
void sync_wake(struct sync *sync); /* there is more to send */

/* sync_receive.c */
void sync_receive(struct request *request, struct reply *reply);

#endif
