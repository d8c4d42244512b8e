/* `gates:`, and what `chaos: steady` says. See sections.h. */
#include "chaos/chaos_read.h"
#include "engine/sections.h"
#include "engine/steady.h"
#include "lib/memory.h"
#include "sagas/contract.h"

enum { GATES_MAX = 200 };

struct gate_keys {
	const struct yaml *gate;
	char *name;
	bool abort;
};

#define FIELD(name) offsetof(struct gate_keys, name)

static const struct shape condition_shape = {
	.kind = SHAPE_STRING,
	.help = "a condition: [any|every DURATION of] [SUBJECT.]METRIC < BOUND [in PHASE | "
		"before|during|after FAULT]",
};

static const struct key gate_keys[] = {
	{ "gate", KEY_NODE, FIELD(gate), .shape = &condition_shape, .required = true,
	  .help = "the condition", .example = "errors < 5%" },
	{ "name", KEY_STRING, FIELD(name), .help = "what reports call it" },
	{ "abort", KEY_BOOL, FIELD(abort), .initial = "no",
	  .help = "stop the run as soon as what was seen so far breaks it, or, for `any 10s of`, "
		  "what the last 10 s were" },
	KEYS_END
};

static const struct shape gate_map_shape = { .kind = SHAPE_KEYS,
					     .name = "gate",
					     .keys = gate_keys };

static const struct shape gate_shape = {
	.kind = SHAPE_ONE_OF,
	.options = (const struct shape *const[]){ &condition_shape, &gate_map_shape, NULL },
};

const struct shape gates_shape = { .kind = SHAPE_LIST_OF, .of = &gate_shape };

/* Names. */

static const char *const *journey_names(struct loading *loading, size_t *count)
{
	const struct yaml *map = loading->journeys;
	const char **names;

	*count = 0;
	if (!map)
		return NULL;
	names = arena_array(loading->reading.arena, map->count, sizeof(*names));
	for (const struct yaml *key = map->first; key && *count < map->count; key = key->next)
		names[(*count)++] = key->text.data;
	return names;
}

static const char *const *phase_names(struct loading *loading)
{
	const struct plan *plan = &loading->scenario->plan;
	const char **names = arena_array(loading->reading.arena, plan->phase_count, sizeof(*names));

	for (uint8_t i = 0; i < plan->phase_count; i++)
		names[i] = plan->phases[i].name;
	return names;
}

static const char *const *fault_names(struct loading *loading, size_t *count)
{
	const struct chaos_section *chaos = loading->scenario->chaos;
	const char **names;

	*count = chaos ? chaos->fault_count : 0;
	names = arena_array(loading->reading.arena, *count, sizeof(*names));
	for (size_t i = 0; i < *count; i++)
		names[i] = chaos->faults[i].name;
	return names;
}

static const char *const *saga_names(struct loading *loading)
{
	const struct scenario *scenario = loading->scenario;
	const char **names =
		arena_array(loading->reading.arena, scenario->contract_count, sizeof(*names));

	for (size_t i = 0; i < scenario->contract_count; i++)
		names[i] = scenario->contracts[i].name;
	return names;
}

static const char *const *request_names(struct loading *loading)
{
	const struct name_table *table = &loading->scenario->request_names;
	const char **names = arena_array(loading->reading.arena, table->count, sizeof(*names));

	for (size_t i = 0; i < table->count; i++)
		names[i] = table->items[i];
	return names;
}

static void collect_names(struct loading *loading, bool doubtful)
{
	struct scenario *scenario = loading->scenario;
	struct condition_names *names = &scenario->names;

	names->journeys = journey_names(loading, &names->journey_count);
	names->requests = request_names(loading);
	names->request_count = scenario->request_names.count;
	names->phases = phase_names(loading);
	names->phase_count = scenario->plan.phase_count;
	names->faults = fault_names(loading, &names->fault_count);
	names->sagas = saga_names(loading);
	names->saga_count = scenario->contract_count;
	names->doubtful = doubtful;
}

/* Gates. */

/* What is wrong for good is known while it runs; what else is, only afterwards. */
static bool is_at_most(const struct condition *condition)
{
	return condition->comparator <= LESS_OR_EQUAL ||
	       (condition->comparator == EQUAL && condition->bound <= 0);
}

/* Whole-run bounds from below are broken until the run is long enough to reach them. */
static bool check_abort(struct loading *loading, const struct yaml *node,
			const struct condition *condition)
{
	if (condition->metric == METRIC_SAGAS_VIOLATIONS && is_at_most(condition))
		return true;
	if (condition->metric >= METRIC_RECOVERY)
		return complain(loading->complaints, node->at,
				"'%s' is known only after the run, so it can't abort it",
				condition->text);
	if (condition->form == FORM_WHOLE && condition->comparator > LESS_OR_EQUAL)
		return complain(loading->complaints, node->at,
				"'%s' would abort the run at its beginning (write 'any 10s of %s')",
				condition->text, condition->text);
	return true;
}

static bool read_gate(struct loading *loading, const struct yaml *node, struct gate_setting *gate)
{
	struct gate_keys keys = { .gate = node };

	if (node->kind == YAML_MAP && !schema_read(gate_keys, node, &keys, &loading->reading))
		return false;
	if (!condition_read(keys.gate, &loading->scenario->names, CONDITION_GATE, &loading->reading,
			    &gate->condition))
		return false;
	gate->abort = keys.abort;
	gate->name = keys.name && *keys.name ? keys.name : gate->condition.text;
	return !gate->abort || check_abort(loading, keys.gate, &gate->condition);
}

static bool read_gates(struct loading *loading)
{
	const struct yaml *list = loading->sections.gates;
	struct scenario *scenario = loading->scenario;
	bool good = true;

	if (!list || yaml_is_null(list))
		return true;
	if (list->kind != YAML_LIST)
		return complain(loading->complaints, list->at,
				"'gates' wants a list of conditions, not %s", yaml_kind_name(list));
	if (list->count > GATES_MAX)
		return complain(loading->complaints, list->at, "more than %d gates", GATES_MAX);
	scenario->gates =
		arena_array(loading->reading.arena, list->count, sizeof(*scenario->gates));
	for (const struct yaml *node = list->first; node; node = node->next)
		good = read_gate(loading, node, &scenario->gates[scenario->gate_count++]) && good;
	return good;
}

bool gates_section_read(struct loading *loading, bool doubtful)
{
	struct scenario *scenario = loading->scenario;
	size_t errors = loading->complaints->errors;

	collect_names(loading, doubtful);
	if (scenario->chaos)
		scenario->steady = steady_read(scenario->chaos->steady, &scenario->names,
					       &loading->reading, &scenario->steady_count);
	return read_gates(loading) && loading->complaints->errors == errors;
}
