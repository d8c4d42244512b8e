/*
 * mail: a mail server that keeps all and delivers none, so that it can be asked who was told what.
 *
 * SMTP: HELO EHLO MAIL RCPT DATA RSET NOOP VRFY QUIT; lines, recipients, sizes and idle time are
 * bounded. The 250 after the data is given when the mail is on the disk. The ledger has a line per
 * mail: {"object": "mail", "id", "at", "from", "to": [...], "subject", "message_id", "order_id",
 * "order_key", "headers": {...}, "body"}.
 *
 *	GET, PUT, DELETE /witness/faults    what it does wrong (sagas/misdeeds.h)
 *	GET /mails?order_id=&order_key=&after=ID&limit=100     {"items": [...], "total", "has_more"}
 */
#ifndef SAGAS_MAIL_H
#define SAGAS_MAIL_H

#include <stdint.h>

#include "lib/error.h"

struct event_base;
struct mail;

struct mail_settings {
	int smtp_listener, http_listener; /* listening sockets; closed at the end */
	const char *ledger;               /* JSON Lines file; NULL: in memory only */
	const char *const *faults; /* what it does wrong (sagas/misdeeds.h), NULL-ended; or NULL */
	uint64_t seed;             /* of their random streams */
};

struct mail *mail_new(struct event_base *base, const struct mail_settings *settings,
		      struct error *err);
void mail_free(struct mail *mail);
const char *mail_error(const struct mail *mail); /* NULL, or why it can't go on: a full disk */

/* A process of its own, until SIGTERM or SIGINT. Returns its exit status. */
int mail_main(const struct mail_settings *settings);
/* The same, and says why it failed. */
bool mail_run(const struct mail_settings *settings, struct error *err);

#endif
