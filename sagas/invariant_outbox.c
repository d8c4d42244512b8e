#include "sagas/invariants.h"

/* States in the order in which they came first: an event may be told twice. */
struct states {
	uint8_t order[STATE_BITS];
	int64_t at_us[STATE_BITS];
	size_t count;
	uint32_t seen;
};

static struct states states_of(const struct contract *contract, const struct entry **entries,
			       size_t count)
{
	struct states states = { .count = 0 };

	for (size_t i = 0; i < count; i++) {
		uint8_t state = entries[i]->state;

		if (state >= contract->state_count || states.seen & UINT32_C(1) << state)
			continue;
		states.seen |= UINT32_C(1) << state;
		states.at_us[states.count] = entries[i]->at_us;
		states.order[states.count++] = state;
	}
	return states;
}

static enum check outbox(const struct saga_case *about, struct finding *finding)
{
	const struct contract *contract = about->contract;
	struct states was = states_of(contract, about->was, about->was_count);
	struct states told = states_of(contract, about->told, about->told_count);

	for (size_t i = 0; i < was.count; i++)
		if (!(told.seen & UINT32_C(1) << was.order[i]))
			return found(finding, CHECK_VIOLATED, was.at_us[i],
				     "it became %s at %s, and no event says so",
				     judge_state_name(contract, was.order[i]), AT(was.at_us[i]));
	for (size_t i = 0; i < told.count; i++)
		if (!(was.seen & UINT32_C(1) << told.order[i]))
			return found(finding, CHECK_VIOLATED, told.at_us[i],
				     "an event says %s at %s, and it never was that",
				     judge_state_name(contract, told.order[i]), AT(told.at_us[i]));
	for (size_t i = 0; i < told.count; i++)
		if (told.order[i] != was.order[i])
			return found(finding, CHECK_VIOLATED, told.at_us[i],
				     "the event of %s comes where that of %s should be",
				     judge_state_name(contract, told.order[i]),
				     judge_state_name(contract, was.order[i]));
	return check_held(was.count);
}

const struct invariant invariant_outbox = {
	.name = "outbox",
	.statement = "every change of state has its event, in order; no event without its change",
	.catches = "the database is committed and the event is sent, with a crash in between",
	.needs = NEED_WAS | NEED_TOLD,
	.reads = READS_WAS | READS_TOLD,
	.saga = outbox,
};
