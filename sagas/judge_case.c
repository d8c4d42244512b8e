/*
 * One saga: its entries, taken from where they lie, in order of time, each once, and summed up.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "sagas/judge_parts.h"

bool state_is(const struct contract *contract, uint8_t state, enum state_class class)
{
	return state < contract->state_count && contract->states[state].class == class;
}

static enum fate fate_of_state(const struct contract *contract, uint8_t state)
{
	if (state >= contract->state_count)
		return FATE_UNKNOWN;
	switch (contract->states[state].class) {
	case STATE_SUCCEEDED:
		return FATE_SUCCEEDED;
	case STATE_COMPENSATED:
		return FATE_COMPENSATED;
	default:
		return FATE_MOVING;
	}
}

/* Who was seen to be settled need not be asked again. */
static enum fate fate_of(const struct contract *contract, const struct saga *saga)
{
	if (saga->flags & SAGA_HAS_ABSENT)
		return FATE_ABSENT;
	if (saga->flags & SAGA_HAS_IS)
		return saga->flags & SAGA_IS_UNDOING ? FATE_MOVING :
						       fate_of_state(contract, saga->is);
	if (state_is(contract, saga->seen, STATE_SUCCEEDED) ||
	    state_is(contract, saga->seen, STATE_COMPENSATED))
		return fate_of_state(contract, saga->seen);
	return FATE_UNKNOWN;
}

/* By time; what was written first is first among equals. */
static int by_time(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->kind != ENTRY_EFFECT && x->amount != y->amount)
		return x->amount < y->amount ? -1 : 1;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (x > y) - (x < y);
}

static void sort_entries(const struct entry **entries, size_t count)
{
	if (count > 24) {
		qsort(entries, count, sizeof(*entries), by_time);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		const struct entry *entry = entries[i];
		size_t at = i;

		for (; at && by_time(&entry, &entries[at - 1]) < 0; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

static size_t gather(struct judge *judge, struct saga *saga)
{
	size_t count = 0;

	for (uint32_t at = saga->first; at != ENTRY_NONE; at = judge->entries[at].next) {
		const struct entry *entry = &judge->entries[at];

		if (count == CASE_ENTRIES_MAX) {
			saga->flags |= SAGA_IS_CROWDED;
			break;
		}
		judge->scratch = memory_grow(judge->scratch, count, &judge->scratch_room,
					     sizeof(struct entry *));
		judge->scratch[count++] = entry;
	}
	if (count)
		sort_entries(judge->scratch, count);
	return count;
}

/* The same thing, read on two pages that overlap. */
static bool is_repeated(const struct entry **entries, size_t count, const struct entry *entry)
{
	if (!entry->identity)
		return false;
	for (size_t i = 0; i < count; i++)
		if (entries[i]->identity == entry->identity && entries[i]->step == entry->step &&
		    entries[i]->undo == entry->undo && entries[i]->item == entry->item &&
		    entries[i]->source == entry->source)
			return true;
	return false;
}

static void add_to_step(struct saga_case *about, const struct entry *entry)
{
	struct step_view *view = &about->steps[entry->step];
	int64_t amount = entry->amount > 0 ? entry->amount : 0;

	if (about->contract->steps[entry->step].counts == COUNTS_TIMES)
		amount = 1;

	if (entry->undo) {
		view->undid++;
		view->taken += amount;
		view->last_undo = entry;
		if (!view->first_undo)
			view->first_undo = entry;
	} else {
		view->did++;
		view->given += amount;
		view->last = entry;
		if (!view->first)
			view->first = entry;
	}
}

static bool is_best(const struct contract_judge *of, const struct entry *entry)
{
	return entry->source >= SAGA_SOURCES_MAX ||
	       of->authority[entry->step][entry->undo] & UINT32_C(1) << entry->source;
}

/* Effects are first in the order of kinds; those of other sources are set aside. */
static size_t split_effects(struct judge *judge, struct saga_case *about, size_t count)
{
	const struct entry **entries = judge->scratch;
	size_t effects = 0;

	about->effects = entries;
	for (; effects < count && entries[effects]->kind == ENTRY_EFFECT; effects++) {
		const struct entry *entry = entries[effects];

		if (!is_best(about->of, entry)) {
			judge->others = memory_grow(judge->others, about->other_count,
						    &judge->others_room, sizeof(struct entry *));
			judge->others[about->other_count++] = entry;
		} else if (!is_repeated(entries, about->effect_count, entry)) {
			entries[about->effect_count++] = entry;
			add_to_step(about, entry);
		}
	}
	about->others = judge->others;
	return effects;
}

static size_t take_kind(const struct entry **entries, size_t at, size_t count, enum entry_kind kind)
{
	while (at < count && entries[at]->kind == kind)
		at++;
	return at;
}

void case_make(struct judge *judge, struct contract_judge *of, uint32_t number,
	       struct saga_case *about)
{
	struct saga *saga = judge_saga(judge, number);
	size_t count = gather(judge, saga), at, end;

	*about = (struct saga_case){ .judge = judge,
				     .of = of,
				     .contract = of->contract,
				     .number = number,
				     .saga = saga,
				     .fate = fate_of(of->contract, saga) };
	about->length = count + saga->sent * 2u;
	if (!count)
		return;
	at = split_effects(judge, about, count);
	end = take_kind(judge->scratch, at, count, ENTRY_WAS);
	about->was = judge->scratch + at;
	about->was_count = end - at;
	at = end;
	end = take_kind(judge->scratch, at, count, ENTRY_TOLD);
	about->told = judge->scratch + at;
	about->told_count = end - at;
	if (end < count && judge->scratch[end]->kind == ENTRY_CANCEL)
		about->cancel = judge->scratch[end];
	if (count && judge->scratch[count - 1]->kind == ENTRY_PRICED)
		about->mispriced = judge->scratch[count - 1];
}

const struct entry *case_first_was(const struct saga_case *about, enum state_class class)
{
	for (size_t i = 0; i < about->was_count; i++)
		if (state_is(about->contract, about->was[i]->state, class))
			return about->was[i];
	return NULL;
}

bool case_was_refused(const struct saga_case *about)
{
	const struct saga *saga = about->saga;

	return !(saga->flags & (SAGA_HAS_OK | SAGA_HAS_INFO)) && saga->failed >= saga->sent;
}

int64_t case_price(const struct saga_case *about)
{
	return about->saga->told >= 0	? about->saga->told :
	       about->saga->priced >= 0 ? about->saga->priced :
					  about->saga->shown;
}

int64_t case_net(const struct saga_case *about, uint8_t step, uint64_t item)
{
	int64_t net = 0;

	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (entry->step != step || entry->item != item || entry->amount <= 0)
			continue;
		net += entry->undo ? -entry->amount : entry->amount;
	}
	return net;
}

bool case_sees(const struct saga_case *about, uint8_t step, bool undo)
{
	return about->of->authority[step][undo] != 0;
}

const char *case_ending(const struct saga_case *about)
{
	const struct saga *saga = about->saga;

	if (about->fate == FATE_ABSENT)
		return "not there";
	return judge_state_name(about->contract, saga->flags & SAGA_HAS_IS ? saga->is : saga->seen);
}

bool case_was_minted(const struct saga_case *about)
{
	return about->saga->flags & SAGA_HAS_MINT;
}

bool case_is_first_of_item(const struct saga_case *about, size_t effect)
{
	const struct entry *entry = about->effects[effect];

	for (size_t i = 0; i < effect; i++)
		if (about->effects[i]->step == entry->step &&
		    about->effects[i]->item == entry->item)
			return false;
	return true;
}
