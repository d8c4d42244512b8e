#include "lib/json_text.h"

#include "lib/json_pointer.h"
#include "lib/utf8.h"

static uint32_t hex_digit(char c)
{
	if (c <= '9')
		return (uint32_t)(c - '0') & 15;
	return ((uint32_t)(c | 0x20) - 'a' + 10) & 15;
}

static uint32_t hex_four(const char *p)
{
	return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 |
	       hex_digit(p[3]);
}

static bool is_unicode_escape(const char *p, const char *end)
{
	return end - p >= 6 && p[0] == '\\' && p[1] == 'u';
}

/* A \uXXXX, or two of them when they are a pair. Returns how long it is. */
static size_t read_unicode(const char *p, const char *end, uint32_t *code)
{
	uint32_t high = hex_four(p + 2), low;

	*code = high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	*code = 0xfffd;
	if (high > 0xdbff || !is_unicode_escape(p + 6, end))
		return 6;
	low = hex_four(p + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 6;
	*code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

static char letter(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c; /* a quote, a slash, a backslash */
	}
}

/* Decodes the escape at *p, moves *p behind it, and returns how many bytes it stands for. */
static size_t read_escape(const char **p, const char *end, char out[4])
{
	uint32_t code;

	if (is_unicode_escape(*p, end)) {
		*p += read_unicode(*p, end, &code);
		return utf8_write(out, code);
	}
	out[0] = end - *p > 1 ? letter((*p)[1]) : '\\';
	*p = end - *p > 1 ? *p + 2 : end;
	return 1;
}

bool json_spells(struct text raw, struct text name)
{
	const char *p = raw.data, *end = raw.data + raw.length;
	size_t matched = 0;

	while (p < end) {
		char out[4] = { *p };
		size_t length = 1;

		if (*p == '\\')
			length = read_escape(&p, end, out);
		else
			p++;
		if (name.length - matched < length || memcmp(name.data + matched, out, length) != 0)
			return false;
		matched += length;
	}
	return matched == name.length;
}

void json_unescape(struct buffer *out, struct text raw)
{
	const char *p = raw.data, *end = raw.data + raw.length;

	buffer_reserve(out, raw.length); /* decoding never makes it longer */
	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		char decoded[4];

		buffer_add(out, p, (size_t)((slash ? slash : end) - p));
		if (!slash)
			break;
		p = slash;
		buffer_add(out, decoded, read_escape(&p, end, decoded));
	}
}

static void escape_byte(struct buffer *out, char c)
{
	static const char letters[] = "btnvfr"; /* from 8 on; there is no \v in JSON */
	char *end;

	if (c == '"' || c == '\\') {
		end = buffer_reserve(out, 2);
		end[0] = '\\';
		end[1] = c;
		out->length += 2;
	} else if (c >= '\b' && c <= '\r' && c != '\v') {
		buffer_add_char(out, '\\');
		buffer_add_char(out, letters[c - '\b']);
	} else {
		buffer_format(out, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

static inline bool is_plain(char c)
{
	return (unsigned char)c >= ' ' && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* What is no plain ASCII at the front; returns how much of it was done. */
static size_t escape_one(struct buffer *out, const char *p, const char *end)
{
	size_t length;

	if ((unsigned char)*p < 0x80) {
		escape_byte(out, *p);
		return 1;
	}
	length = utf8_length(p, end);
	if (length)
		buffer_add(out, p, length);
	else
		buffer_add_string(out, UTF8_REPLACEMENT);
	return length ? length : 1;
}

void json_escape(struct buffer *out, struct text text)
{
	const char *p = text.data, *end = text.data + text.length;

	while (p < end) {
		const char *start = p;

		while (p < end && is_plain(*p))
			p++;
		buffer_add(out, start, (size_t)(p - start));
		if (p < end)
			p += escape_one(out, p, end);
	}
}
