/*
 * meta: what the numbers in a history mean, from `history/meta.json` (docs/history.md).
 */
#ifndef REPORTS_META_H
#define REPORTS_META_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/error.h"

struct meta_phase {
	const char *name;
	const char *kind;
	int64_t start_us; /* since the start of the run */
	int64_t duration_us;
	double rate_from, rate_to;
	uint64_t planned; /* starts; 0 when their number is up to the system */
	bool measured;
};

struct meta_fault {
	const char *name, *kind, *target;
};

struct meta_gate {
	const char *text, *name;
	bool abort;
};

struct meta {
	struct arena arena;
	const char *name, *about, *seed, *started, *scenario, *version, *transport, *target;
	int64_t wall_start_us; /* 0 when `started` is no time */
	struct meta_phase *phases;
	size_t phase_count;
	const char **journeys, **requests;
	size_t journey_count, request_count;
	/* Of these there may be none. */
	struct meta_fault *faults;
	struct meta_gate *gates;
	const char **steady, **sagas;
	const char **phase_names, **fault_names;
	size_t fault_count, gate_count, steady_count, saga_count;
	int64_t steady_for_us;
	uint32_t workers;
	/* From where on the generator was the limit; infinite when there is no limit. */
	double lag_limit_us, dropped_limit, cpu_limit, stall_limit_us;
	json_t *environment;
};

struct meta *meta_load(const char *path, struct error *err);
void meta_free(struct meta *meta);

#endif
