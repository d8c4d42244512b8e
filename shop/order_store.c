/* An order in the database: written once, moved by compare and set, every move with its event. */
#include "shop/order.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "shop/order_sql.h"

#define ORDERS_TABLE(name)                                                                         \
	"create table if not exists " name                                                         \
	" (number integer primary key, id text not null unique, user_id text not null,"            \
	" email text not null, key text not null, status text not null, coupon text,"              \
	" card text not null, items text not null, subtotal_cents integer not null,"               \
	" discount_cents integer not null, shipping_cents integer not null,"                       \
	" total_cents integer not null, correlation text, traceparent text,"                       \
	" created_at text not null, updated_at text not null, changed_us integer not null) strict;"

/* That a key is used once is the affair of the frame's table of keys; here it is only looked up. */
const char order_schema[] =
	ORDERS_TABLE("orders") ORDERS_TABLE("orders_copy")
	"create index if not exists orders_of_user on orders (user_id, number);"
	"create index if not exists orders_by_key on orders (key, user_id);"
	"create index if not exists orders_by_status on orders (status, number);"
	"create index if not exists orders_by_change on orders (changed_us);"
	"create table if not exists order_history (number integer primary key,"
	" order_id text not null, status text not null, at text not null) strict;"
	"create index if not exists order_history_of on order_history (order_id);"
	"create table if not exists sagas (order_id text primary key, style text not null,"
	" step text not null, outcome text, reason text, sent integer not null,"
	" heard integer not null, attempts integer not null, deadline_us integer not null,"
	" next_at_us integer not null, born_us integer not null) strict, without rowid;"
	"create index if not exists sagas_due on sagas (next_at_us) where step <> 'DONE';"
	"create table if not exists cart (user_id text not null, sku text not null,"
	" qty integer not null, primary key (user_id, sku)) strict, without rowid;"
	"create table if not exists coupons (code text primary key, percent integer not null,"
	" amount_cents integer not null, per_user integer not null) strict, without rowid;"
	"create table if not exists coupon_uses (code text not null, holder text not null,"
	" order_id text not null, primary key (code, holder)) strict, without rowid;"
	"create index if not exists coupon_uses_of on coupon_uses (order_id);"
	"create table if not exists customers (id text primary key, email text not null,"
	" asked_us integer not null) strict, without rowid;";

static const char *keep(struct arena *arena, const char *string)
{
	return string ? arena_string(arena, text_of(string)) : NULL;
}

static bool line_read(const json_t *item, struct order_line *line)
{
	const char *sku = json_string_value(json_object_get(item, "sku"));
	const char *name = json_string_value(json_object_get(item, "name"));

	if (!sku || strlen(sku) >= sizeof(line->sku))
		return false;
	snprintf(line->sku, sizeof(line->sku), "%s", sku);
	snprintf(line->name, sizeof(line->name), "%s", name ? name : "");
	line->qty = json_integer_value(json_object_get(item, "qty"));
	line->price_cents = json_integer_value(json_object_get(item, "price_cents"));
	return true;
}

bool order_lines_read(json_t *items, struct arena *arena, struct order_line **lines, size_t *count)
{
	size_t length = json_array_size(items);

	*lines = arena_array(arena, length ? length : 1, sizeof(**lines));
	*count = length;
	for (size_t i = 0; i < length; i++)
		if (!line_read(json_array_get(items, i), *lines + i))
			return false;
	return true;
}

json_t *order_lines_json(const struct order *order)
{
	json_t *items = json_array();

	for (size_t i = 0; i < order->line_count; i++) {
		const struct order_line *line = &order->lines[i];

		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:I, s:I}", "sku", line->sku, "name",
						line->name, "qty", (json_int_t)line->qty,
						"price_cents", (json_int_t)line->price_cents));
	}
	return items;
}

static void read_saga(struct rows *rows, struct arena *arena, struct order *order)
{
	const char *style = rows_text(rows, 16), *step = rows_text(rows, 17);

	order->style = style && strcmp(style, "choreographed") == 0 ? SAGA_CHOREOGRAPHED :
								      SAGA_ORCHESTRATED;
	if (!step || !saga_step_of(step, &order->step))
		order->step = STEP_RESERVE;
	order->reason = keep(arena, rows_text(rows, 18));
}

struct order *order_of_row(struct rows *rows, struct arena *arena)
{
	struct order *order = arena_new(arena, sizeof(*order));
	json_t *items = rows_json(rows, 7);

	order->id = keep(arena, rows_text(rows, 0));
	order->user = keep(arena, rows_text(rows, 1));
	order->email = keep(arena, rows_text(rows, 2));
	order->key = keep(arena, rows_text(rows, 3));
	order_status_of(rows_text(rows, 4), &order->status);
	order->coupon = keep(arena, rows_text(rows, 5));
	order->card = keep(arena, rows_text(rows, 6));
	order_lines_read(items, arena, &order->lines, &order->line_count);
	json_decref(items);
	order->totals = (struct order_totals){ rows_int(rows, 8), rows_int(rows, 9),
					       rows_int(rows, 10), rows_int(rows, 11) };
	order->correlation = keep(arena, rows_text(rows, 12));
	order->traceparent = keep(arena, rows_text(rows, 13));
	order->created_at = keep(arena, rows_text(rows, 14));
	order->updated_at = keep(arena, rows_text(rows, 15));
	read_saga(rows, arena, order);
	return order;
}

