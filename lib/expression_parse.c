#include "lib/expression_nodes.h"

#include <stdarg.h>
#include <stdio.h>

enum { DEPTH_MAX = 64, SOURCE_MAX = 16384, LIST_MAX = 1000 };

static const struct {
	const char *word;
	enum comparison comparison;
} operators[] = {
	{ "==", COMPARE_EQUAL },        { "!=", COMPARE_UNEQUAL },
	{ "<=", COMPARE_LESS_EQUAL },   { ">=", COMPARE_MORE_EQUAL },
	{ "<", COMPARE_LESS },          { ">", COMPARE_MORE },
	{ "in", COMPARE_IN },           { "contains", COMPARE_CONTAINS },
	{ "exists", COMPARE_EXISTS },   { "starts-with", COMPARE_STARTS_WITH },
	{ "matches", COMPARE_MATCHES }, { "ends-with", COMPARE_ENDS_WITH },
};

enum { OPERATOR_COUNT = sizeof(operators) / sizeof(operators[0]) };

bool expression_is_reserved(struct text word)
{
	if (text_is(word, "and") || text_is(word, "or") || text_is(word, "not"))
		return true;
	for (size_t i = 0; i < OPERATOR_COUNT; i++)
		if (text_is(word, operators[i].word))
			return true;
	return false;
}

