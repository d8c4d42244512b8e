/* The steps of a saga, in forward order. */
#include <ctype.h>

#include "sagas/contract_parts.h"

/* Words that stand beside the names of steps in a source of evidence. */
static bool is_taken(const char *name)
{
	for (const struct key *key = contract_source_keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return true;
	for (const char *const *role = contract_role_names; *role; role++)
		if (strcmp(*role, name) == 0)
			return true;
	return false;
}

static bool check_name(struct contract_reader *reader, const char *name, struct place at)
{
	struct complaints *complaints = reader->reading->complaints;
	const struct contract *contract = reader->contract;

	if (!*name || strlen(name) > 40)
		return complain(complaints, at, "a step's name has 1 to 40 letters");
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return complain(complaints, at,
					"'%s' is no name of a step (letters, digits, - and _)",
					name);
	if (is_taken(name))
		return complain(complaints, at, "a step can't be called '%s', it has a meaning",
				name);
	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];

		if (strcmp(step->name, name) == 0 || (step->undo && strcmp(step->undo, name) == 0))
			return complain(complaints, at, "'%s' is a step or an undo already", name);
	}
	return true;
}

static bool check_bounds(struct contract_reader *reader, const struct saga_step *step,
			 const struct yaml *map)
{
	struct complaints *complaints = reader->reading->complaints;

	if (step->at_most >= 0 && step->at_least > step->at_most)
		return complain(complaints, contract_place(map, "at-least"),
				"'at-least' is more than 'at-most'");
	return !(step->pivot && step->undo) ||
	       complain(complaints, contract_place(map, "undo"),
			"'%s' is the pivot: it can't be undone", step->name);
}

static bool read_step(struct contract_reader *reader, const struct yaml *name)
{
	struct saga_step step = { .name = arena_string(reader->reading->arena, name->text) };
	struct complaints *complaints = reader->reading->complaints;
	const struct yaml *map = name->value;
	struct step_keys keys;
	bool good = check_name(reader, step.name, name->at);

	if (map->kind != YAML_MAP && !yaml_is_null(map))
		return complain(complaints, map->at, "step '%s' wants a map, not %s", step.name,
				yaml_kind_name(map));
	schema_defaults(contract_step_keys, &keys, reader->reading->arena);
	if (map->kind == YAML_MAP)
		good = schema_read(contract_step_keys, map, &keys, reader->reading) && good;
	if (good && keys.undo)
		good = strcmp(keys.undo, step.name) != 0 ?
			       check_name(reader, keys.undo, contract_place(map, "undo")) :
			       complain(complaints, contract_place(map, "undo"),
					"'%s' can't be its own undo", step.name);
	if (!good)
		return false;
	step.undo = keys.undo;
	step.counts = (enum step_counts)keys.counts;
	step.pivot = keys.pivot;
	step.at_least = keys.at_least;
	step.at_most = keys.at_most;
	reader->contract->steps[reader->contract->step_count++] = step;
	return check_bounds(reader, &step, map);
}

static bool check_pivot(struct contract_reader *reader, const struct yaml *steps)
{
	struct complaints *complaints = reader->reading->complaints;
	const struct contract *contract = reader->contract;
	const struct saga_step *pivot = NULL;
	bool good = true;

	for (uint8_t i = 0; i < contract->step_count; i++) {
		const struct saga_step *step = &contract->steps[i];
		const struct yaml *node = yaml_get(steps, step->name);

		if (pivot && step->pivot)
			good = complain(complaints, node ? node->at : steps->at,
					"'%s' and '%s': a saga has one pivot", pivot->name,
					step->name);
		if (pivot && step->undo && !step->pivot)
			good = complain(complaints, node ? node->at : steps->at,
					"'%s' can be undone, but comes after the pivot '%s'",
					step->name, pivot->name);
		if (step->pivot && !pivot)
			pivot = step;
	}
	if (!pivot && good)
		complain_warning(complaints, steps->at,
				 "no step is the pivot: 'undo-order' can't say what may not be "
				 "undone any more");
	return good;
}

bool contract_steps_read(struct contract_reader *reader, const struct yaml *steps)
{
	struct complaints *complaints = reader->reading->complaints;
	bool good = true;

	if (steps->kind != YAML_MAP || !steps->first)
		return complain(complaints, steps->at, "'steps' wants a map of step: {...}, not %s",
				steps->kind == YAML_MAP ? "an empty one" : yaml_kind_name(steps));
	if (steps->count > SAGA_STEPS_MAX)
		return complain(complaints, steps->at, "more than %d steps", SAGA_STEPS_MAX);
	for (const struct yaml *name = steps->first; name; name = name->next)
		good = read_step(reader, name) && good;
	return good && check_pivot(reader, steps);
}
