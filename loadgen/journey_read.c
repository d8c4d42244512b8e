/* Journeys, and blocks of steps. See journey_compile.h. */
#include "loadgen/journey_read.h"

#include <stdlib.h>

#include "loadgen/journey_compile.h"

static const struct step_kind {
	const char *name;
	bool (*read)(struct compiler *compiler, const struct yaml *step, const char *kind);
	bool asks; /* the next step can look into its answer */
} step_kinds[] = {
	{ "get", step_request, true },
	{ "post", step_request, true },
	{ "put", step_request, true },
	{ "patch", step_request, true },
	{ "delete", step_request, true },
	{ "head", step_request, true },
	{ "options", step_request, true },
	{ "poll", step_poll, true },
	{ "think", step_think, false },
	{ "set", step_set, false },
	{ "if", step_if, false },
	{ "repeat", step_repeat, false },
	{ "for-each", step_for_each, false },
	{ "together", step_together, false },
	{ "meet", step_meet, false },
	{ "pick", step_pick, false },
	{ "leave", step_leave, false },
	{ "fail", step_fail, false },
};

enum { STEP_KINDS = sizeof(step_kinds) / sizeof(step_kinds[0]) };

const struct shape journey_step_shape = {
	.kind = SHAPE_ONE_OF,
	.name = "step",
	.help = "one step of a journey",
	.options = (const struct shape *const[]){
		&step_get_shape, &step_post_shape, &step_put_shape, &step_patch_shape,
		&step_delete_shape, &step_head_shape, &step_options_shape, &step_poll_shape,
		&step_think_shape, &step_set_shape, &step_if_shape, &step_repeat_shape,
		&step_for_each_shape, &step_together_shape, &step_meet_shape, &step_pick_shape,
		&step_leave_shape, &step_fail_shape, NULL },
};

const struct shape journey_steps_shape = { .kind = SHAPE_LIST_OF,
					   .name = "steps",
					   .of = &journey_step_shape,
					   .help = "steps, one after the other" };

struct journey_keys {
	char *about;
	const struct yaml *steps, *graph;
};

static const struct key journey_keys[] = {
	{ "about", KEY_STRING, offsetof(struct journey_keys, about),
	  .help = "what this visitor is up to" },
	{ "steps", KEY_NODE, offsetof(struct journey_keys, steps), .shape = &journey_steps_shape,
	  .help = "steps, one after the other" },
	{ "graph", KEY_NODE, offsetof(struct journey_keys, graph), .shape = &journey_graph_shape,
	  .help = "states and how visitors move between them" },
	KEYS_END
};

const struct shape journeys_shape = {
	.kind = SHAPE_MAP_OF,
	.name = "journeys",
	.help = "what visitors do, by name",
	.of = &(const struct shape){
		.kind = SHAPE_ONE_OF, .name = "journey",
		.help = "a list of steps, or a map with `steps` or `graph`",
		.options = (const struct shape *const[]){
			&journey_steps_shape,
			&(const struct shape){ .kind = SHAPE_KEYS, .keys = journey_keys }, NULL } },
};

void *arena_grow(struct arena *arena, void *items, size_t count, size_t each)
{
	void *moved;

	if (count & (count - 1)) /* no power of two: not full */
		return items;
	moved = arena_array(arena, count ? 2 * count : 1, each);
	if (count)
		memcpy(moved, items, count * each);
	return moved;
}

/* A program that is too long is cut, and complained about in the end. */
struct instruction *program_add(struct compiler *compiler, enum operation operation,
				struct place at)
{
	struct instruction *added;

	compiler->program = memory_grow(compiler->program, compiler->length, &compiler->room,
					sizeof(*compiler->program));
	added = &compiler->program[compiler->length++];
	*added = (struct instruction){ .operation = operation, .at = at };
	return added;
}

/* Steps. */

static const struct step_kind *find_kind(struct text name)
{
	for (size_t i = 0; i < STEP_KINDS; i++)
		if (text_is(name, step_kinds[i].name))
			return &step_kinds[i];
	return NULL;
}

static const struct step_kind *unknown_step(struct compiler *compiler, const struct yaml *step)
{
	const char *known[STEP_KINDS + 1] = { NULL };
	const struct yaml *name = step->kind == YAML_MAP ? step->first : step;

	for (size_t i = 0; i < STEP_KINDS; i++)
		known[i] = step_kinds[i].name;
	if (!name || step->kind == YAML_LIST)
		complain(compiler->complaints, step->at,
			 "a step is a map, such as `get: /path`, not %s",
			 step->kind == YAML_LIST ? "a list" : "an empty one");
	else
		complain_unknown(compiler->complaints, name->at, "step", name->text, known);
	return NULL;
}

