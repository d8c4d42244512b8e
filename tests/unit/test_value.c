#include "lib/value.h"

#include "tests/unit/tap.h"

static struct value number(const char *text)
{
	return (struct value){ VALUE_NUMBER, text_of(text) };
}

static struct value string(const char *text)
{
	return value_string(text_of(text));
}

static const struct value absent = { VALUE_ABSENT, { "", 0 } };
static const struct value null = { VALUE_NULL, { "null", 4 } };
static const struct value yes = { VALUE_BOOL, { "true", 4 } };
static const struct value no = { VALUE_BOOL, { "false", 5 } };

static bool is_number(const char *text)
{
	double ignored;

	return value_number(string(text), &ignored);
}

static double amount(const char *text)
{
	double result = -12345;

	value_number(number(text), &result);
	return result;
}

/* INT64_MIN: it is none. */
static int64_t decimal(const char *text, unsigned decimals)
{
	int64_t found = 0;

	return value_decimal(string(text), decimals, &found) ? found : INT64_MIN;
}

static void test_decimals(void)
{
	TEST("money is exact, or no money") {
		CHECK_INT(decimal("1990", 0), 1990);
		CHECK_INT(decimal("19.90", 2), 1990);
		CHECK_INT(decimal("19.9", 2), 1990);
		CHECK_INT(decimal("-0.01", 2), -1);
		CHECK_INT(decimal("19.900", 2), 1990);
		CHECK_INT(decimal("9223372036854775807", 0), INT64_MAX);
		CHECK_INT(decimal("92233720368547758.07", 2), INT64_MAX);
		CHECK_INT(decimal("19.00", 0), 19);
	}
	TEST("what has too many digits, or is no number, is none") {
		CHECK_INT(decimal("19.905", 2), INT64_MIN);
		CHECK_INT(decimal("0.1", 0), INT64_MIN);
		CHECK_INT(decimal("9223372036854775808", 0), INT64_MIN);
		CHECK_INT(decimal("92233720368547758.08", 2), INT64_MIN);
		CHECK_INT(decimal("1e3", 0), INT64_MIN);
		CHECK_INT(decimal("", 0), INT64_MIN);
		CHECK_INT(decimal("12x", 0), INT64_MIN);
		CHECK_INT(decimal("-", 0), INT64_MIN);
	}
}

int main(void)
{
	TEST("numbers are read as JSON spells them") {
		CHECK(amount("0") == 0 && amount("-0") == 0 && amount("12") == 12 &&
		      amount("-7") == -7);
		CHECK(amount("1.5e3") == 1500 && amount("0.1") == 0.1 && amount("-2E-2") == -0.02);
		CHECK(amount("123456789012345678") == 123456789012345678.0);
		CHECK(!is_number("") && !is_number("-") && !is_number("1.") && !is_number(".5"));
		CHECK(!is_number("0x10") && !is_number("inf") && !is_number("nan") &&
		      !is_number("1e999"));
		CHECK(!is_number(" 1") && !is_number("1 ") && !is_number("+1") &&
		      !is_number("007"));
		CHECK(is_number("1e300"));
	}
	TEST("only numbers and strings spell numbers") {
		double ignored;

		CHECK(!value_number(absent, &ignored) && !value_number(yes, &ignored));
		CHECK(!value_number((struct value){ VALUE_JSON, text_of("1") }, &ignored));
	}
	TEST("numbers are equal by amount, anything else by text") {
		CHECK(value_equal(number("1.0"), string("1")));
		CHECK(value_equal(number("0.10"), number("1e-1")));
		CHECK(value_equal(number("-0"), number("0")));
		CHECK(!value_equal(number("1"), number("2")));
		CHECK(value_equal(string("a"), string("a")) &&
		      !value_equal(string("a"), string("A")));
		CHECK(value_equal(yes, string("true")) && !value_equal(yes, no));
		CHECK(!value_equal(string("007"), string("7")));
		CHECK(!value_equal(null, string("")));
	}
	TEST("large integers are compared to the last digit") {
		CHECK(!value_equal(number("9007199254740993"), number("9007199254740992")));
		CHECK(value_equal(number("9007199254740993"), string("9007199254740993")));
	}
	TEST("an absent value equals nothing") {
		CHECK(!value_equal(absent, absent) && !value_equal(absent, string("")));
	}
	TEST("absent, null, false, 0 and nothing are false") {
		CHECK(!value_true(absent) && !value_true(null) && !value_true(no));
		CHECK(!value_true(number("0")) && !value_true(number("-0.0")) &&
		      !value_true(string("")));
		CHECK(!value_true(string("0")) && !value_true(string("false")) &&
		      !value_true(string("null")));
		CHECK(value_true(yes) && value_true(number("0.1")) && value_true(string("no")));
		CHECK(value_true((struct value){ VALUE_JSON, text_of("[]") }));
	}
	test_decimals();
	return tap_done();
}
