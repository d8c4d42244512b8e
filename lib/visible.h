/*
 * visible: bytes that others sent, made fit for one line of a message.
 *
 *	char shown[VISIBLE_MAX];
 *	error_set(err, "bad header name in '%s'", visible(shown, line));
 *
 * Control characters and anything outside ASCII become \xNN, a backslash becomes \\, what does not
 * fit ends in "...".
 *
 * Words for people, of any length and in any script, go through visible_add(): only what is no
 * UTF-8, or could steer a terminal or pretend to be a line of ours, is changed.
 */
#ifndef LIB_VISIBLE_H
#define LIB_VISIBLE_H

#include "lib/buffer.h"

enum { VISIBLE_MAX = 84 };

const char *visible(char out[VISIBLE_MAX], struct text text);

void visible_add(struct buffer *out, struct text text);

/* Whether one UTF-8 character is a control character, or turns the direction of writing. */
bool visible_steers(const char *p, size_t length);
/* Each of them as \\n, \\r, \\t or \\xNN. */
void visible_add_bytes(struct buffer *out, struct text bytes);

#endif
