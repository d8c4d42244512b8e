#include "lib/regex.h"

#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "tests/unit/tap.h"

static enum regex_result find(const char *pattern, const char *subject, struct regex_found *found)
{
	struct error err;
	struct regex *regex = regex_compile(text_of(pattern), &err);
	enum regex_result result;

	if (!regex) {
		printf("# %s\n", err.text);
		return REGEX_LIMIT;
	}
	result = regex_find(regex, text_of(subject), found);
	regex_free(regex);
	return result;
}

static bool refused(const char *pattern, const char *why)
{
	struct error err;

	if (regex_compile(text_of(pattern), &err))
		return false;
	printf("#   %s\n", err.text);
	return strstr(err.text, why) != NULL;
}

static void test_finding(void)
{
	struct regex_found found;

	TEST("the first group is found, or the whole match when there is none") {
		CHECK_INT(find("order-([0-9]+)", "my order-123.", &found), REGEX_FOUND);
		CHECK(text_is(found.whole, "order-123") && text_is(found.group, "123"));
		CHECK_INT(find("order-[0-9]+", "my order-123.", &found), REGEX_FOUND);
		CHECK(text_is(found.group, "order-123"));
		CHECK_INT(find("order-(x)?y", "order-y", &found), REGEX_FOUND);
		CHECK(found.group.length == 0);
		CHECK_INT(find("order-[0-9]+", "nothing", &found), REGEX_MISSING);
		CHECK_INT(find("^$", "", &found), REGEX_FOUND);
	}
	TEST("a subject that is not UTF-8 is no error") {
		CHECK_INT(find("b+",
			       "\xff\xfe"
			       "abb\xff",
			       &found),
			  REGEX_FOUND);
		CHECK(text_is(found.whole, "bb"));
		CHECK_INT(find("^.$", "\xc3\xa9", &found), REGEX_FOUND);
		CHECK_INT(find("a[a-z]b",
			       "a\xff"
			       "b",
			       &found),
			  REGEX_MISSING);
	}
	TEST("an absent subject is empty") {
		struct error err;
		struct regex *regex = regex_compile(text_of("x*"), &err);

		CHECK_INT(regex_find(regex, (struct text){ NULL, 0 }, &found), REGEX_FOUND);
		CHECK_INT(found.whole.length, 0);
		regex_free(regex);
		regex_free(NULL);
	}
	TEST("bad patterns are refused with a reason and a place") {
		CHECK(refused("a(b", "missing closing parenthesis"));
		CHECK(refused("*a", "at character 1"));
		CHECK(refused("[z-a]", "range out of order"));
		CHECK(refused("\xff", "UTF-8"));
	}
}

static void test_limits(void)
{
	TEST("a pattern that runs away is stopped soon") {
		static const char *const patterns[] = {
			"^(a+)+$",
			"(a|aa)+$",
			"(?:a*)*b",
			"^(?:(?:a?){30})*c",
			"(x+x+)+y|(a+){20,}b",
		};
		struct buffer subject = BUFFER_EMPTY;
		struct regex_found found;
		int limited = 0;

		for (int i = 0; i < 50000; i++)
			buffer_add_char(&subject, 'a');
		buffer_add_char(&subject, '!');
		for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
			int64_t start_us = clock_cpu_us();
			enum regex_result result = find(patterns[i], subject.data, &found);

			CHECK(result != REGEX_FOUND);
			limited += result == REGEX_LIMIT;
			CHECK_NEAR((double)(clock_cpu_us() - start_us) / 1e6, 0, 1);
		}
		CHECK(limited >= 3);
		buffer_release(&subject);
	}
}

static void test_quadratic(void)
{
	TEST("a search that is tame at every place but long in all is stopped, too") {
		struct buffer subject = BUFFER_EMPTY;
		struct regex_found found;
		int64_t start_us = clock_cpu_us();

		for (int i = 0; i < 1000000; i++)
			buffer_add_char(&subject, ' ');
		buffer_add_string(&subject, "x!");
		CHECK_INT(find(" *[xy] *[xy]", subject.data, &found), REGEX_LIMIT);
		CHECK_NEAR((double)(clock_cpu_us() - start_us) / 1e6, 0, 2);
		start_us = clock_cpu_us();
		CHECK_INT(find("x(.)", subject.data, &found), REGEX_FOUND);
		CHECK(text_is(found.group, "!"));
		CHECK_INT(find("(?s)^.*\\s(x)", subject.data, &found), REGEX_FOUND);
		CHECK(text_is(found.group, "x"));
		CHECK_NEAR((double)(clock_cpu_us() - start_us) / 1e6, 0, 1);
		buffer_release(&subject);
	}
}

int main(void)
{
	test_finding();
	test_limits();
	test_quadratic();
	return tap_done();
}
