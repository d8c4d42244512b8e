#include "sagas/mail.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/server.h"
#include "sagas/life.h"
#include "sagas/mail_parts.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static char *copy_of(const json_t *entry, const char *name)
{
	const char *string = json_string_value(json_object_get(entry, name));

	return string ? memory_copy_string(string) : NULL;
}

static void remember(void *context, json_t *entry)
{
	struct mail *mail = context;

	mail->kept = memory_grow(mail->kept, mail->count, &mail->room, sizeof(*mail->kept));
	mail->kept[mail->count++] = (struct mail_kept){
		.text = json_dumps(entry, JSON_COMPACT),
		.order_id = copy_of(entry, "order_id"),
		.order_key = copy_of(entry, "order_key"),
	};
}

void mail_receive(struct mail *mail, const char *from, json_t *to, struct text data)
{
	char id[32];
	json_t *entry;

	snprintf(id, sizeof(id), "mail_%zu", mail->count + 1);
	entry = message_read(id, from, to, data);
	ledger_add(mail->ledger, entry);
	remember(mail, entry);
	json_decref(entry);
}

/* Answers say what is on the disk. */

struct mail_late {
	struct mail *mail;
	struct mail_late *next, **link;
	struct server_call *call;
	int status;
	char *body;
};

static void late_free(struct mail_late *late)
{
	*late->link = late->next;
	if (late->next)
		late->next->link = late->link;
	free(late->body);
	free(late);
}

static void on_durable(void *context)
{
	struct mail_late *late = context;

	server_reply(late->call, late->status, text_of("Content-Type: application/json\r\n"),
		     text_of(late->body));
	late_free(late);
}

static void answer(struct mail *mail, struct server_call *call, int status, json_t *body)
{
	struct mail_late *late = memory_new(sizeof(*late));

	*late = (struct mail_late){
		.mail = mail,
		.next = mail->late,
		.link = &mail->late,
		.call = call,
		.status = status,
		.body = json_dumps(body, JSON_COMPACT),
	};
	if (late->next)
		late->next->link = &late->next;
	mail->late = late;
	json_decref(body);
	ledger_settle(mail->ledger, on_durable, late);
}

/* GET /mails */

struct question {
	struct buffer order_id, order_key, number;
	size_t after, limit;
};

static bool fits(const struct question *question, const struct mail_kept *kept)
{
	const struct buffer *id = &question->order_id, *key = &question->order_key;

	return (!id->length || (kept->order_id && strcmp(kept->order_id, id->data) == 0)) &&
	       (!key->length || (kept->order_key && strcmp(kept->order_key, key->data) == 0));
}

static bool read_number(struct question *question, struct text query, const char *name,
			const char *prefix, size_t *number)
{
	const char *digits;
	char *end;

	buffer_clear(&question->number);
	if (!server_parameter(query, name, &question->number))
		return true;
	if (!question->number.length || strncmp(question->number.data, prefix, strlen(prefix)) != 0)
		return false;
	digits = question->number.data + strlen(prefix);
	*number = strtoul(digits, &end, 10);
	return *digits >= '0' && *digits <= '9' && !*end;
}

static bool read_question(struct question *question, struct text query)
{
	question->limit = LIMIT_DEFAULT;
	server_parameter(query, "order_id", &question->order_id);
	server_parameter(query, "order_key", &question->order_key);
	return read_number(question, query, "after", "mail_", &question->after) &&
	       read_number(question, query, "limit", "", &question->limit) &&
	       question->limit >= 1 && question->limit <= LIMIT_MAX;
}

static json_t *collect(const struct mail *mail, const struct question *question)
{
	json_t *items = json_array();
	bool has_more = false;

	for (size_t i = question->after; i < mail->count && !has_more; i++) {
		if (!fits(question, &mail->kept[i]))
			continue;
		has_more = json_array_size(items) == question->limit;
		if (!has_more)
			json_array_append_new(items, json_loads(mail->kept[i].text, 0, NULL));
	}
	return json_pack("{s:o, s:I, s:b}", "items", items, "total", (json_int_t)mail->count,
			 "has_more", has_more);
}

static void get_mails(struct mail *mail, struct server_call *call)
{
	struct question question = { .limit = 0 };

	if (read_question(&question, server_query(call)))
		answer(mail, call, 200, collect(mail, &question));
	else
		answer(mail, call, 400,
		       json_pack("{s:{s:s, s:s}}", "error", "code", "bad_parameter", "message",
				 "after is the id of a mail, limit from 1 to 1000"));
	buffer_release(&question.order_id);
	buffer_release(&question.order_key);
	buffer_release(&question.number);
}

static bool control(struct mail *mail, struct server_call *call)
{
	json_t *body;
	int status;

	if (!misdeeds_control(mail->misdeeds, server_method(call), server_path(call),
			      server_body(call), &status, &body))
		return false;
	answer(mail, call, status, body);
	return true;
}

static void handle(void *context, struct server_call *call)
{
	struct mail *mail = context;
	struct text path = server_path(call);
	bool get = text_is(server_method(call), "GET");

	if (get && text_is(path, "/mails"))
		get_mails(mail, call);
	else if (get && (text_is(path, "/ready") || text_is(path, "/health")))
		answer(mail, call, 200, json_pack("{s:s, s:s}", "status", "ok", "service", "mail"));
	else if (!control(mail, call))
		answer(mail, call, 404,
		       json_pack("{s:{s:s, s:s}}", "error", "code", "not_found", "message",
				 "there is GET /mails"));
}

/* The life of it. */

struct mail *mail_new(struct event_base *base, const struct mail_settings *settings,
		      struct error *err)
{
	struct mail *mail = memory_new(sizeof(*mail));

	mail->base = base;
	mail->misdeeds = misdeeds_new("mail");
	if (!misdeeds_add_all(mail->misdeeds, settings->faults, settings->seed, err)) {
		mail_free(mail);
		return NULL;
	}
	mail->ledger = ledger_open(base, settings->ledger, remember, mail, err);
	if (mail->ledger)
		mail->server = server_on(base, settings->http_listener, handle, mail, err);
	if (mail->server)
		mail->sink = smtp_sink_new(mail, settings->smtp_listener, err);
	if (!mail->sink) {
		mail_free(mail);
		return NULL;
	}
	return mail;
}

void mail_free(struct mail *mail)
{
	if (!mail)
		return;
	smtp_sink_free(mail->sink);
	server_free(mail->server);
	while (mail->late)
		late_free(mail->late);
	ledger_close(mail->ledger);
	for (size_t i = 0; i < mail->count; i++) {
		free(mail->kept[i].text);
		free(mail->kept[i].order_id);
		free(mail->kept[i].order_key);
	}
	free(mail->kept);
	misdeeds_free(mail->misdeeds);
	free(mail);
}

const char *mail_error(const struct mail *mail)
{
	return ledger_error(mail->ledger);
}

static const char *trouble(const void *mail)
{
	return mail_error(mail);
}

bool mail_run(const struct mail_settings *settings, struct error *err)
{
	struct event_base *base = event_base_new();
	struct mail *mail = mail_new(base, settings, err);
	bool good = mail && life_run(base, trouble, mail, err);

	mail_free(mail);
	event_base_free(base);
	return good;
}

int mail_main(const struct mail_settings *settings)
{
	return mail_run(settings, NULL) ? 0 : 1;
}
