#include "engine/names.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/memory.h"

enum { DEPTH_MAX = 16, FOLDED_MAX = 65536 };

static const struct shape scalar_shape = { .kind = SHAPE_STRING };
const struct shape vars_shape = { .kind = SHAPE_MAP_OF, .of = &scalar_shape };

static struct variable *find_variable(struct names *names, struct text name)
{
	for (size_t i = 0; i < names->count; i++)
		if (text_equal(names->variables[i].name, name))
			return &names->variables[i];
	return NULL;
}

static const char **known_names(const struct names *names)
{
	const char **known = memory_array(names->count + 1, sizeof(*known));

	for (size_t i = 0; i < names->count; i++)
		known[i] = names->variables[i].name.data;
	return known;
}

static bool fail_unknown(const struct names *names, struct text name, struct error *err)
{
	const char **known = known_names(names);
	const char *nearest = suggest(name, known);
	int shown = name.length > 60 ? 60 : (int)name.length;

	if (nearest)
		error_set(err, "unknown variable '%.*s' (did you mean '%s'?)", shown, name.data,
			  nearest);
	else
		error_set(err, "unknown variable '%.*s'", shown, name.data);
	free(known);
	return false;
}

static void remember_secret(struct names *names, const char *value)
{
	for (size_t i = 0; i < names->secrets.count; i++)
		if (strcmp(names->secrets.items[i], value) == 0)
			return;
	names->secrets.items = memory_grow(names->secrets.items, names->secrets.count,
					   &names->secrets_room, sizeof(*names->secrets.items));
	names->secrets.items[names->secrets.count++] = arena_string(names->arena, text_of(value));
}

static bool fold(struct names *names, struct text source, struct text *out, struct error *err);

static bool is_environment_name(struct text name)
{
	for (size_t i = 0; i < name.length; i++)
		if (!isalnum((unsigned char)name.data[i]) && name.data[i] != '_')
			return false;
	return name.length > 0;
}

/* "X" or "X:-default". */
static bool environment_value(struct names *names, struct text spec, bool secret, struct text *out,
			      struct error *err)
{
	const char *dash = memmem(spec.data, spec.length, ":-", 2);
	struct text name = { spec.data, dash ? (size_t)(dash - spec.data) : spec.length };
	const char *what = secret ? "secret" : "environment variable";
	const char *value;
	char *copy;

	if (!is_environment_name(name))
		return error_set(err, "'%.*s' is no name of an %s",
				 name.length > 60 ? 60 : (int)name.length, name.data,
				 "environment variable");
	copy = arena_string(names->arena, name);
	value = getenv(copy);
	if (!value && dash && !secret)
		return fold(names, (struct text){ dash + 2, spec.length - name.length - 2 }, out,
			    err);
	if (!value || (secret && !*value))
		return error_set(err, "%s '%s' is not set%s%s", what, copy,
				 secret ? " (it is taken from the environment)" :
					  " (a default: ${env:",
				 secret ? "" : "X:-value})");
	if (secret)
		remember_secret(names, value);
	*out = arena_text(names->arena, text_of(value));
	return true;
}

static bool variable_value(struct names *names, struct variable *variable, struct text *out,
			   struct error *err)
{
	struct text folded;

	if (variable->state == NAME_BUSY)
		return error_set(err, "variable '%s' is defined by itself", variable->name.data);
	if (variable->state == NAME_UNSEEN) {
		variable->state = NAME_BUSY;
		if (!fold(names, variable->scalar.text, &folded, err)) {
			variable->state = NAME_BAD;
			return false;
		}
		variable->state = NAME_KNOWN;
		variable->scalar.text = folded;
	}
	if (variable->state == NAME_BAD)
		return error_set(err, "variable '%s' has a mistake of its own",
				 variable->name.data);
	*out = variable->scalar.text;
	return true;
}

/* Whether it is a name of ours at all; saved values and rows are not. */
static bool look_up(struct names *names, struct text name, struct text *out, bool *ours,
		    struct error *err)
{
	struct variable *variable;

