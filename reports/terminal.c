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
#include "reports/words.h"

enum { NAME_COLUMNS = 22, ROWS_MAX = 20, ERRORS_MAX = 6, NEVER_MAX = 10, LINE_COLUMNS = 80 };

#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"

struct screen {
	struct buffer *out;
	bool colour;
};

bool report_wants_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fileno(out)) && !(no_colour && *no_colour) && terminal &&
	       strcmp(terminal, "dumb") != 0;
}

static void paint(struct screen *screen, const char *colour)
{
	if (screen->colour && *colour)
		buffer_add_string(screen->out, colour);
}

static void unpaint(struct screen *screen)
{
	paint(screen, "\033[0m");
}

static void add_painted(struct screen *screen, const char *colour, const char *words)
{
	paint(screen, colour);
	buffer_add_string(screen->out, words);
	unpaint(screen);
}

static void add_blanks(struct buffer *out, size_t columns, size_t wanted)
{
	for (; columns < wanted; columns++)
		buffer_add_char(out, ' ');
}

/* A number at the right of its column; red when it is bad news. */
static void add_cell(struct screen *screen, size_t width, const char *words, const char *colour)
{
	buffer_add_char(screen->out, ' ');
	add_blanks(screen->out, strlen(words), width - 1);
	paint(screen, colour);
	buffer_add_string(screen->out, words);
	if (*colour)
		unpaint(screen);
}

static size_t skip_columns(struct text text, size_t columns)
{
	size_t i = 0;

	for (; i < text.length; i++)
		if (((unsigned char)text.data[i] & 0xc0) != 0x80 && columns-- == 0)
			break;
	return i;
}

/* Long names lose their middle: what tells them apart is mostly at one of the ends. */
static void add_name(struct screen *screen, const char *name, size_t width)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t columns, head = (width - 2) / 2, from;
	struct text text;

	words_add_line(&clean, text_of(name), 300);
	text = buffer_text(&clean);
	columns = words_columns(text);
	if (columns <= width) {
		buffer_add_text(screen->out, text);
		add_blanks(screen->out, columns, width);
	} else {
		buffer_add(screen->out, text.data, skip_columns(text, head));
		buffer_add_string(screen->out, "..");
		from = skip_columns(text, columns - (width - 2 - head));
		buffer_add(screen->out, text.data + from, text.length - from);
	}
	buffer_release(&clean);
}

/* Lines of at most LINE_COLUMNS, broken at blanks, under each other. */
static void add_wrapped(struct screen *screen, const char *first, const char *words)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t indent = strlen(first), column = indent;
	char *word, *rest;

	buffer_add_string(&clean, ""); /* something to cut, even of nothing */
	words_add_line(&clean, text_of(words), 1000);
	buffer_add_string(screen->out, first);
	for (word = strtok_r(clean.data, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t columns = words_columns(text_of(word));

		if (column > indent && column + 1 + columns > LINE_COLUMNS) {
			buffer_add_char(screen->out, '\n');
			add_blanks(screen->out, 0, indent);
			column = indent;
		}
		if (column > indent)
			buffer_add_char(screen->out, ' ');
		buffer_add_string(screen->out, word);
		column += columns + (column > indent);
	}
	buffer_add_char(screen->out, '\n');
	buffer_release(&clean);
}

static void write_failed_gate(struct screen *screen, const struct gate_result *gate)
{
	struct buffer line = BUFFER_EMPTY;

	buffer_format(&line, "gate %s: it is %s", gate->name,
		      *gate->shown ? gate->shown : "broken");
	if (*gate->reason)
		buffer_format(&line, " (%s)", gate->reason);
	add_wrapped(screen, "  x ", line.data);
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
		add_wrapped(screen, "  ! ", line.data);
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
	add_wrapped(screen, "  x ", line.data);
	buffer_release(&line);
}

