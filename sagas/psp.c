#include "sagas/psp.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/memory.h"
#include "lib/server.h"
#include "sagas/life.h"
#include "sagas/psp_parts.h"

enum { ID_LETTERS = 24 };

void psp_make_id(struct psp *psp, const char *prefix, char out[32])
{
	static const char letters[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t length = strlen(prefix);

	memcpy(out, prefix, length);
	out[length++] = '_';
	for (size_t i = 0; i < ID_LETTERS; i++)
		out[length++] = letters[random_below(&psp->random, sizeof(letters) - 1)];
	out[length] = '\0';
}

static void not_found(struct psp *psp, struct server_call *call)
{
	psp_answer(psp, call, 404,
		   psp_error_body("invalid_request_error", NULL, NULL,
				  "Unrecognized request URL (%.*s: %.*s)",
				  TEXT_ARG(server_method(call)), TEXT_ARG(server_path(call))));
}

static void get_one(struct psp *psp, struct server_call *call, const struct psp_shelf *shelf,
		    struct text id)
{
	char name[32] = "";
	const struct psp_object *object;

	if (id.length < sizeof(name))
		memcpy(name, id.data, id.length);
	object = shelf_find(shelf, name);
	if (object)
		psp_answer(psp, call, 200, json_loads(object->text, 0, NULL));
	else
		psp_answer(psp, call, 404,
			   psp_error_body("invalid_request_error", "resource_missing", "id",
					  "No such object: '%.*s'", TEXT_ARG(id)));
}

static void list_intents(struct psp *psp, struct server_call *call)
{
	struct psp_filter filter = { .url = "/v1/payment_intents", .shelf = &psp->intents };
	json_t *body;
	bool good = shelf_list(&filter, server_query(call), &body);

	psp_answer(psp, call, good ? 200 : 400, body);
}

static void list_refunds(struct psp *psp, struct server_call *call)
{
	struct psp_filter filter = { .url = "/v1/refunds", .shelf = &psp->refunds };
	struct buffer id = BUFFER_EMPTY;
	const struct psp_object *intent = NULL;
	json_t *body;
	bool good;

	if (server_parameter(server_query(call), "charge", &id) && id.length > 2)
		memcpy(id.data, "pi", 2);
	else
		server_parameter(server_query(call), "payment_intent", &id);
	filter.by_intent = id.length != 0;
	if (filter.by_intent) {
		intent = shelf_find(&psp->intents, id.data);
		filter.intent = intent ? (size_t)(intent - psp->intents.objects) : SIZE_MAX;
	}
	buffer_release(&id);
	good = shelf_list(&filter, server_query(call), &body);
	psp_answer(psp, call, good ? 200 : 400, body);
}

static void get_counts(struct psp *psp, struct server_call *call)
{
	const struct psp_counts *counts = &psp->counts;
	struct hook_counts hooks = hooks_counts(psp->hooks);

	psp_answer(
		psp, call, 200,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}}",
			  "charged", (json_int_t)counts->charged, "declined",
			  (json_int_t)counts->declined, "refunded", (json_int_t)counts->refunded,
			  "replayed", (json_int_t)counts->replayed, "misused_keys",
			  (json_int_t)counts->misused, "keys_in_use",
			  (json_int_t)counts->in_progress, "malformed",
			  (json_int_t)counts->malformed, "failed", (json_int_t)counts->failed,
			  "webhooks", "delivered", (json_int_t)hooks.delivered, "retried",
			  (json_int_t)hooks.retried, "lost", (json_int_t)hooks.lost, "dropped",
			  (json_int_t)hooks.dropped, "repeated", (json_int_t)hooks.repeated));
}

static void get_ready(struct psp *psp, struct server_call *call)
{
	psp_answer(psp, call, 200, json_pack("{s:s, s:s}", "status", "ok", "service", "psp"));
}

static void post_intent(struct psp *psp, struct server_call *call)
{
	psp_handle_post(psp, call, OF_CHARGES);
}

