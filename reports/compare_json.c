/* compare.json: a comparison for other programs. See compare.h. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "reports/compare.h"
#include "reports/words.h"

enum { STRING_BYTES_MAX = 700 };

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *string_json(const char *string)
{
	struct buffer clean = BUFFER_EMPTY;
	json_t *json;

	words_add_valid(&clean, text_of(string), STRING_BYTES_MAX);
	json = json_stringn(buffer_text(&clean).data, clean.length);
	buffer_release(&clean);
	return json;
}

static json_t *number_json(double number)
{
	return isfinite(number) ? json_real(round(number * 1e9) / 1e9) : json_null();
}

static json_t *strings_json(const char *const *strings, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, string_json(strings[i]));
	return list;
}

static json_t *sides_json(struct compare_run *const *runs, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *run = json_object();

		set(run, "directory", string_json(runs[i]->directory));
		set(run, "name", string_json(runs[i]->meta->name));
		set(run, "seed", string_json(runs[i]->meta->seed));
		set(run, "started", string_json(runs[i]->meta->started));
		json_array_append_new(list, run);
	}
	return list;
}

static void set_difference(json_t *object, const struct difference *difference)
{
	set(object, "change", number_json(difference->change));
	set(object, "low", number_json(difference->low));
	set(object, "high", number_json(difference->high));
}

static json_t *row_json(const struct compare_row *row)
{
	json_t *object = json_object();

	set(object, "request", string_json(row->name));
	set(object, "metric", json_string(row->metric));
	set(object, "unit", json_string(row->is_errors ? "share" : "us"));
	set(object, "base", number_json(row->base));
	set(object, "new", number_json(row->new));
	set_difference(object, &row->difference);
	set(object, "tolerance", number_json(row->tolerance));
	set(object, "p_regressed", number_json(row->p));
	set(object, "p_improved", number_json(row->p_improved));
	set(object, "verdict", json_string(compare_verdict_names[row->verdict]));
	set(object, "reason", string_json(row->why));
	return object;
}

static json_t *shift_json(const struct compare_shift *shift)
{
	json_t *object = json_object(), *points = json_array();

	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		json_t *point;

		if (!shift->known[i])
			continue;
		point = json_object();
		set(point, "quantile", number_json(compare_quantiles[i]));
		set(point, "base_us", number_json(shift->base[i]));
		set(point, "new_us", number_json(shift->new[i]));
		set_difference(point, &shift->differences[i]);
		json_array_append_new(points, point);
	}
	set(object, "request", string_json(shift->name));
	set(object, "base_count", json_integer((json_int_t)shift->base_count));
	set(object, "new_count", json_integer((json_int_t)shift->new_count));
	set(object, "points", points);
	return object;
}

bool compare_write_json(const struct comparison *comparison, struct buffer *out)
{
	json_t *root = json_object(), *rows = json_array(), *shifts = json_array();
	char *text;

	for (size_t i = 0; i < comparison->row_count; i++)
		json_array_append_new(rows, row_json(&comparison->rows[i]));
	for (size_t i = 0; i < comparison->shift_count; i++)
		json_array_append_new(shifts, shift_json(&comparison->shifts[i]));
	set(root, "schema", json_string("sagastorm/compare/1"));
	set(root, "verdict", json_string(compare_verdict_names[comparison->verdict]));
	set(root, "comparable", json_boolean(comparison->mismatch_count == 0));
	set(root, "mismatches", strings_json(comparison->mismatches, comparison->mismatch_count));
	set(root, "notes", strings_json(comparison->notes, comparison->note_count));
	set(root, "base", sides_json(comparison->base, comparison->base_count));
	set(root, "new", sides_json(comparison->new, comparison->new_count));
	set(root, "method", json_string(comparison->method));
	set(root, "tolerance", number_json(comparison->options.tolerance));
	set(root, "interval", json_real(0.9));
	set(root, "rows", rows);
	set(root, "shifts", shifts);
	text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	json_decref(root);
	if (text)
		buffer_format(out, "%s\n", text);
	free(text);
	return text != NULL;
}
