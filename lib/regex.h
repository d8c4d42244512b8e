/*
 * regex: PCRE2 with limits, so that no answer of a system can make a pattern run away.
 *
 *	struct regex *regex = regex_compile(text_of("order-([0-9]+)"), &error);
 *	if (regex_find(regex, body, &found) == REGEX_FOUND) use(found.group);
 */
#ifndef LIB_REGEX_H
#define LIB_REGEX_H

#include "lib/error.h"
#include "lib/text.h"

struct regex;

enum regex_result { REGEX_FOUND, REGEX_MISSING, REGEX_LIMIT };

struct regex_found {
	struct text whole;
	struct text group; /* the first group, or the whole match when the pattern has none */
};

struct regex *regex_compile(struct text pattern, struct error *err);
void regex_free(struct regex *regex);
enum regex_result regex_find(const struct regex *regex, struct text subject,
			     struct regex_found *found);

#endif
