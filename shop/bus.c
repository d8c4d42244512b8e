#include "shop/bus.h"

#include <stdlib.h>

#include "lib/memory.h"
#include "shop/services.h"
#include "shop/settings.h"

enum {
	PUBLISH_EVENTS_MAX = 1000,
	ENVELOPE_MAX = 512 * 1024,
	ID_MAX = 63,
	TYPES_MAX = 64,
	PAGE_DEFAULT = 200,
	PAGE_MAX = 1000,
	PAGE_BYTES_MAX = 2 * 1024 * 1024,
};

static const char schema[] =
	"create table if not exists events(position integer primary key, id text not null unique,"
	" type text not null, aggregate text not null, envelope text not null);"
	"create table if not exists subscriptions(service text, type text,"
	" primary key(service, type)) without rowid;"
	"create table if not exists subscribers(name text primary key,"
	" delivered integer not null default 0) without rowid;"
	"create table if not exists deliveries(subscriber text, position integer,"
	" failed integer not null, primary key(subscriber, position)) without rowid;"
	"create table if not exists dead_letters(id integer primary key autoincrement,"
	" subscriber text not null, position integer not null, failed integer not null,"
	" at text not null);";

/* --- what was known before --- */

static void load_subscriptions(struct bus *bus)
{
	struct rows rows =
		store_query(bus->service->store, "select service, type from subscriptions", "");

	while (rows_next(&rows))
		json_object_set_new(add_subscriber(bus, rows_text(&rows, 0))->types,
				    rows_text(&rows, 1), json_true());
	rows_end(&rows);
}

static void load_deliveries(struct bus *bus)
{
	struct rows rows = store_query(bus->service->store,
				       "select d.subscriber, d.position, e.aggregate, d.failed"
				       " from deliveries d join events e using (position)"
				       " order by d.subscriber, d.position",
				       "");

	while (rows_next(&rows))
		queue_delivery(add_subscriber(bus, rows_text(&rows, 0)), rows_int(&rows, 1),
			       rows_text(&rows, 2), (int)rows_int(&rows, 3));
	rows_end(&rows);
}

/* The first request may come before the service has started in full. */
static struct bus *bus_of(struct service *service)
{
	struct bus *bus = service->own;
	struct arena arena = ARENA_EMPTY;

	if (bus)
		return bus;
	service->own = bus = memory_new(sizeof(*bus));
	bus->service = service;
	bus->instance = memory_copy_string(make_id(service, &arena, "bus_"));
	arena_release(&arena);
	load_subscriptions(bus);
	load_deliveries(bus);
	return bus;
}

static void started(struct service *service)
{
	struct bus *bus = bus_of(service);

	for (struct subscriber *at = bus->subscribers; at; at = at->next)
		wake_subscriber(at);
	greet_services(bus);
}

/* --- publish --- */

/* What one request adds, to be queued when it is on the disk. */
struct addition {
	int64_t position;
	const char *type, *aggregate;
};

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is_envelope(const json_t *json)
{
	const char *id = member(json, "eventId");

	return id && *id && strlen(id) <= ID_MAX && member(json, "eventType") &&
	       member(json, "aggregateId") && json_is_integer(json_object_get(json, "sequence")) &&
	       json_dumpb(json, NULL, 0, JSON_COMPACT) <= ENVELOPE_MAX;
}

static bool are_envelopes(const json_t *events)
{
	if (!json_is_array(events) || json_array_size(events) > PUBLISH_EVENTS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(events); i++)
		if (!is_envelope(json_array_get(events, i)))
			return false;
	return true;
}

static void owe_deliveries(struct bus *bus, const struct addition *added)
{
	for (struct subscriber *at = bus->subscribers; at; at = at->next)
		if (json_object_get(at->types, added->type))
			store_run(bus->service->store, "insert into deliveries values (?1, ?2, 0)",
				  "si", at->name, added->position);
}

/* False: it is known already. */
static bool keep_event(struct bus *bus, const json_t *event, struct addition *added)
{
	struct store *store = bus->service->store;

	added->type = member(event, "eventType");
	added->aggregate = member(event, "aggregateId");
	store_run(store,
		  "insert into events(id, type, aggregate, envelope) values (?1, ?2, ?3, ?4)"
		  " on conflict(id) do nothing",
		  "sssj", member(event, "eventId"), added->type, added->aggregate, event);
	if (store_changes(store) != 1)
		return false;
	added->position = store_last_id(store);
	owe_deliveries(bus, added);
	return true;
}

