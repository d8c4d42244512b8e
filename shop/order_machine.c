/* The pure parts of orders and their sagas: nothing here waits, stores or sends. */
#include "shop/order.h"

#include <assert.h>
#include <string.h>

struct status_row {
	const char *name, *event;
};

static const struct status_row statuses[ORDER_STATUS_COUNT] = {
	[ORDER_PENDING] = { "PENDING", "OrderCreated" },
	[ORDER_INVENTORY_RESERVED] = { "INVENTORY_RESERVED", "OrderInventoryReserved" },
	[ORDER_PAYMENT_PROCESSED] = { "PAYMENT_PROCESSED", "OrderPaymentProcessed" },
	[ORDER_CONFIRMED] = { "CONFIRMED", "OrderConfirmed" },
	[ORDER_PROCESSING] = { "PROCESSING", "OrderProcessing" },
	[ORDER_SHIPPED] = { "SHIPPED", "OrderShipped" },
	[ORDER_DELIVERED] = { "DELIVERED", "OrderDelivered" },
	[ORDER_FAILED] = { "FAILED", "OrderFailed" },
	[ORDER_CANCELLED] = { "CANCELLED", "OrderCancelled" },
};

#define TO(status) (1u << ORDER_##status)
#define UNDONE (TO(FAILED) | TO(CANCELLED))

static const unsigned moves_orchestrated[ORDER_STATUS_COUNT] = {
	[ORDER_PENDING] = TO(INVENTORY_RESERVED) | UNDONE,
	[ORDER_INVENTORY_RESERVED] = TO(PAYMENT_PROCESSED) | UNDONE,
	[ORDER_PAYMENT_PROCESSED] = TO(CONFIRMED) | UNDONE,
	[ORDER_CONFIRMED] = TO(PROCESSING) | TO(CANCELLED),
	[ORDER_PROCESSING] = TO(SHIPPED) | TO(CANCELLED),
	[ORDER_SHIPPED] = TO(DELIVERED),
};

static const unsigned moves_choreographed[ORDER_STATUS_COUNT] = {
	[ORDER_PENDING] = TO(PAYMENT_PROCESSED) | UNDONE,
	[ORDER_PAYMENT_PROCESSED] = TO(INVENTORY_RESERVED) | UNDONE,
	[ORDER_INVENTORY_RESERVED] = TO(CONFIRMED) | UNDONE,
	[ORDER_CONFIRMED] = TO(PROCESSING) | TO(CANCELLED),
	[ORDER_PROCESSING] = TO(SHIPPED) | TO(CANCELLED),
	[ORDER_SHIPPED] = TO(DELIVERED),
};

static const char *const step_names[STEP_COUNT] = {
	[STEP_RESERVE] = "RESERVE", [STEP_CHARGE] = "CHARGE",
	[STEP_CONFIRM] = "CONFIRM", [STEP_SELL] = "SELL",
	[STEP_REFUND] = "REFUND",   [STEP_RELEASE] = "RELEASE",
	[STEP_LISTEN] = "LISTEN",   [STEP_LISTEN_UNDO] = "LISTEN_UNDO",
	[STEP_DONE] = "DONE",
};

const char *order_status_name(enum order_status status)
{
	return statuses[status].name;
}

const char *order_status_event(enum order_status status)
{
	return statuses[status].event;
}

bool order_status_of(const char *name, enum order_status *status)
{
	for (int i = 0; i < ORDER_STATUS_COUNT; i++) {
		if (strcmp(statuses[i].name, name) != 0)
			continue;
		*status = (enum order_status)i;
		return true;
	}
	return false;
}

bool order_may_move(enum saga_style style, enum order_status from, enum order_status to)
{
	const unsigned *moves =
		style == SAGA_CHOREOGRAPHED ? moves_choreographed : moves_orchestrated;

	return moves[from] >> to & 1;
}

bool order_may_cancel(enum order_status from)
{
	return order_may_move(SAGA_ORCHESTRATED, from, ORDER_CANCELLED);
}

static int64_t discount_of(const struct coupon *coupon, int64_t subtotal_cents)
{
	int64_t discount_cents;

	if (!coupon || !coupon->code)
		return 0;
	discount_cents = subtotal_cents * coupon->percent / 100 + coupon->amount_cents;
	return discount_cents < subtotal_cents ? discount_cents : subtotal_cents;
}

