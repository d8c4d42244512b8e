/*
 * summary.md: a run on one page, for the summary of a build or a comment on a pull request. GitHub
 * takes 64 KiB as a comment; what would not fit is in report.json.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "reports/because.h"
#include "reports/markdown.h"
#include "reports/words.h"

enum {
	SUMMARY_BYTES_MAX = 58000,
	BECAUSE_MAX = 20,
	ROWS_MAX = 60,
	ERRORS_MAX = 20,
	NAME_BYTES_MAX = 120,
	WORDS_BYTES_MAX = 400,
};

struct list {
	struct buffer *out;
	size_t count;
};

static void add_because(void *context, const struct because *because)
{
	struct list *list = context;

	if (list->count++ >= BECAUSE_MAX)
		return;
	buffer_format(list->out, "- **%s**: ", because->title);
	markdown_add(list->out, because->words, WORDS_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_char(list->out, '\n');
}

static void write_verdict(const struct report *report, struct buffer *out)
{
	const struct verdict *verdict = &report->verdict;
	bool pass = verdict->exit_code == 0, fail = verdict->name[0] == 'f';
	struct list list = { .out = out };

	buffer_format(out, "## %s ",
		      pass ? "\u2705 PASS" :
		      fail ? "\u274c FAIL" :
			     "\u2754 UNKNOWN");
	markdown_add(out, report->meta->name, NAME_BYTES_MAX, MARKDOWN_TEXT);
	if (*verdict->reason)
		buffer_format(out, ": %s (exit code %d)", verdict->reason, verdict->exit_code);
	buffer_add_string(out, "\n\n");
	report_because(report, add_because, &list);
	if (list.count > BECAUSE_MAX)
		buffer_format(out, "- ... and %zu more\n", list.count - BECAUSE_MAX);
	if (list.count)
		buffer_add_char(out, '\n');
}

static void write_load(const struct report *report, struct buffer *out)
{
	static const char *const names[OUTCOME_COUNT] = { "ok", "failed", "timed out", "dropped" };
	const struct figures *figures = report->figures;
	double target = figures_target_rate(figures), cpu = figures_cpu(figures);
	char words[WORDS_MAX];

	buffer_format(out, "%s starts", words_count(words, outcomes_sum(figures->outcomes)));
	for (int i = 0; i < OUTCOME_COUNT; i++)
		buffer_format(out, " %s %s %s", i ? "+" : "=",
			      words_count(words, figures->outcomes[i]), names[i]);
	buffer_format(out, "; %s", words_rate(words, figures_achieved_rate(figures)));
	if (target > 0)
		buffer_format(out, " of %s planned", words_rate(words, target));
	buffer_format(out, ", %s measured. ", words_duration(words, figures_measured_us(figures)));
	buffer_format(out, "The generator was late by %s at p99",
		      words_duration(words, hist_quantile(figures->lag, 0.99)));
	if (cpu >= 0)
		buffer_format(out, " and took %.0f%% of a core", 100 * cpu);
	buffer_add_string(out, ".\n\n");
}

static int gate_rank(const struct gate_result *gate)
{
	static const int ranks[] = { [DOES_NOT_HOLD] = 0, [NOT_KNOWN] = 1, [HOLDS] = 2 };

	return ranks[gate->holding];
}

static void write_gate(const struct gate_result *gate, struct buffer *out)
{
	static const char *const marks[] = {
		[HOLDS] = "pass", [DOES_NOT_HOLD] = "**fail**", [NOT_KNOWN] = "**unknown**"
	};

	buffer_format(out, "| %s | ", marks[gate->holding]);
	markdown_add(out, gate->name, NAME_BYTES_MAX, MARKDOWN_CELL);
	buffer_format(out, " | %s | ", *gate->shown ? gate->shown : "-");
	if (isfinite(gate->margin) && gate->holding != NOT_KNOWN)
		buffer_format(out, "%+.0f%%", 100 * fmax(fmin(gate->margin, 9.99), -9.99));
	buffer_add_string(out, " | ");
	if (*gate->reason)
		markdown_add(out, gate->reason, WORDS_BYTES_MAX / 2, MARKDOWN_CELL);
	buffer_add_string(out, " |\n");
}

/* The failed ones first, whatever their number. */
static void write_gates(const struct report *report, struct buffer *out)
{
	size_t shown = 0;

	buffer_add_string(out, "| gate | condition | it is | margin | |\n"
			       "| --- | --- | ---: | ---: | --- |\n");
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; i < report->gate_count && shown < ROWS_MAX; i++)
			if (gate_rank(&report->gates[i]) == rank) {
				write_gate(&report->gates[i], out);
				shown++;
			}
	if (shown < report->gate_count)
		buffer_format(out, "\n... and %zu more in `report.json`.\n",
			      report->gate_count - shown);
	buffer_add_char(out, '\n');
}

