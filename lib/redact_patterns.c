#include "lib/redact_patterns.h"

#include <strings.h>

#include "lib/utf8.h"

enum { NAME_MAX_BYTES = 64, LOGIN_MAX_BYTES = 256 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-';
}

static bool is_among(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool starts_word(struct text in, size_t at)
{
	return is_word(in.data[at]) && (at == 0 || !is_word(in.data[at - 1]));
}

static size_t word_end(struct text in, size_t at)
{
	while (at < in.length && is_word(in.data[at]))
		at++;
	return at;
}

static size_t blank_end(struct text in, size_t at)
{
	while (at < in.length && (in.data[at] == ' ' || in.data[at] == '\t'))
		at++;
	return at;
}

static size_t line_end(struct text in, size_t at)
{
	while (at < in.length && in.data[at] != '\r' && in.data[at] != '\n')
		at++;
	return at;
}

static bool contains(struct text name, const char *part)
{
	size_t length = strlen(part);

	for (size_t i = 0; i + length <= name.length; i++)
		if (strncasecmp(name.data + i, part, length) == 0)
			return true;
	return false;
}

/* Header lines whose whole rest is a secret. */
static bool is_credential_header(struct text name)
{
	static const char *const names[] = { "authorization", "proxy-authorization", "cookie",
					     "set-cookie", NULL };

	for (size_t i = 0; names[i]; i++)
		if (text_is_nocase(name, names[i]))
			return true;
	return false;
}

static bool is_telling(struct text name)
{
	static const char *const parts[] = {
		"password", "passwd",	   "passphrase",  "pwd",	"secret",
		"token",    "apikey",	   "api_key",	  "api-key",	"credential",
		"session",  "private_key", "privatekey",  "access_key", "accesskey",
		"jwt",	    "signature",   "card_number", "cardnumber", NULL
	};
	static const char *const whole[] = { "pin", "cvv", "cvc", "sid", "iban", "pass", NULL };

	for (size_t i = 0; whole[i]; i++)
		if (text_is_nocase(name, whole[i]))
			return true;
	for (size_t i = 0; parts[i]; i++)
		if (contains(name, parts[i]))
			return true;
	return is_credential_header(name);
}

/* Quotes, each perhaps behind backslashes, as in JSON inside JSON. */
static size_t quotes_end(struct text in, size_t at, char *quote, bool *escaped)
{
	size_t start = at;

	while (at < in.length && in.data[at] == '\\')
		at++;
	*escaped = at > start;
	*quote = '\0';
	if (at == in.length || (in.data[at] != '"' && in.data[at] != '\''))
		return start;
	*quote = in.data[at];
	return at + 1;
}

/* To the closing quote, or to the end where the text was cut. */
static size_t quoted_end(struct text in, size_t at, char quote, bool escaped)
{
	while (at < in.length && in.data[at] != quote)
		at += in.data[at] == '\\' && !escaped && at + 1 < in.length ? 2 : 1;
	while (escaped && at > 0 && at < in.length && in.data[at - 1] == '\\')
		at--;
	return at < in.length ? at : in.length;
}

/* An array or object, roughly: to the bracket that closes it, or to the end. */
static size_t bracket_end(struct text in, size_t at)
{
	int depth = 0;

	for (; at < in.length; at++) {
		if (in.data[at] == '[' || in.data[at] == '{')
			depth++;
		if ((in.data[at] == ']' || in.data[at] == '}') && --depth == 0)
			return at + 1;
	}
	return at;
}

static size_t bare_end(struct text in, size_t at)
{
	while (at < in.length && (unsigned char)in.data[at] > ' ' &&
	       !is_among(in.data[at], "&,;\"'<>{}[]()\\"))
		at++;
	return at;
}

/* In prose ("bad token: expired") what follows a colon is a secret only if it looks like one. */
static bool looks_random(struct text value)
{
	if (value.length >= 16)
		return true;
	for (size_t i = 0; i < value.length; i++)
		if (is_digit(value.data[i]))
			return value.length >= 3;
	return false;
}

static size_t value_end(struct text in, size_t at, struct text name, bool quoted_name,
			char separator)
{
	size_t end;

	if (at < in.length && (in.data[at] == '[' || in.data[at] == '{'))
		return quoted_name ? bracket_end(in, at) : at;
	if (!quoted_name && separator == ':' && is_credential_header(name))
		return line_end(in, at);
	end = bare_end(in, at);
	if (!quoted_name && separator == ':' &&
	    !looks_random((struct text){ in.data + at, end - at }))
		return at;
	return end;
}

size_t redact_named(struct text in, size_t at, struct buffer *out)
{
	size_t end = word_end(in, at), value, after;
	struct text name = { in.data + at, end - at };
	char quote, separator;
	bool escaped, quoted_name;

	if (!starts_word(in, at) || name.length > NAME_MAX_BYTES || !is_telling(name))
		return 0;
	value = blank_end(in, quotes_end(in, end, &quote, &escaped));
	quoted_name = quote != '\0';
	if (value == in.length || (in.data[value] != ':' && in.data[value] != '='))
		return 0;
	separator = in.data[value];
	value = quotes_end(in, blank_end(in, value + 1), &quote, &escaped);
	after = quote ? quoted_end(in, value, quote, escaped) :
			value_end(in, value, name, quoted_name, separator);
	if (after == value)
		return 0;
	buffer_add(out, in.data + at, value - at);
	buffer_add_string(out, REDACTED);
	return after - at;
}

size_t redact_bearer(struct text in, size_t at, struct buffer *out)
{
	size_t end = word_end(in, at), token, after;
	struct text word = { in.data + at, end - at };

	if (!starts_word(in, at) ||
	    (!text_is_nocase(word, "bearer") && !text_is_nocase(word, "basic")))
		return 0;
	token = blank_end(in, end);
	for (after = token;
	     after < in.length && (is_word(in.data[after]) || is_among(in.data[after], ".~+/="));)
		after++;
	if (token == end || after - token < 6)
		return 0;
	buffer_add_text(out, word);
	buffer_add_string(out, " " REDACTED);
	return after - at;
}

size_t redact_jwt(struct text in, size_t at, struct buffer *out)
{
	size_t end = at;

	if (in.length - at < 16 || memcmp(in.data + at, "eyJ", 3) != 0 || !starts_word(in, at))
		return 0;
	while (end < in.length && (is_word(in.data[end]) || in.data[end] == '.'))
		end++;
	if (end - at < 16)
		return 0;
	buffer_add_string(out, REDACTED);
	return end - at;
}

/* From the right every second digit counts double, and the sum is a multiple of ten. */
static bool passes_luhn(const char *digits, size_t count)
{
	int sum = 0;

	for (size_t i = 0; i < count; i++) {
		int digit = digits[count - 1 - i] - '0';

		if (i % 2)
			digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
	}
	return sum % 10 == 0;
}

/* Digits, with at most one blank or dash between two of them. Longer runs are no card. */
static size_t collect_digits(struct text in, size_t at, char digits[20], size_t *count)
{
	size_t end = at;

	*count = 0;
	while (at < in.length) {
		if (is_digit(in.data[at])) {
			if (*count == 20)
				return 0;
			digits[(*count)++] = in.data[at++];
			end = at;
		} else if ((in.data[at] == ' ' || in.data[at] == '-') && at == end) {
			at++;
		} else {
			break;
		}
	}
	return end;
}

size_t redact_card(struct text in, size_t at, struct buffer *out)
{
	char digits[20];
	size_t count, end, shown = 0;

	if (!is_digit(in.data[at]) || (at && is_word(in.data[at - 1]) && in.data[at - 1] != '-'))
		return 0;
	end = collect_digits(in, at, digits, &count);
	if (count < 13 || count > 19 || !passes_luhn(digits, count))
		return 0;
	for (size_t i = at; i < end; i++) {
		if (is_digit(in.data[i]) && shown++ < count - 4)
			buffer_add_char(out, '*');
		else
			buffer_add_char(out, in.data[i]);
	}
	return end - at;
}

size_t redact_login(struct text in, size_t at, struct buffer *out)
{
	size_t end = at + 3;

	if (in.length - at < 4 || memcmp(in.data + at, "://", 3) != 0)
		return 0;
	while (end < in.length && end - at < LOGIN_MAX_BYTES && (unsigned char)in.data[end] > ' ' &&
	       !is_among(in.data[end], "/?#\"'<>@"))
		end++;
	if (end == in.length || in.data[end] != '@' || end == at + 3)
		return 0;
	buffer_add_string(out, "://" REDACTED);
	return end - at;
}

/* C1 controls, line separators, and what turns the direction of text around. */
static bool is_tricky(uint32_t code)
{
	return (code >= 0x80 && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f ||
	       code == 0xfeff;
}

static uint32_t code_point(const char *p, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)p[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

static void show_control(char c, struct buffer *out)
{
	if (c == '\n')
		buffer_add_string(out, "\\n");
	else if (c == '\r')
		buffer_add_string(out, "\\r");
	else if (c == '\t')
		buffer_add_string(out, "\\t");
	else
		buffer_format(out, "\\x%02x", (unsigned)(unsigned char)c);
}

size_t redact_show(struct text in, size_t at, struct buffer *out)
{
	const char *p = in.data + at;
	size_t length = utf8_length(p, in.data + in.length);

	if (length == 0) {
		buffer_add_string(out, UTF8_REPLACEMENT);
		return 1;
	}
	if (length == 1 && ((unsigned char)*p < ' ' || *p == 0x7f))
		show_control(*p, out);
	else if (length > 1 && is_tricky(code_point(p, length)))
		buffer_format(out, "\\u%04x", code_point(p, length));
	else
		buffer_add(out, p, length);
	return length;
}
