/*
 * The choreographed saga: nobody is asked. The order service says what happened to the order, and
 * hears what happened elsewhere; all it keeps is what it has heard.
 *
 *	OrderCreated -> PaymentSucceeded -> InventoryReserved -> OrderConfirmed
 *	OrderFailed or OrderCancelled -> PaymentRefunded and InventoryReleased
 *
 * Events of different services may overtake each other, and every event may come twice or late; so
 * each only sets a bit, and the order moves when all bits are there that it needs. Once it is being
 * undone, nothing that went well is heard any more. Two clocks guard against events that never
 * come: the deadline undoes, and an undo that is not heard of is announced again.
 */
#include "shop/order.h"

#include <string.h>

#include "lib/clock.h"

struct heard {
	struct service *service;
	struct arena arena;
	struct saga saga;
	struct order *order;
	const char *reason;
};

static void keep(struct heard *heard)
{
	saga_save(heard->service, &heard->saga, heard->saga.deadline_us);
}

/* Both must have been heard; which came first does not matter. */
static void go_on(struct heard *heard)
{
	unsigned bits = heard->saga.heard;

	if (!(bits & HEARD_PAID)) {
		keep(heard);
		return;
	}
	if (heard->order->status != ORDER_PAYMENT_PROCESSED)
		order_move(heard->service, heard->order, ORDER_PAYMENT_PROCESSED);
	if (!(bits & HEARD_RESERVED)) {
		keep(heard);
		return;
	}
	order_move(heard->service, heard->order, ORDER_INVENTORY_RESERVED);
	saga_confirm(heard->service, &heard->saga, heard->order);
}

/* A cancel may have come between; it stays. */
static bool is_forward(const struct heard *heard)
{
	return heard->saga.step == STEP_LISTEN;
}

static void hear_paid(struct heard *heard)
{
	if (!is_forward(heard) && heard->order->status != ORDER_CONFIRMED &&
	    bug(BUG_LATE_PAID_REVIVES))
		heard->saga.step = STEP_LISTEN;
	if (!is_forward(heard))
		return;
	heard->saga.heard |= HEARD_PAID;
	go_on(heard);
}

static void hear_reserved(struct heard *heard)
{
	if (saga_is_undoing(heard->saga.step) && bug(BUG_APPROVE_OVERWRITES))
		heard->saga.step = STEP_LISTEN;
	if (!is_forward(heard))
		return;
	heard->saga.heard |= HEARD_RESERVED;
	go_on(heard);
}

static void hear_refusal(struct heard *heard)
{
	if (is_forward(heard))
		saga_undo(heard->service, &heard->saga, heard->order, ORDER_FAILED, heard->reason);
}

static void hear_undone(struct heard *heard, unsigned bit)
{
	const unsigned all = HEARD_REFUNDED | HEARD_RELEASED;

	if (heard->saga.step != STEP_LISTEN_UNDO || heard->saga.heard & bit)
		return;
	heard->saga.heard |= bit;
	if ((heard->saga.heard & all) == all)
		saga_finish(heard->service, &heard->saga, heard->order);
	else
		store_run(heard->service->store, "update sagas set heard = ?1 where order_id = ?2",
			  "is", (int64_t)heard->saga.heard, heard->saga.order);
}

static void hear_refunded(struct heard *heard)
{
	hear_undone(heard, HEARD_REFUNDED);
}

static void hear_released(struct heard *heard)
{
	hear_undone(heard, HEARD_RELEASED);
}

static bool hear(struct service *service, const struct event *event, void (*then)(struct heard *))
{
	const char *id = json_string_value(json_object_get(event->data, "order_id"));
	const char *reason = json_string_value(json_object_get(event->data, "reason"));
	struct heard heard = { .service = service, .arena = ARENA_EMPTY };
	bool known = id && saga_load(service, id, &heard.saga);

	heard.reason = reason && strlen(reason) < 40 ? reason : event->type;
	heard.order = known ? order_load(service, &heard.arena, id) : NULL;
	if (heard.order && heard.saga.style == SAGA_CHOREOGRAPHED)
		then(&heard);
	known = heard.order != NULL;
	arena_release(&heard.arena);
	return known; /* about no order of ours: for the dead letters */
}

static bool consume_paid(struct service *service, const struct event *event)
{
	return hear(service, event, hear_paid);
}

static bool consume_reserved(struct service *service, const struct event *event)
{
	return hear(service, event, hear_reserved);
}

static bool consume_refusal(struct service *service, const struct event *event)
{
	return hear(service, event, hear_refusal);
}

static bool consume_refunded(struct service *service, const struct event *event)
{
	return hear(service, event, hear_refunded);
}

static bool consume_released(struct service *service, const struct event *event)
{
	return hear(service, event, hear_released);
}

const struct subscription saga_subscriptions[] = {
	{ .type = "PaymentSucceeded", .consume = consume_paid },
	{ .type = "PaymentFailed", .consume = consume_refusal },
	{ .type = "InventoryReserved", .consume = consume_reserved },
	{ .type = "InventoryInsufficient", .consume = consume_refusal },
	{ .type = "PaymentRefunded", .consume = consume_refunded },
	{ .type = "InventoryReleased", .consume = consume_released },
	SUBSCRIPTIONS_END
};

static void say_again(struct heard *heard)
{
	int64_t pause_us = INT64_C(10000000);

	heard->saga.attempts++;
	if (heard->saga.attempts > 5)
		pause_us *= 6;
	order_announce(heard->service, heard->order, heard->saga.outcome);
	saga_save(heard->service, &heard->saga, clock_wall_us() + pause_us);
}

void saga_choreographed_due(struct service *service, const char *order)
{
	struct heard heard = { .service = service, .arena = ARENA_EMPTY };

	if (saga_load(service, order, &heard.saga))
		heard.order = order_load(service, &heard.arena, order);
	if (heard.order && heard.saga.step != STEP_DONE &&
	    heard.saga.next_at_us <= clock_wall_us()) {
		store_begin(service->store);
		if (heard.saga.step == STEP_LISTEN)
			saga_undo(service, &heard.saga, heard.order, ORDER_FAILED, "timeout");
		else
			say_again(&heard);
		store_commit(service->store);
	}
	arena_release(&heard.arena);
}
