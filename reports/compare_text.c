/* A comparison for people: on a terminal, and as Markdown for a pull request. See compare.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "reports/compare.h"
#include "reports/markdown.h"
#include "reports/words.h"

enum { ROWS_MAX = 40, MARKDOWN_ROWS_MAX = 150, NAME_COLUMNS = 22, MARKDOWN_BYTES_MAX = 58000 };

static const enum compare_verdict order[] = { COMPARE_REGRESSED, COMPARE_IMPROVED,
					      COMPARE_INCONCLUSIVE, COMPARE_SAME };

enum { ORDER = sizeof(order) / sizeof(*order) };

const char *compare_words_change(char out[32], const struct compare_row *row, double change)
{
	if (isnan(change))
		snprintf(out, 32, "?");
	else if (isinf(change) || fabs(change) >= 100)
		snprintf(out, 32, change > 0 ? "any" : "-any");
	else
		snprintf(out, 32, row->is_errors ? "%+.2f pp" : "%+.1f%%", 100 * change);
	return out;
}

const char *compare_words_value(char out[32], const struct compare_row *row, double value)
{
	if (!row->is_errors)
		return words_duration(out, llround(fmin(value, 1e15)));
	snprintf(out, 32, "%.2f%%", 100 * value);
	return out;
}

/* "+1.2% to +3.4%"; "?" where nothing is known. */
static const char *words_interval(char out[80], const struct compare_row *row)
{
	char low[32], high[32];

	if (isnan(row->difference.low))
		snprintf(out, 80, "?");
	else if (isinf(row->difference.high) || isinf(row->difference.low) ||
		 row->difference.low <= -0.9999999)
		snprintf(out, 80, "not bounded");
	else
		snprintf(out, 80, "%s to %s", compare_words_change(low, row, row->difference.low),
			 compare_words_change(high, row, row->difference.high));
	return out;
}

static const char *verdict_sentence(const struct comparison *comparison)
{
	static const char *const sentences[] = {
		[COMPARE_SAME] = "no difference beyond the tolerance",
		[COMPARE_IMPROVED] = "better than the base by more than the tolerance",
		[COMPARE_REGRESSED] = "worse than the base by more than the tolerance",
		[COMPARE_INCONCLUSIVE] = "no regression was found, but it can't be ruled out",
	};

	if (comparison->mismatch_count && !comparison->row_count)
		return "these runs can't be compared";
	return sentences[comparison->verdict];
}

static void write_counts(const struct comparison *comparison, struct buffer *out)
{
	bool any = false;

	for (size_t i = 0; i < ORDER; i++) {
		uint64_t count = comparison->counts[order[i]];

		if (!count)
			continue;
		buffer_format(out, "%s%" PRIu64 " %s", any ? ", " : "", count,
			      compare_verdict_names[order[i]]);
		any = true;
	}
}

static void write_sides(const struct comparison *comparison, struct buffer *out)
{
	for (int side = 0; side < 2; side++) {
		size_t count = side ? comparison->new_count : comparison->base_count;
		struct compare_run *const *runs = side ? comparison->new : comparison->base;

		buffer_format(out, "  %s ", side ? "new: " : "base:");
		for (size_t i = 0; i < count; i++) {
			buffer_add_char(out, ' ');
			words_add_line(out, text_of(runs[i]->directory), 200);
		}
		buffer_add_char(out, '\n');
	}
}

static const char *paint(bool colour, enum compare_verdict verdict)
{
	static const char *const colours[] = { [COMPARE_SAME] = "",
					       [COMPARE_IMPROVED] = "\033[32m",
					       [COMPARE_REGRESSED] = "\033[31m",
					       [COMPARE_INCONCLUSIVE] = "\033[33m" };

	return colour ? colours[verdict] : "";
}

/* As much of a name as fits; what tells names apart is mostly at their ends. */
static void add_name(struct buffer *out, const char *name)
{
	struct buffer clean = BUFFER_EMPTY;
	size_t columns, i = 0, shown = 0;

	words_add_line(&clean, text_of(name), 200);
	columns = words_columns(buffer_text(&clean));
	if (columns > NAME_COLUMNS) {
		buffer_add_string(out, "..");
		shown = 2;
		for (size_t skip = columns - NAME_COLUMNS + 2; i < clean.length; i++)
			if (((unsigned char)clean.data[i] & 0xc0) != 0x80 && skip-- == 0)
				break;
		columns = NAME_COLUMNS - shown;
	}
	buffer_add(out, clean.data ? clean.data + i : "", clean.length - i);
	for (shown += columns; shown < NAME_COLUMNS; shown++)
		buffer_add_char(out, ' ');
	buffer_release(&clean);
}

static void write_row(const struct compare_row *row, bool colour, struct buffer *out)
{
	char base[32], new[32], change[32], interval[80];
	bool known = !isnan(row->difference.change);

	buffer_add_string(out, "  ");
	add_name(out, row->name);
	buffer_format(out, " %-6s %8s %8s %9s", row->metric,
		      known ? compare_words_value(base, row, row->base) : "-",
		      known ? compare_words_value(new, row, row->new) : "-",
		      compare_words_change(change, row, row->difference.change));
	buffer_format(out, "  %-20s %s%s%s", words_interval(interval, row),
		      paint(colour, row->verdict), compare_verdict_names[row->verdict],
		      *paint(colour, row->verdict) ? "\033[0m" : "");
	if (isnan(row->p) && *row->why)
		buffer_format(out, ": %s", row->why);
	buffer_add_char(out, '\n');
}

