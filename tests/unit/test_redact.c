#include "lib/redact.h"

#include <stdlib.h>

#include "lib/random.h"
#include "lib/utf8.h"
#include "tests/unit/tap.h"

static struct buffer out;

static const char *shown_of(struct text in, char *const *secrets, size_t count, size_t limit)
{
	/* A copy of exactly that size, so that ASan sees a read past the end. */
	char *copy = malloc(in.length + !in.length);

	memcpy(copy, in.data, in.length);
	buffer_clear(&out);
	buffer_add(&out, "", 0);
	redact((struct text){ copy, in.length }, secrets, count, limit, &out);
	free(copy);
	return out.data;
}

static const char *shown(const char *in)
{
	return shown_of(text_of(in), NULL, 0, 1000);
}

static void test_given(void)
{
	static char plain[] = "hunter2", odd[] = "a\"b&c", longer[] = "hunter2-and-more",
		    none[] = "";
	char *const secrets[] = { plain, odd, longer, none };

	TEST("given secrets are masked however they are spelt, and when they are cut") {
		CHECK_TEXT(shown_of(text_of("x hunter2y hunter2-and-more"), secrets, 4, 1000),
			   "x ***y ***");
		CHECK_TEXT(shown_of(text_of("{\"x\":\"a\\\"b&c\"} ?a%22b%26c"), secrets, 4, 1000),
			   "{\"x\":\"***\"} ?***");
		CHECK_TEXT(shown_of(text_of("it was hunt"), secrets, 4, 1000), "it was ***");
		CHECK_TEXT(shown_of(text_of("it was hun"), secrets, 4, 1000), "it was hun");
	}
}

static void test_names(void)
{
	TEST("credentials in header lines are masked to the end of the line") {
		CHECK_TEXT(shown("Authorization: Bearer abc def\r\nHost: x"),
			   "Authorization: ***\\r\\nHost: x");
		CHECK_TEXT(shown("Set-Cookie: a=b; Path=/\ncookie: c=d; e=f"),
			   "Set-Cookie: ***\\ncookie: ***");
		CHECK_TEXT(shown("Proxy-Authorization:Basic eHg6eXk="), "Proxy-Authorization:***");
	}
	TEST("telling members of JSON are masked, whatever they hold") {
		CHECK_TEXT(shown("{\"email\":\"a@b\",\"password\":\"p\\\"w\",\"qty\":2}"),
			   "{\"email\":\"a@b\",\"password\":\"***\",\"qty\":2}");
		CHECK_TEXT(shown("{\"access_token\" : \"x\", \"refreshToken\":\"y\"}"),
			   "{\"access_token\" : \"***\", \"refreshToken\":\"***\"}");
		CHECK_TEXT(shown("{\"pin\":1234,\"shipping\":1234}"),
			   "{\"pin\":***,\"shipping\":1234}");
		CHECK_TEXT(shown("{\"tokens\":[\"a\",{\"b\":1}],\"x\":1}"),
			   "{\"tokens\":***,\"x\":1}");
		CHECK_TEXT(shown("{\"client_secret\":\"never clo"), "{\"client_secret\":\"***");
		CHECK_TEXT(shown("{\\\"password\\\":\\\"x\\\",\\\"y\\\":1}"),
			   "{\\\"password\\\":\\\"***\\\",\\\"y\\\":1}");
		CHECK_TEXT(shown("{\"authorization\":\"Bearer x y\",\"z\":1}"),
			   "{\"authorization\":\"***\",\"z\":1}");
	}
	TEST("telling fields of forms and queries are masked") {
		CHECK_TEXT(shown("POST /login?token=abc&x=1 user=u&password=p%20w&y=2"),
			   "POST /login?token=***&x=1 user=u&password=***&y=2");
	}
	TEST("prose about secrets stays readable") {
		CHECK_TEXT(shown("{\"error\":\"invalid token: expired\"}"),
			   "{\"error\":\"invalid token: expired\"}");
		CHECK_TEXT(shown("password required"), "password required");
		CHECK_TEXT(shown("token: 8f3a9c"), "token: ***");
		CHECK_TEXT(shown("the bearer of bad news"), "the bearer of bad news");
	}
}

