#include "sagas/invariants.h"

static bool is_outcome(const struct contract *contract, uint8_t state)
{
	return state_is(contract, state, STATE_SUCCEEDED) ||
	       state_is(contract, state, STATE_COMPENSATED);
}

/*
 * The first entry of a log that no moves lead to from an outcome before it. A state counts where it
 * stands first: an event may be told twice.
 */
static const struct entry *revived(const struct saga_case *about, const struct entry **log,
				   size_t count, const struct entry **outcome)
{
	uint32_t seen = 0;

	*outcome = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct entry *now = log[i];

		if (now->state < about->contract->state_count) {
			if (seen & UINT32_C(1) << now->state)
				continue;
			seen |= UINT32_C(1) << now->state;
		}
		if (*outcome && now->state != (*outcome)->state &&
		    now->state < about->contract->state_count &&
		    !(about->of->reach[(*outcome)->state] & UINT32_C(1) << now->state))
			return now;
		if (is_outcome(about->contract, now->state))
			*outcome = now;
	}
	return NULL;
}

static enum check monotonic(const struct saga_case *about, struct finding *finding)
{
	const struct saga *saga = about->saga;
	const struct entry *told, *outcome;
	const struct entry *now = revived(about, about->told, about->told_count, &told);

	if (now)
		return found(finding, CHECK_FACT, now->at_us,
			     "an event says %s (%s), although one had said %s (%s)",
			     judge_state_name(about->contract, now->state), AT(now->at_us),
			     judge_state_name(about->contract, told->state), AT(told->at_us));
	now = revived(about, about->was, about->was_count, &outcome);
	if (now)
		return found(finding, CHECK_FACT, now->at_us,
			     "%s at %s, although it was %s since %s",
			     judge_state_name(about->contract, now->state), AT(now->at_us),
			     judge_state_name(about->contract, outcome->state), AT(outcome->at_us));
	if (saga->flags & SAGA_WENT_BACK)
		return found(finding, CHECK_FACT, -1, "it was seen %s, and afterwards %s",
			     judge_state_name(about->contract, saga->from),
			     judge_state_name(about->contract, saga->to));
	return check_held(outcome || saga->flags & (SAGA_WAS_SUCCEEDED | SAGA_WAS_COMPENSATED));
}

const struct invariant invariant_monotonic = {
	.name = "monotonic",
	.statement = "an outcome never changes back",
	.catches = "a payment that comes late revives an order that was cancelled",
	.needs = NEED_MOVES,
	.marks = 1 << SAGA_SAW | 1 << SAGA_IS,
	.saga = monotonic,
};
