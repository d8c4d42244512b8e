/*
 * faults: what was broken in a run, from its history: when, what it hit, how it was put back.
 *
 *	struct faults *faults = faults_read("runs/sale/history", meta);
 *
 * Read before everything else, since what requests are judged by depends on it. Reads all files
 * but those of the workers.
 */
#ifndef REPORTS_FAULTS_H
#define REPORTS_FAULTS_H

#include "lib/buffer.h"
#include "lib/gauge.h"
#include "reports/meta.h"

struct fault_figures {
	const char *name, *kind, *target; /* from meta.json */
	enum fault_state state;  /* the last one */
	bool seen;               /* there is any record of it */
	bool broken;             /* it was not put back, as far as anyone can tell */
	bool by_heal;            /* by someone else than its supervisor */
	int64_t armed_us, healed_us; /* the first arming, the last healing; -1: never */
	int64_t hits;            /* -1: can't be known */
	uint64_t hits_seen, by_kind[4]; /* records of hits, by enum hit_kind */
	int64_t first_hit_us;    /* -1: none */
	char *words;             /* about its last state, or NULL */
	/* reports/recovery.c */
	bool can_recover;        /* it is known what it would be */
	int64_t recovery_us;     /* -1: it did not, or it is not known */
	int64_t waited_us;       /* not recovered: how long was there to see it */
};

/* A line of the audit trail. */
struct audit_entry {
	int64_t at_us;
	uint32_t fault;  /* FAULT_ANY: about the run */
	char *what;      /* "armed", "steady state broken" */
	char *words;     /* may be NULL */
};

struct faults {
	struct fault_figures *items; /* by number: those of meta.json */
	struct fault_spans *spans;   /* the same */
	size_t count;
	struct audit_entry *audit;   /* in order of time */
	size_t audit_count;
	uint64_t audit_left_out;
	uint64_t strange;            /* records about faults that meta.json does not know */
	/* Of the steady state: looks per moment, and whether the engine gave up on it. */
	uint64_t looks[3];
	bool unsteady;
	enum steady_moment unsteady_moment;
	uint32_t unsteady_condition;
	int64_t unsteady_us;
	bool gate_broken;            /* a gate aborted the run */
	uint32_t broken_gate;
};

/* "before any fault was armed" */
const char *steady_words(enum steady_moment moment);

/* Never fails: what can't be read is told by who reads the figures. */
struct faults *faults_read(const char *directory, const struct meta *meta);
void faults_free(struct faults *faults);

#endif
