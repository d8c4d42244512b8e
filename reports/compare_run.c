#include "reports/compare_run.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"

/* The layout of lib/hist.h: linear inside of powers of two. */
enum { SUB_BITS = 10 };

void compare_bucket(uint32_t bucket, double *low, double *width)
{
	uint32_t shift = bucket >> SUB_BITS ? (bucket >> SUB_BITS) - 1 : 0;
	uint64_t first = (uint64_t)(bucket - (shift << SUB_BITS)) << shift;

	*low = (double)first;
	*width = (double)(UINT64_C(1) << shift);
}

static struct compare_slice *slice_of(struct compare_run *run, size_t name)
{
	return &run->names[name].slices[run->slice_now];
}

static void add_cell(struct compare_name *name, uint32_t bucket, uint64_t count)
{
	name->cells =
		memory_grow(name->cells, name->cell_count, &name->cell_room, sizeof(*name->cells));
	name->cells[name->cell_count++] =
		(struct compare_cell){ bucket,
				       (uint32_t)(count < UINT32_MAX ? count : UINT32_MAX) };
}

/* What was gathered becomes the slice's. */
static void end_slice(struct compare_run *run)
{
	for (size_t i = 0; i < run->meta->request_count; i++) {
		struct compare_name *name = &run->names[i];
		struct compare_slice *slice = slice_of(run, i);
		struct hist *hist = run->now[i];
		uint32_t index = 0;
		int64_t lowest, highest;
		uint64_t count;

		if (!hist || !hist->total)
			continue;
		slice->cell = name->cell_count;
		while (hist_next(hist, &index, &lowest, &highest, &count))
			add_cell(name, hist_index(hist, lowest), count);
		slice->cell_count = name->cell_count - slice->cell;
		slice->count = hist->total;
		slice->errors = run->errors_now[i];
		name->count += slice->count;
		name->errors += slice->errors;
		hist_reset(hist);
		run->errors_now[i] = 0;
	}
}

/* Records come second by second; one that is late is of the slice at hand. */
static void go_on_to(struct compare_run *run, int64_t done_us)
{
	size_t slice = (size_t)(done_us > 0 ? done_us / run->slice_us : 0);

	if (slice >= run->slices)
		slice = run->slices - 1;
	if (slice <= run->slice_now)
		return;
	end_slice(run);
	run->slice_now = slice;
}

static void add_record(void *context, const struct record *record)
{
	struct compare_run *run = context;
	struct record_request request;

	if (record->kind != RECORD_REQUEST || !(record->flags & REQUEST_MEASURED))
		return;
	memcpy(&request, record->payload, sizeof(request));
	if (!request_counts(&request, record->flags))
		return;
	go_on_to(run, request.intended_us + request_latency_us(&request));
	if (!run->now[request.name])
		run->now[request.name] = hist_new(COMPARE_DIGITS);
	hist_record(run->now[request.name], request_latency_us(&request));
	run->errors_now[request.name] += request.failure != FAILURE_NONE;
}

/* How long it was meant to be, and a while for the last answers. */
static void plan_slices(struct compare_run *run)
{
	int64_t end_us = 0;

	for (size_t i = 0; i < run->meta->phase_count; i++) {
		const struct meta_phase *phase = &run->meta->phases[i];

		if (phase->start_us + phase->duration_us > end_us)
			end_us = phase->start_us + phase->duration_us;
	}
	end_us = (end_us < FIGURES_TIME_MAX_US ? end_us : FIGURES_TIME_MAX_US) + 30 * US_PER_S;
	run->slice_us = (end_us / US_PER_S / COMPARE_SLICES_MAX + 1) * US_PER_S;
	run->slices = (size_t)(end_us / run->slice_us) + 1;
}

static void prepare(struct compare_run *run)
{
	size_t count = run->meta->request_count;

	plan_slices(run);
	run->names = memory_array(count + 1, sizeof(*run->names));
	run->now = memory_array(count + 1, sizeof(struct hist *));
	run->errors_now = memory_array(count + 1, sizeof(*run->errors_now));
	for (size_t i = 0; i < count; i++) {
		run->names[i].name = run->meta->requests[i];
		run->names[i].slices = memory_array(run->slices, sizeof(struct compare_slice));
	}
}

