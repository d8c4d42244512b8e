/*
 * One record at a time. Records come from disk, so nothing in them is taken for granted: a number
 * that meta.json does not know is counted as strange, and the record is left alone.
 */
#include "reports/figures.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum {
	SAMPLE_BYTES_MAX = 1024,
	DAMAGES_MAX = 100,
	WORKERS_MAX = 4096,
};

static size_t journey_bytes(const struct meta *meta)
{
	return (meta->journey_count + 7) / 8;
}

struct figures *figures_new(const struct meta *meta)
{
	struct figures *figures = memory_new(sizeof(*figures));

	figures->meta = meta;
	figures->cells =
		memory_array(meta->request_count * meta->phase_count, sizeof(struct measure *));
	figures->names = memory_array(meta->request_count, sizeof(*figures->names));
	figures->errors =
		memory_array(meta->request_count * FAILURE_COUNT, sizeof(*figures->errors));
	figures->journeys = memory_array(meta->request_count, journey_bytes(meta));
	figures->phases = memory_array(meta->phase_count, sizeof(*figures->phases));
	figures->lag = hist_new(3);
	return figures;
}

void figures_free(struct figures *figures)
{
	if (!figures)
		return;
	for (size_t i = 0; i < figures->meta->request_count * figures->meta->phase_count; i++) {
		if (figures->cells[i])
			measure_release(figures->cells[i]);
		free(figures->cells[i]);
	}
	for (size_t i = 0; i < figures->meta->request_count; i++)
		measure_release(&figures->names[i]);
	for (size_t i = 0; i < figures->meta->request_count * FAILURE_COUNT; i++)
		free(figures->errors[i].sample);
	for (size_t i = 0; i < figures->worker_count; i++)
		hist_free(figures->workers[i].cpu_us);
	for (size_t i = 0; i < figures->damaged_count; i++)
		free(figures->damaged[i]);
	measure_release(&figures->all);
	hist_free(figures->lag);
	free(figures->cells);
	free(figures->names);
	free(figures->errors);
	free(figures->journeys);
	free(figures->phases);
	free(figures->workers);
	free(figures->damaged);
	free(figures);
}

static void seen_at(struct figures *figures, int64_t at_us)
{
	if (at_us > figures->last_us)
		figures->last_us = at_us;
}

static struct measure *cell_of(struct figures *figures, uint16_t name, uint8_t phase)
{
	struct measure **cell = &figures->cells[name * figures->meta->phase_count + phase];

	if (!*cell)
		*cell = memory_new(sizeof(**cell));
	return *cell;
}

static bool known_request(const struct meta *meta, const struct record_request *request,
			  uint16_t flags)
{
	return time_is_sane(request->intended_us) && request->name < meta->request_count &&
	       request->journey < meta->journey_count && request->phase < meta->phase_count &&
	       request->failure < FAILURE_COUNT &&
	       meta->phases[request->phase].measured == ((flags & REQUEST_MEASURED) != 0);
}

static bool add_request(struct figures *figures, const struct record *record)
{
	const struct meta *meta = figures->meta;
	struct record_request request;

	memcpy(&request, record->payload, sizeof(request));
	if (!known_request(meta, &request, record->flags))
		return false;
	measure_add(cell_of(figures, request.name, request.phase), &request, record->flags);
	figures->journeys[request.name * journey_bytes(meta) + request.journey / 8] |=
		(uint8_t)(1u << request.journey % 8);
	seen_at(figures, request.intended_us + request_latency_us(&request));
	if (!meta->phases[request.phase].measured)
		return true;
	if (!request.attempt) /* before a retry the visitor waited, not the generator */
		hist_record(figures->lag, request.lag_us);
	if (request.failure != FAILURE_NONE && request.failure != FAILURE_INTERRUPTED)
		figures->errors[request.name * FAILURE_COUNT + request.failure].count++;
	return true;
}

static bool known_start(const struct meta *meta, const struct record_start *start)
{
	return time_is_sane(start->intended_us) && start->journey < meta->journey_count &&
	       start->phase < meta->phase_count && start->outcome < OUTCOME_COUNT &&
	       start->failure < FAILURE_COUNT &&
	       meta->phases[start->phase].measured == (start->measured != 0);
}

static bool add_start(struct figures *figures, const struct record *record)
{
	struct record_start start;
	struct phase_figures *phase;

	memcpy(&start, record->payload, sizeof(start));
	if (!known_start(figures->meta, &start))
		return false;
	phase = &figures->phases[start.phase];
	phase->outcomes[start.outcome]++;
	figures->outcomes[start.outcome]++;
	if (start.measured)
		figures->measured_outcomes[start.outcome]++;
	if (start.failure == FAILURE_INTERRUPTED)
		figures->interrupted_starts++;
	if (start.intended_us + start.duration_us > phase->last_done_us)
		phase->last_done_us = start.intended_us + start.duration_us;
	seen_at(figures, start.intended_us + start.duration_us);
	return true;
}

/* A second belongs to the phase that its middle lies in. */
static bool in_measured_phase(const struct meta *meta, int64_t at_us)
{
	int64_t middle_us = at_us - US_PER_S / 2;

	for (size_t i = 0; i < meta->phase_count; i++) {
		const struct meta_phase *phase = &meta->phases[i];

		if (middle_us >= phase->start_us &&
		    middle_us < phase->start_us + phase->duration_us)
			return phase->measured;
	}
	return false;
}

