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
		.item_where = contract->budget_where,
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

static uint32_t uses_of(const struct request_step *step, size_t contract)
{
	static const uint32_t uses[] = { [SAGA_PLACES] = USE_PLACES,
					 [SAGA_MISUSES] = USE_MISUSES,
					 [SAGA_CANCELS] = USE_CANCELS,
					 [SAGA_READS] = USE_READS };

	if (!step || !step->saga || step->saga->saga != contract)
		return 0;
	return uses[step->saga->verb] | (step->saga->again > 0 ? USE_AGAIN : 0);
}

uint32_t saga_uses(const struct scenario *scenario, size_t contract)
{
	uint32_t uses = 0;

	for (size_t i = 0; i < scenario->journey_count; i++) {
		const struct journey *journey = &scenario->journeys[i];

		for (uint32_t at = 0; at < journey->length; at++) {
			const struct instruction *instruction = &journey->program[at];

			uses |= uses_of(instruction->request, contract);
			for (uint16_t k = 0; k < instruction->part_count; k++)
				uses |= uses_of(instruction->parts[k], contract);
		}
	}
	return uses;
}

json_t *saga_contracts_json(const struct scenario *scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; i < scenario->contract_count; i++)
		json_array_append_new(list, contract_to_json(&scenario->contracts[i]));
	return list;
}
