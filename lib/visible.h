/*
 * visible: bytes that others sent, made fit for one line of a message.
 *
 *	char shown[VISIBLE_MAX];
 *	error_set(err, "bad header name in '%s'", visible(shown, line));
 *
 * Control characters and anything outside ASCII become \xNN, a backslash becomes \\, what does not
 * fit ends in "...".
 */
#ifndef LIB_VISIBLE_H
#define LIB_VISIBLE_H

#include "lib/text.h"

enum { VISIBLE_MAX = 84 };

const char *visible(char out[VISIBLE_MAX], struct text text);

#endif
