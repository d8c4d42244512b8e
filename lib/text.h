/*
 * text: a borrowed run of bytes, not terminated by a NUL.
 *
 *	struct text name = text_of("sku");
 *	if (text_is(name, "sku")) ...
 *
 * A text never owns what it points to; whoever hands one out says how long it lives.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
	const char *data;
	size_t length;
};

/* For printf("%.*s", TEXT_ARG(t)). */
#define TEXT_ARG(t) (int)(t).length, (t).data

static inline struct text text_of(const char *string)
{
	return (struct text){ string, string ? strlen(string) : 0 };
}

static inline bool text_equal(struct text a, struct text b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool text_is(struct text a, const char *string)
{
	return text_equal(a, text_of(string));
}

/* The same without regard to ASCII case, as header names want it. */
bool text_is_nocase(struct text a, const char *string);

bool text_starts_with(struct text a, const char *prefix);

/* Without the blanks and tabs at both ends. */
struct text text_trim(struct text a);

#endif
