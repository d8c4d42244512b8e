/*
 * compared: a comparison of runs, done, written where it is wanted, and printed.
 */
#ifndef CLI_COMPARED_H
#define CLI_COMPARED_H

#include "cli/command.h"
#include "reports/compare.h"

/* Files to write, or NULL. */
struct compared_files {
	const char *json, *html, *markdown;
};

/*
 * Prints the comparison (as Markdown when `as_markdown`); returns the exit code: 23 for a
 * regression, 2 when the runs are not alike, 1 when a file could not be written, else 0.
 */
int compared_show(const struct invocation *invocation, const struct comparison *comparison,
		  const struct compared_files *files, bool as_markdown);

/*
 * For `run --baseline`: compares the run in `directory` with the one in `baseline`, writes
 * compare.json, compare.md and compare.html into it, prints, and returns the exit code.
 */
int compared_with_baseline(const struct invocation *invocation, const char *baseline,
			   const char *directory, double tolerance);

#endif
