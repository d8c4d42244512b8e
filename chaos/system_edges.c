/* `edges:` and `regions:` of a system. See chaos/system_parts.h. */
#include "chaos/system_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

struct edge_keys {
	char *from, *to, *url, *listen;
	int protocol;
	bool events;
};

static const char *const protocol_choices[] = { "http", "tcp", "tls", "auto", NULL };
const char *const edge_protocols[] = { "http", "tcp", "tls", NULL };

enum { PROTOCOL_AUTO = 3 };

#define FIELD(name) offsetof(struct edge_keys, name)

static const struct key edge_keys[] = {
	{ "from", KEY_STRING, FIELD(from), .required = true,
	  .help = "the service that calls; `" VISITORS "` is the load itself" },
	{ "to", KEY_STRING, FIELD(to), .required = true, .help = "the service that is called" },
	{ "url", KEY_STRING, FIELD(url),
	  .help = "where it leads: scheme, host and port, or host:port; that of `to` by default" },
	{ "listen", KEY_STRING, FIELD(listen),
	  .help = "host:port where the proxy stands in for it, and where `from` is led; any free "
		  "port of the loopback by default",
	  .example = "127.0.0.1:9004" },
	{ "protocol", KEY_CHOICE, FIELD(protocol), .choices = protocol_choices, .initial = "auto",
	  .help = "`http`: single calls can be meant; `tcp` and `tls`: only bytes. `auto` goes by "
		  "the scheme" },
	{ "events", KEY_BOOL, FIELD(events), .initial = "no",
	  .help = "it carries calls back (events, webhooks), so circles are no mistake" },
	KEYS_END
};

static const struct shape edge_shape = { SHAPE_KEYS, .name = "edge", .keys = edge_keys };
const struct shape edges_shape = { SHAPE_LIST_OF, .of = &edge_shape };

static const struct shape members_shape = { SHAPE_ANY, .help = "list of services" };
const struct shape regions_shape = { SHAPE_MAP_OF, .of = &members_shape };

static bool complain_service(const struct system *system, struct text name, struct place at,
			     struct complaints *complaints)
{
	const char **known = memory_array(system->service_count + 1, sizeof(*known));

	for (size_t i = 0; i < system->service_count; i++)
		known[i] = system->services[i].name;
	complain_unknown(complaints, at, "service", name, known);
	free(known);
	return false;
}

static struct place place_of(const struct yaml *map, const char *key)
{
	const struct yaml *value = yaml_get(map, key);

	return value ? value->at : map->at;
}

static bool check_ends(const struct edge_keys *keys, const struct yaml *map,
		       const struct system *system, struct complaints *complaints)
{
	bool good = true;

	if (strcmp(keys->from, VISITORS) != 0 && !system_service(system, text_of(keys->from)))
		good = complain_service(system, text_of(keys->from), place_of(map, "from"),
					complaints);
	if (!system_service(system, text_of(keys->to)))
		good = complain_service(system, text_of(keys->to), place_of(map, "to"), complaints);
	if (good && strcmp(keys->from, keys->to) == 0)
		good = complain(complaints, map->at, "an edge from '%s' to itself", keys->from);
	return good;
}

static bool check_listen(const struct system *system, const struct edge_keys *keys, struct place at,
			 struct complaints *complaints)
{
	struct address address;
	struct error err;

	if (!keys->listen)
		return true;
	if (!address_read(text_of(keys->listen), &address, &err))
		return complain(complaints, at, "'listen': %s", err.text);
	if (strstr(keys->listen, "://"))
		return complain(complaints, at, "'listen' is host:port, without a scheme");
	return system_check_address(system, keys->listen, at, "listen", complaints);
}

/* By the scheme: what stands there without one is only bytes. */
static bool set_protocol(const struct edge_keys *keys, const struct yaml *map, struct edge *edge,
			 struct complaints *complaints)
{
	struct address address;
	struct error err;

