#include "lib/http1.h"

#include <string.h>

/* Made for heads that were parsed, yet safe on any bytes: libcurl hands out lines as they came. */

static bool is_name(const char *name, const char *wanted, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char a = (unsigned char)name[i], b = (unsigned char)wanted[i];

		if (a == b)
			continue;
		if ((a ^ b) != 0x20 || (a | 0x20) < 'a' || (a | 0x20) > 'z')
			return false;
	}
	return true;
}

static struct text take_line(struct text *rest)
{
	const char *feed = memchr(rest->data, '\n', rest->length);
	struct text line = { rest->data, feed ? (size_t)(feed - rest->data) : rest->length };
	size_t taken = line.length + (feed != NULL);

	rest->data += taken;
	rest->length -= taken;
	if (line.length && line.data[line.length - 1] == '\r')
		line.length--;
	return line;
}

static struct text after(struct text line, size_t colon)
{
	return text_trim((struct text){ line.data + colon + 1, line.length - colon - 1 });
}

bool http1_header(struct text headers, const char *name, struct text *value)
{
	size_t length = strlen(name);

	while (headers.length) {
		struct text line = take_line(&headers);

		if (line.length > length && line.data[length] == ':' &&
		    is_name(line.data, name, length)) {
			*value = after(line, length);
			return true;
		}
	}
	return false;
}

bool http1_next_header(struct text *rest, struct text *name, struct text *value)
{
	while (rest->length) {
		struct text line = take_line(rest);
		const char *colon = line.length ? memchr(line.data, ':', line.length) : NULL;

		if (!colon || colon == line.data)
			continue;
		*name = (struct text){ line.data, (size_t)(colon - line.data) };
		*value = after(line, name->length);
		return true;
	}
	return false;
}
