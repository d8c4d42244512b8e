/*
 * run: a scenario becomes a history.
 *
 *	struct run_options options = { .directory = "runs/sale", .progress = show };
 *	struct run_end end;
 *	if (!run_scenario(scenario, &options, &end, err)) ...   // end.outcome says what kind
 *
 * In order: is the target ready, data is read from it, the run directory is made, workers start,
 * their snapshots are merged and shown, they come to rest, the books are closed. What came of it is
 * then for reports/ to say, from the directory alone.
 *
 * SIGINT, SIGTERM and SIGHUP stop gracefully; a second one aborts. Workers end when this process
 * does, however it does.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include "engine/scenario.h"
#include "loadgen/tally.h"

/* Once a second, when every worker has told about it. */
struct run_progress {
	double at_s;             /* since the start */
	double planned_s;        /* of all phases */
	const char *phase;       /* NULL: draining */
	double target_rate;      /* starts per second, now; 0 in closed phases */
	uint32_t target_users;   /* in closed phases */
	const struct tally *total;
	const struct tally *second; /* what this second added; its latency is of this second */
	bool stopping;
};

struct watch;
struct gate_watch;

/* What someone who watches may look at, in one turn of the loop. Borrowed, for that long. */
struct run_view {
	const struct scenario *scenario;
	const struct watch *watch;
	const struct gate_watch *gates; /* all that can be judged by now; NULL: none */
	int64_t now_us;                 /* since the start */
	bool stopping, paused;
};

/* And what they may ask for. */
enum run_wish {
	WISH_STOP = 1,  /* gracefully */
	WISH_HEAL = 2,  /* all faults, at once; none is armed any more */
	WISH_PAUSE = 4, /* no starts; or, if paused, on with them */
};

struct run_watcher {
	/* In each turn: ten times a second at least. Returns wishes. */
	unsigned (*look)(void *context, const struct run_view *view);
	void (*leave)(void *context); /* the load has come to rest; there is no more to look at */
};

struct run_options {
	const char *directory; /* must not hold a run yet */
	const char *command;   /* how it was called, for the record; may be NULL */
	void (*progress)(void *context, const struct run_progress *progress);
	void (*notice)(void *context, const char *line); /* changes of state, for people */
	const struct run_watcher *watcher;                   /* or NULL */
	void *context;
};

enum run_outcome {
	RUN_DONE,       /* came to its end, or was stopped; reports say the rest */
	RUN_NOT_READY,  /* the target could not be reached, or its data not read: exit code 3 */
	RUN_IMPOSSIBLE, /* what was asked can't be done on this machine or with this data: 2 */
	RUN_BROKEN,     /* an internal error: 1 */
};

struct run_end {
	enum run_outcome outcome;
	int signal; /* that stopped it, or 0 */
};

bool run_scenario(struct scenario *scenario, const struct run_options *options, struct run_end *end,
		  struct error *err);

#endif
