/* What a contract gives to those who judge by it. See contract.h. */
#include "sagas/contract_parts.h"

bool source_has(const struct source *source, enum reading_role role)
{
	for (size_t i = 0; i < source->rule_count; i++)
		if (source->rules[i].role == role)
			return true;
	return false;
}

static bool sees_role(const struct contract *contract, enum reading_role role, size_t sources)
{
	size_t found = 0;

	for (size_t i = 0; i < contract->source_count; i++)
		found += source_has(&contract->sources[i], role);
	return found >= sources;
}

static bool tells_customer(const struct source_rule *rule)
{
	return rule->role == ROLE_EFFECT && (rule->succeeded || rule->compensated);
}

static bool tells(const struct contract *contract)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++)
			if (tells_customer(&contract->sources[i].rules[k]))
				return true;
	return false;
}

/* Whether a source that speaks of this says when it was. */
static bool has_times(const struct contract *contract, uint8_t step, bool undo)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++) {
			const struct source_rule *rule = &contract->sources[i].rules[k];

			if (rule->role == ROLE_EFFECT && rule->step == step && rule->undo == undo &&
			    pointer_given(&rule->time))
				return true;
		}
	return false;
}

static uint32_t needs_of_steps(const struct contract *contract)
{
	uint32_t has = 0;
	int timed = 0;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];

		if (step->pivot)
			has |= NEED_PIVOT;
		if (!contract_sees(contract, i, false))
			continue;
		has |= NEED_EFFECTS;
		if (step->counts == COUNTS_MONEY)
			has |= NEED_MONEY;
		if (step->counts == COUNTS_QUANTITY)
			has |= NEED_QUANTITY;
		if (step->undo && contract_sees(contract, i, true))
			has |= NEED_UNDO;
		timed +=
			step->undo && has_times(contract, i, false) && has_times(contract, i, true);
	}
	return has | (timed ? NEED_TIMES : 0) | (timed > 1 ? NEED_ORDER : 0);
}

static uint32_t needs_of_stock(const struct stock_source *stock)
{
	bool sum = pointer_given(&stock->reserved) && pointer_given(&stock->sold) &&
		   pointer_given(&stock->initial);

	return (stock->given ? NEED_STOCK : 0) | (stock->given && sum ? NEED_STOCK_SUM : 0);
}

static uint32_t needs_of_roles(const struct contract *contract)
{
	static const struct {
		enum reading_role role;
		enum contract_need need;
		size_t sources;
	} roles[] = {
		{ ROLE_STATE, NEED_WAS, 1 },	   { ROLE_TOLD, NEED_TOLD, 1 },
		{ ROLE_DEAD, NEED_DEAD, 1 },	   { ROLE_COUNTS, NEED_DEAD, 1 },
		{ ROLE_LEDGER, NEED_LEDGER, 1 },   { ROLE_BREAKER, NEED_BREAKER, 1 },
		{ ROLE_REGION, NEED_REGIONS, 2 },
	};
	uint32_t has = 0;

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		if (sees_role(contract, roles[i].role, roles[i].sources))
			has |= roles[i].need;
	return has;
}

uint32_t contract_has(const struct contract *contract)
{
	uint32_t has = needs_of_steps(contract) | needs_of_stock(&contract->stock) |
		       needs_of_roles(contract);

	if (contract->read && pointer_given(&contract->state))
		has |= NEED_OUTCOME;
	if (contract->state_count)
		has |= NEED_MOVES;
	if (tells(contract))
		has |= NEED_MESSAGES;
	if (pointer_given(&contract->amount))
		has |= NEED_AMOUNT;
	if (contract->adds_up_count)
		has |= NEED_ADDS_UP;
	if (contract->budget_uses)
		has |= NEED_BUDGET;
	if (contract->limit.given)
		has |= NEED_LIMIT;
	return has;
}

/* In the order of the bits of enum contract_need. */
static const char *const missing[NEEDS_COUNT] = {
	"`read` and `state` don't say how to ask for the outcome",
	"no `moves`",
	"no evidence has `states`, the system's own log of them",
	"there is no evidence of any step",
	"no evidence of a step that counts money",
	"no evidence of a step that counts quantities",
	"no evidence of a step together with its undo",
	"fewer than two steps that can be undone have evidence with its time (`at`)",
	"no step is the `pivot`",
	"no `stock`",
	"`stock` does not say what is reserved and sold and what there was (`initial`)",
	"no evidence has `told`, the events of the system",
	"no evidence has `dead`, the dead letters, or `counts` of messages",
	"no evidence has `ledger`, the postings",
	"no evidence says what the customer was told (`succeeded`, `compensated`)",
	"no `amount`",
	"no `adds-up`",
	"no `budget`",
	"no `limit`",
	"no evidence has `breaker`",
	"fewer than two sources have `region`",
	"no evidence of steps has its time (`at`)",
};

void contract_missing(const struct contract *contract, uint32_t needs, struct buffer *out)
{
	uint32_t lacks = needs & ~contract_has(contract);
	bool first = true;

	for (int i = 0; i < NEEDS_COUNT; i++) {
		if (!(lacks >> i & 1))
			continue;
		buffer_format(out, "%s%s", first ? "" : "; ", missing[i]);
		first = false;
	}
}
