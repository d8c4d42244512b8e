/*
 * What all POSTs have in common. In this order: parameters, then the key, then the request itself,
 * whose effect and answer go into the ledger as one entry, and the answer out when that is durable.
 */
#include "sagas/psp_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/server.h"

enum { KEY_MAX = 255, METADATA_MAX = 50 };

json_t *psp_error_body(const char *type, const char *code, const char *param, const char *format,
		       ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	/* What was asked may be cut within a character, or be no text at all. */
	for (char *c = message; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return json_pack("{s:{s:s, s:s*, s:s*, s:s}}", "error", "type", type, "code", code, "param",
			 param, "message", message);
}

void post_refuse(struct psp_post *post, const char *code, const char *param, const char *format,
		 ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	post->status = 400;
	post->body = psp_error_body("invalid_request_error", code, param, "%s", message);
}

int64_t post_amount(struct psp_post *post, const char *text, int64_t most)
{
	char *end;
	long long amount;

	errno = 0;
	amount = text && *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : -1;
	if (amount < 0 || *end || errno) {
		post_refuse(post, "parameter_invalid_integer", "amount", "Invalid integer: %.40s",
			    text ? text : "");
		return 0;
	}
	if (amount == 0 || amount > most) {
		post_refuse(post, amount ? "amount_too_large" : "parameter_invalid_integer",
			    "amount", "Amount must be between 1 and %" PRId64, most);
		return 0;
	}
	return amount;
}

json_t *post_metadata(struct psp_post *post)
{
	json_t *metadata = json_object();

	for (size_t i = 0; i < post->form.count; i++) {
		const char *name = post->form.pairs[i].name, *value = post->form.pairs[i].value;
		size_t length = strlen(name);

		if (strncmp(name, "metadata[", 9) != 0 || length < 11 || name[length - 1] != ']')
			continue;
		if (length - 10 > 40 || strlen(value) > 500 ||
		    json_object_size(metadata) == METADATA_MAX ||
		    json_object_setn_new(metadata, name + 9, length - 10, json_string(value))) {
			post_refuse(post, NULL, "metadata", "Metadata is too large, or no text");
			json_decref(metadata);
			return NULL;
		}
	}
	return metadata;
}

/* Keys. */

static bool read_key(struct server_call *call, struct text *key)
{
	*key = (struct text){ "", 0 };
	http1_header(server_headers(call), "Idempotency-Key", key);
	for (size_t i = 0; i < key->length; i++)
		if (key->data[i] < ' ' || key->data[i] > '~')
			return false;
	return key->length <= KEY_MAX;
}

static void refuse_key(struct psp *psp, struct server_call *call, struct text key, bool busy)
{
	if (busy) {
		psp->counts.in_progress++;
		psp_answer(psp, call, 409,
			   psp_error_body("invalid_request_error", "idempotency_key_in_use", NULL,
					  "Another request with the idempotency key '%.*s' is "
					  "still under way. Try again later.",
					  TEXT_ARG(key)));
		return;
	}
	psp->counts.misused++;
	psp_answer(psp, call, 400,
		   psp_error_body("idempotency_error", NULL, NULL,
				  "Keys for idempotent requests can only be used with the same "
				  "parameters they were first used with; '%.*s' was not",
				  TEXT_ARG(key)));
}

/* True: that key has been seen, and the call is answered. */
static bool answer_by_key(struct psp *psp, struct server_call *call, struct text key, uint64_t hash)
{
	const struct psp_answer *answer = key.length ? keys_find(&psp->keys, key) : NULL;
	struct psp_late *late;

	if (!answer)
		return false;
	if (answer->hash != hash || !answer->body) {
		refuse_key(psp, call, key, answer->hash == hash);
		return true;
	}
	psp->counts.replayed++;
	late = psp_late_new(psp, call, answer->status);
	late->body = memory_copy_string(answer->body);
	late->replayed = true;
	psp_late_send(late);
	return true;
}

/* The entry in the ledger is the object itself, for checks to read, and how it came about. */
static void add_entry(struct psp_post *post, struct text key, uint64_t hash)
{
	int64_t now_us = clock_wall_us();
	char hex[17];
	json_t *witness;

	shelf_date(&post->psp->intents, post->entry, now_us);
	shelf_date(&post->psp->refunds, post->entry, now_us);
	snprintf(hex, sizeof(hex), "%016" PRIx64, hash);
	witness = json_pack("{s:I, s:i, s:s}", "at_us", (json_int_t)now_us, "status", post->status,
			    "hash", hex);
	if (post->told)
		json_object_set_new(witness, "answered", json_integer(post->told));
	if (key.length)
		json_object_set_new(witness, "key", json_stringn(key.data, key.length));
	json_object_set_new(post->entry, "witness", witness);
	ledger_add(post->psp->ledger, post->entry);
}

static json_t *event_of(struct psp_post *post)
{
	char id[32];

	if (!post->event)
		return NULL;
	psp_make_id(post->psp, "evt", id);
	return json_pack("{s:s, s:s, s:s, s:I, s:{s:O}}", "id", id, "object", "event", "type",
			 post->event, "created", (json_int_t)(clock_wall_us() / US_PER_S), "data",
			 "object", post->subject);
}

/* An error of the provider's own, which says nothing about what was asked. */
static json_t *error_of_ours(int status)
{
	return status == 429 ? psp_error_body("invalid_request_error", "rate_limit", NULL,
					      "Too many requests. Try again later.") :
			       psp_error_body("api_error", NULL, NULL,
					      "An unknown error occurred (%d)", status);
}

/* What is done wrong about a request that has been executed. */
static void misbehave(struct psp_post *post)
{
	struct misdeeds *misdeeds = post->psp->misdeeds;
	struct misdeed_chance chance = { .kind = MISDEED_LOSE_REPLY, .of = post->of };
	const struct misdeed *misdeed;

	if (!post->entry)
		return;
	post->lost = misdeeds_meet(misdeeds, chance) != NULL;
	chance.moment = MISDEED_AFTER;
	chance.kind = MISDEED_DELAY;
	misdeed = misdeeds_meet(misdeeds, chance);
	if (misdeed)
		post->late_us = misdeed->delay_us;
	chance.kind = MISDEED_ERROR;
	misdeed = post->status == 200 ? misdeeds_meet(misdeeds, chance) : NULL;
	if (misdeed)
		post->told = (int)misdeed->settings.status;
}

static void finish(struct psp_post *post, struct server_call *call, struct text key, uint64_t hash)
{
	struct psp *psp = post->psp;
	struct psp_late *late;

	if (!post->entry) {
		psp->counts.malformed++;
		psp_answer(psp, call, post->status, json_incref(post->body));
		return;
	}
	add_entry(post, key, hash);
	late = psp_late_new(psp, call, post->told ? post->told : post->status);
	if (post->told) {
		json_decref(post->body);
		post->body = error_of_ours(post->told);
	}
	late->body = json_dumps(post->body, JSON_COMPACT);
	late->lost = post->lost;
	late->late_us = psp->settings.latency_us + post->late_us;
	late->event = event_of(post);
	if (key.length) {
		keys_take(&psp->keys, key, hash);
		late->key = memory_array(key.length + 1, 1);
		memcpy(late->key, key.data, key.length);
	}
	psp_late_send(late);
}

static void look_at(struct psp *psp, struct server_call *call, enum misdeed_subject of)
{
	struct psp_post post = { .psp = psp, .of = of, .arena = ARENA_EMPTY };
	struct error err;
	struct text key;
	uint64_t hash;

	if (!form_read(&post.form, server_body(call), &post.arena, &err)) {
		post_refuse(&post, NULL, NULL, "Invalid request: %s", err.text);
		finish(&post, call, (struct text){ "", 0 }, 0);
	} else if (!read_key(call, &key)) {
		post_refuse(&post, NULL, NULL,
			    "Idempotency keys have at most %d characters, in ASCII", KEY_MAX);
		finish(&post, call, (struct text){ "", 0 }, 0);
	} else {
		hash = form_hash(&post.form, arena_string(&post.arena, server_path(call)));
		if (!answer_by_key(psp, call, key, hash)) {
			(of == OF_CHARGES ? intent_create : refund_create)(&post);
			misbehave(&post);
			finish(&post, call, key, hash);
		}
	}
	json_decref(post.body);
	json_decref(post.entry);
	json_decref(post.subject);
	arena_release(&post.arena);
}

/* As from whoever stands in front of a provider: no key is used, nothing is kept. */
static bool refuse_call(struct psp *psp, struct server_call *call, enum misdeed_subject of)
{
	const struct misdeed_chance chance = { .kind = MISDEED_ERROR, .of = of };
	const struct misdeed *misdeed = misdeeds_meet(psp->misdeeds, chance);

	if (!misdeed)
		return false;
	psp->counts.failed++;
	psp_answer(psp, call, (int)misdeed->settings.status,
		   error_of_ours((int)misdeed->settings.status));
	return true;
}

void psp_handle_post(struct psp *psp, struct server_call *call, enum misdeed_subject of)
{
	const struct misdeed_chance chance = { .kind = MISDEED_DELAY, .of = of };
	const struct misdeed *misdeed;

	if (refuse_call(psp, call, of))
		return;
	misdeed = misdeeds_meet(psp->misdeeds, chance);
	if (misdeed && misdeed->delay_us)
		psp_hold(psp, call, of, look_at, misdeed->delay_us);
	else
		look_at(psp, call, of);
}

/* Reading back. */

static json_t *take_up(struct psp *psp, json_t *entry, int status)
{
	const char *object = json_string_value(json_object_get(entry, "object"));

	if (object && strcmp(object, "payment_intent") == 0)
		return intent_remember(psp, entry, status);
	if (object && strcmp(object, "refund") == 0)
		return refund_remember(psp, entry);
	return json_pack("{s:O}", "error", json_object_get(entry, "error"));
}

void psp_remember(void *context, json_t *entry)
{
	struct psp *psp = context;
	json_t *witness = json_incref(json_object_get(entry, "witness"));
	const json_t *key = json_object_get(witness, "key");
	const char *hash = json_string_value(json_object_get(witness, "hash"));
	int status = (int)json_integer_value(json_object_get(witness, "status"));
	int told = (int)json_integer_value(json_object_get(witness, "answered"));
	json_t *body;

	json_object_del(entry, "witness");
	body = take_up(psp, entry, status);
	shelf_date(&psp->intents, entry, json_integer_value(json_object_get(witness, "at_us")));
	shelf_date(&psp->refunds, entry, json_integer_value(json_object_get(witness, "at_us")));
	if (told && body) {
		json_decref(body);
		body = error_of_ours(told);
		status = told;
	}
	if (json_is_string(key) && hash && body) {
		struct text text = { json_string_value(key), json_string_length(key) };
		struct psp_answer *answer;

		if (!keys_find(&psp->keys, text))
			keys_take(&psp->keys, text, strtoull(hash, NULL, 16));
		answer = keys_find(&psp->keys, text);
		answer->status = status;
		free(answer->body);
		answer->body = json_dumps(body, JSON_COMPACT);
	}
	json_decref(body);
	json_decref(witness);
}
