/*
 * tool: runs a program of the system (nft, tc, ip) without a shell, within bounds.
 *
 *	const char *argv[] = { "nft", "-f", "-", NULL };
 *	tool_must(&(struct tool){ .argv = argv, .input = text_of(script), .netns = -1 },
 *		     NULL, err);
 *
 * It is ended after its time, when it writes too much, and when who started it ends: a heal that
 * looks around after that must not be overtaken by a step that was still under way.
 */
#ifndef CHAOS_TOOL_H
#define CHAOS_TOOL_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

enum {
	TOOL_OUTPUT_MAX = 4 * 1024 * 1024, /* bytes of each stream */
	TOOL_TIMEOUT_US = 5000000,
	TOOL_NO_ENTRY = 126, /* its network namespace could not be entered */
	TOOL_NO_START = 127,
};

struct tool {
	const char *const *argv; /* argv[0]: looked for in the usual places, then in PATH */
	struct text input;       /* on its stdin */
	int netns;               /* descriptor of the network namespace it runs in; -1: ours */
	bool scratch;            /* in a namespace of its own, which is gone when it ends */
	int64_t timeout_us;      /* 0: TOOL_TIMEOUT_US */
};

struct tool_result {
	int code;
	struct buffer out, err;
};

/* False when it did not run to its end; what it ended with is in `result`. */
bool tool_run(const struct tool *tool, struct tool_result *result, struct error *err);
void tool_result_release(struct tool_result *result);

/* Anything but 0 is an error, with the first line of its complaint. `out` may be NULL. */
bool tool_must(const struct tool *tool, struct buffer *out, struct error *err);

/* The first line of what a program said, without what is no text. */
void tool_first_line(const struct buffer *said, struct buffer *line);

#endif
