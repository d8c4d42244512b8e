#include "shop/bugs.h"

#include <string.h>

#include "lib/schema.h"

uint64_t bugs_on;

struct bug_entry {
	const char *name;
	const char *thought; /* what a developer might have thought */
	const char *caught_by; /* an invariant */
};

static const struct bug_entry bugs[BUG_COUNT] = {
	[BUG_RETRY_NEW_KEY] = { "retry-new-key",
		"each attempt at the provider is a request, so each gets its own key",
		"charge-once" },
	[BUG_CHECK_THEN_INSERT] = { "check-then-insert",
		"look whether the key is known, fetch the prices, then write it down",
		"idempotent" },
	[BUG_KEY_IGNORES_BODY] = { "key-ignores-body",
		"the same key is the same request; why compare bodies?",
		"idempotent" },
	[BUG_TIMEOUT_IS_DECLINE] = { "timeout-is-decline",
		"no answer from the provider in time: the payment has failed",
		"charge-has-order" },
	[BUG_PAYMENT_FAILS_OPEN] = { "payment-fails-open",
		"payment is down, but we don't lose the sale: it will be settled later",
		"order-has-charge" },
	[BUG_LATE_COMPENSATION] = { "late-compensation",
		"only what has answered needs to be undone",
		"atomic" },
	[BUG_COMPENSATE_FORWARD] = { "compensate-forward",
		"a loop over the steps undoes them all; the order hardly matters",
		"undo-order" },
	[BUG_SKIP_FAILED_UNDO] = { "skip-failed-undo",
		"an undo that fails must not hold up the others",
		"undo-full" },
	[BUG_UNDO_NOT_IDEMPOTENT] = { "undo-not-idempotent",
		"a release is sent once, so it can simply add to the stock",
		"undo-once" },
	[BUG_REFUND_WITHOUT_SHIPPING] = { "refund-without-shipping",
		"refund the goods: that is what the customer gives back",
		"undo-full" },
	[BUG_FLOAT_MONEY] = { "float-money",
		"a double holds prices well enough, and is cut to cents at the end",
		"price-intact" },
	[BUG_STOCK_RELEASED_TWICE] = { "stock-released-twice",
		"a cancel gives the stock back at once; the failure path does it anyway",
		"undo-once" },
	[BUG_RELEASE_LOST] = { "release-lost",
		"say yes to the release first, it is quick work to do it then",
		"stock-conserved" },
	[BUG_STOCK_READ_MODIFY_WRITE] = { "stock-read-modify-write",
		"read the stock, ask what must be asked, write back what is left",
		"no-oversell" },
	[BUG_LATE_RESERVE] = { "late-reserve",
		"a reserve is a reserve; that its order was cancelled is the order's business",
		"no-hang" },
	[BUG_CANCEL_WITHOUT_RESERVE] = { "cancel-without-reserve",
		"whoever releases has reserved before",
		"stock-conserved" },
	[BUG_STATE_NOT_SAVED] = { "state-not-saved",
		"save the step when it is done; until then there is nothing to save",
		"terminal" },
	[BUG_TIMER_LOST] = { "timer-lost",
		"the saga's task is running, it will see it through",
		"terminal" },
	[BUG_DUAL_WRITE] = { "dual-write",
		"commit, then tell the bus: what should happen in between?",
		"outbox" },
	[BUG_OUTBOX_EARLY_DELETE] = { "outbox-early-delete",
		"take the row out of the outbox and send it: then it can't be sent twice",
		"outbox" },
	[BUG_RELAY_REORDERS] = { "relay-reorders",
		"the newest events matter most, so they go first",
		"outbox" },
	[BUG_NO_DEDUPE] = { "no-dedupe",
		"the bus delivers once, more or less",
		"notify" },
	[BUG_ACK_FIRST] = { "ack-first",
		"acknowledge at once, so that the bus does not have to wait",
		"dead-letters" },
	[BUG_POISON_DROPPED] = { "poison-dropped",
		"what has failed eight times won't work the ninth",
		"dead-letters" },
	[BUG_LATE_PAID_REVIVES] = { "late-paid-revives",
		"paid is paid: the order goes on",
		"monotonic" },
	[BUG_APPROVE_OVERWRITES] = { "approve-overwrites",
		"the last step has succeeded, so the order is confirmed",
		"cancel-wins" },
	[BUG_MAIL_BEFORE_PIVOT] = { "mail-before-pivot",
		"tell the customer as soon as possible",
		"notify" },
	[BUG_MAIL_EVERY_RETRY] = { "mail-every-retry",
		"each attempt is a mail of its own",
		"notify" },
	[BUG_ACK_BEFORE_DURABLE] = { "ack-before-durable",
		"the disk is slow; commits may follow within half a second",
		"durable" },
	[BUG_ERROR_AFTER_COMMIT] = { "error-after-commit",
		"if anything fails while answering, answer with an error",
		"no-phantom" },
	[BUG_GATEWAY_REPLAYS] = { "gateway-replays",
		"a request that timed out is worth a second try",
		"charge-once" },
	[BUG_COUPON_OUTSIDE] = { "coupon-outside",
		"check the coupon when it is entered, take it when the order is written",
		"budget" },
	[BUG_COUPON_NOT_RETURNED] = { "coupon-not-returned",
		"a coupon that was used is used",
		"budget" },
	[BUG_TOTAL_RECOMPUTED] = { "total-recomputed",
		"charge what the goods cost now: prices are the catalog's business",
		"price-intact" },
	[BUG_STALE_READ] = { "stale-read",
		"reads go to a copy; it is only a little behind",
		"read-your-writes" },
	[BUG_BREAKER_STUCK] = { "breaker-stuck",
		"an open breaker protects: someone will close it when all is well",
		"breaker" },
	[BUG_UNBOUNDED_RETRIES] = { "unbounded-retries",
		"try until it works",
		"breaker" },
	[BUG_LIMITER_PER_INSTANCE] = { "limiter-per-instance",
		"each connection has its own bucket: no state to share",
		"rate-limited" },
	[BUG_ARRIVAL_WINS] = { "arrival-wins",
		"the price that comes in last is the latest",
		"regions-converge" },
};

const char *const *bugs_names(void)
{
	static const char *names[BUG_COUNT + 1];

	for (int i = 0; i < BUG_COUNT; i++)
		names[i] = bugs[i].name;
	return names;
}

static bool switch_on(struct text name, struct error *err)
{
	const char *nearest;

	for (int i = 0; i < BUG_COUNT; i++)
		if (text_is(name, bugs[i].name)) {
			bugs_on |= UINT64_C(1) << i;
			return true;
		}
	nearest = suggest(name, bugs_names());
	if (nearest)
		return error_set(err, "unknown bug '%.*s' (did you mean '%s'?)", TEXT_ARG(name),
				 nearest);
	return error_set(err, "unknown bug '%.*s' (--list-bugs lists them)", TEXT_ARG(name));
}

bool bugs_switch_on(const char *names, struct error *err)
{
	const char *end;

	do {
		size_t length = strcspn(names, ",");

		end = names + length;
		if (!switch_on(text_trim((struct text){ names, length }), err))
			return false;
		names = end + 1;
	} while (*end);
	return true;
}

void bugs_list(struct buffer *out)
{
	for (int i = 0; i < BUG_COUNT; i++) {
		buffer_format(out, "%s\n\t\"%s\"\n\tcaught by: %s\n", bugs[i].name, bugs[i].thought,
			      bugs[i].caught_by);
	}
}
