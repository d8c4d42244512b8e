/*
 * mail_parts: what the files of the mail sink have of each other.
 *
 *	mail.c         the mails, GET /mails, the life of it
 *	mail_smtp.c    connections, commands, the data
 *	mail_message.c a message as a line of the ledger
 */
#ifndef SAGAS_MAIL_PARTS_H
#define SAGAS_MAIL_PARTS_H

#include <jansson.h>

#include "lib/buffer.h"
#include "sagas/ledger.h"
#include "sagas/mail.h"
#include "sagas/misdeeds.h"

enum { MAIL_BYTES_MAX = 1 << 20, MAIL_RECIPIENTS_MAX = 100, MAIL_BODY_KEPT = 16 * 1024 };

struct smtp_sink;

/* A mail as it is in the ledger, and what it is looked up by. */
struct mail_kept {
	char *text;
	char *order_id, *order_key; /* or NULL */
};

struct mail {
	struct event_base *base;
	struct ledger *ledger;
	struct server *server;
	struct smtp_sink *sink;
	struct misdeeds *misdeeds;
	struct mail_kept *kept;
	size_t count, room;
	struct mail_late *late; /* answers that wait for the disk */
};

/* Adds it to the ledger; the caller settles before it says so. */
void mail_receive(struct mail *mail, const char *from, json_t *to, struct text data);

/* {"object": "mail", ...}; `to` is borrowed. */
json_t *message_read(const char *id, const char *from, json_t *to, struct text data);

struct smtp_sink *smtp_sink_new(struct mail *mail, int listener, struct error *err);
void smtp_sink_free(struct smtp_sink *sink);

#endif
