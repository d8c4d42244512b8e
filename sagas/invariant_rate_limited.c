#include <math.h>

#include "sagas/invariants.h"

static enum check no_effect(const struct saga_case *about, struct finding *finding)
{
	const struct saga *saga = about->saga;
	bool exists = saga->flags & SAGA_HAS_IS && about->fate != FATE_ABSENT;

	if (!saga->limited || saga->flags & SAGA_HAS_OK || saga->limited < saga->sent)
		return CHECK_NONE;
	if (!exists && !about->effect_count)
		return CHECK_HELD;
	return found(finding, CHECK_FACT, about->effect_count ? about->effects[0]->at_us : -1,
		     "each attempt was refused with a %d, and yet it had an effect",
		     (int)about->judge->refusal);
}

/*
 * The most that any whole seconds in a row let through beyond the rate. Only answers that began and
 * ended within their second are counted, so that no delay on the way adds any.
 */
static void admitted(struct judgement *judgement)
{
	const struct rate_limit *limit = &judgement->of->contract->limit;
	const struct judge *judge = judgement->judge;
	double over = 0, worst = 0;
	size_t begin = 0, from = 0, to = 0;

	for (size_t i = 0; i < judge->admitted_seconds; i++) {
		if (over <= 0) {
			over = 0;
			begin = i;
		}
		over += judge->admitted[i] - limit->per_s;
		if (over > worst) {
			worst = over;
			from = begin;
			to = i + 1;
		}
	}
	if (worst > limit->burst)
		judgement_found(
			judgement, CHECK_FACT, SAGA_NONE, "the limit", (int64_t)from * 1000000,
			"from %zu s to %zu s %.0f more were let through than %g/s and %g at once",
			from, to, ceil(worst - limit->burst), limit->per_s, limit->burst);
	else if (judge->refusals)
		judgement_held(judgement, 1);
}

const struct invariant invariant_rate_limited = {
	.name = "rate-limited",
	.statement = "no more is let through than the limit says, and what is refused has no effect",
	.catches = "each connection or instance counts for itself",
	.needs = NEED_LIMIT,
	.saga = no_effect,
	.all = admitted,
};
