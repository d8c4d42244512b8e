/* What the order service decides without asking anyone. */
#include <stdlib.h>

#include "shop/order.h"
#include "tests/unit/tap.h"

static struct order_line line(int64_t qty, int64_t price_cents)
{
	return (struct order_line){ .sku = "SKU-1", .qty = qty, .price_cents = price_cents };
}

static enum saga_verdict judge(enum saga_step step, int status, const char *body)
{
	struct answer answer = { .result = CALL_ANSWERED,
				 .status = status,
				 .json = json_loads(body, 0, NULL) };
	enum saga_verdict verdict = saga_judge(step, &answer);

	json_decref(answer.json);
	return verdict;
}

static enum saga_verdict judge_unanswered(enum saga_step step, enum call_result result)
{
	struct answer answer = { .result = result };

	return saga_judge(step, &answer);
}

static void switch_on(enum bug bug)
{
	bugs_on = UINT64_C(1) << bug;
}

static void test_names(void)
{
	TEST("every status has a name that leads back to it, and an event") {
		for (int i = 0; i < ORDER_STATUS_COUNT; i++) {
			enum order_status status, back = ORDER_STATUS_COUNT;

			status = (enum order_status)i;
			CHECK(order_status_of(order_status_name(status), &back));
			CHECK_INT(back, status);
			CHECK(strncmp(order_status_event(status), "Order", 5) == 0);
		}
		CHECK(!order_status_of("CANCELLING", &(enum order_status){ ORDER_PENDING }));
	}
	TEST("every step has a name that leads back to it") {
		for (int i = 0; i < STEP_COUNT; i++) {
			enum saga_step back = STEP_COUNT;

			CHECK(saga_step_of(saga_step_name((enum saga_step)i), &back));
			CHECK_INT(back, i);
		}
		CHECK(!saga_step_of("NONE", &(enum saga_step){ STEP_DONE }));
	}
}

static int moves_from(enum saga_style style, enum order_status from)
{
	int count = 0;

	for (int to = 0; to < ORDER_STATUS_COUNT; to++)
		count += order_may_move(style, from, (enum order_status)to);
	return count;
}

static bool may(enum saga_style style, const char *from, const char *to)
{
	enum order_status a = ORDER_PENDING, b = ORDER_PENDING;

	return order_status_of(from, &a) && order_status_of(to, &b) && order_may_move(style, a, b);
}

static void test_moves(void)
{
	static const char *const orchestrated[] = { "PENDING",   "INVENTORY_RESERVED",
						    "PAYMENT_PROCESSED", "CONFIRMED",
						    "PROCESSING",	 "SHIPPED",
						    "DELIVERED" };
	static const char *const choreographed[] = {
		"PENDING",    "PAYMENT_PROCESSED", "INVENTORY_RESERVED", "CONFIRMED",
		"PROCESSING", "SHIPPED",	   "DELIVERED"
	};

	TEST("each style has its own way to CONFIRMED, and both one way from there") {
		for (int i = 0; i < 6; i++) {
			CHECK(may(SAGA_ORCHESTRATED, orchestrated[i], orchestrated[i + 1]));
			CHECK(may(SAGA_CHOREOGRAPHED, choreographed[i], choreographed[i + 1]));
		}
	}
	TEST("nothing leaves FAILED, CANCELLED or DELIVERED") {
		for (int style = 0; style < 2; style++) {
			CHECK_INT(moves_from((enum saga_style)style, ORDER_FAILED), 0);
			CHECK_INT(moves_from((enum saga_style)style, ORDER_CANCELLED), 0);
			CHECK_INT(moves_from((enum saga_style)style, ORDER_DELIVERED), 0);
		}
	}
	TEST("no order goes back, skips, or stays where it is") {
		for (int i = 0; i < 7; i++)
			for (int j = 0; j < 7; j++)
				if (j != i + 1)
					CHECK(!may(SAGA_ORCHESTRATED, orchestrated[i],
						   orchestrated[j]));
		CHECK_INT(moves_from(SAGA_ORCHESTRATED, ORDER_PENDING), 3);
		CHECK_INT(moves_from(SAGA_CHOREOGRAPHED, ORDER_PENDING), 3);
	}
	TEST("after the pivot an order can't fail, only be cancelled, and not once it is shipped") {
		CHECK(may(SAGA_ORCHESTRATED, "PAYMENT_PROCESSED", "FAILED"));
		CHECK(!may(SAGA_ORCHESTRATED, "CONFIRMED", "FAILED"));
		CHECK(may(SAGA_ORCHESTRATED, "CONFIRMED", "CANCELLED"));
		CHECK(order_may_cancel(ORDER_PENDING));
		CHECK(order_may_cancel(ORDER_PROCESSING));
		CHECK(!order_may_cancel(ORDER_SHIPPED));
		CHECK(!order_may_cancel(ORDER_FAILED));
		CHECK(!order_may_cancel(ORDER_CANCELLED));
	}
}

