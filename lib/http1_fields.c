#include "lib/http1_fields.h"

#include <string.h>
#include <strings.h>

/*
 * Whether a name of the right length is `lower`. Setting bit 5 makes letters lower case and leaves
 * a dash alone, and no other token character becomes either.
 */
static inline bool same_8(const char *name, const char *lower)
{
	uint64_t a, b;

	memcpy(&a, name, 8);
	memcpy(&b, lower, 8);
	return (a | UINT64_C(0x2020202020202020)) == b;
}

static inline bool same_4(const char *name, const char *lower)
{
	uint32_t a, b;

	memcpy(&a, name, 4);
	memcpy(&b, lower, 4);
	return (a | UINT32_C(0x20202020)) == b;
}

/* The first eight and the last eight, which may overlap: enough for lengths from 8 to 16. */
static inline bool same(struct text name, const char *lower, size_t length)
{
	return same_8(name.data, lower) && same_8(name.data + length - 8, lower + length - 8);
}

#define SAME(name, literal) same(name, literal, sizeof(literal) - 1)

/* Nearly always there is one blank, in front. */
static inline struct text trimmed(struct text value)
{
	if (value.length > 1 && value.data[0] == ' ') {
		value.data++;
		value.length--;
		if (value.data[0] > ' ' && value.data[value.length - 1] > ' ')
			return value;
	}
	return text_trim(value);
}

static const char *read_content_length(struct http1_head *head, struct text value)
{
	int64_t length = 0;

	value = trimmed(value);
	if (value.length == 0 || value.length > 18)
		return "bad Content-Length";
	for (size_t i = 0; i < value.length; i++) {
		unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';

		if (digit > 9)
			return "bad Content-Length";
		length = length * 10 + digit;
	}
	if (head->content_length >= 0 && head->content_length != length)
		return "two different Content-Lengths";
	head->content_length = length;
	return NULL;
}

static const char *read_transfer_encoding(struct http1_head *head, struct text value)
{
	if (!text_is_nocase(trimmed(value), "chunked"))
		return "unknown Transfer-Encoding";
	if (head->chunked)
		return "Transfer-Encoding given twice";
	head->chunked = true;
	return NULL;
}

static void read_connection_option(struct http1_fields *fields, struct text option)
{
	if (text_is_nocase(option, "close"))
		fields->close = true;
	else if (text_is_nocase(option, "keep-alive"))
		fields->keep_alive = true;
	else if (text_is_nocase(option, "upgrade"))
		fields->wants_upgrade = true;
}

static void read_connection(struct http1_fields *fields, struct text value)
{
	value = trimmed(value);
	if (value.length == 10 && SAME(value, "keep-alive")) {
		fields->keep_alive = true;
		return;
	}
	while (value.length) {
		const char *comma = memchr(value.data, ',', value.length);
		size_t length = comma ? (size_t)(comma - value.data) : value.length;

		read_connection_option(fields, text_trim((struct text){ value.data, length }));
		length += comma != NULL;
		value.data += length;
		value.length -= length;
	}
}

static const char *read_host(struct http1_fields *fields)
{
	if (fields->kind == HTTP1_REQUEST && fields->host)
		return "Host given twice";
	fields->host = true;
	return NULL;
}

static void read_ten_letters(struct http1_fields *fields, struct text name, struct text value)
{
	if (SAME(name, "connection"))
		read_connection(fields, value);
	else if (SAME(name, "set-cookie"))
		fields->head->has_set_cookie = true;
}

const char *http1_field(struct http1_fields *fields, struct text name, struct text value)
{
	struct http1_head *head = fields->head;

	switch (name.length) {
	case 4:
		return same_4(name.data, "host") ? read_host(fields) : NULL;
	case 7:
		if (same_4(name.data, "upgr") && same_4(name.data + 3, "rade"))
			fields->names_protocol = true;
		return NULL;
	case 8:
		if (same_8(name.data, "location"))
			head->has_location = true;
		return NULL;
	case 10:
		read_ten_letters(fields, name, value);
		return NULL;
	case 14:
		return SAME(name, "content-length") ? read_content_length(head, value) : NULL;
	case 16:
		if (SAME(name, "content-encoding"))
			head->has_content_encoding = true;
		return NULL;
	case 17:
		if (name.data[8] == '-' && SAME(name, "transfer-encoding"))
			return read_transfer_encoding(head, value);
		return NULL;
	default:
		return NULL;
	}
}

const char *http1_fields_settle(struct http1_fields *fields)
{
	struct http1_head *head = fields->head;

	if (head->chunked && head->content_length >= 0)
		return "both Transfer-Encoding and Content-Length";
	if (head->chunked && head->minor == 0)
		return "Transfer-Encoding in HTTP/1.0";
	head->close = fields->close || (head->minor == 0 && !fields->keep_alive);
	head->upgrade = fields->wants_upgrade && fields->names_protocol;
	return NULL;
}
