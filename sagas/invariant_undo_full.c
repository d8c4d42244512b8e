#include "sagas/invariants.h"

/* The first effect of the step that was not taken back in full; NULL: all were. */
static const struct entry *left_over(const struct saga_case *about, uint8_t step)
{
	const struct step_view *view = &about->steps[step];

	if (about->contract->steps[step].counts != COUNTS_QUANTITY)
		return view->given > view->taken ? view->last : NULL;
	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->step == step && !entry->undo && case_net(about, step, entry->item) > 0)
			return entry;
	}
	return NULL;
}

static enum check undo_full(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	bool any = false;

	if (about->fate != FATE_COMPENSATED)
		return CHECK_NONE;
	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct entry *left;

		if (!contract->steps[i].undo || !case_sees(about, i, true) || !about->steps[i].did)
			continue;
		any = true;
		left = left_over(about, i);
		if (left)
			return found(finding, CHECK_VIOLATED, left->at_us,
				     "it is %s, but '%s' gave %" PRId64
				     " (%s) and '%s' took back only %" PRId64,
				     case_ending(about), contract->steps[i].name,
				     about->steps[i].given, AT(left->at_us),
				     contract->steps[i].undo, about->steps[i].taken);
	}
	return check_held(any);
}

const struct invariant invariant_undo_full = {
	.name = "undo-full",
	.statement = "a compensated saga gets back exactly what it gave",
	.catches = "an undo that fails is skipped, or gives back the goods without the shipping",
	.needs = NEED_OUTCOME | NEED_UNDO,
	.reads = READS_EFFECTS,
	.saga = undo_full,
};