static struct order *load_one(struct rows rows, struct arena *arena)
{
	struct order *order = rows_next(&rows) ? order_of_row(&rows, arena) : NULL;

	rows_end(&rows);
	return order;
}

struct order *order_load(struct service *service, struct arena *arena, const char *id)
{
	return load_one(store_query(service->store, ORDERS_FROM("orders") " where o.id = ?1", "s",
				    id),
			arena);
}

struct order *order_load_shown(struct service *service, struct arena *arena, const char *id)
{
	if (!bug(BUG_STALE_READ))
		return order_load(service, arena, id);
	return load_one(store_query(service->store, ORDERS_FROM("orders_copy") " where o.id = ?1",
				    "s", id),
			arena);
}

/* Each has its own words, so that each finds its index. A key is unique to its user. */
struct order *order_load_by_key(struct service *service, struct arena *arena, const char *user,
				const char *key)
{
#define BY_KEY(table)                                                                              \
	{                                                                                          \
		ORDERS_FROM(table) " where o.user_id = ?1 and o.key = ?2 order by o.number"        \
				   " limit 1",                                                     \
			ORDERS_FROM(table) " where o.key = ?2 order by o.number limit 1"           \
	}
	static const char *const lists[2][2] = { BY_KEY("orders"), BY_KEY("orders_copy") };

	return load_one(store_query(service->store, lists[bug(BUG_STALE_READ)][!user], "ss", user,
				    key),
			arena);
}

json_t *order_json(const struct order *order)
{
	const struct order_totals *totals = &order->totals;
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:s, s:s*, s:s, s:s*, s:s, s:s}",
		"id", order->id, "key", order->key, "user", order->user, "status",
		order_status_name(order->status), "items", order_lines_json(order),
		"subtotal_cents", (json_int_t)totals->subtotal_cents, "discount_cents",
		(json_int_t)totals->discount_cents, "shipping_cents",
		(json_int_t)totals->shipping_cents, "total_cents", (json_int_t)totals->total_cents,
		"currency", "usd", "coupon", order->coupon, "card", order->card, "correlation_id",
		order->correlation, "created_at", order->created_at, "updated_at",
		order->updated_at);

	if (order->reason)
		json_object_set_new(json, "reason", json_string(order->reason));
	if (saga_is_undoing(order->step))
		json_object_set_new(json, "undoing", json_true());
	return json;
}

static void add_history(struct service *service, const struct order *order, const char *at)
{
	char label[40];

	store_run(service->store,
		  "insert into order_history (order_id, status, at) values (?1, ?2, ?3)", "sss",
		  order->id, order_status_name(order->status), at);
	snprintf(label, sizeof(label), "status=\"%s\"", order_status_name(order->status));
	metric_add(service, "orders_total", label, 1);
}

void order_insert(struct service *service, const struct order *order)
{
	json_t *items = order_lines_json(order);

	store_run(service->store,
		  "insert into orders (id, user_id, email, key, status, coupon, card, items,"
		  " subtotal_cents, discount_cents, shipping_cents, total_cents, correlation,"
		  " traceparent, created_at, updated_at, changed_us) values (?1, ?2, ?3, ?4, ?5,"
		  " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
		  "sssssssjiiiissssi", order->id, order->user, order->email, order->key,
		  order_status_name(order->status), order->coupon, order->card, items,
		  order->totals.subtotal_cents, order->totals.discount_cents,
		  order->totals.shipping_cents, order->totals.total_cents, order->correlation,
		  order->traceparent, order->created_at, order->updated_at, clock_wall_us());
	json_decref(items);
	add_history(service, order, order->created_at);
	order_announce(service, order, order->status);
}

bool order_move_quietly(struct service *service, struct order *order, enum order_status to)
{
	struct arena arena = ARENA_EMPTY;
	const char *now = time_now_iso(&arena);
	enum order_status from = order->status;
	bool overwrites = bug(BUG_APPROVE_OVERWRITES) || bug(BUG_LATE_PAID_REVIVES);
	bool moved = order_may_move(order->style, from, to) || (overwrites && from != to);

	if (moved) {
		store_run(service->store,
			  "update orders set status = ?1, updated_at = ?2, changed_us = ?3"
			  " where id = ?4 and status = ?5",
			  "ssiss", order_status_name(to), now, clock_wall_us(), order->id,
			  order_status_name(from));
		moved = store_changes(service->store) == 1;
	}
	if (moved) {
		order->status = to;
		add_history(service, order, now);
	}
	arena_release(&arena);
	return moved;
}

bool order_move(struct service *service, struct order *order, enum order_status to)
{
	if (!order_move_quietly(service, order, to))
		return false;
	order_announce(service, order, to);
	return true;
}

static json_t *plain_items(const struct order *order)
{
	json_t *items = json_array();

	for (size_t i = 0; i < order->line_count; i++)
		json_array_append_new(items, json_pack("{s:s, s:I}", "sku", order->lines[i].sku,
						       "qty", (json_int_t)order->lines[i].qty));
	return items;
}

void order_announce(struct service *service, const struct order *order, enum order_status status)
{
	json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:s, s:s*}", "order_id",
				 order->id, "order_key", order->key, "user", order->user, "email",
				 order->email, "total_cents", (json_int_t)order->totals.total_cents,
				 "card", order->card, "items", plain_items(order), "status",
				 order_status_name(status), "reason", order->reason);

	service_publish(service, order_status_event(status), order->id, order->correlation, data);
}
