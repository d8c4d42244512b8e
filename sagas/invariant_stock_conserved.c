#include "sagas/invariants.h"

static int64_t value_of(const struct record_reading *first, size_t count, uint16_t snapshot,
			enum reading_what what)
{
	for (size_t i = 0; i < count; i++)
		if (first[i].what == what && first[i].snapshot == snapshot)
			return first[i].value;
	return 0;
}

static void check_item(struct judgement *judgement, const struct record_reading *first,
		       size_t count, uint16_t last)
{
	int64_t in = value_of(first, count, last, READING_INITIAL) +
		     value_of(first, count, last, READING_RESTOCKED);
	int64_t out = value_of(first, count, last, READING_SOLD) +
		      value_of(first, count, last, READING_RESERVED) +
		      value_of(first, count, last, READING_AVAILABLE);
	const struct item_sum *sum =
		items_at(&judgement->judge->items, first->contract, first->item, false);
	char name[32];

	reading_name(first, name);
	if (in != out)
		judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE, name, first[count - 1].at_us,
				"%" PRId64 " were there, %" PRId64
				" are sold, reserved or available: %" PRId64 " %s",
				in, out, imaxabs(in - out), in > out ? "are gone" : "too many");
	else if (sum && sum->leaked)
		judgement_found(judgement, CHECK_VIOLATED, sum->saga, name, -1,
				"sagas that did not come about %s %" PRId64 " of it",
				sum->leaked > 0 ? "still hold" : "have given back too many:",
				imaxabs(sum->leaked));
	else
		judgement_held(judgement, 1);
}

static void items(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_AVAILABLE, READING_RESTOCKED);
	uint16_t last = readings_last(range);
	size_t count;

	for (size_t i = 0; last && i < range.count; i += count) {
		count = readings_same_item(range, i);
		check_item(judgement, range.first + i, count, last);
	}
}

const struct invariant invariant_stock_conserved = {
	.name = "stock-conserved",
	.statement = "initial + restocked = sold + reserved + available, and what was undone holds nothing",
	.catches = "a release is promised and then lost, or gives back what nobody had",
	.needs = NEED_STOCK_SUM,
	.reads = READS_STOCK | READS_QUANTITY,
	.all = items,
};
