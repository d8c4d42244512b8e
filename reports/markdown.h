/*
 * markdown: words in GitHub's Markdown that can't become anything else.
 *
 * Foreign words stand in code spans: there neither HTML nor links, mentions, emphasis or tables
 * begin.
 */
#ifndef REPORTS_MARKDOWN_H
#define REPORTS_MARKDOWN_H

#include "lib/buffer.h"

enum markdown_place { MARKDOWN_TEXT, MARKDOWN_CELL };

/* One line of at most `most` bytes; "-" if it is empty. */
void markdown_add(struct buffer *out, const char *words, size_t most, enum markdown_place place);

/* The text up to a line that ends before `most` bytes, and a last line that says so if it was cut.
 */
void markdown_cut(struct buffer *out, size_t most);

#endif
