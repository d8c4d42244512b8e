/*
 * expression_nodes: what a compiled expression is made of. Only for lib/expression*.c.
 */
#ifndef LIB_EXPRESSION_NODES_H
#define LIB_EXPRESSION_NODES_H

#include "lib/expression.h"
#include "lib/regex.h"
#include "lib/template.h"

enum operand_kind {
	OPERAND_FIXED,
	OPERAND_REF,
	OPERAND_POINTER,
	OPERAND_JOINED, /* a string with ${names} in it */
};

struct operand {
	enum operand_kind kind;
	uint16_t ref;
	bool numeric; /* OPERAND_FIXED that spells a number; a name that is always a number */
	double number;       /* of a fixed one */
	struct value value;
	const struct json_pointer *pointer;
	const struct template *joined;
};

enum comparison {
	COMPARE_TRUTH, /* a value alone */
	COMPARE_EXISTS,
	COMPARE_EQUAL,
	COMPARE_UNEQUAL,
	COMPARE_LESS,
	COMPARE_LESS_EQUAL,
	COMPARE_MORE,
	COMPARE_MORE_EQUAL,
	COMPARE_IN,
	COMPARE_CONTAINS,
	COMPARE_STARTS_WITH,
	COMPARE_ENDS_WITH,
	COMPARE_MATCHES,
};

enum node_kind { NODE_COMPARE, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_kind kind;
	enum comparison comparison;
	bool plain;         /* a name == a fixed value */
	struct node *first; /* of NOT, AND, OR */
	struct node *next;  /* sibling */
	struct operand left;
	struct operand *right; /* one; several for IN */
	size_t right_count;
	struct regex *regex;
};

struct expression {
	struct text source;
	bool reads_document;
	struct node *root;
};

/* Where the parser stands. */
struct expression_parser {
	struct text source;
	size_t offset;
	int depth;
	const struct expression_names *names;
	struct place at; /* of the start of the source */
	struct arena *arena;
	struct error *err;
	bool reads_document;
};

/* lib/expression_operand.c */
bool expression_operand(struct expression_parser *parser, bool on_the_right, bool units,
			struct operand *out);
bool expression_pattern(struct expression_parser *parser, struct regex **out);

/* Complains at `offset`; false. */
bool expression_wrong(struct expression_parser *parser, size_t offset, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void expression_skip_blanks(struct expression_parser *parser);
char expression_peek(const struct expression_parser *parser, size_t ahead);
/* The word under the cursor (letters, digits and `_ . + % -`), which stays there. */
struct text expression_word(const struct expression_parser *parser);
bool expression_is_reserved(struct text word);

#endif
