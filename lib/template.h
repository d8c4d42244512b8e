/*
 * template: text with ${names} in it, resolved when compiled, rendered without a lookup.
 *
 *	/api/products/${products.sku}?page=${fn.int(1,20)}
 *
 * `${name}` is looked up once, by the caller's resolver, and becomes a number (`ref`) that the
 * source turns into a value at render time. `${fn.X(args)}` is a function of
 * lib/template_functions: uuid, int(low,high), float(low,high), choice(a,b,..), string(length),
 * hex(length), digits(length), timestamp (seconds), timestamp_ms, date(offset_days) as YYYY-MM-DD.
 * An argument may be a `${name}` whose value is fixed. `$${` is a literal `${`.
 * A resolver may also answer with fixed text (vars, ${env:X}): it is folded into the literals.
 *
 * How a value is written depends on where it lands (enum escape), decided when compiled.
 */
#ifndef LIB_TEMPLATE_H
#define LIB_TEMPLATE_H

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/random.h"
#include "lib/value.h"

enum escape {
	ESCAPE_NONE,
	ESCAPE_URL,         /* percent-encoded, everything but unreserved characters */
	ESCAPE_JSON_STRING, /* inside quotes that the template already has */
	ESCAPE_JSON_VALUE,  /* a whole JSON value: numbers, booleans, null and JSON bare, strings
			     * quoted */
	ESCAPE_HEADER,      /* CR, LF and NUL cut out, so that a value can't add a header line */
};

/* What a name stands for. */
struct template_name {
	bool fixed;          /* `value` is known now */
	struct value value;  /* borrowed, must outlive the arena of the template */
	uint16_t ref;        /* otherwise: what to ask the source for */
};

struct template_names {
	/* Fills `out`, or fails with a reason (unknown name, with a suggestion). */
	bool (*resolve)(void *context, struct text name, struct template_name *out,
			struct error *err);
	void *context;
	struct place *at; /* may be NULL: set to where the name stands before each resolve() */
};

/* Where values come from at render time. */
struct template_source {
	struct value (*get)(void *context, uint16_t ref);
	void *context;
	struct random *random;
	int64_t wall_us; /* for timestamps */
};

struct template_part;

struct template {
	struct template_part *parts;
	uint32_t count;
	bool constant;       /* no refs, no functions: `fixed` is the whole result */
	struct text fixed;
};

/* `at` is where `source` starts, for messages; columns count on from there. */
bool template_compile(struct template *template, struct text source, enum escape escape,
		      const struct template_names *names, struct place at, struct arena *arena,
		      struct error *err);

/*
 * Building one piece by piece (a JSON body from YAML): start empty, append literals and sources,
 * then finish (which merges neighbouring literals and sets `constant`).
 */
struct template_builder {
	struct arena *arena;
	const struct template_names *names;
	struct template_part *parts;
	size_t count, room;
};
void template_begin(struct template_builder *builder, const struct template_names *names,
		    struct arena *arena);
void template_add_literal(struct template_builder *builder, struct text literal);
bool template_add(struct template_builder *builder, struct text source, enum escape escape,
		  struct place at, struct error *err);
/* The same, but the literal text of `source` is escaped too: a form field, a JSON string. */
bool template_add_escaped(struct template_builder *builder, struct text source, enum escape escape,
			  struct place at, struct error *err);
void template_add_template(struct template_builder *builder, const struct template *other);
/* What `inner` renders to, in base64; `inner` must live as long as the result. */
void template_add_base64(struct template_builder *builder, const struct template *inner);
void template_finish(struct template_builder *builder, struct template *out);

/* Appends the rendered text. Absent values render as nothing (null in ESCAPE_JSON_VALUE). */
void template_render(const struct template *template, const struct template_source *source,
		     struct buffer *out);

/*
 * For a template that is nothing but one `${name}`: its value as the source gives it, so that a
 * number stays a number. False for any other template.
 */
bool template_single(const struct template *template, const struct template_source *source,
		     struct value *out);

/* Whether the whole of `source` is one `${...}`. */
bool template_is_whole(struct text source);

/* Where the byte at `offset` of `source` stands, when the first one stands at `at`. */
struct place template_place(struct place at, struct text source, size_t offset);

/*
 * The end of the `${...}` that starts at `from`: the offset after its brace, or 0 when there is
 * none. Braces in quotes and of inner `${...}` do not end it.
 */
size_t template_reference_end(struct text source, size_t from);

/* As it would be written: `name` appends what a ref is called. */
void template_show(const struct template *template,
		   void (*name)(void *context, uint16_t ref, struct buffer *out), void *context,
		   struct buffer *out);

/*
 * How the `index`th function is called, "int(low, high)", and what it gives; NULL after the last.
 */
const char *template_function_help(size_t index, const char **help);

#endif
