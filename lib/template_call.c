#include "lib/schema.h"
#include "lib/template_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { DECIMALS_MAX = 9 };

static const struct template_function *find_function(struct text name, struct place at,
						     struct error *err)
{
	const char *known[64] = { NULL };
	const char *near;
	size_t count = 0;

	for (const struct template_function *f = template_functions; f->name; f++) {
		if (text_is(name, f->name))
			return f;
		if (count + 1 < sizeof(known) / sizeof(known[0]))
			known[count++] = f->name;
	}
	near = suggest(name, known);
	if (near)
		error_at(err, at, "unknown function 'fn.%.*s' (did you mean 'fn.%s'?)",
			 TEXT_ARG(name), near);
	else
		error_at(err, at, "unknown function 'fn.%.*s'", TEXT_ARG(name));
	return NULL;
}

/* A JSON number, so that it may stand bare in a document. */
static bool is_number(struct text text)
{
	size_t i = 0, digits;

	i += i < text.length && text.data[i] == '-';
	digits = i;
	while (i < text.length && text.data[i] >= '0' && text.data[i] <= '9')
		i++;
	if (i == digits || (i > digits + 1 && text.data[digits] == '0'))
		return false;
	if (i < text.length && text.data[i] == '.') {
		digits = ++i;
		while (i < text.length && text.data[i] >= '0' && text.data[i] <= '9')
			i++;
		if (i == digits)
			return false;
	}
	return i == text.length;
}

static enum value_kind plain_kind(struct text text)
{
	if (text_is(text, "true") || text_is(text, "false"))
		return VALUE_BOOL;
	if (text_is(text, "null"))
		return VALUE_NULL;
	return is_number(text) ? VALUE_NUMBER : VALUE_STRING;
}

static bool read_integer(struct argument *argument, struct error *err)
{
	struct text text = argument->value.text;

	if (!is_number(text) || memchr(text.data, '.', text.length) || text.length > 18)
		return error_at(err, argument->at, "'%.*s' is not a whole number", TEXT_ARG(text));
	argument->integer = 0;
	for (size_t i = text.data[0] == '-'; i < text.length; i++)
		argument->integer = 10 * argument->integer + (text.data[i] - '0');
	if (text.data[0] == '-')
		argument->integer = -argument->integer;
	return true;
}

static bool read_decimal(struct argument *argument, struct error *err)
{
	struct text text = argument->value.text;
	const char *point = memchr(text.data, '.', text.length);

	if (!is_number(text) || text.length > 15)
		return error_at(err, argument->at, "'%.*s' is not a number", TEXT_ARG(text));
	argument->decimals = point ? (uint8_t)(text.data + text.length - point - 1) : 0;
	if (argument->decimals > DECIMALS_MAX)
		return error_at(err, argument->at, "'%.*s' has more than %d decimals",
				TEXT_ARG(text), DECIMALS_MAX);
	argument->integer = 0;
	for (size_t i = text.data[0] == '-'; i < text.length; i++)
		if (text.data[i] != '.')
			argument->integer = 10 * argument->integer + (text.data[i] - '0');
	if (text.data[0] == '-')
		argument->integer = -argument->integer;
	return true;
}

/*
 * All decimals of a call are whole numbers of the same tiny unit, so that both ends can be drawn.
 */
static bool scale_decimals(struct template_call *call, struct error *err)
{
	call->decimals = 2;
	for (uint8_t i = 0; i < call->count; i++)
		if (call->arguments[i].decimals > call->decimals)
			call->decimals = call->arguments[i].decimals;
	for (uint8_t i = 0; i < call->count; i++) {
		struct argument *argument = &call->arguments[i];

		for (uint8_t d = argument->decimals; d < call->decimals; d++)
			if (__builtin_mul_overflow(argument->integer, 10, &argument->integer))
				return error_at(err, argument->at, "'%.*s' is too large",
						TEXT_ARG(argument->value.text));
	}
	return true;
}

static bool read_arguments(struct template_call *call, struct error *err)
{
	for (uint8_t i = 0; i < call->count; i++) {
		struct argument *argument = &call->arguments[i];

		if (call->function->takes == ARGUMENT_INTEGER && !read_integer(argument, err))
			return false;
		if (call->function->takes == ARGUMENT_DECIMAL && !read_decimal(argument, err))
			return false;
	}
	return call->function->takes != ARGUMENT_DECIMAL || scale_decimals(call, err);
}

