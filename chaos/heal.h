/*
 * heal: putting back what one undo record says, and looking whether it is back.
 *
 * By whoever does it: the supervisor, the engine after it died, `sagastorm chaos heal`. Always in a
 * hand of its own, so that one that hangs keeps no other from being healed.
 */
#ifndef CHAOS_HEAL_H
#define CHAOS_HEAL_H

#include "chaos/fault.h"
#include "chaos/hand.h"

enum heal_word { HEAL_DONE = 1, HEAL_UNPROVEN };

/* Starts to heal; the hand says one heal_word, with what was seen. It goes on if we die. */
bool heal_start(struct hand *hand, const struct fault_kind *kind, const json_t *undo,
		struct error *err);

/* The same by this very process, when no other can be started. */
bool heal_here(const struct fault_kind *kind, const json_t *undo, struct error *err);

/*
 * How long to look before giving up: 5 s, or the `patience_ms` of the undo record, for what takes
 * its time to come back. The hand ends by itself soon after.
 */
int64_t heal_patience_us(const json_t *undo);
enum { HEAL_GRACE_US = 10000000 }; /* beyond the patience; then the hand is hanging */

#endif
