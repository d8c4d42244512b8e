/*
 * helpers: processes of ours that weigh on the machine for as long as a fault lasts.
 *
 * They end with who armed the fault, however that ends (PR_SET_PDEATHSIG), and at their deadline by
 * themselves (an alarm of the kernel's). A record has their token: it is what they are called in
 * /proc/PID/comm, by which any process finds them. What they have done so far they write on a board
 * that who started them can read.
 *
 *	helpers_token(token);                        // while planning
 *	helpers_start(&order, err);                  // while arming
 *	helpers_end(token, err);                     // from the record, in any process
 */
#ifndef CHAOS_HELPERS_H
#define CHAOS_HELPERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "chaos/fault.h"

enum { HELPERS_MAX = 1024, HELPERS_TOKEN = 16 };

struct helper_board {
	_Atomic int64_t done[HELPERS_MAX]; /* in the units of their work, one for each */
	_Atomic int64_t last_us;           /* how long the last of it took */
	_Atomic int failed;                /* errno of the first that could not work */
};

struct helper_order {
	const char *token;
	size_t count;
	int64_t lasts_us; /* they end by themselves a little later */
	int nice;
	/* Runs in the helper; it ends when this returns. */
	void (*work)(struct helper_board *board, size_t number, const void *context);
	const void *context;
};

void helpers_token(char token[HELPERS_TOKEN]); /* "sgst-9f2c51d04b" */

bool helpers_start(const struct helper_order *order, struct error *err);
/* Ends them and waits until they are gone (a second at most). None there: fine. */
bool helpers_end(const char *token, struct error *err);
bool helpers_gone(const char *token, struct error *err);
/* NULL in any other process than that which started them. */
struct helper_board *helpers_board(const char *token);
int64_t helpers_done(const char *token); /* the sum; -1: not known here */

/* What a kind whose record has the token as "helpers" does to heal, to look, and to count. */
bool helpers_heal(const json_t *undo, struct error *err);
bool helpers_look(const json_t *undo, struct error *err);
int64_t helpers_hits(const struct fault *fault, const json_t *undo);

#endif
