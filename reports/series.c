#include "reports/series.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "reports/figures.h"

enum { BIN_DIGITS = 2, WINDOWS_MAX = SERIES_FAULTS_MAX * (FAULT_SPANS_MAX + 2) };

const char *const series_ends[SERIES_ENDS] = { "succeeded", "compensated", "stuck", "unknown" };

/* A stretch of time that belongs to a moment of a fault. */
struct series_window {
	struct span span;
	size_t fault;
	enum fault_moment moment;
};

static bool fault_was_there(const struct faults *faults, size_t fault)
{
	return faults->spans[fault].count > 0;
}

/* Nothing else broken: from the end of another fault, or until the beginning of one. */
static struct span clear_of_others(const struct faults *faults, size_t fault, struct span span,
				   bool before)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault_spans *spans = &faults->spans[i];

		for (size_t s = 0; i != fault && s < spans->count; s++) {
			struct span other = spans->items[s];

			if (other.end_us <= span.start_us || other.start_us >= span.end_us)
				continue;
			if (before)
				span.start_us = other.end_us;
			else
				span.end_us = other.start_us;
		}
	}
	return span;
}

static void add_window(struct series *series, size_t fault, enum fault_moment moment,
		       struct span span)
{
	if (span.start_us < 0)
		span.start_us = 0;
	if (span.end_us <= span.start_us || series->window_count == WINDOWS_MAX)
		return;
	series->windows[series->window_count++] = (struct series_window){ span, fault, moment };
}

static int64_t measured_from(const struct meta *meta)
{
	for (size_t i = 0; i < meta->phase_count; i++)
		if (meta->phases[i].measured)
			return meta->phases[i].start_us;
	return 0;
}

static void add_windows(struct series *series, size_t fault)
{
	const int64_t around_us = AROUND_FAULT_S * US_PER_S;
	const struct fault_spans *spans = &series->faults->spans[fault];
	int64_t armed_us = spans->items[0].start_us;
	int64_t healed_us = spans->items[spans->count - 1].end_us;
	int64_t from_us = measured_from(series->meta);
	struct span before = { armed_us - around_us, armed_us };

	if (before.start_us < from_us)
		before.start_us = from_us;
	add_window(series, fault, BEFORE_FAULT,
		   clear_of_others(series->faults, fault, before, true));
	for (size_t i = 0; i < spans->count; i++)
		add_window(series, fault, DURING_FAULT, spans->items[i]);
	if (healed_us != INT64_MAX)
		add_window(series, fault, AFTER_FAULT,
			   clear_of_others(series->faults, fault,
					   (struct span){ healed_us, healed_us + around_us },
					   false));
}

struct series *series_new(const struct meta *meta, const struct faults *faults)
{
	struct series *series = memory_new(sizeof(*series));

	series->meta = meta;
	series->faults = faults;
	series->width_us = US_PER_S;
	series->bins = memory_array(SERIES_BINS_MAX, sizeof(*series->bins));
	series->around_count =
		faults->count < SERIES_FAULTS_MAX ? faults->count : SERIES_FAULTS_MAX;
	series->around = memory_array(series->around_count, sizeof(*series->around));
	series->windows = memory_array(WINDOWS_MAX, sizeof(*series->windows));
	series->window_second = -1;
	for (size_t i = 0; i < series->around_count; i++)
		if (fault_was_there(faults, i))
			add_windows(series, i);
	return series;
}

static void bin_release(struct bin *bin)
{
	hist_free(bin->latency);
	hist_free(bin->lag);
}

void series_free(struct series *series)
{
	if (!series)
		return;
	for (size_t i = 0; i < series->count; i++)
		bin_release(&series->bins[i]);
	for (size_t i = 0; i < series->around_count; i++)
		for (int moment = 0; moment < FAULT_MOMENTS; moment++)
			hist_free(series->around[i].latency[moment]);
	free(series->bins);
	free(series->around);
	free(series->windows);
	free(series);
}

static void merge_hist(struct hist **into, const struct hist *from)
{
	if (!from || !from->total)
		return;
	if (!*into)
		*into = hist_new(BIN_DIGITS);
	hist_merge(*into, from);
}

