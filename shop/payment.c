/*
 * payment: one payment per order, whatever is asked how often and in which order.
 *
 *	NEW       it is known that the provider was not asked: UNKNOWN before it is
 *	UNKNOWN   the provider may have been asked: the same question again tells
 *	CHARGED   paid
 *	DECLINED  refused by the provider, for good
 *	REFUNDED  all of it given back
 *	CANCELLED undone before it was charged: nothing will ever be charged
 *
 * A status is on the disk before the provider is asked, and again before anyone is told. Whoever
 * wants the order undone sets `undo` first; from then on no charge succeeds any more, and a charge
 * whose outcome is not known is found out, with the key it had, and given back.
 */
#include <stdio.h>
#include <string.h>

#include "shop/evidence.h"
#include "shop/psp_client.h"
#include "shop/services.h"
#include "shop/settings.h"
#include "shop/turns.h"

enum { ID_BYTES_MAX = 200, AMOUNT_MAX = 99999999, SHIPPING_CENTS = 499 };

static const char schema[] =
	"create table if not exists payments(number integer primary key, order_id text not null unique,"
	" id text not null, order_key text not null, origin text, user text, card text not null,"
	" amount_cents integer not null, status text not null, undo integer not null default 0,"
	" intent_id text, refund_id text, code text, attempts integer not null default 0,"
	" at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));"
	"create table if not exists webhooks(id text primary key, type text not null) without rowid;";

static struct turns turns; /* by order; a process is one service */

struct payment {
	const char *order, *id, *order_key, *user, *card;
	const char *origin; /* correlation of who asked first: each question says the same */
	const char *status, *intent, *refund, *code;
	int64_t amount_cents, attempts;
	bool undo;
	const char *correlation, *traceparent; /* of who asks now; not stored */
};

static bool payment_is(const struct payment *payment, const char *status)
{
	return payment->status && strcmp(payment->status, status) == 0;
}

static const char *column(struct rows *rows, struct arena *arena, int number)
{
	const char *text = rows_text(rows, number);

	return text ? arena_string(arena, text_of(text)) : NULL;
}

/* The row as it is now. False: there is none, and `payment` stays as it was. */
static bool payment_load(struct service *service, struct arena *arena, struct payment *payment)
{
	struct rows rows =
		store_query(service->store,
			    "select id, order_key, user, card, amount_cents, status, undo,"
			    " intent_id, refund_id, code, attempts, origin"
			    " from payments where order_id = ?1",
			    "s", payment->order);
	bool found = rows_next(&rows);

	if (found) {
		payment->id = column(&rows, arena, 0);
		payment->order_key = column(&rows, arena, 1);
		payment->user = column(&rows, arena, 2);
		payment->card = column(&rows, arena, 3);
		payment->amount_cents = rows_int(&rows, 4);
		payment->status = column(&rows, arena, 5);
		payment->undo = rows_int(&rows, 6) != 0;
		payment->intent = column(&rows, arena, 7);
		payment->refund = column(&rows, arena, 8);
		payment->code = column(&rows, arena, 9);
		payment->attempts = rows_int(&rows, 10);
		payment->origin = column(&rows, arena, 11);
	}
	rows_end(&rows);
	return found;
}

static void payment_insert(struct service *service, struct arena *arena, struct payment *payment,
			   const char *status)
{
	payment->id = make_id(service, arena, "pay_");
	payment->status = status;
	payment->origin = payment->correlation;
	store_run(service->store,
		  "insert into payments(order_id, id, order_key, origin, user, card, amount_cents,"
		  " status) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		  "ssssssis", payment->order, payment->id, payment->order_key, payment->origin,
		  payment->user, payment->card, payment->amount_cents, status);
}

/* A move of the status, in a transaction of its own, if it is still what we think. */
static void payment_move(struct service *service, struct arena *arena, struct payment *payment,
			 const char *status, const struct psp_reply *reply)
{
	bool refund = strcmp(status, "REFUNDED") == 0;
	const char *id = reply && *reply->id ? reply->id : NULL;

	store_begin(service->store);
	store_run(service->store,
		  "update payments set status = ?1, intent_id = coalesce(?2, intent_id),"
		  " refund_id = coalesce(?3, refund_id), code = coalesce(?4, code)"
		  " where order_id = ?5 and status = ?6",
		  "ssssss", status, refund ? NULL : id, refund ? id : NULL,
		  reply && *reply->code ? reply->code : NULL, payment->order, payment->status);
	store_commit(service->store);
	payment_load(service, arena, payment);
}

