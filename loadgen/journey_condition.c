/* Conditions: what names mean in them, on top of what they mean in ${...}. */
#include "loadgen/journey_compile.h"

static const char *const words[] = { "status",  "body",   "latency", "size",
				     "version", "header", "cookie",  NULL };
static const char *const words_with_argument[] = { "header", "cookie", NULL };
static const char *const number_words[] = { "status", "latency", "size", "version", NULL };

static bool resolve_name(void *context, struct text name, uint16_t *ref, struct error *err)
{
	return name_resolve(context, name, ref, err);
}

static bool resolve_known(void *context, struct text name, struct value *out, struct error *err)
{
	return name_is_fixed(context, name, out, err);
}

/* The number of `name` in a list of the journey's, added if it is new. */
static bool intern(struct compiler *compiler, char ***names, uint8_t *count, struct text name,
		   uint16_t *number, struct error *err)
{
	for (*number = 0; *number < *count; (*number)++)
		if (text_is(name, (*names)[*number]))
			return true;
	if (*count == UINT8_MAX)
		return error_set(err, "more than %d different names of headers or cookies",
				 UINT8_MAX);
	*names = arena_grow(compiler->arena, *names, *count, sizeof(char *));
	(*names)[(*count)++] = arena_string(compiler->arena, name);
	return true;
}

static bool resolve_named(struct compiler *compiler, struct text word, struct text argument,
			  uint16_t *ref, struct error *err)
{
	struct journey *journey = compiler->journey;
	uint16_t number;

	if (text_is(word, "cookie")) {
		if (!intern(compiler, &journey->cookies, &journey->cookie_count, argument, &number,
			    err))
			return false;
		*ref = (uint16_t)(REF_COOKIE | number);
		return true;
	}
	if (!intern(compiler, &journey->headers, &journey->header_count, argument, &number, err))
		return false;
	*ref = (uint16_t)(REF_HEADER | number);
	return true;
}

static bool resolve_word(void *context, struct text word, struct text argument, uint16_t *ref,
			 struct error *err)
{
	static const enum builtin builtins[] = { BUILTIN_STATUS, BUILTIN_BODY, BUILTIN_LATENCY_MS,
						 BUILTIN_SIZE, BUILTIN_VERSION };
	struct compiler *compiler = context;
	size_t i = 0;

	if (argument.length)
		return resolve_named(compiler, word, argument, ref, err);
	while (!text_is(word, words[i]))
		i++;
	*ref = (uint16_t)(REF_BUILTIN | builtins[i]);
	compiler->asked_status |= builtins[i] == BUILTIN_STATUS;
	compiler->asked_body |= builtins[i] == BUILTIN_BODY || builtins[i] == BUILTIN_SIZE;
	return true;
}

/* Between answers there is the last status and the cookies, and nothing else of an answer. */
static bool resolve_word_between(void *context, struct text word, struct text argument,
				 uint16_t *ref, struct error *err)
{
	if (text_is(word, "status") || text_is(word, "cookie"))
		return resolve_word(context, word, argument, ref, err);
	return error_set(err,
			 "'%.*s' is known only in 'expect' and 'until': save it to use it here",
			 TEXT_ARG(word));
}

struct expression *compiler_condition(struct compiler *compiler, struct text source,
				      struct place at, enum sight sight)
{
	struct expression_names names = {
		.resolve = resolve_name,
		.word = sight == SIGHT_ANSWER ? resolve_word : resolve_word_between,
		.words = words,
		.words_with_argument = words_with_argument,
		.numbers = number_words,
		.pointers = sight == SIGHT_ANSWER,
		.fixed = resolve_known,
		.context = compiler,
		.at = &compiler->name_at,
	};
	struct expression *expression;
	struct error err;

	expression = expression_compile(source, &names, at, compiler->arena, &err);
	if (!expression)
		complain_error(compiler->complaints, &err);
	else if (expression_reads_document(expression))
		compiler->asked_body = true;
	return expression;
}
