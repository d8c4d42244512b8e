/* `chaos:` of a scenario: what faults refer to, its phases and its sagas. See sections.h. */
#include <stdlib.h>

#include "chaos/chaos_read.h"
#include "engine/sections.h"
#include "sagas/contract.h"

/* `steps` and `spike` are several phases: "sale", "sale 2", ...; all of it is meant. */
static bool is_part_of(const char *phase, struct text name)
{
	struct text text = text_of(phase);

	if (text.length < name.length || memcmp(phase, name.data, name.length) != 0)
		return false;
	return text.length == name.length || phase[name.length] == ' ';
}

static bool find_phase(void *context, struct text name, int64_t *start_us, int64_t *end_us)
{
	const struct loading *loading = context;
	const struct plan *plan = &loading->scenario->plan;
	const struct yaml *load = loading->sections.load;
	bool found = false;

	if (!load || load->kind != YAML_MAP ||
	    !yaml_get(load, arena_string(loading->reading.arena, name)))
		return false;
	for (uint8_t i = 0; i < plan->phase_count; i++) {
		const struct phase *phase = &plan->phases[i];

		if (!is_part_of(phase->name, name))
			continue;
		if (!found)
			*start_us = phase->start_us;
		*end_us = phase->start_us + phase->duration_us;
		found = true;
	}
	return found;
}

static const char *const *phase_names(void *context)
{
	const struct loading *loading = context;
	const struct yaml *load = loading->sections.load;
	const char **names;
	size_t count = 0;

	names = arena_array(loading->reading.arena, load ? load->count + 1 : 1, sizeof(*names));
	for (const struct yaml *name = load && load->kind == YAML_MAP ? load->first : NULL; name;
	     name = name->next)
		names[count++] = name->text.data;
	return names;
}

static bool unknown(struct error *err, const char *what, struct text name, const char *const *known)
{
	const char *near = suggest(name, known);

	if (near)
		return error_set(err, "unknown %s '%.*s' (did you mean '%s'?)", what,
				 (int)name.length, name.data, near);
	return error_set(err, "unknown %s '%.*s'", what, (int)name.length, name.data);
}

static bool find_state(const struct contract *contract, struct text state, struct error *err)
{
	const char *names[SAGA_STATES_MAX + 1] = { NULL };

	for (uint8_t i = 0; i < contract->state_count; i++) {
		if (text_is(state, contract->states[i].name))
			return true;
		names[i] = contract->states[i].name;
	}
	return unknown(err, "state", state, names);
}

static bool find_saga(void *context, struct text saga, struct text state, struct error *err)
{
	const struct loading *loading = context;
	const struct scenario *scenario = loading->scenario;
	const char *names[CONTRACTS_MAX + 1] = { NULL };

	for (size_t i = 0; i < scenario->contract_count && i < CONTRACTS_MAX; i++) {
		if (text_is(saga, scenario->contracts[i].name))
			return find_state(&scenario->contracts[i], state, err);
		names[i] = scenario->contracts[i].name;
	}
	return unknown(err, "saga", saga, names);
}

/*
 * What faults refer to may itself be wrong. Then it was complained about, and that nothing is known
 * of it would only be noise.
 */
static bool can_be_read(const struct loading *loading, size_t errors_before)
{
	const struct scenario *scenario = loading->scenario;

	if (loading->complaints->errors == errors_before)
		return true;
	return scenario->plan.phase_count &&
	       (!loading->system_bad || scenario->system->service_count) &&
	       (!loading->sagas || scenario->contract_count);
}

/* Most likely a --target that was meant for another system: then one is broken, and one judged. */
static void warn_elsewhere(struct loading *loading, struct place at)
{
	const struct scenario *scenario = loading->scenario;
	const char *url =
		scenario->transfer.origin_count ? scenario->transfer.origins[0].url : NULL;
	struct address address;

	if (!scenario->chaos->fault_count || !scenario->system || scenario->target_of_system ||
	    !url || !address_read(text_of(url), &address, NULL) ||
	    system_allows(scenario->system, address.host))
		return;
	complain_warning(loading->complaints, at,
			 "requests go to '%s', which is not in 'allow:' of the system that is "
			 "broken: is it the same one?",
			 url);
}

bool chaos_read(struct loading *loading)
{
	const struct yaml *node = loading->sections.chaos;
	bool without_load = loading->overrides && loading->overrides->without_load;
	struct scenario *scenario = loading->scenario;
	struct chaos_context context = {
		.reading = &loading->reading,
		.system = scenario->system,
		.seed = scenario->plan.seed,
		.context = loading,
	};

	if (!node || yaml_is_null(node))
		return true;
	if (without_load)
		context.end_us = loading->overrides->without_load_us;
	if (!without_load) {
		context.end_us = plan_duration_us(&scenario->plan);
		context.phase = find_phase;
		context.phase_names = phase_names;
		context.saga_state = loading->sagas ? find_saga : NULL;
	}
	if (!without_load && !can_be_read(loading, loading->errors_before))
		return false;
	scenario->chaos = arena_new(&scenario->arena, sizeof(*scenario->chaos));
	if (!chaos_section_read(node, &context, scenario->chaos))
		return false;
	if (!without_load)
		warn_elsewhere(loading, node->at);
	return true;
}
