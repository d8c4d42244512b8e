#include "lib/json_scan.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/json_pointer.h"

#ifdef __SSE2__
/* A bit for each of sixteen bytes that is a quote, a backslash or a control character. */
static inline unsigned special(const char *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash)));
}
#endif

/* The first quote, backslash or control character, or `end`. */
static inline const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		unsigned flags = special(p);

		if (flags)
			return p + (size_t)(unsigned)__builtin_ctz(flags);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ')
		p++;
	return p;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* `p` is at the backslash. */
static const char *escape_end(const char *p, const char *end)
{
	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	if (end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5]))
		return NULL;
	return p + 6;
}

/* From the first backslash on. */
static const char *escaped_string_end(const char *p, const char *end)
{
	while (p && p < end) {
		if (*p == '"')
			return p + 1;
		if (*p != '\\')
			return NULL;
		p = escape_end(p, end);
		if (p)
			p = plain_end(p, end);
	}
	return NULL;
}

const char *json_string_end(const char *p, const char *end, bool *escaped)
{
	p = plain_end(p, end);
	if (p == end)
		return NULL;
	if (*p == '"')
		return p + 1;
	*escaped = true;
	return escaped_string_end(p, end);
}

static inline const char *digits_end(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Behind the digits before a '.' or an 'e'. */
static const char *fraction_end(const char *p, const char *end)
{
	const char *digits;

	if (p < end && *p == '.') {
		digits = p + 1;
		p = digits_end(digits, end);
		if (p == digits)
			return NULL;
	}
	if (p == end || (*p | 0x20) != 'e')
		return p;
	digits = p + 1;
	if (digits < end && (*digits == '+' || *digits == '-'))
		digits++;
	p = digits_end(digits, end);
	return p == digits ? NULL : p;
}

const char *json_number_end(const char *p, const char *end)
{
	const char *digits;

	if (p < end && *p == '-')
		p++;
	digits = p;
	p = digits_end(p, end);
	if (p == digits || (*digits == '0' && p - digits > 1))
		return NULL;
	return p < end && (*p == '.' || (*p | 0x20) == 'e') ? fraction_end(p, end) : p;
}

static const char *word_end(const char *p, const char *end, const char *word, size_t length)
{
	return (size_t)(end - p) >= length && memcmp(p, word, length) == 0 ? p + length : NULL;
}

const char *json_scalar_end(const char *p, const char *end, enum value_kind *kind, bool *escaped)
{
	if (p == end)
		return NULL;
	switch (*p) {
	case '"':
		*kind = VALUE_STRING;
		return json_string_end(p + 1, end, escaped);
	case 't':
		*kind = VALUE_BOOL;
		return word_end(p, end, "true", 4);
	case 'f':
		*kind = VALUE_BOOL;
		return word_end(p, end, "false", 5);
	case 'n':
		*kind = VALUE_NULL;
		return word_end(p, end, "null", 4);
	default:
		*kind = VALUE_NUMBER;
		return json_number_end(p, end);
	}
}

/* The same as json_blank_end(), for when there is most likely nothing to skip. */
static inline const char *over_blanks(const char *p, const char *end)
{
	return p<end && * p> ' ' ? p : json_blank_end(p, end);
}

/* The same as json_string_end(), for short strings. */
static inline const char *over_string(const char *p, const char *end)
{
	bool escaped;

#ifdef __SSE2__
	if (end - p >= 16) {
		unsigned flags = special(p);
		const char *stop = p + (size_t)(unsigned)__builtin_ctz(flags | 1u << 15);

		if (*stop == '"')
			return stop + 1;
	}
#endif
	return json_string_end(p, end, &escaped);
}

/* A member's name and its colon; the end is where its value may start. */
static inline const char *over_name(const char *p, const char *end)
{
	if (p == end || *p != '"')
		return NULL;
	p = over_string(p + 1, end);
	if (!p)
		return NULL;
	p = over_blanks(p, end);
	return p < end && *p == ':' ? over_blanks(p + 1, end) : NULL;
}

static inline const char *over_scalar(const char *p, const char *end)
{
	enum value_kind kind;
	bool escaped;

	if (p < end && *p == '"')
		return over_string(p + 1, end);
	if (p < end && *p >= '1' && *p <= '9') {
		p = digits_end(p, end);
		return p < end && (*p == '.' || (*p | 0x20) == 'e') ? fraction_end(p, end) : p;
	}
	return json_scalar_end(p, end, &kind, &escaped);
}

/* The arrays and objects around the current place: a bit each, set for an object. */
struct nest {
	uint64_t objects[JSON_DEPTH_MAX / 64];
	int depth, limit;
};

static inline bool in_object(const struct nest *nest)
{
	int top = nest->depth - 1;

	return nest->objects[top >> 6] >> (top & 63) & 1;
}

static inline bool enter(struct nest *nest, bool object)
{
	int top = nest->depth;
	uint64_t bit = UINT64_C(1) << (top & 63);

	if (top >= nest->limit)
		return false;
	nest->objects[top >> 6] = (nest->objects[top >> 6] & ~bit) | (object ? bit : 0);
	nest->depth++;
	return true;
}

/* At an opening bracket: to its first value, or to the closing one when there is none. */
static const char *open_bracket(const char *p, const char *end, struct nest *nest, bool *filled)
{
	bool object = *p == '{';

	if (!enter(nest, object))
		return NULL;
	p = json_blank_end(p + 1, end);
	*filled = p < end && *p != (object ? '}' : ']');
	return object && *filled ? over_name(p, end) : p;
}

/* Behind a value that no comma follows: over all brackets that close here. */
static const char *close_brackets(const char *p, const char *end, struct nest *nest)
{
	while (p < end && *p == (in_object(nest) ? '}' : ']')) {
		p++;
		if (--nest->depth == 0)
			return p;
		p = over_blanks(p, end);
	}
	return p < end && *p == ',' ? p : NULL;
}

/* Over scalars and their names, as long as commas follow. The end is behind one that none does. */
static const char *over_scalars(const char *p, const char *end, bool object)
{
	for (;;) {
		p = over_scalar(p, end);
		if (!p)
			return NULL;
		p = over_blanks(p, end);
		if (p == end)
			return NULL;
		if (*p != ',')
			return *p == ']' || *p == '}' ? p : NULL;
		p = over_blanks(p + 1, end);
		if (object)
			p = over_name(p, end);
		if (!p || (p < end && (*p == '{' || *p == '[')))
			return p;
	}
}

/* From a comma to the value behind it. */
static inline const char *after_comma(const char *p, const char *end, const struct nest *nest)
{
	p = over_blanks(p + 1, end);
	return in_object(nest) ? over_name(p, end) : p;
}

static const char *container_end(const char *p, const char *end, int depth)
{
	struct nest nest = { .limit = JSON_DEPTH_MAX - depth };

	for (;;) {
		bool filled = false;

		if (p < end && (*p == '{' || *p == '['))
			p = open_bracket(p, end, &nest, &filled);
		else
			p = over_scalars(p, end, in_object(&nest));
		if (!p)
			return NULL;
		if (filled || (p < end && (*p == '{' || *p == '[')))
			continue;
		p = close_brackets(p, end, &nest);
		if (!p || nest.depth == 0)
			return p;
		p = after_comma(p, end, &nest);
		if (!p)
			return NULL;
	}
}

const char *json_value_end(const char *p, const char *end, int depth, enum value_kind *kind,
			   bool *escaped)
{
	if (p < end && (*p == '{' || *p == '[')) {
		*kind = VALUE_JSON;
		return container_end(p, end, depth);
	}
	return json_scalar_end(p, end, kind, escaped);
}
