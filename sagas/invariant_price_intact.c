#include "sagas/invariants.h"

/* Prices that were said at different times: shown, acknowledged, asked for. */
static enum check prices_agree(const struct saga_case *about, struct finding *finding)
{
	const struct saga *saga = about->saga;

	if (about->mispriced)
		return found(finding, CHECK_FACT, about->mispriced->at_us,
			     "the system says %" PRId64 ", but its parts add up to %" PRId64,
			     (int64_t)about->mispriced->identity, about->mispriced->amount);
	if (saga->shown >= 0 && saga->told >= 0 && saga->shown != saga->told)
		return found(finding, CHECK_FACT, (int64_t)saga->ok_ms * 1000,
			     "shown %" PRId64 ", ordered for %" PRId64, saga->shown, saga->told);
	if (saga->told >= 0 && saga->priced >= 0 && saga->told != saga->priced)
		return found(finding, CHECK_FACT, -1,
			     "ordered for %" PRId64 ", and now the order says %" PRId64, saga->told,
			     saga->priced);
	return CHECK_NONE;
}

static bool is_off(const struct saga_case *about, const struct entry *entry, int64_t price)
{
	const struct saga_step *step = &about->contract->steps[entry->step];

	if (step->counts != COUNTS_MONEY || entry->undo)
		return false;
	return step->at_most > 1 ? about->steps[entry->step].given > price : entry->amount != price;
}

static enum check price_intact(const struct saga_case *about, struct finding *finding)
{
	enum check check = prices_agree(about, finding);
	int64_t price = case_price(about);

	if (check != CHECK_NONE)
		return check;
	for (size_t i = 0; price >= 0 && i < about->effect_count; i++) {
		const struct entry *entry = about->effects[i];

		if (is_off(about, entry, price))
			return found(finding, CHECK_FACT, entry->at_us,
				     "charged %" PRId64 " at %s, but the price was %" PRId64,
				     entry->amount, AT(entry->at_us), price);
	}
	return check_held(price >= 0 &&
			  (money_of(about).did || about->saga->flags & SAGA_HAS_PRICE));
}

const struct invariant invariant_price_intact = {
	.name = "price-intact",
	.statement = "charged = what was shown",
	.catches = "the price is looked up again when the money is taken, or kept in a double",
	.needs = NEED_AMOUNT,
	.reads = READS_MONEY,
	.marks = 1 << SAGA_PRICED | 1 << SAGA_IS,
	.saga = price_intact,
};