static bool read_fixed_argument(struct text written, const struct template_names *names,
				struct argument *argument, struct error *err)
{
	struct text name = text_trim((struct text){ written.data + 2, written.length - 3 });
	struct template_name found = { 0 };
	struct error reason = { "" };

	if (names && names->at)
		*names->at = argument->at;
	if (!names || !names->resolve(names->context, name, &found, &reason))
		return error_at(err, argument->at, "%s", names ? reason.text : "no names here");
	if (!found.fixed)
		return error_at(
			err, argument->at,
			"'%.*s' is not known before the run, as arguments of functions must be",
			TEXT_ARG(written));
	argument->value = found.value;
	return true;
}

static bool read_argument(struct text written, const struct template_names *names,
			  struct argument *argument, struct error *err)
{
	if (template_is_whole(written))
		return read_fixed_argument(written, names, argument, err);
	if (!written.length)
		return error_at(err, argument->at, "an argument is missing here");
	if (written.data[0] == '"' || written.data[0] == '\'') {
		if (written.length < 2 || written.data[written.length - 1] != written.data[0])
			return error_at(err, argument->at, "the quote is never closed");
		argument->value =
			value_string((struct text){ written.data + 1, written.length - 2 });
		return true;
	}
	argument->value = (struct value){ plain_kind(written), written };
	return true;
}

/* The end of the argument at `from`: a comma or the end, outside of quotes and braces. */
static size_t argument_end(struct text list, size_t from)
{
	char quote = 0;
	int depth = 0;
	size_t i;

	for (i = from; i < list.length; i++) {
		char c = list.data[i];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '{')
			depth++;
		else if (c == '}')
			depth--;
		else if (c == ',' && depth == 0)
			break;
	}
	return i;
}

static bool split_arguments(struct template_call *call, struct text list,
			    const struct template_names *names, struct place at, struct error *err)
{
	for (size_t from = 0, end; from <= list.length; from = end + 1) {
		struct text written, trimmed;
		struct argument *argument = &call->arguments[call->count];

		end = argument_end(list, from);
		written = (struct text){ list.data + from, end - from };
		trimmed = text_trim(written);
		argument->at = template_place(at, list, (size_t)(trimmed.data - list.data));
		if (call->count == ARGUMENTS_MAX)
			return error_at(err, argument->at, "more than %d arguments", ARGUMENTS_MAX);
		if (!read_argument(trimmed, names, argument, err))
			return false;
		call->count++;
	}
	return true;
}

static bool check_count(const struct template_call *call, struct place at, struct error *err)
{
	const struct template_function *function = call->function;

	if (call->count >= function->least && call->count <= function->most)
		return true;
	return error_at(err, at, "'fn.%s' is called with %d argument%s (it is written ${fn.%s})",
			function->name, call->count, call->count == 1 ? "" : "s", function->usage);
}

const struct template_call *template_call_compile(struct text source,
						  const struct template_names *names,
						  struct place at, struct arena *arena,
						  struct error *err)
{
	const char *open = memchr(source.data, '(', source.length);
	struct text name = { source.data, open ? (size_t)(open - source.data) : source.length };
	struct template_call *call = arena_new(arena, sizeof(*call));
	struct text list = { NULL, 0 };
	struct place list_at = template_place(at, source, name.length + 1);
	struct error reason = { "" };

	call->function = find_function(text_trim(name), at, err);
	if (!call->function)
		return NULL;
	if (open && source.data[source.length - 1] != ')') {
		error_at(err, template_place(at, source, name.length), "'(' is never closed");
		return NULL;
	}
	if (open)
		list = text_trim((struct text){ open + 1, source.length - name.length - 2 });
	if (list.length) {
		list_at = template_place(at, source, (size_t)(list.data - source.data));
		call->arguments = arena_array(arena, ARGUMENTS_MAX + 1, sizeof(*call->arguments));
		if (!split_arguments(call, list, names, list_at, err))
			return NULL;
	}
	if (!check_count(call, at, err) || !read_arguments(call, err))
		return NULL;
	if (call->function->check && !call->function->check(call, &reason)) {
		error_at(err, list_at, "%s", reason.text);
		return NULL;
	}
	for (uint8_t i = 0; i < call->count; i++)
		call->arguments[i].value.text = arena_text(arena, call->arguments[i].value.text);
	return call;
}
