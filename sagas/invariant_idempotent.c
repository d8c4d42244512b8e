#include "sagas/invariants.h"

static enum check idempotent(const struct saga_case *about, struct finding *finding)
{
	uint32_t flags = about->saga->flags;

	if (flags & SAGA_TWO_IDS)
		return found(finding, CHECK_FACT, -1, "one key, and the system has two ids for it");
	if (flags & SAGA_AGAIN_OTHER)
		return found(finding, CHECK_FACT, -1,
			     "the same key and body, sent again, had another answer");
	if (flags & SAGA_MISUSE_ACCEPTED)
		return found(finding, CHECK_FACT, -1,
			     "the same key with another body was accepted");
	return check_held(flags & (SAGA_AGAIN_SAME | SAGA_MISUSE_REFUSED) ||
			  (about->saga->sent > 1 && about->saga->id));
}

const struct invariant invariant_idempotent = {
	.name = "idempotent",
	.statement = "same key and body: same answer, one effect; same key, other body: an error",
	.catches = "the key is looked up first and written down later, or its body is not compared",
	.marks = 1 << SAGA_AGAIN | 1 << SAGA_MISUSED,
	.saga = idempotent,
};
