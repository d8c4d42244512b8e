#include "lib/utf8.h"

static int is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* The first two bytes decide about overlong forms, surrogates and what is too large. */
static int is_good_pair(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return 1;
	}
}

size_t utf8_length(const char *p, const char *end)
{
	const unsigned char *bytes = (const unsigned char *)p;
	size_t length;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
		return 0;
	length = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	if ((size_t)(end - p) < length || !is_good_pair(bytes[0], bytes[1]))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!is_tail(bytes[i]))
			return 0;
	return length;
}

size_t utf8_write(char out[4], uint32_t code)
{
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = length; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(marks[length] | code);
	return length;
}
