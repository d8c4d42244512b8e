/*
 * json_text: the characters of JSON strings. Inside lib/json_* only.
 */
#ifndef LIB_JSON_TEXT_H
#define LIB_JSON_TEXT_H

#include <stdbool.h>

#include "lib/text.h"

/* Whether a string with escapes, of which json_string_end() approved, spells `name`. */
bool json_spells(struct text raw, struct text name);

#endif
