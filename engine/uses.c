/* `use:` other files, and one set of what they bring from all of them. See sections.h. */
#include "engine/sections.h"
#include "lib/path.h"

#include <sys/stat.h>

enum { FILES_MAX = 100, USE_DEPTH_MAX = 16 };

/* The files that are being read, from the main one down. */
struct chain {
	const struct chain *user;
	const char *path;
	int depth;
};

struct uses {
	struct loading *loading;
	struct stat seen[FILES_MAX];
	const char *paths[FILES_MAX];
	size_t count;
	bool good;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static struct yaml *merged_map(struct loading *loading, struct yaml **map, struct place at)
{
	if (!*map) {
		*map = arena_new(loading->reading.arena, sizeof(**map));
		(*map)->kind = YAML_MAP;
		(*map)->at = at;
		(*map)->text = text_of("");
	}
	return *map;
}

static struct yaml *find_key(const struct yaml *map, struct text name)
{
	for (struct yaml *key = map->first; key; key = key->next)
		if (text_equal(key->text, name))
			return key;
	return NULL;
}

static void append_key(struct loading *loading, struct yaml *map, const struct yaml *key)
{
	struct yaml *copy = arena_new(loading->reading.arena, sizeof(*copy));
	struct yaml **link = &map->first;

	*copy = *key;
	copy->next = NULL;
	while (*link)
		link = &(*link)->next;
	*link = copy;
	map->count++;
}

static bool is_user(const struct chain *chain, const char *path)
{
	for (; chain; chain = chain->user)
		if (strcmp(chain->path, path) == 0)
			return true;
	return false;
}

/* Who uses a file may give its variables other values; anything else twice is a mistake. */
static bool merge_key(struct loading *loading, const char *what, struct yaml *map,
		      const struct yaml *key, const struct chain *chain)
{
	const struct yaml *old = find_key(map, key->text);

	if (!old)
		append_key(loading, map, key);
	else if (strcmp(old->at.file, key->at.file) == 0)
		return false; /* the reader of YAML said so already */
	else if (strcmp(what, "vars") != 0 || !is_user(chain, old->at.file))
		return complain(loading->complaints, key->at,
				"'%s' is in '%s' twice (first at %s:%d:%d)", key->text.data, what,
				old->at.file, old->at.line, old->at.column);
	return true;
}

static bool merge_section(struct loading *loading, const char *what, const struct yaml *root,
			  struct yaml **into, const struct chain *chain)
{
	const struct yaml *section = yaml_get(root, what);
	bool good = true;
	struct yaml *map;

