/* Charts of lines, and of areas on top of each other. */
#include <math.h>
#include <stdio.h>

#include "reports/chart.h"

enum { DESCRIPTION_MAX = 500 };

static double value_of(const struct chart_line *line, const struct series *series, size_t bin)
{
	return line->value(series, bin, line->which);
}

struct extent {
	double least, most;
	size_t at; /* the bin of the most */
	bool any;
};

static struct extent extent_of(const struct chart_line *line, const struct series *series)
{
	struct extent extent = { HUGE_VAL, 0, 0, false };

	for (size_t i = 0; i < series->count; i++) {
		double value = value_of(line, series, i);

		if (!isfinite(value))
			continue;
		if (value > 0 && value < extent.least)
			extent.least = value;
		if (!extent.any || value > extent.most) {
			extent.most = value;
			extent.at = i;
		}
		extent.any = true;
	}
	return extent;
}

/* Lines without any value, and areas that are nothing all the time, only take up room. */
static bool is_shown(const struct chart *chart, size_t line, const struct series *series)
{
	struct extent extent = extent_of(&chart->lines[line], series);

	return extent.any && (!chart->stacked || extent.most > 0);
}

static double sum_of(const struct chart *chart, const struct series *series, size_t bin,
		     size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		double value = value_of(&chart->lines[i], series, bin);

		sum += isfinite(value) ? value : 0;
	}
	return sum;
}

static struct svg_scale scale_of(const struct page *page, const struct chart *chart)
{
	double least = HUGE_VAL, most = 0, top = CHART_TOP, bottom = chart->height - CHART_FOOT;

	for (size_t i = 0; i < chart->count; i++) {
		struct extent extent = extent_of(&chart->lines[i], page->series);

		least = fmin(least, extent.least);
		most = fmax(most, extent.most);
	}
	for (size_t i = 0; chart->stacked && i < page->series->count; i++)
		most = fmax(most, sum_of(chart, page->series, i, chart->count));
	return chart->log ? svg_log(isfinite(least) ? least : 1, most, top, bottom) :
			    svg_linear(most, top, bottom);
}

/* For who does not see it: the peak of each line, and when. */
static void describe(const struct page *page, const struct chart *chart, struct buffer *words)
{
	char at[SVG_LABEL_MAX], most[SVG_LABEL_MAX];

	buffer_format(words, "Over the time of the run.");
	for (size_t i = 0; i < chart->count; i++) {
		struct extent extent = extent_of(&chart->lines[i], page->series);

		if (!is_shown(chart, i, page->series))
			continue;
		chart_time(page, at, (int64_t)extent.at * page->series->width_us);
		buffer_format(words, " %s: at most %s, at %s.", chart->lines[i].label,
			      chart->label(most, extent.most), at);
	}
	buffer_add_string(words, " The numbers are in the table below.");
}

static void write_legend(const struct page *page, const struct chart *chart)
{
	buffer_add_string(page->out, "<ul class=\"legend\">");
	for (size_t i = 0; i < chart->count; i++) {
		if (!is_shown(chart, i, page->series))
			continue;
		buffer_format(page->out, "<li data-line=\"%zu\">", i);
		if (chart->stacked)
			svg_swatch_area(page->out, chart->lines[i].colour);
		else
			svg_swatch_line(page->out, chart->lines[i].colour);
		html_add(page->out, chart->lines[i].label);
		buffer_add_string(page->out, "</li>");
	}
	buffer_add_string(page->out, "</ul>\n");
}

/* Of the last bin too little may be left to say anything by a line. */
static size_t drawn_bins(const struct series *series)
{
	size_t count = series->count;

	return count > 1 && series_length_s(series, count - 1) < series_bin_s(series) / 2 ?
		       count - 1 :
		       count;
}

static void draw_gap(const struct page *page, const struct chart *chart,
		     const struct svg_scale *scale)
{
	const struct series *series = page->series;
	size_t count = drawn_bins(series);
	struct svg_line edge = svg_area_begin(page->out, 4);

	for (size_t i = 0; i < count; i++)
		svg_line_to(&edge, (double)i + 0.5,
			    svg_y(scale, value_of(&chart->lines[0], series, i)));
	for (size_t i = count; i-- > 0;)
		svg_line_to(&edge, (double)i + 0.5,
			    svg_y(scale, value_of(&chart->lines[1], series, i)));
	svg_line_end(&edge);
}

