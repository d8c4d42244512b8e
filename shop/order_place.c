/*
 * POST /api/orders: one transaction makes the order, takes the key and the coupon, empties the
 * cart, writes the saga's first step and the event, and keeps the answer. What had to be asked was
 * asked before it began; what was looked at before is looked at again in it. Without it there is
 * nothing; with it the order will come to its end, whoever dies.
 */
#include "shop/order.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 200, CARD_MAX = 64, COUPON_MAX = 40, WAIT_US = 1500000 };

struct placing {
	struct request *request;
	struct order_line lines[ORDER_LINES_MAX];
	size_t count;
	bool from_cart, wait;
	bool refused; /* for good, because of how things were; a repetition must hear the same */
	struct coupon coupon;
	const char *coupon_code, *card, *email;
	int64_t expected_total_cents; /* -1: any */
	struct order order;
};

/* What is wanted. */

static bool refuse_items(struct placing *place, struct reply *reply, const char *why)
{
	reply_error(place->request, reply, 400, "bad_items", "items: %s", why);
	return false;
}

static struct order_line *line_for(struct placing *place, const char *sku)
{
	struct order_line *line;

	for (size_t i = 0; i < place->count; i++)
		if (strcmp(place->lines[i].sku, sku) == 0)
			return &place->lines[i];
	if (place->count == ORDER_LINES_MAX)
		return NULL;
	line = &place->lines[place->count++];
	snprintf(line->sku, sizeof(line->sku), "%s", sku);
	return line;
}

static bool read_item(struct placing *place, struct reply *reply, const json_t *item)
{
	const char *sku = json_string_value(json_object_get(item, "sku"));
	const json_t *qty = json_object_get(item, "qty");
	struct order_line *line;

	if (!sku || !*sku || strlen(sku) >= SKU_BYTES)
		return refuse_items(place, reply, "each needs a sku");
	if (!json_is_integer(qty) || json_integer_value(qty) < 1 ||
	    json_integer_value(qty) > ORDER_QTY_MAX)
		return refuse_items(place, reply, "each needs a qty from 1 to 1000");
	line = line_for(place, sku);
	if (!line)
		return refuse_items(place, reply, "at most 50 products");
	line->qty += json_integer_value(qty);
	if (line->qty > ORDER_QTY_MAX)
		return refuse_items(place, reply, "at most 1000 of each");
	return true;
}

static bool read_items(struct placing *place, struct reply *reply)
{
	const json_t *items = json_object_get(place->request->json, "items");

	place->from_cart = !items || json_is_null(items);
	if (place->from_cart) {
		place->count =
			cart_read(place->request->service, place->request->user, place->lines);
		if (place->count > 0)
			return true;
		place->refused = true;
		reply_error(place->request, reply, 400, "cart_empty", "there is nothing to order");
		return false;
	}
	if (!json_is_array(items) || json_array_size(items) == 0)
		return refuse_items(place, reply, "must be a list of what to order");
	for (size_t i = 0; i < json_array_size(items); i++)
		if (!read_item(place, reply, json_array_get(items, i)))
			return false;
	return true;
}

static bool is_word(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-')
			return false;
	return true;
}

static bool read_card(struct placing *place, struct reply *reply)
{
	if (!optional_string(place->request, reply, "card", CARD_MAX, &place->card))
		return false;
	if (!place->card)
		place->card = "pm_card_visa";
	if (*place->card && is_word(place->card))
		return true;
	reply_error(place->request, reply, 400, "bad_card", "card must be the name of a card");
	return false;
}

static bool read_numbers(struct placing *place, struct reply *reply)
{
	const json_t *expected = json_object_get(place->request->json, "expected_total_cents");
	const json_t *wait = json_object_get(place->request->json, "wait");

	place->expected_total_cents = -1;
	if (expected && !json_is_null(expected) &&
	    !request_int(place->request, reply, "expected_total_cents", 0, INT64_C(1) << 40,
			 &place->expected_total_cents))
		return false;
	if (wait && !json_is_boolean(wait)) {
		reply_error(place->request, reply, 400, "bad_wait", "wait must be true or false");
		return false;
	}
	place->wait = json_is_true(wait);
	return true;
}

