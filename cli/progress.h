/*
 * progress: how a run is doing, on stderr, while it goes on.
 *
 *   plain   one line per change of state and one every ten seconds: for logs
 *   tui     the whole of it, four times a second (cli/live.h): for terminals
 *   line    one line that is rewritten every second: for terminals
 *   json    one JSON object per second: for programs
 *   none    nothing
 *
 * `auto` is tui on a terminal, and plain elsewhere and in pipelines (CI is set). Where there is no
 * terminal, or a dumb one, tui is plain, too.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdio.h>

#include "engine/run.h"

enum progress_style {
	PROGRESS_AUTO,
	PROGRESS_TUI,
	PROGRESS_LINE,
	PROGRESS_PLAIN,
	PROGRESS_JSON,
	PROGRESS_NONE
};

struct live;

struct progress {
	enum progress_style style;
	FILE *out;
	uint32_t shown; /* plain: tens of seconds */
	bool open_line; /* the cursor is behind a line that will be rewritten */
	struct live *live; /* tui; else NULL */
};

void progress_init(struct progress *progress, enum progress_style style, FILE *out);
void progress_show(void *context, const struct run_progress *now);
void progress_notice(void *context, const char *line);
/* For run_options, when the style is tui; else NULL. */
const struct run_watcher *progress_watcher(const struct progress *progress);
void progress_end(struct progress *progress);

#endif
