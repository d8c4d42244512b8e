#include "reports/chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/clock.h"
#include "reports/words.h"

/* The more bands, the less they say; and they stand behind every chart. */
enum { TIME_TICKS_MAX = 7, BANDS_MAX = 150 };

static double run_s(const struct page *page)
{
	return (double)page->series->count * series_bin_s(page->series);
}

double chart_x(const struct page *page, int64_t at_us)
{
	double x = run_s(page) > 0 ? (double)at_us / 1e4 / run_s(page) : 0;

	return x < 0 ? 0 : x > 100 ? 100 : x;
}

const char *chart_time(const struct page *page, char out[SVG_LABEL_MAX], int64_t at_us)
{
	int64_t s = at_us / US_PER_S;

	if (run_s(page) <= 180)
		snprintf(out, SVG_LABEL_MAX, "%" PRId64 " s", s);
	else if (run_s(page) <= 2 * 3600)
		snprintf(out, SVG_LABEL_MAX, "%" PRId64 ":%02d", s / 60, (int)(s % 60));
	else
		snprintf(out, SVG_LABEL_MAX, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60),
			 (int)(s % 60));
	return out;
}

const char *chart_label_count(char out[SVG_LABEL_MAX], double value)
{
	if (value >= 1e6)
		snprintf(out, SVG_LABEL_MAX, "%.3gM", value / 1e6);
	else if (value >= 1e4)
		snprintf(out, SVG_LABEL_MAX, "%.3gk", value / 1e3);
	else
		snprintf(out, SVG_LABEL_MAX, "%.4g", value);
	return out;
}

const char *chart_label_rate(char out[SVG_LABEL_MAX], double value)
{
	chart_label_count(out, value);
	strncat(out, "/s", SVG_LABEL_MAX - strlen(out) - 1);
	return out;
}

const char *chart_label_us(char out[SVG_LABEL_MAX], double value)
{
	if (value >= 60e6)
		snprintf(out, SVG_LABEL_MAX, "%.3g min", value / 60e6);
	else if (value >= 1e6)
		snprintf(out, SVG_LABEL_MAX, "%.3g s", value / 1e6);
	else if (value >= 1e3)
		snprintf(out, SVG_LABEL_MAX, "%.3g ms", value / 1e3);
	else
		snprintf(out, SVG_LABEL_MAX, "%.3g \xc2\xb5s", value);
	return out;
}

void chart_begin(struct page *page, const char *id, const char *title, const char *about)
{
	buffer_format(page->out, "<figure id=\"%s\" class=\"chart\">\n<figcaption><h3>%s</h3>", id,
		      title);
	if (*about)
		buffer_format(page->out, "<p>%s</p>", about);
	buffer_add_string(page->out, "</figcaption>\n");
}

void chart_end(struct page *page)
{
	buffer_add_string(page->out, "</figure>\n");
}

static void add_rect(struct page *page, const char *class, const char *fill, double opacity,
		     const struct span *span)
{
	double x = chart_x(page, span->start_us), end = chart_x(page, span->end_us);

	buffer_format(page->out,
		      "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"100%%\" "
		      "fill=\"%s\" fill-opacity=\"%.2f\"/>\n",
		      class, x, fmax(end - x, 0.15), fill, opacity);
}

static void add_fault_bands(struct page *page)
{
	const struct faults *faults = page->report->faults;
	size_t bands = 0;

	for (size_t i = 0; i < faults->count && i < SERIES_FAULTS_MAX; i++)
		for (size_t s = 0; s < faults->spans[i].count && bands < BANDS_MAX; s++, bands++)
			add_rect(page, "band", "#c2410c", 0.1, &faults->spans[i].items[s]);
	for (size_t i = 0; i < faults->count && i < SERIES_FAULTS_MAX; i++)
		if (faults->spans[i].count)
			buffer_format(page->out,
				      "<text class=\"number\" x=\"%.2f%%\" dx=\"3\" y=\"11\" "
				      "fill=\"#9a3412\" font-size=\"10\">%zu</text>\n",
				      chart_x(page, faults->spans[i].items[0].start_us), i + 1);
}

/* What was not measured is seen, and seen to be apart. */
static void add_unmeasured(struct page *page)
{
	const struct meta *meta = page->report->meta;

	for (size_t i = 0; i < meta->phase_count; i++) {
		const struct meta_phase *phase = &meta->phases[i];
		struct span span = { phase->start_us, phase->start_us + phase->duration_us };

		if (!phase->measured)
			add_rect(page, "unmeasured", "#57606a", 0.07, &span);
	}
}

static int64_t time_step_s(double length_s)
{
	static const int64_t steps[] = { 1,    2,    5,	   10,	 15,	20,    30,
					 60,   120,  300,  600,	 1200,	1800,  3600,
					 7200, 14400, 21600, 43200, 86400, 172800 };
	size_t i = 0, last = sizeof(steps) / sizeof(*steps) - 1;
	int64_t step;

	while (i < last && length_s / (double)steps[i] > TIME_TICKS_MAX)
		i++;
	for (step = steps[i]; length_s / (double)step > TIME_TICKS_MAX;)
		step *= 2;
	return step;
}

static void add_time_lines(struct page *page, int height)
{
	int64_t step_s = time_step_s(run_s(page));

	for (int64_t s = step_s; (double)s < run_s(page); s += step_s)
		buffer_format(page->out,
			      "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" "
			      "y2=\"%d\" stroke=\"#e4e7ec\"/>\n",
			      chart_x(page, s * US_PER_S), chart_x(page, s * US_PER_S), CHART_TOP,
			      height - CHART_FOOT);
}

static void add_times(struct page *page, int height)
{
	int64_t step_s = time_step_s(run_s(page));
	char words[SVG_LABEL_MAX];

	buffer_add_string(page->out, "<g class=\"times\" fill=\"#57606a\" text-anchor=\"middle\">");
	for (int64_t s = step_s; (double)s < run_s(page) * 0.98; s += step_s)
		buffer_format(page->out, "<text x=\"%.2f%%\" y=\"%d\">%s</text>",
			      chart_x(page, s * US_PER_S), height - 5,
			      chart_time(page, words, s * US_PER_S));
	buffer_format(page->out, "<text x=\"2\" y=\"%d\" text-anchor=\"start\">%s</text></g>\n",
		      height - 5, chart_time(page, words, 0));
}

void chart_image_begin(struct page *page, const char *id, const char *title,
		       const char *description, int height)
{
	svg_begin(page->out, height, id, title, description);
	add_unmeasured(page);
	add_fault_bands(page);
	add_time_lines(page, height);
}

void chart_image_end(struct page *page, int height)
{
	add_times(page, height);
	svg_end(page->out);
}

void chart_table_begin(struct page *page, const char *caption, const struct html_column *columns,
		       size_t count, const struct series *series)
{
	buffer_format(page->out,
		      "<details class=\"data\" data-bin=\"%g\"><summary>Table: %s</summary>\n",
		      series_bin_s(series), caption);
	html_table_begin(page->out, caption, columns, count);
}

void chart_table_end(struct page *page)
{
	html_table_end(page->out);
	buffer_add_string(page->out, "</details>\n");
}

void chart_row_begin(struct page *page, const struct series *series, size_t bin)
{
	char words[SVG_LABEL_MAX];

	buffer_format(page->out, "<tr><th scope=\"row\">%s</th>",
		      chart_time(page, words, (int64_t)bin * series->width_us));
}

void chart_row_end(struct page *page)
{
	buffer_add_string(page->out, "</tr>\n");
}
