#include "sagas/invariants.h"

static enum check durable(const struct saga_case *about, struct finding *finding)
{
	if (!(about->saga->flags & SAGA_HAS_OK))
		return CHECK_NONE;
	if (about->fate == FATE_ABSENT)
		return found(finding, CHECK_FACT, -1,
			     "acknowledged at %s, and at %s the system knows no such order",
			     AT((int64_t)about->saga->ok_ms * 1000),
			     AT((int64_t)about->saga->asked_ms * 1000));
	if (about->fate == FATE_UNKNOWN)
		return found(finding, CHECK_UNKNOWN, 0,
			     "an acknowledged saga could not be asked for");
	return CHECK_HELD;
}

const struct invariant invariant_durable = {
	.name = "durable",
	.statement = "every acknowledged order exists",
	.catches = "the answer leaves before the commit is on the disk",
	.needs = NEED_OUTCOME,
	.marks = 1 << SAGA_ABSENT,
	.saga = durable,
};
