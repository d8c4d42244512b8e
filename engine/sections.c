#include "engine/sections.h"

#include <stdlib.h>

#include "chaos/chaos_read.h"
#include "engine/saga_rules.h"
#include "lib/memory.h"
#include "lib/path.h"
#include "loadgen/data_read.h"
#include "loadgen/plan_read.h"
#include "sagas/contract.h"

#define FIELD(name) offsetof(struct sections, name)

const struct key scenario_keys[] = {
	{ "name", KEY_STRING, FIELD(name),
	  .help = "what reports call it; the file's name by default" },
	{ "about", KEY_STRING, FIELD(about), .help = "a sentence for those who read the report" },
	{ "seed", KEY_INTEGER, FIELD(seed), .initial = "1", .maximum = 9e15,
	  .help = "the same seed gives the same plan: starts, journeys, rows, think times" },
	{ "use", KEY_STRINGS, FIELD(use),
	  .help = "files whose vars, data and journeys come along; relative to this file",
	  .example = "[journeys/shopper.yaml]" },
	{ "vars", KEY_NODE, FIELD(vars), .shape = &vars_shape,
	  .help = "values with a name, for ${name} everywhere; `--set name=value` overrides one",
	  .example = "{ rate: 20/s, host: \"${env:SHOP:-127.0.0.1}\" }" },
	{ "target", KEY_STRING, FIELD(target),
	  .help = "scheme, host and port of the system under test; `--target URL` overrides it",
	  .example = "http://127.0.0.1:8080" },
	{ "http", KEY_MAP, FIELD(http), .keys = http_keys, .help = "how requests are made" },
	{ "generator", KEY_MAP, FIELD(generator), .keys = generator_keys,
	  .help = "how the load is made, and when sagastorm itself was the limit: the run is "
		  "then invalid, and says so" },
	{ "data", KEY_NODE, FIELD(data), .shape = &data_shape,
	  .help = "rows that journeys draw from: ${products.sku} is column `sku` of the row "
		  "that this start got from `products`",
	  .example = "{ products: { read: GET /api/products, each: /items, pick: zipf 1.1 } }" },
	{ "load", KEY_NODE, FIELD(load), .shape = &load_shape,
	  .help = "phases by name, one after the other in the order of the file",
	  .example = "{ warmup: { rate: 20/s, for: 10s, measure: no } }" },
	{ "mix", KEY_NODE, FIELD(mix), .shape = &mix_shape,
	  .help = "how often each journey is started; only shares count, not their sum",
	  .example = "{ browse: 78, checkout: 20, cancel: 2 }" },
	{ "journeys", KEY_NODE, FIELD(journeys), .shape = &journeys_shape,
	  .help = "what one visitor does: a list of steps, or a map with a `graph`" },
	{ "sagas", KEY_NODE, FIELD(sagas), .shape = &sagas_shape,
	  .help = "contracts by name: what a business transaction may do, and where it can be "
		  "seen what it did (docs/contracts.md)" },
	{ "system", KEY_NODE, FIELD(system), .shape = &scenario_system_shape,
	  .help = "what is under attack: `shop` (started for the run), a system file, or services "
		  "and edges as they stand in one (docs/systems.md)",
	  .example = "systems/compose.yaml" },
	{ "chaos", KEY_NODE, FIELD(chaos), .shape = &chaos_shape,
	  .help = "what is broken on purpose, when, and for how long (docs/faults.md)" },
	{ "gates", KEY_NODE, FIELD(gates), .shape = &gates_shape,
	  .help = "conditions that decide the exit code; see docs/gates.md",
	  .example = "[ \"checkout.p95 < 2s in sale\", \"errors < 2%\" ]" },
	KEYS_END
};

static bool read_data(struct loading *loading)
{
	if (!loading->data)
		return true;
	return data_section_read(loading->data, &loading->reading, &loading->scenario->sources,
				 &loading->scenario->source_count);
}

static struct journey_context context_of(struct loading *loading)
{
	struct scenario *scenario = loading->scenario;
	const struct http_keys *http = &loading->sections.http;

