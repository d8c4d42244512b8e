#include "lib/url.h"

#include "tests/unit/tap.h"

static struct error err;

static const char *parsed(const char *source)
{
	static char out[512];
	struct url url;

	err.text[0] = '\0';
	if (!url_parse(text_of(source), &url, &err))
		return "refused";
	snprintf(out, sizeof(out), "%s %.*s %d %.*s", url.tls ? "tls" : "plain", TEXT_ARG(url.host),
		 url.port, TEXT_ARG(url.path));
	return out;
}

static const char *resolved(const char *origin, const char *path, const char *location)
{
	static struct buffer target;
	struct url url;

	err.text[0] = '\0';
	if (!url_resolve(origin, text_of(path), text_of(location), &target, &url, &err))
		return "refused";
	return target.data;
}

/* RFC 3986 §5.4, without what is not http. */
static const char *const examples[][2] = {
	{ "g", "http://a/b/c/g" },
	{ "./g", "http://a/b/c/g" },
	{ "g/", "http://a/b/c/g/" },
	{ "/g", "http://a/g" },
	{ "//g", "http://g/" },
	{ "?y", "http://a/b/c/d;p?y" },
	{ "g?y", "http://a/b/c/g?y" },
	{ "#s", "http://a/b/c/d;p?q" },
	{ "g#s", "http://a/b/c/g" },
	{ "g?y#s", "http://a/b/c/g?y" },
	{ ";x", "http://a/b/c/;x" },
	{ "g;x", "http://a/b/c/g;x" },
	{ "g;x?y#s", "http://a/b/c/g;x?y" },
	{ "", "http://a/b/c/d;p?q" },
	{ ".", "http://a/b/c/" },
	{ "./", "http://a/b/c/" },
	{ "..", "http://a/b/" },
	{ "../", "http://a/b/" },
	{ "../g", "http://a/b/g" },
	{ "../..", "http://a/" },
	{ "../../", "http://a/" },
	{ "../../g", "http://a/g" },
	{ "../../../g", "http://a/g" },
	{ "../../../../g", "http://a/g" },
	{ "/./g", "http://a/g" },
	{ "/../g", "http://a/g" },
	{ "g.", "http://a/b/c/g." },
	{ ".g", "http://a/b/c/.g" },
	{ "g..", "http://a/b/c/g.." },
	{ "..g", "http://a/b/c/..g" },
	{ "./../g", "http://a/b/g" },
	{ "./g/.", "http://a/b/c/g/" },
	{ "g/./h", "http://a/b/c/g/h" },
	{ "g/../h", "http://a/b/c/h" },
	{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
	{ "g;x=1/../y", "http://a/b/c/y" },
	{ "g?y/./x", "http://a/b/c/g?y/./x" },
	{ "g?y/../x", "http://a/b/c/g?y/../x" },
};

static void test_parse(void)
{
	TEST("a URL is taken apart") {
		CHECK_TEXT(parsed("http://shop/"), "plain shop 80 /");
		CHECK_TEXT(parsed("HTTPS://Shop.example:8443/a/b?c=d#e"),
			   "tls Shop.example 8443 /a/b?c=d");
		CHECK_TEXT(parsed("https://shop"), "tls shop 443 ");
		CHECK_TEXT(parsed("http://shop?x"), "plain shop 80 ?x");
		CHECK_TEXT(parsed("http://shop#x"), "plain shop 80 ");
		CHECK_TEXT(parsed("http://127.0.0.1:1/"), "plain 127.0.0.1 1 /");
		CHECK_TEXT(parsed("http://[::1]:8080/x"), "plain ::1 8080 /x");
		CHECK_TEXT(parsed("http://[2001:db8::1]"), "plain 2001:db8::1 80 ");
		CHECK_TEXT(parsed("http://shop:/"), "plain shop 80 /");
	}
	TEST("what is not quite a URL is refused") {
		static const char *const bad[] = {
			"",
			"shop",
			"/path",
			"//shop/",
			"ftp://shop/",
			"http:/shop",
			"http://",
			"http:///x",
			"http://:80/",
			"http://shop:0/",
			"http://shop:65536/",
			"http://shop:8o/",
			"http://shop:123456/",
			"http://shop:-1/",
			"http://user@shop/",
			"http://u:p@shop/",
			"http://shop\\@evil/",
			"http://sh op/",
			"http://shop/a b",
			"http://shop/\r\nX: y",
			"http://shop/\x7f",
			"http://sh\xc3\xb6p/",
			"http://[::1/",
			"http://[::g]/",
			"http://[]/",
			"http://::1/",
			"http://[::1]x/",
			"http://sh%6fp/",
			"http://[::1%25lo]/",
		};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			if (!CHECK(strcmp(parsed(bad[i]), "refused") == 0 && err.text[0]))
				printf("# %s\n", bad[i]);
	}
	TEST("the reason is named and fit for a terminal") {
		parsed("http://shop/\x1b[31m");
		CHECK_TEXT(err.text,
			   "bad URL 'http://shop/\\x1b[31m': a blank or a control character in it");
		parsed("http://me@shop/");
		CHECK_TEXT(err.text,
			   "bad URL 'http://me@shop/': a user name in it is not supported");
	}
}

static void test_resolve(void)
{
	TEST("the examples of RFC 3986 come out right") {
		for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
			if (!CHECK(strcmp(resolved("http://a", "/b/c/d;p?q", examples[i][0]),
					  examples[i][1]) == 0))
				printf("# '%s': %s\n", examples[i][0],
				       resolved("http://a", "/b/c/d;p?q", examples[i][0]));
	}
	TEST("a redirect may lead elsewhere") {
		CHECK_TEXT(resolved("http://a:81", "/x?y", "https://b:444/c/../d?e/../f#g"),
			   "https://b:444/d?e/../f");
		CHECK_TEXT(resolved("https://a", "/x", "//b:9/c"), "https://b:9/c");
		CHECK_TEXT(resolved("http://a:81", "/x/y", "z"), "http://a:81/x/z");
		CHECK_TEXT(resolved("http://[::1]:81", "/x", "/y"), "http://[::1]:81/y");
		CHECK_TEXT(resolved("http://a", "/x", "http://b"), "http://b/");
		CHECK_TEXT(resolved("http://a", "/x", "http://b?q"), "http://b/?q");
		CHECK_TEXT(resolved("http://a", "/x", "  /y\t"), "http://a/y");
		CHECK_TEXT(resolved("http://a", "/x", "/a:b"), "http://a/a:b");
		CHECK_TEXT(resolved("http://a", "/x", "?u=http://b/"), "http://a/x?u=http://b/");
		CHECK_TEXT(resolved("http://a", "", "y"), "http://a/y");
	}
	TEST("bytes outside ASCII are percent-encoded, nothing twice") {
		CHECK_TEXT(resolved("http://a", "/x", "/caf\xc3\xa9%20?\xe2\x82\xac"),
			   "http://a/caf%C3%A9%20?%E2%82%AC");
	}
	TEST("what can't be followed is refused") {
		CHECK_TEXT(resolved("http://a", "/x", "ftp://b/"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "javascript:alert(1)"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "http:y"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "/y z"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "/y\x01"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "//"), "refused");
		CHECK_TEXT(resolved("http://a", "/x", "//u@b/"), "refused");
	}
}

int main(void)
{
	test_parse();
	test_resolve();
	TEST("everything but unreserved characters is percent-encoded") {
		struct buffer out = BUFFER_EMPTY;

		url_encode(&out, (struct text){ "aZ0-._~ /?&=+%\0\xff", 16 });
		CHECK_TEXT(out.data, "aZ0-._~%20%2F%3F%26%3D%2B%25%00%FF");
		buffer_release(&out);
	}
	return tap_done();
}
