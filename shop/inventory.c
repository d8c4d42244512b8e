/*
 * inventory: what is there, what is held for an order, what was sold.
 *
 * An order's hold is one row, and all that ever happens to it is a move of its state:
 *
 *	(none) -> RESERVED -> SOLD        the items are set aside, then they are the customer's
 *	(none) -> REFUSED                 there was not enough of one of them: nothing was set aside
 *	any    -> RELEASED                given back, for good; also when it comes before all else,
 *	                                  so that a reserve that was late finds the order undone
 *
 * So each call may come twice, late, and in any order. Stock, hold and movements change in one
 * transaction, and initial + restocked = available + reserved + sold, always.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "shop/evidence.h"
#include "shop/services.h"
#include "shop/settings.h"

enum { ITEMS_MAX = 100, QTY_MAX = 1000000, ID_BYTES_MAX = 200, LIMIT_MAX = 1000 };

static const char schema[] =
	"create table if not exists stock(sku text primary key, available integer not null,"
	" reserved integer not null, sold integer not null, initial integer not null,"
	" restocked integer not null);"
	"create table if not exists holds(order_id text primary key, user text,"
	" state text not null, items text not null, short text) without rowid;"
	"create table if not exists movements(id integer primary key, order_id text, sku text not null,"
	" kind text not null, qty integer not null,"
	" at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
	"create index if not exists movements_of on movements(order_id);";

/* Holds. All of these run inside a transaction. */

enum hold_result { HOLD_DONE, HOLD_SHORT, HOLD_RELEASED, HOLD_OTHER, HOLD_NONE };

struct hold {
	const char *order, *user;
	const json_t *items; /* [{"sku", "qty"}] */
	const char *state;   /* NULL: there is no such row */
	char *short_of;      /* owned */
};

static const char *line_sku(const json_t *line)
{
	return json_string_value(json_object_get(line, "sku"));
}

static int64_t line_qty(const json_t *line)
{
	return json_integer_value(json_object_get(line, "qty"));
}

/* The row as it is; the caller owns what is returned, which is NULL if there is none. */
static json_t *hold_load(struct service *service, struct hold *hold)
{
	static const char *const states[] = { "RESERVED", "SOLD", "REFUSED", "RELEASED" };
	struct rows rows = store_query(service->store,
				       "select state, items, short from holds where order_id = ?1",
				       "s", hold->order);
	json_t *items = NULL;

	hold->state = NULL;
	if (rows_next(&rows)) {
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
			if (strcmp(states[i], rows_text(&rows, 0)) == 0)
				hold->state = states[i];
		items = rows_json(&rows, 1);
		if (rows_text(&rows, 2))
			hold->short_of = memory_copy_string(rows_text(&rows, 2));
	}
	rows_end(&rows);
	return items;
}

static void hold_save(struct service *service, const struct hold *hold, const char *state)
{
	store_run(service->store,
		  "insert into holds values (?1, ?2, ?3, ?4, ?5) on conflict(order_id)"
		  " do update set state = ?3, items = ?4, short = ?5",
		  "sssjs", hold->order, hold->user, state, hold->items, hold->short_of);
}

static bool hold_is(const struct hold *hold, const char *state)
{
	return hold->state && strcmp(hold->state, state) == 0;
}

/* Moves every item of the order by `sql`, which has ?1 the quantity and ?2 the sku. */
static void move(struct service *service, const char *order, const json_t *items, const char *kind,
		 const char *sql)
{
	size_t i;
	json_t *line;

	json_array_foreach(items, i, line) {
		store_run(service->store, sql, "is", line_qty(line), line_sku(line));
		store_run(service->store,
			  "insert into movements(order_id, sku, kind, qty) values (?1, ?2, ?3, ?4)",
			  "sssi", order, line_sku(line), kind, line_qty(line));
	}
}

static int64_t available(struct service *service, const char *sku)
{
	return store_int(service->store, 0, "select available from stock where sku = ?1", "s", sku);
}

/* What was available a moment ago: {"SKU-1": 5}. */
static json_t *read_stock(struct service *service, const json_t *items)
{
	json_t *seen = json_object();
	size_t i;
	json_t *line;

	json_array_foreach(items, i, line) {
		json_object_set_new(seen, line_sku(line),
				    json_integer(available(service, line_sku(line))));
	}
	return seen;
}

