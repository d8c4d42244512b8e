/*
 * fuzz_cookies: lines of Set-Cookie, set one after the other. What is sent back is one clean header
 * line, and only to whom it may go.
 *
 * The first byte of each line says by which host, on which path, over TLS or not, and how much
 * later.
 */
#include <assert.h>
#include <stdint.h>

#include "loadgen/cookies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const hosts[] = { "shop.example", "www.shop.example", "127.0.0.1", "localhost" };
static const char *const paths[] = { "/", "/a/b?c", "/a/b/", "" };

static void check_line(const struct cookies *cookies, const char *host, const char *path, bool tls)
{
	struct buffer line = BUFFER_EMPTY;

	cookies_write(cookies, text_of(host), text_of(path), tls, &line);
	if (line.length) {
		assert(!cookies_empty(cookies));
		assert(line.length > 10 && memcmp(line.data, "Cookie: ", 8) == 0);
		assert(line.length <= COOKIES_MAX * (COOKIE_BYTES_MAX + 3) + 10);
		assert(memcmp(line.data + line.length - 2, "\r\n", 2) == 0);
		for (size_t i = 0; i < line.length - 2; i++)
			assert(((unsigned char)line.data[i] >= ' ' || line.data[i] == '\t') &&
			       line.data[i] != 0x7f);
	}
	buffer_release(&line);
}

static void check_stranger(const struct cookies *cookies)
{
	struct buffer line = BUFFER_EMPTY;

	cookies_write(cookies, text_of("stranger.org"), text_of("/"), true, &line);
	assert(line.length == 0);
	buffer_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cookies cookies = COOKIES_EMPTY;
	struct text rest = { (const char *)data, size };
	int64_t now_s = 1700000000;

	while (rest.length > 1) {
		const char *end = memchr(rest.data, '\n', rest.length);
		size_t length = end ? (size_t)(end - rest.data) : rest.length;
		unsigned how = (unsigned char)rest.data[0];

		if (length) {
			now_s += how >> 5;
			cookies_set(&cookies, text_of(hosts[how & 3]), text_of(paths[how >> 2 & 3]),
				    how >> 4 & 1, (struct text){ rest.data + 1, length - 1 },
				    now_s);
			cookies_expire(&cookies, now_s);
			check_line(&cookies, hosts[how >> 1 & 3], paths[how >> 3 & 3], how & 1);
		}
		rest.data += length + (end != NULL);
		rest.length -= length + (end != NULL);
	}
	check_stranger(&cookies);
	cookies_get(&cookies, "a");
	cookies_release(&cookies);
	return 0;
}