static void test_totals(void)
{
	struct order_line lines[] = { line(2, 1999), line(1, 5), line(1000, 9199) };
	struct coupon ten = { .code = "WELCOME10", .percent = 10, .per_user = true };
	struct coupon off = { .code = "SALE-1", .amount_cents = 500 };
	struct order_totals totals;

	TEST("a total is the goods and the shipping") {
		totals = order_totals(lines, 3, NULL);
		CHECK_INT(totals.subtotal_cents, 3998 + 5 + 9199000);
		CHECK_INT(totals.discount_cents, 0);
		CHECK_INT(totals.shipping_cents, 499);
		CHECK_INT(totals.total_cents, totals.subtotal_cents + 499);
	}
	TEST("a percentage is rounded down to the cent, and not of the shipping") {
		totals = order_totals(lines, 2, &ten);
		CHECK_INT(totals.discount_cents, 400);
		CHECK_INT(totals.total_cents, 4003 - 400 + 499);
	}
	TEST("an amount is taken off, but never more than the goods cost") {
		totals = order_totals(lines, 1, &off);
		CHECK_INT(totals.total_cents, 3998 - 500 + 499);
		totals = order_totals(lines + 1, 1, &off);
		CHECK_INT(totals.discount_cents, 5);
		CHECK_INT(totals.total_cents, 499);
	}
	TEST("a coupon without a code is none") {
		off.code = NULL;
		CHECK_INT(order_totals(lines, 1, &off).discount_cents, 0);
	}
	TEST("the float-money bug loses a cent now and then, and nothing without it does") {
		int lost = 0;

		switch_on(BUG_FLOAT_MONEY);
		for (int64_t cents = 1; cents < 10000; cents++) {
			struct order_line one = line(1, cents);
			int64_t total = order_totals(&one, 1, NULL).total_cents;

			CHECK(total == cents + 499 || total == cents + 498);
			lost += total == cents + 498;
		}
		bugs_on = 0;
		printf("# it lost %d of 9999\n", lost);
		CHECK(lost > 100);
	}
}

static void test_steps(void)
{
	TEST("forward: reserve, charge, confirm, sell, done") {
		CHECK_INT(saga_next(STEP_RESERVE), STEP_CHARGE);
		CHECK_INT(saga_next(STEP_CHARGE), STEP_CONFIRM);
		CHECK_INT(saga_next(STEP_CONFIRM), STEP_SELL);
		CHECK_INT(saga_next(STEP_SELL), STEP_DONE);
	}
	TEST("what was sent is undone in reverse, what was not is not") {
		unsigned both = SENT_RESERVE | SENT_CHARGE;

		CHECK_INT(saga_next_undo(both, STEP_DONE), STEP_REFUND);
		CHECK_INT(saga_next_undo(both, STEP_REFUND), STEP_RELEASE);
		CHECK_INT(saga_next_undo(both, STEP_RELEASE), STEP_DONE);
		CHECK_INT(saga_next_undo(SENT_RESERVE, STEP_DONE), STEP_RELEASE);
		CHECK_INT(saga_next_undo(SENT_CHARGE, STEP_DONE), STEP_REFUND);
		CHECK_INT(saga_next_undo(SENT_CHARGE, STEP_REFUND), STEP_DONE);
		CHECK_INT(saga_next_undo(0, STEP_DONE), STEP_DONE);
	}
	TEST("the compensate-forward bug undoes the same, the wrong way round") {
		unsigned both = SENT_RESERVE | SENT_CHARGE;

		switch_on(BUG_COMPENSATE_FORWARD);
		CHECK_INT(saga_next_undo(both, STEP_DONE), STEP_RELEASE);
		CHECK_INT(saga_next_undo(both, STEP_RELEASE), STEP_REFUND);
		CHECK_INT(saga_next_undo(both, STEP_REFUND), STEP_DONE);
		CHECK_INT(saga_next_undo(SENT_RESERVE, STEP_DONE), STEP_RELEASE);
		bugs_on = 0;
	}
	TEST("only the way back is undoing") {
		CHECK(saga_is_undoing(STEP_REFUND));
		CHECK(saga_is_undoing(STEP_RELEASE));
		CHECK(saga_is_undoing(STEP_LISTEN_UNDO));
		CHECK(!saga_is_undoing(STEP_SELL));
		CHECK(!saga_is_undoing(STEP_LISTEN));
		CHECK(!saga_is_undoing(STEP_DONE));
	}
}

