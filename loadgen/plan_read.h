/*
 * plan_read: `load:` and `mix:` of a scenario -> a plan.
 *
 *	load:
 *	  warmup: { rate: 20/s, for: 10s, measure: no }
 *	  sale:   { rate: 20/s to 200/s, for: 60s, arrivals: poisson }
 *	mix: { browse: 80, buy: 20 }
 *
 * The order of the file is the order in time. `steps` and `spike` become several phases:
 * "NAME 1", "NAME 2", ... and "NAME rise", "NAME peak", "NAME fall".
 */
#ifndef LOADGEN_PLAN_READ_H
#define LOADGEN_PLAN_READ_H

#include "lib/schema.h"
#include "loadgen/journey.h"
#include "loadgen/plan.h"

/* Fills the phases. False when it complained; phases that were fine are there all the same. */
bool load_section_read(const struct yaml *load, struct reading *reading, struct plan *plan);

/*
 * Fills the mix. `mix` may be NULL when there is only one journey. Journeys of `main_file` that the
 * mix leaves out are complaints: nobody would ever walk them.
 */
bool mix_section_read(const struct yaml *mix, struct reading *reading,
		      const struct journey *journeys, size_t journey_count, const char *main_file,
		      struct plan *plan);

extern const struct shape load_shape, mix_shape;

/* loadgen/curve_read.c: a CSV of `time_s,rate_per_s` with a header line. */
bool curve_read(const char *path, double scale, double speed, struct phase *phase,
		struct arena *arena, struct error *err);

enum { RATE_MAX = 1000000, USERS_MAX = 1000000, PHASE_DAYS_MAX = 7 };
#define PHASE_US_MAX (PHASE_DAYS_MAX * INT64_C(86400000000))

#endif