static void post_refund(struct psp *psp, struct server_call *call)
{
	psp_handle_post(psp, call, OF_REFUNDS);
}

static const struct {
	const char *method, *path;
	void (*handle)(struct psp *psp, struct server_call *call);
} routes[] = {
	{ "POST", "/v1/payment_intents", post_intent },
	{ "GET", "/v1/payment_intents", list_intents },
	{ "POST", "/v1/refunds", post_refund },
	{ "GET", "/v1/refunds", list_refunds },
	{ "GET", "/witness", get_counts },
	{ "GET", "/health", get_ready },
	{ "GET", "/ready", get_ready },
};

static bool route_one(struct psp *psp, struct server_call *call, const char *prefix,
		      const struct psp_shelf *shelf)
{
	struct text path = server_path(call);
	size_t length = strlen(prefix);

	if (!text_is(server_method(call), "GET") || !text_starts_with(path, prefix))
		return false;
	get_one(psp, call, shelf, (struct text){ path.data + length, path.length - length });
	return true;
}

static bool control(struct psp *psp, struct server_call *call)
{
	json_t *body;
	int status;

	if (!misdeeds_control(psp->misdeeds, server_method(call), server_path(call),
			      server_body(call), &status, &body))
		return false;
	psp_answer(psp, call, status, body);
	return true;
}

static void handle(void *context, struct server_call *call)
{
	struct psp *psp = context;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (text_is(server_method(call), routes[i].method) &&
		    text_is(server_path(call), routes[i].path)) {
			routes[i].handle(psp, call);
			return;
		}
	}
	if (!control(psp, call) && !route_one(psp, call, "/v1/payment_intents/", &psp->intents) &&
	    !route_one(psp, call, "/v1/refunds/", &psp->refunds))
		not_found(psp, call);
}

/* Ids must differ from those before a restart, so the seed is no fixed one. */
static struct random random_seeded(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)errno;
	return random_stream(seed, "psp", 0);
}

struct psp *psp_new(struct event_base *base, const struct psp_settings *settings, struct error *err)
{
	struct psp *psp = memory_new(sizeof(*psp));

	psp->base = base;
	psp->settings = *settings;
	psp->random = random_seeded();
	shelf_init(&psp->intents);
	shelf_init(&psp->refunds);
	keys_init(&psp->keys);
	psp->misdeeds = misdeeds_new("psp");
	if (!misdeeds_add_all(psp->misdeeds, settings->faults, settings->seed, err)) {
		psp_free(psp);
		return NULL;
	}
	psp->ledger = ledger_open(base, settings->ledger, psp_remember, psp, err);
	if (psp->ledger && settings->webhook_url)
		psp->hooks = hooks_new(base, settings->webhook_url, psp->misdeeds, err);
	if (psp->ledger && (psp->hooks || !settings->webhook_url))
		psp->server = server_on(base, settings->listener, handle, psp, err);
	if (!psp->server) {
		psp_free(psp);
		return NULL;
	}
	return psp;
}

void psp_free(struct psp *psp)
{
	if (!psp)
		return;
	server_free(psp->server);
	psp_forget_late(psp);
	hooks_free(psp->hooks);
	ledger_close(psp->ledger);
	keys_release(&psp->keys);
	shelf_release(&psp->refunds);
	shelf_release(&psp->intents);
	misdeeds_free(psp->misdeeds);
	free(psp);
}

const char *psp_error(const struct psp *psp)
{
	return ledger_error(psp->ledger);
}

static const char *trouble(const void *psp)
{
	return psp_error(psp);
}

bool psp_run(const struct psp_settings *settings, struct error *err)
{
	struct event_base *base = event_base_new();
	struct psp *psp = psp_new(base, settings, err);
	bool good = psp && life_run(base, trouble, psp, err);

	psp_free(psp);
	event_base_free(base);
	return good;
}

int psp_main(const struct psp_settings *settings)
{
	return psp_run(settings, NULL) ? 0 : 1;
}
