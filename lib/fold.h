/*
 * fold: prose in lines of a bearable length.
 */
#ifndef LIB_FOLD_H
#define LIB_FOLD_H

#include "lib/buffer.h"

/*
 * Appends `text`, broken between words so that no line is longer than `width` (but for longer
 * words). The first line goes on where `out` ends, taken to be at column `indent`; the others are
 * indented that far. Newlines in the text are kept. No newline is added at the end.
 */
void fold_text(const char *text, size_t indent, size_t width, struct buffer *out);

#endif
