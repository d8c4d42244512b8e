#include "sagas/invariants.h"

static bool was_placed(const struct saga_case *about)
{
	return case_was_minted(about) && about->saga->sent && !case_was_refused(about);
}

static int64_t deadline_us(const struct saga_case *about)
{
	int64_t from_us = (int64_t)about->saga->minted_ms * 1000;

	if (about->judge->healed_us > from_us)
		from_us = about->judge->healed_us;
	return from_us + about->contract->settles_within_us;
}

static enum check terminal(const struct saga_case *about, struct finding *finding)
{
	int64_t asked_us = (int64_t)about->saga->asked_ms * 1000;

	if (about->fate == FATE_ABSENT || !was_placed(about))
		return CHECK_NONE;
	if (about->fate == FATE_UNKNOWN)
		return found(finding, CHECK_UNKNOWN, 0, "a saga could not be asked how it ended");
	if (about->fate != FATE_MOVING)
		return CHECK_HELD;
	if (asked_us < deadline_us(about))
		return found(finding, CHECK_UNKNOWN, 0, "a saga was asked before its time was up");
	return found(finding, CHECK_FACT, asked_us, "still %s%s at %s; it had to settle by %s",
		     case_ending(about),
		     about->saga->flags & SAGA_IS_UNDOING ? " and being undone" : "", AT(asked_us),
		     AT(deadline_us(about)));
}

const struct invariant invariant_terminal = {
	.name = "terminal",
	.statement = "settled within its deadline after the heal",
	.catches = "a crash between two steps leaves the order where it was, for good",
	.needs = NEED_OUTCOME,
	.marks = 1 << SAGA_IS,
	.saga = terminal,
};
