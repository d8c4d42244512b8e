/*
 * The orchestrated saga: the order service asks for every step, and undoes what it asked for.
 *
 *	RESERVE -> CHARGE -> CONFIRM -> SELL -> DONE           forward
 *	REFUND -> RELEASE -> DONE                              back
 *
 * A step is in the saga's row before it is sent; what came of it is written in the transaction that
 * writes the next one. A step whose answer is not known is sent again with the same key; from the
 * deadline on, it is undone instead. An undo is sent until it succeeds: whoever gets it remembers
 * it, and refuses the step itself should that arrive later.
 */
#include "shop/order.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

struct request_of_step {
	const char *edge, *path, *key;
};

static const struct request_of_step requests[STEP_COUNT] = {
	[STEP_RESERVE] = { "inventory", "/internal/reserve", "reserve" },
	[STEP_CHARGE] = { "payment", "/internal/charge", "charge" },
	[STEP_SELL] = { "inventory", "/internal/sell", "sell" },
	[STEP_REFUND] = { "payment", "/internal/refund", "refund" },
	[STEP_RELEASE] = { "inventory", "/internal/release", "release" },
};

enum { REASON_MAX = 40 };

struct turn {
	struct service *service;
	struct arena arena;
	struct saga saga;
	struct order *order;
	char reason[REASON_MAX];
};

static struct call call_of(const struct order *order, const char *edge, const char *path)
{
	return (struct call){ .edge = edge,
			      .method = "POST",
			      .path = path,
			      .correlation = order->correlation,
			      .traceparent = order->traceparent,
			      .user = order->user };
}

/* What the customer was shown, whatever it costs today. */
static int64_t amount_of(struct turn *turn)
{
	const struct order *order = turn->order;
	struct call call = call_of(order, "catalog", "/internal/prices");
	struct coupon coupon = { .code = NULL };
	const char *missing;

	if (!bug(BUG_TOTAL_RECOMPUTED) ||
	    ask_prices(turn->service, &call, order->lines, order->line_count, &missing) != ASK_OK)
		return order->totals.total_cents;
	if (order->coupon)
		coupon_find(turn->service, &turn->arena, order->coupon, &coupon);
	return order_totals(order->lines, order->line_count, &coupon).total_cents;
}

static void add_lines(json_t *body, const struct order *order)
{
	json_t *items = json_array();

	for (size_t i = 0; i < order->line_count; i++)
		json_array_append_new(items, json_pack("{s:s, s:I}", "sku", order->lines[i].sku,
						       "qty", (json_int_t)order->lines[i].qty));
	json_object_set_new(body, "items", items);
}

static json_t *body_of(struct turn *turn)
{
	const struct order *order = turn->order;
	json_t *body = json_pack("{s:s}", "order_id", order->id);

	if (turn->saga.step == STEP_RESERVE)
		add_lines(body, order);
	if (turn->saga.step == STEP_CHARGE) {
		json_object_set_new(body, "order_key", json_string(order->key));
		json_object_set_new(body, "amount_cents", json_integer(amount_of(turn)));
		json_object_set_new(body, "card", json_string(order->card));
		json_object_set_new(body, "user", json_string(order->user));
	}
	return body;
}

static void keep_reason(struct turn *turn, const struct answer *answer)
{
	const char *code =
		json_string_value(json_object_get(json_object_get(answer->json, "error"), "code"));

	snprintf(turn->reason, sizeof(turn->reason), "%s", code ? code : "refused");
}

static void count_step(struct turn *turn, enum saga_verdict verdict)
{
	static const char *const verdicts[] = { "did", "refused", "unknown" };
	char labels[64];

	snprintf(labels, sizeof(labels), "step=\"%s\",verdict=\"%s\"",
		 saga_step_name(turn->saga.step), verdicts[verdict]);
	metric_add(turn->service, "saga_steps_total", labels, 1);
}

static enum saga_verdict send_step(struct turn *turn)
{
	const struct request_of_step *request = &requests[turn->saga.step];
	struct call call = call_of(turn->order, request->edge, request->path);
	struct answer answer = { .json = NULL };
	json_t *body = body_of(turn);
	enum saga_verdict verdict;

	call.json = body;
	call.key = arena_format(&turn->arena, "%s-%s", request->key, turn->order->id);
	service_call(turn->service, &call, &answer);
	verdict = saga_judge(turn->saga.step, &answer);
	keep_reason(turn, &answer);
	count_step(turn, verdict);
	answer_release(&answer);
	json_decref(body);
	return verdict;
}

