#include "lib/options.h"

#include <string.h>

/* What one call of options_parse() works on. */
struct parse {
	const struct option *options;
	struct arena *arena;
	char *into;
	struct strings *arguments;
	struct error *err;
	char *const *next, *const *end; /* words of the command line not looked at yet */
};

static size_t options_count(const struct option *options)
{
	size_t count = 0;

	while (options && options[count].name)
		count++;
	return count;
}

static void strings_append(struct strings *strings, char *item, struct arena *arena)
{
	char **items = arena_array(arena, strings->count + 2, sizeof(*items));

	if (strings->count)
		memcpy(items, strings->items, strings->count * sizeof(*items));
	items[strings->count++] = item;
	strings->items = items;
}

static const struct option *option_by_name(const struct option *options, struct text name)
{
	for (; options && options->name; options++)
		if (text_is(name, options->name))
			return options;
	return NULL;
}

static const struct option *option_by_letter(const struct option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static bool fail_unknown(struct parse *parse, struct text name)
{
	size_t count = options_count(parse->options);
	const char **known = arena_array(parse->arena, count + 2, sizeof(*known));
	const char *near;

	for (size_t i = 0; i < count; i++)
		known[i] = parse->options[i].name;
	known[count] = "help";
	near = suggest(name, known);
	if (near)
		return error_set(parse->err, "unknown option '--%.*s' (did you mean '--%s'?)",
				 TEXT_ARG(name), near);
	return error_set(parse->err, "unknown option '--%.*s'", TEXT_ARG(name));
}

static bool choice_read(const struct option *option, struct text text, int *field,
			struct error *err)
{
	struct buffer list = BUFFER_EMPTY;

	for (int i = 0; option->choices[i]; i++) {
		if (text_is(text, option->choices[i])) {
			buffer_release(&list);
			*field = i;
			return true;
		}
		buffer_format(&list, "%s%s", i ? ", " : "", option->choices[i]);
	}
	error_set(err, "'%.*s' is none of %s", TEXT_ARG(text), list.data);
	buffer_release(&list);
	return false;
}

static bool bounds_hold(const struct option *option, double value, struct text text,
			struct error *err)
{
	if (option->minimum == 0 && option->maximum == 0)
		return true;
	if (value < option->minimum)
		return error_set(err, "'%.*s' is too small", TEXT_ARG(text));
	if (option->maximum > option->minimum && value > option->maximum)
		return error_set(err, "'%.*s' is too large", TEXT_ARG(text));
	return true;
}

static bool integer_read(const struct option *option, struct text text, int64_t *field,
			 struct error *err)
{
	bool good;

	if (option->type == KEY_DURATION)
		good = unit_duration(text, field, err);
	else if (option->type == KEY_SIZE)
		good = unit_size(text, field, err);
	else
		good = unit_integer(text, field, err);
	return good && bounds_hold(option, (double)*field, text, err);
}

static bool number_read(const struct option *option, struct text text, double *field,
			struct error *err)
{
	bool good;

	if (option->type == KEY_RATE)
		good = unit_rate(text, field, err);
	else if (option->type == KEY_SHARE)
		good = unit_share(text, field, err);
	else
		good = unit_number(text, field, err);
	return good && bounds_hold(option, *field, text, err);
}

static bool value_read(const struct option *option, const char *value, void *field,
		       struct arena *arena, struct error *err)
{
	struct text text = text_of(value);

	switch (option->type) {
	case KEY_BOOL:
		return unit_bool(text, field, err);
	case KEY_CHOICE:
		return choice_read(option, text, field, err);
	case KEY_INTEGER:
	case KEY_DURATION:
	case KEY_SIZE:
		return integer_read(option, text, field, err);
	case KEY_NUMBER:
	case KEY_RATE:
	case KEY_SHARE:
		return number_read(option, text, field, err);
	case KEY_STRINGS:
		strings_append(field, arena_string(arena, text), arena);
		return true;
	case KEY_STRING:
		*(char **)field = arena_string(arena, text);
		return true;
	case KEY_MAP:
	case KEY_NODE:
		break;
	}
	return error_set(err, "a command line can't hold this");
}

static bool option_take(struct parse *parse, const struct option *option, const char *value)
{
	struct error why;

	if (value_read(option, value, parse->into + option->offset, parse->arena, &why))
		return true;
	return error_set(parse->err, "--%s: %s", option->name, why.text);
}

/* The value that follows, in the same word (`inside`, when not NULL) or as the next one. */
static bool option_take_argument(struct parse *parse, const struct option *option,
				 const char *inside)
{
	if (!inside && parse->next == parse->end)
		return error_set(parse->err, "option '--%s' needs %s", option->name,
				 option->argument);
	if (!option_take(parse, option, inside ? inside : *parse->next++))
		return false;
	while (option->many && !inside && parse->next < parse->end && **parse->next != '-')
		if (!option_take(parse, option, *parse->next++))
			return false;
	return true;
}

/* --no-x of a flag that is on by itself. */
static const struct option *negated(const struct parse *parse, struct text name)
{
	const struct option *option;

	if (!text_starts_with(name, "no-"))
		return NULL;
	option = option_by_name(parse->options, (struct text){ name.data + 3, name.length - 3 });
	return option && !option->argument && option->initial ? option : NULL;
}

static bool parse_long(struct parse *parse, const char *word)
{
	const char *equals = strchr(word, '=');
	struct text name = { word, equals ? (size_t)(equals - word) : strlen(word) };
	const struct option *option = option_by_name(parse->options, name);

	if (option && option->argument)
		return option_take_argument(parse, option, equals ? equals + 1 : NULL);
	if (option)
		return option_take(parse, option, equals ? equals + 1 : "yes");
	option = equals ? NULL : negated(parse, name);
	if (option)
		return option_take(parse, option, "no");
	return fail_unknown(parse, name);
}

/* Letters of one word: flags until one of them takes the rest (or the next word). */
static bool parse_cluster(struct parse *parse, const char *word)
{
	for (; *word; word++) {
		const struct option *option = option_by_letter(parse->options, *word);

		if (!option)
			return error_set(parse->err, "unknown option '-%c'", *word);
		if (option->argument)
			return option_take_argument(parse, option, word[1] ? word + 1 : NULL);
		if (!option_take(parse, option, "yes"))
			return false;
	}
	return true;
}

static void rest_are_arguments(struct parse *parse)
{
	while (parse->next < parse->end)
		strings_append(parse->arguments, *parse->next++, parse->arena);
}

static bool parse_word(struct parse *parse, char *word)
{
	if (strcmp(word, "--") == 0) {
		rest_are_arguments(parse);
		return true;
	}
	if (strncmp(word, "--", 2) == 0)
		return parse_long(parse, word + 2);
	if (word[0] == '-' && word[1])
		return parse_cluster(parse, word + 1);
	strings_append(parse->arguments, word, parse->arena);
	return true;
}

static struct strings no_strings(struct arena *arena)
{
	return (struct strings){ .items = arena_array(arena, 1, sizeof(char *)) };
}

static bool defaults_set(struct parse *parse)
{
	for (const struct option *option = parse->options; option && option->name; option++) {
		if (option->type == KEY_STRINGS)
			*(struct strings *)(void *)(parse->into + option->offset) =
				no_strings(parse->arena);
		if (option->initial && !option_take(parse, option, option->initial))
			return false;
	}
	return true;
}

bool options_parse(const struct option *options, struct command_line *line, void *into,
		   struct arena *arena, struct error *err)
{
	struct parse parse = {
		.options = options,
		.arena = arena,
		.into = into,
		.arguments = &line->arguments,
		.err = err,
		.next = line->words,
		.end = line->words + line->count,
	};

	line->arguments = no_strings(arena);
	if (!defaults_set(&parse))
		return false;
	while (parse.next < parse.end)
		if (!parse_word(&parse, *parse.next++))
			return false;
	return true;
}
