#include "loadgen/data.h"

#include <stdlib.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "loadgen/data_rows.h"

int data_column(const struct data_source *source, struct text name)
{
	for (int i = 0; i < source->column_count; i++)
		if (text_is(name, source->columns[i]))
			return i;
	return -1;
}

bool data_add_column(struct data_source *source, struct text name, struct arena *arena)
{
	if (source->column_count == COLUMNS_MAX)
		return false;
	if (!source->columns)
		source->columns = arena_array(arena, COLUMNS_MAX, sizeof(*source->columns));
	source->columns[source->column_count++] = arena_string(arena, name);
	return true;
}

struct value *data_rows_add(struct data_rows *rows)
{
	size_t columns = rows->source->column_count;
	struct value *row;

	if (rows->count + columns > rows->room) {
		rows->room = rows->room ? rows->room * 2 : 64 * columns;
		rows->values = memory_resize(rows->values, rows->room, sizeof(*rows->values));
	}
	row = rows->values + rows->count;
	memset(row, 0, columns * sizeof(*row));
	rows->count += columns;
	return row;
}

bool data_rows_finish(struct data_rows *rows, bool good, struct arena *arena, struct error *err)
{
	struct data_source *source = rows->source;
	size_t columns = source->column_count;

	if (good && (!rows->count || rows->count / columns >= NO_ROW))
		good = error_at(err, source->at, "data '%s' has %s", source->name,
				rows->count ? "too many rows" : "no rows");
	if (good) {
		source->row_count = (uint32_t)(rows->count / columns);
		source->values = arena_array(arena, rows->count, sizeof(*rows->values));
		memcpy(source->values, rows->values, rows->count * sizeof(*rows->values));
	}
	free(rows->values);
	return good;
}

bool data_read_file(struct data_source *source, struct arena *arena, struct error *err)
{
	struct buffer document = BUFFER_EMPTY;
	struct error why;
	bool good;

	if (!file_read(source->file, &document, &why)) {
		buffer_release(&document);
		return error_at(err, source->at, "%s", why.text);
	}
	good = source->origin == DATA_CSV ?
		       data_read_csv(source, buffer_text(&document), arena, err) :
		       data_read_json(source, buffer_text(&document), source->file, arena, err);
	buffer_release(&document);
	return good;
}
