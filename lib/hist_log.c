/*
 * The log format of HdrHistogram, version 1.3, with its V2 encoding: base64 of
 *
 *	int32 cookie, int32 length, zlib-deflated {
 *		int32 cookie, int32 counts length, int32 0, int32 digits,
 *		int64 lowest, int64 highest, double 1.0, counts }
 *
 * all big-endian.
 */
#include "lib/hist.h"

#include <assert.h>
#include <time.h>
#include <zlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

#include <stdlib.h>

#define COOKIE_COUNTS	UINT32_C(0x1c849313)
#define COOKIE_DEFLATED UINT32_C(0x1c849314)
#define DOUBLE_ONE	UINT64_C(0x3ff0000000000000)

static void add_int32(struct buffer *out, uint32_t number)
{
	const unsigned char bytes[] = { (unsigned char)(number >> 24),
					(unsigned char)(number >> 16), (unsigned char)(number >> 8),
					(unsigned char)number };

	buffer_add(out, bytes, sizeof(bytes));
}

static void add_int64(struct buffer *out, uint64_t number)
{
	add_int32(out, (uint32_t)(number >> 32));
	add_int32(out, (uint32_t)number);
}

static void encode(const struct hist *hist, struct buffer *out)
{
	struct buffer counts = BUFFER_EMPTY;

	hist_write_counts(hist, &counts);
	add_int32(out, COOKIE_COUNTS);
	add_int32(out, (uint32_t)counts.length);
	add_int32(out, 0);
	add_int32(out, hist->digits);
	add_int64(out, 1);
	add_int64(out, (uint64_t)HIST_HIGHEST_US);
	add_int64(out, DOUBLE_ONE);
	buffer_add_text(out, buffer_text(&counts));
	buffer_release(&counts);
}

static void deflate_into(struct text plain, struct buffer *out)
{
	uLongf length = compressBound(plain.length);
	unsigned char *packed = memory_new(length);
	int result = compress2(packed, &length, (const Bytef *)plain.data, plain.length, 6);

	assert(result == Z_OK); /* there was room, and memory_new() does not fail */
	(void)result;
	add_int32(out, COOKIE_DEFLATED);
	add_int32(out, (uint32_t)length);
	buffer_add(out, packed, length);
	free(packed);
}

static void add_base64(struct buffer *out, struct text bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = (const unsigned char *)bytes.data;

	for (size_t i = 0; i < bytes.length; i += 3) {
		size_t left = bytes.length - i;
		uint32_t word = (uint32_t)from[i] << 16 |
				(left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
				(left > 2 ? from[i + 2] : 0);
		const char four[] = { digits[word >> 18], digits[word >> 12 & 63],
				      left > 1 ? digits[word >> 6 & 63] : '=',
				      left > 2 ? digits[word & 63] : '=' };

		buffer_add(out, four, sizeof(four));
	}
}

static void add_tag(struct buffer *out, const char *tag)
{
	buffer_add_string(out, "Tag=");
	for (; *tag; tag++)
		buffer_add_char(out, (unsigned char)*tag <= ' ' || *tag == ',' || *tag == 0x7f ?
					     '_' :
					     *tag);
	buffer_add_char(out, ',');
}

void hist_log_begin(struct buffer *out, int64_t wall_start_us, const char *comment)
{
	time_t seconds = (time_t)(wall_start_us / US_PER_S);
	struct tm utc;
	char when[32] = "";

	if (gmtime_r(&seconds, &utc))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	buffer_add_string(out, "#[");
	for (; *comment; comment++)
		buffer_add_char(out, (unsigned char)*comment < ' ' ? ' ' : *comment);
	buffer_add_string(out, "]\n#[Histogram log format version 1.3]\n");
	buffer_format(out, "#[StartTime: %.3f (seconds since epoch), %s]\n",
		      (double)wall_start_us / (double)US_PER_S, when);
	buffer_add_string(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
			       "\"Interval_Compressed_Histogram\"\n");
}

void hist_log_add(struct buffer *out, const struct hist *hist, const char *tag, double start_s,
		  double length_s)
{
	struct buffer plain = BUFFER_EMPTY, packed = BUFFER_EMPTY;

	encode(hist, &plain);
	deflate_into(buffer_text(&plain), &packed);
	if (tag && *tag)
		add_tag(out, tag);
	buffer_format(out, "%.3f,%.3f,%.3f,", start_s, length_s, (double)hist->max / 1000);
	add_base64(out, buffer_text(&packed));
	buffer_add_char(out, '\n');
	buffer_release(&plain);
	buffer_release(&packed);
}
