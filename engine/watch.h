/*
 * watch: what a run looks like while it runs, read from the history that its processes are writing.
 *
 *	struct watch *watch = watch_new("runs/sale/history", &names);
 *	watch_turn(watch, now_us);              // each turn of the loop: reads what is new, bounded
 *	watch_judge(watch, &condition, from, to, &judgement);
 *
 * Times are microseconds since the start of the run. Nothing is asked of the workers: their records
 * are in the page cache the moment they are committed. New files are found by themselves. It costs
 * some 50 ns per record: of 20,000 requests per second, a thousandth of a core (bench_watch).
 *
 * The last minute is kept second by second (lib/slices.h). A second is complete when it is
 * WATCH_SETTLE_US old: until then a slow turn of a worker may add to it.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include "lib/gauge.h"
#include "lib/slices.h"

enum { WATCH_SETTLE_US = 150000 };

struct watch;

/* A fault, as its last record says. `armed_us` and `healed_us` are -1 until then. */
struct watch_fault {
	enum fault_state state;
	int64_t armed_us, healed_us;
	int64_t hits;  /* -1: can't be known */
	uint64_t seen; /* hits in the history; `hits` is never less */
};

struct watch_sagas {
	uint64_t minted, acknowledged, failed, unclear; /* as those say who placed them */
	uint64_t succeeded, compensated; /* seen to be, by them */
	uint64_t refused; /* certainly without effect, and not tried again */
	uint64_t late;    /* not seen to end in their time; 0 where no end was ever seen */
	uint64_t wrong; /* contradictions seen so far; what else is wrong, the judge will say */
};

struct watch_totals {
	uint64_t requests, errors, by_failure[FAILURE_COUNT]; /* that count; all phases */
	uint64_t starts[OUTCOME_COUNT];
	uint32_t lag_max_us; /* in the last complete second */
};

/* The names are borrowed. Never fails: what can't be read yet is tried again. */
struct watch *watch_new(const char *directory, const struct condition_names *names);
void watch_free(struct watch *watch);

/* Which states of its sagas are ends; at first. */
struct contract;
struct wrong_fact;
void watch_know_contract(struct watch *watch, const struct contract *contract);

/* True when it caught up; false when there is more to read (call again, soon). */
bool watch_turn(struct watch *watch, int64_t now_us);

/* The second before which everything is complete: seconds 0 .. n-1 are. */
int64_t watch_complete(const struct watch *watch);

/*
 * What the condition says to the complete seconds in [from_us, to_us), as far as they are still
 * kept. Only of conditions that make sense of some seconds (CONDITION_STEADY).
 */
void watch_judge(const struct watch *watch, const struct condition *condition, int64_t from_us,
		 int64_t to_us, struct judgement *judgement);

/*
 * Gates with `abort: yes`: a gauge sees every record from now on. The gauge is borrowed; its
 * seconds are told as they are complete.
 */
void watch_add_gauge(struct watch *watch, struct gauge *gauge);

const struct slices *watch_slices(const struct watch *watch);
const struct watch_totals *watch_totals(const struct watch *watch);
struct watch_sagas watch_sagas(const struct watch *watch);
/* How many sagas were seen in that state, at any time. */
uint64_t watch_reached(const struct watch *watch, uint8_t contract, uint8_t state);
/* NULL: there is no such fault. */
const struct watch_fault *watch_fault(const struct watch *watch, uint32_t number);

/* Facts about sagas that can never become right again (sagas/anytime.h): how many, of one contract
 * or of SAGAS_ALL; and the first of them, from 0. NULL: there are not so many, or they are too many
 * to keep. */
uint64_t watch_wrong(const struct watch *watch, uint32_t contract);
const struct wrong_fact *watch_wrong_fact(const struct watch *watch, size_t number);

uint64_t watch_records(const struct watch *watch); /* read so far */

#endif