	if (!address_read(text_of(edge->url), &address, &err))
		return complain(complaints, place_of(map, "url"), "'url': %s", err.text);
	edge->protocol = address.protocol;
	if (keys->protocol != PROTOCOL_AUTO)
		edge->protocol = (enum edge_protocol)keys->protocol;
	if (address.protocol == EDGE_TLS && edge->protocol == EDGE_HTTP)
		return complain(complaints, place_of(map, "protocol"),
				"'%s' is encrypted: the proxy passes it through, and sees no calls",
				edge->url);
	return true;
}

static bool check_twice(const struct system *system, const struct edge *edge,
			struct complaints *complaints)
{
	for (size_t i = 0; i < system->edge_count; i++)
		if (strcmp(system->edges[i].name, edge->name) == 0)
			return complain(complaints, edge->at, "edge '%s' is there twice (line %d)",
					edge->name, system->edges[i].at.line);
	return true;
}

static bool read_edge(const struct yaml *map, struct reading *reading, struct system *system)
{
	struct complaints *complaints = reading->complaints;
	struct edge_keys keys;
	const struct service *to;
	struct edge edge;
	bool good = schema_read(edge_keys, map, &keys, reading);

	if (map->kind != YAML_MAP || !keys.from || !keys.to)
		return false;
	good = check_ends(&keys, map, system, complaints) && good;
	to = system_service(system, text_of(keys.to));
	edge = (struct edge){
		.at = map->at,
		.name = arena_format(reading->arena, "%s -> %s", keys.from, keys.to),
		.from = keys.from,
		.to = keys.to,
		.url = keys.url ? keys.url :
		       to	? to->url :
				  NULL,
		.listen = keys.listen,
		.events = keys.events,
	};
	good = check_listen(system, &keys, place_of(map, "listen"), complaints) && good;
	if (keys.url)
		good = system_check_address(system, keys.url, place_of(map, "url"), "url",
					    complaints) &&
		       good;
	if (!edge.url)
		return good && complain(complaints, map->at,
					"where does '%s' lead? (missing key "
					"'url', as '%s' has none)",
					edge.name, keys.to);
	good = set_protocol(&keys, map, &edge, complaints) && good;
	good = check_twice(system, &edge, complaints) && good;
	system->edges[system->edge_count++] = edge;
	return good;
}

bool system_read_edges(const struct yaml *list, struct reading *reading, struct system *system)
{
	bool good = true;

	if (!list || yaml_is_null(list))
		return true;
	if (list->kind != YAML_LIST)
		return complain(reading->complaints, list->at, "'edges' wants a list, not %s",
				yaml_kind_name(list));
	if (list->count > EDGES_MAX)
		return complain(reading->complaints, list->at, "more than %d edges", EDGES_MAX);
	system->edges = arena_array(reading->arena, list->count + 1, sizeof(*system->edges));
	for (const struct yaml *item = list->first; item; item = item->next)
		good = read_edge(item, reading, system) && good;
	return good;
}

static struct service *find_service(struct system *system, const char *name)
{
	for (size_t i = 0; i < system->service_count; i++)
		if (strcmp(system->services[i].name, name) == 0)
			return &system->services[i];
	return NULL;
}

static bool read_region(const struct yaml *name, struct reading *reading, struct system *system)
{
	static const struct key members = { .name = "regions", .type = KEY_STRINGS };
	struct region *region = &system->regions[system->region_count++];
	bool good;

	*region = (struct region){ .name = arena_string(reading->arena, name->text) };
	good = schema_read_value(&members, name->value, &region->services, reading);
	for (size_t i = 0; i < region->services.count; i++) {
		const char *member = region->services.items[i];
		struct service *service = find_service(system, member);

		if (!service)
			good = complain_service(system, text_of(member), region->services.places[i],
						reading->complaints);
		else if (service->region)
			good = complain(reading->complaints, region->services.places[i],
					"'%s' is in region '%s' already", member, service->region);
		else
			service->region = region->name;
	}
	return good;
}

bool system_read_regions(const struct yaml *map, struct reading *reading, struct system *system)
{
	bool good = true;

	if (!map || yaml_is_null(map))
		return true;
	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "'regions' wants a map, not %s",
				yaml_kind_name(map));
	system->regions = arena_array(reading->arena, map->count + 1, sizeof(*system->regions));
	for (const struct yaml *name = map->first; name; name = name->next)
		good = read_region(name, reading, system) && good;
	return good;
}
