/*
 * memory: allocation that does not fail.
 *
 * Running out of memory at start-up ends the program with a clear line; nothing sensible could be
 * done instead. What a hostile peer can make us allocate is bounded where it is read, not here.
 */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <stddef.h>

void *memory_new(size_t bytes);                          /* zeroed */
void *memory_array(size_t count, size_t each);           /* zeroed, overflow checked */
void *memory_resize(void *old, size_t count, size_t each); /* contents kept, rest undefined */
char *memory_copy_string(const char *string);

/*
 * Room for one more in a growing array: returns `items`, moved if it had to grow.
 *
 *	list->items = memory_grow(list->items, list->count, &list->room, sizeof(*list->items));
 *	list->items[list->count++] = item;
 */
void *memory_grow(void *items, size_t count, size_t *room, size_t each);

#endif
