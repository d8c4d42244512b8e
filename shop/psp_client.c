#include "shop/psp_client.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/http1.h"
#include "lib/url.h"
#include "shop/settings.h"

enum { TRIES = 2, PAUSE_US = 50000, PAGES_MAX = 50 };

static void add(struct buffer *form, const char *name, const char *value)
{
	if (form->length)
		buffer_add_char(form, '&');
	url_encode(form, text_of(name));
	buffer_add_char(form, '=');
	url_encode(form, text_of(value));
}

static void add_common(struct buffer *form, const struct psp_question *question,
		       int64_t amount_cents)
{
	char amount[24];

	snprintf(amount, sizeof(amount), "%" PRId64, amount_cents);
	add(form, "amount", amount);
	add(form, "metadata[order_id]", question->order);
	add(form, "metadata[order_key]", question->order_key);
	if (question->origin)
		add(form, "metadata[correlation_id]", question->origin);
}

/* Anything may stand in between and answer; only what looks like the provider is believed. */

static const char *error_member(const struct answer *answer, const char *name)
{
	return json_string_value(json_object_get(json_object_get(answer->json, "error"), name));
}

static const char *member(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value ? value : "";
}

static bool is_done(const json_t *json, const char *object, struct psp_reply *reply)
{
	const char *id = member(json, "id");

	if (strcmp(member(json, "object"), object) != 0 ||
	    strcmp(member(json, "status"), "succeeded") != 0 || !*id ||
	    strlen(id) >= sizeof(reply->id))
		return false;
	snprintf(reply->id, sizeof(reply->id), "%s", id);
	return true;
}

static bool is_refused(const struct answer *answer, struct psp_reply *reply)
{
	const char *type = error_member(answer, "type"), *code = error_member(answer, "code");

	if (!type || (answer->status != 400 && answer->status != 402))
		return false;
	if (strcmp(type, "card_error") != 0 && strcmp(type, "invalid_request_error") != 0)
		return false;
	snprintf(reply->code, sizeof(reply->code), "%s", code ? code : type);
	return true;
}

static struct psp_reply judge(const struct answer *answer, const char *object)
{
	struct psp_reply reply = { .result = PSP_UNKNOWN };

	if (answer->result == CALL_REFUSED || answer->result == CALL_OPEN)
		reply.result = PSP_UNSENT;
	else if (answer_is(answer, 200) && is_done(answer->json, object, &reply))
		reply.result = PSP_DONE;
	else if (answer->result == CALL_ANSWERED && is_refused(answer, &reply))
		reply.result = PSP_REFUSED;
	return reply;
}

/*
 * Looking it up. An error that the provider keeps under our key is all that this key will ever be
 * answered, also when the charge went through; what has happened is in the provider's lists.
 */

static bool is_kept_error(const struct answer *answer)
{
	struct text value;

	return answer->result == CALL_ANSWERED && answer->status >= 500 &&
	       http1_header(buffer_text(&answer->headers), "Idempotent-Replayed", &value) &&
	       text_is(value, "true");
}

/* What is not done has failed for good: an intent without money, a refund that came to nothing. */
static bool is_about(const json_t *item, const struct psp_question *question, const char *object,
		     struct psp_reply *reply)
{
	const char *code = member(json_object_get(item, "last_payment_error"), "code");

	if (strcmp(member(json_object_get(item, "metadata"), "order_id"), question->order) != 0)
		return false;
	if (is_done(item, object, reply)) {
		reply->result = PSP_DONE;
	} else if (*code) {
		reply->result = PSP_REFUSED;
		snprintf(reply->code, sizeof(reply->code), "%s", code);
	}
	return reply->result != PSP_UNKNOWN;
}

/* Newest first. False: it is not on this page, and `after` is where the next one begins, or "". */
static bool is_on_page(const json_t *page, const struct psp_question *question, const char *object,
		       char after[64], struct psp_reply *reply)
{
	const json_t *items = json_object_get(page, "data");
	size_t count = json_array_size(items);

	for (size_t i = 0; i < count; i++)
		if (is_about(json_array_get(items, i), question, object, reply))
			return true;
	snprintf(after, 64, "%s",
		 count && json_is_true(json_object_get(page, "has_more")) ?
			 member(json_array_get(items, count - 1), "id") :
			 "");
	return false;
}

