/*
 * Rows from a JSON document: an array of objects, or of plain values. See data.h.
 *
 * jansson says whether the document is JSON, and where not; the values are then taken from the text
 * itself, so that a price of 10.00 stays 10.00.
 */
#include <jansson.h>

#include "lib/json_pointer.h"
#include "loadgen/data_rows.h"

struct reader {
	struct data_rows rows;
	struct json_pointer *members; /* one per column */
	struct arena *arena;
};

static struct value keep(struct reader *reader, const struct json_found *found)
{
	struct buffer scratch = BUFFER_EMPTY;
	struct value value = json_value(found, &scratch);

	value.text = arena_text(reader->arena, value.text);
	buffer_release(&scratch);
	return value;
}

static bool add_row(void *context, struct json_found *element)
{
	struct reader *reader = context;
	const struct data_source *source = reader->rows.source;
	struct value *row = data_rows_add(&reader->rows);

	for (uint8_t i = 0; i < source->column_count; i++) {
		struct json_found found;

		if (element->kind != VALUE_JSON) {
			if (strcmp(source->columns[i], "value") == 0)
				row[i] = keep(reader, element);
		} else if (json_find(&reader->members[i], element->raw, &found) == JSON_FOUND) {
			row[i] = keep(reader, &found);
		}
	}
	return true;
}

/* A pointer to the member of that name: / and ~ in it are escaped (RFC 6901). */
static bool compile_member(struct json_pointer *pointer, const char *column, struct arena *arena,
			   struct error *err)
{
	struct buffer source = BUFFER_EMPTY;
	bool good;

	buffer_add_char(&source, '/');
	for (; *column; column++) {
		if (*column == '~' || *column == '/')
			buffer_add_string(&source, *column == '~' ? "~0" : "~1");
		else
			buffer_add_char(&source, *column);
	}
	good = json_pointer_compile(pointer, arena_text(arena, buffer_text(&source)), arena, err);
	buffer_release(&source);
	return good;
}

/* A file's columns are the members of its objects; an endpoint's are what journeys asked for. */
static void learn_columns(struct data_source *source, const json_t *array, struct arena *arena)
{
	size_t index;
	json_t *element, *member;
	const char *name;

	json_array_foreach((json_t *)(uintptr_t)array, index, element) {
		if (!json_is_object(element)) {
			if (data_column(source, text_of("value")) < 0)
				data_add_column(source, text_of("value"), arena);
			continue;
		}
		json_object_foreach(element, name, member)
			if (data_column(source, text_of(name)) < 0)
				data_add_column(source, text_of(name), arena);
	}
}

static bool check_document(struct data_source *source, struct text document, struct text array,
			   const char *name, struct arena *arena, struct error *err)
{
	json_error_t problem;
	json_t *root = json_loadb(document.data, document.length, JSON_DECODE_ANY, &problem);

	if (!root)
		return error_at(err, (struct place){ name, problem.line, problem.column },
				"not JSON: %s", problem.text);
	json_decref(root);
	root = json_loadb(array.data, array.length, JSON_DECODE_ANY, &problem);
	if (!json_is_array(root)) {
		json_decref(root);
		return error_at(err, (struct place){ name, 0, 0 },
				"'%s' is not an array of rows (data '%s')",
				source->each && *source->each ? source->each : "the document",
				source->name);
	}
	if (source->origin != DATA_ENDPOINT)
		learn_columns(source, root, arena);
	json_decref(root);
	return true;
}

static bool find_array(struct data_source *source, struct text document, const char *name,
		       struct text *array, struct arena *arena, struct error *err)
{
	struct json_pointer pointer;
	struct json_found found;

	*array = document;
	if (!source->each || !*source->each)
		return true;
	if (!json_pointer_compile(&pointer, text_of(source->each), arena, err))
		return false;
	if (json_find(&pointer, document, &found) != JSON_FOUND)
		return error_at(err, (struct place){ name, 0, 0 },
				"there is no '%s' in it (data '%s')", source->each, source->name);
	*array = found.raw;
	return true;
}

bool data_read_json(struct data_source *source, struct text document, const char *name,
		    struct arena *arena, struct error *err)
{
	struct reader reader = { .rows = { .source = source }, .arena = arena };
	struct text array;
	bool good;

	if (!find_array(source, document, name, &array, arena, err) ||
	    !check_document(source, document, array, name, arena, err))
		return false;
	if (!source->column_count && !data_add_column(source, text_of("value"), arena))
		return false;
	reader.members = arena_array(arena, source->column_count, sizeof(*reader.members));
	for (uint8_t i = 0; i < source->column_count; i++)
		if (!compile_member(&reader.members[i], source->columns[i], arena, err))
			return false;
	good = json_each(array, add_row, &reader) != JSON_MALFORMED ||
	       error_set(err, "%s: not JSON (data '%s')", name, source->name);
	return data_rows_finish(&reader.rows, good, arena, err);
}
