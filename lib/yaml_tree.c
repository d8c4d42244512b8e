/* Looking at a tree. See yaml.h. */
#include "lib/yaml.h"

#include <stdlib.h>

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (struct yaml *child = map->first; child; child = child->next)
		if (text_is(child->text, key))
			return child->value;
	return NULL;
}

bool yaml_is_null(const struct yaml *node)
{
	return node->kind == YAML_SCALAR && !node->quoted &&
	       (node->text.length == 0 || text_is(node->text, "~") ||
		text_is_nocase(node->text, "null"));
}

const char *yaml_kind_name(const struct yaml *node)
{
	char *end;

	if (node->kind == YAML_LIST)
		return "a list";
	if (node->kind == YAML_MAP)
		return "a map";
	if (yaml_is_null(node))
		return "nothing";
	strtod(node->text.data, &end);
	if (node->quoted || *end || !strchr("+-.0123456789", node->text.data[0]))
		return "a string";
	return "a number";
}

static size_t skip_digits(const char **at)
{
	size_t digits = strspn(*at, "0123456789");

	*at += digits;
	return digits;
}

/* A number as JSON would write it, so that it can be sent without quotes. */
static bool is_json_number(const char *at)
{
	at += *at == '-';
	if (*at == '0' ? *++at >= '0' && *at <= '9' : !skip_digits(&at))
		return false;
	if (*at == '.' && (at++, !skip_digits(&at)))
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '-' || *at == '+';
		if (!skip_digits(&at))
			return false;
	}
	return *at == '\0';
}

struct value yaml_value(const struct yaml *scalar)
{
	struct value value = { VALUE_STRING, scalar->text };

	if (scalar->kind != YAML_SCALAR)
		value = (struct value){ VALUE_ABSENT, { "", 0 } };
	else if (yaml_is_null(scalar))
		value = (struct value){ VALUE_NULL, { "null", 4 } };
	else if (scalar->quoted)
		return value;
	else if (text_is(scalar->text, "true") || text_is(scalar->text, "false"))
		value.kind = VALUE_BOOL;
	else if (is_json_number(scalar->text.data))
		value.kind = VALUE_NUMBER;
	return value;
}