static void write_page_path(struct buffer *path, const char *list, const char *after,
			    const struct psp_question *question, const char *object)
{
	buffer_clear(path);
	buffer_format(path, "%s?limit=100", list);
	if (strcmp(object, "refund") == 0)
		buffer_format(path, "&payment_intent=%s", question->intent);
	if (*after)
		buffer_format(path, "&starting_after=%s", after);
}

static struct psp_reply look_up(struct service *service, const struct call *asked,
				const struct psp_question *question, const char *object)
{
	struct call call = { .edge = asked->edge,
			     .method = "GET",
			     .once = true,
			     .timeout_us = asked->timeout_us / 2,
			     .correlation = asked->correlation,
			     .traceparent = asked->traceparent };
	struct psp_reply reply = { .result = PSP_UNKNOWN };
	struct buffer path = BUFFER_EMPTY;
	struct answer answer;
	char after[64] = "";
	bool over = false;

	for (int i = 0; i < PAGES_MAX && !over; i++) {
		write_page_path(&path, asked->path, after, question, object);
		call.path = path.data;
		service_call(service, &call, &answer);
		over = !answer_is(&answer, 200) ||
		       is_on_page(answer.json, question, object, after, &reply) || !*after;
		answer_release(&answer);
	}
	buffer_release(&path);
	return reply;
}

/* A key of the order's own makes asking again asking once. */
static struct psp_reply ask_once(struct service *service, struct call *call,
				 const struct psp_question *question, const char *key, int attempt,
				 const char *object)
{
	char attempt_key[300];
	struct psp_reply reply;
	struct answer answer;

	snprintf(attempt_key, sizeof(attempt_key), "%.240s-%" PRId64, key,
		 question->attempt * TRIES + attempt);
	call->key = bug(BUG_RETRY_NEW_KEY) ? attempt_key : key;
	service_call(service, call, &answer);
	call->key = NULL;
	reply = judge(&answer, object);
	if (is_kept_error(&answer))
		reply = look_up(service, call, question, object);
	answer_release(&answer);
	return reply;
}

/*
 * The retries are our own: after one that may have got through, one that did not must not look as
 * if none had. All tries together are done before who asked us gives up.
 */
static struct psp_reply ask(struct service *service, struct call *call,
			    const struct psp_question *question, const char *key,
			    const char *object)
{
	struct psp_reply reply = { .result = PSP_UNSENT };
	bool sent = false;

	call->edge = "psp";
	call->method = "POST";
	call->once = true;
	call->timeout_us = service->settings->call_timeout_us * 2 / 5;
	call->correlation = question->correlation;
	call->traceparent = question->traceparent;
	for (int i = 0; i < TRIES; i++) {
		if (i)
			task_sleep_us(PAUSE_US + (int64_t)random_below(&service->random, PAUSE_US));
		reply = ask_once(service, call, question, key, i, object);
		if (reply.result == PSP_DONE || reply.result == PSP_REFUSED)
			return reply;
		sent = sent || reply.result != PSP_UNSENT;
	}
	reply.result = sent ? PSP_UNKNOWN : PSP_UNSENT;
	return reply;
}

struct psp_reply psp_charge(struct service *service, const struct psp_question *question)
{
	struct buffer form = BUFFER_EMPTY, key = BUFFER_EMPTY;
	struct call call = { .path = "/v1/payment_intents" };
	struct psp_reply reply;

	add(&form, "currency", "usd");
	add(&form, "confirm", "true");
	add(&form, "payment_method", question->card);
	add_common(&form, question, question->amount_cents);
	buffer_format(&key, "pi-%s", question->order);
	call.form = form.data;
	reply = ask(service, &call, question, key.data, "payment_intent");
	buffer_release(&form);
	buffer_release(&key);
	return reply;
}

struct psp_reply psp_refund(struct service *service, const struct psp_question *question)
{
	struct buffer form = BUFFER_EMPTY, key = BUFFER_EMPTY;
	struct call call = { .path = "/v1/refunds" };
	struct psp_reply reply;

	add(&form, "payment_intent", question->intent);
	add_common(&form, question, question->amount_cents);
	buffer_format(&key, "re-%s", question->order);
	call.form = form.data;
	reply = ask(service, &call, question, key.data, "refund");
	buffer_release(&form);
	buffer_release(&key);
	return reply;
}
