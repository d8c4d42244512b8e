/*
 * The summary that a person reads first: one screen of 80 columns, the verdict on top.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "reports/format.h"
#include "reports/report.h"
#include "reports/screen.h"
#include "reports/words.h"

enum { NAME_COLUMNS = 22, ERRORS_MAX = 6, NEVER_MAX = 10 };

bool report_wants_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fileno(out)) && !(no_colour && *no_colour) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static void write_failed_gate(struct screen *screen, const struct gate_result *gate)
{
	struct buffer line = BUFFER_EMPTY;

	buffer_format(&line, "gate %s: it is %s", gate->name,
		      *gate->shown ? gate->shown : "broken");
	if (*gate->reason)
		buffer_format(&line, " (%s)", gate->reason);
	screen_wrapped(screen, "  x ", line.data);
	buffer_release(&line);
}

static void write_broken_faults(struct screen *screen, const struct report *report)
{
	struct buffer line = BUFFER_EMPTY;

	for (size_t i = 0; i < report->faults->count; i++) {
		const struct fault_figures *fault = &report->faults->items[i];

		if (!fault->broken)
			continue;
		buffer_clear(&line);
		buffer_format(&line,
			      "fault %s (%s of %s) is not known to be gone%s%s; look, and run "
			      "'sagastorm chaos heal'",
			      fault->name, fault->kind, fault->target, fault->words ? ": " : "",
			      fault->words ? fault->words : "");
		screen_wrapped(screen, "  ! ", line.data);
	}
	buffer_release(&line);
}

static void write_unsteady(struct screen *screen, const struct report *report)
{
	const struct faults *faults = report->faults;
	uint32_t condition = faults->unsteady_condition;
	struct buffer line = BUFFER_EMPTY;

	if (!faults->unsteady)
		return;
	buffer_format(&line, "the steady state did not hold %s: %s",
		      steady_words(faults->unsteady_moment),
		      condition < report->meta->steady_count ? report->meta->steady[condition] :
							       "?");
	screen_wrapped(screen, "  x ", line.data);
	buffer_release(&line);
}

static void write_blame(void *screen, const char *line)
{
	screen_wrapped(screen, "  x ", line);
}

static void write_verdict(struct screen *screen, const struct report *report)
{
	const struct verdict *verdict = &report->verdict;
	bool pass = verdict->exit_code == 0, fail = verdict->name[0] == 'f';

	screen_paint(screen, BOLD);
	screen_paint(screen, pass ? GREEN : fail ? RED : YELLOW);
	buffer_add_string(screen->out, pass ? "PASS" : fail ? "FAIL" : "UNKNOWN");
	screen_unpaint(screen);
	buffer_add_string(screen->out, "  ");
	screen_paint(screen, BOLD);
	words_add_line(screen->out, text_of(report->meta->name), 60);
	screen_unpaint(screen);
	if (*verdict->reason)
		buffer_format(screen->out, ": %s (exit code %d)", verdict->reason,
			      verdict->exit_code);
	buffer_add_char(screen->out, '\n');
	for (size_t i = 0; i < report->reason_count; i++)
		screen_wrapped(screen, "  ! ", report->reasons[i]);
	write_broken_faults(screen, report);
	sagas_blame(report->sagas, write_blame, screen);
	write_unsteady(screen, report);
	for (size_t i = 0; i < report->gate_count; i++)
		if (report->gates[i].holding == DOES_NOT_HOLD)
			write_failed_gate(screen, &report->gates[i]);
}

static void write_about(struct screen *screen, const struct report *report)
{
	const struct meta *meta = report->meta;
	struct buffer line = BUFFER_EMPTY;
	char took[WORDS_MAX];

	if (*meta->about)
		screen_wrapped(screen, "  ", meta->about);
	buffer_format(&line, "%s from %.10s %.8s UTC, seed %s",
		      words_duration(took, figures_duration_us(report->figures)), meta->started,
		      strlen(meta->started) > 11 ? meta->started + 11 : "", meta->seed);
	screen_paint(screen, DIM);
	screen_wrapped(screen, "  ", line.data);
	buffer_clear(&line);
	buffer_format(&line, "%s over %s", meta->target, meta->transport);
	screen_wrapped(screen, "  ", line.data);
	screen_unpaint(screen);
	buffer_release(&line);
}

static void begin_line(struct screen *screen, const char *title)
{
	buffer_add_string(screen->out, "  ");
	screen_painted(screen, BOLD, title);
	screen_blanks(screen->out, strlen(title), 11);
}

/* The identity, written as one. */
static void write_starts(struct screen *screen, const struct figures *figures)
{
	static const char *const names[OUTCOME_COUNT] = { "ok", "failed", "timed out", "dropped" };
	char words[WORDS_MAX];

	begin_line(screen, "Starts");
	buffer_add_string(screen->out, words_count(words, outcomes_sum(figures->outcomes)));
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		const char *colour = i != OUTCOME_OK && figures->outcomes[i] ? RED : "";

		buffer_add_string(screen->out, i ? " + " : " = ");
		screen_paint(screen, colour);
		buffer_format(screen->out, "%s %s", words_count(words, figures->outcomes[i]),
			      names[i]);
		if (*colour)
			screen_unpaint(screen);
	}
	if (figures->interrupted_starts)
		buffer_format(screen->out, "\n             of the failed ones %s were interrupted",
			      words_count(words, figures->interrupted_starts));
	buffer_add_char(screen->out, '\n');
}

