/* What was broken, what it met, how it was put back, and what it did to latency. */
#include <math.h>
#include <stdio.h>

#include "lib/clock.h"
#include "reports/chart.h"
#include "reports/ranges.h"
#include "reports/words.h"

static const char *const moments[FAULT_MOMENTS] = { "before", "during", "after" };
static const int moment_colours[FAULT_MOMENTS] = { 7, 1, 0 };

static void add_seconds(struct page *page, int64_t at_us)
{
	char words[WORDS_MAX];

	if (at_us < 0) {
		html_cell_none(page->out);
		return;
	}
	snprintf(words, sizeof(words), "%.1f s", (double)at_us / 1e6);
	html_cell_number(page->out, (double)at_us, words);
}

static void add_hits(struct page *page, const struct fault_figures *fault)
{
	char words[WORDS_MAX];

	if (fault->armed_us < 0)
		html_cell_none(page->out);
	else if (fault->hits < 0)
		html_cell_number(page->out, -1, "can't be known");
	else
		html_cell_number(page->out, (double)fault->hits,
				 fault->hits ? words_count(words, (uint64_t)fault->hits) :
					       "hit nothing");
}

static void add_recovery(struct page *page, const struct fault_figures *fault)
{
	char words[WORDS_MAX], took[WORDS_MAX];

	if (fault->recovery_us >= 0) {
		html_cell_number(page->out, (double)fault->recovery_us,
				 html_duration(words, fault->recovery_us));
	} else if (fault->waited_us > 0 && fault->can_recover) {
		snprintf(words, sizeof(words), "not in %s", html_duration(took, fault->waited_us));
		html_cell_number(page->out, (double)fault->waited_us, words);
	} else {
		html_cell_none(page->out);
	}
}

static void add_fault(struct page *page, size_t number)
{
	const struct fault_figures *fault = &page->report->faults->items[number];

	buffer_format(page->out, "<tr><td class=\"n\">%zu</td>", number + 1);
	html_cell_head(page->out, fault->name);
	html_cell(page->out, fault->kind);
	html_cell(page->out, fault->target);
	add_seconds(page, fault->armed_us);
	add_seconds(page, fault->healed_us);
	add_hits(page, fault);
	add_recovery(page, fault);
	buffer_add_string(page->out, fault->broken ? "<td class=\"bad\">" : "<td>");
	buffer_add_string(page->out, fault->broken	  ? "not known to be gone" :
				     fault->armed_us >= 0 ? "gone" :
							    "never armed");
	if (fault->by_heal)
		buffer_add_string(page->out, ", healed by someone else");
	if (fault->words && fault->state != FAULT_HEALED) {
		buffer_add_string(page->out, ": ");
		html_add(page->out, fault->words);
	}
	buffer_add_string(page->out, "</td></tr>\n");
}

static void add_table(struct page *page)
{
	static const struct html_column columns[] = {
		{ "no.", true },     { "fault", false }, { "kind", false },
		{ "target", false }, { "armed", true },	 { "healed", true },
		{ "hits", true },    { "recovery", true }, { "now", false },
	};
	size_t count = page->report->faults->count;
	size_t shown = count < HTML_ROWS_MAX ? count : HTML_ROWS_MAX;

	html_table_begin(page->out, "Faults", columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < shown; i++)
		add_fault(page, i);
	html_table_end(page->out);
	html_add_more(page, count - shown);
}

static struct range range_of(const struct around_fault *around, int moment)
{
	const struct hist *hist = around->latency[moment];

	return (struct range){
		.label = moments[moment],
		.colour = moment_colours[moment],
		.low = hist ? (double)hist_quantile(hist, 0.5) : (double)NAN,
		.middle = hist ? (double)hist_quantile(hist, 0.95) : (double)NAN,
		.high = hist ? (double)hist_quantile(hist, 0.99) : (double)NAN,
	};
}

