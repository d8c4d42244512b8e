/*
 * findings: what was found about a run, and what follows for the exit code.
 *
 * Later judges (gates, sagas, faults, a comparison) only add their finding; which one decides is in
 * one table, in the order of rank.
 */
#ifndef REPORTS_FINDINGS_H
#define REPORTS_FINDINGS_H

enum finding {
	FOUND_NOT_HEALED = 1 << 0,
	FOUND_INVALID = 1 << 1,
	FOUND_SAGA_VIOLATED = 1 << 2,
	FOUND_UNSTEADY = 1 << 3,
	FOUND_GATE_FAILED = 1 << 4,
	FOUND_REGRESSION = 1 << 5,
	FOUND_NOT_READY = 1 << 6,
	FOUND_INTERRUPTED = 1 << 7, /* SIGINT */
	FOUND_TERMINATED = 1 << 8,  /* any other signal */
};

struct verdict {
	const char *name;   /* "pass", "fail" or "unknown" */
	const char *reason; /* a clause for people, or "" */
	int exit_code;
};

/* The first of the table that is among the findings. */
struct verdict verdict_of(unsigned findings);

#endif
