/*
 * gauge: a gate while records go by: what it is about is counted, and judged at any time.
 *
 *	struct gauge gauge;
 *	gauge_init(&gauge, &condition, &run);
 *	gauge_add_request(&gauge, &request, flags);      // each record, in about the order of time
 *	gauge_second(&gauge, slices, 12);                // second 12 is complete
 *	gauge_judge(&gauge, &judgement);
 *
 * Used by reports and, for gates that abort, by the running engine, so that both say the same. Not
 * for recovery, hits and sagas, which are known as such (condition_judge_number()).
 *
 * A request belongs to the phase of its start. To the time of a fault, and to a stretch of seconds,
 * it belongs when its answer was complete then.
 */
#ifndef LIB_GAUGE_H
#define LIB_GAUGE_H

#include "lib/sample.h"
#include "lib/slices.h"

/* From start to before end. */
struct span {
	int64_t start_us, end_us;
};

struct gauge_phase {
	struct span span; /* as planned, or as it really was */
	bool measured;
	bool pause;       /* nothing starts */
};

/* When one fault was in effect: once, or several times. */
enum { FAULT_SPANS_MAX = 64 };
struct fault_spans {
	struct span items[FAULT_SPANS_MAX]; /* in order; the end is INT64_MAX while it lasts */
	size_t count;
};

/* What scopes are made of. Shared by all gauges of a run; borrowed, and may change, see below. */
struct gauge_run {
	const struct gauge_phase *phases;
	size_t phase_count;
	const struct fault_spans *faults; /* by number */
	size_t fault_count;
};

struct gauge {
	const struct condition *condition;
	const struct gauge_run *run;
	struct span *spans;    /* of its scope; those next to each other are one */
	size_t span_count;
	struct sample sample;  /* FORM_WHOLE */
	/* FORM_ANY, FORM_EVERY: stretches that were judged. */
	uint64_t stretches, broken, unclear;
	struct judgement worst, thin; /* the worst of all; the last that was unclear */
	bool has_worst;
	int64_t worst_second;  /* where it began */
	int64_t next_second;   /* FORM_EVERY: before it, seconds are used up */
};

void gauge_init(struct gauge *gauge, const struct condition *condition,
		const struct gauge_run *run);
void gauge_release(struct gauge *gauge);

/* Phases or faults of the run are other than they were. */
void gauge_rescope(struct gauge *gauge);

void gauge_add_request(struct gauge *gauge, const struct record_request *request, uint16_t flags);
void gauge_add_start(struct gauge *gauge, const struct record_start *start);
/* Every second once, in order, also those in which nothing happened. */
void gauge_second(struct gauge *gauge, const struct slices *slices, int64_t second);

void gauge_judge(const struct gauge *gauge, struct judgement *judgement);

#endif
