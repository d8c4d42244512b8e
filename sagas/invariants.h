/*
 * invariants: one file each, see docs/invariants.md. All of them say only what the contract's own
 * words let them say: "charge" is the step that counts money, whatever it is called.
 */
#ifndef SAGAS_INVARIANTS_H
#define SAGAS_INVARIANTS_H

#include <inttypes.h>

#include "sagas/judge_parts.h"

extern const struct invariant invariant_atomic, invariant_charge_has_order,
	invariant_order_has_charge, invariant_charge_once, invariant_idempotent,
	invariant_undo_once, invariant_undo_full, invariant_undo_order, invariant_no_hang,
	invariant_no_oversell, invariant_stock_conserved, invariant_terminal,
	invariant_legal_moves, invariant_monotonic, invariant_read_your_writes, invariant_durable,
	invariant_no_phantom, invariant_notify, invariant_outbox, invariant_dead_letters,
	invariant_ledger_balanced, invariant_price_intact, invariant_budget, invariant_cancel_wins,
	invariant_breaker, invariant_rate_limited, invariant_regions_converge, invariant_vacuity;

/* The steps that count money, in order: `for (step = next_money(c, 0); step >= 0; ...)`. */
static inline int next_step(const struct contract *contract, enum step_counts counts, int from)
{
	for (int i = from; i < contract->step_count; i++)
		if (contract->steps[i].counts == counts)
			return i;
	return -1;
}

/* Money given and taken, over all steps that count it. */
struct money {
	int64_t given, taken;
	uint32_t did;
	const struct entry *first, *last;
};

static inline struct money money_of(const struct saga_case *about)
{
	struct money money = { 0 };

	for (int i = next_step(about->contract, COUNTS_MONEY, 0); i >= 0;
	     i = next_step(about->contract, COUNTS_MONEY, i + 1)) {
		const struct step_view *view = &about->steps[i];

		money.given += view->given;
		money.taken += view->taken;
		money.did += view->did;
		money.first = money.first ? money.first : view->first;
		money.last = view->last ? view->last : money.last;
	}
	return money;
}

#endif
