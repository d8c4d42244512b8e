/*
 * Between the braces of `${` and `}` nothing is YAML. libyaml knows nothing of that, so before it
 * reads a file, every ASCII character there that is no letter or digit becomes U+F0000 plus its
 * code: a private-use character, one for one, so that libyaml's columns are still those of the
 * file. In the scalars it gives back they become what they were.
 */
#include "lib/yaml.h"

#include <ctype.h>
#include <stdint.h>

enum { MASKED = 0xF0000, NESTING_MAX = 16 };

size_t yaml_substitution_length(struct text text)
{
	size_t depth = 0;

	if (text.length < 3 || text.data[0] != '$' || text.data[1] != '{')
		return 0;
	for (size_t i = 1; i < text.length && text.data[i] != '\n' && text.data[i] != '\r'; i++) {
		if (text.data[i] == '{' && text.data[i - 1] == '$' && ++depth > NESTING_MAX)
			break; /* also keeps a line of nothing but `${` from costing its square */
		if (text.data[i] == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* The character at the front and its bytes, or -1. Overlong forms and surrogates are bad. */
static int32_t decode(struct text text, size_t *length)
{
	static const int32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text.data;
	unsigned char first = bytes[0];
	int32_t code;

	*length = first < 0x80	   ? 1 :
		  first >> 5 == 6  ? 2 :
		  first >> 4 == 14 ? 3 :
		  first >> 3 == 30 ? 4 :
				     0;
	if (*length == 0 || *length > text.length)
		return -1;
	code = *length == 1 ? first : first & (0xff >> (*length + 1));
	for (size_t i = 1; i < *length; i++) {
		if (bytes[i] >> 6 != 2)
			return -1;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < smallest[*length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -1;
	return code;
}

static const char *forbidden(int32_t code)
{
	if (code < 0)
		return "this is not UTF-8";
	if (code == 0)
		return "a NUL byte is not allowed";
	if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') || code == 0x7f ||
	    (code >= 0x80 && code < 0xa0 && code != 0x85) || code == 0xfffe || code == 0xffff)
		return "control characters are not allowed";
	if (code >= MASKED && code < MASKED + 0x100)
		return "private-use characters U+F0000 to U+F00FF are not allowed";
	if (code == 0xfeff)
		return "a byte order mark is only allowed at the start";
	return NULL;
}

const char *yaml_character(struct text text, int32_t *code, size_t *length)
{
	*code = decode(text, length);
	return forbidden(*code);
}

/* Every character is one that YAML allows, and none is one of ours. */
static bool check_characters(struct text text, struct place at, struct complaints *complaints)
{
	at.line = at.column = 1;
	while (text.length) {
		size_t length;
		int32_t code;
		const char *problem = yaml_character(text, &code, &length);

		if (problem)
			return complain(complaints, at, "%s", problem);
		at.column++;
		if (code == '\n') {
			at.line++;
			at.column = 1;
		}
		text.data += length;
		text.length -= length;
	}
	return true;
}

static void mask_character(unsigned char c, struct buffer *out)
{
	char bytes[4] = { (char)0xf3, (char)0xb0, (char)(0x80 | c >> 6),
			  (char)(0x80 | (c & 0x3f)) };

	if (c >= 0x80 || isalnum(c))
		buffer_add_char(out, (char)c);
	else
		buffer_add(out, bytes, sizeof(bytes));
}

bool yaml_mask(struct text text, struct place at, struct buffer *out, struct complaints *complaints)
{
	if (text_starts_with(text, "\xef\xbb\xbf")) {
		text.data += 3;
		text.length -= 3;
	}
	if (!check_characters(text, at, complaints))
		return false;
	for (size_t i = 0; i < text.length;) {
		size_t hidden =
			yaml_substitution_length((struct text){ text.data + i, text.length - i });

		if (!hidden)
			buffer_add_char(out, text.data[i++]);
		for (; hidden; hidden--)
			mask_character((unsigned char)text.data[i++], out);
	}
	return true;
}

size_t yaml_unmask(char *text, size_t length)
{
	size_t to = 0;

	for (size_t from = 0; from < length;) {
		const unsigned char *at = (const unsigned char *)text + from;

		if (length - from >= 4 && at[0] == 0xf3 && at[1] == 0xb0 &&
		    (at[2] & 0xfe) == 0x80) {
			text[to++] = (char)((at[2] & 1) << 6 | (at[3] & 0x3f));
			from += 4;
		} else {
			text[to++] = text[from++];
		}
	}
	return to;
}
