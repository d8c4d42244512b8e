/*
 * The functions of ${fn.NAME(...)}. To add one: write its `write` (or `choose`), add a row below,
 * a test in tests/unit/test_template.c and a line in docs/journeys.md.
 */
#include "lib/clock.h"
#include "lib/template_parts.h"

enum { STRING_MAX = 65536, DAYS_MAX = 365000 };

static bool check_range(struct template_call *call, struct error *err)
{
	if (call->arguments[0].integer <= call->arguments[1].integer)
		return true;
	return error_set(err, "nothing lies between %.*s and %.*s: the low end comes first",
			 TEXT_ARG(call->arguments[0].value.text),
			 TEXT_ARG(call->arguments[1].value.text));
}

static bool check_length(struct template_call *call, struct error *err)
{
	int64_t length = call->arguments[0].integer;

	if (length >= 1 && length <= STRING_MAX)
		return true;
	return error_set(err, "a length is between 1 and %d, not %.*s", STRING_MAX,
			 TEXT_ARG(call->arguments[0].value.text));
}

static bool check_days(struct template_call *call, struct error *err)
{
	int64_t days = call->count ? call->arguments[0].integer : 0;

	if (days >= -DAYS_MAX && days <= DAYS_MAX)
		return true;
	return error_set(err, "a date is at most %d days away", DAYS_MAX);
}

static void write_uuid(const struct template_call *call, const struct template_source *source,
		       struct buffer *out)
{
	(void)call;
	random_uuid(source->random, buffer_reserve(out, 36));
	out->length += 36;
}

static void write_int(const struct template_call *call, const struct template_source *source,
		      struct buffer *out)
{
	buffer_add_number(out, random_between(source->random, call->arguments[0].integer,
					      call->arguments[1].integer));
}

static void write_float(const struct template_call *call, const struct template_source *source,
			struct buffer *out)
{
	int64_t drawn = random_between(source->random, call->arguments[0].integer,
				       call->arguments[1].integer);
	uint64_t amount = drawn < 0 ? 0 - (uint64_t)drawn : (uint64_t)drawn;
	uint64_t unit = 1;

	for (uint8_t d = 0; d < call->decimals; d++)
		unit *= 10;
	if (drawn < 0)
		buffer_add_char(out, '-');
	buffer_add_number(out, (int64_t)(amount / unit));
	buffer_add_char(out, '.');
	for (amount %= unit; unit > 1; amount %= unit) {
		unit /= 10;
		buffer_add_char(out, (char)('0' + amount / unit));
	}
}

static const struct argument *choose_one(const struct template_call *call,
					 const struct template_source *source)
{
	return &call->arguments[random_below(source->random, call->count)];
}

static void write_letters(const struct template_call *call, const struct template_source *source,
			  const char *letters, unsigned count, struct buffer *out)
{
	size_t length = (size_t)call->arguments[0].integer;
	char *to = buffer_reserve(out, length);
	uint64_t bits = 0;

	for (size_t i = 0; i < length; i++, bits >>= 16) {
		if (i % 4 == 0)
			bits = random_next(source->random);
		to[i] = letters[(bits & 0xffff) * count >> 16];
	}
	to[length] = '\0';
	out->length += length;
}

static void write_string(const struct template_call *call, const struct template_source *source,
			 struct buffer *out)
{
	write_letters(call, source,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 62, out);
}

static void write_hex(const struct template_call *call, const struct template_source *source,
		      struct buffer *out)
{
	write_letters(call, source, "0123456789abcdef", 16, out);
}

static void write_digits(const struct template_call *call, const struct template_source *source,
			 struct buffer *out)
{
	write_letters(call, source, "0123456789", 10, out);
}

static void write_timestamp(const struct template_call *call, const struct template_source *source,
			    struct buffer *out)
{
	(void)call;
	buffer_add_number(out, source->wall_us / US_PER_S);
}

static void write_timestamp_ms(const struct template_call *call,
			       const struct template_source *source, struct buffer *out)
{
	(void)call;
	buffer_add_number(out, source->wall_us / US_PER_MS);
}

/* `least` is the smallest number with all its digits: 10 for two, 1000 for four. */
static void write_padded(struct buffer *out, int64_t number, int64_t least)
{
	for (; least > 1 && number < least; least /= 10)
		buffer_add_char(out, '0');
	buffer_add_number(out, number);
}

/* Days since 1970 to the Gregorian calendar, by eras of 400 years that begin on 1 March. */
static void write_date(const struct template_call *call, const struct template_source *source,
		       struct buffer *out)
{
	int64_t offset = call->count ? call->arguments[0].integer : 0;
	int64_t days = source->wall_us / (86400 * US_PER_S) + offset + 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
	int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
	int64_t year = year_of_era + era * 400 + (month >= 10);

	write_padded(out, year, 1000);
	buffer_add_char(out, '-');
	write_padded(out, month < 10 ? month + 3 : month - 9, 10);
	buffer_add_char(out, '-');
	write_padded(out, day, 10);
}

const struct template_function template_functions[] = {
	{ .name = "uuid", .usage = "uuid", .help = "a random UUID (version 4)",
	  .gives = VALUE_STRING, .write = write_uuid },
	{ .name = "int", .usage = "int(low, high)", .help = "a whole number, both ends included",
	  .takes = ARGUMENT_INTEGER, .least = 2, .most = 2, .gives = VALUE_NUMBER,
	  .check = check_range, .write = write_int },
	{ .name = "float", .usage = "float(low, high)",
	  .help = "a decimal number with as many decimals as its arguments, at least two",
	  .takes = ARGUMENT_DECIMAL, .least = 2, .most = 2, .gives = VALUE_NUMBER,
	  .check = check_range, .write = write_float },
	{ .name = "choice", .usage = "choice(a, b, ...)", .help = "one of its arguments",
	  .least = 1, .most = ARGUMENTS_MAX, .choose = choose_one },
	{ .name = "string", .usage = "string(length)", .help = "letters and digits",
	  .takes = ARGUMENT_INTEGER, .least = 1, .most = 1, .gives = VALUE_STRING,
	  .check = check_length, .write = write_string },
	{ .name = "hex", .usage = "hex(length)", .help = "hexadecimal digits",
	  .takes = ARGUMENT_INTEGER, .least = 1, .most = 1, .gives = VALUE_STRING,
	  .check = check_length, .write = write_hex },
	{ .name = "digits", .usage = "digits(length)",
	  .help = "decimal digits; a string, as card numbers are",
	  .takes = ARGUMENT_INTEGER, .least = 1, .most = 1, .gives = VALUE_STRING,
	  .check = check_length, .write = write_digits },
	{ .name = "timestamp", .usage = "timestamp", .help = "seconds since 1970",
	  .gives = VALUE_NUMBER, .write = write_timestamp },
	{ .name = "timestamp_ms", .usage = "timestamp_ms", .help = "milliseconds since 1970",
	  .gives = VALUE_NUMBER, .write = write_timestamp_ms },
	{ .name = "date", .usage = "date(offset_days)",
	  .help = "the day so many days from today (UTC) as YYYY-MM-DD; today without an argument",
	  .takes = ARGUMENT_INTEGER, .least = 0, .most = 1, .gives = VALUE_STRING,
	  .check = check_days, .write = write_date },
	{ .name = NULL },
};

const char *template_function_help(size_t index, const char **help)
{
	if (index + 1 >= sizeof(template_functions) / sizeof(template_functions[0]))
		return NULL;
	*help = template_functions[index].help;
	return template_functions[index].usage;
}
