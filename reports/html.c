/*
 * report.html: everything, for people, in one file that needs nothing else: no network, no script.
 *
 * While the history is read, only what goes over time is collected (reports/series.h); all else is
 * in the report by the end.
 */
#include "reports/html_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

/* Rows of tables, and columns of the heatmap: more would be no clearer. */
enum { ROWS_MAX = 150, COLUMNS_MAX = 160 };

static struct series *series_of(void **state, const struct report *report)
{
	if (!*state)
		*state = series_new(report->meta, report->faults);
	return *state;
}

static void record(void **state, const struct report *report, const struct record *of)
{
	series_add(series_of(state, report), of);
}

static struct series *at_most(const struct series *series, size_t bins)
{
	return series_coarser(series, (series->count + bins - 1) / bins + !series->count);
}

static void write_page(struct page *page)
{
	html_head(page);
	html_verdict(page);
	html_gates(page);
	html_errors(page);
	html_sagas(page);
	html_requests(page);
	html_timeline(page);
	html_spread(page);
	html_faults(page);
	html_environment(page);
	html_end(page);
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	struct series *series = series_of(&state, report), *rows, *columns;
	bool good;

	series_add_sagas(series, report->sagas);
	series_finish(series, figures_duration_us(report->figures));
	rows = at_most(series, ROWS_MAX);
	columns = at_most(series, COLUMNS_MAX);
	write_page(&(struct page){ &out, report, series, rows, columns });
	good = report_write_file(report, "report.html", buffer_text(&out), err);
	series_free(rows);
	series_free(columns);
	series_free(series);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_html = {
	.name = "html",
	.writes = "report.html",
	.record = record,
	.finish = finish,
};

void html_add_more(struct page *page, size_t more)
{
	if (more)
		buffer_format(page->out,
			      "<p class=\"more\">\xe2\x80\xa6 and %zu more in "
			      "<code>report.json</code></p>\n",
			      more);
}
