#include "lib/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
	if (memory)
		return memory;
	fputs("sagastorm: out of memory\n", stderr);
	abort();
}

void *memory_new(size_t bytes)
{
	return checked(calloc(1, bytes ? bytes : 1));
}

void *memory_array(size_t count, size_t each)
{
	return checked(calloc(count ? count : 1, each ? each : 1));
}

void *memory_resize(void *old, size_t count, size_t each)
{
	return checked(reallocarray(old, count ? count : 1, each ? each : 1));
}

char *memory_copy_string(const char *string)
{
	return checked(strdup(string));
}

void *memory_grow(void *items, size_t count, size_t *room, size_t each)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 8;
	return memory_resize(items, *room, each);
}
