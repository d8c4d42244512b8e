/*
 * signals: as at the start of a program, for a child before it becomes another one.
 *
 * Also those that the C library keeps for itself, and signal() refuses: who started us may have
 * ignored them (some versions of make do), and that is inherited by all that comes after.
 */
#ifndef LIB_SIGNALS_H
#define LIB_SIGNALS_H

/* Every signal has its default and none is blocked. */
void signals_reset(void);

#endif