static void write_mismatches(const struct comparison *comparison, const char *before,
			     struct buffer *out)
{
	for (size_t i = 0; i < comparison->mismatch_count; i++) {
		buffer_add_string(out, before);
		words_add_line(out, text_of(comparison->mismatches[i]), 700);
		buffer_add_char(out, '\n');
	}
}

static void write_rows(const struct comparison *comparison, bool colour, struct buffer *out)
{
	size_t shown = 0;

	buffer_format(out, "\n  %-*s %-6s %8s %8s %9s  %-20s %s\n", NAME_COLUMNS, "Request", "",
		      "base", "new", "change", "90% interval", "");
	for (size_t i = 0; i < ORDER; i++)
		for (size_t j = 0; j < comparison->row_count && shown < ROWS_MAX; j++)
			if (comparison->rows[j].verdict == order[i]) {
				write_row(&comparison->rows[j], colour, out);
				shown++;
			}
	if (shown < comparison->row_count)
		buffer_format(out, "  ... and %zu more rows; see --json\n",
			      comparison->row_count - shown);
}

static void add_upper(struct buffer *out, const char *word)
{
	for (; *word; word++)
		buffer_add_char(out, *word >= 'a' && *word <= 'z' ? (char)(*word - 32) : *word);
}

void compare_write_text(const struct comparison *comparison, bool colour, struct buffer *out)
{
	buffer_format(out, "%s%s", colour ? "\033[1m" : "", paint(colour, comparison->verdict));
	add_upper(out, compare_verdict_names[comparison->verdict]);
	buffer_format(out, "%s  %s\n", colour ? "\033[0m" : "", verdict_sentence(comparison));
	if (comparison->row_count)
		write_mismatches(comparison, "  ! not alike: ", out);
	write_sides(comparison, out);
	if (!comparison->row_count)
		return;
	buffer_add_string(out, "  ");
	write_counts(comparison, out);
	buffer_format(out, "; tolerance %g%%", 100 * comparison->options.tolerance);
	buffer_format(out, "\n  %s\n", comparison->method);
	write_rows(comparison, colour, out);
	for (size_t i = 0; i < comparison->note_count; i++) {
		buffer_add_string(out, i ? "  note: " : "\n  note: ");
		words_add_line(out, text_of(comparison->notes[i]), 500);
		buffer_add_char(out, '\n');
	}
}

/* Markdown. */

static void write_markdown_row(const struct compare_row *row, struct buffer *out)
{
	char base[32], new[32], change[32], interval[80];
	const char *mark = row->verdict == COMPARE_REGRESSED ? "**" : "";

	buffer_add_string(out, "| ");
	markdown_add(out, row->name, 120, MARKDOWN_CELL);
	buffer_format(out, " | %s | %s | %s | %s", row->metric,
		      compare_words_value(base, row, row->base),
		      compare_words_value(new, row, row->new),
		      compare_words_change(change, row, row->difference.change));
	buffer_format(out, " | %s | %s%s%s |\n", words_interval(interval, row), mark,
		      compare_verdict_names[row->verdict], mark);
}

static void write_markdown_rows(const struct comparison *comparison, struct buffer *out)
{
	size_t shown = 0;

	buffer_add_string(out, "\n| request | | base | new | change | 90% interval | verdict |\n"
			       "| --- | --- | ---: | ---: | ---: | --- | --- |\n");
	for (size_t i = 0; i < ORDER; i++)
		for (size_t j = 0; j < comparison->row_count && shown < MARKDOWN_ROWS_MAX; j++)
			if (comparison->rows[j].verdict == order[i]) {
				write_markdown_row(&comparison->rows[j], out);
				shown++;
			}
	if (shown < comparison->row_count)
		buffer_format(out, "\n... and %zu more rows.\n", comparison->row_count - shown);
}

static void write_markdown_list(const char *title, const char *const *items, size_t count,
				struct buffer *out)
{
	if (count)
		buffer_format(out, "\n%s:\n\n", title);
	for (size_t i = 0; i < count; i++) {
		buffer_add_string(out, "- ");
		markdown_add(out, items[i], 700, MARKDOWN_TEXT);
		buffer_add_char(out, '\n');
	}
}

void compare_write_markdown(const struct comparison *comparison, struct buffer *out)
{
	static const char *const marks[] = { [COMPARE_SAME] = "\u2705",
					     [COMPARE_IMPROVED] = "\u2705",
					     [COMPARE_REGRESSED] = "\u274c",
					     [COMPARE_INCONCLUSIVE] = "\u2754" };

	buffer_format(out, "## %s ", marks[comparison->verdict]);
	add_upper(out, compare_verdict_names[comparison->verdict]);
	buffer_add_string(out, " ");
	markdown_add(out, comparison->base[0]->meta->name, 120, MARKDOWN_TEXT);
	buffer_format(out, ": %s\n", verdict_sentence(comparison));
	write_markdown_list("Not alike", comparison->mismatches, comparison->mismatch_count, out);
	if (!comparison->row_count)
		return;
	buffer_add_char(out, '\n');
	write_counts(comparison, out);
	buffer_format(out, "; tolerance %g%%; %s.\n", 100 * comparison->options.tolerance,
		      comparison->method);
	write_markdown_rows(comparison, out);
	write_markdown_list("Notes", comparison->notes, comparison->note_count, out);
	markdown_cut(out, MARKDOWN_BYTES_MAX);
}
