/*
 * expression: conditions such as
 *
 *	/status in [CONFIRMED, FAILED] and /total > 0
 *	${token} != "" and not (status == 503)
 *	header Content-Type contains json
 *	body matches /order-[0-9]+/
 *
 * Grammar, loosest first: `or`, `and`, `not`, then one comparison (== != < <= > >= in contains
 * starts-with ends-with matches exists), then an operand: a JSON Pointer (/a/b), a name that the
 * caller knows (${token}, status, body, header NAME, ...), a number, a "string" or 'string', true,
 * false, null, a [list], (an expression). A bare word is a string, but only on the right of an
 * operator: on the left it must be a known name, so that a typing mistake never fails open.
 * `/regex/` or `/regex/i` stands on the right of `matches`; PCRE2 with match and depth limits.
 *
 * Numbers compare by amount, everything else by text; < and > want numbers on both sides and are
 * false otherwise. An absent value fails every comparison except `!=` and `not ... exists`.
 * `contains` looks for an element of an array, for a piece of any other text. `not in`,
 * `not contains` and so on negate the comparison, and like `!=` hold for an absent value. `${name}`
 * works inside of quotes. Beside a name that is a number, a time or a size may have a unit:
 * `latency < 500ms` (in ms), `size < 10kB` (in bytes). A value alone is true unless it is absent,
 * null, false, 0 or empty.
 */
#ifndef LIB_EXPRESSION_H
#define LIB_EXPRESSION_H

#include "lib/arena.h"
#include "lib/error.h"
#include "lib/json_pointer.h"
#include "lib/value.h"

struct expression;

struct expression_names {
	/* What `${name}` refers to. Fails with a reason. */
	bool (*resolve)(void *context, struct text name, uint16_t *ref, struct error *err);
	/* What a bare name refers to: "status", or "header" with the argument "Content-Type". */
	bool (*word)(void *context, struct text word, struct text argument, uint16_t *ref,
		     struct error *err);
	/*
	 * The words that a bare name may start with, NULL-ended: {"status", "body", "header",
	 * NULL}.
	 */
	const char *const *words;
	/* Those of them that take an argument: {"header", "cookie", NULL}. */
	const char *const *words_with_argument;
	bool pointers; /* whether JSON Pointers make sense here */
	void *context;
	/*
	 * Names in ${...} whose value is known now: asked first. False without a reason: not one.
	 */
	bool (*fixed)(void *context, struct text name, struct value *out, struct error *err);
	/* Those of `words` that are numbers: comparing them with a word is an error. NULL-ended. */
	const char *const *numbers;
	struct place *at; /* may be NULL: set to where the name stands before each resolve() */
};

struct expression_source {
	struct value (*get)(void *context, uint16_t ref);
	struct text (*document)(void *context); /* what JSON Pointers look into; may be NULL */
	void *context;
	struct buffer *scratch; /* decoded strings; cleared by each expression_true() */
};

struct expression *expression_compile(struct text source, const struct expression_names *names,
				      struct place at, struct arena *arena, struct error *err);

bool expression_true(const struct expression *expression, const struct expression_source *source);

struct text expression_text(const struct expression *expression); /* as written */
bool expression_reads_document(const struct expression *expression);

#endif
