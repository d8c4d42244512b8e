/* What staff and customers do to an order: on its way to the door, or back. */
#include "shop/order.h"

#include <string.h>

enum { WAIT_US = 1500000 };

static void refuse_move(struct request *request, struct reply *reply, const struct order *order,
			enum order_status to)
{
	bool undoing = saga_is_undoing(order->step);

	reply_error(request, reply, 409, "illegal_move", "an order that is %s%s can't become %s",
		    order_status_name(order->status), undoing ? " and being undone" : "",
		    order_status_name(to));
}

/* Cancelling. */

enum cancelling {
	CANCEL_BEGUN,
	CANCEL_DONE,
	CANCEL_REFUSED,
};

static enum cancelling begin_cancel(struct service *service, struct order *order)
{
	struct saga saga;

	if (order->status == ORDER_CANCELLED)
		return CANCEL_DONE;
	if (!order_may_cancel(order->status) || !saga_load(service, order->id, &saga))
		return CANCEL_REFUSED;
	if (saga_is_undoing(saga.step))
		return saga.outcome == ORDER_CANCELLED ? CANCEL_BEGUN : CANCEL_REFUSED;
	saga_undo(service, &saga, order, ORDER_CANCELLED, "cancelled");
	/* It will be undone; so it can be called cancelled right now. */
	if (bug(BUG_APPROVE_OVERWRITES))
		order_move(service, order, ORDER_CANCELLED);
	return CANCEL_BEGUN;
}

/* BUG_STOCK_RELEASED_TWICE: the sooner others can buy it again, the better. */
static void release_at_once(struct service *service, const struct order *order)
{
	json_t *body = json_pack("{s:s}", "order_id", order->id);
	struct call call = { .edge = "inventory",
			     .method = "POST",
			     .path = "/internal/release",
			     .json = body,
			     .correlation = order->correlation };
	struct answer answer = { .json = NULL };

	service_call(service, &call, &answer);
	answer_release(&answer);
	json_decref(body);
}

static json_t *brief_json(const struct order *order, const char *status)
{
	return json_pack("{s:s, s:s, s:s}", "id", order->id, "key", order->key, "status", status);
}

/* 200 when it is over; 202 when it has been written down that it will be. */
static void reply_cancel(struct request *request, struct reply *reply, struct order *order)
{
	struct service *service = request->service;

	if (bug(BUG_STOCK_RELEASED_TWICE))
		release_at_once(service, order);
	saga_kick(service, order->id, STEP_COUNT);
	if (saga_wait(service, order->id, WAIT_US) == ORDER_CANCELLED)
		reply_json(reply, 200, brief_json(order, "CANCELLED"));
	else
		reply_json(reply, 202, brief_json(order, "CANCELLING"));
}

static void cancel(struct request *request, struct reply *reply, struct order *order)
{
	struct store *store = request->service->store;
	enum cancelling cancelling;

	store_begin(store);
	cancelling = begin_cancel(request->service, order);
	store_commit(store);
	if (cancelling == CANCEL_REFUSED)
		refuse_move(request, reply, order, ORDER_CANCELLED);
	else if (cancelling == CANCEL_DONE)
		reply_json(reply, 200, brief_json(order, "CANCELLED"));
	else
		reply_cancel(request, reply, order);
}

/* What was shown may lag behind, with a bug; what is changed never does. */
static struct order *order_to_change(struct request *request, struct reply *reply)
{
	const struct order *shown = order_asked(request, reply);

	return shown ? order_load(request->service, request->arena, shown->id) : NULL;
}

void order_cancel(struct request *request, struct reply *reply)
{
	struct order *order = order_to_change(request, reply);

	if (order)
		cancel(request, reply, order);
}

/* Staff. */

static void move(struct request *request, struct reply *reply, struct order *order,
		 enum order_status to)
{
	struct store *store = request->service->store;
	bool moved;

	store_begin(store);
	moved = order->status >= ORDER_CONFIRMED && !saga_is_undoing(order->step) &&
		(order->status == to || order_move(request->service, order, to));
	store_commit(store);
	if (!moved)
		refuse_move(request, reply, order, to);
	else
		reply_json(reply, 200,
			   order_json(order_load(request->service, request->arena, order->id)));
}

void order_put_status(struct request *request, struct reply *reply)
{
	struct order *order = order_to_change(request, reply);
	enum order_status to;
	const char *name;

	if (!order)
		return;
	if (!request->is_admin) {
		reply_error(request, reply, 403, "forbidden", "only staff may do that");
		return;
	}
	if (!request_string(request, reply, "status", 40, &name))
		return;
	if (!order_status_of(name, &to)) {
		reply_error(request, reply, 400, "bad_status", "there is no status '%s'", name);
		return;
	}
	if (to == ORDER_CANCELLED)
		cancel(request, reply, order);
	else
		move(request, reply, order, to);
}
