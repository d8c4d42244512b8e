#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t add(struct error *err, size_t used, const char *format, va_list arguments)
{
	int written;

	if (used >= sizeof(err->text))
		return used;
	written = vsnprintf(err->text + used, sizeof(err->text) - used, format, arguments);
	return written < 0 ? used : used + (size_t)written;
}

bool error_set(struct error *err, const char *format, ...)
{
	va_list arguments;

	if (!err)
		return false;
	va_start(arguments, format);
	add(err, 0, format, arguments);
	va_end(arguments);
	return false;
}

bool error_at(struct error *err, struct place at, const char *format, ...)
{
	va_list arguments;
	int used = 0;

	if (!err)
		return false;
	if (at.file && at.line)
		used = snprintf(err->text, sizeof(err->text), "%s:%d:%d: ", at.file, at.line,
				at.column);
	else if (at.file)
		used = snprintf(err->text, sizeof(err->text), "%s: ", at.file);
	va_start(arguments, format);
	add(err, used < 0 ? 0 : (size_t)used, format, arguments);
	va_end(arguments);
	return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
	int cause = errno;
	size_t used;
	va_list arguments;

	if (!err)
		return false;
	va_start(arguments, format);
	used = add(err, 0, format, arguments);
	va_end(arguments);
	if (used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(cause));
	errno = cause;
	return false;
}
