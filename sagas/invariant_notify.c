#include "sagas/invariants.h"

enum { TOLD_ANYTHING, TOLD_SUCCEEDED, TOLD_COMPENSATED, TOLD_KINDS };

struct messages {
	uint32_t count[TOLD_KINDS];
	const struct entry *last[TOLD_KINDS];
};

static struct messages messages_of(const struct saga_case *about)
{
	struct messages messages = { 0 };

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];
		unsigned kind = entry->outcome < TOLD_KINDS ? entry->outcome : TOLD_ANYTHING;

		if (entry->step != about->of->messages)
			continue;
		messages.count[kind]++;
		messages.last[kind] = entry;
	}
	return messages;
}

static enum check too_often(const struct saga_case *about, const struct messages *messages,
			    struct finding *finding)
{
	int64_t most = about->contract->steps[about->of->messages].at_most;

	for (int kind = 0; kind < TOLD_KINDS; kind++)
		if (most >= 0 && messages->count[kind] > most)
			return found(finding, CHECK_FACT, messages->last[kind]->at_us,
				     "told %" PRIu32 " times (last at %s), at most %" PRId64
				     " are right",
				     messages->count[kind], AT(messages->last[kind]->at_us), most);
	return CHECK_NONE;
}

/* Whether some message of the contract says so much; else silence is no lie. */
static bool can_say(const struct contract *contract, int step, bool compensated)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++) {
			const struct source_rule *rule = &contract->sources[i].rules[k];

			if (rule->role == ROLE_EFFECT && rule->step == step &&
			    (compensated ? rule->compensated : rule->succeeded))
				return true;
		}
	return false;
}

static enum check succeeded(const struct saga_case *about, const struct messages *messages,
			    struct finding *finding)
{
	const struct entry *lie = messages->last[TOLD_COMPENSATED];
	int64_t told = (int64_t)messages->count[TOLD_SUCCEEDED] + messages->count[TOLD_ANYTHING];
	int64_t least = about->contract->steps[about->of->messages].at_least;

	if (lie)
		return found(finding, CHECK_VIOLATED, lie->at_us,
			     "told at %s that it had failed, but it is %s", AT(lie->at_us),
			     case_ending(about));
	if (least >= 0 && told < least)
		return found(finding, CHECK_VIOLATED, -1,
			     "it is %s, and the customer was told %" PRId64 " times of %" PRId64,
			     case_ending(about), told, least);
	return CHECK_HELD;
}

static bool ever_succeeded(const struct saga_case *about)
{
	return about->saga->flags & SAGA_WAS_SUCCEEDED || case_first_was(about, STATE_SUCCEEDED);
}

/* A customer who cancels what was confirmed was rightly told both. Without a log nobody knows. */
static bool may_have_succeeded(const struct saga_case *about)
{
	return ever_succeeded(about) ||
	       (about->saga->flags & SAGA_CANCEL_TRIED && !(about->of->has & NEED_WAS));
}

static enum check compensated(const struct saga_case *about, const struct messages *messages,
			      struct finding *finding)
{
	const struct entry *lie = messages->last[TOLD_SUCCEEDED];
	int step = about->of->messages;

	if (lie && !may_have_succeeded(about))
		return found(finding, CHECK_VIOLATED, lie->at_us,
			     "told at %s that all was well, but it never was: it is %s",
			     AT(lie->at_us), case_ending(about));
	if (about->contract->steps[step].at_least > 0 && can_say(about->contract, step, true) &&
	    !messages->count[TOLD_COMPENSATED])
		return found(finding, CHECK_VIOLATED, -1,
			     "it is %s, and the customer was never told", case_ending(about));
	return CHECK_HELD;
}

static enum check notify(const struct saga_case *about, struct finding *finding)
{
	struct messages messages;
	enum check check;
	uint32_t all;

	if (about->of->messages < 0 || !case_was_minted(about))
		return CHECK_NONE;
	messages = messages_of(about);
	check = too_often(about, &messages, finding);
	if (check != CHECK_NONE)
		return check;
	all = messages.count[0] + messages.count[1] + messages.count[2];
	switch (about->fate) {
	case FATE_SUCCEEDED:
		return succeeded(about, &messages, finding);
	case FATE_COMPENSATED:
		return compensated(about, &messages, finding);
	case FATE_ABSENT:
		return all ? found(finding, CHECK_VIOLATED, -1,
				   "the customer was told about an order that is not there") :
			     CHECK_NONE;
	default:
		return CHECK_NONE;
	}
}

const struct invariant invariant_notify = {
	.name = "notify",
	.statement = "the customer was told, as often as promised, and never both outcomes",
	.catches = "the mail is sent before the order is certain, or once per attempt",
	.needs = NEED_OUTCOME | NEED_MESSAGES,
	.reads = READS_MESSAGES | READS_WAS,
	.marks = 1 << SAGA_IS,
	.saga = notify,
};
