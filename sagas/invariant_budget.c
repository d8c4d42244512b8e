#include <stdlib.h>

#include "lib/memory.h"
#include "sagas/invariants.h"

struct use {
	uint64_t item;
	uint32_t saga;
};

static int by_item(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	return x->item != y->item ? (x->item < y->item ? -1 : 1) :
				    (x->saga > y->saga) - (x->saga < y->saga);
}

static struct use *collect(const struct judge *judge, uint8_t contract, size_t *count)
{
	struct use *uses = NULL;
	size_t room = 0;

	*count = 0;
	for (uint32_t i = 0; i < judge->highest; i++) {
		const struct saga *saga = judge_saga(judge, i);

		if (!saga || saga->contract != contract || !saga->item)
			continue;
		uses = memory_grow(uses, *count, &room, sizeof(*uses));
		uses[(*count)++] = (struct use){ saga->item, i };
	}
	if (*count)
		qsort(uses, *count, sizeof(*uses), by_item);
	return uses;
}

static bool stands(const struct contract *contract, const struct saga *saga)
{
	uint8_t state = saga->flags & SAGA_HAS_IS ? saga->is : saga->seen;

	return !(saga->flags & (SAGA_HAS_ABSENT | SAGA_IS_UNDOING)) &&
	       state_is(contract, state, STATE_SUCCEEDED);
}

static bool was_undone(const struct contract *contract, const struct saga *saga)
{
	uint8_t state = saga->flags & SAGA_HAS_IS ? saga->is : saga->seen;

	return saga->flags & SAGA_WAS_COMPENSATED && !(saga->flags & SAGA_HAS_ABSENT) &&
	       state_is(contract, state, STATE_COMPENSATED);
}

enum { REFUSALS_MIN = 2 }; /* one may have had another reason */

/* A 409 for a thing that somebody had, gave back before that, and nobody has. */
static bool refused_for_nothing(const struct saga *saga, int64_t given_back_us)
{
	return saga->flags & SAGA_REFUSED_409 && saga->failed == saga->sent && saga->sent &&
	       (int64_t)saga->minted_ms * 1000 > given_back_us;
}

static void refusals(struct judgement *judgement, const struct use *uses, size_t count,
		     int64_t given_back_us)
{
	size_t refused = 0;

	for (size_t i = 0; i < count; i++) {
		const struct saga *saga = judge_saga(judgement->judge, uses[i].saga);

		if (!refused_for_nothing(saga, given_back_us) || ++refused < REFUSALS_MIN)
			continue;
		judgement_found(judgement, CHECK_VIOLATED, uses[i].saga, NULL, -1,
				"refused at %s for want of what a saga had given back by %s",
				AT((int64_t)saga->minted_ms * 1000), AT(given_back_us));
		return;
	}
}

/* When the log says that it was undone; -1: it does not. */
static int64_t undone_us(const struct judge *judge, const struct contract *contract,
			 const struct saga *saga)
{
	for (uint32_t at = saga->first; at != ENTRY_NONE; at = judge->entries[at].next) {
		const struct entry *entry = &judge->entries[at];

		if (entry->kind == ENTRY_WAS && state_is(contract, entry->state, STATE_COMPENSATED))
			return entry->at_us;
	}
	return -1;
}

/* All sagas that were to spend the same thing. */
static void spend(struct judgement *judgement, const struct use *uses, size_t count)
{
	const struct contract *contract = judgement->of->contract;
	uint32_t last = SAGA_NONE;
	int64_t standing = 0, given_back_us = -1;
	bool free_again = true;

	for (size_t i = 0; i < count; i++) {
		const struct saga *saga = judge_saga(judgement->judge, uses[i].saga);

		if (stands(contract, saga)) {
			standing++;
			last = uses[i].saga;
		}
		if (was_undone(contract, saga) &&
		    undone_us(judgement->judge, contract, saga) > given_back_us)
			given_back_us = undone_us(judgement->judge, contract, saga);
		free_again = free_again && (was_undone(contract, saga) || !saga->sent ||
					    saga->failed == saga->sent);
	}
	if (standing > contract->budget_uses)
		judgement_found(judgement, CHECK_FACT, last, NULL, -1,
				"spent by %" PRId64 " orders that stand, and it may be by %" PRId64,
				standing, contract->budget_uses);
	else if (free_again && given_back_us >= 0 && !standing)
		refusals(judgement, uses, count, given_back_us);
	else if (standing)
		judgement_held(judgement, 1);
}

static void budget(struct judgement *judgement)
{
	size_t count, same;
	struct use *uses = collect(judgement->judge, judgement->of->contract->number, &count);

	for (size_t i = 0; i < count; i += same) {
		same = 1;
		while (i + same < count && uses[i + same].item == uses[i].item)
			same++;
		spend(judgement, uses + i, same);
	}
	free(uses);
}

const struct invariant invariant_budget = {
	.name = "budget",
	.statement = "a coupon or gift card is never spent twice, and is given back once by what is undone",
	.catches = "the coupon is checked when it is entered and taken when the order is written",
	.needs = NEED_OUTCOME | NEED_BUDGET,
	.marks = 1 << SAGA_OK | 1 << SAGA_FAIL,
	.all = budget,
};
