#include "lib/expression_nodes.h"

#include <stdlib.h>

#include "lib/schema.h"

static bool listed(const char *const *words, struct text word)
{
	for (; words && *words; words++)
		if (text_is(word, *words))
			return true;
	return false;
}

static void set_fixed(struct operand *operand, struct value value)
{
	operand->kind = OPERAND_FIXED;
	operand->value = value;
	operand->numeric = value_number(value, &operand->number);
}

static void tell_place(struct expression_parser *parser, size_t begin)
{
	if (parser->names->at)
		*parser->names->at = template_place(parser->at, parser->source, begin);
}

static bool resolve(struct expression_parser *parser, size_t begin, struct text name, uint16_t *ref)
{
	struct error reason = { "" };

	tell_place(parser, begin);
	if (parser->names->resolve(parser->names->context, name, ref, &reason))
		return true;
	return expression_wrong(parser, begin, "%s", reason.text);
}

/* Known now? False with `failed` set: it is, but can't be had. */
static bool resolve_fixed(struct expression_parser *parser, size_t begin, struct text name,
			  struct value *value, bool *failed)
{
	const struct expression_names *names = parser->names;
	struct error reason = { "" };

	*failed = false;
	if (!names->fixed)
		return false;
	tell_place(parser, begin);
	if (names->fixed(names->context, name, value, &reason))
		return true;
	*failed = reason.text[0] != '\0';
	if (*failed)
		expression_wrong(parser, begin, "%s", reason.text);
	return false;
}

static bool read_reference(struct expression_parser *parser, struct operand *out)
{
	size_t begin = parser->offset;
	size_t end = template_reference_end(parser->source, begin);
	struct value value = { VALUE_ABSENT, { NULL, 0 } };
	struct text name;
	bool failed;

	if (!end)
		return expression_wrong(parser, begin, "'${' is never closed");
	name = text_trim((struct text){ parser->source.data + begin + 2, end - begin - 3 });
	parser->offset = end;
	if (!name.length)
		return expression_wrong(parser, begin, "'${}' names nothing");
	if (text_starts_with(name, "fn."))
		return expression_wrong(
			parser, begin,
			"functions are not for conditions: set a variable to it first");
	if (resolve_fixed(parser, begin, name, &value, &failed)) {
		value.text = arena_text(parser->arena, value.text);
		set_fixed(out, value);
		out->ref = 1;
		return true;
	}
	out->kind = OPERAND_REF;
	return !failed && resolve(parser, begin, name, &out->ref);
}

static bool read_pointer(struct expression_parser *parser, struct operand *out)
{
	size_t begin = parser->offset, length = 0;
	struct json_pointer *pointer = arena_new(parser->arena, sizeof(*pointer));
	struct error reason = { "" };
	struct text source;
	char c;

	while ((c = expression_peek(parser, length)) && !strchr(" \t\r\n)],=!<>\"'", c))
		length++;
	source = (struct text){ parser->source.data + begin, length };
	parser->offset += length;
	if (!parser->names->pointers)
		return expression_wrong(parser, begin,
					"'%.*s' looks into an answer, and there is none "
					"here: save it first (or quote it)",
					TEXT_ARG(source));
	if (memmem(source.data, source.length, "${", 2))
		return expression_wrong(parser, begin, "a JSON Pointer can't hold '${...}'");
	if (!json_pointer_compile(pointer, arena_text(parser->arena, source), parser->arena,
				  &reason))
		return expression_wrong(parser, begin, "%s", reason.text);
	out->kind = OPERAND_POINTER;
	out->pointer = pointer;
	parser->reads_document = true;
	return true;
}

