#include "reports/words.h"

#include "tests/unit/tap.h"

static void test_durations(void)
{
	static const struct {
		int64_t us;
		const char *words;
	} cases[] = {
		{ 0, "0 us" },
		{ 999, "999 us" },
		{ 1000, "1.00 ms" },
		{ 1234, "1.23 ms" },
		{ 9994, "9.99 ms" },
		{ 9996, "10.0 ms" },
		{ 99940, "99.9 ms" },
		{ 99960, "100 ms" },
		{ 999400, "999 ms" },
		{ 999600, "1.00 s" },
		{ 12345678, "12.3 s" },
		{ 119400000, "119 s" },
		{ 120000000, "2.00 min" },
		{ 3600000000, "60.0 min" },
	};
	char words[WORDS_MAX];

	TEST("durations have three digits and a unit")
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			CHECK_TEXT(words_duration(words, cases[i].us), cases[i].words);
	TEST("no duration is too long for its room")
		CHECK(strlen(words_duration(words, INT64_MAX)) < WORDS_MAX);
}

static void test_numbers(void)
{
	char words[WORDS_MAX];

	TEST("counts have their thousands apart") {
		CHECK_TEXT(words_count(words, 0), "0");
		CHECK_TEXT(words_count(words, 999), "999");
		CHECK_TEXT(words_count(words, 1000), "1,000");
		CHECK_TEXT(words_count(words, 1234567), "1,234,567");
		CHECK_TEXT(words_count(words, UINT64_MAX), "18,446,744,073,709,551,615");
	}
	TEST("rates") {
		CHECK_TEXT(words_rate(words, 0), "0.0/s");
		CHECK_TEXT(words_rate(words, 0.25), "0.25/s");
		CHECK_TEXT(words_rate(words, 199.94), "199.9/s");
		CHECK_TEXT(words_rate(words, 12345.6), "12,346/s");
	}
	TEST("a share is 0 or 100% only when it is exactly that") {
		CHECK_TEXT(words_share(words, 0, 10), "0");
		CHECK_TEXT(words_share(words, 0, 0), "0");
		CHECK_TEXT(words_share(words, 1, 100000), "<0.1%");
		CHECK_TEXT(words_share(words, 1, 8), "12.5%");
		CHECK_TEXT(words_share(words, 99999, 100000), "99.9%");
		CHECK_TEXT(words_share(words, 7, 7), "100%");
	}
}

static void check_line(const char *text, size_t most, const char *expected)
{
	struct buffer out = BUFFER_EMPTY;

	buffer_add_string(&out, "");
	words_add_line(&out, text_of(text), most);
	CHECK_TEXT(out.data, expected);
	buffer_release(&out);
}

static void test_text(void)
{
	TEST("whatever could steer a terminal becomes visible") {
		check_line("plain \xc3\xa9 \xe2\x82\xac", 99, "plain \xc3\xa9 \xe2\x82\xac");
		check_line("a\nb\r\tc", 99, "a\\nb\\r\\tc");
		check_line("\x1b[2J\x07\x7f", 99, "\\x1b[2J\\x07\\x7f");
		check_line("\xc2\x9b"
			   "31m",
			   99, "\\xc2\\x9b31m");
		check_line("\xe2\x80\xae"
			   "abc",
			   99,
			   "\\xe2\\x80\\xae"
			   "abc");
		check_line("\xe2\x81\xa6", 99, "\\xe2\\x81\\xa6");
		check_line("\xff\xc3", 99, "\xef\xbf\xbd\xef\xbf\xbd");
	}
	TEST("long text is cut between characters") {
		check_line("abcdef", 6, "abcdef");
		check_line("abcdefg", 6, "abcdef...");
		check_line("abcd\xe2\x82\xac", 6, "abcd...");
		check_line("", 6, "");
		CHECK_INT(words_columns(text_of("a\xe2\x82\xac")), 2);
	}
	TEST("for other programs, only what is invalid is replaced") {
		struct buffer out = BUFFER_EMPTY;

		words_add_valid(&out, (struct text){ "a\n\x1b\xff", 4 }, 99);
		CHECK_TEXT(out.data, "a\n\x1b\xef\xbf\xbd");
		buffer_release(&out);
	}
}

int main(void)
{
	test_durations();
	test_numbers();
	test_text();
	return tap_done();
}
