#include "lib/gauge.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { GAUGE_DIGITS = 3 };

/* Scopes. */

static bool is_fault_scope(const struct condition *condition)
{
	return condition->scope >= SCOPE_BEFORE;
}

static bool lasts(const struct fault_spans *fault, int64_t at_us)
{
	for (size_t i = 0; i < fault->count; i++)
		if (at_us >= fault->items[i].start_us && at_us < fault->items[i].end_us)
			return true;
	return false;
}

static bool any_lasts(const struct gauge_run *run, int64_t at_us)
{
	for (size_t i = 0; i < run->fault_count; i++)
		if (lasts(&run->faults[i], at_us))
			return true;
	return false;
}

/* Just before it began, or just after it ended. */
static bool is_near(const struct fault_spans *fault, enum condition_scope scope, int64_t at_us)
{
	for (size_t i = 0; i < fault->count; i++) {
		const struct span *span = &fault->items[i];
		int64_t from_us =
			scope == SCOPE_BEFORE ? span->start_us - AROUND_FAULT_US : span->end_us;

		if (span->end_us == INT64_MAX && scope == SCOPE_AFTER)
			continue;
		if (at_us >= from_us && at_us < from_us + AROUND_FAULT_US)
			return true;
	}
	return false;
}

static bool is_around(const struct condition *condition, const struct fault_spans *fault,
		      int64_t at_us)
{
	return condition->scope == SCOPE_DURING ? lasts(fault, at_us) :
						  is_near(fault, condition->scope, at_us);
}

/* Before and after are the times without it; of any fault, without every one. */
static bool is_fault_time(const struct condition *condition, const struct gauge_run *run,
			  int64_t at_us)
{
	bool any = condition->fault == FAULT_ANY;

	if (!any && condition->fault >= run->fault_count)
		return false;
	if (condition->scope != SCOPE_DURING &&
	    (any ? any_lasts(run, at_us) : lasts(&run->faults[condition->fault], at_us)))
		return false;
	if (!any)
		return is_around(condition, &run->faults[condition->fault], at_us);
	for (size_t i = 0; i < run->fault_count; i++)
		if (is_around(condition, &run->faults[i], at_us))
			return true;
	return false;
}

static bool has_phase(const struct condition *condition, const struct gauge_run *run, size_t phase)
{
	if (condition->scope == SCOPE_PHASES)
		return condition_has_phase(condition, (uint8_t)phase);
	return run->phases[phase].measured;
}

/* Where something may begin or end. */
struct edges {
	int64_t *items;
	size_t count, room;
};