static struct psp_question question_of(const struct payment *payment)
{
	return (struct psp_question){
		.order = payment->order,
		.order_key = payment->order_key,
		.origin = payment->origin,
		.card = payment->card,
		.intent = payment->intent,
		.amount_cents = payment->amount_cents,
		.attempt = payment->attempts,
		.correlation = payment->correlation,
		.traceparent = payment->traceparent,
	};
}

/* From here on the provider may have been asked, whatever becomes of us. */
static void before_asking(struct service *service, struct payment *payment)
{
	store_begin(service->store);
	store_run(service->store,
		  "update payments set status = 'UNKNOWN', attempts = attempts + 1"
		  " where order_id = ?1 and status = ?2",
		  "ss", payment->order, payment->status);
	store_commit(service->store);
	payment->status = "UNKNOWN";
}

/* Asks the provider, for the first time or again: the key is the same. */
static void resolve(struct service *service, struct arena *arena, struct payment *payment)
{
	bool asked_before = payment_is(payment, "UNKNOWN");
	struct psp_question question = question_of(payment);
	struct psp_reply reply;

	before_asking(service, payment);
	reply = psp_charge(service, &question);
	if (reply.result == PSP_DONE)
		payment_move(service, arena, payment, "CHARGED", &reply);
	else if (reply.result == PSP_REFUSED || bug(BUG_TIMEOUT_IS_DECLINE))
		payment_move(service, arena, payment, "DECLINED", &reply);
	else if (reply.result == PSP_UNSENT && !asked_before)
		payment_move(service, arena, payment, "NEW", NULL);
	metric_add(service, "payment_charges_total",
		   reply.result == PSP_DONE    ? "result=\"done\"" :
		   reply.result == PSP_REFUSED ? "result=\"refused\"" :
						 "result=\"unknown\"",
		   1);
}

enum outcome {
	OUTCOME_DONE,      /* charged; or given back; or there is nothing to give back */
	OUTCOME_DECLINED,
	OUTCOME_CANCELLED, /* undone before */
	OUTCOME_OTHER,     /* the order was charged something else before */
	OUTCOME_UNKNOWN,   /* ask again */
};

static enum outcome outcome_of_charge(const struct payment *payment)
{
	if (payment_is(payment, "DECLINED"))
		return OUTCOME_DECLINED;
	if (payment->undo || payment_is(payment, "REFUNDED") || payment_is(payment, "CANCELLED"))
		return OUTCOME_CANCELLED;
	return payment_is(payment, "CHARGED") ? OUTCOME_DONE : OUTCOME_UNKNOWN;
}

/* `payment` says what is asked for, and afterwards how it is. */
static enum outcome charge(struct service *service, struct arena *arena, struct payment *payment)
{
	int64_t asked_cents = payment->amount_cents;
	enum outcome outcome;

	if (!payment_load(service, arena, payment)) {
		store_begin(service->store);
		payment_insert(service, arena, payment, "NEW");
		store_commit(service->store);
	}
	outcome = outcome_of_charge(payment);
	if (outcome != OUTCOME_CANCELLED && payment->amount_cents != asked_cents)
		return OUTCOME_OTHER;
	if (outcome == OUTCOME_UNKNOWN)
		resolve(service, arena, payment);
	return outcome_of_charge(payment);
}

static void want_undone(struct service *service, struct payment *payment)
{
	store_begin(service->store);
	store_run(service->store, "update payments set undo = 1 where order_id = ?1", "s",
		  payment->order);
	store_commit(service->store);
	payment->undo = true;
}

/* A charge that comes after this finds it, and does nothing. */
static void bury(struct service *service, struct arena *arena, struct payment *payment)
{
	store_begin(service->store);
	payment->order_key = payment->card = "";
	payment->undo = true;
	payment_insert(service, arena, payment, "CANCELLED");
	store_commit(service->store);
}

