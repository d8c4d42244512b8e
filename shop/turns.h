/*
 * turns: one task at a time per name, in the order in which they came.
 *
 *	struct turn turn;
 *	turn_take(&turns, &turn, order_id);   // waits
 *	...                                   // may wait for others, too
 *	turn_give(&turns, &turn);
 */
#ifndef SHOP_TURNS_H
#define SHOP_TURNS_H

struct task;

struct turn {
	const char *name; /* borrowed until it is given back */
	struct task *task;
	struct turn *next;   /* another name's */
	struct turn *behind; /* who waits for this one */
};

struct turns {
	struct turn *taken[256];
};

void turn_take(struct turns *turns, struct turn *turn, const char *name);
void turn_give(struct turns *turns, struct turn *turn);

#endif
