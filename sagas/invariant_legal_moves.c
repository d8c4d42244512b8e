#include "sagas/invariants.h"

static bool is_declared(const struct contract *contract, uint8_t from, uint8_t to)
{
	return from == to || contract->states[from].moves & UINT32_C(1) << to;
}

static enum check legal_moves(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;

	for (size_t i = 0; i < about->was_count; i++) {
		const struct entry *now = about->was[i], *before = i ? about->was[i - 1] : NULL;

		if (now->state >= contract->state_count)
			return found(finding, CHECK_FACT, now->at_us,
				     "at %s it was in a state that the contract does not know",
				     AT(now->at_us));
		if (!before && now->state != contract->initial)
			return found(finding, CHECK_VIOLATED, now->at_us,
				     "it began as %s at %s, not as %s",
				     judge_state_name(contract, now->state), AT(now->at_us),
				     judge_state_name(contract, contract->initial));
		if (before && !is_declared(contract, before->state, now->state))
			return found(finding, CHECK_VIOLATED, now->at_us,
				     "%s -> %s at %s is no declared move",
				     judge_state_name(contract, before->state),
				     judge_state_name(contract, now->state), AT(now->at_us));
	}
	return check_held(about->was_count);
}

const struct invariant invariant_legal_moves = {
	.name = "legal-moves",
	.statement = "only declared moves from state to state",
	.catches = "a step writes its state whatever the state has become meanwhile",
	.needs = NEED_MOVES | NEED_WAS,
	.reads = READS_WAS,
	.saga = legal_moves,
};
