/*
 * utf8: what is valid UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for what is invalid */

/* Bytes of the valid character at `p`, 1 to 4, or 0. `p` must be before `end`. */
size_t utf8_length(const char *p, const char *end);

/* Writes a code point (below 0x110000); returns its bytes. */
size_t utf8_write(char out[4], uint32_t code);

#endif
