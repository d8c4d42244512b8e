/*
 * condition: what gates and the steady state say, as in
 *
 *	checkout.p99 < 800ms in sale
 *	errors(timeout) < 0.5%
 *	any 10s of browse.p95 < 1s
 *	recovery(payment dies) < 10s
 *	browse.p99 < 1s during payment dies
 *	sagas.order.stuck == 0
 *
 * [any|every DURATION of] [SUBJECT.]METRIC[(ARGUMENT)] COMPARATOR BOUND [SCOPE]
 *
 * SUBJECT is a journey, a request name, `sagas` or `sagas.NAME`; nothing is the whole run. Where a
 * journey and a request have one name, the journey is meant, unless `request NAME` is written. A
 * name may be in quotes, and must be when it holds a quote, a parenthesis or one of < > = !.
 *
 * SCOPE is `in PHASE`, `in PHASE, PHASE`, or `before|during|after FAULT` (or `any fault`). Without,
 * it is the measured phases. A phase that was unfolded (`steps`, `spike`) is all its parts.
 *
 * `any 10s of` wants it of each stretch of 10 s, wherever it begins (at a full second); `every 10s
 * of` of the stretches that follow each other.
 *
 * docs/gates.md has the metrics; the table is in lib/condition_metrics.c. Everything is resolved
 * when it is compiled: journeys, requests, phases, faults and sagas are numbers here. How a figure
 * is compared, and how many samples that takes, is in lib/sample.h.
 */
#ifndef LIB_CONDITION_H
#define LIB_CONDITION_H

#include "lib/record.h"
#include "lib/schema.h"

enum condition_subject {
	SUBJECT_RUN,
	SUBJECT_JOURNEY, /* number: the journey */
	SUBJECT_REQUEST, /* number: the request name */
	SUBJECT_SAGAS,   /* number: the contract, or SAGAS_ALL */
};

enum condition_metric {
	METRIC_QUANTILE, /* of latency, or of service time */
	METRIC_MEAN,
	METRIC_MAX,
	METRIC_ERRORS,     /* share of requests, of one class if there is an argument */
	METRIC_RETRIES,    /* share of attempts that another one followed */
	METRIC_OK,         /* requests answered as they should */
	METRIC_COUNT,      /* requests */
	METRIC_THROUGHPUT, /* requests done per second */
	METRIC_GOODPUT,    /* the good ones of them */
	METRIC_STARTS,     /* journeys begun */
	METRIC_FAILED,     /* share of starts that failed or timed out */
	METRIC_DROPPED,    /* share of starts that found no room */
	METRIC_ACHIEVED,   /* starts per second */
	METRIC_LAG,        /* p99 of lag */
	METRIC_RECOVERY,   /* from the end of a fault until all was well again */
	METRIC_HITS,
	METRIC_VERIFIED_GOODPUT,
	METRIC_SAGAS_STARTED,
	METRIC_SAGAS_SUCCEEDED,
	METRIC_SAGAS_COMPENSATED,
	METRIC_SAGAS_STUCK,
	METRIC_SAGAS_UNKNOWN,
	METRIC_SAGAS_VIOLATIONS,
};

enum condition_unit { UNIT_TIME_US, UNIT_SHARE, UNIT_RATE, UNIT_COUNT };

enum comparator { LESS, LESS_OR_EQUAL, MORE, MORE_OR_EQUAL, EQUAL, NOT_EQUAL };

enum condition_form { FORM_WHOLE, FORM_ANY, FORM_EVERY };

enum condition_scope { SCOPE_MEASURED, SCOPE_PHASES, SCOPE_BEFORE, SCOPE_DURING, SCOPE_AFTER };

enum { FAULT_ANY = UINT32_MAX, SAGAS_ALL = UINT32_MAX, CONDITION_PHASES_MAX = 256 };
enum { CONDITION_WINDOW_MAX_S = 60, AROUND_FAULT_US = 30000000 };

struct condition {
	const char *text; /* as written, blanks made single */
	enum condition_form form;
	int64_t window_us; /* of `any` and `every`: whole seconds */
	enum condition_subject subject;
	uint32_t number;   /* of the subject */
	enum condition_metric metric;
	double quantile;
	bool service;      /* of service time instead of latency */
	enum failure failure; /* of METRIC_ERRORS; FAILURE_NONE: all */
	enum comparator comparator;
	enum condition_unit unit;
	double bound;      /* in its unit */
	enum condition_scope scope;
	uint8_t phases[CONDITION_PHASES_MAX / 8]; /* bits; of SCOPE_PHASES */
	uint32_t fault;    /* of a fault scope, of recovery and of hits; FAULT_ANY */
	const char *scope_text; /* "sale", "during payment dies"; "all" */
	const char *bound_text; /* "< 800ms" */
};

/* What names stand for. Lists of faults and sagas may be empty: there are none. */
struct condition_names {
	const char *const *journeys, *const *requests, *const *phases, *const *faults,
									       *const *sagas;
	size_t journey_count, request_count, phase_count, fault_count, saga_count;
	bool doubtful; /* some are missing, as their own text has mistakes: unknown ones pass */
};

enum condition_use {
	CONDITION_GATE,
	CONDITION_STEADY, /* of now: no scope, no window, only what requests and starts say */
};

/* `at` is where the text begins; what is wrong is told with its own column. */
bool condition_compile(struct text source, const struct condition_names *names,
		       enum condition_use use, struct place at, struct arena *arena,
		       struct condition *condition, struct error *err);

/* The same of a node of a scenario, with ${...} substituted. False when it complained. */
bool condition_read(const struct yaml *node, const struct condition_names *names,
		    enum condition_use use, struct reading *reading, struct condition *condition);

/* Whether it is about this phase; false for scopes that are about faults. */
static inline bool condition_has_phase(const struct condition *condition, uint8_t phase)
{
	return condition->phases[phase / 8] >> phase % 8 & 1;
}

bool condition_compare(const struct condition *condition, double actual);
/* How far the bound is away, as a share of it; negative when it is broken. NAN: bound is 0. */
double condition_margin(const struct condition *condition, double actual);
/* "812 ms", "0.4%", "199.9/s", "12" */
void condition_show(const struct condition *condition, double actual, struct buffer *out);

/* What is seen from requests and starts alone, so in any stretch of time. */
bool condition_is_about_requests(const struct condition *condition);
bool condition_is_about_starts(const struct condition *condition);
bool condition_is_about_sagas(const struct condition *condition);

#endif