static void queue(struct bus *bus, const struct addition *added, size_t count)
{
	for (struct subscriber *at = bus->subscribers; at; at = at->next) {
		size_t before = at->pending;

		for (size_t i = 0; i < count; i++)
			if (json_object_get(at->types, added[i].type))
				queue_delivery(at, added[i].position, added[i].aggregate, 0);
		if (at->pending != before)
			wake_subscriber(at);
	}
}

static void publish(struct request *request, struct reply *reply)
{
	struct bus *bus = bus_of(request->service);
	const json_t *events = json_object_get(request->json, "events");
	size_t total = json_array_size(events);
	struct addition *added;
	size_t count = 0;

	if (!are_envelopes(events)) {
		reply_error(request, reply, 400, "bad_events", "'events' is no list of envelopes");
		return;
	}
	added = arena_array(request->arena, total + 1, sizeof(*added));
	store_begin(bus->service->store);
	for (size_t i = 0; i < total; i++)
		count += keep_event(bus, json_array_get(events, i), &added[count]);
	store_commit(bus->service->store);
	queue(bus, added, count);
	metric_add(bus->service, "bus_published_total", NULL, (double)count);
	reply_json(reply, 200,
		   json_pack("{s:I, s:I, s:s}", "accepted", (json_int_t)count, "duplicates",
			     (json_int_t)(total - count), "instance", bus->instance));
}

/* --- subscribe --- */

/* From the first event on: who subscribes late misses nothing. */
static void backfill(struct subscriber *subscriber, const char *type)
{
	struct store *store = subscriber->bus->service->store;
	struct rows rows;

	store_run(store,
		  "insert or ignore into deliveries select ?1, position, 0 from events"
		  " where type = ?2",
		  "ss", subscriber->name, type);
	if (store_changes(store) == 0)
		return;
	rows = store_query(store, "select position, aggregate from events where type = ?1", "s",
			   type);
	while (rows_next(&rows))
		queue_delivery(subscriber, rows_int(&rows, 0), rows_text(&rows, 1), 0);
	rows_end(&rows);
}

static void add_type(struct subscriber *subscriber, const char *type)
{
	struct store *store = subscriber->bus->service->store;

	if (json_object_get(subscriber->types, type))
		return;
	store_run(store, "insert into subscriptions values (?1, ?2)", "ss", subscriber->name, type);
	json_object_set_new(subscriber->types, type, json_true());
	backfill(subscriber, type);
}

static void remove_other_types(struct subscriber *subscriber, const json_t *types)
{
	json_t *kept = json_object();

	for (size_t i = 0; i < json_array_size(types); i++)
		json_object_set_new(kept, json_string_value(json_array_get(types, i)), json_true());
	json_decref(subscriber->types);
	subscriber->types = kept;
	store_run(subscriber->bus->service->store,
		  "delete from subscriptions where service = ?1"
		  " and type not in (select value from json_each(?2))",
		  "sj", subscriber->name, types);
}

static bool are_types(const json_t *types)
{
	if (!json_is_array(types) || json_array_size(types) > TYPES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(types); i++)
		if (!json_is_string(json_array_get(types, i)))
			return false;
	return true;
}

/* Tables and memory change together, before the wait for the disk: in between events may come. */
static void subscribe(struct request *request, struct reply *reply)
{
	struct bus *bus = bus_of(request->service);
	struct store *store = bus->service->store;
	const char *name = member(request->json, "service");
	const json_t *types = json_object_get(request->json, "types");
	struct subscriber *subscriber;

	if (!name || !are_types(types)) {
		reply_error(request, reply, 400, "bad_subscription", "no 'service' or no 'types'");
		return;
	}
	if (!shop_edge_url(bus->service->settings, bus->service->kind->name, name)) {
		reply_error(request, reply, 404, "unknown_service", "no way to '%s'", name);
		return;
	}
	store_begin(store);
	subscriber = add_subscriber(bus, name);
	store_run(store, "insert into subscribers(name) values (?1) on conflict do nothing", "s",
		  name);
	for (size_t i = 0; i < json_array_size(types); i++)
		add_type(subscriber, json_string_value(json_array_get(types, i)));
	remove_other_types(subscriber, types);
	store_commit(store);
	wake_subscriber(subscriber);
	reply_json(reply, 200, json_pack("{s:s}", "instance", bus->instance));
}