	return (struct journey_context){
		.reading = loading->reading,
		.variable = names_value,
		.variable_context = &loading->names,
		.sources = scenario->sources,
		.source_count = scenario->source_count,
		.defaults = {
			.timeout_us = http->timeout_us,
			.redirects = (uint8_t)http->redirects,
			.headers = http->headers && http->headers->kind == YAML_MAP ? http->headers
										    : NULL,
			.user_agent = http->user_agent,
			.compressed = http->compression,
		},
		.request_names = &scenario->request_names,
		.sagas = scenario->saga_rules,
		.saga_count = (uint8_t)scenario->contract_count,
		.origin = origins_find,
		.origin_context = &loading->origins,
	};
}

static bool read_journeys(struct loading *loading)
{
	struct journey_context context = context_of(loading);
	struct scenario *scenario = loading->scenario;

	if (!loading->journeys || !loading->journeys->first)
		return complain(loading->complaints, loading->root->at,
				"missing key 'journeys': what do visitors do?");
	if (loading->journeys->count > JOURNEYS_MAX)
		return complain(loading->complaints, loading->journeys->at, "more than %d journeys",
				JOURNEYS_MAX);
	return journeys_read(loading->journeys, &context, &scenario->journeys,
			     &scenario->journey_count);
}

static bool read_sagas(struct loading *loading)
{
	struct scenario *scenario = loading->scenario;

	bool good = sagas_section_read(loading->sagas, &loading->reading, &scenario->contracts,
				       &scenario->contract_count);

	saga_rules_make(scenario);
	return good;
}

static bool read_load(struct loading *loading)
{
	if (!loading->sections.load || yaml_is_null(loading->sections.load))
		return complain(loading->complaints, loading->root->at,
				"missing key 'load': how much, and for how long?");
	return load_section_read(loading->sections.load, &loading->reading,
				 &loading->scenario->plan);
}

/*
 * The mix is checked against the names in `journeys`, not against what was compiled: a mistake in a
 * journey does not make its name unknown.
 */
static bool read_mix(struct loading *loading)
{
	struct scenario *scenario = loading->scenario;
	const struct yaml *mix = loading->sections.mix;
	size_t count = loading->journeys ? loading->journeys->count : 0;
	struct journey *journeys = memory_array(count, sizeof(*journeys));
	uint16_t number = 0;
	bool good;

	for (struct yaml *name = count ? loading->journeys->first : NULL; name && number < count;
	     name = name->next, number++)
		journeys[number] =
			(struct journey){ .name = arena_string(&scenario->arena, name->text),
					  .at = name->at,
					  .number = number };
	good = !count || mix_section_read(mix, &loading->reading, journeys, count,
					  loading->main_file, &scenario->plan);
	if (!mix && count > 1)
		complain(loading->complaints, loading->journeys->first->at,
			 "missing key 'mix': how often is each of the %zu journeys started?",
			 count);
	free(journeys);
	return good;
}

static void fill_plan(struct scenario *scenario)
{
	struct plan *plan = &scenario->plan;
	uint64_t *sources =
		arena_array(&scenario->arena, scenario->journey_count, sizeof(*sources));

	scenario->meets =
		arena_array(&scenario->arena, scenario->journey_count, sizeof(*scenario->meets));
	for (size_t i = 0; i < scenario->journey_count; i++) {
		scenario->meets[i] = scenario->journeys[i].meets;
		sources[i] = scenario->journeys[i].sources;
	}
	plan->journey_count = (uint16_t)scenario->journey_count;
	plan->meets = scenario->meets;
	plan->sources = sources;
}

static bool check_meets(struct loading *loading)
{
	const struct scenario *scenario = loading->scenario;
	bool good = true;

	for (size_t i = 0; i < scenario->journey_count; i++)
		if (scenario->meets[i] > scenario->generator.max_users)
			good = complain(loading->complaints, scenario->journeys[i].at,
					"journey '%s' wants %u users to meet, but 'generator: "
					"max-users' is %lld",
					scenario->journeys[i].name, scenario->meets[i],
					(long long)scenario->generator.max_users);
	return good;
}

