/*
 * Items: what sagas did to each, summed up; and what the system says about itself, sorted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/visible.h"
#include "sagas/judge_parts.h"

static struct item_sum *slot_of(struct item_sum *slots, size_t room, uint8_t contract,
				uint64_t item)
{
	size_t at = (size_t)sources_mix(item, contract) & (room - 1);

	while (slots[at].used && (slots[at].item != item || slots[at].contract != contract))
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static void make_room(struct item_sums *items)
{
	size_t room = items->room ? 2 * items->room : 256;
	struct item_sum *slots = memory_array(room, sizeof(*slots));

	for (size_t i = 0; i < items->room; i++)
		if (items->slots[i].used)
			*slot_of(slots, room, items->slots[i].contract, items->slots[i].item) =
				items->slots[i];
	free(items->slots);
	items->slots = slots;
	items->room = room;
}

/* NULL when there is none and none is to be made. */
struct item_sum *items_at(struct item_sums *items, uint8_t contract, uint64_t item, bool make)
{
	struct item_sum *slot;

	if (make && items->count * 2 >= items->room)
		make_room(items);
	if (!items->room)
		return NULL;
	slot = slot_of(items->slots, items->room, contract, item);
	if (slot->used || !make)
		return slot->used ? slot : NULL;
	*slot = (struct item_sum){
		.item = item, .contract = contract, .used = true, .saga = SAGA_NONE
	};
	items->count++;
	return slot;
}

static void add_item(struct judge *judge, const struct saga_case *about, uint8_t step,
		     uint64_t item)
{
	int64_t net = case_net(about, step, item);
	struct item_sum *sum;

	if (!net)
		return;
	sum = items_at(&judge->items, about->contract->number, item, true);
	if (about->fate == FATE_SUCCEEDED) {
		sum->succeeded += net;
	} else if (about->fate == FATE_COMPENSATED || about->fate == FATE_ABSENT) {
		sum->leaked += net;
		if (sum->saga == SAGA_NONE)
			sum->saga = about->number;
	}
}

/* Only of steps that can be seen both ways: what has no undo, such as a sale, moves it on. */
void items_add(struct judge *judge, const struct saga_case *about)
{
	for (size_t i = 0; i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (about->contract->steps[entry->step].counts == COUNTS_QUANTITY &&
		    case_sees(about, entry->step, false) && case_sees(about, entry->step, true) &&
		    case_is_first_of_item(about, i))
			add_item(judge, about, entry->step, entry->item);
	}
}

static int group_of(uint8_t what)
{
	return what <= READING_RESTOCKED ? READING_AVAILABLE :
	       what <= READING_CREDIT	 ? READING_DEBIT :
	       what <= READING_DEAD	 ? READING_PUBLISHED :
					   what;
}

static int by_item(const void *a, const void *b)
{
	const struct record_reading *x = a, *y = b;

	if (x->contract != y->contract)
		return x->contract < y->contract ? -1 : 1;
	if (group_of(x->what) != group_of(y->what))
		return group_of(x->what) < group_of(y->what) ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->snapshot != y->snapshot)
		return x->snapshot < y->snapshot ? -1 : 1;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (x->what > y->what) - (x->what < y->what);
}

/* What was read while it ran comes before what was read afterwards. */
void readings_sort(struct judge *judge)
{
	if (judge->reading_count)
		qsort(judge->readings, judge->reading_count, sizeof(*judge->readings), by_item);
}

struct reading_range readings_of(const struct judge *judge, uint8_t contract,
				 enum reading_what from, enum reading_what to)
{
	struct reading_range range = { NULL, 0 };

	for (size_t i = 0; i < judge->reading_count; i++) {
		const struct record_reading *reading = &judge->readings[i];

		if (reading->contract != contract || reading->what < from || reading->what > to)
			continue;
		if (!range.count)
			range.first = reading;
		range.count++;
	}
	return range;
}

uint16_t readings_last(struct reading_range range)
{
	uint16_t last = 0;

	for (size_t i = 0; i < range.count; i++)
		if (range.first[i].snapshot > last)
			last = range.first[i].snapshot;
	return last;
}

size_t readings_same_item(struct reading_range range, size_t from)
{
	size_t count = 1;

	while (from + count < range.count &&
	       range.first[from + count].item == range.first[from].item)
		count++;
	return count;
}

const char *reading_name(const struct record_reading *reading, char out[32])
{
	size_t length = strnlen(reading->name, sizeof(reading->name));
	char shown[VISIBLE_MAX];

	snprintf(out, 32, "%.31s",
		 length ? visible(shown, (struct text){ reading->name, length }) : "all");
	return out;
}