static void bin_merge(struct bin *into, const struct bin *from)
{
	into->begun += from->begun;
	into->dropped += from->dropped;
	into->ok += from->ok;
	into->acknowledged += from->acknowledged;
	into->verified += from->verified;
	for (int i = 0; i < SERIES_ENDS; i++)
		into->ended[i] += from->ended[i];
	for (int i = 0; i < FAILURE_COUNT; i++)
		into->errors[i] += from->errors[i];
	merge_hist(&into->latency, from->latency);
	merge_hist(&into->lag, from->lag);
	into->in_flight = from->in_flight > into->in_flight ? from->in_flight : into->in_flight;
	into->cpu_us = from->cpu_us > into->cpu_us ? from->cpu_us : into->cpu_us;
}

/* Two become one. */
static void fold(struct series *series)
{
	size_t half = (series->count + 1) / 2;

	for (size_t i = 0; i < half; i++) {
		struct bin folded = series->bins[2 * i];

		if (2 * i + 1 < series->count) {
			bin_merge(&folded, &series->bins[2 * i + 1]);
			bin_release(&series->bins[2 * i + 1]);
		}
		series->bins[i] = folded;
	}
	memset(series->bins + half, 0, (SERIES_BINS_MAX - half) * sizeof(*series->bins));
	series->count = half;
	series->width_us *= 2;
}

static struct bin *bin_at(struct series *series, int64_t at_us)
{
	size_t bin;

	if (at_us < 0)
		at_us = 0;
	while (at_us / series->width_us >= SERIES_BINS_MAX)
		fold(series);
	bin = (size_t)(at_us / series->width_us);
	if (bin >= series->count)
		series->count = bin + 1;
	return &series->bins[bin];
}

static void record_into(struct hist **hist, int64_t us)
{
	if (!*hist)
		*hist = hist_new(BIN_DIGITS);
	hist_record(*hist, us);
}

/* The windows that the second touches are moved to the front; mostly there are none. */
static void look_at_second(struct series *series, int64_t second)
{
	struct span now = { second * US_PER_S, (second + 1) * US_PER_S };

	series->window_second = second;
	series->window_now = 0;
	for (size_t i = 0; i < series->window_count; i++) {
		struct series_window window = series->windows[i];

		if (window.span.end_us <= now.start_us || window.span.start_us >= now.end_us)
			continue;
		series->windows[i] = series->windows[series->window_now];
		series->windows[series->window_now++] = window;
	}
}

static void add_around(struct series *series, int64_t done_us, int64_t latency_us, bool failed)
{
	if (done_us / US_PER_S != series->window_second)
		look_at_second(series, done_us / US_PER_S);
	for (size_t i = 0; i < series->window_now; i++) {
		const struct series_window *window = &series->windows[i];
		struct around_fault *around = &series->around[window->fault];

		if (done_us < window->span.start_us || done_us >= window->span.end_us)
			continue;
		record_into(&around->latency[window->moment], latency_us);
		around->errors[window->moment] += failed;
	}
}

static void add_request(struct series *series, const struct record *record)
{
	struct record_request request;
	int64_t latency_us, done_us;
	struct bin *bin;

	memcpy(&request, record->payload, sizeof(request));
	latency_us = request_latency_us(&request);
	done_us = request.intended_us + latency_us;
	if (!request.attempt)
		record_into(&bin_at(series, request.intended_us)->lag, request.lag_us);
	if (request.failure == FAILURE_INTERRUPTED)
		return;
	bin = bin_at(series, done_us);
	bin->errors[request.failure]++; /* FAILURE_NONE: they went well */
	if (!request_counts(&request, record->flags))
		return;
	record_into(&bin->latency, latency_us);
	add_around(series, done_us, latency_us, request.failure != FAILURE_NONE);
}

static void add_start(struct series *series, const struct record *record)
{
	struct record_start start;
	struct bin *bin;

	memcpy(&start, record->payload, sizeof(start));
	bin = bin_at(series, start.intended_us);
	if (start.outcome == OUTCOME_DROPPED)
		bin->dropped++;
	else
		bin->begun++;
	if (start.outcome == OUTCOME_OK)
		bin_at(series, start.intended_us + start.duration_us)->ok++;
}

static void add_health(struct series *series, const struct record *record)
{
	struct record_health health;
	struct bin *bin;

	memcpy(&health, record->payload, sizeof(health));
	bin = bin_at(series, health.at_us - US_PER_S / 2);
	bin->cpu_us = health.cpu_us > bin->cpu_us ? health.cpu_us : bin->cpu_us;
	bin->in_flight = health.in_flight > bin->in_flight ? health.in_flight : bin->in_flight;
}

static void add_saga(struct series *series, const struct record *record)
{
	struct record_saga saga;

	memcpy(&saga, record->payload, sizeof(saga));
	if (saga.event == SAGA_OK && time_is_sane(saga.at_us))
		bin_at(series, saga.at_us)->acknowledged++;
}