/* Which of the items there is not enough of; NULL: there is. */
static const char *missing(struct service *service, const json_t *items, const json_t *seen)
{
	size_t i;
	json_t *line;

	json_array_foreach(items, i, line) {
		const char *sku = line_sku(line);
		int64_t there = seen ? json_integer_value(json_object_get(seen, sku)) :
				       available(service, sku);

		if (there < line_qty(line))
			return sku;
	}
	return NULL;
}

/* BUG_STOCK_READ_MODIFY_WRITE: what was read, less what is taken, is what is left. */
static void write_back(struct service *service, const json_t *items, const json_t *seen)
{
	size_t i;
	json_t *line;

	json_array_foreach(items, i, line) {
		const char *sku = line_sku(line);
		int64_t left = json_integer_value(json_object_get(seen, sku)) - line_qty(line);

		store_run(service->store, "update stock set available = ?1 where sku = ?2", "is",
			  left, sku);
	}
}

static void set_aside(struct service *service, const struct hold *hold, const json_t *seen)
{
	if (!seen) {
		move(service, hold->order, hold->items, "RESERVE",
		     "update stock set available = available - ?1, reserved = reserved + ?1"
		     " where sku = ?2");
		return;
	}
	move(service, hold->order, hold->items, "RESERVE",
	     "update stock set reserved = reserved + ?1 where sku = ?2");
	write_back(service, hold->items, seen);
}

static enum hold_result reserve_anew(struct service *service, struct hold *hold, const json_t *seen)
{
	const char *sku = missing(service, hold->items, seen);

	free(hold->short_of);
	hold->short_of = sku ? memory_copy_string(sku) : NULL;
	if (!sku)
		set_aside(service, hold, seen);
	hold_save(service, hold, sku ? "REFUSED" : "RESERVED");
	return sku ? HOLD_SHORT : HOLD_DONE;
}

/* `seen` is NULL: what is there is looked up where it is taken. */
static enum hold_result hold_reserve(struct service *service, struct hold *hold, const json_t *seen)
{
	json_t *items = hold_load(service, hold);
	bool same = json_equal(items, hold->items);

	json_decref(items);
	if (hold_is(hold, "RELEASED") && !bug(BUG_LATE_RESERVE))
		return HOLD_RELEASED;
	if (!hold->state || hold_is(hold, "RELEASED"))
		return reserve_anew(service, hold, seen);
	if (!same)
		return HOLD_OTHER;
	return hold_is(hold, "REFUSED") ? HOLD_SHORT : HOLD_DONE;
}

static enum hold_result hold_sell(struct service *service, struct hold *hold)
{
	json_t *items = hold_load(service, hold);
	enum hold_result result = HOLD_DONE;

	hold->items = items;
	if (hold_is(hold, "RESERVED")) {
		move(service, hold->order, items, "SELL",
		     "update stock set reserved = reserved - ?1, sold = sold + ?1 where sku = ?2");
		hold_save(service, hold, "SOLD");
	} else if (!hold_is(hold, "SOLD")) {
		result = hold_is(hold, "RELEASED") ? HOLD_RELEASED : HOLD_NONE;
	}
	json_decref(items);
	hold->items = NULL;
	return result;
}

static void give_back(struct service *service, const struct hold *hold)
{
	if (hold_is(hold, "SOLD"))
		move(service, hold->order, hold->items, "RETURN",
		     "update stock set sold = sold - ?1, available = available + ?1"
		     " where sku = ?2");
	else
		move(service, hold->order, hold->items, "RELEASE",
		     "update stock set reserved = reserved - ?1, available = available + ?1"
		     " where sku = ?2");
}

static bool holds_something(const struct hold *hold)
{
	if (hold_is(hold, "RELEASED"))
		return bug(BUG_UNDO_NOT_IDEMPOTENT);
	if (hold_is(hold, "REFUSED"))
		return bug(BUG_CANCEL_WITHOUT_RESERVE);
	return hold->state;
}

/* Whatever was held before, nothing is afterwards, and nothing will be. */
static void hold_release(struct service *service, const char *order, const char *user, bool final)
{
	struct hold hold = { .order = order, .user = user };
	json_t *items = hold_load(service, &hold);

	hold.items = items ? items : json_array();
	if (holds_something(&hold))
		give_back(service, &hold);
	if (final)
		hold_save(service, &hold, "RELEASED");
	json_decref(items ? items : (json_t *)(uintptr_t)hold.items);
	free(hold.short_of);
}

/* BUG_RELEASE_LOST: nobody has to wait for a release. */

