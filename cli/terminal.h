/*
 * terminal: taken over for a while, and given back as it was, however we end.
 *
 *	if (terminal_take(STDERR_FILENO, STDIN_FILENO)) {
 *		while (...) {
 *			if (terminal_is_ours())
 *				terminal_write(buffer_text(&frame));
 *			key = terminal_key();
 *		}
 *		terminal_give_back();
 *	}
 *
 * Taken, it shows its other screen, has no cursor, and hands over keys at once and unseen. Ctrl-C
 * stays the signal that it is. It is given back by terminal_give_back(), on exit(), before a signal
 * that ends or stops us does so (Ctrl-Z; after `fg` it is taken again), and, should we be killed
 * outright, by a small process that does nothing but wait for that.
 *
 * There is one of it, since signal handlers have to find it. Nothing here ever waits for whoever
 * reads.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>

#include "lib/text.h"

/* A terminal that can move its cursor, and is ours to write to. */
bool terminal_is_capable(int out);

/* `in` may be no terminal: then there are no keys. False: nothing was changed. */
bool terminal_take(int out, int in);
void terminal_give_back(void);

/* Not while we are in the background. `fresh` is set when nothing of ours is on it any more. */
bool terminal_is_ours(bool *fresh);
bool terminal_has_keys(void);

void terminal_size(int *rows, int *columns);

/* All of it, or nothing when nobody reads. */
bool terminal_write(struct text text);

/* 0: none was pressed. The keys that send more than one byte (arrows, ...) are left out. */
int terminal_key(void);

#endif
