/* The whole scenario as one YAML text: what a run directory keeps. See sections.h. */
#include "engine/sections.h"

#include <inttypes.h>

static struct yaml *copy_shown(struct loading *loading, const struct yaml *from)
{
	struct yaml *to = arena_new(loading->reading.arena, sizeof(*to));
	struct yaml **link = &to->first;

	*to = *from;
	to->first = to->next = to->value = NULL;
	if (from->kind == YAML_SCALAR)
		to->text = names_show(&loading->names, from->text);
	for (const struct yaml *child = from->first; child; child = child->next) {
		*link = copy_shown(loading, child);
		if (child->value)
			(*link)->value = copy_shown(loading, child->value);
		link = &(*link)->next;
	}
	return to;
}

static struct yaml *scalar_of(struct loading *loading, struct text text, bool quoted)
{
	struct yaml *scalar = arena_new(loading->reading.arena, sizeof(*scalar));

	scalar->text = text;
	scalar->quoted = quoted;
	return scalar;
}

/* What was decided elsewhere than in the file: the name, the seed, the target. */
static const struct yaml *decided(struct loading *loading, const char *key)
{
	struct scenario *scenario = loading->scenario;
	struct arena *arena = loading->reading.arena;

	if (strcmp(key, "name") == 0)
		return scalar_of(loading, text_of(scenario->name), true);
	if (strcmp(key, "seed") == 0) {
		const char *seed = arena_format(arena, "%" PRIu64, scenario->plan.seed);

		return scalar_of(loading, text_of(seed), false);
	}
	if (strcmp(key, "target") == 0 && scenario->target_of_system)
		return NULL;
	if (strcmp(key, "target") == 0)
		return scalar_of(loading, text_of(loading->origins.items[0].url), false);
	if (strcmp(key, "vars") == 0)
		return loading->vars;
	if (strcmp(key, "data") == 0)
		return loading->data;
	if (strcmp(key, "journeys") == 0)
		return loading->journeys;
	if (strcmp(key, "sagas") == 0)
		return loading->sagas;
	if (strcmp(key, "system") == 0)
		return loading->system_map;
	return yaml_get(loading->root, key);
}

/* Values as they are now, whether the file or --set gave them. */
static struct yaml *shown_vars(struct loading *loading, const struct yaml *vars)
{
	struct yaml *copy = copy_shown(loading, vars);

	for (struct yaml *name = copy->first; name; name = name->next)
		for (size_t i = 0; i < loading->names.count; i++)
			if (text_equal(loading->names.variables[i].name, name->text))
				name->value->text =
					names_show_value(&loading->names,
							 loading->names.variables[i].scalar.text);
	return copy;
}

char *scenario_resolve(struct loading *loading)
{
	struct yaml root = { .kind = YAML_MAP };
	struct yaml **link = &root.first;
	struct buffer out = BUFFER_EMPTY;
	char *text;

	for (const struct key *key = scenario_keys; key->name; key++) {
		const struct yaml *value =
			strcmp(key->name, "use") ? decided(loading, key->name) : NULL;

		if (!value)
			continue;
		*link = scalar_of(loading, text_of(key->name), false);
		(*link)->value = strcmp(key->name, "vars") == 0 ? shown_vars(loading, value) :
								  copy_shown(loading, value);
		link = &(*link)->next;
		root.count++;
	}
	yaml_write(&root, &out);
	text = arena_string(loading->reading.arena, buffer_text(&out));
	buffer_release(&out);
	return text;
}
