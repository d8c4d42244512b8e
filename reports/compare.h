/*
 * compare: did it become slower, and how sure is that?
 *
 *	struct comparison *comparison = compare(&base, &new, &options, err);
 *	if (comparison->mismatch_count) ...            // they are not alike; nothing was compared
 *	compare_write_text(comparison, colour, &out);
 *
 * One run a side: per request name and quantile the difference of the logarithms, and its standard
 * error from a moving-block bootstrap over the seconds of both runs, in pairs where they had the
 * same plan, so that a ramp both climbed is no noise. What differs from run to run, and not within
 * one, can't be seen in a pair: the tolerance has to cover it.
 *
 * Several runs a side: the run is the unit. An exact permutation test, adjusted over all rows at
 * once (lib/stats.h).
 *
 * A row regressed if it is worse by more than the tolerance, at 5% for all rows together: among
 * equals at most one comparison in twenty finds anything at all. It is the same if the 90% interval
 * lies within the tolerance on both sides; else it is inconclusive.
 */
#ifndef REPORTS_COMPARE_H
#define REPORTS_COMPARE_H

#include "reports/compare_run.h"

/* Of latency, from the fast end to the slow one: the shift plot. Rows are made of some of them. */
enum { COMPARE_QUANTILES = 13, COMPARE_NAMES_MAX = 200, COMPARE_RUNS_MAX = 16 };
extern const double compare_quantiles[COMPARE_QUANTILES];

struct compare_side {
	const char *const *directories;
	size_t count;
};

/* What nobody notices, unless told otherwise. */
#define COMPARE_LEAST_US INT64_C(1000)
#define COMPARE_ERRORS 0.01
#define COMPARE_TOLERANCE 0.05

struct compare_options {
	double tolerance;     /* share by which latency may grow: 0.05 */
	int64_t least_us;     /* differences below that are none */
	double errors;        /* by how much the share of errors may grow: 0.01 */
	uint64_t seed;        /* of the bootstrap */
	bool force;           /* compare what is not alike, too */
};

enum compare_verdict { COMPARE_SAME, COMPARE_IMPROVED, COMPARE_REGRESSED, COMPARE_INCONCLUSIVE };
extern const char *const compare_verdict_names[];

/* Of latency a ratio less one ("0.1": slower by a tenth); of errors a difference of shares. */
struct difference {
	double change, low, high; /* 90% interval; NAN: not known, infinite: no bound */
};

struct compare_row {
	const char *name;   /* of the request */
	const char *metric; /* "p95", "errors" */
	bool is_errors;
	size_t quantile;    /* into compare_quantiles */
	double base, new;   /* microseconds, or a share; the mean of several runs */
	double tolerance;   /* that of this row, as its change */
	struct difference difference;
	double p;           /* of "it did not regress", adjusted for all rows; NAN: not tested */
	double p_improved;
	enum compare_verdict verdict;
	const char *why;    /* inconclusive, or "" */
};

/* Of one request name: how its distribution moved. */
struct compare_shift {
	const char *name;
	uint64_t base_count, new_count;
	double base[COMPARE_QUANTILES], new[COMPARE_QUANTILES];
	struct difference differences[COMPARE_QUANTILES];
	bool known[COMPARE_QUANTILES]; /* enough was seen on both sides */
};

struct comparison {
	struct arena arena;
	struct compare_run *base[COMPARE_RUNS_MAX], *new[COMPARE_RUNS_MAX];
	size_t base_count, new_count;
	struct compare_options options;
	const char **mismatches, **notes;
	size_t mismatch_count, note_count;
	struct compare_row *rows;
	size_t row_count;
	struct compare_shift *shifts;
	size_t shift_count;
	const char *method; /* a clause for people */
	bool same_plan;
	enum compare_verdict verdict;
	uint64_t counts[4]; /* rows by verdict */
};

/* NULL: a run could not be read. */
struct comparison *compare(const struct compare_side *base, const struct compare_side *new,
			   const struct compare_options *options, struct error *err);
void comparison_free(struct comparison *comparison);

/* reports/compare_check.c: fills in mismatches and notes. */
void compare_check(struct comparison *comparison);

/* The two methods: fill in rows and shifts. */
void compare_pair(struct comparison *comparison);
void compare_runs(struct comparison *comparison);

/* For them: reports/compare_rows.c. */
void compare_make_rows(struct comparison *comparison);
double compare_tolerance(const struct comparison *comparison, double base_us);
bool compare_enough(uint64_t count, double quantile);
void compare_judge(struct comparison *comparison);
void compare_add_note(struct comparison *comparison, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A screen for people, Markdown for a pull request, compare.json, and a page with the plot. */
void compare_write_text(const struct comparison *comparison, bool colour, struct buffer *out);
void compare_write_markdown(const struct comparison *comparison, struct buffer *out);
bool compare_write_json(const struct comparison *comparison, struct buffer *out);
void compare_write_html(const struct comparison *comparison, struct buffer *out);

/* "+12.3%", "-0.4 points", "?" */
const char *compare_words_change(char out[32], const struct compare_row *row, double change);
const char *compare_words_value(char out[32], const struct compare_row *row, double value);

#endif
