/*
 * inbox: events that come from the bus, each consumed once. Of publish.c and inbox.c only.
 */
#ifndef SHOP_INBOX_H
#define SHOP_INBOX_H

#include "shop/service.h"

enum {
	INBOX_EVENTS_MAX = 256,                 /* in one batch */
	INBOX_ANSWERS_WITHIN_US = 1000 * 1000,  /* what takes longer is acknowledged next time */
	INBOX_KEPT_S = 24 * 3600,               /* so long after an event its copies are known */
};

struct inbox;

struct inbox *inbox_new(struct service *service);
void inbox_free(struct inbox *inbox);

/* POST /internal/events; see shop/bus.h for what is asked and answered. */
void inbox_receive(struct inbox *inbox, struct request *request, struct reply *reply);

#endif
