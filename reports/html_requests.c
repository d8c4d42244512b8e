/* Every request name: how often, how fast, how well, and what its time was spent on. */
#include <stdlib.h>

#include "lib/memory.h"
#include "reports/html_parts.h"
#include "reports/words.h"

static const struct html_column columns[] = {
	{ "request", false }, { "count", true }, { "rate", true },  { "p50", true },
	{ "p90", true },      { "p95", true },	 { "p99", true },   { "p99.9", true },
	{ "max", true },      { "errors", true }, { "retries", true },
};

static const struct html_column timing_columns[] = {
	{ "request", false }, { "service, p50", true }, { "service, p99", true },
	{ "new connections", true }, { "DNS, p99", true }, { "connect, p99", true },
	{ "TLS, p99", true }, { "first byte, p50", true }, { "first byte, p99", true },
};

struct rows {
	size_t *names; /* of requests, the most frequent first */
	size_t count;
};

static const struct measure *sorted_by;

static int by_count(const void *a, const void *b)
{
	uint64_t x = sorted_by[*(const size_t *)a].count, y = sorted_by[*(const size_t *)b].count;

	return x != y ? (x < y) - (x > y) :
			(*(const size_t *)a > *(const size_t *)b) -
				(*(const size_t *)a < *(const size_t *)b);
}

static struct rows list_names(const struct report *report)
{
	struct rows rows = { memory_array(report->meta->request_count, sizeof(size_t)), 0 };

	for (size_t i = 0; i < report->meta->request_count; i++)
		if (report->figures->names[i].count)
			rows.names[rows.count++] = i;
	sorted_by = report->figures->names;
	if (rows.count)
		qsort(rows.names, rows.count, sizeof(*rows.names), by_count);
	return rows;
}

static void add_quantile(struct page *page, const struct hist *hist, double quantile)
{
	char words[WORDS_MAX];
	int64_t us;

	if (!hist || !hist->total) {
		html_cell_none(page->out);
		return;
	}
	us = hist_quantile(hist, quantile);
	html_cell_number(page->out, (double)us, html_duration(words, us));
}

static void add_errors(struct page *page, const struct measure *measure)
{
	char words[WORDS_MAX];

	buffer_format(page->out, "<td class=\"n%s\" data-v=\"%.7g\">%s</td>",
		      measure->errors ? " bad" : "",
		      measure->count ? (double)measure->errors / (double)measure->count : 0,
		      words_share(words, measure->errors, measure->count));
}

static void add_row(struct page *page, const char *name, const char *journeys,
		    const struct measure *measure)
{
	static const double quantiles[] = { 0.5, 0.9, 0.95, 0.99, 0.999, 1 };
	double measured_us = (double)figures_measured_us(page->report->figures);
	double rate = measured_us > 0 ? (double)measure->count * 1e6 / measured_us : 0;
	struct hist *latency = measure_latency(measure);
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr><th scope=\"row\">");
	html_add(page->out, name);
	if (*journeys) {
		buffer_add_string(page->out, " <small>");
		html_add(page->out, journeys);
		buffer_add_string(page->out, "</small>");
	}
	buffer_add_string(page->out, "</th>");
	html_cell_number(page->out, (double)measure->count, words_count(words, measure->count));
	html_cell_number(page->out, rate, words_rate(words, rate));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		add_quantile(page, latency, quantiles[i]);
	add_errors(page, measure);
	html_cell_number(page->out, (double)measure->retries, words_count(words, measure->retries));
	buffer_add_string(page->out, "</tr>\n");
	hist_free(latency);
}

static void add_timing_row(struct page *page, const char *name, const struct measure *measure)
{
	const struct hist *connect = measure->timings[TIMING_CONNECT];
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, name);
	add_quantile(page, measure->service, 0.5);
	add_quantile(page, measure->service, 0.99);
	html_cell_number(page->out, connect ? (double)connect->total : 0,
			 words_count(words, connect ? connect->total : 0));
	for (int i = 0; i < TIMING_FIRST_BYTE; i++)
		add_quantile(page, measure->timings[i], 0.99);
	add_quantile(page, measure->timings[TIMING_FIRST_BYTE], 0.5);
	add_quantile(page, measure->timings[TIMING_FIRST_BYTE], 0.99);
	buffer_add_string(page->out, "</tr>\n");
}

static void add_latencies(struct page *page, const struct rows *rows, size_t shown)
{
	const struct report *report = page->report;

	html_table_begin(page->out, "Requests: latency in measured phases", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < shown; i++)
		add_row(page, report->meta->requests[rows->names[i]],
			report->journeys[rows->names[i]], &report->figures->names[rows->names[i]]);
	buffer_add_string(page->out, "</tbody><tfoot>");
	add_row(page, "all", "", &report->figures->all);
	buffer_add_string(page->out, "</tfoot></table></div>\n");
	html_add_more(page, rows->count - shown);
}

static void add_timings(struct page *page, const struct rows *rows, size_t shown)
{
	const struct report *report = page->report;

	html_table_begin(page->out, "Requests: where the time went, from sending to the answer",
			 timing_columns, sizeof(timing_columns) / sizeof(*timing_columns));
	for (size_t i = 0; i < shown; i++)
		add_timing_row(page, report->meta->requests[rows->names[i]],
			       &report->figures->names[rows->names[i]]);
	html_table_end(page->out);
	html_add_more(page, rows->count - shown);
}

void html_requests(struct page *page)
{
	struct rows rows = list_names(page->report);
	size_t shown = rows.count < HTML_ROWS_MAX ? rows.count : HTML_ROWS_MAX;

	html_section_begin(page->out, "requests", "Requests");
	if (rows.count) {
		add_latencies(page, &rows, shown);
		add_timings(page, &rows, shown);
	} else {
		buffer_add_string(page->out, "<p>No request was measured.</p>\n");
	}
	html_section_end(page->out);
	free(rows.names);
}
