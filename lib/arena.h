/*
 * arena: memory for what dies together.
 *
 *	struct arena arena = ARENA_EMPTY;
 *	char *name = arena_string(&arena, text);
 *	...
 *	arena_release(&arena);          // everything at once
 *
 * Blocks are 4 KiB (larger requests get a block of their own). Nothing is freed singly. What holds
 * something that is not memory of the arena (a compiled pattern) defers its release.
 */
#ifndef LIB_ARENA_H
#define LIB_ARENA_H

#include <stddef.h>

#include "lib/text.h"

struct arena_block;
struct arena_deferred;

struct arena {
	struct arena_block *newest;
	struct arena_deferred *deferred;
};

#define ARENA_EMPTY { NULL, NULL }

void arena_release(struct arena *arena);

/* Calls `release(what)` when the arena is released, the last deferred first. */
void arena_defer(struct arena *arena, void (*release)(void *what), void *what);

void *arena_new(struct arena *arena, size_t bytes); /* zeroed, aligned for anything */
void *arena_array(struct arena *arena, size_t count, size_t each); /* overflow checked */
char *arena_string(struct arena *arena, struct text text); /* a copy with a NUL */
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline struct text arena_text(struct arena *arena, struct text text)
{
	return (struct text){ arena_string(arena, text), text.length };
}

#endif
