/*
 * sources: where the evidence of a run is, for who asks for it: observer.h while the run goes on,
 * aftermath.h when it is over.
 */
#ifndef ENGINE_SOURCES_H
#define ENGINE_SOURCES_H

#include "engine/scenario.h"
#include "engine/site.h"
#include "sagas/evidence.h"

/*
 * Contracts, where they are asked about, what is trusted there. Left to the caller: history,
 * directory, run, whom to ask whether to go on. `context` is the scenario; strings live in the
 * arena. Our own shop's witnesses are read from their ledgers, others where the services `psp` and
 * `mail` of the system have their url.
 */
struct evidence_settings sources_of(const struct scenario *scenario, const struct site *site,
				    int64_t start_us, struct arena *arena);

#endif
