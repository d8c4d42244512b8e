#include "lib/json_pointer.h"

#include "lib/json_scan.h"
#include "lib/json_text.h"
#include "lib/visible.h"

struct json_segment {
	struct text name;
	uint32_t index;
	bool is_index; /* spells an array index */
	bool is_count; /* the last one, and "#" */
};

static bool bad_pointer(struct error *err, struct text source, const char *why)
{
	char shown[VISIBLE_MAX];

	return error_set(err, "bad JSON Pointer '%s': %s", visible(shown, source), why);
}

static void read_index(struct json_segment *segment)
{
	struct text name = segment->name;

	segment->is_index =
		name.length >= 1 && name.length <= 9 && (name.data[0] != '0' || name.length == 1);
	for (size_t i = 0; i < name.length && segment->is_index; i++) {
		segment->is_index = name.data[i] >= '0' && name.data[i] <= '9';
		segment->index = segment->index * 10 + (uint32_t)(name.data[i] - '0');
	}
}

/* ~0 is ~ and ~1 is /. False when it is anything else. */
static bool decode_name(struct text raw, char *out, size_t *length)
{
	*length = 0;
	for (size_t i = 0; i < raw.length; i++) {
		char c = raw.data[i];

		if (c == '~') {
			if (++i == raw.length || (raw.data[i] != '0' && raw.data[i] != '1'))
				return false;
			c = raw.data[i] == '0' ? '~' : '/';
		}
		out[(*length)++] = c;
	}
	return true;
}

static size_t count_segments(struct text source)
{
	size_t count = 0;

	for (size_t i = 0; i < source.length; i++)
		count += source.data[i] == '/';
	return count;
}

static bool compile_segments(struct json_pointer *pointer, struct arena *arena)
{
	const char *p = pointer->source.data, *end = p + pointer->source.length;

	for (size_t i = 0; i < pointer->count; i++) {
		struct json_segment *segment = &pointer->segments[i];
		const char *start = p + 1, *slash = memchr(start, '/', (size_t)(end - start));
		struct text raw = { start, (size_t)((slash ? slash : end) - start) };
		char *name = arena_new(arena, raw.length + 1);

		if (!decode_name(raw, name, &segment->name.length))
			return false;
		segment->name.data = name;
		segment->is_count = i + 1 == pointer->count && text_is(segment->name, "#");
		read_index(segment);
		p = start + raw.length;
	}
	return true;
}

bool json_pointer_compile(struct json_pointer *pointer, struct text source, struct arena *arena,
			  struct error *err)
{
	pointer->source = arena_text(arena, source);
	pointer->count = count_segments(source);
	if (source.length && source.data[0] != '/')
		return bad_pointer(err, source, "it must start with '/'");
	if (pointer->count >= JSON_DEPTH_MAX)
		return bad_pointer(err, source, "it is too deep");
	pointer->segments = arena_array(arena, pointer->count + 1, sizeof(*pointer->segments));
	if (!compile_segments(pointer, arena))
		return bad_pointer(err, source, "'~' must be followed by 0 or 1");
	return true;
}

struct walk {
	const char *at, *end;
	int depth;
};

/* A member's name; `at` is then behind the colon and blanks, where the value starts. */
static inline bool read_name(struct walk *walk, struct text *name, bool *escaped)
{
	const char *p = walk->at, *name_end;

	*escaped = false;
	if (p == walk->end || *p != '"')
		return false;
	name_end = json_string_end(p + 1, walk->end, escaped);
	if (!name_end)
		return false;
	*name = (struct text){ p + 1, (size_t)(name_end - p) - 2 };
	p = json_blank_end(name_end, walk->end);
	if (p == walk->end || *p != ':')
		return false;
	walk->at = json_blank_end(p + 1, walk->end);
	return true;
}

/*
 * Over a value, and what follows it inside a bracket. FOUND: there is another one, MISSING: the
 * bracket has closed and `at` is behind it.
 */
static inline enum json_result skip_value(struct walk *walk, char closing)
{
	enum value_kind kind;
	bool escaped;
	const char *p = json_value_end(walk->at, walk->end, walk->depth, &kind, &escaped);

	if (!p)
		return JSON_MALFORMED;
	p = json_blank_end(p, walk->end);
	if (p == walk->end || (*p != ',' && *p != closing))
		return JSON_MALFORMED;
	walk->at = json_blank_end(p + 1, walk->end);
	return *p == ',' ? JSON_FOUND : JSON_MISSING;
}

/* At an opening bracket. Leaves `at` at the first thing in it, if there is one. */
static enum json_result enter(struct walk *walk, char closing)
{
	walk->depth++;
	walk->at = json_blank_end(walk->at + 1, walk->end);
	if (walk->at == walk->end)
		return JSON_MALFORMED;
	if (*walk->at != closing)
		return JSON_FOUND;
	walk->at = json_blank_end(walk->at + 1, walk->end);
	return JSON_MISSING;
}

static enum json_result enter_member(struct walk *walk, struct text wanted)
{
	enum json_result result = enter(walk, '}');

