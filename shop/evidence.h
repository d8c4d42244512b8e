/*
 * evidence: lists by order that its owner and admins may read: movements, payments, notifications.
 *
 *	GET ...?order=ord_1             whoever owns it, or an admin
 *	GET ...?after=17&limit=100      all of them, in pages: admins only
 */
#ifndef SHOP_EVIDENCE_H
#define SHOP_EVIDENCE_H

#include "shop/service.h"

struct evidence {
	const char *owner; /* SQL: the user of order ?1 */
	const char *list;  /* SQL: order ?1 or null, number after ?2, limit ?3; its first column is
			      that number */
	json_t *(*show)(struct rows *row);
};

/* {"items": [...], "next": 17 or null} */
void evidence_reply(struct request *request, struct reply *reply, const struct evidence *evidence);

#endif
