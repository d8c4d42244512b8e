/* The memory that libcurl is given: pieces stay apart, keep what is in them, and come back. */
#include "loadgen/curl_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

enum { PIECES = 500 };

struct held {
	unsigned char *memory;
	size_t bytes;
	unsigned char mark;
};

static size_t any_size(unsigned draw)
{
	static const size_t edges[] = { 0,    1,    15,   16,    17,    1024,
					1025, 1281, 16385, 32768, 32769, 100000 };

	if (draw % 4 == 0)
		return edges[draw / 4 % (sizeof(edges) / sizeof(*edges))];
	return draw / 4 % 5000;
}

static bool is_marked(const struct held *held)
{
	for (size_t i = 0; i < held->bytes; i++)
		if (held->memory[i] != held->mark)
			return false;
	return true;
}

static void hold(struct held *held, size_t bytes, unsigned char mark, bool zeroed)
{
	bool zero = true;

	held->memory = zeroed ? curl_memory_new_zeroed(1, bytes) : curl_memory_new(bytes);
	held->bytes = bytes;
	held->mark = mark;
	CHECK(held->memory != NULL);
	CHECK((uintptr_t)held->memory % 16 == 0);
	for (size_t i = 0; zeroed && i < bytes; i++)
		zero = zero && !held->memory[i];
	CHECK(zero);
	memset(held->memory, mark, bytes);
}

static void resize(struct held *held, size_t bytes)
{
	size_t both = bytes < held->bytes ? bytes : held->bytes;

	held->memory = curl_memory_resize(held->memory, bytes);
	held->bytes = both;
	CHECK(is_marked(held));
	held->bytes = bytes;
	memset(held->memory, held->mark, bytes);
}

static void *juggle(void *context)
{
	struct held held[PIECES] = { { NULL, 0, 0 } };
	unsigned draw = *(unsigned *)context;

	for (int i = 0; i < 20000; i++) {
		struct held *one;

		draw = draw * 1664525 + 1013904223;
		one = &held[(draw >> 8) % PIECES];
		if (!one->memory) {
			hold(one, any_size(draw >> 12), (unsigned char)i, draw & 0x80);
		} else if (draw & 0x40) {
			resize(one, any_size(draw >> 12));
		} else {
			CHECK(is_marked(one));
			curl_memory_free(one->memory);
			one->memory = NULL;
		}
	}
	for (int i = 0; i < PIECES; i++)
		curl_memory_free(held[i].memory);
	return NULL;
}

static void test_odds(void)
{
	char *copy = curl_memory_copy_string("sagastorm");

	CHECK_TEXT(copy, "sagastorm");
	curl_memory_free(copy);
	curl_memory_free(NULL);
	CHECK(!curl_memory_new_zeroed(SIZE_MAX / 2, 3));
	CHECK(!curl_memory_new(SIZE_MAX - 3));
	copy = curl_memory_resize(NULL, 3);
	CHECK(copy != NULL);
	curl_memory_free(copy);
}

static void test_warmest_first(void)
{
	void *first = curl_memory_new(100), *second = curl_memory_new(100);

	CHECK(first != second);
	curl_memory_free(second);
	curl_memory_free(first);
	CHECK(curl_memory_new(97) == first);
	CHECK(curl_memory_new(112) == second);
	curl_memory_free(first);
	curl_memory_free(second);
}

/* What one thread made, the other gives back, while both are at it. */
static void test_threads(void)
{
	unsigned seeds[2] = { 3, 4 };
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, juggle, &seeds[0]), 0);
	juggle(&seeds[1]);
	CHECK_INT(pthread_join(thread, NULL), 0);
}

int main(void)
{
	unsigned seed = 1;

	TEST("pieces before libcurl is initialised")
		juggle(&seed);
	CHECK_INT(curl_memory_init(), CURLE_OK);
	TEST("pieces stay apart and keep what is in them")
		juggle(&seed);
	TEST("nothing, too much, strings")
		test_odds();
	TEST("what was given back last is given out first")
		test_warmest_first();
	TEST("two threads")
		test_threads();
	tap_close();
	curl_global_cleanup();
	return tap_done();
}