struct later {
	struct service *service;
	char *order;
};

static void release_later(void *context)
{
	struct later *later = context;

	task_sleep_us(20000);
	store_begin(later->service->store);
	hold_release(later->service, later->order, NULL, true);
	store_commit(later->service->store);
	free(later->order);
	free(later);
}

static void start_release(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	task_start(release_later, context);
}

static void promise_release(struct service *service, const char *order)
{
	static const struct timeval at_once;
	struct later *later = memory_new(sizeof(*later));

	*later = (struct later){ service, memory_copy_string(order) };
	event_base_once(service->base, -1, EV_TIMEOUT, start_release, later, &at_once);
}

/* In a transaction, or before it is promised. */
static void release(struct service *service, const char *order, const char *user, bool final)
{
	if (bug(BUG_RELEASE_LOST))
		promise_release(service, order);
	else
		hold_release(service, order, user, final);
}

/* Items that others sent, as they are stored: each sku once. NULL: they are no such thing. */
static json_t *items_read(const json_t *from)
{
	json_t *items = json_array(), *sums = json_object(), *line, *sum;
	const char *sku;
	size_t i;
	bool good = json_array_size(from) >= 1 && json_array_size(from) <= ITEMS_MAX;

	json_array_foreach(from, i, line) {
		int64_t qty = line_qty(line);

		sku = line_sku(line);
		good = good && sku && strlen(sku) <= ID_BYTES_MAX && qty >= 1 && qty <= QTY_MAX;
		if (!good)
			break;
		sum = json_object_get(sums, sku);
		json_object_set_new(sums, sku, json_integer(json_integer_value(sum) + qty));
	}
	json_object_foreach(sums, sku, sum) {
		json_array_append_new(items, json_pack("{s:s, s:O}", "sku", sku, "qty", sum));
	}
	json_decref(sums);
	if (good)
		return items;
	json_decref(items);
	return NULL;
}

/* Calls. */

static void reply_held(struct request *request, struct reply *reply, enum hold_result result,
		       const struct hold *hold)
{
	switch (result) {
	case HOLD_DONE:
		reply_json(reply, 200,
			   json_pack("{s:s, s:b}", "order_id", hold->order, "reserved", 1));
		return;
	case HOLD_SHORT:
		reply_error(request, reply, 409, "out_of_stock", "there is not enough of '%s'",
			    hold->short_of);
		json_object_set_new(json_object_get(reply->json, "error"), "sku",
				    json_string(hold->short_of));
		return;
	case HOLD_RELEASED:
		reply_error(request, reply, 409, "cancelled", "the order has been undone");
		return;
	case HOLD_OTHER:
		reply_error(request, reply, 422, "order_id_misused",
			    "the order was reserved with other items");
		return;
	case HOLD_NONE:
		reply_error(request, reply, 409, "not_reserved", "nothing is held for the order");
	}
}

static void post_reserve(struct request *request, struct reply *reply)
{
	struct service *service = request->service;
	struct hold hold = { .user = request->user };
	json_t *items, *seen = NULL;
	enum hold_result result;

	if (!request_string(request, reply, "order_id", ID_BYTES_MAX, &hold.order))
		return;
	hold.items = items = items_read(json_object_get(request->json, "items"));
	if (!items) {
		reply_error(request, reply, 400, "bad_input", "'items' must be [{sku, qty}, ...]");
		return;
	}
	if (bug(BUG_STOCK_READ_MODIFY_WRITE)) {
		seen = read_stock(service, items);
		task_sleep_us(2000);
	}
	store_begin(service->store);
	result = hold_reserve(service, &hold, seen);
	store_commit(service->store);
	reply_held(request, reply, result, &hold);
	json_decref(items);
	json_decref(seen);
	free(hold.short_of);
}

static void post_sell(struct request *request, struct reply *reply)
{
	struct service *service = request->service;
	struct hold hold = { .user = request->user };
	enum hold_result result;

	if (!request_string(request, reply, "order_id", ID_BYTES_MAX, &hold.order))
		return;
	store_begin(service->store);
	result = hold_sell(service, &hold);
	store_commit(service->store);
	if (result == HOLD_DONE)
		reply_json(reply, 200, json_pack("{s:s, s:b}", "order_id", hold.order, "sold", 1));
	else
		reply_held(request, reply, result == HOLD_SHORT ? HOLD_NONE : result, &hold);
	free(hold.short_of);
}

