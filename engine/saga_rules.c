/* What visitors need of contracts. See saga_rules.h. */
#include "engine/saga_rules.h"

#include "sagas/contract.h"

static const char **state_names(const struct contract *contract, struct arena *arena)
{
	const char **names = arena_array(arena, contract->state_count, sizeof(*names));

	for (uint8_t i = 0; i < contract->state_count; i++)
		names[i] = contract->states[i].name;
	return names;
}

static struct saga_rules rules_of(const struct contract *contract, struct arena *arena)
{
	return (struct saga_rules){
		.name = contract->name,
		.key_header = contract->key_header,
		.correlation_header = contract->correlation_header,
		.state = contract->state,
		.id = contract->id,
		.amount = contract->amount,
		.item = contract->budget_item,
		.decimals = (uint8_t)contract->decimals,
		.states = state_names(contract, arena),
		.state_count = contract->state_count,
	};
}

void saga_rules_make(struct scenario *scenario)
{
	struct saga_rules *rules =
		arena_array(&scenario->arena, scenario->contract_count, sizeof(*rules));

	for (size_t i = 0; i < scenario->contract_count; i++)
		rules[i] = rules_of(&scenario->contracts[i], &scenario->arena);
	scenario->saga_rules = rules;
}

json_t *saga_contracts_json(const struct scenario *scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; i < scenario->contract_count; i++)
		json_array_append_new(list, contract_to_json(&scenario->contracts[i]));
	return list;
}