/* The text between quotes, with \" \' \\ \/ \n \t undone. `offset` ends up behind the quote. */
static bool read_quoted(struct expression_parser *parser, struct text *out)
{
	size_t begin = parser->offset, length = 0;
	char quote = expression_peek(parser, 0), c;
	char *to = arena_new(parser->arena, parser->source.length - begin + 1);

	for (parser->offset++; (c = expression_peek(parser, 0)) != quote; parser->offset++) {
		if (parser->offset >= parser->source.length)
			return expression_wrong(parser, begin, "the quote is never closed");
		if (c == '\\') {
			c = expression_peek(parser, 1);
			parser->offset++;
			if (!c || !strchr("\"'\\/nt", c))
				return expression_wrong(parser, parser->offset - 1,
							"a backslash is written \\\\");
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		to[length++] = c;
	}
	parser->offset++;
	*out = (struct text){ to, length };
	return true;
}

static bool resolve_joined(void *context, struct text name, struct template_name *out,
			   struct error *err)
{
	const struct expression_names *names = context;

	if (names->fixed) {
		out->fixed = names->fixed(names->context, name, &out->value, err);
		if (out->fixed || (err && err->text[0]))
			return out->fixed;
	}
	return names->resolve(names->context, name, &out->ref, err);
}

static bool read_string(struct expression_parser *parser, struct operand *out)
{
	struct expression_names names = *parser->names; /* the context of a resolver is not const */
	struct template_names joined_names = { resolve_joined, &names, names.at };
	struct template *joined = arena_new(parser->arena, sizeof(*joined));
	struct place at = template_place(parser->at, parser->source, parser->offset + 1);
	struct text text = { "", 0 };

	size_t begin = parser->offset;

	if (!read_quoted(parser, &text))
		return false;
	if (memmem(text.data, text.length, "${fn.", 5))
		return expression_wrong(
			parser, begin,
			"functions are not for conditions: set a variable to it first");
	if (!template_compile(joined, text, ESCAPE_NONE, &joined_names, at, parser->arena,
			      parser->err))
		return false;
	out->kind = OPERAND_JOINED;
	out->joined = joined;
	if (joined->constant)
		set_fixed(out, value_string(joined->fixed));
	return true;
}

/* A word that starts like a number: one, or with a unit beside a name that is a number. */
static bool read_number(struct expression_parser *parser, bool units, struct operand *out)
{
	struct text word = expression_word(parser);
	struct value value = { VALUE_NUMBER, arena_text(parser->arena, word) };
	struct error ignored;
	int64_t amount;

	if (value_number(value, &out->number)) {
		set_fixed(out, value);
	} else if (units && unit_duration(word, &amount, &ignored)) {
		value.text = text_of(arena_format(parser->arena, "%.15g", (double)amount / 1000));
		set_fixed(out, value);
	} else if (units && unit_size(word, &amount, &ignored)) {
		value.text = text_of(arena_format(parser->arena, "%lld", (long long)amount));
		set_fixed(out, value);
	} else {
		return expression_wrong(parser, parser->offset,
					"'%.*s' is not a number (quote it if it is a text)",
					TEXT_ARG(word));
	}
	parser->offset += word.length;
	return true;
}

static bool read_constant(struct expression_parser *parser, struct text word, struct operand *out)
{
	enum value_kind kind = text_is(word, "true") || text_is(word, "false") ? VALUE_BOOL :
			       text_is(word, "null")			       ? VALUE_NULL :
										 VALUE_ABSENT;

	if (kind == VALUE_ABSENT)
		return false;
	set_fixed(out, (struct value){ kind, arena_text(parser->arena, word) });
	parser->offset += word.length;
	return true;
}

static bool unknown_name(struct expression_parser *parser, struct text word)
{
	static const char *const none[] = { NULL };
	const char *near = suggest(word, parser->names->words ? parser->names->words : none);

	if (near)
		return expression_wrong(parser, parser->offset,
					"unknown name '%.*s' (did you mean '%s'?)", TEXT_ARG(word),
					near);
	return expression_wrong(
		parser, parser->offset,
		"unknown name '%.*s' (variables are written ${%.*s}, JSON Pointers /%.*s)",
		TEXT_ARG(word), TEXT_ARG(word), TEXT_ARG(word));
}

/* `header Content-Type`: the argument is a word or quoted. */
static bool read_argument(struct expression_parser *parser, struct text word, struct text *argument)
{
	expression_skip_blanks(parser);
	if (expression_peek(parser, 0) == '"' || expression_peek(parser, 0) == '\'')
		return read_quoted(parser, argument);
	*argument = expression_word(parser);
	if (!argument->length || expression_is_reserved(*argument))
		return expression_wrong(parser, parser->offset, "'%.*s' wants a name: %.*s NAME",
					TEXT_ARG(word), TEXT_ARG(word));
	parser->offset += argument->length;
	return true;
}

static bool read_name(struct expression_parser *parser, struct text word, struct operand *out)
{
	const struct expression_names *names = parser->names;
	struct text argument = { "", 0 };
	struct error reason = { "" };
	size_t begin = parser->offset;

	if (!listed(names->words, word))
		return unknown_name(parser, word);
	parser->offset += word.length;
	if (listed(names->words_with_argument, word) && !read_argument(parser, word, &argument))
		return false;
	out->kind = OPERAND_REF;
	out->numeric = listed(names->numbers, word);
	tell_place(parser, begin);
	if (names->word(names->context, word, argument, &out->ref, &reason))
		return true;
	return expression_wrong(parser, begin, "%s", reason.text);
}

static bool read_word(struct expression_parser *parser, bool on_the_right, struct operand *out)
{
	struct text word = expression_word(parser);

	if (!word.length)
		return expression_wrong(parser, parser->offset,
					parser->offset < parser->source.length ?
						"a value is missing before '%c'" :
						"a value is missing at the end",
					expression_peek(parser, 0));
	if (expression_is_reserved(word))
		return expression_wrong(
			parser, parser->offset,
			"a value is missing before '%.*s' (quote it if it is a text)",
			TEXT_ARG(word));
	if (read_constant(parser, word, out))
		return true;
	if (!on_the_right)
		return read_name(parser, word, out);
	set_fixed(out, value_string(arena_text(parser->arena, word)));
	parser->offset += word.length;
	return true;
}

bool expression_operand(struct expression_parser *parser, bool on_the_right, bool units,
			struct operand *out)
{
	char c, next;

	expression_skip_blanks(parser);
	c = expression_peek(parser, 0);
	next = expression_peek(parser, 1);
	*out = (struct operand){ .kind = OPERAND_FIXED };
	if (c == '/')
		return read_pointer(parser, out);
	if (c == '$' && next == '{')
		return read_reference(parser, out);
	if (c == '"' || c == '\'')
		return read_string(parser, out);
	if ((c >= '0' && c <= '9') ||
	    ((c == '-' || c == '+' || c == '.') && next >= '0' && next <= '9'))
		return read_number(parser, units, out);
	return read_word(parser, on_the_right, out);
}

static void release_regex(void *regex)
{
	regex_free(regex);
}

/* "/order-[0-9]+\/x/i" -> the pattern between the slashes; PCRE2 undoes the backslash itself. */
static bool read_slashed(struct expression_parser *parser, struct text *out)
{
	size_t begin = parser->offset, length = 1;
	char c;

	while ((c = expression_peek(parser, length)) != '/') {
		if (begin + length >= parser->source.length)
			return expression_wrong(parser, begin,
						"the pattern is never closed by '/'");
		length += c == '\\' ? 2 : 1;
	}
	*out = (struct text){ parser->source.data + begin + 1, length - 1 };
	parser->offset += length + 1;
	if (expression_peek(parser, 0) == 'i') {
		*out = text_of(arena_format(parser->arena, "(?i)%.*s", TEXT_ARG(*out)));
		parser->offset++;
	}
	if (expression_word(parser).length)
		return expression_wrong(parser, parser->offset,
					"the only flag of a pattern is 'i'");
	return true;
}

bool expression_pattern(struct expression_parser *parser, struct regex **out)
{
	size_t begin = parser->offset;
	char c = expression_peek(parser, 0);
	struct error reason = { "" };
	struct text pattern = { "", 0 };

	if (c != '/' && c != '"' && c != '\'')
		return expression_wrong(parser, begin,
					"'matches' wants a pattern: matches /[0-9]+/");
	if (c == '/' ? !read_slashed(parser, &pattern) : !read_quoted(parser, &pattern))
		return false;
	if (!pattern.length)
		return expression_wrong(parser, begin, "the empty pattern matches everything");
	*out = regex_compile(pattern, &reason);
	if (!*out)
		return expression_wrong(parser, begin, "%s", reason.text);
	arena_defer(parser->arena, release_regex, *out);
	return true;
}
