/*
 * fuzz_json_pointer: a line with a pointer, then a document. Whatever jansson reads, we read alike.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>

#include "lib/json_pointer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct element_check {
	struct text array;
	size_t count;
};

static bool count_element(void *context, struct json_found *element)
{
	struct element_check *check = context;

	assert(element->raw.data >= check->array.data &&
	       element->raw.data + element->raw.length <= check->array.data + check->array.length);
	check->count++;
	return true;
}

/* What jansson has there; NULL: nothing. */
static json_t *jansson_at(json_t *tree, struct text pointer)
{
	struct buffer name = BUFFER_EMPTY;
	size_t at = 0;

	while (tree && at < pointer.length) {
		char *end;

		buffer_clear(&name);
		buffer_add(&name, "", 0);
		for (at++; at < pointer.length && pointer.data[at] != '/'; at++) {
			char c = pointer.data[at];

			if (c == '~')
				c = pointer.data[++at] == '0' ? '~' : '/';
			buffer_add_char(&name, c);
		}
		if (json_is_object(tree)) {
			tree = json_object_getn(tree, name.data, name.length);
		} else if (json_is_array(tree)) {
			unsigned long index = strtoul(name.data, &end, 10);
			bool plain = name.length && name.length < 10 &&
				     strlen(name.data) == name.length &&
				     name.data[strspn(name.data, "0123456789")] == '\0' &&
				     (name.data[0] != '0' || name.length == 1);

			tree = plain ? json_array_get(tree, index) : NULL;
		} else {
			tree = NULL;
		}
	}
	buffer_release(&name);
	return tree;
}

static void check_value(const struct json_found *found, const json_t *wanted)
{
	struct buffer scratch = BUFFER_EMPTY;
	struct value value = json_value(found, &scratch);

	switch (json_typeof(wanted)) {
	case JSON_STRING:
		assert(value.kind == VALUE_STRING);
		assert(text_equal(value.text, (struct text){ json_string_value(wanted),
							     json_string_length(wanted) }));
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		assert(value.kind == VALUE_JSON);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		assert(value.kind == VALUE_BOOL);
		break;
	case JSON_NULL:
		assert(value.kind == VALUE_NULL);
		break;
	default:
		assert(value.kind == VALUE_NUMBER);
		break;
	}
	buffer_release(&scratch);
}

static void check_array(const struct json_found *found, const json_t *wanted)
{
	struct element_check check = { found->raw, 0 };
	enum json_result result = json_each(found->raw, count_element, &check);

	assert(result == (json_is_array(wanted) ? JSON_FOUND : JSON_MISSING) ||
	       found->kind == VALUE_STRING);
	assert(!json_is_array(wanted) || check.count == json_array_size(wanted));
}

static bool ends_in_count(struct text source)
{
	return source.length >= 2 && memcmp(source.data + source.length - 2, "/#", 2) == 0;
}

static void compare(const struct json_pointer *pointer, struct text document,
		    enum json_result result, const struct json_found *found)
{
	json_t *tree = json_loadb(document.data, document.length,
				  JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
	json_t *wanted = jansson_at(tree, pointer->source);

	/* Numbers too large for jansson, and nesting too deep for us, are matters of taste. */
	if (tree && result != JSON_MALFORMED && !ends_in_count(pointer->source)) {
		assert(result == (wanted ? JSON_FOUND : JSON_MISSING));
		if (wanted) {
			check_value(found, wanted);
			check_array(found, wanted);
		}
	}
	/* jansson takes a NUL behind a value for the end of the document. */
	if (tree && result == JSON_MALFORMED && !memchr(document.data, '\0', document.length)) {
		size_t depth = 0, deepest = 0;

		for (size_t i = 0; i < document.length; i++) {
			depth += document.data[i] == '[' || document.data[i] == '{';
			deepest = depth > deepest ? depth : deepest;
		}
		assert(deepest > JSON_DEPTH_MAX);
	}
	json_decref(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *start = (const char *)data, *line = memchr(start, '\n', size);
	struct arena arena = ARENA_EMPTY;
	struct buffer escaped = BUFFER_EMPTY;
	struct json_pointer pointer;
	struct json_found found;
	struct text document;

	if (!line)
		return 0;
	document = (struct text){ line + 1, size - (size_t)(line + 1 - start) };
	if (json_pointer_compile(&pointer, (struct text){ start, (size_t)(line - start) }, &arena,
				 NULL))
		compare(&pointer, document, json_find(&pointer, document, &found), &found);
	buffer_add_char(&escaped, '"');
	json_escape(&escaped, document);
	buffer_add_char(&escaped, '"');
	json_t *read =
		json_loadb(escaped.data, escaped.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	assert(read);
	json_decref(read);
	buffer_release(&escaped);
	arena_release(&arena);
	return 0;
}
