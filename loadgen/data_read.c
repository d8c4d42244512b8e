#include "loadgen/data_read.h"

#include <ctype.h>
#include <stdlib.h>

#include "lib/json_pointer.h"
#include "lib/path.h"
#include "loadgen/data_rows.h"
#include "loadgen/plan.h"

struct data_keys {
	char *csv, *json, *read, *each, *pick;
	const struct yaml *rows;
};

static const struct shape scalar_shape = { .kind = SHAPE_STRING };
static const struct shape row_map_shape = { .kind = SHAPE_MAP_OF, .of = &scalar_shape };
static const struct shape *const row_options[] = { &scalar_shape, &row_map_shape, NULL };
static const struct shape row_shape = {
	.kind = SHAPE_ONE_OF,
	  .help = "a map of column: value, or a single value", .options = row_options
};
static const struct shape rows_shape = { .kind = SHAPE_LIST_OF, .of = &row_shape };

static const struct key data_keys[] = {
	{ "csv", KEY_STRING, offsetof(struct data_keys, csv),
	  .help = "a CSV file; its first line names the columns", .example = "data/customers.csv" },
	{ "json", KEY_STRING, offsetof(struct data_keys, json),
	  .help = "a JSON file with an array of objects or of plain values (see `each`)",
	  .example = "data/products.json" },
	{ "read", KEY_STRING, offsetof(struct data_keys, read),
	  .help = "a path of the target that answers with such JSON; read once, before the "
		  "first start",
	  .example = "GET /api/products?limit=500" },
	{ "rows", KEY_NODE, offsetof(struct data_keys, rows), .shape = &rows_shape,
	  .help = "the rows themselves; plain values are a column called `value`",
	  .example = "[SPRING, SUMMER]" },
	{ "each", KEY_STRING, offsetof(struct data_keys, each),
	  .help = "JSON Pointer to the array in `json` or `read`; without it the whole document",
	  .example = "/items" },
	{ "pick", KEY_STRING, offsetof(struct data_keys, pick), .initial = "random",
	  .help = "which row a start gets: `random`, `sequential` (round and round), `unique` "
		  "(no row twice in a run), or `zipf S` (the first rows most, weight 1/rank^S)",
	  .example = "zipf 1.1" },
	KEYS_END
};

static const struct shape source_shape = { .kind = SHAPE_KEYS,
					   .name = "data-source",
					   .keys = data_keys };
const struct shape data_shape = { .kind = SHAPE_MAP_OF, .of = &source_shape };

static bool read_pick(const char *pick, struct data_source *source, struct error *err)
{
	static const char *const known[] = { "sequential", "random", "zipf", "unique", NULL };
	struct text name = text_of(pick);
	const char *nearest;

	name.length = strcspn(pick, " ");
	for (int i = 0; known[i]; i++) {
		if (!text_is(name, known[i]))
			continue;
		source->pick = (enum pick)i;
		source->zipf = 1;
		if (!pick[name.length])
			return true;
		if (i != PICK_ZIPF)
			return error_set(err, "'pick': only 'zipf' takes a number");
		if (!unit_number(text_of(pick + name.length), &source->zipf, err))
			return false;
		return (source->zipf > 0 && source->zipf <= 10) ||
		       error_set(err, "'pick': the exponent of zipf is above 0 and at most 10");
	}
	nearest = suggest(name, known);
	if (nearest)
		return error_set(err, "'pick': unknown way '%.60s' (did you mean '%s'?)", pick,
				 nearest);
	return error_set(err,
			 "'pick': unknown way '%.60s' (there are: random, sequential, "
	"unique, zipf)",
			 pick);
}

/* "GET /path" or "/path". */
static bool read_endpoint(const char *read, struct data_source *source, struct arena *arena,
			  struct error *err)
{
	const char *path = strncmp(read, "GET ", 4) == 0 ? read + 4 : read;

