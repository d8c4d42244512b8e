/* What gates say of a report: their results, and what follows for the exit code. See gates.h. */
#include "reports/gates.h"

#include <math.h>

#include "reports/format.h"

static const char *verdict_word(enum holding holding)
{
	static const char *const words[] = {
		[HOLDS] = "pass", [DOES_NOT_HOLD] = "fail", [NOT_KNOWN] = "unknown"
	};

	return words[holding];
}

static const char *unit_word(enum condition_unit unit)
{
	static const char *const words[] = { [UNIT_TIME_US] = "us",
					     [UNIT_SHARE] = "share",
					     [UNIT_RATE] = "per_s",
					     [UNIT_COUNT] = "count" };

	return words[unit];
}

static const char *shown(struct report *report, const struct gate *gate,
			 const struct judgement *judgement)
{
	struct buffer words = BUFFER_EMPTY;
	const char *copy;

	buffer_add_string(&words, "");
	if (judgement->measured)
		condition_show(&gate->condition, judgement->actual, &words);
	copy = arena_string(&report->arena, buffer_text(&words));
	buffer_release(&words);
	return copy;
}

/* Where the worst stretch was, why nothing is known, that it ended the run. */
static const char *reason(struct report *report, const struct gate *gate, bool stopped,
			  const struct judgement *judgement)
{
	bool stretches = !gate->mistake && gate->condition.form != FORM_WHOLE;

	if (stopped)
		return "it stopped the run";
	if (judgement->holding == NOT_KNOWN)
		return arena_string(&report->arena, text_of(judgement->why));
	if (stretches && gate->gauge.has_worst)
		return arena_format(&report->arena, "the worst %lld s began at %lld s",
				    (long long)(gate->condition.window_us / 1000000),
				    (long long)gate->gauge.worst_second);
	return "";
}

static void fill(struct report *report, const struct gate *gate, bool stopped,
		 const struct judgement *judgement, struct gate_result *result)
{
	*result = (struct gate_result){
		.gate = gate->text,
		.name = gate->name,
		.scope = gate->mistake ? "" : gate->condition.scope_text,
		.expected = gate->mistake ? "" : gate->condition.bound_text,
		.unit = gate->mistake ? "" : unit_word(gate->condition.unit),
		.actual = judgement->measured ? judgement->actual : (double)NAN,
		.margin = judgement->measured ?
				  condition_margin(&gate->condition, judgement->actual) :
				  (double)NAN,
		.samples = judgement->samples,
		.shown = shown(report, gate, judgement),
		.reason = reason(report, gate, stopped, judgement),
		.verdict = verdict_word(judgement->holding),
		.holding = judgement->holding,
	};
}

static void judge_all(struct report *report, const struct gates *gates)
{
	const struct faults *faults = report->faults;
	char *history = arena_format(&report->arena, "%s/history", report->directory);

	report->gates = arena_array(&report->arena, gates->count, sizeof(*report->gates));
	for (size_t i = 0; i < gates->count; i++) {
		/* Gate 0 is ours, the scenario counts from the one after it. */
		bool stopped = faults->gate_broken && faults->broken_gate + 1 == i;
		struct judgement judgement;

		gates_judge(gates, i, report->meta, history, &judgement);
		if (stopped)
			judgement.holding = DOES_NOT_HOLD;
		fill(report, &gates->items[i], stopped, &judgement, &report->gates[i]);
	}
	report->gate_count = gates->count;
}

enum { FAILED_ANYWAY = FOUND_NOT_HEALED | FOUND_SAGA_VIOLATED | FOUND_UNSTEADY };

/*
 * A gate that nobody can tell makes the run one that tested too little, unless it failed anyway, or
 * was cut short for a reason that is told elsewhere.
 */
static void conclude(struct report *report)
{
	const struct run_events *events = &report->figures->events;
	bool failed = false;

	for (size_t i = 0; i < report->gate_count; i++)
		failed = failed || report->gates[i].holding == DOES_NOT_HOLD;
	if (failed)
		report->findings |= FOUND_GATE_FAILED;
	if (failed || report->findings & FAILED_ANYWAY || events->signal || events->cut_short)
		return;
	for (size_t i = 1; i < report->gate_count; i++)
		if (report->gates[i].holding == NOT_KNOWN)
			report_add_reason(report, "too little was tested: gate '%s' is unknown: %s",
					  report->gates[i].name, report->gates[i].reason);
}

void report_judge_gates(struct report *report, const struct gates *gates)
{
	judge_all(report, gates);
	conclude(report);
}
