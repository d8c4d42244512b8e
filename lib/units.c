#include "lib/schema.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit durations[] = {
	{ "us", 1 },    { "ms", 1e3 },    { "s", 1e6 }, { "m", 60e6 },
	{ "h", 3600e6 }, { "d", 86400e6 }, { NULL, 0 },
};

static const struct unit rates[] = {
	{ "/s", 1 }, { "/m", 1.0 / 60 }, { "/h", 1.0 / 3600 }, { NULL, 0 }
};

static const struct unit sizes[] = {
	{ "B", 1 },           { "kB", 1e3 },         { "KB", 1e3 },
	{ "MB", 1e6 },        { "GB", 1e9 },         { "KiB", 1024 },
	{ "MiB", 1024 * 1024 }, { "GiB", 1024 * 1024 * 1024 }, { NULL, 0 },
};

enum { NUMBER_MAX = 40 }; /* characters; more is no number a person means */

/* Digits with at most one point: "10", "1.5", ".5". The length, or 0. */
static size_t decimal_length(struct text text)
{
	size_t length = 0, digits = 0, points = 0;

	for (; length < text.length; length++) {
		if (isdigit((unsigned char)text.data[length]))
			digits++;
		else if (text.data[length] != '.' || points++)
			break;
	}
	return digits && length <= NUMBER_MAX ? length : 0;
}

static double decimal(struct text text)
{
	char digits[NUMBER_MAX + 1];

	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	return strtod(digits, NULL);
}

/* Takes "1.5ms" off the front: the number in the base unit, or -1. */
static double take_with_unit(struct text *text, const struct unit *units, bool *bare)
{
	size_t length = decimal_length(*text);
	size_t unit_length = 0;
	double number;

	if (!length)
		return -1;
	number = decimal((struct text){ text->data, length });
	text->data += length;
	text->length -= length;
	while (unit_length < text->length && !isdigit((unsigned char)text->data[unit_length]))
		unit_length++;
	*bare = unit_length == 0;
	if (*bare)
		return number;
	for (; units->name; units++) {
		if (!text_is((struct text){ text->data, unit_length }, units->name))
			continue;
		text->data += unit_length;
		text->length -= unit_length;
		return number * units->factor;
	}
	return -1;
}

/* How much of a bad value is worth quoting. */
static int shown(struct text text)
{
	return text.length > 60 ? 60 : (int)text.length;
}

bool unit_duration(struct text text, int64_t *us, struct error *err)
{
	struct text rest = text_trim(text);
	double total = 0;

	if (text_is(rest, "0")) {
		*us = 0;
		return true;
	}
	do {
		bool bare = false;
		double part = take_with_unit(&rest, durations, &bare);

		if (part >= 0 && bare)
			return error_set(err, "'%.*s' has no unit (write 10s, 250ms, 5m)",
					 shown(text), text.data);
		if (part < 0)
			return error_set(err,
					 "'%.*s' is no duration (write 250ms, 1.5s, 2m, 1h30m)",
					 shown(text), text.data);
		total += part;
	} while (rest.length);
	if (total > 1e15)
		return error_set(err, "'%.*s' is too long", shown(text), text.data);
	*us = llround(total);
	return true;
}

bool unit_rate(struct text text, double *per_s, struct error *err)
{
	struct text rest = text_trim(text);
	bool negative = rest.length && rest.data[0] == '-';
	bool bare = false;
	double rate;

	if (negative) {
		rest.data++;
		rest.length--;
	}
	rate = take_with_unit(&rest, rates, &bare);
	if (rate >= 0 && !rest.length && negative)
		return error_set(err, "a rate can't be negative, as '%.*s' is", shown(text),
				 text.data);
	if (rate >= 0 && bare && !rest.length)
		return error_set(err, "'%.*s' has no unit (write %.*s/s, or /m, /h)", shown(text),
				 text.data, shown(text), text.data);
	if (rate < 0 || rest.length)
		return error_set(err, "'%.*s' is no rate (write 20/s, 300/m or 1000/h)",
				 shown(text), text.data);
	*per_s = rate;
	return true;
}

