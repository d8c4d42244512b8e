/* The sections of the summary about gates, faults and sagas. See screen.h. */
#include "reports/screen.h"

#include <math.h>

#include "lib/clock.h"
#include "reports/words.h"

enum { FAULT_COLUMNS = 18, WHAT_COLUMNS = 24 };

/* One line per gate, unless there is only the one that every run has, and it held. */
void screen_write_gates(struct screen *screen, const struct report *report)
{
	static const char *const colours[] = {
		[HOLDS] = GREEN, [DOES_NOT_HOLD] = RED, [NOT_KNOWN] = YELLOW
	};
	size_t shown = 0;

	if (report->gate_count <= 1)
		return;
	buffer_add_string(screen->out, "\n  ");
	screen_painted(screen, BOLD, "Gates");
	buffer_add_char(screen->out, '\n');
	for (size_t i = 1; i < report->gate_count && shown < ROWS_MAX; i++, shown++) {
		const struct gate_result *gate = &report->gates[i];

		buffer_add_string(screen->out, "  ");
		screen_paint(screen, colours[gate->holding]);
		buffer_format(screen->out, "%-8s", gate->verdict);
		screen_unpaint(screen);
		screen_name(screen, gate->name, 48);
		screen_cell(screen, 12, *gate->shown ? gate->shown : "-", "");
		if (isfinite(gate->margin) && gate->holding != NOT_KNOWN)
			buffer_format(screen->out, "  %+.0f%%",
				      100 * fmax(fmin(gate->margin, 9.99), -9.99));
		buffer_add_char(screen->out, '\n');
	}
	if (shown + 1 < report->gate_count)
		buffer_format(screen->out, "  ... and %zu more in report.json\n",
			      report->gate_count - 1 - shown);
}

static void add_times(struct screen *screen, const struct fault_figures *fault)
{
	char times[40];

	if (fault->armed_us < 0)
		snprintf(times, sizeof(times), "never armed");
	else if (fault->healed_us < 0)
		snprintf(times, sizeof(times), "%.1f s to ?", (double)fault->armed_us / US_PER_S);
	else
		snprintf(times, sizeof(times), "%.1f to %.1f s", (double)fault->armed_us / US_PER_S,
			 (double)fault->healed_us / US_PER_S);
	screen_cell(screen, 16, times, fault->armed_us < 0 || fault->broken ? RED : "");
}

static void add_hits(struct screen *screen, const struct fault_figures *fault)
{
	char words[WORDS_MAX];

	if (fault->armed_us < 0)
		screen_cell(screen, 9, "-", "");
	else if (fault->hits > 0)
		screen_cell(screen, 9, words_count(words, (uint64_t)fault->hits), "");
	else
		screen_cell(screen, 9, fault->hits < 0 ? "unknown" : "NOTHING", YELLOW);
}

/* ">20.0 s": it was not seen to recover in that time. */
static void add_recovery(struct screen *screen, const struct fault_figures *fault)
{
	char words[WORDS_MAX], longer[WORDS_MAX + 1] = ">";

	if (fault->armed_us >= 0 && fault->recovery_us >= 0 && fault->recovery_us < US_PER_S)
		screen_cell(screen, 10, "at once", "");
	else if (fault->armed_us >= 0 && fault->recovery_us >= 0)
		screen_cell(screen, 10, words_duration(words, fault->recovery_us), "");
	else if (fault->armed_us >= 0 && fault->waited_us > 0 && fault->can_recover)
		screen_cell(screen, 10, strcat(longer, words_duration(words, fault->waited_us)),
			    RED);
	else
		screen_cell(screen, 10, "-", "");
}

static void add_fault(struct screen *screen, const struct fault_figures *fault)
{
	struct buffer what = BUFFER_EMPTY;

	buffer_format(&what, "%s %s", fault->kind, fault->target);
	buffer_add_string(screen->out, "  ");
	if (strcmp(fault->name, what.data) == 0) { /* nobody gave it a name of its own */
		screen_name(screen, fault->name, FAULT_COLUMNS + 1 + WHAT_COLUMNS);
	} else {
		screen_name(screen, fault->name, FAULT_COLUMNS);
		buffer_add_char(screen->out, ' ');
		screen_name(screen, what.data, WHAT_COLUMNS);
	}
	add_times(screen, fault);
	add_hits(screen, fault);
	add_recovery(screen, fault);
	buffer_add_char(screen->out, '\n');
	buffer_release(&what);
}

void screen_write_faults(struct screen *screen, const struct report *report)
{
	const struct faults *faults = report->faults;

	if (!faults->count)
		return;
	buffer_add_char(screen->out, '\n');
	screen_paint(screen, BOLD);
	buffer_format(screen->out, "  %-*s %-*s %15s %8s %9s\n", FAULT_COLUMNS, "Fault",
		      WHAT_COLUMNS, "", "in effect", "hits", "recovered");
	screen_unpaint(screen);
	for (size_t i = 0; i < faults->count && i < ROWS_MAX; i++)
		add_fault(screen, &faults->items[i]);
	if (faults->count > ROWS_MAX)
		buffer_format(screen->out, "  ... and %zu more in audit.txt\n",
			      faults->count - ROWS_MAX);
}

void screen_write_sagas(struct screen *screen, const struct report *report)
{
	if (!json_object_size(report->sagas))
		return;
	buffer_add_string(screen->out, "\n  ");
	screen_painted(screen, BOLD, "Sagas");
	buffer_add_char(screen->out, '\n');
	sagas_write(report->sagas, screen->colour ? RED : "", screen->out);
}
