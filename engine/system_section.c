/* `system:` of a scenario: the shop, a file, or a map. See sections.h. */
#include <unistd.h>

#include "chaos/system.h"
#include "engine/sections.h"
#include "engine/shop_system.h"
#include "lib/path.h"

struct shop_form {
	const struct yaml *shop;
};

static const struct shape options_shape = {
	SHAPE_KEYS, .name = "shop", .keys = shop_system_keys,
	.help = "the reference shop, started for the run",
};
static const struct key shop_form_keys[] = {
	{ "shop", KEY_NODE, offsetof(struct shop_form, shop), .shape = &options_shape,
	  .required = true, .help = "how it is started",
	  .example = "{ saga: choreographed, stock: 100, limits: no }" },
	KEYS_END
};
static const struct shape shop_form_shape = { SHAPE_KEYS, .name = "system-shop",
					      .keys = shop_form_keys };
static const struct shape *const forms[] = { &shop_form_shape, &system_shape, NULL };

const struct shape scenario_system_shape = { SHAPE_ONE_OF, .options = forms };

/* The engine does not know the shop, only who starts both does. */
static bool check_bugs(struct loading *loading, const struct strings *bugs)
{
	const char *const *known = loading->overrides ? loading->overrides->bugs : NULL;
	bool good = true;

	for (size_t i = 0; known && i < bugs->count; i++) {
		size_t bug = 0;

		if (!*bugs->items[i])
			continue; /* `bugs: ["${bug}"]`, where it may be none */
		while (known[bug] && strcmp(known[bug], bugs->items[i]) != 0)
			bug++;
		if (known[bug])
			continue;
		complain_unknown(loading->complaints, bugs->places[i], "bug",
				 text_of(bugs->items[i]), known);
		good = false;
	}
	return good;
}

static bool read_shop(struct loading *loading, const struct yaml *options)
{
	struct scenario *scenario = loading->scenario;

	loading->system_map = loading->system;
	scenario->shop = arena_new(&scenario->arena, sizeof(*scenario->shop));
	return shop_system_read(options, &loading->reading, scenario->shop, scenario->system) &&
	       check_bugs(loading, &scenario->shop->bugs);
}

static bool read_map(struct loading *loading, const struct yaml *map, const char *name)
{
	loading->system_map = map;
	if (!system_read(map, &loading->reading, loading->scenario->system))
		return false;
	if (!yaml_get(map, "name"))
		loading->scenario->system->name = path_stem(&loading->scenario->arena, name);
	return true;
}

static bool read_file(struct loading *loading, const char *name)
{
	const struct yaml *node = loading->system;
	char *path = path_beside(&loading->scenario->arena, node->at.file, name);
	const struct yaml *map;
	struct error err;

	if (access(path, R_OK) != 0 && !strchr(name, '/') && !strchr(name, '.'))
		return complain(loading->complaints, node->at,
				"unknown system '%.60s' ('shop', or the path of a file)", name);
	if (access(path, R_OK) != 0) {
		error_errno(&err, "cannot open system '%.200s'", path);
		return complain(loading->complaints, node->at, "%s", err.text);
	}
	map = system_load_file(path, &loading->reading);
	if (!map || !read_map(loading, map, path))
		return false;
	loading->scenario->system->path = path;
	return true;
}

static bool is_shop_form(const struct yaml *map)
{
	return map->kind == YAML_MAP && yaml_get(map, "shop");
}

static bool read_shop_form(struct loading *loading, const struct yaml *map)
{
	struct shop_form form;

	return schema_read(shop_form_keys, map, &form, &loading->reading) &&
	       read_shop(loading, form.shop);
}

static bool read_system(struct loading *loading)
{
	static const struct key key = { .name = "system", .type = KEY_STRING };
	const struct yaml *node = loading->system;
	char *name = NULL;

	if (!node)
		return true;
	loading->scenario->system =
		arena_new(&loading->scenario->arena, sizeof(*loading->scenario->system));
	if (is_shop_form(node))
		return read_shop_form(loading, node);
	if (node->kind != YAML_SCALAR)
		return read_map(loading, node, loading->main_file);
	if (!schema_read_value(&key, node, &name, &loading->reading))
		return false;
	return strcmp(name, "shop") == 0 ? read_shop(loading, NULL) : read_file(loading, name);
}

bool system_section_read(struct loading *loading)
{
	loading->system_bad = !read_system(loading);
	return !loading->system_bad;
}