bool unit_size(struct text text, int64_t *bytes, struct error *err)
{
	struct text rest = text_trim(text);
	bool bare = false;
	double size = take_with_unit(&rest, sizes, &bare);

	if (size < 0 || rest.length)
		return error_set(err, "'%.*s' is no size (write 512, 64KiB, 10MB)", shown(text),
				 text.data);
	if (size > 9e15)
		return error_set(err, "'%.*s' is too large", shown(text), text.data);
	*bytes = llround(size);
	return true;
}

bool unit_share(struct text text, double *share, struct error *err)
{
	struct text rest = text_trim(text);
	bool percent = rest.length && rest.data[rest.length - 1] == '%';
	double number;

	rest.length -= percent;
	if (!rest.length || decimal_length(rest) != rest.length)
		return error_set(err, "'%.*s' is no share (write 20%% or 0.2)", shown(text),
				 text.data);
	number = decimal(rest) / (percent ? 100 : 1);
	if (number > 1)
		return error_set(err, "'%.*s' is more than everything (100%% or 1)", shown(text),
				 text.data);
	*share = number;
	return true;
}

bool unit_integer(struct text text, int64_t *integer, struct error *err)
{
	struct text trimmed = text_trim(text);
	char digits[NUMBER_MAX + 1];
	char *end;

	if (!trimmed.length || trimmed.length > NUMBER_MAX)
		return error_set(err, "'%.*s' is no whole number", shown(text), text.data);
	memcpy(digits, trimmed.data, trimmed.length);
	digits[trimmed.length] = '\0';
	errno = 0;
	*integer = strtoll(digits, &end, 10);
	if (*end || isspace((unsigned char)digits[0]) || end == digits)
		return error_set(err, "'%.*s' is no whole number", shown(text), text.data);
	if (errno)
		return error_set(err, "'%.*s' is too large", shown(text), text.data);
	return true;
}

bool unit_number(struct text text, double *number, struct error *err)
{
	struct text trimmed = text_trim(text);
	char digits[NUMBER_MAX + 1];
	char *end;

	if (!trimmed.length || trimmed.length > NUMBER_MAX ||
	    (!isdigit((unsigned char)trimmed.data[0]) && !strchr("+-.", trimmed.data[0])))
		return error_set(err, "'%.*s' is no number", shown(text), text.data);
	memcpy(digits, trimmed.data, trimmed.length);
	digits[trimmed.length] = '\0';
	*number = strtod(digits, &end);
	if (*end || end == digits || !isfinite(*number) || strpbrk(digits, "xXpPnNiI"))
		return error_set(err, "'%.*s' is no number", shown(text), text.data);
	return true;
}

bool unit_bool(struct text text, bool *yes, struct error *err)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
	struct text trimmed = text_trim(text);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (text_is_nocase(trimmed, words[i])) {
			*yes = i % 2;
			return true;
		}
	}
	return error_set(err, "'%.*s' is neither yes nor no", shown(text), text.data);
}

/* Up to three digits that matter, no useless zeros: 1.5, 12.3, 800. */
static void show_number(struct buffer *out, double number, const char *unit)
{
	char digits[40];
	int decimals = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
	char *end;

	snprintf(digits, sizeof(digits), "%.*f", decimals, number);
	end = digits + strlen(digits);
	while (strchr(digits, '.') && (end[-1] == '0' || end[-1] == '.')) {
		bool point = *--end == '.';

		*end = '\0';
		if (point)
			break;
	}
	buffer_format(out, "%s %s", digits, unit);
}

void unit_show_duration(struct buffer *out, int64_t us)
{
	if (us < 0) {
		buffer_add_char(out, '-');
		us = us == INT64_MIN ? INT64_MAX : -us;
	}
	if (us == 0)
		buffer_add_string(out, "0 s");
	else if (us < US_PER_MS)
		buffer_format(out, "%" PRId64 " us", us);
	else if (us < US_PER_S)
		show_number(out, (double)us / 1e3, "ms");
	else if (us < 600 * US_PER_S)
		show_number(out, (double)us / 1e6, "s");
	else if (us < 7200 * US_PER_S)
		show_number(out, (double)us / 60e6, "min");
	else
		show_number(out, (double)us / 3600e6, "h");
}

void unit_show_count(struct buffer *out, uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buffer_add_char(out, ',');
		buffer_add_char(out, digits[i]);
	}
}
