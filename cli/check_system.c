#include "cli/check_system.h"

#include "chaos/chaos_read.h"
#include "lib/visible.h"

bool check_is_system_file(const char *path)
{
	static const char *const of_loads[] = { "load", "journeys", "mix", "target", NULL };
	struct complaints ignored = COMPLAINTS_EMPTY;
	struct arena arena = ARENA_EMPTY;
	const struct yaml *root = yaml_read_file(&arena, path, &ignored);
	bool is = root && root->kind == YAML_MAP && yaml_get(root, "system");

	for (const char *const *key = of_loads; is && *key; key++)
		is = !yaml_get(root, *key);
	complaints_release(&ignored);
	arena_release(&arena);
	return is;
}

static void add_count(struct buffer *out, size_t count, const char *one)
{
	if (count)
		buffer_format(out, ", %zu %s%s", count, one, count == 1 ? "" : "s");
}

void check_describe_system(const struct scenario *scenario, struct buffer *out)
{
	const struct system *system = scenario->system;
	char name[VISIBLE_MAX];

	buffer_format(out, "%s: ok: system '%s'", scenario->path,
		      visible(name, text_of(system->name)));
	add_count(out, system->service_count, "service");
	add_count(out, system->edge_count, "edge");
	add_count(out, system->region_count, "region");
	add_count(out, scenario->chaos ? scenario->chaos->fault_count : 0, "fault");
	buffer_add_char(out, '\n');
}
