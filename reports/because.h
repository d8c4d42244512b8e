/*
 * because: why a run did not pass, a sentence each, the worst first.
 *
 *	report_because(report, add_line, &out);
 *
 * The sentences have foreign words in them, as they came: who shows them escapes them.
 */
#ifndef REPORTS_BECAUSE_H
#define REPORTS_BECAUSE_H

#include "reports/format.h"

struct because {
	const char *title; /* our own words: "a gate failed" */
	const char *words; /* foreign */
	bool system;       /* the system is to blame; else it can't be told */
};

typedef void because_teller(void *context, const struct because *because);

void report_because(const struct report *report, because_teller *tell, void *context);

#endif