static const char *string_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* report.json says whether the run says anything; a run that has none is not finished. */
static char *find_invalid(const char *directory)
{
	struct buffer path = BUFFER_EMPTY, why = BUFFER_EMPTY;
	const json_t *validity;
	json_t *report;

	buffer_format(&path, "%s/report.json", directory);
	report = json_load_file(path.data, 0, NULL);
	validity = json_object_get(report, "validity");
	if (!json_is_object(validity))
		buffer_format(&why, "it has no report.json; build it with 'sagastorm report %s'",
			      directory);
	else if (string_in(report, "interrupted"))
		buffer_format(&why, "it was stopped by %.20s", string_in(report, "interrupted"));
	else if (!json_is_true(json_object_get(validity, "valid"))) {
		const char *reason =
			json_string_value(json_array_get(json_object_get(validity, "reasons"), 0));

		buffer_format(&why, "%.300s", reason ? reason : "its report says so");
	}
	json_decref(report);
	buffer_release(&path);
	return why.data;
}

/* Top-level keys that may differ: who it was, against what, and how it was judged. */
static bool may_differ(struct text line)
{
	static const char *const keys[] = { "name:",   "about:", "seed:",
					    "target:", "gates:", "generator:" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (text_starts_with(line, keys[i]))
			return true;
	return false;
}

/* The scenario as it was resolved, without the sections that may differ and without comments. */
static char *read_scenario(const char *directory)
{
	struct buffer path = BUFFER_EMPTY, text = BUFFER_EMPTY, kept = BUFFER_EMPTY;
	bool skipping = false;

	buffer_format(&path, "%s/scenario.yaml", directory);
	buffer_add_string(&kept, "");
	if (file_read(path.data, &text, NULL))
		for (const char *at = text.data, *end; *at; at = end) {
			struct text line;

			end = strchrnul(at, '\n');
			end += *end == '\n';
			line = (struct text){ at, (size_t)(end - at) };
			if (line.length && !strchr(" \n#-", *at))
				skipping = may_differ(line);
			if (!skipping && *at != '#')
				buffer_add_text(&kept, line);
		}
	buffer_release(&path);
	buffer_release(&text);
	return kept.data;
}

/* Seconds are too coarse: a slice may be longer. */
static void pass_second(void *context, const struct second *second)
{
	(void)context;
	(void)second;
}

static bool read_history(struct compare_run *run, const char *history, struct error *err)
{
	const struct second_listener listener = { pass_second, add_record, run };
	struct figures *figures = figures_read(history, run->meta, &listener, err);
	bool good = figures != NULL;

	if (good)
		end_slice(run);
	figures_free(figures);
	return good;
}

struct compare_run *compare_run_read(const char *directory, struct error *err)
{
	struct compare_run *run = memory_new(sizeof(*run));
	struct buffer path = BUFFER_EMPTY;
	bool good = false;

	run->directory = directory;
	buffer_format(&path, "%s/history/meta.json", directory);
	run->meta = meta_load(path.data, err);
	if (run->meta) {
		prepare(run);
		buffer_clear(&path);
		buffer_format(&path, "%s/history", directory);
		good = read_history(run, path.data, err);
		run->scenario = read_scenario(directory);
		run->invalid = find_invalid(directory);
	}
	buffer_release(&path);
	if (good)
		return run;
	compare_run_free(run);
	return NULL;
}

void compare_run_free(struct compare_run *run)
{
	if (!run)
		return;
	for (size_t i = 0; run->names && i < run->meta->request_count; i++) {
		free(run->names[i].cells);
		free(run->names[i].slices);
		hist_free(run->now[i]);
	}
	free(run->names);
	free(run->now);
	free(run->errors_now);
	free(run->scenario);
	free(run->invalid);
	meta_free(run->meta);
	free(run);
}

const struct compare_name *compare_run_name(const struct compare_run *run, const char *name)
{
	for (size_t i = 0; i < run->meta->request_count; i++)
		if (strcmp(run->names[i].name, name) == 0)
			return run->names[i].count ? &run->names[i] : NULL;
	return NULL;
}
