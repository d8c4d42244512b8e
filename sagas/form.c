#include "sagas/form.h"

#include <stdlib.h>

#include "lib/utf8.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "%41" at the start of `raw`; -1: it is none, or a NUL. */
static int escaped_byte(struct text raw)
{
	int high, low;

	if (raw.length < 3)
		return -1;
	high = hex_digit(raw.data[1]);
	low = hex_digit(raw.data[2]);
	return high < 0 || low < 0 || high + low == 0 ? -1 : high << 4 | low;
}

/* NULL: not encoded as it should be. */
static const char *decode(struct text raw, struct arena *arena)
{
	char *out = arena_new(arena, raw.length + 1);
	size_t length = 0;

	for (size_t i = 0; i < raw.length; i++) {
		int c = raw.data[i] == '+' ? ' ' : (unsigned char)raw.data[i];

		if (c == '%') {
			c = escaped_byte((struct text){ raw.data + i, raw.length - i });
			i += 2;
		}
		if (c <= 0)
			return NULL;
		out[length++] = (char)c;
	}
	return out;
}

static bool is_utf8(const char *string)
{
	const char *end = string + strlen(string);
	size_t length = 1;

	while (string < end && (length = utf8_length(string, end)))
		string += length;
	return length != 0;
}

static int compare(const void *a, const void *b)
{
	const struct form_pair *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool read_pair(struct form *form, struct text raw, struct arena *arena, struct error *err)
{
	struct form_pair *pair = &form->pairs[form->count];
	const char *equals = memchr(raw.data, '=', raw.length);
	struct text name = { raw.data, equals ? (size_t)(equals - raw.data) : raw.length };
	struct text value = { equals ? equals + 1 : raw.data + raw.length,
			      equals ? raw.length - name.length - 1 : 0 };

	if (form->count == FORM_PAIRS_MAX)
		return error_set(err, "more than %d parameters", FORM_PAIRS_MAX);
	pair->name = decode(name, arena);
	pair->value = decode(value, arena);
	if (!pair->name || !pair->value || !is_utf8(pair->name) || !is_utf8(pair->value))
		return error_set(err, "a parameter is not encoded as a form");
	if (strlen(pair->name) > FORM_NAME_MAX || strlen(pair->value) > FORM_VALUE_MAX)
		return error_set(err, "a parameter is too long");
	form->count++;
	return true;
}

bool form_read(struct form *form, struct text body, struct arena *arena, struct error *err)
{
	form->count = 0;
	while (body.length) {
		const char *end = memchr(body.data, '&', body.length);
		size_t length = end ? (size_t)(end - body.data) : body.length;

		if (length && !read_pair(form, (struct text){ body.data, length }, arena, err))
			return false;
		length += end != NULL;
		body = (struct text){ body.data + length, body.length - length };
	}
	qsort(form->pairs, form->count, sizeof(form->pairs[0]), compare);
	for (size_t i = 1; i < form->count; i++)
		if (strcmp(form->pairs[i - 1].name, form->pairs[i].name) == 0)
			return error_set(err, "a parameter stands there twice");
	return true;
}

const char *form_value(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (strcmp(form->pairs[i].name, name) == 0)
			return form->pairs[i].value;
	return NULL;
}

/* FNV-1a, with the NUL, so that what is a name and what a value stays told apart. */
static uint64_t hash_string(uint64_t hash, const char *string)
{
	do
		hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
	while (*string++);
	return hash;
}

uint64_t form_hash(const struct form *form, const char *also)
{
	uint64_t hash = hash_string(UINT64_C(0xcbf29ce484222325), also);

	for (size_t i = 0; i < form->count; i++) {
		hash = hash_string(hash, form->pairs[i].name);
		hash = hash_string(hash, form->pairs[i].value);
	}
	return hash;
}