static void write_verdict(struct screen *screen, const struct report *report)
{
	const struct verdict *verdict = &report->verdict;
	bool pass = verdict->exit_code == 0, fail = verdict->name[0] == 'f';

	paint(screen, BOLD);
	paint(screen, pass ? GREEN : fail ? RED : YELLOW);
	buffer_add_string(screen->out, pass ? "PASS" : fail ? "FAIL" : "UNKNOWN");
	unpaint(screen);
	buffer_add_string(screen->out, "  ");
	paint(screen, BOLD);
	words_add_line(screen->out, text_of(report->meta->name), 60);
	unpaint(screen);
	if (*verdict->reason)
		buffer_format(screen->out, ": %s (exit code %d)", verdict->reason,
			      verdict->exit_code);
	buffer_add_char(screen->out, '\n');
	for (size_t i = 0; i < report->reason_count; i++)
		add_wrapped(screen, "  ! ", report->reasons[i]);
	write_broken_faults(screen, report);
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
		add_wrapped(screen, "  ", meta->about);
	buffer_format(&line, "%s from %.10s %.8s UTC, seed %s",
		      words_duration(took, figures_duration_us(report->figures)), meta->started,
		      strlen(meta->started) > 11 ? meta->started + 11 : "", meta->seed);
	paint(screen, DIM);
	add_wrapped(screen, "  ", line.data);
	buffer_clear(&line);
	buffer_format(&line, "%s over %s", meta->target, meta->transport);
	add_wrapped(screen, "  ", line.data);
	unpaint(screen);
	buffer_release(&line);
}