	*ours = true;
	if (text_starts_with(name, "env:"))
		return environment_value(names, (struct text){ name.data + 4, name.length - 4 },
					 false, out, err);
	if (text_starts_with(name, "secret:"))
		return environment_value(names, (struct text){ name.data + 7, name.length - 7 },
					 true, out, err);
	variable = find_variable(names, name);
	*ours = variable != NULL;
	if (!variable)
		return fail_unknown(names, name, err);
	variable->used = true;
	return variable_value(names, variable, out, err);
}

/* The name in "${name}". */
static struct text inside(struct text source, size_t length)
{
	return text_trim((struct text){ source.data + 2, length - 3 });
}

static bool fold_one(struct names *names, struct text name, struct buffer *out, struct error *err)
{
	struct text value;
	bool ours;

	if (text_starts_with(name, "fn."))
		return error_set(err, "'${%.*s}' is only known while a journey runs",
				 (int)name.length, name.data);
	if (!look_up(names, name, &value, &ours, err))
		return false;
	buffer_add_text(out, value);
	return true;
}

static bool fold_into(struct names *names, struct text source, struct buffer *out,
		      struct error *err)
{
	while (source.length) {
		size_t length = yaml_substitution_length(source);
		bool literal = text_starts_with(source, "$${");

		if (text_starts_with(source, "${") && !length)
			return error_set(err, "'${' without its '}'");
		if (length && !fold_one(names, inside(source, length), out, err))
			return false;
		if (!length) {
			buffer_add(out, literal ? "${" : source.data, literal ? 2 : 1);
			length = literal ? 3 : 1;
		}
		if (out->length > FOLDED_MAX)
			return error_set(err, "what it becomes is longer than 64 KiB");
		source.data += length;
		source.length -= length;
	}
	return true;
}

static bool fold(struct names *names, struct text source, struct text *out, struct error *err)
{
	struct buffer folded = BUFFER_EMPTY;
	bool good;

	if (names->depth >= DEPTH_MAX)
		return error_set(err, "variables refer to each other more than %d deep", DEPTH_MAX);
	if (!memchr(source.data, '$', source.length)) {
		*out = arena_text(names->arena, source);
		return true;
	}
	names->depth++;
	good = fold_into(names, source, &folded, err);
	names->depth--;
	if (good)
		*out = arena_text(names->arena, buffer_text(&folded));
	buffer_release(&folded);
	return good;
}

bool names_substitute(void *context, struct yaml *scalar, struct complaints *complaints)
{
	struct error err;

	if (fold(context, scalar->text, &scalar->text, &err))
		return true;
	return complain(complaints, scalar->at, "%s", err.text);
}

/* A variable keeps its kind: a plain number is sent as one. */
bool names_value(void *context, struct text name, struct value *out, struct error *err)
{
	struct names *names = context;
	struct variable *variable;
	struct error why = { "" };
	struct text text;
	bool ours;

	if (!look_up(names, name, &text, &ours, &why)) {
		if (ours)
			error_set(err, "%s", why.text);
		return false;
	}
	variable = find_variable(names, name);
	*out = variable ? yaml_value(&variable->scalar) : value_string(text);
	return true;
}

static bool check_name(struct names *names, const struct yaml *name)
{
	bool good = name->text.length &&
		    (isalpha((unsigned char)name->text.data[0]) || name->text.data[0] == '_');

	for (size_t i = 0; i < name->text.length; i++) {
		char c = name->text.data[i];

		good = good && (isalnum((unsigned char)c) || c == '_' || c == '-');
	}
	return good || complain(names->complaints, name->at,
				"'%s' is no name of a variable (letters, digits, - and _)",
				name->text.data);
}

static bool add_variable(struct names *names, const struct yaml *name)
{
	if (name->value->kind != YAML_SCALAR)
		return complain(names->complaints, name->value->at,
				"variable '%s' wants a single value, not %s", name->text.data,
				yaml_kind_name(name->value));
	names->variables[names->count++] =
		(struct variable){ .name = name->text, .scalar = *name->value };
	return true;
}

