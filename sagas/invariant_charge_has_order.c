#include "sagas/invariants.h"

static enum check charge_has_order(const struct saga_case *about, struct finding *finding)
{
	struct money money = money_of(about);

	if (!money.given || about->fate == FATE_MOVING || !case_was_minted(about))
		return CHECK_NONE;
	if (about->fate == FATE_UNKNOWN)
		return found(finding, CHECK_UNKNOWN, 0,
			     "it is not known how a saga ended that was paid for");
	if (about->fate == FATE_SUCCEEDED || money.given <= money.taken)
		return CHECK_HELD;
	return found(finding, CHECK_VIOLATED, money.last->at_us,
		     "paid %" PRId64 " (at %s), got back %" PRId64 "; the order is %s", money.given,
		     AT(money.last->at_us), money.taken, case_ending(about));
}

const struct invariant invariant_charge_has_order = {
	.name = "charge-has-order",
	.statement = "no money without an order that stands",
	.catches = "no answer from the provider in time is taken for a decline",
	.needs = NEED_OUTCOME | NEED_MONEY,
	.reads = READS_MONEY,
	.saga = charge_has_order,
};
