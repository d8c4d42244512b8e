/*
 * fuzz_inflate: a line with the coding, then a body. The bound holds, and what is refused leaves
 * nothing behind.
 */
#include <assert.h>
#include <stdint.h>

#include "lib/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 100000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *start = (const char *)data, *line = memchr(start, '\n', size);
	struct buffer out = BUFFER_EMPTY;
	enum inflate_result result;
	struct text coding, body;
	struct error err;

	if (!line)
		return 0;
	coding = (struct text){ start, (size_t)(line - start) };
	body = (struct text){ line + 1, size - coding.length - 1 };
	buffer_add_string(&out, "before");
	result = inflate_text(body, coding, LIMIT, &out, &err);
	assert(out.length <= LIMIT + 6 && memcmp(out.data, "before", 6) == 0);
	assert(result == INFLATE_DONE || (out.length == 6 && strlen(err.text) > 0));
	buffer_release(&out);
	return 0;
}