static bool refuse_coupon(struct placing *place, struct reply *reply, int status, const char *code)
{
	place->refused = true;
	reply_error(place->request, reply, status, code, "coupon '%s' can't be used",
		    place->coupon_code);
	return false;
}

static bool read_coupon(struct placing *place, struct reply *reply)
{
	struct service *service = place->request->service;

	if (!optional_string(place->request, reply, "coupon", COUPON_MAX, &place->coupon_code))
		return false;
	if (!place->coupon_code)
		return true;
	if (!coupon_find(service, place->request->arena, place->coupon_code, &place->coupon))
		return refuse_coupon(place, reply, 400, "unknown_coupon");
	if (!coupon_is_free(service, &place->coupon, place->request->user))
		return refuse_coupon(place, reply, 409, "coupon_used");
	return true;
}

static bool read_body(struct placing *place, struct reply *reply)
{
	if (place->request->body.length > 0 && !json_is_object(place->request->json)) {
		reply_error(place->request, reply, 400, "bad_json", "the body must be an object");
		return false;
	}
	return read_items(place, reply) && read_card(place, reply) && read_numbers(place, reply) &&
	       read_coupon(place, reply);
}

/* What it costs, and for whom. */

static bool ask_catalog(struct placing *place, struct reply *reply)
{
	struct request *request = place->request;
	struct call call = call_for(request, "catalog", "POST", "/internal/prices");
	const char *missing = NULL;

	switch (ask_prices(request->service, &call, place->lines, place->count, &missing)) {
	case ASK_OK:
		return true;
	case ASK_UNKNOWN_SKU:
		place->refused = true;
		reply_error(request, reply, 400, "unknown_sku", "there is no product '%s'",
			    missing);
		return false;
	case ASK_UNREACHABLE:
		break;
	}
	reply_unavailable(request, reply, "the catalog");
	return false;
}

static bool ask_auth(struct placing *place, struct reply *reply)
{
	place->email = ask_email(place->request);
	if (!place->email)
		reply_unavailable(place->request, reply, "auth");
	return place->email != NULL;
}

static void write_up(struct placing *place)
{
	struct request *request = place->request;

	place->order = (struct order){
		.id = make_id(request->service, place->request->arena, "ord_"),
		.user = request->user,
		.email = place->email,
		.key = request->key,
		.coupon = place->coupon.code,
		.card = place->card,
		.correlation = request->correlation ? request->correlation : "",
		.traceparent = request->traceparent,
		.created_at = time_now_iso(place->request->arena),
		.status = ORDER_PENDING,
		.totals = order_totals(place->lines, place->count, &place->coupon),
		.lines = place->lines,
		.line_count = place->count,
		.style = request->service->settings->saga,
	};
	place->order.updated_at = place->order.created_at;
}

/* In the transaction. */

static bool cart_is_as_it_was(struct placing *place, struct reply *reply)
{
	struct order_line now[ORDER_LINES_MAX];
	size_t count = cart_read(place->request->service, place->request->user, now), same = 0;

	while (same < count && same < place->count && now[same].qty == place->lines[same].qty &&
	       strcmp(now[same].sku, place->lines[same].sku) == 0)
		same++;
	if (same == count && same == place->count)
		return true;
	place->refused = true;
	reply_error(place->request, reply, 409, "cart_changed", "the cart has changed meanwhile");
	return false;
}

static bool take_key(struct placing *place, struct reply *reply)
{
	enum key_state state = key_take(place->request, reply);

	if (!bug(BUG_CHECK_THEN_INSERT))
		return state == KEY_NEW;
	buffer_clear(&reply->headers); /* it was new when we looked: it will be still */
	return true;
}