static void add_edge(struct edges *edges, int64_t at_us)
{
	edges->items = memory_grow(edges->items, edges->count, &edges->room, sizeof(*edges->items));
	edges->items[edges->count++] = at_us;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void add_fault_edges(struct edges *edges, const struct fault_spans *fault)
{
	for (size_t i = 0; i < fault->count; i++) {
		const struct span *span = &fault->items[i];

		add_edge(edges, span->start_us - AROUND_FAULT_US);
		add_edge(edges, span->start_us);
		if (span->end_us == INT64_MAX)
			continue;
		add_edge(edges, span->end_us);
		add_edge(edges, span->end_us + AROUND_FAULT_US);
	}
}

static void add_span(struct gauge *gauge, size_t *room, int64_t start_us, int64_t end_us)
{
	struct span *last = gauge->span_count ? &gauge->spans[gauge->span_count - 1] : NULL;

	if (start_us >= end_us)
		return;
	if (last && last->end_us == start_us) {
		last->end_us = end_us;
		return;
	}
	gauge->spans = memory_grow(gauge->spans, gauge->span_count, room, sizeof(*gauge->spans));
	gauge->spans[gauge->span_count++] = (struct span){ start_us, end_us };
}

/* The parts of a phase that are of the scope. */
static void add_phase_spans(struct gauge *gauge, size_t *room, const struct span *phase)
{
	struct edges edges = { 0 };

	add_edge(&edges, phase->start_us);
	add_edge(&edges, phase->end_us);
	for (size_t i = 0; i < gauge->run->fault_count; i++)
		add_fault_edges(&edges, &gauge->run->faults[i]);
	qsort(edges.items, edges.count, sizeof(*edges.items), by_time);
	for (size_t i = 0; i + 1 < edges.count; i++) {
		int64_t start_us = edges.items[i], end_us = edges.items[i + 1];

		if (start_us >= phase->start_us && end_us <= phase->end_us &&
		    is_fault_time(gauge->condition, gauge->run, start_us))
			add_span(gauge, room, start_us, end_us);
	}
	free(edges.items);
}

void gauge_rescope(struct gauge *gauge)
{
	const struct gauge_run *run = gauge->run;
	size_t room = 0;

	free(gauge->spans);
	gauge->spans = NULL;
	gauge->span_count = 0;
	for (size_t i = 0; i < run->phase_count; i++) {
		const struct gauge_phase *phase = &run->phases[i];

		if (!has_phase(gauge->condition, run, i) || phase->pause)
			continue;
		if (is_fault_scope(gauge->condition))
			add_phase_spans(gauge, &room, &phase->span);
		else
			add_span(gauge, &room, phase->span.start_us, phase->span.end_us);
	}
}

/* How long its scope is. */
static int64_t gauge_span_us(const struct gauge *gauge)
{
	int64_t sum_us = 0;

	for (size_t i = 0; i < gauge->span_count; i++)
		sum_us += gauge->spans[i].end_us - gauge->spans[i].start_us;
	return sum_us;
}

static bool in_spans(const struct gauge *gauge, int64_t start_us, int64_t end_us)
{
	for (size_t i = 0; i < gauge->span_count; i++)
		if (start_us >= gauge->spans[i].start_us && end_us <= gauge->spans[i].end_us)
			return true;
	return false;
}

/* Life. */

void gauge_init(struct gauge *gauge, const struct condition *condition, const struct gauge_run *run)
{
	*gauge = (struct gauge){ .condition = condition, .run = run };
	gauge_rescope(gauge);
}

void gauge_release(struct gauge *gauge)
{
	free(gauge->spans);
	sample_release(&gauge->sample);
	*gauge = (struct gauge){ 0 };
}

/* Whole scopes. */

static bool is_in_scope(const struct gauge *gauge, uint8_t phase, int64_t done_us)
{
	if (phase >= gauge->run->phase_count || !has_phase(gauge->condition, gauge->run, phase))
		return false;
	return !is_fault_scope(gauge->condition) ||
	       is_fault_time(gauge->condition, gauge->run, done_us);
}

void gauge_add_request(struct gauge *gauge, const struct record_request *request, uint16_t flags)
{
	const struct condition *condition = gauge->condition;

	if (condition->form != FORM_WHOLE || !condition_is_about_requests(condition) ||
	    !condition_means_request(condition, request) ||
	    !is_in_scope(gauge, request->phase, request->intended_us + request_latency_us(request)))
		return;
	sample_add_request(&gauge->sample, request, flags, condition_wants(condition),
			   GAUGE_DIGITS);
}

void gauge_add_start(struct gauge *gauge, const struct record_start *start)
{
	const struct condition *condition = gauge->condition;

	if (condition->form != FORM_WHOLE || !condition_is_about_starts(condition) ||
	    !condition_means_start(condition, start) ||
	    !is_in_scope(gauge, start->phase, start->intended_us + start->duration_us))
		return;
	sample_add_start(&gauge->sample, start);
}

/* Stretches of seconds. */

static bool is_worse(const struct gauge *gauge, const struct judgement *judgement)
{
	double new = judgement->actual, old = gauge->worst.actual;

	if (!gauge->has_worst || (gauge->worst.holding == HOLDS) != (judgement->holding == HOLDS))
		return !gauge->has_worst || judgement->holding != HOLDS;
	return gauge->condition->comparator == MORE ||
			       gauge->condition->comparator == MORE_OR_EQUAL ?
		       new < old :
		       new > old;
}

static void take_stretch(struct gauge *gauge, const struct judgement *judgement, int64_t first)
{
	gauge->stretches++;
	if (judgement->holding == NOT_KNOWN) {
		gauge->unclear++;
		gauge->thin = *judgement;
		return;
	}
	gauge->broken += judgement->holding == DOES_NOT_HOLD;
	if (!is_worse(gauge, judgement))
		return;
	gauge->worst = *judgement;
	gauge->worst_second = first;
	gauge->has_worst = true;
}

void gauge_second(struct gauge *gauge, const struct slices *slices, int64_t second)
{
	const struct condition *condition = gauge->condition;
	int64_t seconds = condition->window_us / US_PER_S, first = second - seconds + 1;
	struct sample sample = { 0 };
	struct judgement judgement;

	if (condition->form == FORM_WHOLE || first < gauge->next_second ||
	    !in_spans(gauge, first * US_PER_S, (second + 1) * US_PER_S))
		return;
	slices_sum(slices, condition, first, second, &sample);
	condition_judge(condition, &sample, condition->window_us, RIGOUR_WATCH, &judgement);
	sample_release(&sample);
	take_stretch(gauge, &judgement, first);
	if (condition->form == FORM_EVERY)
		gauge->next_second = second + 1;
}

/* One that is broken decides; then one that nobody could see into; only then do all hold. */
static void judge_stretches(const struct gauge *gauge, struct judgement *judgement)
{
	unsigned long long seconds = (unsigned long long)(gauge->condition->window_us / US_PER_S);

	*judgement = gauge->worst;
	if (!gauge->stretches)
		judgement_unknown(judgement, "there was no stretch of %llu s in '%s'", seconds,
				  gauge->condition->scope_text);
	else if (!gauge->broken && gauge->unclear)
		judgement_unknown(judgement, "in %llu of %llu stretches %s",
				  (unsigned long long)gauge->unclear,
				  (unsigned long long)gauge->stretches, gauge->thin.why);
}

void gauge_judge(const struct gauge *gauge, struct judgement *judgement)
{
	const struct condition *condition = gauge->condition;

	*judgement = (struct judgement){ .holding = NOT_KNOWN };
	if (condition->form != FORM_WHOLE)
		judge_stretches(gauge, judgement);
	else if (is_fault_scope(condition) && !gauge->span_count)
		judgement_unknown(judgement, "there was no time '%s'", condition->scope_text);
	else
		condition_judge(condition, &gauge->sample, gauge_span_us(gauge), RIGOUR_GATE,
				judgement);
}
