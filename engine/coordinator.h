/*
 * coordinator: starts the workers, merges what they say once a second, stops them.
 *
 * Workers are forked here; each has a pipe for commands and one for its messages. To put them on
 * other machines, this file is what changes.
 */
#ifndef ENGINE_COORDINATOR_H
#define ENGINE_COORDINATOR_H

#include "engine/run.h"
#include "lib/history.h"
#include "loadgen/worker.h"

struct coordinator;

/* Who lives beside the load: the faults of the run. Looked after in each turn of the loop. */
struct companion {
	int fd; /* readable: turn() comes at once; -1: none */
	void (*turn)(void *context, int64_t now_us); /* since the start of the run */
	bool (*wants_stop)(void *context);           /* the load is to end, as if by a signal */
	void *context;
};

/* `start_us` is when the run starts, on clock_now_us(). */
struct coordinator *coordinator_new(const struct load *load, uint32_t workers, int64_t start_us,
				    const char *history_directory, struct history *history,
				    const struct run_options *options, struct error *err);

/* Borrowed, until the end of coordinator_run(). */
void coordinator_accompany(struct coordinator *coordinator, const struct companion *companion);

/* Until every worker has ended. False when one of them could not work at all. */
bool coordinator_run(struct coordinator *coordinator, int *signal, struct error *err);

/* Between turns, as someone at a keyboard wants it. What came to an end already stays so. */
void coordinator_ask_stop(struct coordinator *coordinator); /* as by one Ctrl-C */
void coordinator_ask_pause(struct coordinator *coordinator, bool paused);
bool coordinator_is_paused(const struct coordinator *coordinator);
bool coordinator_is_stopping(const struct coordinator *coordinator);

void coordinator_free(struct coordinator *coordinator);

#endif
