#include "lib/condition.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/condition_parts.h"
#include "lib/schema.h"

enum { SOURCE_MAX = 500 };

bool condition_fail(struct condition_parser *parser, const char *at, const char *format, ...)
{
	struct place place = parser->at;
	char sentence[512];
	va_list arguments;

	for (const char *c = parser->source.data; c < at; c++)
		place.column += ((unsigned char)*c & 0xc0) != 0x80;
	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	return error_at(parser->err, place, "%s", sentence);
}

/* At most a line of them. */
static void list_names(char *out, size_t room, const char *const *known, size_t count)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < count && i < 24 && used + strlen(known[i]) + 8 < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%s", i ? ", " : "", known[i]);
}

bool condition_fail_unknown(struct condition_parser *parser, const char *what, struct text word,
			    const char *const *known, size_t count)
{
	const char **ended = arena_array(parser->arena, count + 1, sizeof(*ended));
	int shown = word.length < 80 ? (int)word.length : 80;
	const char *nearest;
	char choices[240];

	for (size_t i = 0; i < count; i++)
		ended[i] = known[i];
	nearest = suggest(word, ended);
	list_names(choices, sizeof(choices), known, count);
	if (nearest)
		return condition_fail(parser, word.data, "unknown %s '%.*s' (did you mean '%s'?)",
				      what, shown, word.data, nearest);
	if (*choices)
		return condition_fail(parser, word.data, "unknown %s '%.*s' (there are: %s)", what,
				      shown, word.data, choices);
	return condition_fail(parser, word.data, "unknown %s '%.*s' (there are none)", what, shown,
			      word.data);
}

struct text condition_unquote(struct text text)
{
	char quote;

	text = text_trim(text);
	quote = text.length > 1 ? text.data[0] : '\0';
	if ((quote == '"' || quote == '\'') && text.data[text.length - 1] == quote)
		return (struct text){ text.data + 1, text.length - 2 };
	return text;
}

int64_t condition_find(struct text name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, names[i]))
			return (int64_t)i;
	return -1;
}

/* Where the comparator is, outside of quotes and parentheses; the length if nowhere. */
static size_t find_comparator(struct text text)
{
	char quote = '\0';
	int depth = 0;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (quote || c == '"' || c == '\'') {
			quote = !quote ? c : c == quote ? '\0' : quote;
			continue;
		}
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		if (depth > 0 || !strchr("<>=!", c))
			continue;
		if (c == '>' && i && text.data[i - 1] == '-') /* order -> payment */
			continue;
		return i;
	}
	return text.length;
}

static struct text skip(struct text text, size_t length)
{
	return (struct text){ text.data + length, text.length - length };
}

static bool read_comparator(struct condition_parser *parser, struct text *rest)
{
	static const struct {
		const char *name;
		enum comparator comparator;
	} comparators[] = { { "<=", LESS_OR_EQUAL }, { ">=", MORE_OR_EQUAL }, { "==", EQUAL },
			    { "!=", NOT_EQUAL },     { "<", LESS },	      { ">", MORE } };

	for (size_t i = 0; i < sizeof(comparators) / sizeof(comparators[0]); i++) {
		if (!text_starts_with(*rest, comparators[i].name))
			continue;
		parser->condition->comparator = comparators[i].comparator;
		*rest = skip(*rest, strlen(comparators[i].name));
		return true;
	}
	return condition_fail(parser, rest->data, "unknown comparison '%c' (did you mean '%c='?)",
			      rest->data[0], rest->data[0]);
}

/* The first word, taken off. */
static struct text take_word(struct text *rest)
{
	struct text word = { rest->data, 0 };

	*rest = text_trim(*rest);
	word.data = rest->data;
	while (word.length < rest->length && rest->data[word.length] != ' ' &&
	       rest->data[word.length] != '\t')
		word.length++;
	*rest = skip(*rest, word.length);
	return word;
}

static bool is_window_word(struct text word)
{
	return text_is(word, "any") || text_is(word, "every");
}

