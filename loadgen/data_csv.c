/* Rows from a CSV file (RFC 4180, first line: names). See data.h. */
#include "loadgen/data_rows.h"

#include "lib/buffer.h"

struct csv {
	struct text rest;
	struct place at; /* of the next field */
	struct arena *arena;
	bool line_ended; /* the field just read was the last of its line */
};

static char next_char(const struct csv *csv)
{
	return csv->rest.length ? csv->rest.data[0] : '\0';
}

static void skip_char(struct csv *csv)
{
	if (csv->rest.data[0] == '\n') {
		csv->at.line++;
		csv->at.column = 0;
	}
	csv->at.column++;
	csv->rest.data++;
	csv->rest.length--;
}

/* Between quotes anything goes; two quotes are one. */
static bool read_quoted(struct csv *csv, struct buffer *field, struct error *err)
{
	struct place opened = csv->at;

	skip_char(csv);
	while (csv->rest.length) {
		char c = next_char(csv);

		skip_char(csv);
		if (c != '"') {
			buffer_add_char(field, c);
		} else if (next_char(csv) == '"') {
			buffer_add_char(field, '"');
			skip_char(csv);
		} else {
			return true;
		}
	}
	return error_at(err, opened, "this quote is never closed");
}

static bool end_field(struct csv *csv, struct error *err)
{
	if (csv->rest.length && next_char(csv) == '\r')
		skip_char(csv);
	csv->line_ended = !csv->rest.length || next_char(csv) == '\n';
	if (!csv->line_ended && next_char(csv) != ',')
		return error_at(err, csv->at, "a comma or the end of the line was expected here");
	if (csv->rest.length)
		skip_char(csv);
	return true;
}

static bool read_field(struct csv *csv, struct text *out, struct error *err)
{
	struct buffer field = BUFFER_EMPTY;
	bool good = true;

	if (next_char(csv) == '"')
		good = read_quoted(csv, &field, err);
	else
		while (csv->rest.length && !strchr(",\r\n", next_char(csv))) {
			buffer_add_char(&field, next_char(csv));
			skip_char(csv);
		}
	if (good)
		*out = arena_text(csv->arena, buffer_text(&field));
	buffer_release(&field);
	return good && end_field(csv, err);
}

static bool read_names(struct csv *csv, struct data_source *source, struct error *err)
{
	do {
		struct place at = csv->at;
		struct text name;

		if (!read_field(csv, &name, err))
			return false;
		if (!name.length)
			return error_at(err, at, "a column without a name");
		if (data_column(source, name) >= 0)
			return error_at(err, at, "two columns are called '%s'", name.data);
		if (!data_add_column(source, name, csv->arena))
			return error_at(err, at, "more than %d columns", COLUMNS_MAX);
	} while (!csv->line_ended);
	return true;
}

static bool read_row(struct csv *csv, struct data_rows *rows, struct error *err)
{
	uint8_t columns = rows->source->column_count;
	struct place line = csv->at;
	struct value *row = data_rows_add(rows);

	for (uint8_t i = 0; i < columns; i++) {
		struct text field;

		if (i > 0 && csv->line_ended)
			return error_at(err, line,
					"this line has no column '%s': it has %d of %d fields",
					rows->source->columns[i], i, columns);
		if (!read_field(csv, &field, err))
			return false;
		row[i] = value_string(field);
	}
	if (!csv->line_ended)
		return error_at(err, csv->at, "this line has more than %d fields", columns);
	return true;
}

static bool is_blank_line(struct csv *csv)
{
	return next_char(csv) == '\n' ||
	       (csv->rest.length > 1 && csv->rest.data[0] == '\r' && csv->rest.data[1] == '\n');
}

bool data_read_csv(struct data_source *source, struct text document, struct arena *arena,
		   struct error *err)
{
	struct csv csv = { document, { source->file, 1, 1 }, arena, false };
	struct data_rows rows = { .source = source };
	bool good;

	if (text_starts_with(csv.rest, "\xef\xbb\xbf")) {
		csv.rest.data += 3;
		csv.rest.length -= 3;
	}
	if (!csv.rest.length)
		return error_at(err, csv.at,
				"the file is empty; its first line should name the columns");
	good = read_names(&csv, source, err);
	while (good && csv.rest.length) {
		if (is_blank_line(&csv)) {
			while (next_char(&csv) != '\n')
				skip_char(&csv);
			skip_char(&csv);
			continue;
		}
		good = read_row(&csv, &rows, err);
	}
	return data_rows_finish(&rows, good, arena, err);
}