static void write_rate(struct screen *screen, const struct figures *figures)
{
	double target = figures_target_rate(figures), achieved = figures_achieved_rate(figures);
	char words[WORDS_MAX], took[WORDS_MAX];

	begin_line(screen, "Rate");
	buffer_format(screen->out, "%s", words_rate(words, achieved));
	if (target > 0)
		buffer_format(screen->out, " of %s planned (%.1f%%)", words_rate(words, target),
			      100 * achieved / target);
	buffer_format(screen->out, ", %s measured\n",
		      words_duration(took, figures_measured_us(figures)));
}

static void write_lag(struct screen *screen, const struct figures *figures)
{
	const struct hist *lag = figures->lag;
	char p50[WORDS_MAX], p99[WORDS_MAX], max[WORDS_MAX];

	begin_line(screen, "Lag");
	buffer_format(screen->out, "p50 %s, p99 %s, max %s behind the intended time\n",
		      words_duration(p50, hist_quantile(lag, 0.5)),
		      words_duration(p99, hist_quantile(lag, 0.99)), words_duration(max, lag->max));
}

static void write_generator(struct screen *screen, const struct report *report)
{
	const struct figures *figures = report->figures;
	double cpu = figures_cpu(figures), memory_mib = 0;
	uint32_t workers = report->meta->workers;
	char stall[WORDS_MAX];

	for (size_t i = 0; i < figures->worker_count; i++)
		memory_mib += figures->workers[i].memory_kib / 1024.0;
	begin_line(screen, "Generator");
	buffer_format(screen->out, "%" PRIu32 " worker%s", workers, workers == 1 ? "" : "s");
	if (cpu >= 0)
		buffer_format(screen->out, ", %.0f%% of a core", 100 * cpu);
	if (cpu >= 0)
		buffer_format(screen->out, ", stood still for at most %s",
			      words_duration(stall, figures->stall_us));
	if (memory_mib > 0)
		buffer_format(screen->out, ", %.0f MiB", memory_mib);
	buffer_add_char(screen->out, '\n');
}

static void write_table_head(struct screen *screen)
{
	buffer_add_char(screen->out, '\n');
	screen_paint(screen, BOLD);
	buffer_format(screen->out, "  %-*s %9s %8s %7s %7s %7s %7s %6s\n", NAME_COLUMNS - 2,
		      "Request", "count", "rate", "p50", "p90", "p99", "max", "errors");
	screen_unpaint(screen);
}

/* At most nine characters. */
static const char *short_count(char out[WORDS_MAX], uint64_t count)
{
	if (count < 10000000)
		return words_count(out, count);
	snprintf(out, WORDS_MAX, "%.2fM", (double)count / 1e6);
	return out;
}

static void write_row(struct screen *screen, const char *name, const struct measure *measure,
		      int64_t span_us)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99, 1 };
	struct hist *latency = measure_latency(measure);
	char words[WORDS_MAX];

	buffer_add_string(screen->out, "  ");
	screen_name(screen, name, NAME_COLUMNS - 2);
	screen_cell(screen, 10, short_count(words, measure->count), "");
	screen_cell(screen, 9,
		    words_rate(words, span_us ? (double)measure->count * 1e6 / (double)span_us : 0),
		    "");
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		screen_cell(screen, 8,
			    latency->total ?
				    words_duration(words, hist_quantile(latency, quantiles[i])) :
				    "-",
			    "");
	screen_cell(screen, 7, words_share(words, measure->errors, measure->count),
		    measure->errors ? RED : "");
	buffer_add_char(screen->out, '\n');
	hist_free(latency);
}

