#include "sagas/invariants.h"

static uint32_t most_of(const struct saga_step *step)
{
	return step->at_most > 1 ? (uint32_t)step->at_most : 1;
}

static enum check charge_once(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	bool any = false;

	for (int i = next_step(contract, COUNTS_MONEY, 0); i >= 0;
	     i = next_step(contract, COUNTS_MONEY, i + 1)) {
		const struct step_view *view = &about->steps[i];

		any = any || view->did;
		if (view->did > most_of(&contract->steps[i]))
			return found(finding, CHECK_FACT, view->last->at_us,
				     "'%s' happened %" PRIu32 " times for one purchase: %" PRId64
				     " at %s, %" PRId64 " at %s",
				     contract->steps[i].name, view->did, view->first->amount,
				     AT(view->first->at_us), view->last->amount,
				     AT(view->last->at_us));
	}
	return check_held(any);
}

const struct invariant invariant_charge_once = {
	.name = "charge-once",
	.statement = "at most one charge per purchase, whatever was retried",
	.catches = "each attempt at the provider has a key of its own",
	.needs = NEED_MONEY,
	.reads = READS_MONEY,
	.saga = charge_once,
};
