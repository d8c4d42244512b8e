#include "reports/ranges.h"

#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "reports/html_write.h"

/* Right of the axis there is always room for the words of a bar, also on a phone. */
enum { ROW = 16, GROUP = 22, FOOT = 20, NAME_BYTES_MAX = 48, AXIS_END = 58 };

void ranges_add_group(struct ranges *ranges, const char *name, size_t number)
{
	ranges->group = name;
	ranges->number = number;
	ranges->begun = false;
}

void ranges_add(struct ranges *ranges, const struct range *range)
{
	if (!isfinite(range->high))
		return;
	ranges->rows =
		memory_grow(ranges->rows, ranges->count, &ranges->room, sizeof(*ranges->rows));
	ranges->rows[ranges->count++] =
		(struct range_row){ *range, ranges->group, ranges->number, !ranges->begun };
	ranges->begun = true;
}

bool ranges_any(const struct ranges *ranges)
{
	return ranges->count > 0;
}

void ranges_release(struct ranges *ranges)
{
	free(ranges->rows);
	ranges->rows = NULL;
	ranges->count = ranges->room = 0;
}

static int height_of(const struct ranges *ranges)
{
	int height = FOOT + 4;

	for (size_t i = 0; i < ranges->count; i++)
		height += ROW + (ranges->rows[i].begins ? GROUP : 0);
	return height;
}

/* svg_y() goes up from 0 at the bottom; here it goes to the right, in per cent. */
static double x_of(const struct svg_scale *scale, double value)
{
	return svg_y(scale, value);
}

static struct svg_scale scale_of(const struct ranges *ranges)
{
	double least = HUGE_VAL, most = 1;

	for (size_t i = 0; i < ranges->count; i++) {
		const struct range *range = &ranges->rows[i].range;

		least = fmin(least, isfinite(range->low) ? range->low : range->high / 2);
		most = fmax(most, range->high);
	}
	return svg_log(least, most, AXIS_END, 0.5);
}

static void add_axis(const struct ranges *ranges, const struct svg_scale *scale, int height,
		     struct buffer *out)
{
	char words[SVG_LABEL_MAX];

	for (size_t i = 0; i < scale->tick_count; i++) {
		double x = x_of(scale, scale->ticks[i]);

		buffer_format(out,
			      "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y2=\"%d\" "
			      "stroke=\"#e4e7ec\"/>",
			      x, x, height - FOOT);
		buffer_format(out,
			      "<text class=\"ticks\" x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\" "
			      "fill=\"#57606a\">%s</text>\n",
			      x, height - 5,
			      x < 3  ? "start" :
			      x > 97 ? "end" :
				       "middle",
			      ranges->label(words, scale->ticks[i]));
	}
}

static void add_group(const struct range_row *row, int y, struct buffer *out)
{
	buffer_format(out,
		      "<text class=\"group\" x=\"2\" y=\"%d\" fill=\"#1f2328\" "
		      "font-weight=\"600\">",
		      y);
	if (row->number)
		buffer_format(out, "%zu ", row->number);
	html_add_text(out, text_of(row->group), NAME_BYTES_MAX);
	buffer_add_string(out, "</text>\n");
}

static void add_bar(const struct range *range, const struct svg_scale *scale, int y,
		    struct buffer *out)
{
	double from = x_of(scale, range->low), to = x_of(scale, range->high);
	double middle = x_of(scale, range->middle);

	buffer_format(out,
		      "<rect class=\"f%d\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%d\" height=\"8\" "
		      "rx=\"2\" fill=\"%s\"/>",
		      range->colour, from, fmax(to - from, 0.4), y, svg_colours[range->colour]);
	buffer_format(out,
		      "<line class=\"mark\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" "
		      "y2=\"%d\" stroke=\"#1f2328\" stroke-width=\"2\"/>",
		      middle, middle, y - 2, y + 10);
}

static void add_row(const struct ranges *ranges, const struct range_row *row,
		    const struct svg_scale *scale, int y, struct buffer *out)
{
	const struct range *range = &row->range;
	double to = x_of(scale, range->high);
	char words[SVG_LABEL_MAX];

	if (isfinite(range->low))
		add_bar(range, scale, y, out);
	else
		buffer_format(out,
			      "<circle class=\"f%d\" cx=\"%.2f%%\" cy=\"%d\" r=\"5\" "
			      "fill=\"%s\"/>",
			      range->colour, to, y + 4, svg_colours[range->colour]);
	buffer_format(out, "<text class=\"ticks\" x=\"%.2f%%\" dx=\"9\" y=\"%d\" fill=\"#57606a\">",
		      to, y + 8);
	html_add(out, range->label);
	buffer_format(out, " %s</text>\n", ranges->label(words, range->high));
}

void ranges_write(const struct ranges *ranges, struct buffer *out)
{
	struct svg_scale scale = scale_of(ranges);
	int height = height_of(ranges), y = 4;

	svg_begin(out, height, ranges->id, ranges->title, "The numbers are in the table below.");
	add_axis(ranges, &scale, height, out);
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->rows[i].begins) {
			add_group(&ranges->rows[i], y + 13, out);
			y += GROUP;
		}
		add_row(ranges, &ranges->rows[i], &scale, y, out);
		y += ROW;
	}
	svg_end(out);
}

static void add_number(const struct ranges *ranges, double value, struct buffer *out)
{
	char words[SVG_LABEL_MAX];

	html_cell_number(out, value, isfinite(value) ? ranges->label(words, value) : "");
}

void ranges_write_table(const struct ranges *ranges, struct buffer *out)
{
	static const struct html_column columns[] = { { "of", false },
						      { "what", false },
						      { "p50", true },
						      { "p95", true },
						      { "p99", true } };

	buffer_format(out, "<details class=\"data\"><summary>Table: %s</summary>\n", ranges->title);
	html_table_begin(out, ranges->title, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < ranges->count; i++) {
		const struct range_row *row = &ranges->rows[i];

		buffer_add_string(out, "<tr>");
		html_cell_head(out, row->group);
		html_cell(out, row->range.label);
		add_number(ranges, row->range.low, out);
		add_number(ranges, row->range.middle, out);
		add_number(ranges, row->range.high, out);
		buffer_add_string(out, "</tr>\n");
	}
	html_table_end(out);
	buffer_add_string(out, "</details>\n");
}
