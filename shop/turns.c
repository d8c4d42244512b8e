#include "shop/turns.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "shop/task.h"

static struct turn **bucket_of(struct turns *turns, const char *name)
{
	unsigned hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return &turns->taken[hash % (sizeof(turns->taken) / sizeof(turns->taken[0]))];
}

/* The link to whose turn it is; to NULL at the end of the bucket if it is nobody's. */
static struct turn **find(struct turns *turns, const char *name)
{
	struct turn **link = bucket_of(turns, name);

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

void turn_take(struct turns *turns, struct turn *turn, const char *name)
{
	struct turn **link = find(turns, name);

	*turn = (struct turn){ .name = name, .task = task_self() };
	if (!*link) {
		*link = turn;
		return;
	}
	for (link = &(*link)->behind; *link; link = &(*link)->behind)
		;
	*link = turn;
	while (*find(turns, name) != turn)
		task_wait();
}

void turn_give(struct turns *turns, struct turn *turn)
{
	struct turn **link = find(turns, turn->name), *heir = turn->behind;

	if (heir)
		heir->next = turn->next;
	*link = heir ? heir : turn->next;
	if (heir)
		task_wake(heir->task);
}
