#include "sagas/invariants.h"

static const struct entry *effect_called(const struct saga_case *about, uint8_t step,
					 uint32_t cause)
{
	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->step == step && !entry->undo && (uint32_t)entry->identity == cause)
			return entry;
	}
	return NULL;
}

/* More than there was is taken back of the very thing that the source says. */
static bool more_than_its_cause(const struct saga_case *about, const struct entry *undo)
{
	const struct entry *effect =
		undo->cause ? effect_called(about, undo->step, undo->cause) : NULL;
	int64_t taken = 0;

	if (!effect || about->contract->steps[undo->step].counts == COUNTS_TIMES)
		return false;
	for (size_t i = 0; i < about->effect_count; i++)
		if (about->effects[i]->undo && about->effects[i]->step == undo->step &&
		    about->effects[i]->cause == undo->cause)
			taken += about->effects[i]->amount;
	return taken > effect->amount;
}

static bool more_than_given(const struct saga_case *about, const struct entry *undo)
{
	const struct step_view *view = &about->steps[undo->step];

	if (!case_sees(about, undo->step, false))
		return false;
	if (about->contract->steps[undo->step].counts == COUNTS_QUANTITY)
		return case_net(about, undo->step, undo->item) < 0;
	return view->taken > view->given;
}

static enum check undo_once(const struct saga_case *about, struct finding *finding)
{
	const struct entry *wrong = NULL;
	enum check check = CHECK_NONE;

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (!entry->undo)
			continue;
		if (check == CHECK_NONE)
			check = CHECK_HELD;
		if (more_than_its_cause(about, entry))
			check = CHECK_FACT;
		else if (check == CHECK_HELD && more_than_given(about, entry))
			check = CHECK_VIOLATED;
		else
			continue;
		wrong = entry;
	}
	if (!wrong)
		return check;
	return found(finding, check, wrong->at_us,
		     "'%s' took back %" PRId64 " in %" PRIu32
		     " times (last at %s), '%s' had given %" PRId64,
		     about->contract->steps[wrong->step].undo, about->steps[wrong->step].taken,
		     about->steps[wrong->step].undid, AT(wrong->at_us),
		     about->contract->steps[wrong->step].name, about->steps[wrong->step].given);
}

const struct invariant invariant_undo_once = {
	.name = "undo-once",
	.statement = "what was done is taken back once at most",
	.catches = "an undo that is repeated adds to the stock a second time",
	.needs = NEED_UNDO,
	.reads = READS_EFFECTS,
	.saga = undo_once,
};
