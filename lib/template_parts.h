/*
 * template_parts: what a compiled template is made of. Only for lib/template*.c.
 */
#ifndef LIB_TEMPLATE_PARTS_H
#define LIB_TEMPLATE_PARTS_H

#include "lib/template.h"

enum part_kind { PART_LITERAL, PART_REF, PART_FUNCTION, PART_BASE64 };

struct template_part {
	uint8_t kind;
	uint8_t escape; /* of a ref and a function */
	uint16_t ref;
	union {
		struct text literal;
		const struct template_call *call;
		const struct template *inner; /* PART_BASE64 */
	};
};

enum argument_type { ARGUMENT_TEXT, ARGUMENT_INTEGER, ARGUMENT_DECIMAL };

enum { ARGUMENTS_MAX = 64 };

struct argument {
	struct value value;
	struct place at;
	int64_t integer; /* ARGUMENT_INTEGER; ARGUMENT_DECIMAL: scaled by 10^decimals of the call */
	uint8_t decimals; /* digits after the point, as written */
};

struct template_call {
	const struct template_function *function;
	struct argument *arguments;
	uint8_t count;
	uint8_t decimals; /* most of any argument */
};

/* One row of lib/template_functions.c. */
struct template_function {
	const char *name;
	const char *usage; /* "int(low, high)" */
	const char *help;
	enum argument_type takes;
	uint8_t least, most;   /* arguments */
	enum value_kind gives; /* VALUE_ABSENT: one of its arguments, see `choose` */
	/* Checks arguments that have the right type and number; NULL: nothing more to check. */
	bool (*check)(struct template_call *call, struct error *err);
	/* Writes letters, digits, '-', '.' and '_' only, which are safe wherever they land. */
	void (*write)(const struct template_call *call, const struct template_source *source,
		      struct buffer *out);
	const struct argument *(*choose)(const struct template_call *call,
					 const struct template_source *source);
};

extern const struct template_function template_functions[]; /* ends with a NULL name */

/* "int(1,20)", after "fn."; `at` is where it stands. */
const struct template_call *template_call_compile(struct text source,
						  const struct template_names *names,
						  struct place at, struct arena *arena,
						  struct error *err);

void template_write_value(struct value value, enum escape escape, struct buffer *out);

#endif
