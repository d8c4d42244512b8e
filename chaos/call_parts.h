/*
 * call_parts: what the kinds of call faults share. Each has its file, chaos/call_KIND.c; where in a
 * call they are asked is in chaos/proxy_parts.h.
 */
#ifndef CHAOS_CALL_PARTS_H
#define CHAOS_CALL_PARTS_H

#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

/* Counts it, unless the fault has hit as often as it may: then the call must pass. */
bool call_hit(struct call_treatment *treatment, enum hit_kind kind, int64_t delay_us);

/* How a caller is left without an answer; the order of `call_endings`. */
enum call_end { CALL_END_RESET, CALL_END_HANG_UP, CALL_END_TIMEOUT };
extern const char *const call_endings[];         /* reset, hang-up */
extern const char *const call_silent_endings[];  /* reset, hang-up, timeout */
enum ending call_ending(int end);

/* Fills in an answer of ours, from the kind of that name. Without a body it says who made it. */
enum call_verdict call_answer(struct call *call, int64_t status, const char *body,
			      const char *kind);

#endif