static struct worker_figures *worker_of(struct figures *figures, uint32_t number)
{
	size_t count = figures->worker_count;

	if (number >= count) {
		figures->workers =
			memory_resize(figures->workers, number + 1, sizeof(*figures->workers));
		memset(figures->workers + count, 0,
		       (number + 1 - count) * sizeof(*figures->workers));
		figures->worker_count = number + 1;
	}
	return &figures->workers[number];
}

static bool add_health(struct figures *figures, const struct record *record)
{
	struct record_health health;
	struct worker_figures *worker;
	bool measured;

	memcpy(&health, record->payload, sizeof(health));
	if (health.worker >= WORKERS_MAX || !time_is_sane(health.at_us))
		return false;
	seen_at(figures, health.at_us);
	worker = worker_of(figures, health.worker);
	if (health.memory_kib > worker->memory_kib)
		worker->memory_kib = health.memory_kib;
	figures->waited += health.waited;
	figures->exhausted += health.exhausted;
	measured = in_measured_phase(figures->meta, health.at_us);
	if (measured && !worker->cpu_us)
		worker->cpu_us = hist_new(3);
	if (measured)
		hist_record(worker->cpu_us, health.cpu_us);
	/* A long one may have begun in the phase before. */
	measured = measured || in_measured_phase(figures->meta, health.at_us - health.stall_us);
	if (measured && health.stall_us > figures->stall_us)
		figures->stall_us = health.stall_us;
	return true;
}

/* The first signal counts: a second one only makes it quicker. */
static void add_stop(struct run_events *events, const struct record_event *event)
{
	if (events->signal)
		return;
	if (!events->cut_short)
		events->stopped_us = event->at_us;
	events->signal = event->number > 0 && event->number < 65 ? (int)event->number : SIGTERM;
}

static void add_pause(struct run_events *events, const struct record_event *event)
{
	if (events->paused && event->at_us > events->paused_since_us)
		events->paused_us += event->at_us - events->paused_since_us;
	events->paused = event->number != 0;
	events->paused_since_us = event->at_us;
}

static void add_loss(struct run_events *events, const struct record_event *event)
{
	if (events->lost_workers++)
		return;
	events->first_lost = event->number;
	events->first_lost_status = (int)event->value;
}

static bool add_event(struct figures *figures, const struct record *record)
{
	struct run_events *events = &figures->events;
	struct record_event event;

	memcpy(&event, record->payload, sizeof(event));
	if (!time_is_sane(event.at_us))
		return false;
	seen_at(figures, event.at_us);
	switch (event.event) {
	case EVENT_STOP_REQUESTED:
	case EVENT_ABORTED:
		add_stop(events, &event);
		break;
	case EVENT_CUT_SHORT:
		if (!events->signal && !events->cut_short)
			events->stopped_us = event.at_us;
		events->cut_short = true;
		break;
	case EVENT_PAUSED:
		add_pause(events, &event);
		break;
	case EVENT_WORKER_LOST:
		add_loss(events, &event);
		break;
	case EVENT_RUN_ENDED:
		events->ended = true;
		events->ended_us = event.at_us;
		memcpy(events->books, event.books, sizeof(events->books));
		break;
	default:
		break;
	}
	return true;
}

static bool add_record(struct figures *figures, const struct record *record)
{
	switch (record->kind) {
	case RECORD_REQUEST:
		return add_request(figures, record);
	case RECORD_START:
		return add_start(figures, record);
	case RECORD_HEALTH:
		return add_health(figures, record);
	case RECORD_EVENT:
		return add_event(figures, record);
	default:
		return true;
	}
}

bool figures_add(struct figures *figures, const struct record *record)
{
	bool known = add_record(figures, record);

	figures->strange_records += !known;
	return known;
}

void figures_add_sample(struct figures *figures, uint32_t subject, struct text sample)
{
	uint32_t name = subject & 0xffff, failure = subject >> 16;
	struct error_figures *error;

	if (name >= figures->meta->request_count || failure >= FAILURE_COUNT) {
		figures->strange_records++;
		return;
	}
	error = &figures->errors[name * FAILURE_COUNT + failure];
	if (error->sample)
		return;
	error->sample_bytes = sample.length < SAMPLE_BYTES_MAX ? sample.length : SAMPLE_BYTES_MAX;
	error->sample = memory_new(error->sample_bytes + 1);
	if (error->sample_bytes)
		memcpy(error->sample, sample.data, error->sample_bytes);
}

void figures_add_damage(struct figures *figures, const char *format, ...)
{
	va_list arguments;
	char *sentence;

	if (figures->damaged_count >= DAMAGES_MAX)
		return;
	va_start(arguments, format);
	if (vasprintf(&sentence, format, arguments) < 0)
		sentence = memory_copy_string("a file is damaged");
	va_end(arguments);
	figures->damaged = memory_resize(figures->damaged, figures->damaged_count + 1,
					 sizeof(*figures->damaged));
	figures->damaged[figures->damaged_count++] = sentence;
}

void figures_sum_up(struct figures *figures)
{
	const struct meta *meta = figures->meta;

	for (size_t name = 0; name < meta->request_count; name++) {
		for (size_t phase = 0; phase < meta->phase_count; phase++) {
			const struct measure *cell =
				figures->cells[name * meta->phase_count + phase];

			if (cell && meta->phases[phase].measured)
				measure_merge(&figures->names[name], cell);
		}
		measure_merge(&figures->all, &figures->names[name]);
	}
}
