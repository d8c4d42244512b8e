#include "sagas/invariants.h"

/* What shows that it exists; NULL: nothing. */
static const struct entry *trace_of(const struct saga_case *about)
{
	return about->effect_count ? about->effects[0] :
	       about->was_count	   ? about->was[0] :
	       about->told_count   ? about->told[0] :
				     NULL;
}

static enum check no_phantom(const struct saga_case *about, struct finding *finding)
{
	bool exists = about->saga->flags & SAGA_HAS_IS && about->fate != FATE_ABSENT;
	const struct entry *trace = trace_of(about);

	if (!exists && !trace)
		return check_held(about->saga->sent && case_was_refused(about));
	if (!case_was_minted(about) || !about->saga->sent)
		return found(finding, CHECK_VIOLATED, trace ? trace->at_us : -1,
			     "nobody placed it, and there it is");
	if (!case_was_refused(about))
		return CHECK_HELD;
	if (exists)
		return found(finding, CHECK_FACT, -1,
			     "each attempt to place it was refused, and yet it is %s",
			     case_ending(about));
	return found(finding, CHECK_FACT, trace->at_us,
		     "each attempt to place it was refused, and yet something happened at %s",
		     AT(trace->at_us));
}

const struct invariant invariant_no_phantom = {
	.name = "no-phantom",
	.statement = "every existing order was placed; a definite failure left nothing",
	.catches = "an error is answered after the order was committed",
	.needs = NEED_OUTCOME,
	.reads = READS_ALL_EFFECTS,
	.marks = 1 << SAGA_IS,
	.saga = no_phantom,
};
