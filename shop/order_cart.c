/* The cart: what someone may buy. It holds SKUs; prices are those of the moment it is looked at. */
#include "shop/order.h"

#include <stdio.h>
#include <string.h>

size_t cart_read(struct service *service, const char *user,
		 struct order_line lines[ORDER_LINES_MAX])
{
	struct rows rows =
		store_query(service->store,
			    "select sku, qty from cart where user_id = ?1 order by sku", "s", user);
	size_t count = 0;

	while (count < ORDER_LINES_MAX && rows_next(&rows)) {
		struct order_line *line = &lines[count++];

		memset(line, 0, sizeof(*line));
		snprintf(line->sku, sizeof(line->sku), "%s", rows_text(&rows, 0));
		line->qty = rows_int(&rows, 1);
	}
	rows_end(&rows);
	return count;
}

void cart_clear(struct service *service, const char *user)
{
	store_run(service->store, "delete from cart where user_id = ?1", "s", user);
}

static json_t *cart_json(const struct order_line *lines, size_t count)
{
	json_t *items = json_array();
	int64_t total_cents = 0;

	for (size_t i = 0; i < count; i++) {
		const struct order_line *line = &lines[i];
		int64_t cents = line->qty * line->price_cents;

		total_cents += cents;
		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:I, s:I, s:I}", "sku", line->sku,
						"name", line->name, "qty", (json_int_t)line->qty,
						"price_cents", (json_int_t)line->price_cents,
						"line_cents", (json_int_t)cents));
	}
	return json_pack("{s:o, s:I, s:s}", "items", items, "total_cents", (json_int_t)total_cents,
			 "currency", "usd");
}

static bool priced(struct request *request, struct reply *reply, struct order_line *lines,
		   size_t count)
{
	struct call call = call_for(request, "catalog", "POST", "/internal/prices");
	const char *missing = NULL;

	if (count == 0)
		return true;
	switch (ask_prices(request->service, &call, lines, count, &missing)) {
	case ASK_OK:
		return true;
	case ASK_UNKNOWN_SKU:
		reply_error(request, reply, 404, "not_found", "there is no product '%s'", missing);
		return false;
	case ASK_UNREACHABLE:
		break;
	}
	reply_unavailable(request, reply, "the catalog");
	return false;
}

static void show(struct request *request, struct reply *reply, int status)
{
	struct order_line lines[ORDER_LINES_MAX];
	size_t count = cart_read(request->service, request->user, lines);

	if (priced(request, reply, lines, count))
		reply_json(reply, status, cart_json(lines, count));
}

void cart_get(struct request *request, struct reply *reply)
{
	if (order_user(request, reply))
		show(request, reply, 200);
}

void cart_delete(struct request *request, struct reply *reply)
{
	if (!order_user(request, reply))
		return;
	cart_clear(request->service, request->user);
	reply->status = 204;
}

/* How many there are in it of everything else, and of this. */
static bool has_room(struct request *request, struct reply *reply, const char *sku, int64_t qty,
		     bool more)
{
	struct store *store = request->service->store;
	int64_t others =
		store_int(store, 0, "select count(*) from cart where user_id = ?1 and sku <> ?2",
			  "ss", request->user, sku);
	int64_t now = store_int(store, 0, "select qty from cart where user_id = ?1 and sku = ?2",
				"ss", request->user, sku);

	if (others < ORDER_LINES_MAX && (more ? now : 0) + qty <= ORDER_QTY_MAX)
		return true;
	reply_error(request, reply, 409, "cart_full",
		    "a cart holds at most %d products, and %d of each", ORDER_LINES_MAX,
		    ORDER_QTY_MAX);
	return false;
}

static bool put_line(struct request *request, struct reply *reply, const char *sku, int64_t qty,
		     bool more)
{
	struct store *store = request->service->store;
	bool has;

	store_begin(store);
	has = has_room(request, reply, sku, qty, more);
	if (!has) {
		store_rollback(store);
		return false;
	}
	store_run(store,
		  more ? "insert into cart (user_id, sku, qty) values (?1, ?2, ?3)"
			 " on conflict do update set qty = qty + excluded.qty" :
			 "insert into cart (user_id, sku, qty) values (?1, ?2, ?3)"
			 " on conflict do update set qty = excluded.qty",
		  "ssi", request->user, sku, qty);
	store_commit(store);
	return true;
}

/* The answer shows all of the cart, priced; so what is new is known to exist before it goes in. */
static void change(struct request *request, struct reply *reply, const char *sku, int64_t qty,
		   bool more)
{
	struct order_line lines[ORDER_LINES_MAX + 1];
	size_t count = cart_read(request->service, request->user, lines), i = 0;

	while (i < count && strcmp(lines[i].sku, sku) != 0)
		i++;
	if (i == count) {
		memset(&lines[i], 0, sizeof(lines[i]));
		snprintf(lines[i].sku, sizeof(lines[i].sku), "%s", sku);
		count++;
	}
	if (!priced(request, reply, lines, count) || !put_line(request, reply, sku, qty, more))
		return;
	lines[i].qty = more ? lines[i].qty + qty : qty;
	reply_json(reply, more ? 201 : 200, cart_json(lines, count));
}

void cart_add(struct request *request, struct reply *reply)
{
	const char *sku;
	int64_t qty;

	if (!order_user(request, reply) ||
	    !request_string(request, reply, "sku", SKU_BYTES - 1, &sku) ||
	    !request_int(request, reply, "qty", 1, ORDER_QTY_MAX, &qty))
		return;
	change(request, reply, sku, qty, true);
}

static bool is_in_cart(struct request *request, struct reply *reply)
{
	const char *sku = request->parameters[0];

	if (!order_user(request, reply))
		return false;
	if (store_int(request->service->store, 0,
		      "select 1 from cart where user_id = ?1 and sku = ?2", "ss", request->user,
		      sku))
		return true;
	reply_error(request, reply, 404, "not_found", "'%.40s' is not in the cart", sku);
	return false;
}

static void remove_item(struct request *request)
{
	store_run(request->service->store, "delete from cart where user_id = ?1 and sku = ?2", "ss",
		  request->user, request->parameters[0]);
}

void cart_put_item(struct request *request, struct reply *reply)
{
	int64_t qty;

	if (!is_in_cart(request, reply) ||
	    !request_int(request, reply, "qty", 0, ORDER_QTY_MAX, &qty))
		return;
	if (qty > 0) {
		change(request, reply, request->parameters[0], qty, false);
		return;
	}
	remove_item(request);
	show(request, reply, 200);
}

void cart_delete_item(struct request *request, struct reply *reply)
{
	if (!is_in_cart(request, reply))
		return;
	remove_item(request);
	reply->status = 204;
}