	path += strspn(path, " ");
	if (*path != '/')
		return error_set(err,
				 "'read' wants a path of the target such as 'GET /api/products', "
				 "not '%.60s'",
				 read);
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return error_set(err, "'read': a path has no blanks ('%.60s')", read);
	source->path = arena_string(arena, text_of(path));
	return true;
}

static bool add_cell(struct data_rows *rows, struct value *row, const char *column,
		     const struct yaml *node, struct reading *reading)
{
	int number = data_column(rows->source, text_of(column));
	struct yaml scalar = *node;

	if (node->kind != YAML_SCALAR)
		return complain(reading->complaints, node->at,
				"a value of a row is a scalar, not %s", yaml_kind_name(node));
	if (number < 0)
		return complain(reading->complaints, node->at,
				"column '%s' is not in the first row", column);
	if (reading->substitute &&
	    !reading->substitute(reading->context, &scalar, reading->complaints))
		return false;
	row[number] = yaml_value(&scalar);
	return true;
}

static bool add_row(struct data_rows *rows, const struct yaml *node, struct reading *reading)
{
	struct value *row = data_rows_add(rows);
	bool good = true;

	if (node->kind == YAML_SCALAR)
		return add_cell(rows, row, "value", node, reading);
	if (node->kind == YAML_LIST)
		return complain(reading->complaints, node->at,
				"a row is a map of column: value, or a single value, not a list");
	for (const struct yaml *cell = node->first; cell; cell = cell->next)
		good = add_cell(rows, row, cell->text.data, cell->value, reading) && good;
	return good;
}

/* The first row names the columns. */
static bool add_columns(struct data_source *source, const struct yaml *row, struct reading *reading)
{
	if (row->kind != YAML_MAP)
		return data_add_column(source, text_of("value"), reading->arena);
	for (const struct yaml *cell = row->first; cell; cell = cell->next)
		if (!data_add_column(source, cell->text, reading->arena))
			return complain(reading->complaints, cell->at, "at most %d columns",
					(int)COLUMNS_MAX);
	return true;
}

static bool read_rows(const struct yaml *list, struct data_source *source, struct reading *reading)
{
	struct data_rows rows = { .source = source };
	bool good = true;
	struct error err;

	if (list->kind != YAML_LIST || !list->first)
		return complain(reading->complaints, list->at,
				"'rows' wants a list of rows, not %s",
				list->kind == YAML_LIST ? "an empty one" : yaml_kind_name(list));
	if (!add_columns(source, list->first, reading) || !source->column_count)
		return complain(reading->complaints, list->first->at, "a row without a column");
	for (const struct yaml *row = list->first; row; row = row->next)
		good = add_row(&rows, row, reading) && good;
	if (!data_rows_finish(&rows, good, reading->arena, &err) && good)
		return complain_error(reading->complaints, &err);
	return good;
}

static const char *const kinds[] = { "csv", "json", "read", "rows", NULL };

static const enum data_origin origins[] = { DATA_CSV, DATA_JSON, DATA_ENDPOINT, DATA_INLINE };

/* Exactly one of them says where the rows come from. */
static const struct yaml *find_origin(const struct yaml *map, struct data_source *source,
				      struct reading *reading)
{
	const struct yaml *found = NULL;
	const char *name = NULL;

	for (size_t i = 0; kinds[i]; i++) {
		const struct yaml *node = yaml_get(map, kinds[i]);

		if (node && found) {
			complain(reading->complaints, node->at,
				 "'%s' and '%s': rows come from one place", name, kinds[i]);
			return NULL;
		}
		if (!node)
			continue;
		found = node;
		name = kinds[i];
		source->origin = origins[i];
	}
	if (!found)
		complain(reading->complaints, source->at,
			 "data '%s' says not where its rows come from (csv, json, read or rows)",
			 source->name);
	return found;
}