static bool set_variable(struct names *names, const char *setting)
{
	struct place at = { "--set", 0, 0 };
	const char *equals = strchr(setting, '=');
	struct text name = { setting, equals ? (size_t)(equals - setting) : 0 };
	struct variable *variable;
	struct error err;

	if (!equals)
		return complain(names->complaints, at, "'%s' is not NAME=VALUE", setting);
	variable = find_variable(names, name);
	if (!variable) {
		fail_unknown(names, name, &err);
		return complain(names->complaints, at, "%s", err.text);
	}
	variable->scalar.text = arena_text(names->arena, text_of(equals + 1));
	variable->scalar.at = at;
	return true;
}

bool names_init(struct names *names, const struct yaml *vars, const char *const *set)
{
	bool good = true;

	names->count = 0;
	if (vars && vars->kind == YAML_MAP) {
		names->variables =
			arena_array(names->arena, vars->count, sizeof(*names->variables));
		for (const struct yaml *name = vars->first; name; name = name->next) {
			good = check_name(names, name) && good;
			good = add_variable(names, name) && good;
		}
	}
	for (; set && *set; set++)
		good = set_variable(names, *set) && good;
	return good;
}

void names_release(struct names *names)
{
	free(names->secrets.items);
	names->secrets = (struct strings){ NULL, NULL, 0 };
}

bool names_check(struct names *names)
{
	bool good = true;
	struct error err;

	for (size_t i = 0; i < names->count; i++) {
		struct text value;

		if (!variable_value(names, &names->variables[i], &value, &err))
			good = complain(names->complaints, names->variables[i].scalar.at, "%s",
					err.text);
	}
	return good;
}

/* Values as they must be written to be read again: a literal ${ stays one. */
static void add_escaped(struct buffer *out, struct text value)
{
	for (size_t i = 0; i < value.length; i++) {
		if (text_starts_with((struct text){ value.data + i, value.length - i }, "${"))
			buffer_add_char(out, '$');
		buffer_add_char(out, value.data[i]);
	}
}

static struct text mask(struct names *names, struct text text)
{
	for (size_t i = 0; i < names->secrets.count; i++) {
		struct text secret = text_of(names->secrets.items[i]);
		struct buffer masked = BUFFER_EMPTY;
		const char *end = text.data + text.length;
		const char *from = text.data, *found;

		while ((found = memmem(from, (size_t)(end - from), secret.data, secret.length))) {
			buffer_add(&masked, from, (size_t)(found - from));
			buffer_add_string(&masked, "***");
			from = found + secret.length;
		}
		buffer_add(&masked, from, (size_t)(end - from));
		text = arena_text(names->arena, buffer_text(&masked));
		buffer_release(&masked);
	}
	return text;
}

struct text names_show(struct names *names, struct text source)
{
	struct buffer shown = BUFFER_EMPTY;
	struct text result;

	for (size_t i = 0; i < source.length;) {
		struct text rest = { source.data + i, source.length - i };
		size_t length = yaml_substitution_length(rest);
		struct text value;
		struct error err;
		bool ours;

		if (text_starts_with(rest, "$${"))
			length = 3;
		else if (length && look_up(names, inside(rest, length), &value, &ours, &err)) {
			add_escaped(&shown, value);
			i += length;
			continue;
		}
		buffer_add(&shown, rest.data, length ? length : 1);
		i += length ? length : 1;
	}
	result = arena_text(names->arena, mask(names, buffer_text(&shown)));
	buffer_release(&shown);
	return result;
}

struct text names_show_value(struct names *names, struct text value)
{
	struct buffer escaped = BUFFER_EMPTY;
	struct text result;

	add_escaped(&escaped, value);
	result = arena_text(names->arena, mask(names, buffer_text(&escaped)));
	buffer_release(&escaped);
	return result;
}
