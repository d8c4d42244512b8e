/*
 * live: a run on a terminal, four times a second: where it is, its load, latencies, errors, sagas,
 * faults, gates, and what happened last.
 *
 *	struct live *live = live_new(stderr, STDIN_FILENO);
 *	... unsigned wishes = live_look(live, &view);     // each turn; takes the terminal at first
 *	live_take_second(live, &progress);
 *	if (live_is_shown(live)) live_notice(live, line);
 *	live_end(live);                                   // gives it back; what happened stays
 *
 * All figures come from the history as it is being written (engine/watch.h) and from what workers
 * tell once a second. A frame is one write of what has changed (cli/screen.h); nobody waits for it.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <stdio.h>

#include "engine/run.h"

struct live;

struct live *live_new(FILE *out, int in);
void live_free(struct live *live);

unsigned live_look(struct live *live, const struct run_view *view);
void live_take_second(struct live *live, const struct run_progress *now);
bool live_is_shown(const struct live *live);
void live_notice(struct live *live, const char *line);
void live_end(struct live *live);

#endif
