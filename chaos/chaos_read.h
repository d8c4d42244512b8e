/*
 * chaos_read: the section `chaos:` of a scenario, compiled.
 *
 *	chaos:
 *	  steady: [ "checkout.errors < 1%", "browse.p99 < 500ms" ]
 *	  faults:
 *	    - at: sale + 10s
 *	      for: 15s
 *	      latency: { edge: order -> payment, delay: 800ms, jitter: 200ms }
 *	    - on: { edge: order -> payment, call: POST /internal/charge, nth: 3 }
 *	      kill: { service: payment, back-after: 3s }
 *	    - when: { saga: order, reaches: PAYMENT_PROCESSED, nth: 10 }
 *	      for: 5s
 *	      lose-reply: { edge: payment -> psp, share: 20% }
 *
 * The same file without load is what `sagastorm chaos arm FILE` takes: there times count from its
 * start.
 */
#ifndef CHAOS_CHAOS_READ_H
#define CHAOS_CHAOS_READ_H

#include "chaos/fault.h"

struct chaos_section {
	const struct yaml *steady;  /* a list of conditions (lib/condition.h), or NULL */
	int64_t steady_for_us;      /* how long it must have held; 3 s by default */
	bool abort_on_breach;       /* during a fault: heal all, stop the run: 22 */
	int64_t recovers_within_us; /* after healing, steady must hold again within this; 30 s */
	struct fault *faults;
	size_t fault_count;
};

struct chaos_context {
	struct reading *reading;
	const struct system *system; /* NULL: only machine faults have a target */
	uint64_t seed;
	int64_t end_us;              /* of the last phase; 0: no load */
	/* Where a phase begins, since the start of the run. False: there is none of that name. */
	bool (*phase)(void *context, struct text name, int64_t *start_us, int64_t *end_us);
	const char *const *(*phase_names)(void *context); /* for suggestions */
	/* The number of a saga's state; false with a reason. NULL: this scenario has no sagas. */
	bool (*saga_state)(void *context, struct text saga, struct text state, struct error *err);
	void *context;
};

extern const struct key chaos_keys[];
extern const struct shape chaos_shape;

bool chaos_section_read(const struct yaml *node, const struct chaos_context *context,
			struct chaos_section *section);

/* One kind's settings from YAML that was checked before: for the proxy. */
bool fault_settings_read(const struct fault_kind *kind, const struct yaml *map,
			 struct reading *reading, struct fault *fault);

/* A warning for each kind that this machine can't do: a kernel without netem, no engine, ... */
void chaos_warn_impossible(const struct chaos_section *section, struct complaints *complaints);

/* "at 12.000 s for 15 s: latency on order -> payment: ..." for `check --plan` and --dry-run. */
void chaos_show_plan(const struct chaos_section *section, struct buffer *out);

#endif
