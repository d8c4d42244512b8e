/*
 * sample: what was seen of some requests, or of some starts, in some time; and what a condition
 * says to that.
 *
 * The rules of counting are those of reports: an attempt that another one follows counts only as a
 * retry; one that our own stop interrupted counts nowhere (request_counts() in lib/record.h).
 */
#ifndef LIB_SAMPLE_H
#define LIB_SAMPLE_H

#include "lib/condition.h"
#include "lib/hist.h"

struct sample {
	uint64_t count, errors, retries;
	uint64_t by_failure[FAILURE_COUNT];
	struct hist *latency, *service, *lag; /* as far as wanted; NULL: nothing yet */
	uint64_t starts[OUTCOME_COUNT];
};

enum sample_wants { SAMPLE_LATENCY = 1, SAMPLE_SERVICE = 2, SAMPLE_LAG = 4 };

void sample_release(struct sample *sample);
void sample_reset(struct sample *sample); /* keeps its memory */
/* `wants` says which histograms are kept, with `digits`. */
void sample_add_request(struct sample *sample, const struct record_request *request, uint16_t flags,
			unsigned wants, int digits);
void sample_add_start(struct sample *sample, const struct record_start *start);
void sample_merge(struct sample *into, const struct sample *from); /* same digits */

/* Which histograms a condition is about. */
unsigned condition_wants(const struct condition *condition);
/* Whether a request, a start is of its subject. */
bool condition_means_request(const struct condition *condition,
			     const struct record_request *request);
bool condition_means_start(const struct condition *condition, const struct record_start *start);

enum holding { HOLDS, DOES_NOT_HOLD, NOT_KNOWN };

struct judgement {
	enum holding holding;
	bool measured;       /* `actual` is a figure, if maybe one of too little */
	double actual;       /* in the unit of the condition */
	uint64_t samples, needed;
	char why[120];       /* NOT_KNOWN: a clause for people */
};

enum rigour {
	RIGOUR_GATE,  /* of a whole run: ten samples beyond a quantile */
	RIGOUR_WATCH, /* of some seconds: one sample beyond it, and twenty in all */
};

/* `span_us` is how long the time was, for rates. Not for recovery, hits and sagas. */
void condition_judge(const struct condition *condition, const struct sample *sample,
		     int64_t span_us, enum rigour rigour, struct judgement *judgement);
/* The same for a figure that is known as such. */
void condition_judge_number(const struct condition *condition, double actual,
			    struct judgement *judgement);
void judgement_unknown(struct judgement *judgement, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