/* A refund that was lost on its way is found again by its key; one by another hand is one, too. */
static void give_back(struct service *service, struct arena *arena, struct payment *payment)
{
	struct psp_question question = question_of(payment);
	struct psp_reply reply;

	/* The customer has used the shipping, after all. */
	if (bug(BUG_REFUND_WITHOUT_SHIPPING) && question.amount_cents > SHIPPING_CENTS)
		question.amount_cents -= SHIPPING_CENTS;
	reply = psp_refund(service, &question);
	if (reply.result == PSP_DONE ||
	    (reply.result == PSP_REFUSED && strcmp(reply.code, "charge_already_refunded") == 0)) {
		*reply.code = '\0';
		payment_move(service, arena, payment, "REFUNDED", &reply);
	}
	metric_add(service, "payment_refunds_total",
		   payment_is(payment, "REFUNDED") ? "result=\"done\"" : "result=\"unknown\"", 1);
}

static enum outcome refund(struct service *service, struct arena *arena, struct payment *payment)
{
	if (!payment_load(service, arena, payment)) {
		bury(service, arena, payment);
		return OUTCOME_DONE;
	}
	if (payment_is(payment, "NEW"))
		payment_move(service, arena, payment, "CANCELLED", NULL);
	if (!payment_is(payment, "UNKNOWN") && !payment_is(payment, "CHARGED"))
		return OUTCOME_DONE;
	if (!payment->undo)
		want_undone(service, payment);
	if (payment_is(payment, "UNKNOWN"))
		resolve(service, arena, payment);
	if (payment_is(payment, "CHARGED"))
		give_back(service, arena, payment);
	return payment_is(payment, "UNKNOWN") || payment_is(payment, "CHARGED") ? OUTCOME_UNKNOWN :
										  OUTCOME_DONE;
}

/* One at a time per order: who comes second finds what the first has left. */
static enum outcome in_turn(struct service *service, struct arena *arena, struct payment *payment,
			    enum outcome (*run)(struct service *service, struct arena *arena,
						struct payment *payment))
{
	struct turn turn;
	enum outcome outcome;

	turn_take(&turns, &turn, payment->order);
	outcome = run(service, arena, payment);
	turn_give(&turns, &turn);
	return outcome;
}

static const char *refund_status(const struct payment *payment)
{
	return payment_is(payment, "REFUNDED") ? "REFUNDED" : "NOTHING_TO_REFUND";
}

/* Calls. */

static void post_charge(struct request *request, struct reply *reply)
{
	struct payment payment = { .correlation = request->correlation,
				   .traceparent = request->traceparent };

	if (!request_string(request, reply, "order_id", ID_BYTES_MAX, &payment.order) ||
	    !request_string(request, reply, "order_key", ID_BYTES_MAX, &payment.order_key) ||
	    !request_string(request, reply, "card", ID_BYTES_MAX, &payment.card) ||
	    !request_string(request, reply, "user", ID_BYTES_MAX, &payment.user) ||
	    !request_int(request, reply, "amount_cents", 1, AMOUNT_MAX, &payment.amount_cents))
		return;
	switch (in_turn(request->service, request->arena, &payment, charge)) {
	case OUTCOME_DONE:
		reply_json(reply, 200,
			   json_pack("{s:s, s:s, s:s, s:I, s:s}", "payment_id", payment.id,
				     "order_id", payment.order, "status", "CHARGED", "amount_cents",
				     (json_int_t)payment.amount_cents, "intent_id",
				     payment.intent));
		return;
	case OUTCOME_DECLINED:
		reply_error(request, reply, 402, "declined", "the card was declined: %s",
			    payment.code ? payment.code : "no reason given");
		return;
	case OUTCOME_CANCELLED:
		reply_error(request, reply, 409, "cancelled", "the order has been undone");
		return;
	case OUTCOME_OTHER:
		reply_error(request, reply, 422, "order_id_misused",
			    "the order was charged another amount");
		return;
	case OUTCOME_UNKNOWN:
		buffer_add_string(&reply->headers, "Retry-After: 1\r\n");
		reply_error(request, reply, 503, "provider_unreachable",
			    "it is not known whether the charge went through; ask again");
	}
}

