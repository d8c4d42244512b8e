#include "lib/schema.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

enum { KNOWN_MAX = 128 }; /* keys of one table */

static void *field_at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static bool is_scalar_type(enum key_type type)
{
	return type <= KEY_CHOICE;
}

/* "a duration such as 10s" */
static const char *wanted(enum key_type type)
{
	static const char *const names[] = {
		[KEY_STRING] = "a string",
		[KEY_BOOL] = "yes or no",
		[KEY_INTEGER] = "a whole number",
		[KEY_NUMBER] = "a number",
		[KEY_DURATION] = "a duration such as 250ms or 10s",
		[KEY_RATE] = "a rate such as 20/s",
		[KEY_SIZE] = "a size such as 64KiB",
		[KEY_SHARE] = "a share such as 20%",
		[KEY_CHOICE] = "one of its choices",
		[KEY_STRINGS] = "a list of strings",
		[KEY_MAP] = "a map",
		[KEY_NODE] = "something",
	};

	return names[type];
}

static bool read_choice(const struct key *key, struct text text, int *choice, struct error *err)
{
	const char *nearest;
	char list[200] = "";
	size_t used = 0;

	for (int i = 0; key->choices[i]; i++) {
		if (text_is(text, key->choices[i])) {
			*choice = i;
			return true;
		}
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 i ? ", " : "", key->choices[i]);
	}
	nearest = suggest(text, key->choices);
	if (nearest)
		return error_set(err, "'%.60s' is none of %s (did you mean '%s'?)", text.data, list,
				 nearest);
	return error_set(err, "'%.60s' is none of %s", text.data, list);
}

static bool read_string(struct text text, char **string, struct arena *arena)
{
	*string = arena_string(arena, text);
	return true;
}

static bool read_scalar(const struct key *key, struct text text, void *field, struct arena *arena,
			struct error *err)
{
	switch (key->type) {
	case KEY_STRING:
		return read_string(text, field, arena);
	case KEY_BOOL:
		return unit_bool(text, field, err);
	case KEY_INTEGER:
		return unit_integer(text, field, err);
	case KEY_NUMBER:
		return unit_number(text, field, err);
	case KEY_DURATION:
		return unit_duration(text, field, err);
	case KEY_RATE:
		return unit_rate(text, field, err);
	case KEY_SIZE:
		return unit_size(text, field, err);
	case KEY_SHARE:
		return unit_share(text, field, err);
	case KEY_CHOICE:
		return read_choice(key, text, field, err);
	default:
		return error_set(err, "not a scalar");
	}
}

/* The value as a number, for its bounds. */
static double field_number(const struct key *key, const void *field)
{
	int64_t integer;
	double number;

	if (key->type == KEY_INTEGER || key->type == KEY_DURATION || key->type == KEY_SIZE) {
		memcpy(&integer, field, sizeof(integer));
		return (double)integer;
	}
	memcpy(&number, field, sizeof(number));
	return number;
}

static void show_bound(const struct key *key, double bound, struct buffer *out)
{
	if (key->type == KEY_DURATION)
		unit_show_duration(out, llround(bound));
	else if (key->type == KEY_RATE)
		buffer_format(out, "%g/s", bound);
	else if (key->type == KEY_SHARE)
		buffer_format(out, "%g%%", bound * 100);
	else if (key->type == KEY_SIZE)
		buffer_format(out, "%.0f bytes", bound);
	else
		buffer_format(out, "%.10g", bound);
}

static bool has_bounds(const struct key *key)
{
	bool numeric = key->type >= KEY_INTEGER && key->type <= KEY_SHARE;

	return numeric && (key->minimum < 0 || key->minimum > 0 || key->maximum > 0);
}

static bool check_bounds(const struct key *key, struct text text, const void *field,
			 struct error *err)
{
	struct buffer bound = BUFFER_EMPTY;
	double number;

	if (!has_bounds(key))
		return true;
	number = field_number(key, field);
	if (number < key->minimum) {
		show_bound(key, key->minimum, &bound);
		error_set(err, "'%.60s' is too little, the least is %s", text.data, bound.data);
	} else if (key->maximum > 0 && number > key->maximum) {
		show_bound(key, key->maximum, &bound);
		error_set(err, "'%.60s' is too much, the most is %s", text.data, bound.data);
	} else {
		return true;
	}
	buffer_release(&bound);
	return false;
}

/* A copy with ${...} folded in; false when it complained. */
static bool substitute(const struct key *key, struct yaml *scalar, struct reading *reading)
{
	if (!reading->substitute || (key->type == KEY_STRING && key->substituted))
		return true;
	return reading->substitute(reading->context, scalar, reading->complaints);
}

