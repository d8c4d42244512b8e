#include "chaos/system.h"

#include "chaos/system_parts.h"
#include "lib/path.h"

#define FIELD(name) offsetof(struct system_keys, name)

const struct key system_keys[] = {
	{ "name", KEY_STRING, FIELD(name), .help = "what reports call it" },
	{ "allow", KEY_STRINGS, FIELD(allow),
	  .help = "hosts, addresses and networks that may be touched beside the loopback; all "
		  "others are refused",
	  .example = "[10.0.3.0/24, staging.example]" },
	{ "services", KEY_NODE, FIELD(services), .shape = &services_shape,
	  .help = "by name: where each is called, and how its processes are found" },
	{ "edges", KEY_NODE, FIELD(edges), .shape = &edges_shape,
	  .help = "who calls whom; the proxy can stand in for each",
	  .example = "[ { from: order, to: payment, listen: 127.0.0.1:9004 } ]" },
	{ "regions", KEY_NODE, FIELD(regions), .shape = &regions_shape,
	  .help = "services that stand together, to be cut off together",
	  .example = "{ eu: [order.eu, payment.eu] }" },
	{ "launcher", KEY_INTEGER, FIELD(launcher), .maximum = 4194304,
	  .help = "pid of who starts services again when they die" },
	{ "control", KEY_STRING, FIELD(control),
	  .help = "unix socket of a proxy that runs already (`sagastorm chaos proxy`); without it "
		  "a run has its own" },
	{ "container-engine", KEY_STRING, FIELD(container_engine),
	  .help = "unix socket of Docker or Podman; where it usually is by default",
	  .example = "/run/podman/podman.sock" },
	KEYS_END
};

static const struct shape map_shape = {
	SHAPE_KEYS, .name = "system", .keys = system_keys,
	.help = "what is under attack: services, the edges between them, and how each is reached",
};
static const struct shape file_shape = { SHAPE_STRING, .help = "path of a system file" };
static const struct shape *const forms[] = { &map_shape, &file_shape, NULL };
const struct shape system_shape = { SHAPE_ONE_OF, .options = forms };

static bool read_allow(const struct system *system, struct complaints *complaints)
{
	bool good = true;
	struct error err;

	for (size_t i = 0; i < system->allow.count; i++)
		if (!system_allow_check(text_of(system->allow.items[i]), &err))
			good = complain(complaints, system->allow.places[i], "'allow': %s",
					err.text);
	return good;
}

bool system_read(const struct yaml *map, struct reading *reading, struct system *system)
{
	struct system_keys keys;
	bool good;

	*system = (struct system){ .name = NULL };
	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "a system is a map, not %s",
				yaml_kind_name(map));
	good = schema_read(system_keys, map, &keys, reading);
	system->name = keys.name ? keys.name : arena_string(reading->arena, text_of("system"));
	system->allow = keys.allow;
	system->launcher = keys.launcher;
	system->control = keys.control;
	system->container_engine = keys.container_engine;
	good = read_allow(system, reading->complaints) && good;
	good = system_read_services(keys.services, reading, system) && good;
	good = system_read_edges(keys.edges, reading, system) && good;
	good = system_read_regions(keys.regions, reading, system) && good;
	return system_check(system, reading->complaints) && good;
}

const struct yaml *system_load_file(const char *path, struct reading *reading)
{
	struct yaml *root = yaml_read_file(reading->arena, path, reading->complaints);
	const struct yaml *map = root ? yaml_get(root, "system") : NULL;

	if (root && root->kind != YAML_MAP)
		complain(reading->complaints, root->at, "a system file is a map, not %s",
			 yaml_kind_name(root));
	else if (root && !map)
		complain(reading->complaints, root->at, "missing key 'system'");
	return map;
}

bool system_read_file(const char *path, struct reading *reading, struct system *system)
{
	size_t before = reading->complaints->errors;
	const struct yaml *map = system_load_file(path, reading);

	if (!map || !system_read(map, reading, system) || reading->complaints->errors > before)
		return false;
	system->path = arena_string(reading->arena, text_of(path));
	if (!yaml_get(map, "name"))
		system->name = path_stem(reading->arena, path);
	return true;
}

const struct service *system_service(const struct system *system, struct text name)
{
	for (size_t i = 0; i < system->service_count; i++)
		if (text_is(name, system->services[i].name))
			return &system->services[i];
	return NULL;
}

/* "order->payment" is "order -> payment". */
static bool edge_is(const struct edge *edge, struct text name)
{
	const char *arrow = name.length ? memmem(name.data, name.length, "->", 2) : NULL;
	size_t at;

	if (!arrow)
		return false;
	at = (size_t)(arrow - name.data);
	return text_is(text_trim((struct text){ name.data, at }), edge->from) &&
	       text_is(text_trim((struct text){ arrow + 2, name.length - at - 2 }), edge->to);
}

const struct edge *system_edge(const struct system *system, struct text name)
{
	for (size_t i = 0; i < system->edge_count; i++)
		if (edge_is(&system->edges[i], name))
			return &system->edges[i];
	return NULL;
}

const struct region *system_region(const struct system *system, struct text name)
{
	for (size_t i = 0; i < system->region_count; i++)
		if (text_is(name, system->regions[i].name))
			return &system->regions[i];
	return NULL;
}

const struct edge *system_entrance(const struct system *system)
{
	for (size_t i = 0; i < system->edge_count; i++)
		if (strcmp(system->edges[i].from, VISITORS) == 0)
			return &system->edges[i];
	return NULL;
}

static void fill_service(struct service *known, const struct service *now)
{
	known->at = now->at; /* the file that pids are read from again */
	known->url = now->url;
	known->health = now->health;
	known->smtp = now->smtp;
	known->start = now->start;
	known->data = now->data;
	known->instances = now->instances;
	known->instance_count = now->instance_count;
}

bool system_fill(struct system *known, const struct system *now, struct error *err)
{
	for (size_t i = 0; i < known->service_count; i++) {
		const char *name = known->services[i].name;
		const struct service *service = system_service(now, text_of(name));

		if (!service)
			return error_set(err, "'%s' has no service '%s'", now->name, name);
		fill_service(&known->services[i], service);
	}
	for (size_t i = 0; i < known->edge_count; i++) {
		struct edge *edge = &known->edges[i];
		const struct edge *found = system_edge(now, text_of(edge->name));

		if (!found)
			return error_set(err, "'%s' has no edge '%s'", now->name, edge->name);
		edge->url = found->url;
		edge->listen = found->listen;
		edge->protocol = found->protocol;
	}
	known->path = now->path;
	known->launcher = now->launcher;
	return true;
}