static uint64_t count_in(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));

	return count > 0 ? (uint64_t)count : 0;
}

static size_t invariants_with(const json_t *saga, const char *verdict)
{
	const json_t *invariants = json_object_get(saga, "invariants"), *invariant;
	size_t i, count = 0;

	json_array_foreach(invariants, i, invariant) {
		const char *its = json_string_value(json_object_get(invariant, "verdict"));

		count += its && strcmp(its, verdict) == 0;
	}
	return count;
}

static void write_saga(const char *name, const json_t *saga, struct buffer *out)
{
	static const char *const ends[] = { "started", "succeeded", "compensated", "stuck",
					    "unknown" };
	char words[WORDS_MAX];

	buffer_add_string(out, "| ");
	markdown_add(out, name, NAME_BYTES_MAX, MARKDOWN_CELL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		buffer_format(out, " | %s", words_count(words, count_in(saga, ends[i])));
	buffer_format(out, " | %s",
		      words_rate(words,
				 json_number_value(json_object_get(saga, "verified_goodput"))));
	buffer_format(out, " | %zu valid, %zu violated, %zu unknown |\n",
		      invariants_with(saga, "valid"), invariants_with(saga, "invalid"),
		      invariants_with(saga, "unknown"));
}

static void write_sagas(const struct report *report, struct buffer *out)
{
	const char *name;
	json_t *saga;
	size_t shown = 0;

	if (!json_object_size(report->sagas))
		return;
	buffer_add_string(out, "| sagas | started | succeeded | compensated | stuck | unknown | "
			       "verified goodput | invariants |\n"
			       "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
	json_object_foreach(report->sagas, name, saga) {
		if (shown++ < ROWS_MAX)
			write_saga(name, saga, out);
	}
	buffer_add_char(out, '\n');
}

static void write_request(const char *name, const struct measure *measure, int64_t span_us,
			  struct buffer *out)
{
	static const double quantiles[] = { 0.5, 0.95, 0.99, 1 };
	struct hist *latency = measure_latency(measure);
	char words[WORDS_MAX];

	buffer_add_string(out, "| ");
	markdown_add(out, name, NAME_BYTES_MAX, MARKDOWN_CELL);
	buffer_format(out, " | %s", words_count(words, measure->count));
	buffer_format(out, " | %s",
		      words_rate(words,
				 span_us ? (double)measure->count * 1e6 / (double)span_us : 0));
	buffer_format(out, " | %s", words_share(words, measure->errors, measure->count));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		buffer_format(out, " | %s",
			      words_duration(words, hist_quantile(latency, quantiles[i])));
	buffer_add_string(out, " |\n");
	hist_free(latency);
}

static void write_requests(const struct report *report, struct buffer *out)
{
	const struct figures *figures = report->figures;
	int64_t span_us = figures_measured_us(figures);
	size_t shown = 0, sent = 0;

	buffer_add_string(out, "| request | count | rate | errors | p50 | p95 | p99 | max |\n"
			       "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (size_t i = 0; i < report->meta->request_count; i++) {
		if (!figures->names[i].count || ++sent > ROWS_MAX)
			continue;
		write_request(report->meta->requests[i], &figures->names[i], span_us, out);
		shown++;
	}
	write_request("all", &figures->all, span_us, out);
	if (shown < sent)
		buffer_format(out, "\n... and %zu more requests in `report.json`.\n", sent - shown);
	buffer_add_char(out, '\n');
}

static void add_fault_span(const struct fault_figures *fault, struct buffer *out)
{
	if (fault->armed_us < 0) {
		buffer_add_string(out, " | never armed");
		return;
	}
	buffer_format(out, " | %.1f s", (double)fault->armed_us / (double)US_PER_S);
	if (fault->healed_us >= 0)
		buffer_format(out, " to %.1f s", (double)fault->healed_us / (double)US_PER_S);
}

static void write_fault(const struct fault_figures *fault, struct buffer *out)
{
	char words[WORDS_MAX];

	buffer_add_string(out, "| ");
	markdown_add(out, fault->name, NAME_BYTES_MAX, MARKDOWN_CELL);
	buffer_add_string(out, " | ");
	markdown_add(out, fault->kind, NAME_BYTES_MAX, MARKDOWN_CELL);
	buffer_add_string(out, " of ");
	markdown_add(out, fault->target, NAME_BYTES_MAX, MARKDOWN_CELL);
	add_fault_span(fault, out);
	buffer_format(out, " | %s",
		      fault->hits < 0 ? "?" : words_count(words, (uint64_t)fault->hits));
	buffer_format(out, " | %s",
		      fault->recovery_us >= 0 ? words_duration(words, fault->recovery_us) : "-");
	buffer_format(out, " | %s |\n",
		      fault->broken	  ? "**no**" :
		      fault->armed_us < 0 ? "-" :
					    "yes");
}

static void write_faults(const struct report *report, struct buffer *out)
{
	const struct faults *faults = report->faults;

	if (!faults->count)
		return;
	buffer_add_string(out, "| fault | what | when | hits | recovery | healed |\n"
			       "| --- | --- | --- | ---: | ---: | --- |\n");
	for (size_t i = 0; i < faults->count && i < ROWS_MAX; i++)
		write_fault(&faults->items[i], out);
	if (faults->count > ROWS_MAX)
		buffer_format(out, "\n... and %zu more in `audit.txt`.\n",
			      faults->count - ROWS_MAX);
	buffer_add_char(out, '\n');
}

struct error_row {
	const struct error_figures *error;
	const char *name;
	enum failure failure;
};

static int by_count(const void *a, const void *b)
{
	const struct error_row *x = a, *y = b;

	return (x->error->count < y->error->count) - (x->error->count > y->error->count);
}

static void write_error(const struct error_row *row, struct buffer *out)
{
	struct buffer sample = BUFFER_EMPTY;
	char words[WORDS_MAX];

	buffer_format(out, "| %s | %s | ", words_count(words, row->error->count),
		      failure_name(row->failure));
	markdown_add(out, row->name, NAME_BYTES_MAX, MARKDOWN_CELL);
	buffer_add_string(out, " | ");
	buffer_add_string(&sample, "");
	if (row->error->sample)
		words_add_line(&sample,
			       (struct text){ row->error->sample, row->error->sample_bytes },
			       WORDS_BYTES_MAX / 2);
	markdown_add(out, sample.data, WORDS_BYTES_MAX, MARKDOWN_CELL);
	buffer_add_string(out, " |\n");
	buffer_release(&sample);
}

static size_t list_errors(const struct report *report, struct error_row *rows)
{
	size_t count = 0;

	for (size_t i = 0; i < report->meta->request_count * FAILURE_COUNT; i++)
		if (report->figures->errors[i].count)
			rows[count++] = (struct error_row){
				&report->figures->errors[i],
				report->meta->requests[i / FAILURE_COUNT],
				(enum failure)(i % FAILURE_COUNT),
			};
	qsort(rows, count, sizeof(*rows), by_count);
	return count;
}

static void write_errors(const struct report *report, struct buffer *out)
{
	struct error_row *rows =
		memory_array(report->meta->request_count * FAILURE_COUNT + 1, sizeof(*rows));
	size_t count = list_errors(report, rows);

	if (count)
		buffer_add_string(out, "| errors | class | request | a sample |\n"
				       "| ---: | --- | --- | --- |\n");
	for (size_t i = 0; i < count && i < ERRORS_MAX; i++)
		write_error(&rows[i], out);
	if (count > ERRORS_MAX)
		buffer_format(out, "\n... and %zu more kinds in `report.json`.\n",
			      count - ERRORS_MAX);
	if (count)
		buffer_add_char(out, '\n');
	free(rows);
}

static void write_about(const struct report *report, struct buffer *out)
{
	const struct meta *meta = report->meta;
	char words[WORDS_MAX];

	buffer_format(out, "%s from ", words_duration(words, figures_duration_us(report->figures)));
	markdown_add(out, meta->started, NAME_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_string(out, ", seed ");
	markdown_add(out, meta->seed, NAME_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_string(out, ", target ");
	markdown_add(out, meta->target, NAME_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_string(out, ", scenario ");
	markdown_add(out, meta->scenario, NAME_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_string(out, ", sagastorm ");
	markdown_add(out, meta->version, NAME_BYTES_MAX, MARKDOWN_TEXT);
	buffer_add_string(out, ".\n");
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	bool good;

	(void)state;
	write_verdict(report, &out);
	write_sagas(report, &out);
	write_gates(report, &out);
	write_load(report, &out);
	write_requests(report, &out);
	write_faults(report, &out);
	write_errors(report, &out);
	write_about(report, &out);
	markdown_cut(&out, SUMMARY_BYTES_MAX);
	good = report_write_file(report, "summary.md", buffer_text(&out), err);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_summary = {
	.name = "summary",
	.writes = "summary.md",
	.finish = finish,
};
