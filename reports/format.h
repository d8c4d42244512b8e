/*
 * format: one way to write a report. Adding one:
 *
 *   1. write reports/NAME.c with a `const struct report_format`;
 *   2. declare it here and give it a row in reports/formats.c;
 *   3. describe it in docs/reports.md;
 *   4. test it in tests/unit/test_report_NAME.c.
 */
#ifndef REPORTS_FORMAT_H
#define REPORTS_FORMAT_H

#include "reports/faults.h"
#include "reports/figures.h"
#include "reports/findings.h"
#include "reports/gates.h"
#include "reports/sagas.h"

struct gate_result {
	const char *gate, *name, *scope, *expected; /* name: the gate itself if none was given */
	const char *unit;    /* of `actual`: us, share, per_s, count; "" when it is no condition */
	double actual;       /* NAN: there is none */
	double margin; /* to the bound, as a share of it; negative beyond; NAN: there is none */
	uint64_t samples;
	const char *shown;   /* `actual` for people, or "" */
	const char *reason;  /* why unknown, where it was worst, or "" */
	const char *verdict; /* "pass", "fail" or "unknown" */
	enum holding holding;
};

/* All that can be said of a run. What it points to lives in the arena, or in meta and figures. */
struct report {
	const char *directory;
	struct arena arena;
	const struct meta *meta;
	const struct figures *figures;
	const struct faults *faults;
	json_t *sagas; /* by name, see reports/sagas.h */
	const char **journeys; /* per request name: "checkout", or "browse, checkout", or "" */
	char **reasons;        /* why the run is invalid */
	size_t reason_count;
	struct gate_result *gates;
	size_t gate_count;
	unsigned findings;
	struct verdict verdict;
};

struct report_format {
	const char *name;
	const char *writes; /* where, below the directory of the run */
	/*
	 * Every second of the run, in order, when of the report only `directory` and `meta` are
	 * known; may be NULL. `state` is the format's own.
	 */
	void (*second)(void **state, const struct report *report, const struct second *second);
	/*
	 * Every record that makes sense, before its second, when besides only `faults` and `sagas`
	 * are known; may be NULL.
	 */
	void (*record)(void **state, const struct report *report, const struct record *record);
	/* Writes, and in any case releases the state. */
	bool (*finish)(void *state, const struct report *report, struct error *err);
};

extern const struct report_format report_format_html;
extern const struct report_format report_format_json;
extern const struct report_format report_format_hgrm;
extern const struct report_format report_format_hlog;
extern const struct report_format report_format_audit;
extern const struct report_format report_format_junit;
extern const struct report_format report_format_summary;
extern const struct report_format report_format_metrics;
extern const struct report_format report_format_csv;

extern const struct report_format *const report_formats[]; /* NULL-ended */

/* DIR/NAME with the contents, all or nothing. */
bool report_write_file(const struct report *report, const char *name, struct text contents,
		       struct error *err);

/* The judges: each adds what it found. */
void report_judge_validity(struct report *report);
void report_judge_faults(struct report *report);
void report_judge_gates(struct report *report, const struct gates *gates);

void report_add_reason(struct report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One screen for people; reports/terminal.c. */
void report_write_terminal(const struct report *report, bool colour, struct buffer *out);

/* What GitHub shows beside a build: a line per finding; reports/annotations.c. */
void report_write_annotations(const struct report *report, struct buffer *out);

#endif
