/* Gates while the history is read. See gates.h. */
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "reports/condition_names.h"
#include "reports/gates.h"

static void set_phases(struct gates *gates, const struct meta *meta)
{
	gates->phases = arena_array(&gates->arena, meta->phase_count, sizeof(*gates->phases));
	for (size_t i = 0; i < meta->phase_count; i++) {
		const struct meta_phase *phase = &meta->phases[i];

		gates->phases[i] = (struct gauge_phase){
			.span = { phase->start_us, phase->start_us + phase->duration_us },
			.measured = phase->measured,
			.pause = strcmp(phase->kind, "pause") == 0,
		};
	}
	gates->run = (struct gauge_run){ gates->phases, meta->phase_count, gates->faults->spans,
					 gates->faults->count };
}

static void add_gate(struct gates *gates, const struct condition_names *names,
		     const struct meta_gate *from)
{
	struct gate *gate = &gates->items[gates->count++];
	struct error why = { "" };

	gate->text = from->text;
	gate->name = *from->name ? from->name : from->text;
	gate->abort = from->abort;
	if (!condition_compile(text_of(from->text), names, CONDITION_GATE,
			       (struct place){ NULL, 0, 0 }, &gates->arena, &gate->condition,
			       &why)) {
		gate->mistake = arena_string(&gates->arena, text_of(why.text));
		return;
	}
	gate->gauged = condition_is_about_requests(&gate->condition) ||
		       condition_is_about_starts(&gate->condition);
	if (gate->gauged)
		gauge_init(&gate->gauge, &gate->condition, &gates->run);
	gates->by_second = gates->by_second || gate->condition.form != FORM_WHOLE;
}

struct gates *gates_new(const struct meta *meta, struct faults *faults)
{
	static const struct meta_gate always = { "ok > 0", "ok > 0", false };
	const struct condition_names names = condition_names_of(meta);
	struct gates *gates = memory_new(sizeof(*gates));

	gates->faults = faults;
	gates->by_second = faults->count > 0;
	gates->slices = slices_new();
	gates->recovery = recovery_new(meta, faults);
	set_phases(gates, meta);
	gates->items = arena_array(&gates->arena, meta->gate_count + 1, sizeof(*gates->items));
	add_gate(gates, &names, &always);
	for (size_t i = 0; i < meta->gate_count; i++)
		add_gate(gates, &names, &meta->gates[i]);
	return gates;
}

void gates_free(struct gates *gates)
{
	if (!gates)
		return;
	for (size_t i = 0; i < gates->count; i++)
		if (gates->items[i].gauged)
			gauge_release(&gates->items[i].gauge);
	recovery_free(gates->recovery);
	slices_free(gates->slices);
	arena_release(&gates->arena);
	free(gates);
}

static void add_request(struct gates *gates, const struct record *record)
{
	struct record_request request;

	memcpy(&request, record->payload, sizeof(request));
	if (gates->by_second)
		slices_add_request(gates->slices, &request, record->flags);
	for (size_t i = 0; i < gates->count; i++)
		if (gates->items[i].gauged)
			gauge_add_request(&gates->items[i].gauge, &request, record->flags);
}

static void add_start(struct gates *gates, const struct record *record)
{
	struct record_start start;

	memcpy(&start, record->payload, sizeof(start));
	if (gates->by_second)
		slices_add_start(gates->slices, &start);
	for (size_t i = 0; i < gates->count; i++)
		if (gates->items[i].gauged)
			gauge_add_start(&gates->items[i].gauge, &start);
}

void gates_add(struct gates *gates, const struct record *record)
{
	if (record->kind == RECORD_REQUEST)
		add_request(gates, record);
	else if (record->kind == RECORD_START)
		add_start(gates, record);
}

static void tell_second(struct gates *gates, int64_t second)
{
	for (size_t i = 0; i < gates->count; i++)
		if (gates->items[i].gauged)
			gauge_second(&gates->items[i].gauge, gates->slices, second);
	recovery_second(gates->recovery, gates->slices, second);
}

/* In a gap longer than any stretch, all stretches are the same: empty. */
void gates_second(struct gates *gates, int64_t second)
{
	if (!gates->by_second)
		return;
	for (; gates->next_second <= second; gates->next_second++) {
		if (second - gates->next_second > INT64_C(4) * SLICES_SECONDS &&
		    gates->next_second % (2 * SLICES_SECONDS) == 0)
			gates->next_second = second - 2 * SLICES_SECONDS;
		tell_second(gates, gates->next_second);
	}
}

/* Until when there was something to see: a run that came to its end had its last phase in full. */
static int64_t end_of(const struct gates *gates, const struct figures *figures)
{
	int64_t end_us = 0;

	if (figures->events.signal || figures->events.cut_short)
		return figures->events.stopped_us;
	if (!figures->events.ended)
		return figures->last_us;
	for (size_t i = 0; i < gates->run.phase_count; i++)
		if (gates->phases[i].span.end_us > end_us)
			end_us = gates->phases[i].span.end_us;
	return end_us;
}

void gates_finish(struct gates *gates, const struct figures *figures)
{
	int64_t end_us = end_of(gates, figures);

	if (end_us > FIGURES_TIME_MAX_US)
		end_us = FIGURES_TIME_MAX_US;
	gates_second(gates, end_us / US_PER_S - 1);
	recovery_finish(gates->recovery, end_us);
	for (size_t i = 0; i < gates->run.phase_count; i++)
		gates->phases[i].span.end_us =
			gates->phases[i].span.start_us + figures_phase_us(figures, i);
	for (size_t i = 0; i < gates->count; i++)
		if (gates->items[i].gauged)
			gauge_rescope(&gates->items[i].gauge);
}
