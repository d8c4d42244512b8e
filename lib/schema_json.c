/* A draft-07 JSON Schema from the tables. Editors complete and check scenarios with it. */
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "lib/schema.h"

#define NUMBER "([0-9]+(\\.[0-9]*)?|\\.[0-9]+)"

static const char *const patterns[] = {
	[KEY_DURATION] = "^(0|(" NUMBER "(us|ms|s|m|h|d))+)$",
	[KEY_RATE] = "^" NUMBER "/(s|m|h)$",
	[KEY_SIZE] = "^" NUMBER "(B|kB|KB|MB|GB|KiB|MiB|GiB)?$",
	[KEY_SHARE] = "^" NUMBER "%?$",
};

static json_t *write_keys(const struct key *keys, json_t *definitions);
static json_t *write_shape(const struct shape *shape, json_t *definitions);

static json_t *any_string(const char *pattern)
{
	if (!pattern)
		return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/* What is substituted can't be checked before it is known. */
static json_t *or_substituted(json_t *options)
{
	json_array_append_new(options, any_string("\\$\\{"));
	return json_pack("{s:o}", "anyOf", options);
}

static json_t *choice_options(const char *const *choices)
{
	json_t *all = json_array();

	for (; *choices; choices++) {
		struct error err;
		bool yes;

		json_array_append_new(all, json_string(*choices));
		if (isdigit((unsigned char)**choices)) /* 1.1 is a number to YAML */
			json_array_append_new(all, json_loads(*choices, JSON_DECODE_ANY, NULL));
		else if (unit_bool(text_of(*choices), &yes, &err))
			json_array_append_new(all, json_boolean(yes));
	}
	return json_pack("[{s:o}]", "enum", all);
}

static json_t *bound(const struct key *key, double at)
{
	return key->type == KEY_INTEGER ? json_integer((json_int_t)llround(at)) : json_real(at);
}

static json_t *number_options(const struct key *key)
{
	json_t *number =
		json_pack("{s:s}", "type", key->type == KEY_INTEGER ? "integer" : "number");

	if (key->minimum < 0 || key->minimum > 0 || key->maximum > 0)
		json_object_set_new(number, "minimum", bound(key, key->minimum));
	if (key->maximum > 0 && isfinite(key->maximum))
		json_object_set_new(number, "maximum", bound(key, key->maximum));
	return json_pack("[o]", number);
}

static json_t *scalar_options(const struct key *key)
{
	json_t *options = json_array();

	if (patterns[key->type])
		json_array_append_new(options, any_string(patterns[key->type]));
	if (key->type == KEY_DURATION)
		json_array_append_new(options, json_pack("{s:i}", "const", 0));
	if (key->type == KEY_SIZE)
		json_array_append_new(options,
				      json_pack("{s:s, s:i}", "type", "integer", "minimum", 0));
	if (key->type == KEY_SHARE)
		json_array_append_new(options, json_pack("{s:s, s:i, s:i}", "type", "number",
							 "minimum", 0, "maximum", 1));
	return options;
}

static json_t *write_type(const struct key *key, json_t *definitions)
{
	switch (key->type) {
	case KEY_STRING:
		return any_string(NULL);
	case KEY_BOOL:
		return or_substituted(json_pack("[{s:s}, {s:[s,s,s,s]}]", "type", "boolean", "enum",
						"yes", "no", "on", "off"));
	case KEY_INTEGER:
	case KEY_NUMBER:
		return or_substituted(number_options(key));
	case KEY_CHOICE:
		return or_substituted(choice_options(key->choices));
	case KEY_STRINGS:
		return json_pack("{s:[o, {s:s, s:o}]}", "anyOf", any_string(NULL), "type", "array",
				 "items", any_string(NULL));
	case KEY_MAP:
		return write_keys(key->keys, definitions);
	case KEY_NODE:
		return key->shape ? write_shape(key->shape, definitions) : json_object();
	default:
		return or_substituted(scalar_options(key));
	}
}

static json_t *write_initial(const struct key *key)
{
	struct error err;
	int64_t integer;
	bool yes;

	if (key->type == KEY_BOOL && unit_bool(text_of(key->initial), &yes, &err))
		return json_boolean(yes);
	if (key->type == KEY_INTEGER && unit_integer(text_of(key->initial), &integer, &err))
		return json_integer(integer);
	return json_string(key->initial);
}

/* Beside a $ref nothing counts in draft-07, so the reference moves into an allOf. */
static json_t *beside_reference(json_t *type)
{
	if (!json_object_get(type, "$ref"))
		return type;
	return json_pack("{s:[o]}", "allOf", type);
}

static json_t *write_key(const struct key *key, json_t *definitions)
{
	json_t *type = beside_reference(write_type(key, definitions));

	if (key->help && key->example && key->type >= KEY_STRINGS)
		json_object_set_new(type, "description",
				    json_sprintf("%s\n\nExample: %s", key->help, key->example));
	else if (key->help)
		json_object_set_new(type, "description", json_string(key->help));
	if (key->initial)
		json_object_set_new(type, "default", write_initial(key));
	if (key->example && key->type < KEY_STRINGS)
		json_object_set_new(type, "examples", json_pack("[s]", key->example));
	return type;
}

static json_t *write_keys(const struct key *keys, json_t *definitions)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *map = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
				"properties", properties);

	for (; keys->name; keys++) {
		json_object_set_new(properties, keys->name, write_key(keys, definitions));
		if (keys->required)
			json_array_append_new(required, json_string(keys->name));
	}
	if (json_array_size(required))
		json_object_set(map, "required", required);
	json_decref(required);
	return map;
}

