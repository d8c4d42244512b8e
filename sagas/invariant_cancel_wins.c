#include "sagas/invariants.h"

static enum check cancel_wins(const struct saga_case *about, struct finding *finding)
{
	if (!(about->saga->flags & SAGA_CANCEL_DONE))
		return CHECK_NONE;
	switch (about->fate) {
	case FATE_SUCCEEDED:
		return found(finding, CHECK_FACT, -1,
			     "the cancel was acknowledged, and yet it is %s", case_ending(about));
	case FATE_COMPENSATED:
		return CHECK_HELD;
	case FATE_UNKNOWN:
		return found(finding, CHECK_UNKNOWN, 0, "a cancelled saga could not be asked for");
	default:
		return CHECK_NONE; /* not settled: terminal says so; lost: durable does */
	}
}

const struct invariant invariant_cancel_wins = {
	.name = "cancel-wins",
	.statement = "an acknowledged cancel stays cancelled",
	.catches = "the last step has succeeded, so the order is confirmed, cancelled or not",
	.needs = NEED_OUTCOME,
	.marks = 1 << SAGA_IS | 1 << SAGA_CANCEL_OK,
	.saga = cancel_wins,
};