static bool complain_type(const struct key *key, const struct yaml *node, struct reading *reading)
{
	if (key->name)
		return complain(reading->complaints, node->at, "'%s' wants %s, not %s", key->name,
				wanted(key->type), yaml_kind_name(node));
	return complain(reading->complaints, node->at, "wants %s, not %s", wanted(key->type),
			yaml_kind_name(node));
}

static bool read_scalar_node(const struct key *key, const struct yaml *node, void *field,
			     struct reading *reading)
{
	struct yaml scalar = *node;
	struct error err;

	if (node->kind != YAML_SCALAR || yaml_is_null(node))
		return complain_type(key, node, reading);
	if (!substitute(key, &scalar, reading))
		return false;
	if (read_scalar(key, scalar.text, field, reading->arena, &err) &&
	    check_bounds(key, scalar.text, field, &err))
		return true;
	if (key->name)
		return complain(reading->complaints, node->at, "'%s': %s", key->name, err.text);
	return complain(reading->complaints, node->at, "%s", err.text);
}

static bool read_strings(const struct key *key, const struct yaml *node, struct strings *strings,
			 struct reading *reading)
{
	const struct key one = { .name = key->name,
				 .type = KEY_STRING,
				 .substituted = key->substituted };
	const struct yaml *item = node->kind == YAML_LIST ? node->first : node;
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	bool good = true;

	if (node->kind == YAML_MAP)
		return complain_type(key, node, reading);
	*strings =
		(struct strings){ arena_array(reading->arena, count + 1, sizeof(char *)),
				  arena_array(reading->arena, count + 1, sizeof(struct place)), 0 };
	for (size_t i = 0; i < count; i++, item = item->next) {
		if (!read_scalar_node(&one, item, &strings->items[strings->count], reading)) {
			good = false;
			continue;
		}
		strings->places[strings->count++] = item->at;
	}
	return good;
}

static bool read_field(const struct key *key, const struct yaml *node, void *field,
		       struct reading *reading)
{
	if (key->type == KEY_NODE) {
		memcpy(field, &node, sizeof(node));
		return true;
	}
	if (key->type == KEY_STRINGS)
		return read_strings(key, node, field, reading);
	if (key->type != KEY_MAP)
		return read_scalar_node(key, node, field, reading);
	if (yaml_is_null(node))
		return true;
	if (node->kind != YAML_MAP)
		return complain_type(key, node, reading);
	return schema_read(key->keys, node, field, reading);
}

bool schema_read_value(const struct key *key, const struct yaml *node, void *field,
		       struct reading *reading)
{
	return read_field(key, node, field, reading);
}

static const struct key *find_key(const struct key *keys, struct text name)
{
	for (; keys->name; keys++)
		if (text_is(name, keys->name))
			return keys;
	return NULL;
}

static bool complain_key(const struct key *keys, const struct yaml *name, struct reading *reading)
{
	const char *known[KNOWN_MAX + 1] = { NULL };

	for (size_t i = 0; i < KNOWN_MAX && keys[i].name; i++)
		known[i] = keys[i].name;
	complain_unknown(reading->complaints, name->at, "key", name->text, known);
	return false;
}

static bool check_required(const struct key *keys, const struct yaml *map, struct reading *reading)
{
	bool good = true;

	for (; keys->name; keys++)
		if (keys->required && !yaml_get(map, keys->name))
			good = complain(reading->complaints, map->at, "missing key '%s'",
					keys->name);
	return good;
}

bool schema_read(const struct key *keys, const struct yaml *map, void *into,
		 struct reading *reading)
{
	bool good = true;

	schema_defaults(keys, into, reading->arena);
	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "wants a map, not %s",
				yaml_kind_name(map));
	for (const struct yaml *name = map->first; name; name = name->next) {
		const struct key *key = find_key(keys, name->text);

		if (!key)
			good = complain_key(keys, name, reading);
		else if (!read_field(key, name->value, field_at(into, key->offset), reading))
			good = false;
	}
	return check_required(keys, map, reading) && good;
}

static size_t field_bytes(const struct key *key)
{
	switch (key->type) {
	case KEY_BOOL:
		return sizeof(bool);
	case KEY_CHOICE:
		return sizeof(int);
	case KEY_STRINGS:
		return sizeof(struct strings);
	case KEY_STRING:
	case KEY_NODE:
		return sizeof(void *);
	default:
		return sizeof(int64_t);
	}
}

void schema_defaults(const struct key *keys, void *into, struct arena *arena)
{
	for (; keys->name; keys++) {
		void *field = field_at(into, keys->offset);
		bool good;

		if (keys->type == KEY_MAP) {
			schema_defaults(keys->keys, field, arena);
			continue;
		}
		memset(field, 0, field_bytes(keys));
		if (!keys->initial || !is_scalar_type(keys->type))
			continue;
		good = read_scalar(keys, text_of(keys->initial), field, arena, NULL);
		assert(good); /* or a default in a table of ours does not fit its type */
		(void)good;
	}
}