	while (result == JSON_FOUND) {
		struct text name;
		bool escaped;

		if (!read_name(walk, &name, &escaped))
			return JSON_MALFORMED;
		if (escaped ? json_spells(name, wanted) : text_equal(name, wanted))
			return JSON_FOUND;
		result = skip_value(walk, '}');
	}
	return result;
}

static enum json_result enter_element(struct walk *walk, const struct json_segment *segment)
{
	enum json_result result = enter(walk, ']');

	for (uint32_t i = 0; result == JSON_FOUND; i++) {
		if (segment->is_index && i == segment->index)
			return JSON_FOUND;
		result = skip_value(walk, ']');
	}
	return result;
}

static enum json_result count_elements(struct walk *walk, struct json_found *found)
{
	enum json_result result = enter(walk, ']');
	size_t count = 0;

	for (; result == JSON_FOUND; count++)
		result = skip_value(walk, ']');
	if (result == JSON_MALFORMED)
		return result;
	*found = (struct json_found){
		.kind = VALUE_NUMBER, .raw = { "", 0 }, .count = count, .counted = true
	};
	return JSON_FOUND;
}

/* The value at `at`, of whatever kind; `at` is then behind it. */
static inline enum json_result take_value(struct walk *walk, struct json_found *found)
{
	const char *start = walk->at, *value_end;

	*found = (struct json_found){ .kind = VALUE_ABSENT };
	value_end = json_value_end(start, walk->end, walk->depth, &found->kind, &found->escaped);
	if (!value_end)
		return JSON_MALFORMED;
	walk->at = value_end;
	found->raw = (struct text){ start, (size_t)(value_end - start) };
	if (found->kind == VALUE_STRING)
		found->raw = (struct text){ start + 1, (size_t)(value_end - start) - 2 };
	else
		found->escaped = false;
	return JSON_FOUND;
}

/* A scalar has nothing in it, but must be one. */
static enum json_result enter_scalar(const struct walk *walk)
{
	enum value_kind kind;
	bool escaped;

	return json_scalar_end(walk->at, walk->end, &kind, &escaped) ? JSON_MISSING :
								       JSON_MALFORMED;
}

/* What follows a found value must fit, lest a cut document turns 1234 into 12. */
static enum json_result inside_bracket(const struct walk *walk, enum json_result result)
{
	const char *p = json_blank_end(walk->at, walk->end);

	if (result == JSON_FOUND && (p == walk->end || (*p != ',' && *p != '}' && *p != ']')))
		return JSON_MALFORMED;
	return result;
}

static enum json_result at_document_end(const struct walk *walk, enum json_result result)
{
	if (result == JSON_FOUND && json_blank_end(walk->at, walk->end) != walk->end)
		return JSON_MALFORMED;
	return result;
}

enum json_result json_find(const struct json_pointer *pointer, struct text document,
			   struct json_found *found)
{
	const char *end = document.data + document.length;
	struct walk walk = { json_blank_end(document.data, end), end, 0 };

	for (size_t i = 0; i < pointer->count; i++) {
		const struct json_segment *segment = &pointer->segments[i];
		enum json_result result;

		if (walk.at < end && *walk.at == '{')
			result = enter_member(&walk, segment->name);
		else if (walk.at == end || *walk.at != '[')
			result = enter_scalar(&walk);
		else if (segment->is_count)
			return count_elements(&walk, found);
		else
			result = enter_element(&walk, segment);
		if (result != JSON_FOUND)
			return result;
	}
	if (pointer->count)
		return inside_bracket(&walk, take_value(&walk, found));
	return at_document_end(&walk, take_value(&walk, found));
}

struct value json_value(const struct json_found *found, struct buffer *scratch)
{
	size_t from = scratch->length;

	if (found->counted)
		buffer_add_number(scratch, (int64_t)found->count);
	else if (found->kind == VALUE_STRING && found->escaped)
		json_unescape(scratch, found->raw);
	else
		return (struct value){ found->kind, found->raw };
	return (struct value){ found->kind, { scratch->data + from, scratch->length - from } };
}

/* Behind an element: FOUND when there is another one. */
static enum json_result next_element(struct walk *walk)
{
	const char *p = json_blank_end(walk->at, walk->end);

	if (p == walk->end || (*p != ',' && *p != ']'))
		return JSON_MALFORMED;
	walk->at = json_blank_end(p + 1, walk->end);
	return *p == ',' ? JSON_FOUND : JSON_MISSING;
}

static enum json_result not_an_array(struct walk *walk)
{
	struct json_found ignored;

	return take_value(walk, &ignored) == JSON_FOUND ? JSON_MISSING : JSON_MALFORMED;
}

enum json_result json_each(struct text array, json_visit *each, void *context)
{
	const char *end = array.data + array.length;
	struct walk walk = { json_blank_end(array.data, end), end, 0 };
	enum json_result result;

	if (walk.at == end || *walk.at != '[')
		return not_an_array(&walk);
	result = enter(&walk, ']');
	while (result == JSON_FOUND) {
		struct json_found element;

		if (take_value(&walk, &element) != JSON_FOUND)
			return JSON_MALFORMED;
		if (!each(context, &element))
			return JSON_FOUND;
		result = next_element(&walk);
	}
	return result == JSON_MISSING ? at_document_end(&walk, JSON_FOUND) : result;
}
