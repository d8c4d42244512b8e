/* Gates when all is known. See gates.h. */
#include <jansson.h>

#include "lib/file.h"
#include "reports/gates.h"

/* Faults. */

static void judge_recovery(const struct condition *condition, const struct fault_figures *fault,
			   struct judgement *judgement)
{
	if (fault->healed_us < 0)
		judgement_unknown(judgement, "%s",
				  fault->armed_us < 0 ? "it was never armed" :
							"it was never healed");
	else if (!fault->can_recover)
		judgement_unknown(judgement, "too little was seen before it to know what is usual");
	else if (fault->recovery_us >= 0)
		condition_judge_number(condition, (double)fault->recovery_us, judgement);
	else {
		/* Not yet after all that time: more than any bound below it. */
		condition_judge_number(condition, (double)fault->waited_us, judgement);
		if (judgement->holding == HOLDS || condition->comparator > LESS_OR_EQUAL)
			judgement_unknown(judgement, "the run ended before it had recovered");
	}
}

static void judge_hits(const struct condition *condition, const struct fault_figures *fault,
		       struct judgement *judgement)
{
	if (fault->hits < 0)
		judgement_unknown(judgement, "what it hits can't be known");
	else
		condition_judge_number(condition, (double)fault->hits, judgement);
}

static void judge_fault(const struct condition *condition, const struct fault_figures *fault,
			struct judgement *judgement)
{
	*judgement = (struct judgement){ .holding = NOT_KNOWN, .samples = 1, .needed = 1 };
	if (condition->metric == METRIC_HITS)
		judge_hits(condition, fault, judgement);
	else
		judge_recovery(condition, fault, judgement);
}

static int rank_of(const struct judgement *judgement)
{
	static const int ranks[] = { [HOLDS] = 0, [NOT_KNOWN] = 1, [DOES_NOT_HOLD] = 2 };

	return ranks[judgement->holding];
}

/* Of any fault: of each. The worst is told. */
static void judge_faults(const struct gates *gates, const struct condition *condition,
			 struct judgement *judgement)
{
	const struct faults *faults = gates->faults;
	struct judgement one;

	judgement_unknown(judgement, "there is no such fault in this run");
	for (size_t i = 0, seen = 0; i < faults->count; i++) {
		bool worse;

		if (condition->fault != FAULT_ANY && condition->fault != i)
			continue;
		judge_fault(condition, &faults->items[i], &one);
		worse = rank_of(&one) > rank_of(judgement) ||
			(rank_of(&one) == rank_of(judgement) && one.actual > judgement->actual);
		if (!seen++ || worse)
			*judgement = one;
	}
}

/* Sagas: from verdicts.json, which the judge of sagas wrote. */

static const char *saga_key(const struct condition *condition)
{
	switch (condition->metric) {
	case METRIC_SAGAS_STARTED:
		return "started";
	case METRIC_SAGAS_SUCCEEDED:
		return "succeeded";
	case METRIC_SAGAS_COMPENSATED:
		return "compensated";
	case METRIC_SAGAS_STUCK:
		return "stuck";
	case METRIC_SAGAS_UNKNOWN:
		return "unknown";
	case METRIC_SAGAS_VIOLATIONS:
		return "violations";
	default:
		return "verified_goodput";
	}
}

static json_t *read_verdicts(const char *directory)
{
	struct buffer path = BUFFER_EMPTY, contents = BUFFER_EMPTY;
	json_t *root = NULL;

	buffer_format(&path, "%s/verdicts.json", directory);
	if (file_read(path.data, &contents, NULL))
		root = json_loadb(contents.data, contents.length, 0, NULL);
	buffer_release(&path);
	buffer_release(&contents);
	return root;
}

/* Of one contract, or of all (`only` is NULL). False when one does not say. */
static bool add_up(const struct condition *condition, json_t *sagas, const char *only, double *sum)
{
	const char *name;
	json_t *saga;
	bool any = false;

	*sum = 0;
	json_object_foreach(sagas, name, saga) {
		const json_t *value = json_object_get(saga, saga_key(condition));

		if (only && strcmp(only, name) != 0)
			continue;
		if (!json_is_number(value))
			return false;
		*sum += json_number_value(value);
		any = true;
	}
	return any;
}

static void judge_sagas(const struct condition *condition, const struct meta *meta,
			const char *directory, struct judgement *judgement)
{
	const char *only = condition->subject == SUBJECT_SAGAS && condition->number != SAGAS_ALL ?
				   meta->sagas[condition->number] :
				   NULL;
	json_t *root = read_verdicts(directory);
	json_t *sagas = json_object_get(root, "sagas");
	double sum;

	*judgement = (struct judgement){ .holding = NOT_KNOWN, .samples = 1, .needed = 1 };
	if (!root)
		judgement_unknown(judgement, "the sagas of this run were not judged");
	else if (!add_up(condition, sagas ? sagas : root, only, &sum))
		judgement_unknown(judgement, "the judge of sagas did not tell '%s'",
				  saga_key(condition));
	else
		condition_judge_number(condition, sum, judgement);
	json_decref(root);
}

/* All. */

void gates_judge(const struct gates *gates, size_t number, const struct meta *meta,
		 const char *directory, struct judgement *judgement)
{
	const struct gate *gate = &gates->items[number];

	*judgement = (struct judgement){ .holding = NOT_KNOWN };
	if (gate->mistake)
		judgement_unknown(judgement, "%.100s", gate->mistake);
	else if (gate->gauged)
		gauge_judge(&gate->gauge, judgement);
	else if (condition_is_about_sagas(&gate->condition))
		judge_sagas(&gate->condition, meta, directory, judgement);
	else
		judge_faults(gates, &gate->condition, judgement);
}