/* "any 10s of", if it is there; `rest` begins behind it. */
static bool read_window(struct condition_parser *parser, struct text *rest)
{
	struct text ahead = *rest, word = take_word(&ahead), length, of;
	struct condition *condition = parser->condition;
	struct error why;

	if (!is_window_word(word))
		return true;
	length = take_word(&ahead);
	of = take_word(&ahead);
	if (!text_is(of, "of"))
		return condition_fail(parser, of.data,
				      "'%.*s' wants a time and 'of' (any 10s of "
				      "browse.p95 < 1s)",
				      TEXT_ARG(word));
	if (!unit_duration(length, &condition->window_us, &why))
		return condition_fail(parser, length.data, "%s", why.text);
	if (condition->window_us % US_PER_S || condition->window_us < US_PER_S ||
	    condition->window_us > CONDITION_WINDOW_MAX_S * US_PER_S)
		return condition_fail(parser, length.data,
				      "'%.*s' must be whole seconds, from 1s to %ds",
				      TEXT_ARG(length), CONDITION_WINDOW_MAX_S);
	if (parser->use == CONDITION_STEADY)
		return condition_fail(parser, word.data,
				      "the steady state is always of the last seconds: leave out "
				      "'%.*s %.*s of'",
				      TEXT_ARG(word), TEXT_ARG(length));
	condition->form = text_is(word, "any") ? FORM_ANY : FORM_EVERY;
	*rest = ahead;
	return true;
}

/* Blanks made single, so that it reads well wherever it is shown. */
static char *tidy(struct arena *arena, struct text source)
{
	char *copy = arena_string(arena, source), *to = copy;

	for (const char *from = copy; *from; from++) {
		bool blank = strchr(" \t\r\n", *from) != NULL;

		if (!blank)
			*to++ = *from;
		else if (to > copy && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > copy && to[-1] == ' ')
		to--;
	*to = '\0';
	return copy;
}

static bool check_form(struct condition_parser *parser, const struct metric_row *row)
{
	const struct condition *condition = parser->condition;

	if (row->momentary && !condition->service)
		return true;
	if (parser->use == CONDITION_STEADY)
		return condition_fail(parser, parser->source.data,
				      "'%s%s' can't be seen from some seconds, so it is no part of "
				      "a steady state",
				      row->name, condition->service ? "(service)" : "");
	if (condition->form != FORM_WHOLE)
		return condition_fail(parser, parser->source.data,
				      "'%s%s' is of the run or a phase, not of some seconds",
				      row->name, condition->service ? "(service)" : "");
	return true;
}

static bool parse(struct condition_parser *parser)
{
	struct condition *condition = parser->condition;
	struct text rest = parser->source, figure, bound;
	const struct metric_row *row;

	if (!read_window(parser, &rest))
		return false;
	figure = (struct text){ rest.data, find_comparator(rest) };
	if (!condition_read_figure(parser, figure, &row))
		return false;
	rest = skip(rest, figure.length);
	if (!rest.length)
		return condition_fail(parser, rest.data,
				      "'%.*s' is compared with nothing (write '< 800ms', "
				      "'< 2%%', '> 0')",
				      TEXT_ARG(text_trim(figure)));
	if (!read_comparator(parser, &rest))
		return false;
	bound = take_word(&rest);
	if (!condition_read_bound(parser, bound, row))
		return false;
	condition->bound_text = arena_string(parser->arena, bound);
	return check_form(parser, row) && condition_read_scope(parser, text_trim(rest), row);
}

bool condition_compile(struct text source, const struct condition_names *names,
		       enum condition_use use, struct place at, struct arena *arena,
		       struct condition *condition, struct error *err)
{
	static const char *const comparators[] = { "<", "<=", ">", ">=", "==", "!=" };
	struct condition_parser parser = { source, names, use, at, arena, condition, err };

	*condition = (struct condition){ .fault = FAULT_ANY };
	if (!text_trim(source).length)
		return error_at(err, at, "an empty condition (write one like 'errors < 2%%')");
	if (source.length > SOURCE_MAX)
		return error_at(err, at, "a condition of more than %d characters", SOURCE_MAX);
	if (memchr(source.data, '\0', source.length))
		return error_at(err, at, "a condition with a NUL in it");
	condition->text = tidy(arena, source);
	if (!parse(&parser))
		return false;
	condition->bound_text = arena_format(arena, "%s %s", comparators[condition->comparator],
					     condition->bound_text);
	return true;
}
