#include "lib/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"

enum { BLOCK_BYTES = 4096 };

struct arena_block {
	struct arena_block *older;
	size_t used;
	size_t room;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena_deferred {
	struct arena_deferred *older;
	void (*release)(void *what);
	void *what;
};

void arena_defer(struct arena *arena, void (*release)(void *what), void *what)
{
	struct arena_deferred *deferred = arena_new(arena, sizeof(*deferred));

	*deferred = (struct arena_deferred){ arena->deferred, release, what };
	arena->deferred = deferred;
}

void arena_release(struct arena *arena)
{
	if (!arena)
		return;
	for (struct arena_deferred *at = arena->deferred; at; at = at->older)
		at->release(at->what);
	arena->deferred = NULL;
	while (arena->newest) {
		struct arena_block *block = arena->newest;

		arena->newest = block->older;
		free(block);
	}
}

static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
	size_t room = BLOCK_BYTES - sizeof(struct arena_block);
	struct arena_block *block;

	if (bytes > room)
		room = bytes;
	block = memory_new(sizeof(*block) + room);
	block->room = room;
	block->older = arena->newest;
	arena->newest = block;
	return block;
}

void *arena_new(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->newest;
	size_t rounded = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *memory;

	if (!block || block->room - block->used < rounded)
		block = add_block(arena, rounded);
	memory = block->bytes + block->used;
	block->used += rounded;
	return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t each)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, each, &bytes))
		bytes = SIZE_MAX / 2; /* fails in memory_new with a clear line */
	return arena_new(arena, bytes);
}

char *arena_string(struct arena *arena, struct text text)
{
	char *copy = arena_new(arena, text.length + 1);

	if (text.length)
		memcpy(copy, text.data, text.length);
	return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	int needed;
	char *string;

	va_start(arguments, format);
	needed = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (needed < 0)
		needed = 0;
	string = arena_new(arena, (size_t)needed + 1);
	va_start(arguments, format);
	vsnprintf(string, (size_t)needed + 1, format, arguments);
	va_end(arguments);
	return string;
}
