#include "sagas/mail_parts.h"

#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/utf8.h"

enum { HEADERS_MAX = 100 };

/* Bytes that are no UTF-8 become the replacement character: JSON has no place for them. */
static json_t *text_json(struct text text)
{
	const char *p = text.data, *end = text.data + text.length;
	struct buffer clean = BUFFER_EMPTY;
	json_t *string;

	while (p < end) {
		size_t length = *p ? utf8_length(p, end) : 0;

		if (length)
			buffer_add(&clean, p, length);
		else
			buffer_add_string(&clean, UTF8_REPLACEMENT);
		p += length ? length : 1;
	}
	string = json_stringn(clean.data ? clean.data : "", clean.length);
	buffer_release(&clean);
	return string;
}

/* The next line without its end. False: none is left. */
static bool next_line(struct text *rest, struct text *line)
{
	const char *end = memchr(rest->data, '\n', rest->length);
	size_t length = end ? (size_t)(end - rest->data) : rest->length;

	if (!rest->length)
		return false;
	*line = (struct text){ rest->data, length };
	if (line->length && line->data[line->length - 1] == '\r')
		line->length--;
	length += end != NULL;
	*rest = (struct text){ rest->data + length, rest->length - length };
	return true;
}

static void add_header(json_t *headers, struct text name, const struct buffer *value)
{
	json_t *key = name.length ? text_json(name) : NULL;

	if (key && json_object_size(headers) < HEADERS_MAX &&
	    !json_object_get(headers, json_string_value(key)))
		json_object_set_new(headers, json_string_value(key),
				    text_json(text_trim(buffer_text(value))));
	json_decref(key);
}

/* The first of each name; folded lines are put together. What is left is the body. */
static json_t *read_headers(struct text *rest)
{
	json_t *headers = json_object();
	struct buffer value = BUFFER_EMPTY;
	struct text line, name = { "", 0 };

	while (next_line(rest, &line) && line.length) {
		const char *colon = memchr(line.data, ':', line.length);

		if (*line.data == ' ' || *line.data == '\t') {
			buffer_add_text(&value, line);
			continue;
		}
		add_header(headers, name, &value);
		buffer_clear(&value);
		name = (struct text){ line.data, colon ? (size_t)(colon - line.data) : 0 };
		if (colon)
			buffer_add(&value, colon + 1, line.length - name.length - 1);
	}
	add_header(headers, name, &value);
	buffer_release(&value);
	return headers;
}

static json_t *header(const json_t *headers, const char *wanted)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
		if (text_is_nocase(text_of(name), wanted))
			return value;
	return NULL;
}

static json_t *now_iso(void)
{
	time_t now = (time_t)(clock_wall_us() / US_PER_S);
	struct tm parts;
	char text[32];

	gmtime_r(&now, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(text);
}

json_t *message_read(const char *id, const char *from, json_t *to, struct text data)
{
	size_t bytes = data.length;
	json_t *headers = read_headers(&data);

	if (data.length > MAIL_BODY_KEPT)
		data.length = MAIL_BODY_KEPT;
	return json_pack("{s:s, s:s, s:o, s:I, s:o, s:O, s:I, s:O?, s:O?, s:O?, s:O?, s:o, s:o}",
			 "object", "mail", "id", id, "at", now_iso(), "at_us",
			 (json_int_t)clock_wall_us(), "from", text_json(text_of(from)), "to", to,
			 "bytes", (json_int_t)bytes, "subject", header(headers, "Subject"),
			 "message_id", header(headers, "Message-Id"), "order_id",
			 header(headers, "X-Order-Id"), "order_key", header(headers, "X-Order-Key"),
			 "headers", headers, "body", text_json(data));
}
