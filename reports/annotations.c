/*
 * Workflow commands, which GitHub shows beside a build and in its pull request:
 *
 *	::error title=a gate failed::errors < 2%25: it is 3%25
 *
 * It shows ten of a kind per step, so there are never more.
 */
#include "reports/because.h"
#include "reports/words.h"

enum { ANNOTATIONS_MAX = 10, MESSAGE_BYTES_MAX = 500 };

struct writer {
	struct buffer *out;
	size_t count, left_out;
};

/* What GitHub takes back: % and line ends in a message; the separators too in a property. */
static void add_escaped(struct buffer *out, const char *words, bool property)
{
	struct buffer clean = BUFFER_EMPTY;

	words_add_line(&clean, text_of(words), MESSAGE_BYTES_MAX);
	for (size_t i = 0; i < clean.length; i++) {
		char c = clean.data[i];

		if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
			buffer_format(out, "%%%02X", (unsigned)c);
		else
			buffer_add_char(out, c);
	}
	buffer_release(&clean);
}

static void add_command(struct buffer *out, const char *command, const char *title,
			const char *message)
{
	buffer_format(out, "::%s title=", command);
	add_escaped(out, title, true);
	buffer_add_string(out, "::");
	add_escaped(out, message, false);
	buffer_add_char(out, '\n');
}

static void add_because(void *context, const struct because *because)
{
	struct writer *writer = context;

	if (writer->count + 1 >= ANNOTATIONS_MAX) {
		writer->left_out++;
		return;
	}
	writer->count++;
	add_command(writer->out, because->system ? "error" : "warning", because->title,
		    because->words);
}

void report_write_annotations(const struct report *report, struct buffer *out)
{
	struct writer writer = { .out = out };
	struct buffer verdict = BUFFER_EMPTY;

	report_because(report, add_because, &writer);
	if (report->verdict.exit_code == 0)
		return;
	buffer_format(&verdict, "%s (exit code %d)", report->verdict.reason,
		      report->verdict.exit_code);
	if (writer.left_out)
		buffer_format(&verdict, "; %zu more findings are in summary.md", writer.left_out);
	add_command(out, "error", report->meta->name, verdict.data);
	buffer_release(&verdict);
}
