/*
 * What the files of the coordinator share, and no one else sees.
 *
 *	coordinator.c           the turn of its loop: messages, signals, patience, the books
 *	coordinator_start.c     processes, pipes and signals, from start to end
 *	coordinator_progress.c  what the workers' seconds add up to, and showing it
 */
#ifndef ENGINE_COORDINATOR_PARTS_H
#define ENGINE_COORDINATOR_PARTS_H

#include <signal.h>
#include <sys/types.h>

#include "engine/coordinator.h"

enum { WORKERS_MAX = 256 };

struct hand { /* a worker, seen from here */
	pid_t pid;
	int commands; /* we write */
	int messages; /* we read; -1 when it ended */
	struct buffer unread;
	struct tally last; /* counters so far, latency of its last second */
	bool reported;     /* anything at all */
};

struct coordinator {
	const struct load *load;
	const struct run_options *options;
	struct history *history;
	int64_t start_us;
	struct hand *hands;
	uint32_t count;
	int signals;       /* a signalfd */
	sigset_t old_mask;
	const struct companion *companion; /* or NULL */
	int stop_signal;
	bool stopping; /* by a signal, or as the companion wants it */
	bool aborted;
	bool paused;
	int64_t deadline_us;  /* when all workers should have ended; see patience */
	int64_t turned_us;    /* the last turn */
	int64_t overdue_us;
	uint32_t shown_second;
	uint8_t phase;     /* last one announced */
	struct tally total, before, second;
	struct error trouble; /* of a worker that could not work */
	bool troubled;
};

/* Into the history, and to whoever watches. */
void coordinator_write_event(struct coordinator *coordinator, enum run_event event, uint32_t number,
			     int64_t value);
void coordinator_notice(struct coordinator *coordinator, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* coordinator_progress.c */
void coordinator_add_up(struct coordinator *coordinator);
void coordinator_announce_phase(struct coordinator *coordinator);
void coordinator_show_if_complete(struct coordinator *coordinator);

#endif
