/*
 * fuzz_redact: the first byte is the limit, then a line with a secret, then the text. What comes
 * out is short enough, valid and printable, and the secret is not in it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/redact.h"
#include "lib/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printable(const struct buffer *out)
{
	for (size_t i = 0; i < out->length;) {
		size_t length = utf8_length(out->data + i, out->data + out->length);

		assert(length && (unsigned char)out->data[i] >= ' ' && out->data[i] != 0x7f);
		i += length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *start = (const char *)data + 1, *line;
	struct buffer out = BUFFER_EMPTY, secret = BUFFER_EMPTY;
	bool plain = true;
	size_t limit;

	line = size > 1 ? memchr(start, '\n', size - 1) : NULL;
	if (!line)
		return 0;
	limit = (size_t)data[0] * 4;
	buffer_add(&secret, start, (size_t)(line - start));
	for (size_t i = 0; i < secret.length; i++)
		plain = plain && (secret.data[i] | 0x20) >= 'g' && (secret.data[i] | 0x20) <= 'z';
	redact((struct text){ line + 1, size - 2 - secret.length }, &secret.data, 1, limit, &out);
	assert(out.length <= limit);
	check_printable(&out);
	/* Escapes (\x1b, \u202e) are made of digits, x, u, n, r, t and the like. */
	if (plain && secret.length > 1 && !strpbrk(secret.data, "nrtuxNRTUX"))
		assert(out.length == 0 ||
		       !memmem(out.data, out.length, secret.data, secret.length));
	buffer_release(&out);
	buffer_release(&secret);
	return 0;
}
