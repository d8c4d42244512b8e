/* What went wrong, by class and request, with a sample each; secrets went when it was written. */
#include <stdlib.h>

#include "lib/memory.h"
#include "reports/html_parts.h"
#include "reports/words.h"

enum { SAMPLE_BYTES_MAX = 400 };

static const struct html_column columns[] = {
	{ "class", false },
	{ "request", false },
	{ "count", true },
	{ "share", true },
	{ "first sample", false },
};

struct error_row {
	const struct error_figures *error;
	size_t name;
	enum failure failure;
};

static int by_count(const void *a, const void *b)
{
	const struct error_row *x = a, *y = b;

	return (x->error->count < y->error->count) - (x->error->count > y->error->count);
}

static size_t list_errors(const struct report *report, struct error_row **rows)
{
	size_t count = 0, room = 0;

	*rows = NULL;
	for (size_t i = 0; i < report->meta->request_count * FAILURE_COUNT; i++) {
		const struct error_figures *error = &report->figures->errors[i];

		if (!error->count)
			continue;
		*rows = memory_grow(*rows, count, &room, sizeof(**rows));
		(*rows)[count++] = (struct error_row){ error, i / FAILURE_COUNT,
						       (enum failure)(i % FAILURE_COUNT) };
	}
	if (count)
		qsort(*rows, count, sizeof(**rows), by_count);
	return count;
}

static void add_error(struct page *page, const struct error_row *row)
{
	const struct measure *measure = &page->report->figures->names[row->name];
	const struct error_figures *error = row->error;
	uint64_t attempts = measure->count + measure->retries;
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, failure_name(row->failure));
	html_cell(page->out, page->report->meta->requests[row->name]);
	html_cell_number(page->out, (double)error->count, words_count(words, error->count));
	html_cell_number(page->out, attempts ? (double)error->count / (double)attempts : 0,
			 words_share(words, error->count, attempts));
	buffer_add_string(page->out, "<td class=\"sample\">");
	if (error->sample)
		html_add_text(page->out, (struct text){ error->sample, error->sample_bytes },
			      SAMPLE_BYTES_MAX);
	buffer_add_string(page->out, "</td></tr>\n");
}

void html_errors(struct page *page)
{
	struct error_row *rows;
	size_t count = list_errors(page->report, &rows);
	size_t shown = count < HTML_ROWS_MAX ? count : HTML_ROWS_MAX;

	html_section_begin(page->out, "errors", "Errors");
	if (!count)
		buffer_add_string(page->out, "<p>No request failed while it was measured.</p>\n");
	else
		html_table_begin(page->out, "Errors by class and request", columns,
				 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < shown; i++)
		add_error(page, &rows[i]);
	if (count)
		html_table_end(page->out);
	html_add_more(page, count - shown);
	html_section_end(page->out);
	free(rows);
}
