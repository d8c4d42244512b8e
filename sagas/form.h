/*
 * form: what stands in an application/x-www-form-urlencoded body, bounded.
 *
 *	if (!form_read(&form, body, &arena, err))
 *		return refuse(err->text);
 *	amount = form_value(&form, "amount");            // NULL: there is none
 */
#ifndef SAGAS_FORM_H
#define SAGAS_FORM_H

#include <stdint.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/text.h"

enum { FORM_PAIRS_MAX = 100, FORM_NAME_MAX = 100, FORM_VALUE_MAX = 5000 };

struct form_pair {
	const char *name, *value;
};

struct form {
	struct form_pair pairs[FORM_PAIRS_MAX]; /* sorted by name, then value */
	size_t count;
};

/* Strings live in the arena. The same name twice is an error. */
bool form_read(struct form *form, struct text body, struct arena *arena, struct error *err);

const char *form_value(const struct form *form, const char *name);

/* The same for the same parameters, in whatever order and spelling they came. */
uint64_t form_hash(const struct form *form, const char *also);

#endif
