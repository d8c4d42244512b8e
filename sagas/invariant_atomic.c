#include "sagas/invariants.h"

/* Goods for free have no charge. */
static bool may_be_left_out(const struct saga_case *about, uint8_t step)
{
	return about->contract->steps[step].counts == COUNTS_MONEY && case_price(about) == 0;
}

static bool is_in_force(const struct saga_case *about, uint8_t step)
{
	const struct step_view *view = &about->steps[step];

	return about->contract->steps[step].undo && view->given > view->taken;
}

/* Undoable steps whose effects can be seen, and of these the ones in force. */
static enum check atomic(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	int in_force = -1, missing = -1;
	bool any = false;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		if (!contract->steps[i].undo || !case_sees(about, i, false))
			continue;
		any = any || about->steps[i].did;
		if (is_in_force(about, i))
			in_force = i;
		else if (!may_be_left_out(about, i))
			missing = i;
	}
	if (!any || about->fate == FATE_MOVING || !case_was_minted(about))
		return CHECK_NONE;
	if (about->fate == FATE_UNKNOWN)
		return found(finding, CHECK_UNKNOWN, 0, "it is not known how a saga ended");
	if (in_force < 0 || missing < 0)
		return CHECK_HELD;
	return found(finding, CHECK_VIOLATED, about->steps[in_force].last->at_us,
		     "half of it happened: '%s' of %" PRId64 " at %s stands, '%s' %s; it is %s",
		     contract->steps[in_force].name,
		     about->steps[in_force].given - about->steps[in_force].taken,
		     AT(about->steps[in_force].last->at_us), contract->steps[missing].name,
		     about->steps[missing].did ? "was taken back" : "never happened",
		     case_ending(about));
}

const struct invariant invariant_atomic = {
	.name = "atomic",
	.statement = "all effects of a saga, or net none",
	.catches = "a step that timed out is taken for one that did not happen, and is not undone",
	.needs = NEED_OUTCOME | NEED_UNDO,
	.reads = READS_EFFECTS,
	.saga = atomic,
};
