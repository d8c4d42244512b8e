#include "sagas/invariants.h"

static bool can_be_seen(const struct saga_case *about, uint8_t step)
{
	return about->contract->steps[step].undo && case_sees(about, step, false);
}

/* Undone after the pivot, though the customer did not ask for it. */
static enum check after_the_pivot(const struct saga_case *about, struct finding *finding)
{
	const struct entry *pivot = case_first_was(about, STATE_SUCCEEDED);

	if (!pivot || about->saga->flags & SAGA_CANCEL_TRIED)
		return CHECK_NONE;
	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->undo && is_before(pivot->at_us, entry->at_us))
			return found(finding, CHECK_FACT, entry->at_us,
				     "'%s' at %s, after the pivot (%s at %s) and without a cancel",
				     about->contract->steps[entry->step].undo, AT(entry->at_us),
				     judge_state_name(about->contract, pivot->state),
				     AT(pivot->at_us));
	}
	return CHECK_NONE;
}

/* `early` comes before `late` in the contract. */
static enum check pair(const struct saga_case *about, uint8_t early, uint8_t late,
		       struct finding *finding)
{
	const struct saga_step *steps = about->contract->steps;
	const struct step_view *a = &about->steps[early], *b = &about->steps[late];

	if (b->did && !a->did && !(steps[early].counts == COUNTS_MONEY && case_price(about) == 0))
		return found(finding, CHECK_VIOLATED, b->first->at_us,
			     "'%s' at %s, and '%s' never happened", steps[late].name,
			     AT(b->first->at_us), steps[early].name);
	if (b->did && is_before(b->first->at_us, a->first->at_us))
		return found(finding, CHECK_VIOLATED, b->first->at_us,
			     "'%s' at %s was before '%s' at %s", steps[late].name,
			     AT(b->first->at_us), steps[early].name, AT(a->first->at_us));
	if (a->undid && b->undid && is_before(a->first_undo->at_us, b->first_undo->at_us))
		return found(finding, CHECK_FACT, a->first_undo->at_us,
			     "'%s' at %s was before '%s' at %s: not in reverse", steps[early].undo,
			     AT(a->first_undo->at_us), steps[late].undo, AT(b->first_undo->at_us));
	return CHECK_NONE;
}

static enum check in_order(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	bool any = false;

	for (uint8_t late = 1; late < contract->step_count; late++) {
		for (uint8_t early = 0; early < late; early++) {
			enum check check;

			if (!can_be_seen(about, early) || !can_be_seen(about, late))
				continue;
			any = any || about->steps[late].did;
			check = pair(about, early, late, finding);
			if (check != CHECK_NONE)
				return check;
		}
	}
	return check_held(any);
}

static enum check undo_order(const struct saga_case *about, struct finding *finding)
{
	enum check check = after_the_pivot(about, finding);

	if (check != CHECK_NONE)
		return check;
	if (about->contract->style == STYLE_CHOREOGRAPHED)
		return check_held(about->effect_count && case_first_was(about, STATE_SUCCEEDED));
	return in_order(about, finding);
}

const struct invariant invariant_undo_order = {
	.name = "undo-order",
	.statement = "effects form T1..Tn or T1..Tj, undone in reverse; after the pivot only a cancel undoes",
	.catches = "a loop over the steps undoes them in the order in which they were done",
	.needs = NEED_UNDO | NEED_TIMES,
	.reads = READS_EFFECTS,
	.saga = undo_order,
};
