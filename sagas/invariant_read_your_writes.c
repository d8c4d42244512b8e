#include "sagas/invariants.h"

static enum check read_your_writes(const struct saga_case *about, struct finding *finding)
{
	if (about->saga->flags & SAGA_HAS_MISSED)
		return found(finding, CHECK_FACT, -1,
			     "acknowledged at %s; then who placed it asked, and it was not there",
			     AT((int64_t)about->saga->ok_ms * 1000));
	return check_held(about->saga->flags & SAGA_HAS_OK && about->saga->flags & SAGA_HAS_SAW);
}

const struct invariant invariant_read_your_writes = {
	.name = "read-your-writes",
	.statement = "an acknowledged order can be read by who placed it",
	.catches = "reads go to a copy that is a little behind",
	.marks = 1 << SAGA_MISSED,
	.saga = read_your_writes,
};
