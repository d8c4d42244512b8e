/*
 * exit_codes: what a script learns from a finished command. When several apply, the first in the
 * order of this list wins (see exit_code_worse()).
 */
#ifndef CLI_EXIT_CODES_H
#define CLI_EXIT_CODES_H

#include "lib/buffer.h"

enum exit_code {
	EXIT_NOT_HEALED = 30,
	EXIT_INVALID = 10,
	EXIT_SAGA = 21,
	EXIT_STEADY_STATE = 22,
	EXIT_GATE = 20,
	EXIT_REGRESSION = 23,
	EXIT_NOT_READY = 3,
	EXIT_USAGE = 2,
	EXIT_INTERNAL = 1,
	EXIT_INTERRUPTED = 130,
	EXIT_TERMINATED = 143,
	EXIT_PASS = 0,
};

struct exit_code_row {
	int code;
	const char *meaning;
};

/* All of them, in order of rank, ended by a row without a meaning. */
extern const struct exit_code_row exit_codes[];

/* The one that outranks the other. */
int exit_code_worse(int a, int b);

#endif