/* --- the stream of events --- */

static void add_member(struct buffer *out, const char *name, int64_t number)
{
	buffer_format(out, "\"%s\":%lld", name, (long long)number);
}

/* Envelopes are JSON objects with members: one more goes in front. */
static void add_item(struct buffer *out, int64_t position, const char *envelope)
{
	buffer_add_char(out, '{');
	add_member(out, "position", position);
	buffer_add_char(out, ',');
	buffer_add_string(out, envelope + 1);
}

static void list_events(struct request *request, struct reply *reply)
{
	struct buffer *out = &reply->raw;
	int64_t after, limit;
	struct rows rows;

	if (!request_query_int(request, reply, "after", 0, 0, INT64_MAX, &after) ||
	    !request_query_int(request, reply, "limit", PAGE_DEFAULT, 1, PAGE_MAX, &limit))
		return;
	rows = store_query(request->service->store,
			   "select position, envelope from events where position > ?1"
			   " order by position limit ?2",
			   "ii", after, limit);
	buffer_add_string(out, "{\"items\":[");
	for (bool first = true; out->length < PAGE_BYTES_MAX && rows_next(&rows); first = false) {
		if (!first)
			buffer_add_char(out, ',');
		after = rows_int(&rows, 0);
		add_item(out, after, rows_text(&rows, 1));
	}
	rows_end(&rows);
	buffer_add_string(out, "],");
	add_member(out, "next", after);
	buffer_add_char(out, '}');
	reply->status = 200;
	reply->content_type = "application/json";
}

/* --- how it goes --- */

/* What it says itself; null when it does not. */
static json_t *consumed_by(const struct subscriber *subscriber)
{
	struct call call = { .edge = subscriber->name, .method = "GET", .path = "/internal/inbox" };
	struct answer answer;
	json_t *consumed = NULL;

	service_call(subscriber->bus->service, &call, &answer);
	if (answer_is(&answer, 200))
		consumed = json_incref(json_object_get(answer.json, "consumed"));
	answer_release(&answer);
	return consumed ? consumed : json_null();
}

static json_t *subscriber_counts(const struct subscriber *subscriber)
{
	struct store *store = subscriber->bus->service->store;
	json_t *consumed = consumed_by(subscriber);

	return json_pack("{s:s, s:I, s:o, s:I, s:I}", "service", subscriber->name, "published",
			 (json_int_t)store_int(store, 0,
					       "select count(*) from events where type in (select"
					       " type from subscriptions where service = ?1)",
					       "s", subscriber->name),
			 "consumed", consumed, "dead",
			 (json_int_t)store_int(store, 0,
					       "select count(*) from dead_letters"
					       " where subscriber = ?1",
					       "s", subscriber->name),
			 "pending", (json_int_t)subscriber->pending);
}

/* Whether every event came to everyone who wanted it: by what both sides say. */
static void get_counts(struct request *request, struct reply *reply)
{
	json_t *subscribers = json_array();

	for (struct subscriber *at = bus_of(request->service)->subscribers; at; at = at->next)
		json_array_append_new(subscribers, subscriber_counts(at));
	reply_json(reply, 200, json_pack("{s:o}", "subscribers", subscribers));
}

static json_t *subscriber_stats(const struct subscriber *subscriber)
{
	int64_t delivered = store_int(subscriber->bus->service->store, 0,
				      "select delivered from subscribers where name = ?1", "s",
				      subscriber->name);
	json_t *types = json_array();
	const char *type;
	json_t *yes;

	json_object_foreach(subscriber->types, type, yes) {
		json_array_append_new(types, json_string(type));
	}
	return json_pack("{s:s, s:o, s:I, s:I, s:i, s:b}", "service", subscriber->name, "types",
			 types, "delivered",
			 (json_int_t)delivered + (json_int_t)subscriber->done_count, "pending",
			 (json_int_t)subscriber->pending, "under_way", subscriber->under_way,
			 "reachable", subscriber->unreachable == 0);
}