	if (!section || yaml_is_null(section))
		return true;
	if (section->kind != YAML_MAP)
		return complain(loading->complaints, section->at, "'%s' wants a map, not %s", what,
				yaml_kind_name(section));
	map = merged_map(loading, into, section->at);
	for (const struct yaml *key = section->first; key; key = key->next)
		good = merge_key(loading, what, map, key, chain) && good;
	return good;
}

/* There is one system. Who uses a file may say that it is another one. */
static bool merge_system(struct loading *loading, const struct yaml *root,
			 const struct chain *chain)
{
	const struct yaml *system = yaml_get(root, "system"), *old = loading->system;

	if (!system || yaml_is_null(system))
		return true;
	if (!old)
		loading->system = system;
	else if (!is_user(chain, old->at.file))
		return complain(loading->complaints, system->at,
				"'system' is there twice (first at %s:%d:%d)", old->at.file,
				old->at.line, old->at.column);
	return true;
}

static bool merge_file(struct loading *loading, const struct yaml *root, const struct chain *chain)
{
	bool good = merge_section(loading, "vars", root, &loading->vars, chain);

	good = merge_section(loading, "data", root, &loading->data, chain) && good;
	good = merge_system(loading, root, chain) && good;
	good = merge_section(loading, "sagas", root, &loading->sagas, chain) && good;
	return merge_section(loading, "journeys", root, &loading->journeys, chain) && good;
}

/* A used file brings vars, data, journeys, sagas, a system; how they are run the main file says. */
static bool check_keys(struct loading *loading, const struct yaml *root)
{
	static const char *const brought[] = { "name",	   "about", "use",    "vars", "data",
					       "journeys", "sagas", "system", NULL };
	bool good = true;

	for (const struct yaml *key = root->first; key; key = key->next) {
		const struct key *known = scenario_keys;
		const char *const *allowed = brought;

		while (*allowed && !text_is(key->text, *allowed))
			allowed++;
		while (known->name && !text_is(key->text, known->name))
			known++;
		if (*allowed)
			continue;
		good = false;
		if (known->name)
			complain(loading->complaints, key->at,
				 "'%s' belongs in the main file, not in one that it uses",
				 known->name);
		else
			complain_unknown(loading->complaints, key->at, "key", key->text, brought);
	}
	return good;
}

static bool read_uses(struct uses *uses, const struct yaml *root, const struct chain *chain);

static bool read_used(struct uses *uses, const char *path, struct place at,
		      const struct chain *chain)
{
	struct loading *loading = uses->loading;
	struct chain link = { chain, path, chain->depth + 1 };
	struct yaml *root = yaml_read_file(loading->reading.arena, path, loading->complaints);

	if (!root)
		return complain(loading->complaints, at, "cannot use '%s'", path);
	if (root->kind != YAML_MAP)
		return complain(loading->complaints, root->at, "a scenario is a map, not %s",
				yaml_kind_name(root));
	link.path = root->at.file;
	uses->good = check_keys(loading, root) && uses->good;
	uses->good = merge_file(loading, root, &link) && uses->good;
	return read_uses(uses, root, &link);
}

static bool is_cycle(const struct uses *uses, const struct chain *chain, size_t number)
{
	return is_user(chain, uses->paths[number]);
}

static bool use_file(struct uses *uses, const char *name, struct place at,
		     const struct chain *chain)
{
	struct loading *loading = uses->loading;
	char *path = path_beside(loading->reading.arena, at.file, name);
	struct stat status;
	struct error err;

	if (stat(path, &status) != 0) {
		error_errno(&err, "cannot use '%s'", path);
		return complain(loading->complaints, at, "%s", err.text);
	}
	if (!S_ISREG(status.st_mode))
		return complain(loading->complaints, at, "cannot use '%s': it is no file", path);
	for (size_t i = 0; i < uses->count; i++) {
		if (!same_file(&uses->seen[i], &status))
			continue;
		if (is_cycle(uses, chain, i))
			return complain(loading->complaints, at, "'%s' uses itself, by way of this",
					path);
		return true; /* two files may use the same third */
	}
	if (uses->count == FILES_MAX || chain->depth == USE_DEPTH_MAX)
		return complain(loading->complaints, at, "too many files use each other");
	uses->paths[uses->count] = path;
	uses->seen[uses->count++] = status;
	return read_used(uses, path, at, chain);
}

/* Only the environment is known here: variables may come from the very files that are named. */
static bool read_uses(struct uses *uses, const struct yaml *root, const struct chain *chain)
{
	static const struct key key = { .name = "use", .type = KEY_STRINGS };
	struct loading *loading = uses->loading;
	struct names environment = { .arena = loading->reading.arena,
				     .complaints = loading->complaints };
	struct reading reading = { loading->reading.arena, loading->complaints, names_substitute,
				   &environment };
	const struct yaml *node = yaml_get(root, "use");
	struct strings files = { NULL, NULL, 0 };
	bool good = !node || schema_read_value(&key, node, &files, &reading);

	for (size_t i = 0; i < files.count; i++)
		good = use_file(uses, files.items[i], files.places[i], chain) && good;
	names_release(&environment);
	return good;
}

bool uses_read(struct loading *loading)
{
	struct uses *uses = arena_new(loading->reading.arena, sizeof(*uses));
	struct chain main_file = { NULL, loading->main_file, 0 };
	bool good;

	uses->loading = loading;
	uses->good = merge_file(loading, loading->root, &main_file);
	if (stat(loading->main_file, &uses->seen[0]) == 0) {
		uses->paths[0] = loading->main_file;
		uses->count = 1;
	}
	good = read_uses(uses, loading->root, &main_file);
	return good && uses->good;
}