static json_t *write_options(const struct shape *const *options, json_t *definitions)
{
	json_t *all = json_array();

	for (; *options; options++)
		json_array_append_new(all, write_shape(*options, definitions));
	return json_pack("{s:o}", "anyOf", all);
}

static json_t *write_shape_body(const struct shape *shape, json_t *definitions)
{
	switch (shape->kind) {
	case SHAPE_STRING:
		return any_string(shape->pattern);
	case SHAPE_MAP_OF:
		return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
				 write_shape(shape->of, definitions));
	case SHAPE_LIST_OF:
		return json_pack("{s:s, s:o}", "type", "array", "items",
				 write_shape(shape->of, definitions));
	case SHAPE_KEYS:
		return write_keys(shape->keys, definitions);
	case SHAPE_ONE_OF:
		return write_options(shape->options, definitions);
	case SHAPE_ANY:
		break;
	}
	return json_object();
}

static json_t *with_help(json_t *body, const struct shape *shape)
{
	if (!shape->help)
		return body;
	body = beside_reference(body);
	json_object_set_new(body, "description", json_string(shape->help));
	return body;
}

/* A named shape is defined once; its place is taken first, so that it may nest in itself. */
static json_t *write_shape(const struct shape *shape, json_t *definitions)
{
	if (!shape->name)
		return with_help(write_shape_body(shape, definitions), shape);
	if (!json_object_get(definitions, shape->name)) {
		json_object_set_new(definitions, shape->name, json_true());
		json_object_set_new(definitions, shape->name,
				    with_help(write_shape_body(shape, definitions), shape));
	}
	return json_pack("{s:o}", "$ref", json_sprintf("#/definitions/%s", shape->name));
}

void schema_write_json(const struct key *keys, const char *title, struct buffer *out)
{
	json_t *definitions = json_object();
	json_t *root = json_pack("{s:s, s:s}", "$schema", "http://json-schema.org/draft-07/schema#",
				 "title", title);
	json_t *map = write_keys(keys, definitions);
	char *text;

	json_object_update(root, map);
	json_decref(map);
	json_object_set_new(root, "definitions", definitions);
	text = json_dumps(root, JSON_INDENT(2));
	if (text)
		buffer_add_string(out, text);
	buffer_add_char(out, '\n');
	free(text);
	json_decref(root);
}
