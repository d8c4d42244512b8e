/*
 * witness: what faults of witnesses share: they are done by the witness itself, which is told over
 * the control route on its own port (docs/witnesses.md), on the direct way.
 *
 * A witness is a service of the system whose url is that of `sagastorm witness psp` or `mail`, such
 * as the shop's own. The record: {"fault": ID, "witnesses": [{"name": ..., "url": ...}]}. A witness
 * that is gone has taken its faults with it; and each ends by itself soon after its time.
 */
#ifndef CHAOS_WITNESS_H
#define CHAOS_WITNESS_H

#include "chaos/fault.h"

/* `who` is "psp" or "mail": which of them can do it. `does` says what, after a share:
 * "of good cards are declined". */
bool witness_plan(const struct fault *fault, const char *who, const char *does,
		  struct fault_plan *plan, struct error *err);
/*
 * `does` is what the witness calls it; `settings` are as it wants them, but for the share, and are
 * stolen.
 */
bool witness_arm(const struct fault *fault, const char *does, json_t *settings, const json_t *undo,
		 struct error *err);
bool witness_heal(const json_t *undo, struct error *err);
bool witness_look(const json_t *undo, struct error *err);
int64_t witness_hits(const struct fault *fault, const json_t *undo);

/* "1500000us" */
json_t *witness_duration(int64_t us);

#endif