static void get_stats(struct request *request, struct reply *reply)
{
	struct bus *bus = bus_of(request->service);
	struct store *store = bus->service->store;
	json_t *subscribers = json_array();
	int64_t pending = 0;

	for (struct subscriber *at = bus->subscribers; at; at = at->next) {
		json_array_append_new(subscribers, subscriber_stats(at));
		pending += (int64_t)at->pending;
	}
	reply_json(reply, 200,
		   json_pack("{s:s, s:I, s:I, s:I, s:o}", "instance", bus->instance, "published",
			     (json_int_t)store_int(store, 0, "select count(*) from events", ""),
			     "pending", (json_int_t)pending, "dead_letters",
			     (json_int_t)store_int(store, 0, "select count(*) from dead_letters",
						   ""),
			     "subscribers", subscribers));
}

/* --- dead letters --- */

static void list_dead_letters(struct request *request, struct reply *reply)
{
	json_t *items = json_array();
	int64_t after, limit;
	struct rows rows;

	if (!request_query_int(request, reply, "after", 0, 0, INT64_MAX, &after) ||
	    !request_query_int(request, reply, "limit", PAGE_DEFAULT, 1, PAGE_MAX, &limit)) {
		json_decref(items);
		return;
	}
	rows = store_query(request->service->store,
			   "select l.id, l.subscriber, l.failed, l.at, e.envelope"
			   " from dead_letters l join events e using (position)"
			   " where l.id > ?1 order by l.id limit ?2",
			   "ii", after, limit);
	while (rows_next(&rows))
		json_array_append_new(items,
				      json_pack("{s:I, s:s, s:I, s:s, s:o}", "id",
						(json_int_t)rows_int(&rows, 0), "subscriber",
						rows_text(&rows, 1), "failed",
						(json_int_t)rows_int(&rows, 2), "at",
						rows_text(&rows, 3), "event", rows_json(&rows, 4)));
	rows_end(&rows);
	reply_json(reply, 200, json_pack("{s:o}", "items", items));
}

/* What a letter says, then out of the dead letters and into the deliveries. */
static bool revive(struct bus *bus, int64_t id, struct subscriber **subscriber,
		   struct addition *letter, struct arena *arena)
{
	struct store *store = bus->service->store;
	struct rows rows = store_query(store,
				       "select l.subscriber, l.position, e.aggregate"
				       " from dead_letters l join events e using (position)"
				       " where l.id = ?1",
				       "i", id);
	bool found = rows_next(&rows);

	if (found) {
		*subscriber = add_subscriber(bus, rows_text(&rows, 0));
		letter->position = rows_int(&rows, 1);
		letter->aggregate = arena_string(arena, text_of(rows_text(&rows, 2)));
	}
	rows_end(&rows);
	if (!found)
		return false;
	store_run(store, "delete from dead_letters where id = ?1", "i", id);
	store_run(store, "insert or ignore into deliveries values (?1, ?2, 0)", "si",
		  (*subscriber)->name, letter->position);
	return store_changes(store) == 1;
}

static void retry_dead_letter(struct request *request, struct reply *reply)
{
	struct bus *bus = bus_of(request->service);
	int64_t id = strtoll(request->parameters[0], NULL, 10);
	struct subscriber *subscriber = NULL;
	struct addition letter;
	bool revived;

	store_begin(bus->service->store);
	revived = revive(bus, id, &subscriber, &letter, request->arena);
	store_commit(bus->service->store);
	if (!revived) {
		reply_error(request, reply, 404, "no_dead_letter", "there is no such dead letter");
		return;
	}
	queue_delivery(subscriber, letter.position, letter.aggregate, 0);
	wake_subscriber(subscriber);
	reply_json(reply, 200, json_pack("{s:b}", "retried", true));
}

static const struct route routes[] = {
	{ "POST", "/internal/publish", publish },
	{ "POST", "/internal/subscribe", subscribe },
	{ "GET", "/internal/stats", get_stats },
	{ "GET", "/internal/dead-letters", list_dead_letters },
	{ "POST", "/internal/dead-letters/{id}/retry", retry_dead_letter },
	{ "GET", "/api/events", list_events },
	{ "GET", "/api/events/counts", get_counts },
	{ "GET", "/api/events/dead-letters", list_dead_letters },
	ROUTES_END
};

const struct service_kind service_bus = {
	.name = "bus",
	.schema = schema,
	.routes = routes,
	.started = started,
};
