/* Latency by percentile, as HdrHistogram draws it: each nine is as wide as the one before. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/chart.h"
#include "reports/words.h"

enum { LINES_MAX = 7, POINTS = 120, HEIGHT = 240, NINES_MAX = 6, LABEL_BYTES_MAX = 60 };

struct spread_line {
	const char *name;
	struct hist *latency;
};

struct spread {
	struct spread_line lines[LINES_MAX];
	size_t count;
	double nines; /* how far to the right: 2 is 99% */
};

static bool is_chosen(const struct spread *spread, const char *name)
{
	for (size_t i = 1; i < spread->count; i++)
		if (spread->lines[i].name == name)
			return true;
	return false;
}

static size_t most_frequent(const struct spread *spread, const struct report *report)
{
	const struct measure *names = report->figures->names;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < report->meta->request_count; i++)
		if (names[i].count && !is_chosen(spread, report->meta->requests[i]) &&
		    (best == SIZE_MAX || names[i].count > names[best].count))
			best = i;
	return best;
}

/* All together, then the most frequent names. */
static void choose(struct spread *spread, const struct report *report)
{
	const struct figures *figures = report->figures;
	size_t best;

	spread->lines[spread->count++] =
		(struct spread_line){ "all requests", measure_latency(&figures->all) };
	while (report->meta->request_count > 1 && spread->count < LINES_MAX &&
	       (best = most_frequent(spread, report)) != SIZE_MAX)
		spread->lines[spread->count++] =
			(struct spread_line){ report->meta->requests[best],
					      measure_latency(&figures->names[best]) };
	spread->nines = log10(fmax((double)spread->lines[0].latency->total, 10));
	spread->nines = fmin(spread->nines, NINES_MAX);
}

static double quantile_at(const struct spread *spread, size_t point)
{
	return 1 - pow(10, -spread->nines * (double)point / POINTS);
}

static void draw_line(struct page *page, const struct spread *spread, size_t number,
		      const struct svg_scale *scale)
{
	const struct hist *latency = spread->lines[number].latency;
	struct svg_line line = svg_line_begin(page->out, (int)number);

	for (size_t i = 0; i <= POINTS; i++) {
		double quantile = quantile_at(spread, i);

		/* Beyond its last request a line knows nothing more. */
		if (i && (1 - quantile) * (double)latency->total < 0.5)
			break;
		svg_line_to(&line, (double)i,
			    svg_y(scale, (double)hist_quantile(latency, quantile)));
	}
	svg_line_end(&line);
}

static void add_axis(struct page *page, const struct spread *spread)
{
	static const char *const labels[] = { "0%",	"90%",	   "99%",     "99.9%",
					      "99.99%", "99.999%", "99.9999%" };

	for (int nine = 1; nine <= (int)spread->nines; nine++)
		buffer_format(page->out,
			      "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" "
			      "y2=\"%d\" stroke=\"#e4e7ec\"/>\n",
			      100 * nine / spread->nines, 100 * nine / spread->nines, CHART_TOP,
			      HEIGHT - CHART_FOOT);
	buffer_add_string(page->out, "<g class=\"times\" fill=\"#57606a\" text-anchor=\"middle\">");
	for (int nine = 1; nine <= (int)spread->nines && nine <= NINES_MAX; nine++)
		if (nine < spread->nines * 0.97)
			buffer_format(page->out, "<text x=\"%.2f%%\" y=\"%d\">%s</text>",
				      100 * nine / spread->nines, HEIGHT - 5, labels[nine]);
	buffer_format(page->out, "<text x=\"2\" y=\"%d\" text-anchor=\"start\">0%%</text></g>\n",
		      HEIGHT - 5);
}

static void draw(struct page *page, const struct spread *spread)
{
	double least = HUGE_VAL, most = 1;
	struct svg_scale scale;

	for (size_t i = 0; i < spread->count; i++) {
		least = fmin(least, (double)spread->lines[i].latency->min);
		most = fmax(most, (double)spread->lines[i].latency->max);
	}
	scale = svg_log(least, most, CHART_TOP, HEIGHT - CHART_FOOT);
	svg_begin(page->out, HEIGHT, "spread-chart", "Latency by percentile",
		  "Percentiles go to the right, every nine as wide as the one before; latency up, "
		  "logarithmic. The numbers are in the table below.");
	svg_grid(page->out, &scale);
	add_axis(page, spread);
	svg_plot_begin(page->out, POINTS, HEIGHT);
	for (size_t i = spread->count; i-- > 0;) {
		buffer_format(page->out, "<g data-line=\"%zu\">", i);
		draw_line(page, spread, i, &scale);
		buffer_add_string(page->out, "</g>\n");
	}
	svg_plot_end(page->out);
	svg_grid_labels(page->out, &scale, chart_label_us);
	svg_end(page->out);
}

static void write_legend(struct page *page, const struct spread *spread)
{
	buffer_add_string(page->out, "<ul class=\"legend\">");
	for (size_t i = 0; i < spread->count; i++) {
		buffer_format(page->out, "<li data-line=\"%zu\">", i);
		svg_swatch_line(page->out, (int)i);
		html_add_text(page->out, text_of(spread->lines[i].name), LABEL_BYTES_MAX);
		buffer_add_string(page->out, "</li>");
	}
	buffer_add_string(page->out, "</ul>\n");
}

static void write_table(struct page *page, const struct spread *spread)
{
	static const double quantiles[] = { 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1 };
	static const struct html_column columns[] = {
		{ "request", false }, { "p25", true },	 { "p50", true },    { "p75", true },
		{ "p90", true },      { "p95", true },	 { "p99", true },    { "p99.9", true },
		{ "p99.99", true },   { "max", true },
	};
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<details class=\"data\"><summary>Table: latency by "
				     "percentile</summary>\n");
	html_table_begin(page->out, "Latency by percentile", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < spread->count; i++) {
		buffer_add_string(page->out, "<tr>");
		html_cell_head(page->out, spread->lines[i].name);
		for (size_t q = 0; q < sizeof(quantiles) / sizeof(*quantiles); q++) {
			int64_t us = hist_quantile(spread->lines[i].latency, quantiles[q]);

			html_cell_number(page->out, (double)us, html_duration(words, us));
		}
		buffer_add_string(page->out, "</tr>\n");
	}
	html_table_end(page->out);
	buffer_add_string(page->out, "</details>\n");
}

void html_spread(struct page *page)
{
	struct spread spread = { .count = 0 };

	html_section_begin(page->out, "spread", "Latency by percentile");
	choose(&spread, page->report);
	if (spread.lines[0].latency->total) {
		chart_begin(page, "percentiles", "How slow the slowest were",
			    "Of measured phases. A line ends with its slowest request; the more "
			    "requests, the more nines can be told.");
		write_legend(page, &spread);
		draw(page, &spread);
		write_table(page, &spread);
		chart_end(page);
	} else {
		buffer_add_string(page->out, "<p>No request was measured.</p>\n");
	}
	html_section_end(page->out);
	for (size_t i = 0; i < spread.count; i++)
		hist_free(spread.lines[i].latency);
}
