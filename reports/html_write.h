/*
 * html_write: markup that no foreign word can break.
 *
 * What is our own goes into the buffer as it is. Everything else (names from a scenario, samples
 * of answers, keys of sagas) goes through here: valid UTF-8, control characters and turns of
 * direction made visible, < > & and quotes escaped, so it may stand in text and in attributes.
 *
 *	html_add(out, meta->name);
 *	html_table_begin(out, "Requests", columns, count);
 *	html_cell_number(out, p99_us, words_duration(words, p99_us));
 */
#ifndef REPORTS_HTML_WRITE_H
#define REPORTS_HTML_WRITE_H

#include <stdbool.h>

#include "lib/buffer.h"
#include "reports/words.h"

void html_add_text(struct buffer *out, struct text text, size_t most);
void html_add(struct buffer *out, const char *words); /* at most 300 bytes of them */
/* Formats, then escapes all of it. */
void html_format(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A section with its heading, which its landmark is named after. Closed by html_section_end(). */
void html_section_begin(struct buffer *out, const char *id, const char *title);
void html_section_end(struct buffer *out);

struct html_column {
	const char *title;
	bool number; /* on the right, and sorted by its value */
};

/* In a region of its own that scrolls, and so takes the focus. Rows are between <tr> and </tr>. */
void html_table_begin(struct buffer *out, const char *caption, const struct html_column *columns,
		      size_t count);
void html_table_end(struct buffer *out);

void html_cell(struct buffer *out, const char *words);
void html_cell_head(struct buffer *out, const char *words); /* names its row */
/* `value` is what it is sorted by. */
void html_cell_number(struct buffer *out, double value, const char *words);
void html_cell_none(struct buffer *out); /* there is no such number */

/* words_duration(), with a proper sign for micro. */
const char *html_duration(char out[WORDS_MAX], int64_t us);

/* "pass", "invalid", "unknown": a word in the colour of what it means. */
void html_add_verdict(struct buffer *out, const char *verdict);

#endif
