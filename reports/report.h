/*
 * report: what a run says, from its directory alone.
 *
 *	struct buffer summary = BUFFER_EMPTY;
 *	if (!report_build("runs/sale", &options, &summary, &exit_code, &err)) ...
 *
 * Reads DIR/history, writes report.json and all other formats into DIR, and gives the summary for
 * the terminal and the exit code of the run. Nothing but the history is needed, so the reports of a
 * run that was killed can be built, and those of any run built again.
 *
 * One output format is one file and a row in reports/formats.c.
 */
#ifndef REPORTS_REPORT_H
#define REPORTS_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/buffer.h"
#include "lib/error.h"

struct report_options {
	bool colour;
	struct buffer *annotations; /* gets lines for GitHub Actions; NULL: none */
};

bool report_build(const char *directory, const struct report_options *options,
		  struct buffer *terminal, int *exit_code, struct error *err);

/* A terminal, and neither NO_COLOR nor TERM=dumb says otherwise. */
bool report_wants_colour(FILE *out);

#endif