void series_add(struct series *series, const struct record *record)
{
	switch (record->kind) {
	case RECORD_REQUEST:
		add_request(series, record);
		break;
	case RECORD_START:
		add_start(series, record);
		break;
	case RECORD_HEALTH:
		add_health(series, record);
		break;
	case RECORD_SAGA:
		add_saga(series, record);
		break;
	default:
		break;
	}
}

static uint64_t count_at(const json_t *list, size_t second)
{
	json_int_t count = json_integer_value(json_array_get(list, second));

	return count > 0 ? (uint64_t)count : 0;
}

static void add_judged(struct series *series, const json_t *saga)
{
	const json_t *verified = json_object_get(saga, "verified_per_s");
	const json_t *ended = json_object_get(saga, "ended_per_s");

	for (size_t i = 0; i < json_array_size(verified); i++)
		bin_at(series, (int64_t)i * US_PER_S)->verified += count_at(verified, i);
	for (int end = 0; end < SERIES_ENDS; end++) {
		const json_t *list = json_object_get(ended, series_ends[end]);

		for (size_t i = 0; i < json_array_size(list); i++)
			bin_at(series, (int64_t)i * US_PER_S)->ended[end] += count_at(list, i);
	}
}

void series_add_sagas(struct series *series, const json_t *sagas)
{
	const json_t *saga;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)sagas, name, saga) {
		add_judged(series, saga);
	}
}

void series_finish(struct series *series, int64_t duration_us)
{
	if (duration_us > 0)
		bin_at(series, duration_us - 1);
	series->duration_us = duration_us;
	for (size_t i = 0; i < series->window_count; i++) {
		struct series_window *window = &series->windows[i];

		if (window->span.end_us > duration_us)
			window->span.end_us = duration_us;
		if (window->span.end_us > window->span.start_us)
			series->around[window->fault].span_us[window->moment] +=
				window->span.end_us - window->span.start_us;
	}
}

struct series *series_coarser(const struct series *series, size_t factor)
{
	struct series *coarser = memory_new(sizeof(*coarser));

	coarser->meta = series->meta;
	coarser->faults = series->faults;
	coarser->duration_us = series->duration_us;
	coarser->width_us = series->width_us * (int64_t)factor;
	coarser->count = (series->count + factor - 1) / factor;
	coarser->bins = memory_array(coarser->count, sizeof(*coarser->bins));
	for (size_t i = 0; i < series->count; i++)
		bin_merge(&coarser->bins[i / factor], &series->bins[i]);
	return coarser;
}

/* How many starts a phase planned between two times; its rate is a straight line. */
static double planned_between(const struct meta_phase *phase, int64_t from_us, int64_t to_us)
{
	double length = (double)phase->duration_us, from, to, sum;

	from_us = from_us > phase->start_us ? from_us - phase->start_us : 0;
	to_us = to_us - phase->start_us < phase->duration_us ? to_us - phase->start_us :
							       phase->duration_us;
	sum = phase->rate_from + phase->rate_to;
	if (to_us <= from_us || length <= 0)
		return 0;
	from = (double)from_us / length;
	to = (double)to_us / length;
	if (sum <= 0)
		return (double)phase->planned * (to - from);
	return (double)phase->planned * 2 / sum *
	       (phase->rate_from * (to - from) +
		(phase->rate_to - phase->rate_from) * (to * to - from * from) / 2);
}

double series_target(const struct series *series, size_t bin)
{
	int64_t from_us = (int64_t)bin * series->width_us, to_us = from_us + series->width_us;
	double planned = 0;
	bool any = false;

	for (size_t i = 0; i < series->meta->phase_count; i++) {
		const struct meta_phase *phase = &series->meta->phases[i];

		if (!phase->planned || strcmp(phase->kind, "curve") == 0 ||
		    phase->start_us >= to_us || phase->start_us + phase->duration_us <= from_us)
			continue;
		any = true;
		planned += planned_between(phase, from_us, to_us);
	}
	return any ? planned / series_bin_s(series) : -1;
}

double series_length_s(const struct series *series, size_t bin)
{
	int64_t left_us = series->duration_us - (int64_t)bin * series->width_us;

	return left_us > 0 && left_us < series->width_us ? (double)left_us / 1e6 :
							   series_bin_s(series);
}

uint64_t bin_errors(const struct bin *bin)
{
	uint64_t sum = 0;

	for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++)
		sum += bin->errors[i];
	return sum;
}