static bool check_users(struct loading *loading)
{
	const struct plan *plan = &loading->scenario->plan;
	bool good = true;

	for (uint8_t i = 0; i < plan->phase_count; i++) {
		const struct phase *phase = &plan->phases[i];
		uint32_t most =
			phase->users_from > phase->users_to ? phase->users_from : phase->users_to;
		const struct yaml *node = yaml_get(loading->sections.load, phase->name);

		if (most > plan->max_users)
			good = complain(loading->complaints, node ? node->at : loading->root->at,
					"phase '%s' wants %u users, but 'generator: max-users' is "
					"%u",
					phase->name, most, plan->max_users);
	}
	return good;
}

/* How many of the planned starts draw from a source. */
static double expected_draws(const struct scenario *scenario, uint8_t source)
{
	const struct plan *plan = &scenario->plan;
	double all = 0, drawing = 0;

	for (uint16_t i = 0; i < plan->mix_count; i++) {
		all += plan->mix[i].weight;
		if (plan->sources[plan->mix[i].journey] >> source & 1)
			drawing += plan->mix[i].weight;
	}
	return all > 0 ? (double)plan_starts(plan) * drawing / all : 0;
}

static void warn_about_rows(struct loading *loading)
{
	const struct scenario *scenario = loading->scenario;

	for (uint8_t i = 0; i < scenario->source_count; i++) {
		const struct data_source *source = &scenario->sources[i];
		double draws = expected_draws(scenario, i);

		if (source->pick == PICK_UNIQUE && source->origin != DATA_ENDPOINT &&
		    draws > source->row_count)
			complain_warning(loading->complaints, source->at,
					 "data '%s' has %u unique rows for about %.0f planned "
					 "starts",
					 source->name, source->row_count, draws);
	}
}

/* Variables of used files are an offer; those of the main file are there to be used. */
static void warn_about_variables(struct loading *loading)
{
	for (size_t i = 0; i < loading->names.count; i++) {
		const struct variable *variable = &loading->names.variables[i];
		const struct yaml *own = yaml_get(loading->root, "vars");

		if (!variable->used && yaml_get(own, variable->name.data))
			complain_warning(loading->complaints, variable->scalar.at,
					 "variable '%s' is never used", variable->name.data);
	}
}

static bool read_seed(struct loading *loading)
{
	const char *override = loading->overrides ? loading->overrides->seed : NULL;
	struct error err;
	int64_t seed = loading->sections.seed;

	if (override && (!unit_integer(text_of(override), &seed, &err) || seed < 0))
		return complain(loading->complaints, (struct place){ "--seed", 0, 0 },
				"'%.60s' is no seed (a whole number, not negative)", override);
	loading->sections.seed = seed;
	loading->scenario->plan.seed = (uint64_t)seed;
	return true;
}

static bool read_top(struct loading *loading)
{
	struct sections *sections = &loading->sections;
	struct scenario *scenario = loading->scenario;
	bool good = schema_read(scenario_keys, loading->root, sections, &loading->reading);

	scenario->name = sections->name && *sections->name ?
				 sections->name :
				 path_stem(&scenario->arena, loading->main_file);
	scenario->about = sections->about;
	return read_seed(loading) && good;
}

/* What every file has, with or without a load. */
static bool read_common(struct loading *loading)
{
	const char *const *set = loading->overrides ? loading->overrides->set : NULL;
	bool good = uses_read(loading);

	good = names_init(&loading->names, loading->vars, set) && good;
	good = names_check(&loading->names) && good;
	good = read_top(loading) && good;
	return system_section_read(loading) && good;
}

bool sections_read_without_load(struct loading *loading)
{
	bool good = read_common(loading);

	return chaos_read(loading) && good;
}

bool sections_read(struct loading *loading)
{
	bool good = read_common(loading);

	good = http_section_read(loading) && good;
	good = generator_section_read(loading) && good;
	good = read_data(loading) && good;
	good = read_sagas(loading) && good;
	good = read_journeys(loading) && good;
	good = read_mix(loading) && good;
	good = read_load(loading) && good;
	good = chaos_read(loading) && good;
	good = gates_section_read(loading, !good) && good;
	if (!good || loading->complaints->errors > loading->errors_before)
		return false;
	fill_plan(loading->scenario);
	good = check_meets(loading);
	good = check_users(loading) && good;
	warn_about_rows(loading);
	warn_about_variables(loading);
	return good;
}
