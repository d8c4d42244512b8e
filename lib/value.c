#include "lib/value.h"

#include <math.h>
#include <stdlib.h>

#include "lib/json_scan.h"

enum { NUMBER_MAX = 400 }; /* characters; what is longer is no amount of anything */

/* Most numbers by far: a few digits. */
static bool small_integer(struct text text, double *number)
{
	bool negative = text.length > 1 && text.data[0] == '-';
	int64_t sum = 0;

	if (text.length > 15)
		return false;
	for (size_t i = negative; i < text.length; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		sum = sum * 10 + (text.data[i] - '0');
	}
	*number = (double)(negative ? -sum : sum);
	return true;
}

static bool is_number(struct text text)
{
	const char *end = text.data + text.length;

	return text.length && text.length <= NUMBER_MAX && json_number_end(text.data, end) == end;
}

static bool spells_number(struct text text, double *number)
{
	char copy[NUMBER_MAX + 1];

	if (!is_number(text))
		return false;
	if (small_integer(text, number))
		return true;
	memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	*number = strtod(copy, NULL);
	return isfinite(*number);
}

bool value_number(struct value value, double *number)
{
	return (value.kind == VALUE_NUMBER || value.kind == VALUE_STRING) &&
	       spells_number(value.text, number);
}

bool value_decimal(struct value value, unsigned decimals, int64_t *number)
{
	struct text text = value.text;
	bool negative = text.length && text.data[0] == '-', point = false;
	unsigned digits = 0;
	int64_t sum = 0;

	if ((value.kind != VALUE_NUMBER && value.kind != VALUE_STRING) || !is_number(text))
		return false;
	for (size_t i = negative; i < text.length; i++) {
		char c = text.data[i];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9' || (point && digits == decimals && c != '0'))
			return false;
		if (point && digits == decimals)
			continue;
		digits += point;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, c - '0', &sum))
			return false;
	}
	for (; digits < decimals; digits++)
		if (__builtin_mul_overflow(sum, 10, &sum))
			return false;
	*number = negative ? -sum : sum;
	return true;
}

static bool is_integer(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] == '.' || (text.data[i] | 0x20) == 'e')
			return false;
	return true;
}

bool value_equal(struct value a, struct value b)
{
	double left, right;

	if (a.kind == VALUE_ABSENT || b.kind == VALUE_ABSENT)
		return false;
	if (text_equal(a.text, b.text))
		return true;
	if (!value_number(a, &left) || !value_number(b, &right))
		return false;
	/*
	 * Integers are spelt in one way only, so large ones that a double can't tell apart differ.
	 */
	return left == right && (left == 0 || !is_integer(a.text) || !is_integer(b.text));
}

bool value_true(struct value value)
{
	double number;

	switch (value.kind) {
	case VALUE_ABSENT:
	case VALUE_NULL:
		return false;
	case VALUE_BOOL:
		return text_is(value.text, "true");
	case VALUE_NUMBER:
	case VALUE_STRING:
		if (value.text.length == 0 || text_is(value.text, "false") ||
		    text_is(value.text, "null"))
			return false;
		return !value_number(value, &number) || number != 0;
	case VALUE_JSON:
		break;
	}
	return true;
}

const char *value_kind_name(enum value_kind kind)
{
	static const char *const names[] = {
		[VALUE_ABSENT] = "nothing",  [VALUE_STRING] = "a string",
		[VALUE_NUMBER] = "a number", [VALUE_BOOL] = "a boolean",
		[VALUE_NULL] = "null",	     [VALUE_JSON] = "JSON",
	};

	return names[kind];
}
