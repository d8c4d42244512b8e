/*
 * http1_scan: the inner loops of lib/http1: how far a header name goes, how far a header value
 * goes.
 *
 * Sixteen bytes at a time where the machine can (SSE2, which every x86-64 has), else byte by byte;
 * never a byte past `end`. The *_fast() ones want sixteen readable bytes before `end`; they may
 * give up, and are then done over by the plain ones with the same result.
 */
#ifndef LIB_HTTP1_SCAN_H
#define LIB_HTTP1_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A "token" of RFC 9110: what methods and header names are made of. */
static inline bool http1_is_token_char(char c)
{
	static const uint64_t set[4] = {
		UINT64_C(0x03ff6cfa00000000), /* ! # $ % & ' * + - . 0-9 */
		UINT64_C(0x57ffffffc7fffffe), /* A-Z ^ _ ` a-z | ~ */
	};
	unsigned char byte = (unsigned char)c;

	return set[byte >> 6] >> (byte & 63) & 1;
}

static inline bool http1_is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* The first byte that is no token character, or `end`. */
static inline const char *http1_token_end(const char *p, const char *end)
{
	while (p < end && http1_is_token_char(*p))
		p++;
	return p;
}

/* The first control character that is not a tab, or `end`. */
static inline const char *http1_value_end(const char *p, const char *end)
{
	while (p < end && (!http1_is_control(*p) || *p == '\t'))
		p++;
	return p;
}

static inline bool http1_is_line_end(const char *p)
{
	return memcmp(p, "\r\n", 2) == 0; /* compiled into one comparison */
}

#ifdef __SSE2__

static inline __m128i http1_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* A bit for each of sixteen bytes that is a letter or a dash. */
static inline unsigned http1_letters(__m128i bytes)
{
	/* Letters, of either case, are moved down to the lowest 26 signed numbers. */
	__m128i shifted = _mm_sub_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x20)),
				       _mm_set1_epi8((char)('a' + 128)));
	__m128i letter = _mm_cmplt_epi8(shifted, _mm_set1_epi8(-128 + 26));

	return (unsigned)_mm_movemask_epi8(
		_mm_or_si128(letter, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'))));
}

/* A bit for each of sixteen bytes that is printable ASCII. */
static inline unsigned http1_printable(__m128i bytes)
{
	/* Adding one makes DEL negative, as the bytes outside ASCII are. */
	return (unsigned)_mm_movemask_epi8(
		_mm_cmpgt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(' ')));
}

/* How many of the lowest bits are set before the first that is not. */
static inline size_t http1_run(unsigned flags)
{
	return (size_t)(unsigned)__builtin_ctz(~flags);
}

/*
 * The flags of the last `left` bytes before `end`, at most sixteen: those of the sixteen bytes
 * before `end`, which must exist, without those of the bytes that stand before.
 */
#define HTTP1_LAST(flags, end, left) (flags(http1_load(&(end)[-16])) >> (16 - (left)))

/* The colon after a name of 1 to 15 letters and dashes, or NULL. */
static inline const char *http1_colon_fast(const char *p, const char *end)
{
	size_t left = (size_t)(end - p), length;

	if (left > 16)
		length = http1_run(http1_letters(http1_load(p)));
	else
		length = http1_run(HTTP1_LAST(http1_letters, end, left));
	return length - 1 < left - 1 && p[length] == ':' ? p + length : NULL;
}

/* The CRLF after a value of printable ASCII, or NULL. */
static inline const char *http1_value_fast(const char *p, const char *end)
{
	for (; end - p > 16; p += 16) {
		unsigned flags = http1_printable(http1_load(p));

		if (flags == 0xffff)
			continue;
		p += http1_run(flags);
		return http1_is_line_end(p) ? p : NULL;
	}
	if (end == p)
		return NULL;
	p += http1_run(HTTP1_LAST(http1_printable, end, end - p));
	return end - p >= 2 && http1_is_line_end(p) ? p : NULL;
}

#else

static inline const char *http1_colon_fast(const char *p, const char *end)
{
	const char *colon = http1_token_end(p, end);

	return colon > p && colon < end && *colon == ':' ? colon : NULL;
}

static inline const char *http1_value_fast(const char *p, const char *end)
{
	p = http1_value_end(p, end);
	return end - p >= 2 && http1_is_line_end(p) ? p : NULL;
}

#endif

#endif
