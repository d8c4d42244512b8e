/*
 * aftermath: what is asked of the system when the load is over and the faults are healed: how each
 * saga ended, and what it did, twice, until nothing moves any more.
 *
 * All of it goes into evidence.history; what it means is for sagas/judge.h to say.
 */
#ifndef ENGINE_AFTERMATH_H
#define ENGINE_AFTERMATH_H

#include "engine/scenario.h"
#include "engine/site.h"

struct aftermath {
	const struct scenario *scenario;
	const struct site *site;
	const char *history_directory;
	uint64_t run;      /* saga_run_id() */
	int64_t start_us;  /* of the run, on clock_now_us() */
	int64_t since_us;  /* from when sagas have their time: the last heal, or the load's end */
	bool stopped;      /* by a signal already: the next one ends this, too */
	void (*notice)(void *context, const char *line);
	void *context;
};

/*
 * Nothing to do without contracts. A signal ends it early: what was not read is incomplete, and the
 * invariants that need it unknown. False when nothing could be written.
 */
bool aftermath_read(const struct aftermath *aftermath, struct error *err);

#endif