bool expression_wrong(struct expression_parser *parser, size_t offset, const char *format, ...)
{
	char text[ERROR_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return error_at(parser->err, template_place(parser->at, parser->source, offset), "%s",
			text);
}

char expression_peek(const struct expression_parser *parser, size_t ahead)
{
	size_t at = parser->offset + ahead;

	return at < parser->source.length ? parser->source.data[at] : '\0';
}

void expression_skip_blanks(struct expression_parser *parser)
{
	char c;

	while ((c = expression_peek(parser, 0)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		parser->offset++;
}

static bool is_word_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c & 0x80) || (c && strchr("_.+%-", c));
}

struct text expression_word(const struct expression_parser *parser)
{
	size_t length = 0;

	while (is_word_character(expression_peek(parser, length)))
		length++;
	return (struct text){ parser->source.data + parser->offset, length };
}

static bool take_word(struct expression_parser *parser, const char *wanted)
{
	expression_skip_blanks(parser);
	if (!text_is(expression_word(parser), wanted))
		return false;
	parser->offset += strlen(wanted);
	return true;
}

static bool take_symbol(struct expression_parser *parser, const char *symbol)
{
	struct text rest;

	expression_skip_blanks(parser);
	rest = (struct text){ parser->source.data + parser->offset,
			      parser->source.length - parser->offset };
	if (!text_starts_with(rest, symbol))
		return false;
	parser->offset += strlen(symbol);
	return true;
}

/* An operator if one comes next, else COMPARE_TRUTH. */
static enum comparison take_operator(struct expression_parser *parser)
{
	for (size_t i = 0; i < OPERATOR_COUNT; i++) {
		const char *word = operators[i].word;
		bool symbol = !is_word_character(word[0]);

		if (symbol ? take_symbol(parser, word) : take_word(parser, word))
			return operators[i].comparison;
	}
	return COMPARE_TRUTH;
}

static bool add_right(struct expression_parser *parser, struct node *node)
{
	size_t begin = parser->offset;
	struct operand *moved;

	if (node->right_count == LIST_MAX)
		return expression_wrong(parser, begin, "more than %d values in a list", LIST_MAX);
	if ((node->right_count & (node->right_count - 1)) == 0) { /* a power of two: full */
		moved = arena_array(parser->arena, node->right_count ? 2 * node->right_count : 1,
				    sizeof(*moved));
		if (node->right_count)
			memcpy(moved, node->right, node->right_count * sizeof(*moved));
		node->right = moved;
	}
	return expression_operand(parser, true, node->left.numeric,
				  &node->right[node->right_count++]);
}

static bool parse_list(struct expression_parser *parser, struct node *node)
{
	size_t begin;

	expression_skip_blanks(parser);
	begin = parser->offset;
	if (!take_symbol(parser, "["))
		return expression_wrong(parser, begin, "'in' wants a list: in [A, B]");
	do {
		expression_skip_blanks(parser);
		if (expression_peek(parser, 0) == ']')
			return expression_wrong(parser, parser->offset, "a value is missing here");
		if (!add_right(parser, node))
			return false;
	} while (take_symbol(parser, ","));
	if (take_symbol(parser, "]"))
		return true;
	return expression_wrong(parser,
				parser->offset >= parser->source.length ? begin : parser->offset,
				parser->offset >= parser->source.length ?
					"'[' is never closed" :
					"a comma is missing here");
}

static bool is_order(enum comparison comparison)
{
	return comparison >= COMPARE_LESS && comparison <= COMPARE_MORE_EQUAL;
}

/* What could never hold, or always would, is a mistake. `begin` is where the right side stands. */
static bool check_comparison(struct expression_parser *parser, const struct node *node,
			     size_t begin)
{
	enum comparison comparison = node->comparison;
	bool numbers = is_order(comparison) || (node->left.numeric && comparison <= COMPARE_IN);

	if (is_order(comparison) && node->left.kind == OPERAND_FIXED && !node->left.numeric)
		return expression_wrong(parser, begin,
					"'%.*s' is not a number, so nothing is more or "
					"less than it",
					TEXT_ARG(node->left.value.text));
	for (size_t i = 0; i < node->right_count; i++) {
		const struct operand *right = &node->right[i];

		if (right->kind != OPERAND_FIXED)
			continue;
		if (numbers && !right->numeric)
			return expression_wrong(parser, begin,
						"this compares numbers, and '%.*s' is none",
						TEXT_ARG(right->value.text));
		if (comparison >= COMPARE_CONTAINS && !right->value.text.length)
			return expression_wrong(parser, begin,
						"the empty text is part of every text");
	}
	return true;
}

static bool parse_right(struct expression_parser *parser, struct node *node)
{
	size_t begin;

	expression_skip_blanks(parser);
	begin = parser->offset;
	switch (node->comparison) {
	case COMPARE_EXISTS:
		return true;
	case COMPARE_MATCHES:
		return expression_pattern(parser, &node->regex);
	case COMPARE_IN:
		return parse_list(parser, node) && check_comparison(parser, node, begin);
	default:
		return add_right(parser, node) && check_comparison(parser, node, begin);
	}
}

static struct node *new_node(struct expression_parser *parser, enum node_kind kind,
			     struct node *first)
{
	struct node *node = arena_new(parser->arena, sizeof(*node));

	node->kind = kind;
	node->first = first;
	return node;
}

static bool check_truth(struct expression_parser *parser, const struct operand *operand,
			size_t begin)
{
	if (operand->kind == OPERAND_JOINED ||
	    (operand->kind == OPERAND_FIXED && operand->value.kind != VALUE_BOOL && !operand->ref))
		return expression_wrong(parser, begin, "a comparison is missing after this");
	return true;
}

/* Fixed operands that a name stood for have `ref` 1, so that `if: ${flag}` may be a fixed flag. */
static struct node *parse_comparison(struct expression_parser *parser)
{
	struct node *node = new_node(parser, NODE_COMPARE, NULL);
	size_t begin, symbol;
	bool negated;

	expression_skip_blanks(parser);
	begin = parser->offset;
	if (!expression_operand(parser, false, false, &node->left))
		return NULL;
	negated = take_word(parser, "not");
	expression_skip_blanks(parser);
	symbol = parser->offset;
	node->comparison = take_operator(parser);
	if (negated && (node->comparison == COMPARE_TRUTH || node->comparison < COMPARE_IN) &&
	    node->comparison != COMPARE_EXISTS) {
		expression_wrong(parser, symbol, "'not' comes before what it negates");
		return NULL;
	}
	if (node->comparison == COMPARE_TRUTH ? !check_truth(parser, &node->left, begin) :
						!parse_right(parser, node))
		return NULL;
	node->plain = node->comparison == COMPARE_EQUAL && node->left.kind == OPERAND_REF &&
		      node->right->kind == OPERAND_FIXED;
	return negated ? new_node(parser, NODE_NOT, node) : node;
}

static struct node *parse_or(struct expression_parser *parser);

static struct node *parse_group(struct expression_parser *parser, size_t begin)
{
	struct node *node = parse_or(parser);

	if (!node || take_symbol(parser, ")"))
		return node;
	expression_wrong(parser, begin, "'(' is never closed");
	return NULL;
}

static struct node *parse_not(struct expression_parser *parser)
{
	struct node *node;
	size_t begin;

	expression_skip_blanks(parser);
	begin = parser->offset;
	if (parser->depth == DEPTH_MAX) {
		expression_wrong(parser, begin, "nested deeper than %d", DEPTH_MAX);
		return NULL;
	}
	parser->depth++;
	if (take_word(parser, "not")) {
		node = parse_not(parser);
		node = node ? new_node(parser, NODE_NOT, node) : NULL;
	} else if (take_symbol(parser, "(")) {
		node = parse_group(parser, begin);
	} else {
		node = parse_comparison(parser);
	}
	parser->depth--;
	return node;
}

/* `a word b word c`: one node with many children, or the only child itself. */
static struct node *parse_chain(struct expression_parser *parser, const char *word,
				enum node_kind kind,
				struct node *(*parse_child)(struct expression_parser *))
{
	struct node *first = parse_child(parser), *last = first;

	while (last && take_word(parser, word)) {
		last->next = parse_child(parser);
		last = last->next;
	}
	if (!last || last == first)
		return last;
	return new_node(parser, kind, first);
}

static struct node *parse_and(struct expression_parser *parser)
{
	return parse_chain(parser, "and", NODE_AND, parse_not);
}

static struct node *parse_or(struct expression_parser *parser)
{
	return parse_chain(parser, "or", NODE_OR, parse_and);
}

static bool check_end(struct expression_parser *parser)
{
	static const char *const hints[][2] = {
		{ "&&", "'and'" }, { "||", "'or'" },	 { "=", "'=='" },
		{ "!", "'not'" },  { "~", "'matches'" },
	};
	struct text word;
	size_t begin;

	expression_skip_blanks(parser);
	begin = parser->offset;
	if (begin == parser->source.length)
		return true;
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (take_symbol(parser, hints[i][0]))
			return expression_wrong(parser, begin, "'%s' is written %s here",
						hints[i][0], hints[i][1]);
	word = expression_word(parser);
	if (!word.length)
		word = (struct text){ parser->source.data + begin, 1 };
	return expression_wrong(parser, begin,
				"'%.*s' is not expected here (texts of more than one "
				"word need quotes)",
				TEXT_ARG(word));
}

struct expression *expression_compile(struct text source, const struct expression_names *names,
				      struct place at, struct arena *arena, struct error *err)
{
	struct expression_parser parser = {
		.source = source,
		.names = names,
		.at = at,
		.arena = arena,
		.err = err,
	};
	struct expression *expression = arena_new(arena, sizeof(*expression));

	if (source.length > SOURCE_MAX) {
		error_at(err, at, "a condition longer than %d characters", SOURCE_MAX);
		return NULL;
	}
	if (!text_trim(source).length) {
		error_at(err, at, "a condition is missing here");
		return NULL;
	}
	expression->root = parse_or(&parser);
	if (!expression->root || !check_end(&parser))
		return NULL;
	expression->source = arena_text(arena, source);
	expression->reads_document = parser.reads_document;
	return expression;
}

struct text expression_text(const struct expression *expression)
{
	return expression->source;
}

bool expression_reads_document(const struct expression *expression)
{
	return expression->reads_document;
}