static void begin_line(struct screen *screen, const char *title)
{
	buffer_add_string(screen->out, "  ");
	add_painted(screen, BOLD, title);
	add_blanks(screen->out, strlen(title), 11);
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
		paint(screen, colour);
		buffer_format(screen->out, "%s %s", words_count(words, figures->outcomes[i]),
			      names[i]);
		if (*colour)
			unpaint(screen);
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

/* One line per gate, unless there is only the one that every run has, and it held. */
static void write_gates(struct screen *screen, const struct report *report)
{
	static const char *const colours[] = {
		[HOLDS] = GREEN, [DOES_NOT_HOLD] = RED, [NOT_KNOWN] = YELLOW
	};
	size_t shown = 0;

	if (report->gate_count <= 1)
		return;
	buffer_add_string(screen->out, "\n  ");
	add_painted(screen, BOLD, "Gates");
	buffer_add_char(screen->out, '\n');
	for (size_t i = 1; i < report->gate_count && shown < ROWS_MAX; i++, shown++) {
		const struct gate_result *gate = &report->gates[i];

		buffer_add_string(screen->out, "  ");
		paint(screen, colours[gate->holding]);
		buffer_format(screen->out, "%-8s", gate->verdict);
		unpaint(screen);
		add_name(screen, gate->name, 48);
		add_cell(screen, 12, *gate->shown ? gate->shown : "-", "");
		if (isfinite(gate->margin) && gate->holding != NOT_KNOWN)
			buffer_format(screen->out, "  %+.0f%%",
				      100 * fmax(fmin(gate->margin, 9.99), -9.99));
		buffer_add_char(screen->out, '\n');
	}
	if (shown + 1 < report->gate_count)
		buffer_format(screen->out, "  ... and %zu more in report.json\n",
			      report->gate_count - 1 - shown);
}

static void add_fault_times(struct buffer *line, const struct fault_figures *fault)
{
	if (fault->armed_us < 0) {
		buffer_add_string(line, ", never armed");
		return;
	}
	buffer_format(line, ", from %.1f s", (double)fault->armed_us / (double)US_PER_S);
	if (fault->healed_us >= 0)
		buffer_format(line, " to %.1f s", (double)fault->healed_us / (double)US_PER_S);
}

static void add_fault_effects(struct buffer *line, const struct fault_figures *fault)
{
	char words[WORDS_MAX];

	if (fault->armed_us < 0)
		return;
	if (fault->hits > 0)
		buffer_format(line, ", %s hit%s", words_count(words, (uint64_t)fault->hits),
			      fault->hits == 1 ? "" : "s");
	else
		buffer_add_string(line,
				  fault->hits < 0 ? ", hits can't be known" : ", IT HIT NOTHING");
	if (fault->recovery_us >= 0 && fault->recovery_us < US_PER_S)
		buffer_add_string(line, ", recovered at once");
	else if (fault->recovery_us >= 0)
		buffer_format(line, ", recovered within %s",
			      words_duration(words, fault->recovery_us));
	else if (fault->waited_us > 0 && fault->can_recover)
		buffer_format(line, ", not recovered in %s",
			      words_duration(words, fault->waited_us));
}

static void write_faults(struct screen *screen, const struct report *report)
{
	const struct faults *faults = report->faults;
	struct buffer line = BUFFER_EMPTY;

	if (!faults->count)
		return;
	buffer_add_string(screen->out, "\n  ");
	add_painted(screen, BOLD, "Faults");
	buffer_add_char(screen->out, '\n');
	for (size_t i = 0; i < faults->count && i < ROWS_MAX; i++) {
		const struct fault_figures *fault = &faults->items[i];

		buffer_clear(&line);
		buffer_format(&line, "%s: %s of %s", fault->name, fault->kind, fault->target);
		add_fault_times(&line, fault);
		add_fault_effects(&line, fault);
		add_wrapped(screen, "    ", line.data);
	}
	if (faults->count > ROWS_MAX)
		buffer_format(screen->out, "  ... and %zu more in audit.txt\n",
			      faults->count - ROWS_MAX);
	buffer_release(&line);
}

static void write_sagas(struct screen *screen, const struct report *report)
{
	if (!json_object_size(report->sagas))
		return;
	buffer_add_string(screen->out, "\n  ");
	add_painted(screen, BOLD, "Sagas");
	buffer_add_char(screen->out, '\n');
	sagas_write(report->sagas, screen->colour ? RED : "", screen->out);
}

static void write_table_head(struct screen *screen)
{
	buffer_add_char(screen->out, '\n');
	paint(screen, BOLD);
	buffer_format(screen->out, "  %-*s %9s %8s %7s %7s %7s %7s %6s\n", NAME_COLUMNS - 2,
		      "Request", "count", "rate", "p50", "p90", "p99", "max", "errors");
	unpaint(screen);
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
	add_name(screen, name, NAME_COLUMNS - 2);
	add_cell(screen, 10, short_count(words, measure->count), "");
	add_cell(screen, 9,
		 words_rate(words, span_us ? (double)measure->count * 1e6 / (double)span_us : 0),
		 "");
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		add_cell(screen, 8,
			 latency->total ?
				 words_duration(words, hist_quantile(latency, quantiles[i])) :
				 "-",
			 "");
	add_cell(screen, 7, words_share(words, measure->errors, measure->count),
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
		add_wrapped(screen, "  Never sent: ", names.data);
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

	add_cell(screen, 11, words_count(words, row->error->count), RED);
	buffer_format(screen->out, "  %-11s  ", failure_name(row->failure));
	words_add_line(screen->out, text_of(row->name), 52);
	buffer_add_char(screen->out, '\n');
	if (!row->error->sample || again)
		return;
	buffer_add_string(screen->out, "             ");
	paint(screen, DIM);
	words_add_line(screen->out, (struct text){ row->error->sample, row->error->sample_bytes },
		       LINE_COLUMNS - 16);
	unpaint(screen);
	buffer_add_char(screen->out, '\n');
}

static void write_errors(struct screen *screen, const struct report *report)
{
	struct error_row *rows;
	size_t count = list_errors(report, &rows);

	if (count) {
		buffer_add_string(screen->out, "\n  ");
		add_painted(screen, BOLD, "Errors");
		buffer_add_char(screen->out, '\n');
	}
	for (size_t i = 0; i < count && i < ERRORS_MAX; i++)
		write_error(screen, &rows[i], i && same_sample(rows[i].error, rows[i - 1].error));
	if (count > ERRORS_MAX)
		buffer_format(screen->out, "  ... and %zu more kinds in report.json\n",
			      count - ERRORS_MAX);
	free(rows);
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
	write_gates(&screen, report);
	write_faults(&screen, report);
	write_sagas(&screen, report);
	write_table(&screen, report);
	write_errors(&screen, report);
}
