#include "loadgen/curl_memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define CHECKED_BY_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHECKED_BY_SANITIZER 1
#endif
#endif

/* Sizes in steps of 16 bytes up to 1 KiB, then four steps from one power of two to the next. */
enum {
	SMALL_STEP = 16,
	SMALL_SIZES = 64,
	LARGE_SIZES = 20,
	SIZES = SMALL_SIZES + LARGE_SIZES,
	ROOM_MOST = 32768,
	KEPT_BYTES_PER_SIZE = 256 * 1024,
};

/* In front of each piece; as large as malloc's alignment. */
struct piece {
	size_t room;
	struct piece *next; /* while it is kept */
};

_Static_assert(sizeof(struct piece) == 16, "what follows a piece is aligned as malloc's is");

static __thread bool keeps;
static struct {
	struct piece *first;
	size_t bytes;
} kept[SIZES];

static unsigned size_of(size_t bytes)
{
	unsigned power;

	if (bytes <= SMALL_STEP)
		return 0;
	if (bytes <= SMALL_STEP * SMALL_SIZES)
		return (unsigned)((bytes - 1) / SMALL_STEP);
	power = 63 - (unsigned)__builtin_clzl(bytes - 1);
	return SMALL_SIZES + (power - 10) * 4 + (unsigned)((bytes - 1) >> (power - 2) & 3);
}

static size_t room_of(unsigned size)
{
	unsigned large = size - SMALL_SIZES;

	if (size < SMALL_SIZES)
		return (size_t)(size + 1) * SMALL_STEP;
	return (size_t)(large % 4 + 5) << (large / 4 + 8);
}

static struct piece *piece_new(size_t bytes)
{
	struct piece *piece;
	unsigned size;

	if (bytes > ROOM_MOST) {
		piece = bytes < SIZE_MAX - sizeof(*piece) ? malloc(sizeof(*piece) + bytes) : NULL;
		if (piece)
			piece->room = bytes;
		return piece;
	}
	size = size_of(bytes);
	if (keeps && (piece = kept[size].first)) {
		kept[size].first = piece->next;
		kept[size].bytes -= piece->room;
		return piece;
	}
	piece = malloc(sizeof(*piece) + room_of(size));
	if (piece)
		piece->room = room_of(size);
	return piece;
}

void *curl_memory_new(size_t bytes)
{
	struct piece *piece = piece_new(bytes);

	return piece ? piece + 1 : NULL;
}

void curl_memory_free(void *memory)
{
	struct piece *piece = memory;
	unsigned size;

	if (!piece)
		return;
	piece--;
	if (!keeps || piece->room > ROOM_MOST) {
		free(piece);
		return;
	}
	size = size_of(piece->room);
	if (kept[size].bytes >= KEPT_BYTES_PER_SIZE) {
		free(piece);
		return;
	}
	piece->next = kept[size].first;
	kept[size].first = piece;
	kept[size].bytes += piece->room;
}

/* gcc's analyzer takes a piece for lost when only what is behind its head is handed out. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
void *curl_memory_resize(void *memory, size_t bytes)
{
	struct piece *piece = memory;
	void *moved;

	if (!piece)
		return curl_memory_new(bytes);
	if (bytes <= piece[-1].room)
		return memory;
	moved = curl_memory_new(bytes);
	if (!moved)
		return NULL;
	memcpy(moved, memory, piece[-1].room);
	curl_memory_free(memory);
	return moved;
}

void *curl_memory_new_zeroed(size_t count, size_t each)
{
	size_t bytes;
	void *memory;

	if (__builtin_mul_overflow(count, each, &bytes))
		return NULL;
	memory = curl_memory_new(bytes);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

char *curl_memory_copy_string(const char *string)
{
	size_t bytes = strlen(string) + 1;
	char *copy = curl_memory_new(bytes);

	if (copy)
		memcpy(copy, string, bytes);
	return copy;
}

CURLcode curl_memory_init(void)
{
	keeps = true;
#ifdef CHECKED_BY_SANITIZER
	return curl_global_init(CURL_GLOBAL_DEFAULT);
#else
	return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_memory_new, curl_memory_free,
				    curl_memory_resize, curl_memory_copy_string,
				    curl_memory_new_zeroed);
#endif
}
