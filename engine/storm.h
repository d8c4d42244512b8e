/*
 * storm: the faults of a run, from the first look at the steady state to the last proof of healing.
 *
 *	struct storm *storm = storm_begin(&settings, err);  // a supervisor; nothing is armed
 *	... each turn of the coordinator's loop: storm_turn(storm, now_us)
 *	storm_end(storm, &outcome);                          // healed, and seen to be healed
 *
 *	LOOKING   the steady state has not held yet; nothing may be armed. When it has, ALLOWED.
 *	          When the first fault is due and it has not, REFUSED
 *	ALLOWED   the supervisor runs the schedule; no fault is in effect
 *	STORMING  at least one fault is in effect. A breach ends all of them, and the run, if the
 *	          scenario says so
 *	CLEARING  all faults are healed; until the steady state holds again, or it took too long
 *	REFUSED   nothing is armed any more
 *
 * Without `steady:` every service must be healthy instead, before the load begins.
 */
#ifndef ENGINE_STORM_H
#define ENGINE_STORM_H

#include "chaos/supervisor.h"
#include "engine/steady.h"
#include "sagas/contract.h"

struct storm_settings {
	const struct chaos_section *chaos;
	const struct condition *steady; /* of the section, compiled; may be none */
	size_t steady_count;
	const struct system *system;    /* NULL: none is described */
	const struct contract *contracts; /* that triggers name */
	size_t contract_count;
	struct proxy *proxy;            /* NULL: none; handed over */
	struct watch *watch;            /* turned by whoever has it, before the storm */
	struct history *history;        /* for what the steady state looked like */
	const char *history_directory;
	const char *run;                /* its directory, for the journal */
	int64_t start_us;               /* of the run, on clock_now_us() */
	void (*notice)(void *context, const char *line);
	void *context;
};

struct storm;

struct storm *storm_begin(const struct storm_settings *settings, struct error *err);
int storm_fd(const struct storm *storm);
void storm_turn(struct storm *storm, int64_t now_us); /* since the start of the run */
bool storm_wants_stop(const struct storm *storm);     /* a breach, and the scenario says so */
void storm_heal_all(struct storm *storm);             /* someone pressed the button */

/* Waits until everything is healed and proven to be, bounded. Frees. */
void storm_end(struct storm *storm, struct supervisor_outcome *outcome);

#endif
