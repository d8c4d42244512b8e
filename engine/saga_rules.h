/*
 * saga_rules: contracts as visitors and reports know them: loadgen and reports know nothing of
 * sagas/.
 */
#ifndef ENGINE_SAGA_RULES_H
#define ENGINE_SAGA_RULES_H

#include <jansson.h>

#include "engine/scenario.h"

/* From `contracts` of the scenario into `saga_rules`. */
void saga_rules_make(struct scenario *scenario);

/* What the journeys of the scenario do to a saga: bits of enum contract_use. */
uint32_t saga_uses(const struct scenario *scenario, size_t contract);

/* `sagas` of meta.json. */
json_t *saga_contracts_json(const struct scenario *scenario);

#endif
