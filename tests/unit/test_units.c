#include "tests/unit/tap.h"

#include "lib/schema.h"

static struct error err;

static int64_t duration(const char *text)
{
	int64_t us = -1;

	return unit_duration(text_of(text), &us, &err) ? us : -1;
}

static double rate(const char *text)
{
	double per_s = -1;

	return unit_rate(text_of(text), &per_s, &err) ? per_s : -1;
}

static int64_t size(const char *text)
{
	int64_t bytes = -1;

	return unit_size(text_of(text), &bytes, &err) ? bytes : -1;
}

static double share(const char *text)
{
	double part = -1;

	return unit_share(text_of(text), &part, &err) ? part : -1;
}

static const char *refused(bool accepted)
{
	return accepted ? "accepted" : err.text;
}

static void test_good(void)
{
	TEST("durations have units, and may be added up") {
		CHECK_INT(duration("250us"), 250);
		CHECK_INT(duration("100ms"), 100000);
		CHECK_INT(duration("1.5s"), 1500000);
		CHECK_INT(duration("2m"), 120000000);
		CHECK_INT(duration("1h30m"), 5400000000);
		CHECK_INT(duration("7d"), 604800000000);
		CHECK_INT(duration("0"), 0);
		CHECK_INT(duration(" 5s "), 5000000);
	}
	TEST("rates are per second, minute or hour") {
		CHECK_NEAR(rate("20/s"), 20, 0);
		CHECK_NEAR(rate("300/m"), 5, 1e-12);
		CHECK_NEAR(rate("1800/h"), 0.5, 1e-12);
		CHECK_NEAR(rate("0.5/s"), 0.5, 0);
	}
	TEST("sizes are bytes, decimal or binary") {
		CHECK_INT(size("512"), 512);
		CHECK_INT(size("64KiB"), 65536);
		CHECK_INT(size("10MB"), 10000000);
		CHECK_INT(size("1.5GiB"), 1610612736);
	}
	TEST("shares are percent or parts of one") {
		CHECK_NEAR(share("20%"), 0.2, 1e-12);
		CHECK_NEAR(share("0.25"), 0.25, 0);
		CHECK_NEAR(share("100%"), 1, 0);
	}
	TEST("yes and no have several spellings") {
		bool yes = false;

		CHECK(unit_bool(text_of("on"), &yes, &err) && yes);
		CHECK(unit_bool(text_of("False"), &yes, &err) && !yes);
		CHECK(!unit_bool(text_of("y"), &yes, &err));
	}
}

static void test_bad(void)
{
	int64_t integer;
	double number;

	TEST("what is wrong with a duration is said") {
		CHECK_TEXT(refused(duration("10") >= 0), "'10' has no unit (write 10s, 250ms, 5m)");
		CHECK_TEXT(refused(duration("10 s") >= 0),
			   "'10 s' is no duration (write 250ms, 1.5s, 2m, 1h30m)");
		CHECK_TEXT(refused(duration("-5s") >= 0),
			   "'-5s' is no duration (write 250ms, 1.5s, 2m, 1h30m)");
		CHECK(duration("") < 0);
		CHECK(duration("s") < 0);
		CHECK(duration("1..5s") < 0);
		CHECK(duration("10sec") < 0);
		CHECK_TEXT(refused(duration("99999999999h") >= 0), "'99999999999h' is too long");
	}
	TEST("what is wrong with a rate is said") {
		CHECK_TEXT(refused(rate("20") >= 0), "'20' has no unit (write 20/s, or /m, /h)");
		CHECK_TEXT(refused(rate("-20/s") >= 0), "a rate can't be negative, as '-20/s' is");
		CHECK_TEXT(refused(rate("20/sec") >= 0),
			   "'20/sec' is no rate (write 20/s, 300/m or 1000/h)");
		CHECK(rate("/s") < 0);
		CHECK(rate("1/s2/s") < 0);
	}
	TEST("what is wrong with sizes and shares is said") {
		CHECK_TEXT(refused(size("10 MB") >= 0), "'10 MB' is no size (write 512, 64KiB, "
							"10MB)");
		CHECK_TEXT(refused(size("99999999GiB") >= 0), "'99999999GiB' is too large");
		CHECK_TEXT(refused(share("20 percent") >= 0),
			   "'20 percent' is no share (write 20% or 0.2)");
		CHECK_TEXT(refused(share("120%") >= 0),
			   "'120%' is more than everything (100% or 1)");
		CHECK(share("%") < 0);
	}
	TEST("whole numbers are whole, numbers are finite") {
		CHECK(!unit_integer(text_of("1.5"), &integer, &err));
		CHECK(!unit_integer(text_of("0x10"), &integer, &err));
		CHECK(!unit_integer(text_of("99999999999999999999"), &integer, &err));
		CHECK(unit_integer(text_of("-3"), &integer, &err) && integer == -3);
		CHECK(!unit_number(text_of("nan"), &number, &err));
		CHECK(!unit_number(text_of("inf"), &number, &err));
		CHECK(!unit_number(text_of("0x1p3"), &number, &err));
		CHECK(!unit_number(text_of("1e999"), &number, &err));
		CHECK(unit_number(text_of("-1.5e3"), &number, &err) && number < -1499);
	}
}

static const char *shown_duration(int64_t us)
{
	static struct buffer out = BUFFER_EMPTY;

	buffer_release(&out);
	unit_show_duration(&out, us);
	return out.data;
}

static const char *shown_count(uint64_t count)
{
	static struct buffer out = BUFFER_EMPTY;

	buffer_release(&out);
	unit_show_count(&out, count);
	return out.data;
}

static const char *nearest(const char *word)
{
	static const char *const known[] = { "rate", "users", "timeout", "connect-timeout", NULL };

	return suggest(text_of(word), known);
}

int main(void)
{
	test_good();
	test_bad();
	TEST("durations and counts are shown as people write them") {
		CHECK_TEXT(shown_duration(250), "250 us");
		CHECK_TEXT(shown_duration(800000), "800 ms");
		CHECK_TEXT(shown_duration(1500000), "1.5 s");
		CHECK_TEXT(shown_duration(12345), "12.3 ms");
		CHECK_TEXT(shown_duration(105 * 1000000), "105 s");
		CHECK_TEXT(shown_duration(3600 * INT64_C(1000000)), "60 min");
		CHECK_TEXT(shown_duration(-1500000), "-1.5 s");
		CHECK_TEXT(shown_count(2000), "2,000");
		CHECK_TEXT(shown_count(999), "999");
		CHECK_TEXT(shown_count(1234567), "1,234,567");
	}
	TEST("a near word is suggested, a far one is not") {
		CHECK_TEXT(nearest("rat"), "rate");
		CHECK_TEXT(nearest("usesr"), "users");
		CHECK_TEXT(nearest("time-out"), "timeout");
		CHECK_TEXT(nearest("Timeout"), "timeout");
		CHECK_TEXT(nearest("connect"), "connect-timeout");
		CHECK(nearest("banana") == NULL);
		CHECK(nearest("") == NULL);
		CHECK(nearest("x") == NULL);
	}
	shown_duration(1);
	shown_count(1);
	return tap_done();
}
