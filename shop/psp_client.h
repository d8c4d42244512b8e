/*
 * psp_client: what the payment service asks of the provider, and what it believes of the answers.
 *
 * Both questions have a key made from the order, so that asking again is asking once.
 */
#ifndef SHOP_PSP_CLIENT_H
#define SHOP_PSP_CLIENT_H

#include "shop/service.h"

enum psp_result {
	PSP_DONE,    /* it has happened; `id` is what it is called */
	PSP_REFUSED, /* it has not, and will not; `code` says why */
	PSP_UNKNOWN, /* it may have happened */
	PSP_UNSENT,  /* it has not: nothing got through */
};

struct psp_question {
	const char *order, *order_key;
	const char *origin;  /* correlation of the purchase, the same in each question; or NULL */
	const char *card;    /* of a charge */
	const char *intent;  /* of a refund */
	int64_t amount_cents;
	int64_t attempt;     /* how often this was asked before */
	const char *correlation, *traceparent;
};

struct psp_reply {
	enum psp_result result;
	char id[64], code[64];
};

struct psp_reply psp_charge(struct service *service, const struct psp_question *question);
struct psp_reply psp_refund(struct service *service, const struct psp_question *question);

#endif
