/*
 * observer: a process that looks at a run's sagas while the run goes on (sagas/anytime.h), so that
 * nobody in the run waits for what it asks.
 *
 *	struct observer *observer = observer_start(&settings, err);
 *	... the load; what it sees is in the history (observer.history), where the watch reads it
 *	observer_end(observer);
 *
 * It holds nothing of the run, and dies with it.
 */
#ifndef ENGINE_OBSERVER_H
#define ENGINE_OBSERVER_H

#include "engine/scenario.h"
#include "engine/site.h"

struct observer_settings {
	const struct scenario *scenario;
	const struct site *site;
	const char *history_directory;
	uint64_t run;     /* saga_run_id() */
	int64_t start_us; /* of the run, on clock_now_us() */
};

struct observer;

/* NULL: it could not be started. Without contracts there is one that does nothing. */
struct observer *observer_start(const struct observer_settings *settings, struct error *err);
/* After a last look; then everything it wrote is there. NULL is fine. */
void observer_end(struct observer *observer);

#endif
