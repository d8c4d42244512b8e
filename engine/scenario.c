#include "engine/scenario.h"

#include <stdlib.h>

#include "engine/sections.h"
#include "lib/memory.h"

static struct scenario *scenario_new(const char *path)
{
	struct scenario *scenario = memory_new(sizeof(*scenario));

	scenario->path = arena_string(&scenario->arena, text_of(path));
	return scenario;
}

bool scenario_aim(struct scenario *scenario, const char *url, struct error *err)
{
	struct origin origin;

	if (!origin_parse(text_of(url), false, &origin, &scenario->arena, err))
		return false;
	scenario->transfer.origins[0] = origin;
	return true;
}

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	name_table_release(&scenario->request_names);
	arena_release(&scenario->arena);
	free(scenario);
}

static struct loading *loading_new(struct scenario *scenario,
				   const struct scenario_overrides *overrides,
				   struct complaints *complaints)
{
	struct loading *loading = arena_new(&scenario->arena, sizeof(*loading));

	loading->scenario = scenario;
	loading->overrides = overrides;
	loading->complaints = complaints;
	loading->errors_before = complaints->errors;
	loading->names.arena = &scenario->arena;
	loading->names.complaints = complaints;
	loading->origins.arena = &scenario->arena;
	loading->reading =
		(struct reading){ &scenario->arena, complaints, names_substitute, &loading->names };
	return loading;
}

/* Secrets stay known to the scenario, which masks them in samples, and to no complaint. */
static void keep_secrets(struct loading *loading)
{
	const struct strings *known = &loading->names.secrets;
	struct strings *kept = &loading->scenario->secrets;

	kept->items =
		arena_array(&loading->scenario->arena, known->count + 1, sizeof(*kept->items));
	for (; kept->count < known->count; kept->count++)
		kept->items[kept->count] = known->items[kept->count];
	for (size_t i = 0; i < known->count; i++)
		complaints_mask(loading->complaints, known->items[i]);
}

static bool load(struct loading *loading)
{
	struct yaml *root = loading->root;
	bool without_load, good;

	if (!root)
		return false;
	if (root->kind != YAML_MAP)
		return complain(loading->complaints, root->at, "a scenario is a map, not %s",
				yaml_kind_name(root));
	loading->main_file = root->at.file;
	without_load = loading->overrides && loading->overrides->without_load;
	good = without_load ? sections_read_without_load(loading) : sections_read(loading);
	if (good && !without_load)
		loading->scenario->resolved = scenario_resolve(loading);
	keep_secrets(loading);
	names_release(&loading->names);
	return good && loading->complaints->errors == loading->errors_before;
}

static struct scenario *finish(struct scenario *scenario, bool good)
{
	if (good)
		return scenario;
	scenario_free(scenario);
	return NULL;
}

struct scenario *scenario_load(const char *path, const struct scenario_overrides *overrides,
			       struct complaints *complaints)
{
	struct scenario *scenario = scenario_new(path);
	struct loading *loading = loading_new(scenario, overrides, complaints);

	loading->root = yaml_read_file(&scenario->arena, path, complaints);
	return finish(scenario, load(loading));
}

struct scenario *scenario_load_text(const char *name, struct text text,
				    const struct scenario_overrides *overrides,
				    struct complaints *complaints)
{
	struct scenario *scenario = scenario_new(name);
	struct loading *loading = loading_new(scenario, overrides, complaints);

	loading->root = yaml_read_text(&scenario->arena, name, text, complaints);
	return finish(scenario, load(loading));
}
