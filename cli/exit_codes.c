#include "cli/exit_codes.h"

#include <stddef.h>

const struct exit_code_row exit_codes[] = {
	{ EXIT_NOT_HEALED, "a fault could not be proven healed" },
	{ EXIT_INVALID,
	  "the run is invalid: the generator, not the system, was the limit, "
	  "or too little was tested" },
	{ EXIT_SAGA, "a saga invariant was violated" },
	{ EXIT_STEADY_STATE, "the steady-state hypothesis failed" },
	{ EXIT_GATE, "a gate failed" },
	{ EXIT_REGRESSION, "regression against the baseline" },
	{ EXIT_NOT_READY, "the target was not ready" },
	{ EXIT_USAGE, "usage or scenario error, as file:line:col: cause" },
	{ EXIT_INTERNAL, "internal error" },
	{ EXIT_INTERRUPTED, "interrupted (SIGINT); faults healed, report written" },
	{ EXIT_TERMINATED, "interrupted (SIGTERM); faults healed, report written" },
	{ EXIT_PASS, "pass" },
	{ 0, NULL },
};

static size_t exit_code_rank(int code)
{
	size_t rank = 0;

	while (exit_codes[rank].meaning && exit_codes[rank].code != code)
		rank++;
	return rank;
}

int exit_code_worse(int a, int b)
{
	return exit_code_rank(a) <= exit_code_rank(b) ? a : b;
}
