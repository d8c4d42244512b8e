#include "loadgen/cookies.h"

#include "tests/unit/tap.h"

enum { NOW = 1700000000 };

static struct cookies jar;
static struct buffer line;

static void set(const char *host, const char *path, const char *cookie)
{
	cookies_set(&jar, text_of(host), text_of(path), false, text_of(cookie), NOW);
}

static void set_tls(const char *host, const char *path, const char *cookie)
{
	cookies_set(&jar, text_of(host), text_of(path), true, text_of(cookie), NOW);
}

static const char *sent(const char *host, const char *path, bool tls)
{
	buffer_clear(&line);
	buffer_add(&line, "", 0);
	cookies_write(&jar, text_of(host), text_of(path), tls, &line);
	return line.data;
}

static void test_basics(void)
{
	TEST("a cookie comes back to its host, and to no other") {
		set("shop.example", "/login", "sid=abc; HttpOnly; SameSite=Lax");
		CHECK_TEXT(sent("shop.example", "/login", false), "Cookie: sid=abc\r\n");
		CHECK_TEXT(sent("SHOP.example", "/", true), "Cookie: sid=abc\r\n");
		CHECK_TEXT(sent("www.shop.example", "/", false), "");
		CHECK_TEXT(sent("example", "/", false), "");
		cookies_clear(&jar);
		CHECK(cookies_empty(&jar));
		CHECK_TEXT(sent("shop.example", "/login", false), "");
	}
	TEST("a value is replaced, kept in its place, and removed") {
		set("a.b", "/", "one=1");
		set("a.b", "/", "two=2");
		set("a.b", "/", "one=3");
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: one=3; two=2\r\n");
		set("a.b", "/", "one=; Max-Age=0");
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: two=2\r\n");
		set("a.b", "/", "two=; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
		CHECK_TEXT(sent("a.b", "/", false), "");
		CHECK(cookies_empty(&jar));
	}
	TEST("a cookie is found by its name") {
		struct value value;

		set("a.b", "/", "n= \"quoted\" ");
		value = cookies_get(&jar, "n");
		CHECK(value.kind == VALUE_STRING && text_is(value.text, "\"quoted\""));
		CHECK(cookies_get(&jar, "N").kind == VALUE_ABSENT);
		cookies_clear(&jar);
		CHECK(cookies_get(&jar, "n").kind == VALUE_ABSENT);
	}
}

static void test_paths(void)
{
	TEST("paths decide, longer ones first") {
		set("a.b", "/x/y?q=/z", "implied=1");
		set("a.b", "/", "root=2; Path=/");
		set("a.b", "/", "deep=3; path=/x/y");
		set("a.b", "/q", "odd=4; Path=nonsense");
		CHECK_TEXT(sent("a.b", "/x/y/z", false),
			   "Cookie: deep=3; implied=1; root=2; odd=4\r\n");
		CHECK_TEXT(sent("a.b", "/x/yy", false), "Cookie: implied=1; root=2; odd=4\r\n");
		CHECK_TEXT(sent("a.b", "/x?y", false), "Cookie: implied=1; root=2; odd=4\r\n");
		CHECK_TEXT(sent("a.b", "/xx", false), "Cookie: root=2; odd=4\r\n");
		cookies_clear(&jar);
	}
	TEST("the same name under two paths is two cookies; the longer path is looked up") {
		set("a.b", "/", "n=root; Path=/");
		set("a.b", "/", "n=deep; Path=/x/");
		CHECK_TEXT(sent("a.b", "/x/", false), "Cookie: n=deep; n=root\r\n");
		CHECK(text_is(cookies_get(&jar, "n").text, "deep"));
		cookies_clear(&jar);
	}
}

static void test_domains(void)
{
	TEST("a domain widens to its hosts") {
		set("www.shop.example", "/", "d=1; Domain=.Shop.example");
		CHECK_TEXT(sent("shop.example", "/", false), "Cookie: d=1\r\n");
		CHECK_TEXT(sent("api.shop.example", "/", false), "Cookie: d=1\r\n");
		CHECK_TEXT(sent("myshop.example", "/", false), "");
		cookies_clear(&jar);
	}
	TEST("a domain that is not the host's own is refused") {
		set("shop.example", "/", "a=1; Domain=other.example");
		set("shop.example", "/", "b=1; Domain=www.shop.example");
		set("shop.example", "/", "c=1; Domain=example");
		set("shop.example", "/", "d=1; Domain=hop.example");
		set("10.1.2.3", "/", "e=1; Domain=2.3");
		CHECK(cookies_empty(&jar));
		set("10.1.2.3", "/", "f=1; Domain=10.1.2.3");
		set("localhost", "/", "g=1; Domain=localhost");
		set("a.b", "/", "h=1; Domain=");
		CHECK_TEXT(sent("10.1.2.3", "/", false), "Cookie: f=1\r\n");
		CHECK_TEXT(sent("localhost", "/", false), "Cookie: g=1\r\n");
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: h=1\r\n");
		cookies_clear(&jar);
	}
}

static void test_secure(void)
{
	TEST("Secure cookies travel over TLS only, but for this machine") {
		set_tls("a.b", "/", "s=1; Secure");
		set("a.b", "/", "t=1; secure");
		CHECK_TEXT(sent("a.b", "/", true), "Cookie: s=1\r\n");
		CHECK_TEXT(sent("a.b", "/", false), "");
		cookies_clear(&jar);
		set("127.0.0.1", "/", "u=1; Secure");
		CHECK_TEXT(sent("127.0.0.1", "/", false), "Cookie: u=1\r\n");
		cookies_clear(&jar);
		set("127.evil.example", "/", "u=1; Secure");
		CHECK(cookies_empty(&jar));
	}
	TEST("prefixed names keep their promise") {
		set_tls("a.b", "/", "__Secure-a=1");
		set_tls("a.b", "/", "__Host-b=1; Secure");
		set_tls("a.b", "/", "__Host-c=1; Secure; Path=/; Domain=a.b");
		CHECK(cookies_empty(&jar));
		set_tls("a.b", "/", "__Secure-a=1; Secure");
		set_tls("a.b", "/", "__Host-b=1; Secure; Path=/");
		CHECK_TEXT(sent("a.b", "/", true), "Cookie: __Secure-a=1; __Host-b=1\r\n");
		cookies_clear(&jar);
	}
}

static void test_times(void)
{
	TEST("cookies end when their time is over, Max-Age before Expires") {
		set("a.b", "/", "a=1; Max-Age=10");
		set("a.b", "/", "b=1; Expires=Tue, 14 Nov 2023 22:13:40 GMT"); /* NOW + 20 */
		set("a.b", "/", "c=1; Max-Age=30; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
		set("a.b", "/", "d=1; Max-Age=soon; Expires=whenever");
		cookies_expire(&jar, NOW + 9);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: a=1; b=1; c=1; d=1\r\n");
		cookies_expire(&jar, NOW + 10);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: b=1; c=1; d=1\r\n");
		cookies_expire(&jar, NOW + 20);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: c=1; d=1\r\n");
		cookies_expire(&jar, NOW + 1000);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: d=1\r\n");
		cookies_clear(&jar);
		set("a.b", "/", "e=1; Max-Age=99999999999999999999999999");
		cookies_expire(&jar, NOW + 100000);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: e=1\r\n");
		set("a.b", "/", "e=1; Max-Age=-1");
		CHECK(cookies_empty(&jar));
	}
}

static void test_hostile(void)
{
	struct buffer big = BUFFER_EMPTY;

	TEST("nonsense is ignored") {
		set("a.b", "/", "");
		set("a.b", "/", "novalue");
		set("a.b", "/", "=value");
		set("a.b", "/", " = ");
		set("a.b", "/", ";;;");
		set("a.b", "/", "a=b\x01");
		set("a.b", "/", "a\x7f=b");
		CHECK(cookies_empty(&jar));
		set("a.b", "/", "a=; ; =;x=y;Path");
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: a=\r\n");
		cookies_clear(&jar);
	}
	TEST("size and number are bounded, and the oldest makes way") {
		buffer_add_string(&big, "n=");
		while (big.length < COOKIE_BYTES_MAX + 1)
			buffer_add_char(&big, 'x');
		set("a.b", "/", big.data);
		CHECK(!cookies_empty(&jar));
		cookies_clear(&jar);
		buffer_add_char(&big, 'x');
		set("a.b", "/", big.data);
		CHECK(cookies_empty(&jar));
		buffer_clear(&big);
		buffer_add_string(&big, "n=1; Path=/");
		while (big.length < 70000)
			buffer_add_char(&big, 'x');
		set("a.b", "/", big.data);
		CHECK_TEXT(sent("a.b", "/", false), "Cookie: n=1\r\n");
		cookies_clear(&jar);
		for (int i = 0; i < 200; i++) {
			buffer_clear(&big);
			buffer_format(&big, "c%d=%d; Path=/%s", i, i, i % 2 ? "" : "x");
			set("a.b", "/", big.data);
		}
		for (int i = 0; i < 200; i++) {
			char name[16];

			snprintf(name, sizeof(name), "c%d", i);
			CHECK_INT(cookies_get(&jar, name).kind == VALUE_STRING,
				  i >= 200 - COOKIES_MAX);
		}
		cookies_clear(&jar);
	}
	buffer_release(&big);
}

int main(void)
{
	cookies_init(&jar);
	test_basics();
	test_paths();
	test_domains();
	test_secure();
	test_times();
	test_hostile();
	cookies_release(&jar);
	cookies_release(NULL);
	buffer_release(&line);
	return tap_done();
}
