#include "reports/findings.h"

#include <stddef.h>

static const struct {
	unsigned finding;
	struct verdict verdict;
} ranks[] = {
	{ FOUND_NOT_HEALED, { "fail", "a fault could not be proven healed", 30 } },
	{ FOUND_INVALID, { "unknown", "the run is invalid", 10 } },
	{ FOUND_SAGA_VIOLATED, { "fail", "a saga invariant was violated", 21 } },
	{ FOUND_UNSTEADY, { "fail", "the steady state did not hold", 22 } },
	{ FOUND_GATE_FAILED, { "fail", "a gate failed", 20 } },
	{ FOUND_REGRESSION, { "fail", "slower than the baseline", 23 } },
	{ FOUND_NOT_READY, { "unknown", "the target was not ready", 3 } },
	{ FOUND_INTERRUPTED, { "unknown", "the run was interrupted", 130 } },
	{ FOUND_TERMINATED, { "unknown", "the run was terminated", 143 } },
};

struct verdict verdict_of(unsigned findings)
{
	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
		if (findings & ranks[i].finding)
			return ranks[i].verdict;
	return (struct verdict){ "pass", "", 0 };
}
