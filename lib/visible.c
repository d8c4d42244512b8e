#include "lib/visible.h"

#include "lib/utf8.h"

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

/* Marks and embeddings that turn the direction of writing: U+200E, 200F, 202A-202E, 2066-2069. */
static bool turns_direction(const char *p, size_t length)
{
	const unsigned char *byte = (const unsigned char *)p;

	if (length != 3 || byte[0] != 0xe2)
		return false;
	return (byte[1] == 0x80 &&
		(byte[2] == 0x8e || byte[2] == 0x8f || (byte[2] >= 0xaa && byte[2] <= 0xae))) ||
	       (byte[1] == 0x81 && byte[2] >= 0xa6 && byte[2] <= 0xa9);
}

/* C0, DEL, and C1, which some terminals obey in UTF-8 too. */
static bool is_control(const char *p, size_t length)
{
	const unsigned char *byte = (const unsigned char *)p;

	return (length == 1 && (byte[0] < ' ' || byte[0] == 0x7f)) ||
	       (length == 2 && byte[0] == 0xc2 && byte[1] < 0xa0);
}

bool visible_steers(const char *p, size_t length)
{
	return is_control(p, length) || turns_direction(p, length);
}

void visible_add_bytes(struct buffer *out, struct text bytes)
{
	for (size_t i = 0; i < bytes.length; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];

		if (byte == '\n' || byte == '\r' || byte == '\t')
			buffer_add_string(out, byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : "\\t");
		else
			buffer_format(out, "\\x%02x", byte);
	}
}

void visible_add(struct buffer *out, struct text text)
{
	const char *p = text.data, *end = text.data + text.length;

	while (p < end) {
		size_t length = utf8_length(p, end);
		struct text one = { p, length ? length : 1 };

		if (length == 0 || visible_steers(p, length))
			visible_add_bytes(out, one);
		else
			buffer_add_text(out, one);
		p += one.length;
	}
}
