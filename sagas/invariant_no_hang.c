#include "sagas/invariants.h"

/* The first undo of the same thing. */
static const struct entry *undo_of(const struct saga_case *about, const struct entry *effect)
{
	bool by_item = about->contract->steps[effect->step].counts == COUNTS_QUANTITY;

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->undo && entry->step == effect->step &&
		    (!by_item || entry->item == effect->item))
			return entry;
	}
	return NULL;
}

static enum check no_hang(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	const struct entry *ended = case_first_was(about, STATE_COMPENSATED);
	bool any = ended;

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *effect = about->effects[i], *undo;

		any = any || effect->undo;
		if (effect->undo || !contract->steps[effect->step].undo)
			continue;
		undo = undo_of(about, effect);
		if (undo && is_before(undo->at_us, effect->at_us))
			return found(finding, CHECK_FACT, effect->at_us,
				     "'%s' at %s, after its '%s' at %s",
				     contract->steps[effect->step].name, AT(effect->at_us),
				     contract->steps[effect->step].undo, AT(undo->at_us));
		if (ended && is_before(ended->at_us, effect->at_us))
			return found(finding, CHECK_FACT, effect->at_us,
				     "'%s' at %s, after everything was undone (%s at %s)",
				     contract->steps[effect->step].name, AT(effect->at_us),
				     judge_state_name(contract, ended->state), AT(ended->at_us));
	}
	return check_held(any);
}

const struct invariant invariant_no_hang = {
	.name = "no-hang",
	.statement = "no effect appears after its undo",
	.catches = "a reserve that was late on its way is carried out after its release",
	.needs = NEED_UNDO | NEED_TIMES,
	.reads = READS_EFFECTS,
	.saga = no_hang,
};