/* Someone else may have turned the saga to its undo while the answer was awaited. */
static bool is_still_mine(struct turn *turn)
{
	struct saga now;

	turn->order = order_load(turn->service, &turn->arena, turn->order->id);
	if (turn->saga.step == STEP_CHARGE &&
	    (bug(BUG_APPROVE_OVERWRITES) || bug(BUG_LATE_PAID_REVIVES)))
		return true;
	return saga_load(turn->service, turn->saga.order, &now) && now.step == turn->saga.step;
}

static void go_on(struct turn *turn)
{
	struct saga *saga = &turn->saga;

	if (saga->step == STEP_RESERVE) {
		saga->sent |= SENT_RESERVE;
		order_move(turn->service, turn->order, ORDER_INVENTORY_RESERVED);
		if (!bug(BUG_LATE_COMPENSATION))
			saga->sent |= SENT_CHARGE;
	} else if (saga->step == STEP_CHARGE) {
		saga->sent |= SENT_CHARGE;
		order_move(turn->service, turn->order, ORDER_PAYMENT_PROCESSED);
	}
	saga->step = saga_next(saga->step);
	saga->attempts = 0;
	saga_save(turn->service, saga, clock_wall_us() + SAGA_LEASE_US);
}

static void go_back(struct turn *turn)
{
	struct saga *saga = &turn->saga;

	saga->step = saga_next_undo(saga->sent, saga->step);
	saga->attempts = 0;
	if (saga->step == STEP_DONE)
		saga_finish(turn->service, saga, turn->order);
	else
		saga_save(turn->service, saga, clock_wall_us() + SAGA_LEASE_US);
}

static void try_later(struct turn *turn)
{
	struct saga *saga = &turn->saga;
	int64_t pause_us;

	saga->attempts++;
	pause_us = saga_pause_us(saga->attempts, random_unit(&turn->service->random));
	saga_save(turn->service, saga, clock_wall_us() + pause_us);
}

static bool settle(struct turn *turn, enum saga_verdict verdict)
{
	bool undoing = saga_is_undoing(turn->saga.step);

	if (undoing && bug(BUG_SKIP_FAILED_UNDO))
		verdict = SAGA_DID;
	if (verdict == SAGA_UNKNOWN)
		try_later(turn);
	else if (verdict == SAGA_REFUSED)
		saga_undo(turn->service, &turn->saga, turn->order, ORDER_FAILED, turn->reason);
	else if (undoing)
		go_back(turn);
	else
		go_on(turn);
	return verdict != SAGA_UNKNOWN;
}

static bool ask(struct turn *turn)
{
	enum saga_verdict verdict = send_step(turn);
	bool more = true;

	store_begin(turn->service->store);
	if (is_still_mine(turn))
		more = settle(turn, verdict);
	store_commit(turn->service->store);
	return more;
}

/* What must not wait for an answer any more, or needs none. */
static bool decide(struct turn *turn)
{
	bool late = turn->saga.step < STEP_CONFIRM && clock_wall_us() >= turn->saga.deadline_us;

	if (!late && turn->saga.step != STEP_CONFIRM)
		return false;
	store_begin(turn->service->store);
	if (late)
		saga_undo(turn->service, &turn->saga, turn->order, ORDER_FAILED, "timeout");
	else
		saga_confirm(turn->service, &turn->saga, turn->order);
	store_commit(turn->service->store);
	return true;
}

/* Sooner sent is sooner done; the row follows. */
static bool begin_unsaved(struct turn *turn, const char *order)
{
	turn->order = order_load(turn->service, &turn->arena, order);
	if (!turn->order)
		return false;
	send_step(turn);
	store_begin(turn->service->store);
	saga_insert(turn->service, order);
	store_commit(turn->service->store);
	return true;
}

/* What another task has just written can be read before it is durable: too early to act on it. */
static bool load_settled(struct turn *turn, const char *order, enum saga_step known)
{
	while (saga_load(turn->service, order, &turn->saga)) {
		if (turn->saga.step == known)
			return true;
		known = turn->saga.step;
		store_settle(turn->service->store);
	}
	return false;
}

static bool take_turn(struct turn *turn, const char *order, enum saga_step known)
{
	if (!load_settled(turn, order, known))
		return bug(BUG_STATE_NOT_SAVED) && begin_unsaved(turn, order);
	if (turn->saga.step == STEP_DONE)
		return false;
	turn->order = order_load(turn->service, &turn->arena, order);
	return turn->order && (decide(turn) || ask(turn));
}

bool saga_orchestrated_step(struct service *service, const char *order, enum saga_step *known)
{
	struct turn turn = { .service = service, .arena = ARENA_EMPTY };
	bool more = take_turn(&turn, order, *known);

	*known = turn.saga.step;
	arena_release(&turn.arena);
	return more;
}
