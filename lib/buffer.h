/*
 * buffer: bytes that grow at the end. Always followed by a NUL that is not counted, so that
 * `buffer.data` can be printed once something was added.
 *
 *	struct buffer line = BUFFER_EMPTY;
 *	buffer_format(&line, "%s: %d", name, count);
 *	...
 *	buffer_release(&line);
 */
#ifndef LIB_BUFFER_H
#define LIB_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/text.h"

struct buffer {
	char *data;
	size_t length;
	size_t room;
};

#define BUFFER_EMPTY { NULL, 0, 0 }

void buffer_release(struct buffer *buffer); /* empty and usable again */

/* Room for `bytes` more and the NUL; returns where they go. Add what was written to `length`. */
char *buffer_reserve(struct buffer *buffer, size_t bytes);

void buffer_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buffer_add_number(struct buffer *buffer, int64_t number);

static inline void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
}

static inline void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	char *end = buffer_reserve(buffer, length);

	if (length)
		memcpy(end, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

static inline void buffer_add_text(struct buffer *buffer, struct text text)
{
	buffer_add(buffer, text.data, text.length);
}

static inline void buffer_add_string(struct buffer *buffer, const char *string)
{
	buffer_add(buffer, string, strlen(string));
}

static inline void buffer_add_char(struct buffer *buffer, char c)
{
	buffer_add(buffer, &c, 1);
}

static inline struct text buffer_text(const struct buffer *buffer)
{
	return (struct text){ buffer->data ? buffer->data : "", buffer->length };
}

#endif
