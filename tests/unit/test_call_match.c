/* Which calls are meant: method, path, header, the nth and every so many. */
#include "chaos/call_match.h"
#include "lib/arena.h"
#include "tests/unit/tap.h"

static struct arena arena;
static struct error err;

static struct call_match match_of(const char *call, const char *header)
{
	struct call_match match = { 0 };

	if (call)
		CHECK(call_match_read(text_of(call), &arena, &match, &err));
	match.header = header ? arena_string(&arena, text_of(header)) : NULL;
	return match;
}

static bool matches(const char *call, const char *header, const char *request)
{
	struct call_match match = match_of(call, header);
	struct http1_head head = { 0 };
	size_t scanned = 0;

	if (!CHECK(http1_head(HTTP1_REQUEST, text_of(request), &scanned, &head, &err) ==
		   HTTP1_DONE))
		return false;
	return call_match_is(&match, &head);
}

static bool meets(const char *call, const char *line)
{
	char *request = arena_format(&arena, "%s HTTP/1.1\r\nHost: x\r\n\r\n", line);

	return matches(call, NULL, request);
}

static bool refuses(const char *call, const char *why)
{
	struct call_match match = { 0 };

	if (call_match_read(text_of(call), &arena, &match, &err))
		return false;
	CHECK_TEXT(err.text, why);
	return true;
}

static void test_paths(void)
{
	TEST("a method and a path are that method and that path") {
		CHECK(meets("POST /v1/charges", "POST /v1/charges"));
		CHECK(!meets("POST /v1/charges", "GET /v1/charges"));
		CHECK(!meets("POST /v1/charges", "post /v1/charges"));
		CHECK(!meets("POST /v1/charges", "POST /v1/charges/ch_1"));
		CHECK(!meets("POST /v1/charges", "POST /v1/chargesx"));
		CHECK(!meets("POST /v1/charges", "POST /v1"));
		CHECK(!meets("POST /v1/charges", "POST /v1/charges/"));
		CHECK(meets(" POST   /v1/charges ", "POST /v1/charges"));
	}
	TEST("a path alone is any method, a method alone any path, nothing everything") {
		CHECK(meets("/a", "DELETE /a") && !meets("/a", "GET /b"));
		CHECK(meets("GET", "GET /any/thing") && !meets("GET", "POST /"));
		CHECK(meets(NULL, "GET /") && meets(NULL, "OPTIONS *"));
		CHECK(!meets("/a", "OPTIONS *"));
	}
	TEST("a query does not matter") {
		CHECK(meets("GET /a/b", "GET /a/b?c=/d/e") && meets("/a/*", "GET /a/b?"));
		CHECK(!meets("/a/*", "GET /a/?b"));
	}
	TEST("'*' is one whole segment") {
		CHECK(meets("/a/*/c", "GET /a/b/c") && meets("/*", "GET /a"));
		CHECK(!meets("/a/*/c", "GET /a/b/b/c") && !meets("/a/*/c", "GET /a//c"));
		CHECK(!meets("/a/*", "GET /a") && !meets("/a/*", "GET /a/"));
		CHECK(!meets("/a/b*", "GET /a/bc") && meets("/a/b*", "GET /a/b*"));
	}
	TEST("'**' at the end is all that follows, also nothing") {
		CHECK(meets("/a/**", "GET /a") && meets("/a/**", "GET /a/"));
		CHECK(meets("/a/**", "GET /a/b/c/d") && !meets("/a/**", "GET /ab"));
		CHECK(meets("/**", "GET /") && meets("/**", "GET /x/y"));
		CHECK(meets("/*/**", "GET /x") && !meets("/*/**", "GET /"));
	}
	TEST("a target with scheme and host is its path") {
		CHECK(meets("/a/b", "GET http://shop:80/a/b?x"));
		CHECK(meets("/", "GET http://shop") && !meets("/a", "GET http://a"));
		CHECK(!meets("/a", "CONNECT a:80"));
	}
}

static void test_headers(void)
{
	const char *request = "GET / HTTP/1.1\r\nX-Card: silver\r\nx-card:  gold \r\nA: b\r\n\r\n";

	TEST("a header is there, or has that value, however its name is written") {
		CHECK(matches(NULL, "X-Card", request) && matches(NULL, "x-CARD", request));
		CHECK(matches(NULL, "X-Card: gold", request));
		CHECK(matches(NULL, "X-Card:silver", request));
		CHECK(!matches(NULL, "X-Card: Gold", request) && !matches(NULL, "X-Car", request));
		CHECK(!matches(NULL, "X-Card: gold silver", request));
		CHECK(!matches(NULL, "A:", request) && matches("GET /", "A: b", request));
		CHECK(!matches("GET /x", "A: b", request));
	}
	TEST("what is no header is refused") {
		CHECK(call_match_header_check(text_of("X-A"), &err));
		CHECK(call_match_header_check(text_of("X-A: b c"), &err));
		CHECK(!call_match_header_check(text_of(": b"), &err));
		CHECK(!call_match_header_check(text_of("X A: b"), &err));
		CHECK(!call_match_header_check(text_of("X-A: b\r\nC: d"), &err));
	}
}

static void test_counting(void)
{
	TEST("the nth is one, every nth many, both begin at the nth") {
		struct call_match all = { 0 }, nth = { .nth = 3 }, every = { .every = 4 };
		struct call_match both = { .nth = 3, .every = 4 };
		char said[4][13];

		for (uint64_t i = 1; i <= 12; i++) {
			said[0][i - 1] = call_match_counts(&all, i) ? 'x' : '.';
			said[1][i - 1] = call_match_counts(&nth, i) ? 'x' : '.';
			said[2][i - 1] = call_match_counts(&every, i) ? 'x' : '.';
			said[3][i - 1] = call_match_counts(&both, i) ? 'x' : '.';
		}
		for (int i = 0; i < 4; i++)
			said[i][12] = '\0';
		CHECK_TEXT(said[0], "xxxxxxxxxxxx");
		CHECK_TEXT(said[1], "..x.........");
		CHECK_TEXT(said[2], "...x...x...x");
		CHECK_TEXT(said[3], "..x...x...x.");
	}
}

static void test_mistakes(void)
{
	TEST("what is no call says why") {
		CHECK(refuses("", "a call is a method, a path, or both ('POST /v1/charges')"));
		CHECK(refuses("post /a", "a call is a method in capitals, a path, or both "
					 "('POST /v1/charges'), not 'post /a'"));
		CHECK(refuses("POST v1/a", "a path starts with '/', unlike 'v1/a'"));
		CHECK(refuses("POST /a b", "a path has no blanks"));
		CHECK(refuses("/a?b=c", "a path without a query: calls match whatever theirs is"));
		CHECK(refuses("/a/**/b", "'**' has to be the last segment of a path"));
	}
}

int main(void)
{
	test_paths();
	test_headers();
	test_counting();
	test_mistakes();
	arena_release(&arena);
	return tap_done();
}
