/*
 * fuzz_url: three lines: an origin, a path, a Location. Whatever is resolved is a clean URL, and
 * resolving it again changes nothing.
 */
#include <assert.h>
#include <stdint.h>

#include "lib/memory.h"
#include "lib/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct text take_line(struct text *rest)
{
	const char *end = rest->length ? memchr(rest->data, '\n', rest->length) : NULL;
	struct text line = { rest->data, end ? (size_t)(end - rest->data) : rest->length };
	size_t taken = line.length + (end != NULL);

	rest->data += taken;
	rest->length -= taken;
	return line;
}

static void check_clean(struct text url)
{
	for (size_t i = 0; i < url.length; i++)
		assert((unsigned char)url.data[i] > ' ' && (unsigned char)url.data[i] < 0x7f);
}

static void check_resolved(const char *origin, struct text path, struct text location)
{
	struct buffer target = BUFFER_EMPTY, again = BUFFER_EMPTY;
	struct url url, same;
	struct error err;

	if (url_resolve(origin, path, location, &target, &url, &err)) {
		assert(url.host.length && url.port && url.path.length && url.path.data[0] == '/');
		check_clean(buffer_text(&target));
		assert(url_resolve("http://other:1", text_of("/x"), buffer_text(&target), &again,
				   &same, &err));
		assert(text_equal(buffer_text(&target), buffer_text(&again)));
		assert(same.tls == url.tls && same.port == url.port);
	} else {
		assert(strlen(err.text) > 0);
	}
	buffer_release(&target);
	buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct text origin = take_line(&rest), path = take_line(&rest);
	struct buffer copy = BUFFER_EMPTY;
	struct url url;

	buffer_add_text(&copy, origin);
	for (size_t i = 0; i < path.length; i++)
		if ((unsigned char)path.data[i] <= ' ' || (unsigned char)path.data[i] >= 0x7f ||
		    path.data[i] == '#')
			path.length = i; /* our own paths are clean */
	url_parse(rest, &url, NULL);
	check_resolved(copy.data, path, rest);
	buffer_release(&copy);
	return 0;
}