static void test_judging(void)
{
	static const enum call_result unanswered[] = { CALL_TIMEOUT, CALL_BROKEN, CALL_REFUSED,
						       CALL_OPEN };

	TEST("no answer is no verdict, for any step") {
		for (int step = STEP_RESERVE; step <= STEP_RELEASE; step++)
			for (int i = 0; i < 4; i++)
				CHECK_INT(judge_unanswered((enum saga_step)step, unanswered[i]),
					  SAGA_UNKNOWN);
	}
	TEST("a 200 counts only with what belongs into it") {
		CHECK_INT(judge(STEP_RESERVE, 200, "{\"reserved\": true}"), SAGA_DID);
		CHECK_INT(judge(STEP_RESERVE, 200, "{\"reserved\": false}"), SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_RESERVE, 200, ""), SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_CHARGE, 200, "{\"status\": \"CHARGED\"}"), SAGA_DID);
		CHECK_INT(judge(STEP_CHARGE, 200, "{\"status\": \"UNKNOWN\"}"), SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_CHARGE, 204, ""), SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_REFUND, 200, "{\"status\": \"NOTHING_TO_REFUND\"}"), SAGA_DID);
		CHECK_INT(judge(STEP_RELEASE, 200, "oops"), SAGA_UNKNOWN);
	}
	TEST("a refusal is one that says so") {
		CHECK_INT(judge(STEP_CHARGE, 402, "{}"), SAGA_REFUSED);
		CHECK_INT(judge(STEP_CHARGE, 400, ""), SAGA_REFUSED);
		CHECK_INT(judge(STEP_RESERVE, 409, "{\"error\": {\"code\": \"out_of_stock\"}}"),
			  SAGA_REFUSED);
		CHECK_INT(judge(STEP_CHARGE, 409, "{\"error\": {\"code\": \"cancelled\"}}"),
			  SAGA_REFUSED);
		CHECK_INT(judge(STEP_CHARGE, 409, "{\"error\": {\"code\": \"key_busy\"}}"),
			  SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_RESERVE, 409, ""), SAGA_UNKNOWN);
	}
	TEST("what may be different the next time is not known") {
		static const int statuses[] = { 301, 408, 425, 429, 500, 502, 503, 504 };

		for (int i = 0; i < 8; i++)
			CHECK_INT(judge(STEP_CHARGE, statuses[i], "{}"), SAGA_UNKNOWN);
	}
	TEST("what was promised is never refused: selling and every undo go on until they succeed") {
		CHECK_INT(judge(STEP_SELL, 409, "{\"error\": {\"code\": \"cancelled\"}}"),
			  SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_REFUND, 400, "{}"), SAGA_UNKNOWN);
		CHECK_INT(judge(STEP_RELEASE, 404, "{}"), SAGA_UNKNOWN);
	}
	TEST("the payment-fails-open bug takes silence for money, only there") {
		switch_on(BUG_PAYMENT_FAILS_OPEN);
		CHECK_INT(judge_unanswered(STEP_CHARGE, CALL_REFUSED), SAGA_DID);
		CHECK_INT(judge_unanswered(STEP_RESERVE, CALL_REFUSED), SAGA_UNKNOWN);
		bugs_on = 0;
	}
}

static void test_pauses(void)
{
	TEST("pauses double, have an end, and are not all the same") {
		CHECK_INT(saga_pause_us(1, 0), 25000);
		CHECK_INT(saga_pause_us(1, 0.5), 50000);
		CHECK_INT(saga_pause_us(2, 0.5), 100000);
		CHECK_INT(saga_pause_us(5, 0.5), 800000);
		CHECK_INT(saga_pause_us(6, 0.5), 1000000);
		CHECK_INT(saga_pause_us(1000000, 0.5), 1000000);
		CHECK(saga_pause_us(1000000, 0.999) <= 1500000);
	}
}

int main(void)
{
	test_names();
	test_moves();
	test_totals();
	test_steps();
	test_judging();
	test_pauses();
	return tap_done();
}