static void post_release(struct request *request, struct reply *reply)
{
	struct service *service = request->service;
	const char *order;
	bool final;

	if (!request_string(request, reply, "order_id", ID_BYTES_MAX, &order))
		return;
	/* Who releases without a key has not thought of doing it once. */
	final = !bug(BUG_STOCK_RELEASED_TWICE) || request->key;
	store_begin(service->store);
	release(service, order, request->user, final);
	store_commit(service->store);
	reply_json(reply, 200, json_pack("{s:s, s:b}", "order_id", order, "released", 1));
}

static json_t *stock_json(struct rows *rows)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "sku", rows_text(rows, 0), "available",
			 (json_int_t)rows_int(rows, 1), "reserved", (json_int_t)rows_int(rows, 2),
			 "sold", (json_int_t)rows_int(rows, 3), "initial",
			 (json_int_t)rows_int(rows, 4), "restocked", (json_int_t)rows_int(rows, 5));
}

#define STOCK_COLUMNS "select sku, available, reserved, sold, initial, restocked from stock"

static void get_stock(struct request *request, struct reply *reply)
{
	struct store *store = request->service->store;
	const char *sku = request_query(request, "sku", NULL);
	json_t *items = json_array();
	int64_t page, limit;
	struct rows rows;

	if (!request_query_int(request, reply, "page", 1, 1, 1000000, &page) ||
	    !request_query_int(request, reply, "limit", 100, 1, LIMIT_MAX, &limit)) {
		json_decref(items);
		return;
	}
	rows = store_query(store,
			   STOCK_COLUMNS " where ?1 is null or sku = ?1"
					 " order by rowid limit ?2 offset ?3",
			   "sii", sku, limit, (page - 1) * limit);
	while (rows_next(&rows))
		json_array_append_new(items, stock_json(&rows));
	rows_end(&rows);
	reply_json(reply, 200,
		   json_pack("{s:o, s:I, s:I, s:I}", "items", items, "page", (json_int_t)page,
			     "limit", (json_int_t)limit, "total",
			     (json_int_t)store_int(store, 0,
						   "select count(*) from stock"
						   " where ?1 is null or sku = ?1",
						   "s", sku)));
}

static json_t *movement_json(struct rows *rows)
{
	return json_pack("{s:I, s:s?, s:s, s:s, s:I, s:s}", "id", (json_int_t)rows_int(rows, 0),
			 "order_id", rows_text(rows, 1), "sku", rows_text(rows, 2), "kind",
			 rows_text(rows, 3), "qty", (json_int_t)rows_int(rows, 4), "at",
			 rows_text(rows, 5));
}

static void get_movements(struct request *request, struct reply *reply)
{
	static const struct evidence movements = {
		.owner = "select user from holds where order_id = ?1",
		.list = "select id, order_id, sku, kind, qty, at from movements"
			" where (?1 is null or order_id = ?1) and id > ?2 order by id limit ?3",
		.show = movement_json,
	};

	evidence_reply(request, reply, &movements);
}

/* In a transaction; false: there is no such sku. */
static bool restock(struct request *request, struct reply *reply, const char *sku, int64_t qty)
{
	struct store *store = request->service->store;
	struct rows rows;

	store_run(store,
		  "update stock set available = available + ?1, restocked = restocked + ?1"
		  " where sku = ?2",
		  "is", qty, sku);
	if (store_changes(store) != 1)
		return false;
	store_run(store, "insert into movements(sku, kind, qty) values (?1, 'RESTOCK', ?2)", "si",
		  sku, qty);
	rows = store_query(store, STOCK_COLUMNS " where sku = ?1", "s", sku);
	if (rows_next(&rows))
		reply_json(reply, 200, stock_json(&rows));
	rows_end(&rows);
	if (request->key)
		key_answered(request, reply);
	return true;
}

static void post_restock(struct request *request, struct reply *reply)
{
	struct store *store = request->service->store;
	const char *sku;
	int64_t qty;

	if (!request->is_admin) {
		reply_error(request, reply, request->user ? 403 : 401,
			    request->user ? "forbidden" : "unauthorized", "for admins only");
		return;
	}
	if (!request_string(request, reply, "sku", ID_BYTES_MAX, &sku) ||
	    !request_int(request, reply, "qty", 1, QTY_MAX, &qty))
		return;
	store_begin(store);
	if (request->key && key_take(request, reply) != KEY_NEW) {
		store_commit(store);
		return;
	}
	if (restock(request, reply, sku, qty)) {
		store_commit(store);
		return;
	}
	store_rollback(store);
	reply_error(request, reply, 404, "not_found", "there is no '%s'", sku);
}