static void add_around_row(struct page *page, size_t fault, int moment)
{
	const struct around_fault *around = &page->series->around[fault];
	const struct hist *hist = around->latency[moment];
	static const double quantiles[] = { 0.5, 0.95, 0.99, 1 };
	uint64_t count = hist ? hist->total : 0;
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, page->report->faults->items[fault].name);
	html_cell(page->out, moments[moment]);
	html_cell_number(page->out, (double)around->span_us[moment],
			 html_duration(words, around->span_us[moment]));
	html_cell_number(page->out, (double)count, words_count(words, count));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		int64_t us = hist ? hist_quantile(hist, quantiles[i]) : 0;

		if (hist)
			html_cell_number(page->out, (double)us, html_duration(words, us));
		else
			html_cell_none(page->out);
	}
	html_cell_number(page->out,
			 count ? (double)around->errors[moment] / (double)count : (double)NAN,
			 words_share(words, around->errors[moment], count));
	buffer_add_string(page->out, "</tr>\n");
}

static void add_around_table(struct page *page)
{
	static const struct html_column columns[] = {
		{ "fault", false }, { "when", false }, { "looked at", true },
		{ "requests", true }, { "p50", true },	{ "p95", true },
		{ "p99", true },    { "max", true },   { "errors", true },
	};

	buffer_add_string(page->out, "<details class=\"data\"><summary>Table: latency around "
				     "faults</summary>\n");
	html_table_begin(page->out, "Latency before, during and after each fault", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < page->series->around_count; i++)
		for (int moment = 0; moment < FAULT_MOMENTS; moment++)
			if (page->series->around[i].span_us[moment])
				add_around_row(page, i, moment);
	html_table_end(page->out);
	buffer_add_string(page->out, "</details>\n");
}

static void add_around(struct page *page)
{
	struct ranges ranges = { .id = "around",
				 .title = "Latency before, during and after each fault",
				 .label = chart_label_us };

	for (size_t i = 0; i < page->series->around_count; i++) {
		if (page->report->faults->items[i].armed_us < 0)
			continue;
		ranges_add_group(&ranges, page->report->faults->items[i].name, i + 1);
		for (int moment = 0; moment < FAULT_MOMENTS; moment++) {
			struct range range = range_of(&page->series->around[i], moment);

			ranges_add(&ranges, &range);
		}
	}
	if (ranges_any(&ranges)) {
		chart_begin(page, "around-faults", ranges.title,
			    "From the median to p99, with a mark at p95; logarithmic. Before and "
			    "after are at most 30 s, without the time of other faults.");
		ranges_write(&ranges, page->out);
		add_around_table(page);
		chart_end(page);
	}
	ranges_release(&ranges);
}

/* Both answer how long it takes until all is well again. */
static void add_times(struct page *page)
{
	struct ranges ranges = { .id = "times",
				 .title = "How long it took to be well again",
				 .label = chart_label_us };
	const struct faults *faults = page->report->faults;
	const json_t *saga;
	const char *name;

	for (size_t i = 0; i < page->series->around_count; i++) {
		double us = (double)faults->items[i].recovery_us;

		if (us < 0)
			continue;
		ranges_add_group(&ranges, faults->items[i].name, i + 1);
		ranges_add(&ranges, &(struct range){ "recovery", 0, (double)NAN, us, us });
	}
	json_object_foreach(page->report->sagas, name, saga) {
		const json_t *took = json_object_get(saga, "compensation_us");

		if (!json_is_object(took))
			continue;
		ranges_add_group(&ranges, name, 0);
		ranges_add(&ranges,
			   &(struct range){ "compensation", 2,
					    json_number_value(json_object_get(took, "p50")),
					    json_number_value(json_object_get(took, "p95")),
					    json_number_value(json_object_get(took, "p99")) });
	}
	if (ranges_any(&ranges)) {
		chart_begin(page, "well-again", ranges.title,
			    "Of faults: from the heal until the steady state held, known to the "
			    "second. Of sagas: from what went wrong until all was undone, from the "
			    "median to p99 with a mark at p95.");
		ranges_write(&ranges, page->out);
		ranges_write_table(&ranges, page->out);
		chart_end(page);
	}
	ranges_release(&ranges);
}

void html_faults(struct page *page)
{
	bool sagas = json_object_size(page->report->sagas) > 0;

	if (!page->report->faults->count && !sagas)
		return;
	html_section_begin(page->out, "faults",
			   page->report->faults->count ? "Faults" : "Compensation");
	if (page->report->faults->count)
		add_table(page);
	add_around(page);
	add_times(page);
	html_section_end(page->out);
}