/* What the step does: the one key of it that is a kind of step. */
static const struct step_kind *kind_of(struct compiler *compiler, const struct yaml *step)
{
	const struct step_kind *kind = NULL;

	if (step->kind == YAML_SCALAR && text_is(step->text, "leave"))
		return find_kind(step->text);
	if (step->kind != YAML_MAP)
		return unknown_step(compiler, step);
	for (const struct yaml *name = step->first; name; name = name->next) {
		const struct step_kind *found = find_kind(name->text);

		if (found && kind && kind != found) {
			complain(compiler->complaints, name->at,
				 "one step does one thing, not both '%s' and '%s'", kind->name,
				 found->name);
			return NULL;
		}
		kind = found ? found : kind;
	}
	return kind ? kind : unknown_step(compiler, step);
}

bool steps_read(struct compiler *compiler, const struct yaml *steps)
{
	bool good = true;

	compiler->last = NULL;
	if (steps->kind != YAML_LIST || !steps->first)
		return complain(compiler->complaints, steps->at,
				"a list of steps is wanted here, not %s",
				steps->kind == YAML_LIST ? "an empty one" : yaml_kind_name(steps));
	if (compiler->blocks == BLOCKS_MAX || compiler->length > PROGRAM_MAX)
		return complain(compiler->complaints, steps->at, "too many steps");
	compiler->blocks++;
	for (const struct yaml *step = steps->first; step; step = step->next) {
		const struct step_kind *kind = kind_of(compiler, step);

		good = kind && kind->read(compiler, step, kind->name) && good;
		if (!kind || !kind->asks)
			compiler->last = NULL;
	}
	compiler->last = NULL;
	compiler->blocks--;
	return good;
}

/* Journeys. */

static bool read_journey_map(struct compiler *compiler, const struct yaml *map)
{
	struct journey_keys keys;
	bool good = schema_read(journey_keys, map, &keys, &compiler->context->reading);

	if (keys.steps && keys.graph)
		return complain(compiler->complaints, map->at,
				"a journey has either 'steps' or 'graph'");
	if (keys.graph)
		return graph_read(compiler, keys.graph) && good;
	if (keys.steps)
		return steps_read(compiler, keys.steps) && good;
	return complain(compiler->complaints, map->at, "a journey needs 'steps' or a 'graph'");
}

static bool check_name(struct compiler *compiler, const struct yaml *name)
{
	bool good = name->text.length > 0 && name->text.length <= NAME_MAX_BYTES;

	for (size_t i = 0; i < name->text.length; i++) {
		char c = name->text.data[i];

		good = good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '_' || (c == '-' && i));
	}
	return good ||
	       complain(compiler->complaints, name->at,
			"'%.*s' can't name a journey (letters, digits, '_' and '-', at most %d)",
			name->text.length < 80 ? (int)name->text.length : 80, name->text.data,
			NAME_MAX_BYTES);
}

static bool check_targets(const struct compiler *compiler)
{
	for (size_t i = 0; i < compiler->length; i++)
		if (compiler->program[i].target > compiler->length)
			return false;
	return compiler->length <= PROGRAM_MAX;
}

static bool finish(struct compiler *compiler, bool good)
{
	struct journey *journey = compiler->journey;

	if (!check_targets(compiler))
		return complain(compiler->complaints, journey->at, "'%s' has too many steps",
				journey->name);
	good = flow_check(compiler) && good;
	journey->length = (uint32_t)compiler->length;
	journey->program =
		arena_array(compiler->arena, compiler->length, sizeof(*compiler->program));
	if (compiler->length)
		memcpy(journey->program, compiler->program,
		       compiler->length * sizeof(*compiler->program));
	return good;
}

static bool read_journey(struct journey_context *context, const struct yaml *name,
			 struct journey *journey)
{
	struct compiler *compiler = memory_new(sizeof(*compiler));
	bool good;

	compiler->context = context;
	compiler->arena = context->reading.arena;
	compiler->complaints = context->reading.complaints;
	compiler->journey = journey;
	compiler_names_begin(compiler);
	journey->name = arena_string(compiler->arena, name->text);
	journey->at = name->at;
	journey->lanes = 1;
	good = check_name(compiler, name);
	good = (name->value->kind == YAML_MAP ? read_journey_map(compiler, name->value) :
						steps_read(compiler, name->value)) &&
	       good;
	good = finish(compiler, good) && good;
	free(compiler->program);
	free(compiler->uses);
	free(compiler);
	return good;
}

bool journeys_read(const struct yaml *journeys, struct journey_context *context,
		   struct journey **out, size_t *count)
{
	bool good = true;

	*out = NULL;
	*count = 0;
	if (journeys->kind != YAML_MAP || !journeys->first)
		return complain(context->reading.complaints, journeys->at,
				"'journeys' wants a map of journeys, not %s",
				journeys->kind == YAML_MAP ? "an empty one" :
							     yaml_kind_name(journeys));
	if (journeys->count > UINT16_MAX)
		return complain(context->reading.complaints, journeys->at, "too many journeys");
	*out = arena_array(context->reading.arena, journeys->count, sizeof(**out));
	for (const struct yaml *name = journeys->first; name; name = name->next) {
		struct journey *journey = &(*out)[*count];

		journey->number = (uint16_t)(*count)++;
		good = read_journey(context, name, journey) && good;
	}
	return good;
}