/* Events. Orchestrated, the order service asks instead. */

static bool is_choreographed(const struct service *service)
{
	return service->settings->saga == SAGA_CHOREOGRAPHED;
}

static const char *member(const struct event *event, const char *name)
{
	const json_t *value = json_object_get(event->data, name);

	return json_string_length(value) <= ID_BYTES_MAX ? json_string_value(value) : NULL;
}

/* What the event says of the order goes on with ours. `data` is stolen. */
static void tell(struct service *service, const struct event *event, const char *type, json_t *data)
{
	static const char *const passed[] = { "order_id", "order_key", "user", "items" };
	char aggregate[ID_BYTES_MAX + 8];

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		json_object_set(data, passed[i], json_object_get(event->data, passed[i]));
	snprintf(aggregate, sizeof(aggregate), "stock-%s", member(event, "order_id"));
	service_publish(service, type, aggregate, event->correlation, data);
}

static void tell_reserved(struct service *service, const struct event *event,
			  enum hold_result result, const struct hold *hold)
{
	if (result == HOLD_DONE)
		tell(service, event, "InventoryReserved", json_object());
	if (result == HOLD_SHORT)
		tell(service, event, "InventoryInsufficient",
		     json_pack("{s:s, s:s}", "reason", "out_of_stock", "sku", hold->short_of));
}

static bool prepare_paid(struct service *service, const struct event *event)
{
	json_t *items, *seen;

	if (!bug(BUG_STOCK_READ_MODIFY_WRITE) || !is_choreographed(service))
		return true;
	items = items_read(json_object_get(event->data, "items"));
	seen = items ? read_stock(service, items) : NULL;
	json_decref(items);
	task_sleep_us(2000);
	service->prepared = seen;
	return true;
}

static bool consume_paid(struct service *service, const struct event *event)
{
	struct hold hold = { .order = member(event, "order_id"), .user = member(event, "user") };
	enum hold_result result;
	json_t *items;

	if (!is_choreographed(service))
		return true;
	hold.items = items = items_read(json_object_get(event->data, "items"));
	if (!hold.order || !items) {
		json_decref(items);
		return false;
	}
	result = hold_reserve(service, &hold, service->prepared);
	tell_reserved(service, event, result, &hold);
	json_decref(items);
	free(hold.short_of);
	return result != HOLD_OTHER;
}

static bool consume_confirmed(struct service *service, const struct event *event)
{
	struct hold hold = { .order = member(event, "order_id") };
	enum hold_result result;

	if (!is_choreographed(service))
		return true;
	if (!hold.order)
		return false;
	result = hold_sell(service, &hold);
	free(hold.short_of);
	return result == HOLD_DONE || result == HOLD_RELEASED;
}

static bool consume_undone(struct service *service, const struct event *event)
{
	const char *order = member(event, "order_id");

	if (!is_choreographed(service))
		return true;
	if (!order)
		return false;
	release(service, order, member(event, "user"), true);
	tell(service, event, "InventoryReleased", json_object());
	return true;
}

/* The service. */

static void started(struct service *service)
{
	store_run(service->store,
		  "insert or ignore into stock with recursive number(n) as"
		  " (select 1 union all select n + 1 from number where n < ?1)"
		  " select 'SKU-' || n, ?2, 0, 0, ?2, 0 from number",
		  "ii", service->settings->products, service->settings->initial_stock);
}

static const struct route routes[] = {
	{ "POST", "/internal/reserve", post_reserve },
	{ "POST", "/internal/sell", post_sell },
	{ "POST", "/internal/release", post_release },
	{ "GET", "/api/inventory", get_stock },
	{ "GET", "/api/inventory/movements", get_movements },
	{ "POST", "/api/inventory/restock", post_restock },
	ROUTES_END
};

static const struct subscription subscriptions[] = {
	{ .type = "PaymentSucceeded", .consume = consume_paid, .prepare = prepare_paid },
	{ .type = "OrderConfirmed", .consume = consume_confirmed },
	{ .type = "OrderFailed", .consume = consume_undone },
	{ .type = "OrderCancelled", .consume = consume_undone },
	SUBSCRIPTIONS_END
};

const struct service_kind service_inventory = {
	.name = "inventory",
	.schema = schema,
	.routes = routes,
	.subscriptions = subscriptions,
	.started = started,
};
