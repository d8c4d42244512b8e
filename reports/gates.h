/*
 * gates: the conditions of a run, judged by its history.
 *
 *	struct gates *gates = gates_new(meta, faults);
 *	... for each record: gates_add(gates, record); for each second: gates_second(gates, second);
 *	gates_finish(gates, figures);
 *	... report_judge_gates(report)
 *
 * Every run has one more gate than its scenario says: `ok > 0`. What the scenario says was checked
 * when it was loaded; a text in meta.json that is no condition any more is an unknown gate.
 */
#ifndef REPORTS_GATES_H
#define REPORTS_GATES_H

#include "reports/faults.h"
#include "reports/figures.h"
#include "reports/recovery.h"

struct gate {
	const char *text, *name;
	bool abort;
	struct condition condition;
	struct gauge gauge;   /* of conditions about requests or starts */
	bool gauged;
	char *mistake;        /* it is no condition */
};

struct gates {
	struct arena arena;
	struct gate *items;
	size_t count;
	struct faults *faults;
	struct recovery *recovery;
	struct slices *slices;
	struct gauge_phase *phases;
	struct gauge_run run;
	bool by_second;       /* someone asks for seconds */
	int64_t next_second;
};

struct gates *gates_new(const struct meta *meta, struct faults *faults);
void gates_free(struct gates *gates);

/* Of records that make sense in this run. */
void gates_add(struct gates *gates, const struct record *record);
/* Everything of this second, and of those before it, was added. */
void gates_second(struct gates *gates, int64_t second);
/* How long phases really were is known. */
void gates_finish(struct gates *gates, const struct figures *figures);

/* reports/gates_judge.c. `directory` is that of the history, for sagas. */
void gates_judge(const struct gates *gates, size_t gate, const struct meta *meta,
		 const char *directory, struct judgement *judgement);

#endif
