/*
 * smtp: sends mails from a task, over a connection that is kept while it is good.
 *
 *	struct smtp *smtp = smtp_new(base, "127.0.0.1:2525", 2 * US_PER_S);
 *	switch (smtp_send(smtp, &mail, &err)) ...
 *	smtp_free(smtp);
 */
#ifndef SHOP_SMTP_H
#define SHOP_SMTP_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/text.h"

struct event_base;
struct smtp;

enum smtp_result {
	SMTP_SENT,    /* the server has said that it has it */
	SMTP_REFUSED, /* the server will never take it */
	SMTP_UNKNOWN, /* neither: it may have it or not; try again */
};

struct smtp_mail {
	const char *from, *to;
	struct text headers; /* complete lines, each with its CRLF */
	struct text body;    /* lines may end in LF or CRLF */
};

/* `address` is HOST:PORT, or a URL of which only these count. */
struct smtp *smtp_new(struct event_base *base, const char *address, int64_t timeout_us);
void smtp_free(struct smtp *smtp);

/* One at a time per smtp; a connection that the server has meanwhile closed is made anew. */
enum smtp_result smtp_send(struct smtp *smtp, const struct smtp_mail *mail, struct error *err);

#endif