/* Steps that no visitor came to: of journeys outside of the mix, or behind one that failed. */
static void write_never_sent(struct screen *screen, const struct report *report)
{
	struct buffer names = BUFFER_EMPTY;
	size_t never = 0;

	for (size_t i = 0; i < report->meta->request_count; i++) {
		if (report->figures->names[i].count || ++never > NEVER_MAX)
			continue;
		buffer_add_string(&names, never > 1 ? ", " : "");
		buffer_add_string(&names, report->meta->requests[i]);
	}
	if (never > NEVER_MAX)
		buffer_format(&names, " and %zu more", never - NEVER_MAX);
	if (never)
		screen_wrapped(screen, "  Never sent: ", names.data);
	buffer_release(&names);
}

static void write_table(struct screen *screen, const struct report *report)
{
	const struct figures *figures = report->figures;
	int64_t span_us = figures_measured_us(figures);
	size_t count = report->meta->request_count, shown = 0, sent = 0;

	write_table_head(screen);
	for (size_t i = 0; i < count; i++) {
		if (!figures->names[i].count)
			continue;
		if (sent++ < ROWS_MAX && ++shown)
			write_row(screen, report->meta->requests[i], &figures->names[i], span_us);
	}
	if (shown < sent)
		buffer_format(screen->out, "  ... and %zu more in report.json\n", sent - shown);
	if (count > 1)
		write_row(screen, "all", &figures->all, span_us);
	write_never_sent(screen, report);
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

static size_t list_errors(const struct report *report, struct error_row **rows)
{
	size_t count = 0, room = 0;

	*rows = NULL;
	for (size_t name = 0; name < report->meta->request_count; name++) {
		for (unsigned failure = 0; failure < FAILURE_COUNT; failure++) {
			const struct error_figures *error =
				&report->figures->errors[name * FAILURE_COUNT + failure];

			if (error->count == 0)
				continue;
			*rows = memory_grow(*rows, count, &room, sizeof(**rows));
			(*rows)[count++] = (struct error_row){ error, report->meta->requests[name],
							       (enum failure)failure };
		}
	}
	if (count)
		qsort(*rows, count, sizeof(**rows), by_count);
	return count;
}

static bool same_sample(const struct error_figures *a, const struct error_figures *b)
{
	return a->sample && b->sample &&
	       text_equal((struct text){ a->sample, a->sample_bytes },
			  (struct text){ b->sample, b->sample_bytes });
}

static void write_error(struct screen *screen, const struct error_row *row, bool again)
{
	char words[WORDS_MAX];

	screen_cell(screen, 11, words_count(words, row->error->count), RED);
	buffer_format(screen->out, "  %-11s  ", failure_name(row->failure));
	words_add_line(screen->out, text_of(row->name), 52);
	buffer_add_char(screen->out, '\n');
	if (!row->error->sample || again)
		return;
	buffer_add_string(screen->out, "             ");
	screen_paint(screen, DIM);
	words_add_line(screen->out, (struct text){ row->error->sample, row->error->sample_bytes },
		       LINE_COLUMNS - 16);
	screen_unpaint(screen);
	buffer_add_char(screen->out, '\n');
}

static void write_errors(struct screen *screen, const struct report *report)
{
	struct error_row *rows;
	size_t count = list_errors(report, &rows);

	if (count) {
		buffer_add_string(screen->out, "\n  ");
		screen_painted(screen, BOLD, "Errors");
		buffer_add_char(screen->out, '\n');
	}
	for (size_t i = 0; i < count && i < ERRORS_MAX; i++)
		write_error(screen, &rows[i], i && same_sample(rows[i].error, rows[i - 1].error));
	if (count > ERRORS_MAX)
		buffer_format(screen->out, "  ... and %zu more kinds in report.json\n",
			      count - ERRORS_MAX);
	free(rows);
}

/* The last line, where eyes are when a run has ended. */
static void write_where(struct screen *screen, const struct report *report)
{
	buffer_add_char(screen->out, '\n');
	begin_line(screen, "Report");
	words_add_line(screen->out, text_of(report->directory), 1000);
	buffer_add_string(screen->out, "/report.html\n");
}

void report_write_terminal(const struct report *report, bool colour, struct buffer *out)
{
	struct screen screen = { out, colour };

	write_verdict(&screen, report);
	write_about(&screen, report);
	buffer_add_char(out, '\n');
	write_starts(&screen, report->figures);
	write_rate(&screen, report->figures);
	write_lag(&screen, report->figures);
	write_generator(&screen, report);
	screen_write_gates(&screen, report);
	screen_write_faults(&screen, report);
	screen_write_sagas(&screen, report);
	write_table(&screen, report);
	write_errors(&screen, report);
	write_where(&screen, report);
}