static void test_shapes(void)
{
	TEST("bearer tokens, JSON Web Tokens and logins in URLs are masked") {
		CHECK_TEXT(shown("sent Bearer abc.def-ghi_123=, got 401"),
			   "sent Bearer ***, got 401");
		CHECK_TEXT(shown("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!"), "got ***!");
		CHECK_TEXT(shown("at http://me:pw@shop/x and http://shop/@y"),
			   "at http://***@shop/x and http://shop/@y");
	}
	TEST("card numbers keep their last four digits") {
		CHECK_TEXT(shown("card 4111111111111111."), "card ************1111.");
		CHECK_TEXT(shown("card 4111 1111-1111 1111 x"), "card **** ****-**** 1111 x");
		CHECK_TEXT(shown("\"378282246310005\""), "\"***********0005\"");
		CHECK_TEXT(shown("order 4111111111111112"), "order 4111111111111112");
		CHECK_TEXT(shown("12345678901234567890123456789"), "12345678901234567890123456789");
		CHECK_TEXT(shown("1700000000"), "1700000000");
	}
}

static void test_output(void)
{
	TEST("what a terminal could misread is made visible") {
		CHECK_TEXT(shown_of((struct text){ "a\0b\x1b[31m\x7f\t\xff", 11 }, NULL, 0, 100),
			   "a\\x00b\\x1b[31m\\x7f\\t" UTF8_REPLACEMENT);
		CHECK_TEXT(shown("\xc2\x9b x \xe2\x80\xae \xc3\xa9"), "\\u009b x \\u202e \xc3\xa9");
		CHECK_TEXT(shown("token\t:\t\x1b\"x1x\""), "token\\t:\\t\\x1b\"x1x\"");
	}
	TEST("the result is as long as allowed and ends in an ellipsis when cut") {
		CHECK_TEXT(shown_of(text_of("abcdef"), NULL, 0, 6), "abcdef");
		CHECK_TEXT(shown_of(text_of("abcdefg"), NULL, 0, 6), "abc\xe2\x80\xa6");
		CHECK_TEXT(shown_of(text_of("ab\xc3\xa9\xc3\xa9"), NULL, 0, 6),
			   "ab\xc3\xa9\xc3\xa9");
		CHECK_TEXT(shown_of(text_of("ab\xc3\xa9\xc3\xa9z"), NULL, 0, 6), "ab\xe2\x80\xa6");
		CHECK_TEXT(shown_of(text_of("abcdef"), NULL, 0, 2), "");
		CHECK_TEXT(shown_of(text_of(""), NULL, 0, 0), "");
	}
	TEST("any bytes come out as printable UTF-8 within the limit") {
		static char secret[] = "s3";
		char *const secrets[] = { secret };
		static const char *const words[] = { "password", "\":\"", "=",	     "token", "s3",
						     "eyJ",	 ": ",	  "Bearer ", "://",   "@",
						     "4111",	 "\\",	  "\"",	     "[" };
		struct random random = random_stream(5, "redact", 0);

		for (int turn = 0; turn < 5000; turn++) {
			struct buffer in = BUFFER_EMPTY;
			size_t limit = random_below(&random, 80);

			for (uint64_t i = random_below(&random, 30); i > 0; i--) {
				if (random_below(&random, 2))
					buffer_add_char(&in, (char)random_below(&random, 256));
				else
					buffer_add_string(&in, words[random_below(&random, 14)]);
			}
			shown_of(buffer_text(&in), secrets, 1, limit);
			CHECK(out.length <= limit);
			CHECK(!memmem(out.data, out.length, "s3", 2));
			for (size_t i = 0; i < out.length;) {
				size_t length = utf8_length(out.data + i, out.data + out.length);

				if (!CHECK(length > 0 && (unsigned char)out.data[i] >= ' '))
					break;
				i += length;
			}
			buffer_release(&in);
		}
	}
}

int main(void)
{
	test_given();
	test_names();
	test_shapes();
	test_output();
	buffer_release(&out);
	return tap_done();
}
