/*
 * replay: runs a fuzz target over files, without libFuzzer, so that what was found stays fixed.
 *
 *	build/asan/tests/fuzz/fuzz_http1 tests/fuzz/corpus/http1/FILE...
 *
 * A crash is the failure; ends with 0 otherwise.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly that size, so that AddressSanitizer sees a read past the end. */
static bool replay(const char *path)
{
	struct buffer contents = BUFFER_EMPTY;
	struct error err;
	uint8_t *copy;

	if (!file_read(path, &contents, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	copy = malloc(contents.length ? contents.length : 1);
	if (contents.length)
		memcpy(copy, contents.data, contents.length);
	LLVMFuzzerTestOneInput(copy, contents.length);
	free(copy);
	buffer_release(&contents);
	return true;
}

int main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good = replay(argv[i]) && good;
	return good ? 0 : 1;
}