static void insert(struct placing *place)
{
	struct service *service = place->request->service;

	order_insert(service, &place->order);
	if (!bug(BUG_STATE_NOT_SAVED))
		saga_insert(service, place->order.id);
	if (place->from_cart)
		cart_clear(service, place->request->user);
	if (bug(BUG_MAIL_BEFORE_PIVOT))
		order_announce(service, &place->order, ORDER_CONFIRMED);
}

static bool may_stand(struct placing *place, struct reply *reply)
{
	int64_t total_cents = place->order.totals.total_cents;

	if (place->expected_total_cents >= 0 && place->expected_total_cents != total_cents) {
		place->refused = true;
		reply_error(place->request, reply, 409, "price_changed",
			    "the total is %lld cents now", (long long)total_cents);
		return false;
	}
	if (place->coupon.code && !coupon_take(place->request->service, &place->coupon,
					       place->request->user, place->order.id))
		return refuse_coupon(place, reply, 409, "coupon_used");
	return true;
}

/* False: nothing happened, and `reply` says why. */
static bool store_order(struct placing *place, struct reply *reply)
{
	struct store *store = place->request->service->store;

	store_begin(store);
	if (!take_key(place, reply) || (place->from_cart && !cart_is_as_it_was(place, reply))) {
		store_rollback(store);
		return false;
	}
	insert(place);
	if (!may_stand(place, reply) && bug(BUG_ERROR_AFTER_COMMIT)) {
		key_answered(place->request, reply);
		store_commit(store);
		return false;
	}
	if (place->refused) {
		store_rollback(store);
		return false;
	}
	reply_json(reply, 201, order_json(&place->order));
	key_answered(place->request, reply);
	store_commit(store);
	return true;
}

/* The same key gets the answer that was given. */
static void wait_for_end(struct placing *place, struct reply *reply)
{
	struct service *service = place->request->service;
	const struct order *order;

	saga_wait(service, place->order.id, WAIT_US);
	order = order_load(service, place->request->arena, place->order.id);
	reply_json(reply, 201, order_json(order));
	store_begin(service->store);
	key_answered(place->request, reply);
	store_commit(service->store);
}

static void place_order(struct placing *place, struct reply *reply)
{
	struct service *service = place->request->service;

	if (!read_body(place, reply) || !ask_catalog(place, reply) || !ask_auth(place, reply))
		return;
	write_up(place);
	if (!store_order(place, reply) && !bug(BUG_ERROR_AFTER_COMMIT))
		return;
	saga_kick(service, place->order.id, STEP_RESERVE);
	if (reply->status == 201 && place->wait)
		wait_for_end(place, reply);
}

/*
 * A refusal is an answer, too. An earlier attempt that was held up on its way must not become an
 * order after the customer has been told that there is none.
 */
static void keep_refusal(struct placing *place, struct reply *reply)
{
	struct store *store = place->request->service->store;
	struct reply earlier = { .status = 0 };

	store_begin(store);
	if (key_take(place->request, &earlier) == KEY_NEW) {
		key_answered(place->request, reply);
	} else {
		json_decref(reply->json);
		buffer_release(&reply->headers);
		*reply = earlier;
	}
	store_commit(store);
}

void order_place(struct request *request, struct reply *reply)
{
	struct placing *place;

	if (!order_user(request, reply))
		return;
	if (!request->key || !*request->key || strlen(request->key) > KEY_MAX) {
		reply_error(request, reply, 400, "key_required",
			    "an order needs an Idempotency-Key of at most %d bytes", KEY_MAX);
		return;
	}
	/* A repeated request gets its answer without asking anyone: its cart is empty by now. */
	if (key_look(request, reply) != KEY_NEW)
		return;
	place = arena_new(request->arena, sizeof(*place));
	place->request = request;
	place_order(place, reply);
	if (place->refused)
		keep_refusal(place, reply);
}
