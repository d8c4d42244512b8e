/*
 * json_scan: how far a piece of JSON goes. What lib/json_pointer walks on; no allocation, no
 * recursion, never a byte past `end`, strict as RFC 8259 but for one thing: whether strings are
 * UTF-8 is not looked at.
 *
 * All of them return where the piece ends, or NULL when it is malformed or cut off.
 */
#ifndef LIB_JSON_SCAN_H
#define LIB_JSON_SCAN_H

#include <stdbool.h>

#include "lib/value.h"

static inline const char *json_blank_end(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/*
 * `p` is behind the opening quote; the end is behind the closing one. Sets *escaped, never clears.
 */
const char *json_string_end(const char *p, const char *end, bool *escaped);

const char *json_number_end(const char *p, const char *end);

/* A string, number, true, false or null, and which. */
const char *json_scalar_end(const char *p, const char *end, enum value_kind *kind, bool *escaped);

/* Any value, standing `depth` arrays and objects deep (at most JSON_DEPTH_MAX in all). */
const char *json_value_end(const char *p, const char *end, int depth, enum value_kind *kind,
			   bool *escaped);

#endif
