#include "sagas/invariants.h"

static void want(struct judgement *judgement, bool seen, const char *what, const char *name)
{
	if (seen)
		judgement_held(judgement, 1);
	else
		judgement_found(judgement, CHECK_UNKNOWN, SAGA_NONE, name, -1, "%s '%s'", what,
				name);
}

static void steps(struct judgement *judgement)
{
	const struct contract_judge *of = judgement->of;

	for (uint8_t i = 0; i < of->contract->step_count; i++) {
		const struct saga_step *step = &of->contract->steps[i];

		if (of->authority[i][0])
			want(judgement, of->steps_done[i][0], "nothing ever did", step->name);
		if (step->undo && of->authority[i][1])
			want(judgement, of->steps_done[i][1], "nothing ever did", step->undo);
	}
}

static bool has_class(const struct contract *contract, enum state_class class)
{
	for (uint8_t i = 0; i < contract->state_count; i++)
		if (contract->states[i].class == class)
			return true;
	return false;
}

static void faults(struct judgement *judgement)
{
	const struct judge *judge = judgement->judge;

	for (size_t i = 0; i < judge->fault_count; i++) {
		const struct judge_fault *fault = &judge->faults[i];

		want(judgement, fault->from_us >= 0 && fault->hits != 0,
		     fault->from_us >= 0 ? "nothing met the fault" : "never armed: the fault",
		     fault->name);
	}
}

static void exercised(struct judgement *judgement)
{
	const struct contract_judge *of = judgement->of;

	want(judgement, of->started, "no saga was started of", of->contract->name);
	if (has_class(of->contract, STATE_SUCCEEDED))
		want(judgement, of->ended[END_SUCCEEDED], "none succeeded of", of->contract->name);
	if (has_class(of->contract, STATE_COMPENSATED))
		want(judgement, of->ended[END_COMPENSATED], "none was compensated of",
		     of->contract->name);
	steps(judgement);
	faults(judgement);
}

const struct invariant invariant_vacuity = {
	.name = "vacuity",
	.statement = "each step, each branch and each fault was really exercised",
	.catches = "a run that tests nothing passes",
	.no_minimum = true,
	.all = exercised,
};
