/*
 * audit.txt: who broke what, when, where, what it met, and how it was put back, line by line, for
 * people. Written only of runs that had faults.
 */
#include <inttypes.h>
#include <unistd.h>

#include "lib/clock.h"
#include "reports/format.h"
#include "reports/words.h"

enum { NAME_COLUMNS = 32, STATE_COLUMNS = 9, WORDS_BYTES_MAX = 400 };

static void add_time(struct buffer *out, int64_t at_us)
{
	buffer_format(out, "%12.3f s  ", (double)at_us / (double)US_PER_S);
}

static void add_padded(struct buffer *out, const char *text, size_t width)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t columns;

	words_add_line(&clean, text_of(text), 200);
	columns = words_columns(buffer_text(&clean));
	buffer_add_text(out, buffer_text(&clean));
	for (; columns < width; columns++)
		buffer_add_char(out, ' ');
	buffer_release(&clean);
}

static void add_entry(struct buffer *out, const struct report *report,
		      const struct audit_entry *entry)
{
	bool of_run = entry->fault == FAULT_ANY;

	add_time(out, entry->at_us);
	if (!of_run) {
		add_padded(out, report->faults->items[entry->fault].name, NAME_COLUMNS);
		buffer_add_string(out, "  ");
	}
	add_padded(out, entry->what, of_run || !entry->words ? 0 : STATE_COLUMNS);
	if (entry->words) {
		buffer_add_string(out, "  ");
		words_add_line(out, text_of(entry->words), WORDS_BYTES_MAX);
	}
	buffer_add_char(out, '\n');
}

static void add_hits(struct buffer *out, const struct fault_figures *fault)
{
	static const char *const kinds[] = { "on connections", "before the effect of a call",
					     "after it, the answer lost",
					     "on calls delayed or changed" };
	char words[WORDS_MAX];

	if (fault->hits < 0)
		buffer_add_string(out, "what it hit can't be known");
	else if (!fault->hits)
		buffer_add_string(out, "it hit nothing");
	else
		buffer_format(out, "%s hit%s", words_count(words, (uint64_t)fault->hits),
			      fault->hits == 1 ? "" : "s");
	for (int i = 0; i < 4; i++)
		if (fault->by_kind[i])
			buffer_format(out, ", %s %s", words_count(words, fault->by_kind[i]),
				      kinds[i]);
}

static void add_sum(struct buffer *out, const struct fault_figures *fault)
{
	char words[WORDS_MAX];

	buffer_add_string(out, "  ");
	add_padded(out, fault->name, 0);
	buffer_add_string(out, ": ");
	add_padded(out, fault->kind, 0);
	buffer_add_string(out, " of ");
	add_padded(out, fault->target, 0);
	buffer_format(out, "; %s", fault_state_name(fault->state));
	if (fault->by_heal)
		buffer_add_string(out, " by someone else than its supervisor");
	if (fault->armed_us >= 0) {
		buffer_add_string(out, "; ");
		add_hits(out, fault);
	}
	if (fault->recovery_us >= 0 && fault->recovery_us < US_PER_S)
		buffer_add_string(out, "; recovered at once");
	else if (fault->recovery_us >= 0)
		buffer_format(out, "; recovered within %s",
			      words_duration(words, fault->recovery_us));
	buffer_add_char(out, '\n');
}

static void write_audit(const struct report *report, struct buffer *out)
{
	const struct faults *faults = report->faults;

	buffer_add_string(out, "Audit of ");
	add_padded(out, report->meta->name, 0);
	buffer_add_string(out, ", seed ");
	add_padded(out, report->meta->seed, 0);
	buffer_add_string(out, ", started ");
	add_padded(out, report->meta->started, 0);
	buffer_add_string(out, "\n\n");
	for (size_t i = 0; i < faults->audit_count; i++)
		add_entry(out, report, &faults->audit[i]);
	if (faults->audit_left_out)
		buffer_format(out, "... and %" PRIu64 " more\n", faults->audit_left_out);
	buffer_add_string(out, "\nIn sum\n");
	for (size_t i = 0; i < faults->count; i++)
		add_sum(out, &faults->items[i]);
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	bool good;

	(void)state;
	if (!report->faults->count)
		return true;
	write_audit(report, &out);
	good = report_write_file(report, "audit.txt", buffer_text(&out), err);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_audit = {
	.name = "audit",
	.writes = "audit.txt",
	.finish = finish,
};
