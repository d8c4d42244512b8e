#include "lib/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"

void buffer_release(struct buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	*buffer = (struct buffer)BUFFER_EMPTY;
}

char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
	size_t needed = buffer->length + bytes + 1;

	if (needed > buffer->room) {
		buffer->room = needed < 2 * buffer->room ? 2 * buffer->room :
			       needed < 64		 ? 64 :
							   needed;
		buffer->data = memory_resize(buffer->data, buffer->room, 1);
	}
	return buffer->data + buffer->length;
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int needed;

	va_start(arguments, format);
	needed = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (needed < 0)
		return;
	buffer_reserve(buffer, (size_t)needed);
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)needed + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)needed;
}

void buffer_add_number(struct buffer *buffer, int64_t number)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (number < 0)
		digits[--at] = '-';
	buffer_add(buffer, digits + at, sizeof(digits) - at);
}