static void post_refund(struct request *request, struct reply *reply)
{
	struct payment payment = { .user = request->user,
				   .correlation = request->correlation,
				   .traceparent = request->traceparent };

	if (!request_string(request, reply, "order_id", ID_BYTES_MAX, &payment.order))
		return;
	if (in_turn(request->service, request->arena, &payment, refund) == OUTCOME_DONE) {
		reply_json(reply, 200,
			   json_pack("{s:s, s:s, s:s?}", "order_id", payment.order, "status",
				     refund_status(&payment), "refund_id", payment.refund));
		return;
	}
	buffer_add_string(&reply->headers, "Retry-After: 1\r\n");
	reply_error(request, reply, 503, "provider_unreachable",
		    "it is not known whether the refund went through; ask again");
}

/* False: this event was heard before. */
static bool enter_webhook(struct service *service, const char *id, const char *type)
{
	bool first;

	store_begin(service->store);
	store_run(service->store, "insert into webhooks values (?1, ?2) on conflict do nothing",
		  "ss", id, type);
	first = store_changes(service->store) == 1;
	store_commit(service->store);
	return first;
}

static enum outcome settle(struct service *service, struct arena *arena, struct payment *payment)
{
	if (payment_load(service, arena, payment) && payment_is(payment, "UNKNOWN"))
		resolve(service, arena, payment);
	return outcome_of_charge(payment);
}

/*
 * Anyone could have sent it, so it is no more than a reason to ask the provider, and only about
 * what is open: the answer there counts, not what is said here.
 */
static void post_webhook(struct request *request, struct reply *reply)
{
	const json_t *object = json_object_get(json_object_get(request->json, "data"), "object");
	const json_t *order = json_object_get(json_object_get(object, "metadata"), "order_id");
	struct payment payment = { .correlation = request->correlation };
	const char *id, *type;

	if (!request_string(request, reply, "id", ID_BYTES_MAX, &id) ||
	    !request_string(request, reply, "type", ID_BYTES_MAX, &type))
		return;
	payment.order = json_string_value(order);
	if (enter_webhook(request->service, id, type) && payment.order &&
	    strncmp(type, "payment_intent.", 15) == 0)
		in_turn(request->service, request->arena, &payment, settle);
	reply_json(reply, 200, json_pack("{s:b}", "received", 1));
}

static json_t *payment_json(struct rows *rows)
{
	return json_pack("{s:I, s:s, s:s, s:I, s:s, s:s?, s:s?, s:s?, s:I, s:s}", "number",
			 (json_int_t)rows_int(rows, 0), "id", rows_text(rows, 1), "order_id",
			 rows_text(rows, 2), "amount_cents", (json_int_t)rows_int(rows, 3),
			 "status", rows_text(rows, 4), "intent_id", rows_text(rows, 5), "refund_id",
			 rows_text(rows, 6), "code", rows_text(rows, 7), "attempts",
			 (json_int_t)rows_int(rows, 8), "at", rows_text(rows, 9));
}

static void get_payments(struct request *request, struct reply *reply)
{
	static const struct evidence payments = {
		.owner = "select user from payments where order_id = ?1",
		.list = "select number, id, order_id, amount_cents, status, intent_id, refund_id,"
			" code, attempts, at from payments"
			" where (?1 is null or order_id = ?1) and number > ?2"
			" order by number limit ?3",
		.show = payment_json,
	};

	evidence_reply(request, reply, &payments);
}

/* Events. Orchestrated, the order service asks instead. */

static bool is_choreographed(const struct service *service)
{
	return service->settings->saga == SAGA_CHOREOGRAPHED;
}

/* NULL: it is not there, or far too long. */
static const char *member(const struct event *event, const char *name)
{
	const json_t *value = json_object_get(event->data, name);

	return json_string_length(value) <= ID_BYTES_MAX ? json_string_value(value) : NULL;
}

static bool read_event(const struct event *event, struct payment *payment)
{
	*payment = (struct payment){
		.order = member(event, "order_id"),
		.order_key = member(event, "order_key"),
		.user = member(event, "user"),
		.card = member(event, "card"),
		.amount_cents = json_integer_value(json_object_get(event->data, "total_cents")),
		.correlation = event->correlation,
	};
	return payment->order && payment->order_key && payment->user && payment->card &&
	       payment->amount_cents > 0 && payment->amount_cents <= AMOUNT_MAX;
}

