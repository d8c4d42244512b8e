#include "sagas/invariants.h"

/* What another source than the one that is believed says of money, if it was read in full. */
static bool second_opinion(const struct saga_case *about, int64_t *net, uint8_t *source)
{
	bool any = false;

	*net = 0;
	for (size_t i = 0; i < about->other_count; i++) {
		const struct entry *entry = about->others[i];
		const struct source_judge *of = &about->of->sources[entry->source];

		if (about->contract->steps[entry->step].counts != COUNTS_MONEY || !of->complete ||
		    (any && entry->source != *source))
			continue;
		*source = entry->source;
		any = true;
		*net += entry->undo ? -entry->amount : entry->amount;
	}
	return any;
}

static enum check books_agree(const struct saga_case *about, struct finding *finding)
{
	struct money money = money_of(about);
	int64_t net;
	uint8_t source = 0;

	if (!second_opinion(about, &net, &source))
		return CHECK_NONE;
	if (net == money.given - money.taken)
		return CHECK_HELD;
	return found(finding, CHECK_VIOLATED, money.last ? money.last->at_us : -1,
		     "the books of '%s' say %" PRId64 ", the provider's %" PRId64,
		     about->contract->sources[source].name, net, money.given - money.taken);
}

static int64_t sum_of(const struct record_reading *first, size_t count, uint16_t snapshot,
		      enum reading_what what)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		if (first[i].what == what && first[i].snapshot == snapshot &&
		    imaxabs(sum) < AMOUNT_MAX)
			sum += first[i].value;
	return sum;
}

/* Per transaction; then in all, too, unless nothing is: what never balances sums to no balance. */
static void transactions(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_DEBIT, READING_CREDIT);
	uint16_t last = readings_last(range);
	size_t count;

	for (size_t i = 0; i < range.count; i += count) {
		int64_t debit, credit;
		char name[32];

		count = readings_same_item(range, i);
		debit = sum_of(range.first + i, count, last, READING_DEBIT);
		credit = sum_of(range.first + i, count, last, READING_CREDIT);
		if (debit == credit)
			judgement_held(judgement, 1);
		else
			judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE,
					reading_name(range.first + i, name), range.first[i].at_us,
					"debits of %" PRId64 ", credits of %" PRId64, debit,
					credit);
	}
}

const struct invariant invariant_ledger_balanced = {
	.name = "ledger-balanced",
	.statement = "debits = credits in each transaction; the system's books say what the provider's do",
	.catches = "one of two postings is lost, or a refund is booked that nobody paid out",
	.needs = NEED_MONEY,
	.reads = READS_MONEY | READS_LEDGER,
	.saga = books_agree,
	.all = transactions,
};
