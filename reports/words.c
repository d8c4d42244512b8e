#include "reports/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/utf8.h"
#include "lib/visible.h"

const char *words_duration(char out[WORDS_MAX], int64_t us)
{
	static const struct {
		double below, divisor;
		const char *unit;
	} units[] = { { 999.5, 1, "us" },
		      { 999.5e3, 1e3, "ms" },
		      { 119.5e6, 1e6, "s" },
		      { HUGE_VAL, 60e6, "min" } };
	double value = (double)us;
	size_t i = 0;

	while (value >= units[i].below)
		i++;
	value /= units[i].divisor;
	snprintf(out, WORDS_MAX, "%.*f %s",
		 i == 0 || value >= 99.95 ? 0 :
		 value >= 9.995		  ? 1 :
					    2,
		 value, units[i].unit);
	return out;
}

const char *words_count(char out[WORDS_MAX], uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = out;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

const char *words_rate(char out[WORDS_MAX], double per_s)
{
	char whole[WORDS_MAX];

	if (per_s >= 999.95)
		snprintf(out, WORDS_MAX, "%s/s", words_count(whole, (uint64_t)llround(per_s)));
	else
		snprintf(out, WORDS_MAX, "%.*f/s", per_s > 0 && per_s < 0.995 ? 2 : 1, per_s);
	return out;
}

const char *words_share(char out[WORDS_MAX], uint64_t part, uint64_t whole)
{
	double percent = whole ? 100 * (double)part / (double)whole : 0;

	if (percent > 99.9 && part < whole)
		percent = 99.9;
	if (part == 0)
		snprintf(out, WORDS_MAX, "0");
	else if (percent < 0.05)
		snprintf(out, WORDS_MAX, "<0.1%%");
	else
		snprintf(out, WORDS_MAX, "%.*f%%", percent >= 99.95 ? 0 : 1, percent);
	return out;
}

static void add_clean(struct buffer *out, struct text text, size_t most, bool line)
{
	const char *p = text.data, *end = text.data + text.length;
	size_t start = out->length, before = start;

	while (p < end && out->length - start <= most) {
		size_t length = utf8_length(p, end);

		before = out->length;
		if (length == 0)
			buffer_add_string(out, UTF8_REPLACEMENT);
		else if (line && visible_steers(p, length))
			visible_add_bytes(out, (struct text){ p, length });
		else
			buffer_add(out, p, length);
		p += length ? length : 1;
	}
	if (out->length - start <= most)
		return;
	out->length = before;
	buffer_add_string(out, "...");
}

void words_add_valid(struct buffer *out, struct text text, size_t most)
{
	add_clean(out, text, most, false);
}

void words_add_line(struct buffer *out, struct text text, size_t most)
{
	add_clean(out, text, most, true);
}

size_t words_columns(struct text text)
{
	size_t columns = 0;

	for (size_t i = 0; i < text.length; i++)
		columns += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return columns;
}