/* What the event says of the order goes on with ours. `data` is stolen. */
static void tell(struct service *service, const struct event *event, const char *type, json_t *data)
{
	static const char *const passed[] = { "order_id", "order_key", "user",
					      "email",	  "items",     "total_cents" };
	char aggregate[ID_BYTES_MAX + 16];

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		json_object_set(data, passed[i], json_object_get(event->data, passed[i]));
	snprintf(aggregate, sizeof(aggregate), "payment-%s", member(event, "order_id"));
	service_publish(service, type, aggregate, event->correlation, data);
}

static bool prepare_created(struct service *service, const struct event *event)
{
	struct arena arena = ARENA_EMPTY;
	struct payment payment;
	enum outcome outcome = OUTCOME_DONE;

	if (is_choreographed(service) && read_event(event, &payment))
		outcome = in_turn(service, &arena, &payment, charge);
	arena_release(&arena);
	return outcome != OUTCOME_UNKNOWN;
}

static void tell_charged(struct service *service, const struct event *event,
			 const struct payment *payment)
{
	enum outcome outcome = outcome_of_charge(payment);

	if (outcome == OUTCOME_DONE)
		tell(service, event, "PaymentSucceeded",
		     json_pack("{s:s, s:s?, s:I}", "payment_id", payment->id, "intent_id",
			       payment->intent, "amount_cents", (json_int_t)payment->amount_cents));
	if (outcome == OUTCOME_DECLINED)
		tell(service, event, "PaymentFailed",
		     json_pack("{s:s, s:s, s:s?}", "payment_id", payment->id, "reason", "declined",
			       "code", payment->code));
}

static bool consume_created(struct service *service, const struct event *event)
{
	struct arena arena = ARENA_EMPTY;
	struct payment payment;
	bool good;

	if (!is_choreographed(service))
		return true;
	good = read_event(event, &payment) && payment_load(service, &arena, &payment);
	if (good)
		tell_charged(service, event, &payment);
	arena_release(&arena);
	return good;
}

static bool prepare_undone(struct service *service, const struct event *event)
{
	struct arena arena = ARENA_EMPTY;
	struct payment payment = { .order = member(event, "order_id"),
				   .user = member(event, "user"),
				   .correlation = event->correlation };
	enum outcome outcome = OUTCOME_DONE;

	if (is_choreographed(service) && payment.order)
		outcome = in_turn(service, &arena, &payment, refund);
	arena_release(&arena);
	return outcome == OUTCOME_DONE;
}

static bool consume_undone(struct service *service, const struct event *event)
{
	struct payment payment = { .order = member(event, "order_id") };
	struct arena arena = ARENA_EMPTY;

	if (!is_choreographed(service))
		return true;
	if (!payment.order)
		return false;
	payment_load(service, &arena, &payment);
	tell(service, event, "PaymentRefunded",
	     json_pack("{s:s, s:s?, s:I}", "result", refund_status(&payment), "refund_id",
		       payment.refund, "amount_cents",
		       (json_int_t)(payment_is(&payment, "REFUNDED") ? payment.amount_cents : 0)));
	arena_release(&arena);
	return true;
}

/* The service. */

static const struct route routes[] = {
	{ "POST", "/internal/charge", post_charge },
	{ "POST", "/internal/refund", post_refund },
	{ "POST", "/internal/webhooks/psp", post_webhook },
	{ "GET", "/api/payments", get_payments },
	ROUTES_END
};

static const struct subscription subscriptions[] = {
	{ .type = "OrderCreated", .consume = consume_created, .prepare = prepare_created },
	{ .type = "OrderFailed", .consume = consume_undone, .prepare = prepare_undone },
	{ .type = "OrderCancelled", .consume = consume_undone, .prepare = prepare_undone },
	SUBSCRIPTIONS_END
};

const struct service_kind service_payment = {
	.name = "payment",
	.schema = schema,
	.routes = routes,
	.subscriptions = subscriptions,
};
