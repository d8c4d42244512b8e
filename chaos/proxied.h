/*
 * proxied: what a supervisor does with faults of the families WIRE and CALL.
 *
 * These four stand where other kinds have plan, arm, heal and look of their own. Planning needs the
 * proxy; the undo record says all that the others need, in any process and at any time:
 *
 *	{"proxy": {"pid": ..., "started": ..., "boot": "..."}, "control": "@sagastorm-...",
 *	 "run": "...", "fault": 3}
 *
 * An armed fault is held by the process that armed it: when that process ends, however it ends, the
 * proxy drops the fault at once.
 */
#ifndef CHAOS_PROXIED_H
#define CHAOS_PROXIED_H

#include "chaos/proxy.h"

bool proxied_plan(struct proxy *proxy, const struct fault *fault, struct fault_plan *plan,
		  struct error *err);
bool proxied_arm(struct proxy *proxy, const struct fault *fault, const json_t *undo,
		 struct error *err);
/* From the record alone. A proxy that is gone has taken its faults along: that is healed, too. */
bool proxied_heal(const json_t *undo, struct error *err);
bool proxied_look(const json_t *undo, struct error *err);
int64_t proxied_hits(struct proxy *proxy, const struct fault *fault); /* -1: can't be known */

#endif
