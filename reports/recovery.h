/*
 * recovery: how long it took, after a fault was gone, until all was well again.
 *
 * Well is what the scenario says (`chaos: steady`), held over as long as it says there. Without
 * that it is the level of the 30 s before the fault: p99 at most twice of that (and 10 ms more is
 * always fine), errors at most a percentage point above, over 3 s.
 *
 * The recovery ends where the first stretch begins in which all of it held; it is known to the
 * second, as histories are looked at by the second. Where requests are few, the stretch is as long
 * as it takes to say anything.
 */
#ifndef REPORTS_RECOVERY_H
#define REPORTS_RECOVERY_H

#include "reports/faults.h"

struct recovery;

struct recovery *recovery_new(const struct meta *meta, struct faults *faults);
void recovery_free(struct recovery *recovery);

/* Every second once, in order. */
void recovery_second(struct recovery *recovery, const struct slices *slices, int64_t second);
/* Fills in `recovery_us` and `waited_us` of the faults. */
void recovery_finish(struct recovery *recovery, int64_t end_us);

#endif