struct order_totals order_totals(const struct order_line *lines, size_t count,
				 const struct coupon *coupon)
{
	struct order_totals totals = { .shipping_cents = ORDER_SHIPPING_CENTS };

	for (size_t i = 0; i < count; i++)
		totals.subtotal_cents += lines[i].qty * lines[i].price_cents;
	totals.discount_cents = discount_of(coupon, totals.subtotal_cents);
	totals.total_cents = totals.subtotal_cents - totals.discount_cents + totals.shipping_cents;
	if (bug(BUG_FLOAT_MONEY)) {
		double total = (double)totals.subtotal_cents / 100.0;

		total = total - (double)totals.discount_cents / 100.0 + 4.99;
		totals.total_cents = (int64_t)(total * 100);
	}
	return totals;
}

const char *saga_step_name(enum saga_step step)
{
	return step_names[step];
}

bool saga_step_of(const char *name, enum saga_step *step)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (strcmp(step_names[i], name) != 0)
			continue;
		*step = (enum saga_step)i;
		return true;
	}
	return false;
}

bool saga_is_undoing(enum saga_step step)
{
	return step == STEP_REFUND || step == STEP_RELEASE || step == STEP_LISTEN_UNDO;
}

enum saga_step saga_next(enum saga_step done)
{
	assert(done <= STEP_SELL);
	return done == STEP_SELL ? STEP_DONE : done + 1;
}

enum saga_step saga_next_undo(unsigned sent, enum saga_step done)
{
	static const struct undo {
		enum saga_step step;
		unsigned of;
	} in_reverse[] = { { STEP_REFUND, SENT_CHARGE }, { STEP_RELEASE, SENT_RESERVE } },
	  forward[] = { { STEP_RELEASE, SENT_RESERVE }, { STEP_REFUND, SENT_CHARGE } };
	const struct undo *undos = bug(BUG_COMPENSATE_FORWARD) ? forward : in_reverse;
	int i = 0;

	if (done != STEP_DONE)
		i = undos[0].step == done ? 1 : 2;
	for (; i < 2; i++)
		if (sent & undos[i].of)
			return undos[i].step;
	return STEP_DONE;
}

/* A 200 counts only with what belongs into it: anything may stand in between and answer. */
static bool says_done(enum saga_step step, const json_t *json)
{
	switch (step) {
	case STEP_RESERVE:
		return json_is_true(json_object_get(json, "reserved"));
	case STEP_CHARGE: {
		const char *status = json_string_value(json_object_get(json, "status"));

		return status && strcmp(status, "CHARGED") == 0;
	}
	default:
		return json_is_object(json);
	}
}

/* A 409 may also say that the same question is being answered already: that is not a no. */
static bool is_refusal(const struct answer *answer)
{
	int status = answer->status;
	const char *code =
		json_string_value(json_object_get(json_object_get(answer->json, "error"), "code"));

	if (status == 409)
		return code &&
		       (strcmp(code, "out_of_stock") == 0 || strcmp(code, "cancelled") == 0);
	return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

enum saga_verdict saga_judge(enum saga_step step, const struct answer *answer)
{
	if (answer->result != CALL_ANSWERED) {
		if (step == STEP_CHARGE && bug(BUG_PAYMENT_FAILS_OPEN))
			return SAGA_DID;
		return SAGA_UNKNOWN;
	}
	if (answer->status == 200)
		return says_done(step, answer->json) ? SAGA_DID : SAGA_UNKNOWN;
	/* Only the first two can be refused: what was promised after them must be kept. */
	if ((step == STEP_RESERVE || step == STEP_CHARGE) && is_refusal(answer))
		return SAGA_REFUSED;
	return SAGA_UNKNOWN;
}

int64_t saga_pause_us(int attempts, double dice)
{
	int64_t pause_us = 50000;

	for (int i = 1; i < attempts && pause_us < 1000000; i++)
		pause_us *= 2;
	if (pause_us > 1000000)
		pause_us = 1000000;
	return pause_us / 2 + (int64_t)(dice * (double)pause_us);
}
