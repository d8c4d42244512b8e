/* Numbers, times and words of entries. Nothing here trusts what it reads. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/saga_key.h"
#include "sagas/evidence_parts.h"

/* Decoded into the scratch: good until the next one. */
struct value entry_value(struct evidence *evidence, const struct json_pointer *pointer,
			 struct text entry)
{
	struct json_found found;

	if (!pointer_given(pointer) || json_find(pointer, entry, &found) != JSON_FOUND)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	buffer_clear(&evidence->scratch);
	return json_value(&found, &evidence->scratch);
}

bool entry_integer(struct evidence *evidence, const struct json_pointer *pointer, struct text entry,
		   unsigned decimals, int64_t *out)
{
	return value_decimal(entry_value(evidence, pointer, entry), decimals, out);
}

/* 0: there is nothing, or nothing that could be a name. */
uint64_t entry_hash(struct evidence *evidence, const struct json_pointer *pointer,
		    struct text entry)
{
	struct value value = entry_value(evidence, pointer, entry);

	if ((value.kind != VALUE_STRING && value.kind != VALUE_NUMBER) || !value.text.length)
		return 0;
	return text_hash(value.text);
}

/* Times. */

enum { TIME_BYTES_MAX = 40 };

static bool read_fraction(const char **at, int64_t *us)
{
	int64_t scale = US_PER_S / 10;

	*us = 0;
	if (**at != '.' && **at != ',')
		return true;
	(*at)++;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*us += (**at - '0') * scale;
	return true;
}

/* Z, +02:00, -0530, or nothing: then it is taken for UTC. */
static bool read_zone(const char *at, int64_t *offset_s)
{
	int hours, minutes, used = 0;

	*offset_s = 0;
	if (!*at || strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
		return true;
	if (*at != '+' && *at != '-')
		return false;
	if (sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 &&
	    sscanf(at + 1, "%2d%2d%n", &hours, &minutes, &used) != 2)
		return false;
	*offset_s = (hours * 3600 + minutes * 60) * (*at == '-' ? -1 : 1);
	return at[1 + used] == '\0';
}

static bool read_iso(const char *text, int64_t *wall_us)
{
	struct tm tm = { 0 };
	int64_t us, offset_s;
	const char *at;
	char between;
	int used = 0;

	if (sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &between, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 7 ||
	    (between != 'T' && between != 't' && between != ' '))
		return false;
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	at = text + used;
	if (!read_fraction(&at, &us) || !read_zone(at, &offset_s))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*wall_us = ((int64_t)timegm(&tm) - offset_s) * US_PER_S + us;
	return true;
}

/* By its size: until the year 2286 seconds have ten digits, and nothing is from before 2001. */
static bool read_number(double number, int64_t *wall_us)
{
	if (!(number >= 1e9) || number >= 1e17)
		return false;
	if (number < 1e11)
		*wall_us = llround(number * 1e6);
	else if (number < 1e14)
		*wall_us = llround(number * 1e3);
	else
		*wall_us = llround(number);
	return true;
}

bool evidence_time(struct value value, int64_t *wall_us)
{
	char text[TIME_BYTES_MAX + 1];
	double number;

	if ((value.kind != VALUE_STRING && value.kind != VALUE_NUMBER) ||
	    value.text.length > TIME_BYTES_MAX)
		return false;
	if (value_number(value, &number))
		return read_number(number, wall_us);
	memcpy(text, value.text.data, value.text.length);
	text[value.text.length] = '\0';
	return read_iso(text, wall_us);
}
