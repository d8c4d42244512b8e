/*
 * phase_keys: the keys of a phase, and what their readers share. The inside of plan_read.
 *
 *	plan_read.c     load: phases with a rate, users, or nothing
 *	phase_unfold.c  steps, spikes and curves
 *	curve_read.c    the CSV of a curve
 *	mix_read.c      mix
 */
#ifndef LOADGEN_PHASE_KEYS_H
#define LOADGEN_PHASE_KEYS_H

#include "loadgen/plan_read.h"

struct phase_keys {
	const struct yaml *rate, *users, *steps, *spike, *curve;
	int64_t for_us, pause_us, iterations;
	int arrivals;
	bool measure;
};

struct steps_keys {
	double from, to, by;
	int64_t each_us;
};

struct spike_keys {
	double base, peak;
	int64_t rise_us, hold_us, fall_us;
};

struct curve_keys {
	char *file;
	double scale, speed;
};

extern const struct key phase_keys[], steps_keys[], spike_keys[], curve_keys[];

struct load_reader {
	struct reading *reading;
	struct plan *plan;
	int64_t at_us;
	bool good;
	bool doubtful; /* the phase at hand has a mistake; what follows from it is not said */
};

/* What one phase of the file says, while it is unfolded. */
struct said {
	const struct yaml *name, *map;
	struct phase_keys keys;
};

bool complain_phase(struct load_reader *reader, struct place at, const char *text);

/* The next phase of the plan, with what all kinds have in common; NULL: too many. */
struct phase *add_phase(struct load_reader *reader, const struct said *said, const char *suffix);
void end_phase(struct load_reader *reader, const struct phase *phase);

/* Open load that sends nothing, or makes no start at all, is a mistake in its numbers. */
bool check_rate(struct load_reader *reader, double from, double to, struct place at);
bool check_starts(struct load_reader *reader, const struct phase *phase, struct place at);

bool read_steps_phase(struct load_reader *reader, const struct said *said);
bool read_spike_phase(struct load_reader *reader, const struct said *said);
bool read_curve_phase(struct load_reader *reader, const struct said *said);

#endif