static void draw_line(const struct page *page, const struct chart *chart, size_t number,
		      const struct svg_scale *scale)
{
	const struct chart_line *line = &chart->lines[number];
	struct svg_line drawn;

	buffer_format(page->out, "<g data-line=\"%zu\">", number);
	drawn = svg_line_begin(page->out, line->colour);
	for (size_t i = 0; i < drawn_bins(page->series); i++) {
		double value = value_of(line, page->series, i);

		if (isfinite(value))
			svg_line_to(&drawn, (double)i + 0.5, svg_y(scale, value));
		else
			svg_line_break(&drawn);
	}
	svg_line_end(&drawn);
	buffer_add_string(page->out, "</g>\n");
}

/* A column per bin, from what is below it up to its own; next to each other they are one. */
static void draw_area(const struct page *page, const struct chart *chart, size_t number,
		      const struct svg_scale *scale)
{
	int colour = chart->lines[number].colour;

	buffer_format(
		page->out,
		"<g data-line=\"%zu\"><path class=\"f%d\" fill=\"%s\" fill-opacity=\".8\" d=\"",
		number, colour, svg_colours[colour]);
	for (size_t i = 0; i < page->series->count; i++) {
		double low = sum_of(chart, page->series, i, number);
		double high = sum_of(chart, page->series, i, number + 1);
		long long top = llround(svg_y(scale, high) * 10);
		long long bottom = llround(svg_y(scale, low) * 10);

		if (high > low)
			buffer_format(page->out, "M%zu %lldh10v%lldh-10z", i * 10, top,
				      bottom - top < 8 ? 8 : bottom - top);
	}
	buffer_add_string(page->out, "\"/></g>\n");
}

static void draw(struct page *page, const struct chart *chart)
{
	struct svg_scale scale = scale_of(page, chart);
	struct buffer words = BUFFER_EMPTY;

	describe(page, chart, &words);
	chart_image_begin(page, chart->id, chart->title, words.data, chart->height);
	svg_grid(page->out, &scale);
	svg_plot_begin(page->out, (double)page->series->count, chart->height);
	if (chart->gap)
		draw_gap(page, chart, &scale);
	for (size_t i = 0; i < chart->count; i++) {
		if (!is_shown(chart, i, page->series))
			continue;
		if (chart->stacked)
			draw_area(page, chart, i, &scale);
		else
			draw_line(page, chart, i, &scale);
	}
	svg_plot_end(page->out);
	svg_grid_labels(page->out, &scale, chart->label);
	chart_image_end(page, chart->height);
	buffer_release(&words);
}

static void write_table(struct page *page, const struct chart *chart)
{
	struct html_column columns[CHART_LINES_MAX + 1] = { { "from", false } };
	size_t lines[CHART_LINES_MAX], count = 0;
	char words[SVG_LABEL_MAX];

	for (size_t i = 0; i < chart->count; i++) {
		if (!is_shown(chart, i, page->series))
			continue;
		lines[count++] = i;
		columns[count] = (struct html_column){ chart->lines[i].label, true };
	}
	chart_table_begin(page, chart->title, columns, count + 1, page->rows);
	for (size_t bin = 0; bin < page->rows->count; bin++) {
		chart_row_begin(page, page->rows, bin);
		for (size_t i = 0; i < count; i++) {
			double value = value_of(&chart->lines[lines[i]], page->rows, bin);

			buffer_add_string(page->out, "<td>");
			buffer_add_string(page->out, isfinite(value) ? chart->label(words, value) :
								       "\xe2\x80\x93");
			buffer_add_string(page->out, "</td>");
		}
		chart_row_end(page);
	}
	chart_table_end(page);
}

void chart_write(struct page *page, const struct chart *chart)
{
	bool any = false;

	for (size_t i = 0; i < chart->count; i++)
		any = any || is_shown(chart, i, page->series);
	if (!any)
		return;
	chart_begin(page, chart->id, chart->title, chart->about);
	write_legend(page, chart);
	draw(page, chart);
	write_table(page, chart);
	chart_end(page);
}
