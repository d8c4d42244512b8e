/*
 * little_services: one service of a shop that is as small as can be.
 *
 *	little_services KIND LISTENER DIRECTORY BUGS EDGE...
 *
 * KIND is bus, giver or taker; LISTENER the descriptor of a listening socket; BUGS as for --bug, or
 * ""; EDGE is FROM,TO,URL. What giver gives, taker takes, through the bus.
 *
 *	giver  POST /give  {"to": aggregate, "count": n, "fail": bool, ...}   n events; or rolled back
 *	       POST /ask   {"edge", "method", "path", "key"?, "retries"}      a call and its result
 *	taker  GET /taken                                         what was taken, in that order
 *	       POST /mood  {"willing": bool}                      whether poison is swallowed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shop/services.h"
#include "shop/settings.h"

/* --- giver --- */

static void give(struct request *request, struct reply *reply)
{
	struct service *service = request->service;
	const char *to = json_string_value(json_object_get(request->json, "to"));
	json_int_t count = json_integer_value(json_object_get(request->json, "count"));
	bool fail = json_is_true(json_object_get(request->json, "fail"));

	if (!to) {
		reply_error(request, reply, 400, "bad_gift", "to whom?");
		return;
	}
	store_begin(service->store);
	for (json_int_t i = 0; i < count; i++)
		service_publish(service, "Given", to, request->correlation,
				json_deep_copy(request->json));
	if (fail)
		store_rollback(service->store);
	else
		store_commit(service->store);
	reply_json(reply, fail ? 409 : 200, json_pack("{s:I}", "given", count));
}

static void ask(struct request *request, struct reply *reply)
{
	static const char *const results[] = { "answered", "timeout", "broken", "refused", "open" };
	json_t *json = request->json;
	struct call call = call_for(request, json_string_value(json_object_get(json, "edge")),
				    json_string_value(json_object_get(json, "method")),
				    json_string_value(json_object_get(json, "path")));
	struct answer answer;

	call.key = json_string_value(json_object_get(json, "key"));
	call.retries = (int)json_integer_value(json_object_get(json, "retries"));
	call.timeout_us = 300 * 1000;
	service_call(request->service, &call, &answer);
	reply_json(reply, 200,
		   json_pack("{s:s, s:i, s:O?}", "result", results[answer.result], "status",
			     answer.status, "json", answer.json));
	answer_release(&answer);
}

static const struct route giver_routes[] = {
	{ "POST", "/give", give },
	{ "POST", "/ask", ask },
	ROUTES_END
};

static const struct service_kind giver = { .name = "giver", .routes = giver_routes };

/* --- taker --- */

static bool willing;

static bool says(const struct event *event, const char *name)
{
	return json_is_true(json_object_get(event->data, name));
}

static bool prepare(struct service *service, const struct event *event)
{
	task_sleep_us(json_integer_value(json_object_get(event->data, "slow_us")));
	if (says(event, "put_off") && !willing)
		return false;
	service->prepared = json_pack("{s:s}", "for", event->id);
	return true;
}

static bool take(struct service *service, const struct event *event)
{
	const char *prepared = json_string_value(json_object_get(service->prepared, "for"));

	if (!prepared || strcmp(prepared, event->id) != 0)
		return false;
	store_run(service->store, "insert into taken(id, aggregate, sequence) values (?1, ?2, ?3)",
		  "ssi", event->id, event->aggregate, event->sequence);
	return willing || !says(event, "poison"); /* after the write: it must be undone */
}

static void get_taken(struct request *request, struct reply *reply)
{
	struct rows rows =
		store_query(request->service->store,
			    "select aggregate, sequence, id from taken order by position", "");
	json_t *items = json_array();

	while (rows_next(&rows))
		json_array_append_new(items, json_pack("[s, I, s]", rows_text(&rows, 0),
						       (json_int_t)rows_int(&rows, 1),
						       rows_text(&rows, 2)));
	rows_end(&rows);
	reply_json(reply, 200, items);
}

static void set_mood(struct request *request, struct reply *reply)
{
	willing = json_is_true(json_object_get(request->json, "willing"));
	reply_json(reply, 200, json_pack("{s:b}", "willing", willing));
}

static const struct route taker_routes[] = {
	{ "GET", "/taken", get_taken },
	{ "POST", "/mood", set_mood },
	ROUTES_END
};

static const struct subscription taker_subscriptions[] = {
	{ "Given", take, prepare },
	SUBSCRIPTIONS_END
};

static const struct service_kind taker = {
	.name = "taker",
	.schema = "create table if not exists taken(position integer primary key, id text,"
		  " aggregate text, sequence integer);",
	.routes = taker_routes,
	.subscriptions = taker_subscriptions,
};

/* --- the process --- */

static struct shop_edge read_edge(char *argument)
{
	char *rest = argument;
	const char *from = strsep(&rest, ",");
	const char *to = strsep(&rest, ",");

	return (struct shop_edge){ from, to, rest };
}

static const struct service_kind *find_kind(const char *name)
{
	const struct service_kind *kinds[] = { &service_bus, &giver, &taker };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct shop_edge edges[32];
	struct shop_settings settings = { .region = "",
					  .edges = edges,
					  .call_timeout_us = 2000 * 1000,
					  .call_retries = 2,
					  .breaker_failures = 5,
					  .breaker_open_us = 500 * 1000 };
	const struct service_kind *kind = argc > 4 ? find_kind(argv[1]) : NULL;
	struct error err;

	if (!kind || argc > 5 + 32)
		return 2;
	settings.directory = argv[3];
	if (argv[4][0] && !bugs_switch_on(argv[4], &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	for (int i = 5; i < argc; i++)
		edges[settings.edge_count++] = read_edge(argv[i]);
	_exit(service_main(kind, &settings, atoi(argv[2]), -1));
}
