/* What the run ran on, and whether the generator was fit for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/html_parts.h"
#include "reports/words.h"

enum { ENTRIES_MAX = 80, DAMAGES_MAX = 20 };

static void add_row(struct page *page, const char *name, const char *words)
{
	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, name);
	html_cell(page->out, words);
	buffer_add_string(page->out, "</tr>\n");
}

static void add_json(struct page *page, const char *name, const json_t *value)
{
	char *text =
		json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);

	add_row(page, name, json_is_string(value) ? json_string_value(value) : text ? text : "?");
	free(text);
}

static void add_machine(struct page *page)
{
	static const struct html_column columns[] = { { "what", false }, { "is", false } };
	const struct meta *meta = page->report->meta;
	const json_t *value;
	const char *name;
	char words[WORDS_MAX];
	size_t shown = 0;

	html_table_begin(page->out, "Environment", columns, 2);
	add_row(page, "scenario", meta->scenario);
	add_row(page, "target", meta->target);
	add_row(page, "sagastorm", meta->version);
	add_row(page, "transport", meta->transport);
	snprintf(words, sizeof(words), "%" PRIu32, meta->workers);
	add_row(page, "workers", words);
	json_object_foreach(meta->environment, name, value) {
		if (shown++ < ENTRIES_MAX)
			add_json(page, name, value);
	}
	html_table_end(page->out);
}

static void add_generator(struct page *page)
{
	static const struct html_column columns[] = { { "of the generator", false },
						      { "measured", false } };
	const struct figures *figures = page->report->figures;
	double cpu = figures_cpu(figures), memory_mib = 0;
	char words[WORDS_MAX];

	for (size_t i = 0; i < figures->worker_count; i++)
		memory_mib += figures->workers[i].memory_kib / 1024.0;
	html_table_begin(page->out, "The generator about itself", columns, 2);
	add_row(page, "lag, p50", html_duration(words, hist_quantile(figures->lag, 0.5)));
	add_row(page, "lag, p99", html_duration(words, hist_quantile(figures->lag, 0.99)));
	add_row(page, "lag, max", html_duration(words, figures->lag->max));
	snprintf(words, sizeof(words), "%.0f%% of a core", 100 * cpu);
	add_row(page, "busiest worker", cpu < 0 ? "not known" : words);
	add_row(page, "longest stall", html_duration(words, figures->stall_us));
	snprintf(words, sizeof(words), "%.0f MiB", memory_mib);
	add_row(page, "memory", words);
	html_table_end(page->out);
}

static void add_phase(struct page *page, size_t number)
{
	const struct meta_phase *phase = &page->report->meta->phases[number];
	const uint64_t *outcomes = page->report->figures->phases[number].outcomes;
	int64_t us = figures_phase_us(page->report->figures, number);
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, phase->name);
	html_cell(page->out, phase->kind);
	html_cell(page->out, phase->measured ? "yes" : "no");
	html_cell_number(page->out, (double)phase->start_us, html_duration(words, phase->start_us));
	html_cell_number(page->out, (double)us, html_duration(words, us));
	if (phase->planned)
		html_cell_number(page->out, (double)phase->planned,
				 words_count(words, phase->planned));
	else
		html_cell_none(page->out);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		html_cell_number(page->out, (double)outcomes[i], words_count(words, outcomes[i]));
	buffer_add_string(page->out, "</tr>\n");
}

static void add_phases(struct page *page)
{
	static const struct html_column columns[] = {
		{ "phase", false },  { "kind", false },	 { "measured", false },
		{ "from", true },    { "took", true },	 { "planned", true },
		{ "ok", true },	     { "failed", true }, { "timed out", true },
		{ "dropped", true },
	};

	html_table_begin(page->out, "Phases, and what became of their visitors", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < page->report->meta->phase_count; i++)
		add_phase(page, i);
	html_table_end(page->out);
}

static void add_damage(struct page *page)
{
	const struct figures *figures = page->report->figures;

	if (!figures->damaged_count)
		return;
	buffer_add_string(page->out, "<p>A part of the history is damaged:</p>\n<ul>\n");
	for (size_t i = 0; i < figures->damaged_count && i < DAMAGES_MAX; i++) {
		buffer_add_string(page->out, "<li>");
		html_add(page->out, figures->damaged[i]);
		buffer_add_string(page->out, "</li>\n");
	}
	buffer_add_string(page->out, "</ul>\n");
}

void html_environment(struct page *page)
{
	html_section_begin(page->out, "environment", "Environment");
	add_damage(page);
	add_phases(page);
	buffer_add_string(page->out, "<div class=\"pair\">\n");
	add_generator(page);
	add_machine(page);
	buffer_add_string(page->out, "</div>\n");
	html_section_end(page->out);
}
