#include "sagas/invariants.h"

struct stock {
	int64_t value[READING_RESTOCKED + 1];
	bool has[READING_RESTOCKED + 1];
};

static const char *negative(const struct stock *stock, int64_t *value)
{
	static const char *const names[] = {
		[READING_AVAILABLE] = "available",
		[READING_RESERVED] = "reserved",
		[READING_SOLD] = "sold",
	};

	for (int what = READING_AVAILABLE; what <= READING_SOLD; what++)
		if (stock->has[what] && stock->value[what] < 0) {
			*value = stock->value[what];
			return names[what];
		}
	return NULL;
}

/* One row of one reading: its figures belong to one moment. */
static void look(struct judgement *judgement, const struct record_reading *reading,
		 const struct stock *stock)
{
	int64_t there = stock->value[READING_INITIAL] + stock->value[READING_RESTOCKED];
	int64_t gone = stock->value[READING_RESERVED] + stock->value[READING_SOLD], value = 0;
	const struct item_sum *sum =
		items_at(&judgement->judge->items, reading->contract, reading->item, false);
	const char *what = negative(stock, &value);
	char name[32];

	reading_name(reading, name);
	if (what)
		judgement_found(judgement, CHECK_FACT, SAGA_NONE, name, reading->at_us,
				"%" PRId64 " are %s at %s", value, what, AT(reading->at_us));
	else if (stock->has[READING_INITIAL] && gone > there)
		judgement_found(judgement, CHECK_FACT, SAGA_NONE, name, reading->at_us,
				"%" PRId64 " are reserved or sold, and there were %" PRId64, gone,
				there);
	else if (stock->has[READING_INITIAL] && sum && reading->snapshot && sum->succeeded > there)
		judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE, name, reading->at_us,
				"%" PRId64 " went to orders that stand, and there were %" PRId64,
				sum->succeeded, there);
	else if (reading->snapshot)
		judgement_held(judgement, 1);
}

static size_t one_row(const struct record_reading *first, size_t count, struct stock *stock)
{
	size_t i = 0;

	for (; i < count && first[i].snapshot == first[0].snapshot &&
	       (first[0].snapshot || first[i].at_us == first[0].at_us);
	     i++) {
		stock->value[first[i].what] = first[i].value;
		stock->has[first[i].what] = true;
	}
	return i;
}

static void stock_rows(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_AVAILABLE, READING_RESTOCKED);
	size_t rows;

	for (size_t i = 0; i < range.count; i += rows) {
		struct stock stock = { 0 };

		rows = one_row(range.first + i, readings_same_item(range, i), &stock);
		look(judgement, range.first + i, &stock);
	}
}

const struct invariant invariant_no_oversell = {
	.name = "no-oversell",
	.statement = "stock is never below zero, and no more is sold than there was",
	.catches = "the stock is read, thought about, and written back",
	.needs = NEED_STOCK,
	.reads = READS_STOCK,
	.all = stock_rows,
};
