#include "shop/psp_client.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/url.h"
#include "shop/settings.h"

enum { TRIES = 2, PAUSE_US = 50000 };

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

static bool is_done(const struct answer *answer, const char *object, struct psp_reply *reply)
{
	const char *is = json_string_value(json_object_get(answer->json, "object"));
	const char *status = json_string_value(json_object_get(answer->json, "status"));
	const char *id = json_string_value(json_object_get(answer->json, "id"));

	if (!answer_is(answer, 200) || !is || strcmp(is, object) != 0 || !status ||
	    strcmp(status, "succeeded") != 0 || !id || strlen(id) >= sizeof(reply->id))
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
	else if (is_done(answer, object, &reply))
		reply.result = PSP_DONE;
	else if (answer->result == CALL_ANSWERED && is_refused(answer, &reply))
		reply.result = PSP_REFUSED;
	return reply;
}

/* A key of the order's own makes asking again asking once. */
static struct psp_reply ask_once(struct service *service, struct call *call, const char *key,
				 int64_t attempt, const char *object)
{
	char attempt_key[300];
	struct psp_reply reply;
	struct answer answer;

	snprintf(attempt_key, sizeof(attempt_key), "%.240s-%" PRId64, key, attempt);
	call->key = bug(BUG_RETRY_NEW_KEY) ? attempt_key : key;
	service_call(service, call, &answer);
	call->key = NULL;
	reply = judge(&answer, object);
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
		reply = ask_once(service, call, key, question->attempt * TRIES + i, object);
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
