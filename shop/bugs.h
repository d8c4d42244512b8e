/*
 * bugs: mistakes that can be switched on, to prove that the harness finds them.
 *
 * Each is a small, natural wrong line next to the right one:
 *
 *	key = bug(BUG_RETRY_NEW_KEY) ? make_id(...) : payment_key;
 *
 * `sagastorm shop --list-bugs` prints the table of bugs.c: the name, what a developer might have
 * thought, and the invariant that must catch it.
 */
#ifndef SHOP_BUGS_H
#define SHOP_BUGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

enum bug {
	BUG_RETRY_NEW_KEY,            /* payment: provider retry with a new idempotency key */
	BUG_CHECK_THEN_INSERT,        /* order: key looked up, then, after a wait, inserted */
	BUG_KEY_IGNORES_BODY,         /* order: same key, other body: the old answer */
	BUG_TIMEOUT_IS_DECLINE,       /* payment: a provider timeout is taken for a decline */
	BUG_PAYMENT_FAILS_OPEN,       /* order: payment unreachable: taken for paid */
	BUG_LATE_COMPENSATION,        /* orchestrator: undo registered only after the reply */
	BUG_COMPENSATE_FORWARD,       /* orchestrator: undoes in forward order */
	BUG_SKIP_FAILED_UNDO,         /* orchestrator: an undo that fails is skipped */
	BUG_UNDO_NOT_IDEMPOTENT,      /* inventory: releasing twice gives back twice */
	BUG_REFUND_WITHOUT_SHIPPING,  /* payment: refunds the goods, keeps the shipping */
	BUG_FLOAT_MONEY,              /* order: totals in floating point, truncated to cents */
	BUG_STOCK_RELEASED_TWICE,     /* order: cancel releases, and so does the failure path */
	BUG_RELEASE_LOST,             /* inventory: acks the release before doing it */
	BUG_STOCK_READ_MODIFY_WRITE,  /* inventory: reads stock, waits, writes it back */
	BUG_LATE_RESERVE,             /* inventory: a reserve after the cancel still reserves */
	BUG_CANCEL_WITHOUT_RESERVE,   /* inventory: releasing what was never reserved adds stock */
	BUG_STATE_NOT_SAVED,          /* orchestrator: the step is sent before it is saved */
	BUG_TIMER_LOST,               /* orchestrator: sagas are not resumed after a restart */
	BUG_DUAL_WRITE,               /* publishes straight to the bus, not through the outbox */
	BUG_OUTBOX_EARLY_DELETE,      /* the outbox row goes before the bus has confirmed */
	BUG_RELAY_REORDERS,           /* the relay sends newest first */
	BUG_NO_DEDUPE,                /* consumers do not look into their inbox */
	BUG_ACK_FIRST,                /* consumers acknowledge, then process */
	BUG_POISON_DROPPED,           /* bus: what fails too often is dropped, not a dead letter */
	BUG_LATE_PAID_REVIVES,        /* order: PaymentSucceeded revives a cancelled order */
	BUG_APPROVE_OVERWRITES,       /* order: confirm overwrites a cancel that came between */
	BUG_MAIL_BEFORE_PIVOT,        /* order: the confirmation mail is sent when it is placed */
	BUG_MAIL_EVERY_RETRY,         /* notification: a mail per attempt */
	BUG_ACK_BEFORE_DURABLE,       /* order: 201 before the commit */
	BUG_ERROR_AFTER_COMMIT,       /* order: a 4xx although the order was committed */
	BUG_GATEWAY_REPLAYS,          /* gateway: a POST that timed out is sent again, keyless */
	BUG_COUPON_OUTSIDE,           /* order: coupon checked outside of what takes it */
	BUG_COUPON_NOT_RETURNED,      /* order: a failed order keeps the coupon */
	BUG_TOTAL_RECOMPUTED,         /* order: charges today's price, not the one shown */
	BUG_STALE_READ,               /* order: status read from a copy that lags behind */
	BUG_BREAKER_STUCK,            /* calls: the breaker never half-opens */
	BUG_UNBOUNDED_RETRIES,        /* calls: retries without a bound or back-off */
	BUG_LIMITER_PER_INSTANCE,     /* gateway: a limiter per connection, not for all */
	BUG_ARRIVAL_WINS,             /* catalog: of two regions' prices the one that came last */
	BUG_COUNT
};

extern uint64_t bugs_on;

static inline bool bug(enum bug bug)
{
	return bugs_on >> bug & 1;
}

/* "retry-new-key"; several separated by commas. */
bool bugs_switch_on(const char *names, struct error *err);
/* All of them, NULL-ended. */
const char *const *bugs_names(void);
void bugs_list(struct buffer *out);

#endif
