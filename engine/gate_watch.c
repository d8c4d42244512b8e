#include "engine/gate_watch.h"

#include <stdlib.h>

#include "lib/gauge.h"
#include "lib/memory.h"

enum { LEAST_ERRORS = 10 };

struct gate_watch {
	const struct scenario *scenario;
	const struct watch *watch;
	struct history *history;
	struct gauge *gauges; /* of the gates that are watched */
	size_t *numbers;      /* which gates those are */
	size_t count;
	struct gauge_phase *phases;
	struct fault_spans *faults;
	struct gauge_run run;
	int64_t looked; /* seconds complete at the last look */
	struct buffer reason;
};

static bool is_watched(const struct gate_setting *gate, bool all)
{
	return gate->abort || (all && (condition_is_about_requests(&gate->condition) ||
				       condition_is_about_starts(&gate->condition)));
}

static size_t count_watched(const struct scenario *scenario, bool all)
{
	size_t count = 0;

	for (size_t i = 0; i < scenario->gate_count; i++)
		count += is_watched(&scenario->gates[i], all);
	return count;
}

static void set_phases(struct gate_watch *gates)
{
	const struct plan *plan = &gates->scenario->plan;

	gates->phases = memory_array(plan->phase_count, sizeof(*gates->phases));
	for (uint8_t i = 0; i < plan->phase_count; i++) {
		const struct phase *phase = &plan->phases[i];

		gates->phases[i] = (struct gauge_phase){
			.span = { phase->start_us, phase->start_us + phase->duration_us },
			.measured = phase->measured,
			.pause = phase->kind == PHASE_PAUSE,
		};
	}
	gates->run.phases = gates->phases;
	gates->run.phase_count = plan->phase_count;
}

struct gate_watch *gate_watch_new(const struct scenario *scenario, struct watch *watch,
				  struct history *history, bool all)
{
	size_t count = count_watched(scenario, all);
	struct gate_watch *gates;

	if (!count)
		return NULL;
	gates = memory_new(sizeof(*gates));
	gates->scenario = scenario;
	gates->watch = watch;
	gates->history = history;
	gates->gauges = memory_array(count, sizeof(*gates->gauges));
	gates->numbers = memory_array(count, sizeof(*gates->numbers));
	gates->faults = memory_array(scenario->names.fault_count, sizeof(*gates->faults));
	gates->run.faults = gates->faults;
	gates->run.fault_count = scenario->names.fault_count;
	set_phases(gates);
	for (size_t i = 0; i < scenario->gate_count; i++) {
		if (!is_watched(&scenario->gates[i], all))
			continue;
		gates->numbers[gates->count] = i;
		gauge_init(&gates->gauges[gates->count], &scenario->gates[i].condition,
			   &gates->run);
		if (!condition_is_about_sagas(&scenario->gates[i].condition))
			watch_add_gauge(watch, &gates->gauges[gates->count]);
		gates->count++;
	}
	return gates;
}

void gate_watch_free(struct gate_watch *gates)
{
	if (!gates)
		return;
	for (size_t i = 0; i < gates->count; i++)
		gauge_release(&gates->gauges[i]);
	buffer_release(&gates->reason);
	free(gates->gauges);
	free(gates->numbers);
	free(gates->phases);
	free(gates->faults);
	free(gates);
}

/* Whether something was armed or healed since the last look: then scopes are other ones. */
static bool take_faults(struct gate_watch *gates, const struct watch *watch)
{
	bool changed = false;

	for (size_t i = 0; i < gates->run.fault_count; i++) {
		const struct watch_fault *fault = watch_fault(watch, (uint32_t)i);
		struct fault_spans now = { .count = fault && fault->armed_us >= 0 };

		if (now.count)
			now.items[0] = (struct span){ fault->armed_us, fault->healed_us >= 0 ?
									       fault->healed_us :
									       INT64_MAX };
		changed = changed || now.count != gates->faults[i].count ||
			  now.items[0].start_us != gates->faults[i].items[0].start_us ||
			  now.items[0].end_us != gates->faults[i].items[0].end_us;
		gates->faults[i] = now;
	}
	return changed;
}

static void write_broken(struct gate_watch *gates, size_t number, const struct judgement *judgement,
			 int64_t now_us)
{
	const struct gate_setting *gate = &gates->scenario->gates[gates->numbers[number]];
	const struct record_event event = { .at_us = now_us,
					    .event = EVENT_GATE_BROKEN,
					    .number = (uint32_t)gates->numbers[number] };

	buffer_format(&gates->reason, "%s: it is ", gate->name);
	condition_show(&gate->condition, judgement->actual, &gates->reason);
	if (gates->history)
		history_put(gates->history, RECORD_EVENT, 0, &event, sizeof(event));
}

/* A run is not stopped by its first error, though it is a large share of what was seen by then. */
static bool is_certain(const struct condition *condition, const struct judgement *judgement)
{
	if (judgement->holding != DOES_NOT_HOLD || judgement->samples < judgement->needed)
		return false;
	return condition->unit != UNIT_SHARE || condition->bound <= 0 ||
	       condition->form != FORM_WHOLE ||
	       judgement->actual * (double)judgement->samples >= LEAST_ERRORS;
}

/* Of sagas only what is wrong for good is known while they run. */
static void judge(const struct gate_watch *gates, size_t i, struct judgement *judgement)
{
	const struct condition *condition = gates->gauges[i].condition;

	*judgement = (struct judgement){ .samples = 0 };
	if (condition_is_about_sagas(condition))
		condition_judge_number(condition,
				       (double)watch_wrong(gates->watch, condition->number),
				       judgement);
	else
		gauge_judge(&gates->gauges[i], judgement);
}

static void look(struct gate_watch *gates, int64_t now_us)
{
	for (size_t i = 0; i < gates->count; i++) {
		struct judgement judgement;

		if (!gates->scenario->gates[gates->numbers[i]].abort)
			continue;
		judge(gates, i, &judgement);
		if (!is_certain(gates->gauges[i].condition, &judgement))
			continue;
		write_broken(gates, i, &judgement, now_us);
		return;
	}
}

bool gate_watch_turn(struct gate_watch *gates, const struct watch *watch, int64_t now_us)
{
	if (!gates)
		return false;
	if (take_faults(gates, watch))
		for (size_t i = 0; i < gates->count; i++)
			gauge_rescope(&gates->gauges[i]);
	if (gates->reason.length || watch_complete(watch) <= gates->looked)
		return gates->reason.length > 0;
	gates->looked = watch_complete(watch);
	look(gates, now_us);
	return gates->reason.length > 0;
}

const char *gate_watch_reason(const struct gate_watch *gates)
{
	return gates && gates->reason.length ? gates->reason.data : NULL;
}

bool gate_watch_judge(const struct gate_watch *gates, size_t number, struct judgement *judgement)
{
	for (size_t i = 0; gates && i < gates->count; i++) {
		if (gates->numbers[i] != number)
			continue;
		judge(gates, i, judgement);
		return true;
	}
	return false;
}
