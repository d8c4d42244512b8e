#include "lib/text.h"

#include <strings.h>

bool text_is_nocase(struct text a, const char *string)
{
	return a.length == strlen(string) && strncasecmp(a.data, string, a.length) == 0;
}

bool text_starts_with(struct text a, const char *prefix)
{
	size_t length = strlen(prefix);

	return a.length >= length && memcmp(a.data, prefix, length) == 0;
}

struct text text_trim(struct text a)
{
	while (a.length && (a.data[0] == ' ' || a.data[0] == '\t')) {
		a.data++;
		a.length--;
	}
	while (a.length && (a.data[a.length - 1] == ' ' || a.data[a.length - 1] == '\t'))
		a.length--;
	return a;
}
