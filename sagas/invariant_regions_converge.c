#include "sagas/invariants.h"

static const struct source_rule *region_rule(const struct contract *contract, size_t source)
{
	for (size_t i = 0;
	     source < contract->source_count && i < contract->sources[source].rule_count; i++)
		if (contract->sources[source].rules[i].role == ROLE_REGION)
			return &contract->sources[source].rules[i];
	return NULL;
}

/* In how many places things of this kind are: orders are not to be where prices are. */
static size_t region_count(const struct contract *contract, uint8_t like)
{
	const struct source_rule *rule = region_rule(contract, like);
	size_t count = 0;

	for (size_t i = 0; rule && i < contract->source_count; i++) {
		const struct source_rule *other = region_rule(contract, i);

		count += other && text_equal(other->item.source, rule->item.source) &&
			 text_equal(other->value.source, rule->value.source);
	}
	return count;
}

static const char *region_name(const struct contract *contract, uint8_t source)
{
	return source < contract->source_count ? contract->sources[source].name : "a region";
}

static void compare(struct judgement *judgement, const struct record_reading *first, size_t count,
		    uint16_t snapshot)
{
	const struct contract *contract = judgement->of->contract;
	const struct record_reading *one = NULL, *other = NULL;
	uint32_t regions = 0;
	char name[32];

	for (size_t i = 0; i < count; i++) {
		if (first[i].snapshot != snapshot)
			continue;
		regions |= UINT32_C(1) << first[i].source % 32;
		if (!one)
			one = &first[i];
		else if (first[i].value != one->value)
			other = &first[i];
	}
	if (other)
		judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE, reading_name(other, name),
				other->at_us, "it is one thing in '%s' and another in '%s'",
				region_name(contract, one->source),
				region_name(contract, other->source));
	else if (one && (size_t)__builtin_popcount(regions) < region_count(contract, one->source))
		judgement_found(judgement, CHECK_VIOLATED, SAGA_NONE, reading_name(one, name),
				one->at_us, "'%s' has it, and not every other region",
				region_name(contract, one->source));
	else if (one)
		judgement_held(judgement, 1);
}

static void regions(struct judgement *judgement)
{
	struct reading_range range = readings_of(judgement->judge, judgement->of->contract->number,
						 READING_REGION, READING_REGION);
	uint16_t last = readings_last(range);
	size_t count;

	for (size_t i = 0; i < range.count; i += count) {
		count = readings_same_item(range, i);
		compare(judgement, range.first + i, count, last);
	}
}

const struct invariant invariant_regions_converge = {
	.name = "regions-converge",
	.statement = "after the heal all regions agree",
	.catches = "what arrives last is taken for the latest",
	.needs = NEED_REGIONS,
	.reads = READS_REGIONS,
	.all = regions,
};
