#include "lib/visible.h"

/* At most four characters per byte, and room is kept for the dots and the NUL. */
static size_t show_byte(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	if (byte >= ' ' && byte < 0x7f) {
		out[0] = out[1] = (char)byte;
		return byte == '\\' ? 2 : 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 15];
	return 4;
}

const char *visible(char out[VISIBLE_MAX], struct text text)
{
	size_t used = 0;

	for (size_t i = 0; i < text.length; i++) {
		if (used + 4 + sizeof("...") > VISIBLE_MAX) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		used += show_byte(out + used, (unsigned char)text.data[i]);
	}
	out[used] = '\0';
	return out;
}
