/*
 * gate_watch: gates with `abort: yes`, looked at while the run goes on.
 *
 *	struct gate_watch *gates = gate_watch_new(scenario, watch, history);
 *	... each turn of the loop, after watch_turn():
 *	if (gate_watch_turn(gates, watch, now_us)) stop the run, gracefully (EVENT_CUT_SHORT)
 *
 * They are judged by what reports judge them by (lib/gauge.h), of what was seen so far; `any 10s
 * of` by the stretches that are over. Too little to say anything is no reason to stop, and neither
 * are fewer than ten errors, unless none is allowed. The one that is broken is written into the
 * history (EVENT_GATE_BROKEN): the run then ends with exit code 20.
 */
#ifndef ENGINE_GATE_WATCH_H
#define ENGINE_GATE_WATCH_H

#include "engine/scenario.h"
#include "engine/watch.h"
#include "lib/history.h"

struct gate_watch;

/*
 * NULL when there is nothing to watch for: gates that abort, or, with `all`, any that requests and
 * starts alone decide. `scenario` is borrowed.
 */
struct gate_watch *gate_watch_new(const struct scenario *scenario, struct watch *watch,
				  struct history *history, bool all);
/* The watch must not be turned any more. */
void gate_watch_free(struct gate_watch *gates);

/* True from when one is broken. NULL is fine: false. */
bool gate_watch_turn(struct gate_watch *gates, const struct watch *watch, int64_t now_us);
/* "errors < 5%: it is 7.12%", once one is broken; else NULL. */
const char *gate_watch_reason(const struct gate_watch *gates);

/* How gate `number` of the scenario stands. False: not watched. NULL is fine: false. */
bool gate_watch_judge(const struct gate_watch *gates, size_t number, struct judgement *judgement);

#endif
