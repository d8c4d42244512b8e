/*
 * value: what a variable holds, and what JSON Pointers, headers and functions give.
 *
 * Always text, with a mark of what kind of thing the text spells, so that saving a number and
 * sending it again never changes a digit (0.10 stays 0.10, 9007199254740993 stays itself).
 *
 * Texts of strings are decoded (no JSON escapes, no quotes); a VALUE_JSON is an object or an array
 * as it stood in the document.
 */
#ifndef LIB_VALUE_H
#define LIB_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

enum value_kind {
	VALUE_ABSENT, /* there is nothing at that place */
	VALUE_STRING,
	VALUE_NUMBER,
	VALUE_BOOL, /* "true" or "false" */
	VALUE_NULL, /* "null" */
	VALUE_JSON, /* an object or an array, as JSON text */
};

struct value {
	enum value_kind kind;
	struct text text;
};

static inline struct value value_string(struct text text)
{
	return (struct value){ VALUE_STRING, text };
}

/* Whether a number or a string spells a finite number as JSON does (so 007 is none), and which. */
bool value_number(struct value value, double *number);

/*
 * A number or a string that spells a decimal number, times 10^decimals, exactly: 19.90 with two
 * decimals is 1990. False when it is none, has more decimals than that, or does not fit.
 */
bool value_decimal(struct value value, unsigned decimals, int64_t *number);

/*
 * Equal as people mean it: two numbers by amount (1.0 equals 1), anything else by text. An absent
 * value equals nothing, not even another absent one.
 */
bool value_equal(struct value a, struct value b);

/*
 * Absent, null, false, 0 and "" are false; everything else is true. What a string spells counts,
 * since a saved or rendered value is a string often enough.
 */
bool value_true(struct value value);

const char *value_kind_name(enum value_kind kind);

#endif
