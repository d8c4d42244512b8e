#include "sagas/invariants.h"

static enum check order_has_charge(const struct saga_case *about, struct finding *finding)
{
	struct money money = money_of(about);

	if (about->fate != FATE_SUCCEEDED || case_price(about) == 0)
		return CHECK_NONE;
	if (money.given > money.taken)
		return CHECK_HELD;
	if (!money.given)
		return found(finding, CHECK_VIOLATED, (int64_t)about->saga->asked_ms * 1000,
			     "the order is %s, and was never paid for", case_ending(about));
	return found(finding, CHECK_VIOLATED, money.last->at_us,
		     "the order is %s, but of %" PRId64 " paid %" PRId64 " were given back",
		     case_ending(about), money.given, money.taken);
}

const struct invariant invariant_order_has_charge = {
	.name = "order-has-charge",
	.statement = "no order that stands without its money",
	.catches = "payment is down, so the order goes on without it",
	.needs = NEED_OUTCOME | NEED_MONEY,
	.reads = READS_MONEY,
	.marks = 1 << SAGA_IS,
	.saga = order_has_charge,
};
