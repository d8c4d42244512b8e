#include "reports/report.h"

#include <stdarg.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "reports/format.h"

enum { FORMATS_MAX = 32 };

struct builder {
	struct report report;
	struct gates *gates;
	void *states[FORMATS_MAX]; /* of the formats, by their row */
};

static void tell_formats(void *context, const struct second *second)
{
	struct builder *builder = context;

	for (size_t i = 0; report_formats[i]; i++)
		if (report_formats[i]->second)
			report_formats[i]->second(&builder->states[i], &builder->report, second);
	gates_second(builder->gates, second->start_us / US_PER_S);
}

static void tell_record(void *context, const struct record *record)
{
	struct builder *builder = context;

	for (size_t i = 0; report_formats[i]; i++)
		if (report_formats[i]->record)
			report_formats[i]->record(&builder->states[i], &builder->report, record);
	gates_add(builder->gates, record);
}

/* All are finished, whatever happens to one of them; the first failure is told. */
static bool finish_formats(struct builder *builder, struct error *err)
{
	bool good = true;

	for (size_t i = 0; report_formats[i]; i++) {
		struct error *why = good ? err : NULL;

		if (!report_formats[i]->finish(builder->states[i], &builder->report, why))
			good = false;
	}
	return good;
}

static const char *journeys_of(struct report *report, size_t name)
{
	size_t bytes = (report->meta->journey_count + 7) / 8;
	const uint8_t *bits = report->figures->journeys + name * bytes;
	const char *list = "";

	for (size_t i = 0; i < report->meta->journey_count; i++)
		if (bits[i / 8] & 1u << i % 8)
			list = arena_format(&report->arena, "%s%s%s", list, *list ? ", " : "",
					    report->meta->journeys[i]);
	return list;
}

static void name_journeys(struct report *report)
{
	size_t count = report->meta->request_count;

	report->journeys = arena_array(&report->arena, count, sizeof(*report->journeys));
	for (size_t name = 0; name < count; name++)
		report->journeys[name] = journeys_of(report, name);
}

static void judge(struct report *report, const struct gates *gates)
{
	int signal = report->figures->events.signal;

	report_judge_validity(report);
	report_judge_faults(report);
	if (sagas_any_violated(report->sagas))
		report->findings |= FOUND_SAGA_VIOLATED;
	if (report->meta->saga_count && !json_object_size(report->sagas))
		report_add_reason(report, "the sagas were not judged");
	report_judge_gates(report, gates);
	if (report->reason_count)
		report->findings |= FOUND_INVALID;
	if (signal)
		report->findings |= signal == 2 ? FOUND_INTERRUPTED : FOUND_TERMINATED;
	report->verdict = verdict_of(report->findings);
}

static struct figures *read_figures(struct builder *builder, const char *directory,
				    struct error *err)
{
	const struct second_listener listener = { tell_formats, tell_record, builder };

	return figures_read(directory, builder->report.meta, &listener, err);
}

static void write_all(struct builder *builder, const struct report_options *options,
		      struct buffer *terminal)
{
	struct report *report = &builder->report;

	name_journeys(report);
	gates_finish(builder->gates, report->figures);
	judge(report, builder->gates);
	report_write_terminal(report, options->colour, terminal);
	if (options->annotations)
		report_write_annotations(report, options->annotations);
}

static bool build(struct builder *builder, const struct report_options *options,
		  struct buffer *terminal, struct error *err)
{
	struct report *report = &builder->report;
	char *history = arena_format(&report->arena, "%s/history", report->directory);
	struct meta *meta = meta_load(arena_format(&report->arena, "%s/meta.json", history), err);
	struct figures *figures;
	struct faults *faults;
	bool good = false;

	if (!meta)
		return false;
	report->meta = meta;
	report->faults = faults = faults_read(history, meta);
	report->sagas = sagas_read(report->directory);
	builder->gates = gates_new(meta, faults);
	report->figures = figures = read_figures(builder, history, err);
	if (figures) {
		write_all(builder, options, terminal);
		good = finish_formats(builder, err);
	}
	figures_free(figures);
	gates_free(builder->gates);
	faults_free(faults);
	meta_free(meta);
	return good;
}

bool report_build(const char *directory, const struct report_options *options,
		  struct buffer *terminal, int *exit_code, struct error *err)
{
	struct builder builder = { .report = { .directory = directory } };
	bool good = build(&builder, options, terminal, err);

	*exit_code = builder.report.verdict.exit_code;
	free(builder.report.reasons);
	json_decref(builder.report.sagas);
	arena_release(&builder.report.arena);
	return good;
}

void report_add_reason(struct report *report, const char *format, ...)
{
	struct buffer sentence = BUFFER_EMPTY;
	va_list arguments;

	buffer_reserve(&sentence, 512);
	va_start(arguments, format);
	vsnprintf(sentence.data, 512, format, arguments);
	va_end(arguments);
	report->reasons =
		memory_resize(report->reasons, report->reason_count + 1, sizeof(*report->reasons));
	report->reasons[report->reason_count++] =
		arena_string(&report->arena, text_of(sentence.data));
	buffer_release(&sentence);
}

bool report_write_file(const struct report *report, const char *name, struct text contents,
		       struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	bool good;

	buffer_format(&path, "%s/%s", report->directory, name);
	good = file_write(path.data, contents, err);
	buffer_release(&path);
	return good;
}