static bool read_origin(const struct data_keys *keys, const struct yaml *node,
			struct data_source *source, struct reading *reading)
{
	const char *file = source->origin == DATA_CSV ? keys->csv : keys->json;
	struct place at = source->at;
	struct error err;
	bool good;

	if (source->origin == DATA_INLINE)
		return read_rows(node, source, reading);
	if (source->origin == DATA_ENDPOINT)
		return read_endpoint(keys->read, source, reading->arena, &err) ||
		       complain(reading->complaints, node->at, "%s", err.text);
	source->file = path_beside(reading->arena, node->at.file, file);
	source->at = node->at; /* what is wrong with the file is wrong where it is named */
	good = data_read_file(source, reading->arena, &err) ||
	       complain_error_at(reading->complaints, node->at, &err);
	source->at = at;
	return good;
}

static bool read_each(const struct data_keys *keys, const struct yaml *map,
		      struct data_source *source, struct reading *reading)
{
	const struct yaml *node = yaml_get(map, "each");
	struct json_pointer pointer;
	struct error err;

	source->each = keys->each ? keys->each : arena_string(reading->arena, text_of(""));
	if (!node)
		return true;
	if (source->origin != DATA_JSON && source->origin != DATA_ENDPOINT)
		return complain(reading->complaints, node->at, "'each' goes with 'json' or 'read'");
	return json_pointer_compile(&pointer, text_of(source->each), reading->arena, &err) ||
	       complain(reading->complaints, node->at, "'each': %s", err.text);
}

static bool read_source(const struct yaml *map, struct data_source *source, struct reading *reading)
{
	struct data_keys keys;
	const struct yaml *origin, *pick;
	struct error err;
	bool good;

	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "data '%s' wants a map, not %s",
				source->name, yaml_kind_name(map));
	good = schema_read(data_keys, map, &keys, reading);
	origin = find_origin(map, source, reading);
	if (!good || !origin)
		return false;
	pick = yaml_get(map, "pick");
	if (!read_pick(keys.pick, source, &err))
		good = complain(reading->complaints, pick ? pick->at : map->at, "%s", err.text);
	return read_each(&keys, map, source, reading) &&
	       read_origin(&keys, origin, source, reading) && good;
}

/* What ${...} gives another meaning can't name a source. */
static bool check_name(const struct yaml *name, struct reading *reading)
{
	static const char *const taken[] = {
		"fn", "env", "secret", "user", "loop", "request", NULL
	};

	for (size_t i = 0; taken[i]; i++)
		if (text_is(name->text, taken[i]))
			return complain(reading->complaints, name->at,
					"data can't be called '%s', ${%s...} has a meaning",
					taken[i], taken[i]);
	for (size_t i = 0; i < name->text.length; i++) {
		char c = name->text.data[i];

		if (!isalnum((unsigned char)c) && c != '_' && c != '-')
			return complain(reading->complaints, name->at,
					"'%s' is no name (letters, digits, - and _)",
					name->text.data);
	}
	return name->text.length || complain(reading->complaints, name->at, "an empty name");
}

bool data_section_read(const struct yaml *data, struct reading *reading,
		       struct data_source **sources, uint8_t *count)
{
	bool good = true;

	*count = 0;
	if (data->kind != YAML_MAP)
		return complain(reading->complaints, data->at, "'data' wants a map, not %s",
				yaml_kind_name(data));
	if (data->count > SOURCES_MAX)
		return complain(reading->complaints, data->at, "at most %d data sources",
				SOURCES_MAX);
	*sources = arena_array(reading->arena, data->count, sizeof(**sources));
	for (const struct yaml *name = data->first; name; name = name->next) {
		struct data_source *source = &(*sources)[*count];

		source->name = arena_string(reading->arena, name->text);
		source->at = name->at;
		source->number = (*count)++;
		good = check_name(name, reading) && good;
		good = read_source(name->value, source, reading) && good;
	}
	return good;
}
