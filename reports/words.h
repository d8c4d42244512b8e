/*
 * words: numbers and foreign text as people read them, in reports and on the terminal.
 */
#ifndef REPORTS_WORDS_H
#define REPORTS_WORDS_H

#include <stdint.h>

#include "lib/buffer.h"

/* Room for any of the words below. */
enum { WORDS_MAX = 32 };

/* "350 us", "1.23 ms", "12.3 s", "2.5 min": three digits, at most seven characters. */
const char *words_duration(char out[WORDS_MAX], int64_t us);

/* "12,000" */
const char *words_count(char out[WORDS_MAX], uint64_t count);

/* "0.4/s", "199.9/s", "12,345/s" */
const char *words_rate(char out[WORDS_MAX], double per_s);

/* "0", "<0.1%", "3.2%", "100%"; "all but" is not rounded away: "99.9%". */
const char *words_share(char out[WORDS_MAX], uint64_t part, uint64_t whole);

/* Text from elsewhere, as valid UTF-8 of at most `most` bytes; "..." where it was cut. */
void words_add_valid(struct buffer *out, struct text text, size_t most);

/* The same for one line of a terminal: control characters and those that turn the direction of
 * writing become visible, as \n or \x1b. */
void words_add_line(struct buffer *out, struct text text, size_t most);

/* How many columns a valid text takes, counting a character as one. */
size_t words_columns(struct text text);

#endif
