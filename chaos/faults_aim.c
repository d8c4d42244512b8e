/* What a fault is aimed at: edge:, service:, region: and witness:. See chaos/faults_parts.h. */
#include "chaos/faults_parts.h"

#include <stdlib.h>

#include "chaos/call_match.h"
#include "lib/memory.h"

struct aiming {
	struct reading *reading;
	struct fault *fault;
	const struct system *system;
};

/* Names for suggestions, NULL-ended; free(). */
static const char **service_names(const struct system *system)
{
	const char **names = memory_array(system->service_count + 1, sizeof(*names));

	for (size_t i = 0; i < system->service_count; i++)
		names[i] = system->services[i].name;
	return names;
}

static const char **edge_names(const struct system *system)
{
	const char **names = memory_array(system->edge_count + 1, sizeof(*names));

	for (size_t i = 0; i < system->edge_count; i++)
		names[i] = system->edges[i].name;
	return names;
}

static const char **region_names(const struct system *system)
{
	const char **names = memory_array(system->region_count + 1, sizeof(*names));

	for (size_t i = 0; i < system->region_count; i++)
		names[i] = system->regions[i].name;
	return names;
}

static bool complain_name(struct reading *reading, struct place at, const char *what,
			  struct text name, const char **known)
{
	complain_unknown(reading->complaints, at, what, name, known);
	free(known);
	return false;
}

/* "order -> payment": the two ends. */
static bool split_edge(struct text name, struct text *from, struct text *to)
{
	const char *arrow = name.length ? memmem(name.data, name.length, "->", 2) : NULL;
	size_t at;

	if (!arrow)
		return false;
	at = (size_t)(arrow - name.data);
	*from = text_trim((struct text){ name.data, at });
	*to = text_trim((struct text){ arrow + 2, name.length - at - 2 });
	return from->length && to->length;
}

static bool end_is(struct text end, const char *service)
{
	return text_is(end, "*") || text_is(end, service);
}

const struct edge *fault_find_edge(const struct system *system, struct text name, struct place at,
				   struct reading *reading)
{
	const struct edge *edge = system ? system_edge(system, name) : NULL;

	if (!system)
		complain(reading->complaints, at, "no 'system:' says where '%.*s' is",
			 (int)name.length, name.data);
	else if (!edge)
		complain_name(reading, at, "edge", name, edge_names(system));
	return edge;
}

static bool add_edge(struct aiming *aiming, const struct edge *edge, struct place at)
{
	struct fault *fault = aiming->fault;

	for (size_t i = 0; i < fault->edge_count; i++)
		if (fault->edges[i] == edge)
			return true;
	if (fault->kind->family == FAMILY_CALL && edge->protocol != EDGE_HTTP)
		return complain(aiming->reading->complaints, at,
				"'%s' is about calls, and '%s' is no HTTP edge", fault->kind->name,
				edge->name);
	fault->edges[fault->edge_count++] = edge;
	return true;
}

/* With '*' on a side: those that the kind can be aimed at. */
static bool add_edges_like(struct aiming *aiming, struct text name, struct place at)
{
	const struct system *system = aiming->system;
	bool calls = aiming->fault->kind->family == FAMILY_CALL, any = false;
	struct text from, to;

	if (!split_edge(name, &from, &to))
		return complain(aiming->reading->complaints, at,
				"'%.60s' is no edge (write 'order -> payment')", name.data);
	if (!text_is(from, "*") && !text_is(to, "*")) {
		const struct edge *edge = fault_find_edge(system, name, at, aiming->reading);

		return edge && add_edge(aiming, edge, at);
	}
	for (size_t i = 0; i < system->edge_count; i++) {
		const struct edge *edge = &system->edges[i];

		if (!end_is(from, edge->from) || !end_is(to, edge->to) ||
		    (calls && edge->protocol != EDGE_HTTP))
			continue;
		add_edge(aiming, edge, at);
		any = true;
	}
	return any ||
	       complain(aiming->reading->complaints, at, "no edge is like '%.60s'", name.data);
}

static void add_service(struct aiming *aiming, const struct service *service)
{
	struct fault *fault = aiming->fault;

	for (size_t i = 0; i < fault->service_count; i++)
		if (fault->services[i] == service)
			return;
	fault->services[fault->service_count++] = service;
}

static bool add_service_named(struct aiming *aiming, struct text name, struct place at)
{
	const struct service *service = system_service(aiming->system, name);

	if (!service)
		return complain_name(aiming->reading, at, "service", name,
				     service_names(aiming->system));
	add_service(aiming, service);
	return true;
}

static bool is_in_region(const struct region *region, const char *service)
{
	for (size_t i = 0; i < region->services.count; i++)
		if (strcmp(region->services.items[i], service) == 0)
			return true;
	return false;
}

static void add_border(struct aiming *aiming, const struct region *region, struct place at)
{
	bool calls = aiming->fault->kind->family == FAMILY_CALL;

	for (size_t i = 0; i < aiming->system->edge_count; i++) {
		const struct edge *edge = &aiming->system->edges[i];

		if (is_in_region(region, edge->from) != is_in_region(region, edge->to) &&
		    !(calls && edge->protocol != EDGE_HTTP))
			add_edge(aiming, edge, at);
	}
}

static bool add_region(struct aiming *aiming, struct text name, struct place at)
{
	const struct region *region = system_region(aiming->system, name);
	unsigned aims = aiming->fault->kind->aims;

	if (!region)
		return complain_name(aiming->reading, at, "region", name,
				     region_names(aiming->system));
	for (size_t i = 0; i < region->services.count; i++) {
		const struct service *service =
			system_service(aiming->system, text_of(region->services.items[i]));

		if (service)
			add_service(aiming, service);
	}
	if (aims & AIM_EDGE)
		add_border(aiming, region, at);
	return true;
}

static bool each(struct aiming *aiming, const struct strings *names,
		 bool (*add)(struct aiming *aiming, struct text name, struct place at))
{
	bool good = true;

	for (size_t i = 0; i < names->count; i++)
		good = add(aiming, text_of(names->items[i]), names->places[i]) && good;
	return good;
}

/* An empty list names nobody. */
static bool names_any(const struct yaml *map, const char *key)
{
	const struct yaml *node = yaml_get(map, key);

	return node && (node->kind != YAML_LIST || node->first);
}

static bool aim_at_nothing(const struct yaml *map, struct reading *reading,
			   const struct fault *fault)
{
	unsigned aims = fault->kind->aims;
	const char *key = aims & AIM_EDGE    ? "edge" :
			  aims & AIM_SERVICE ? "service" :
			  aims & AIM_REGION  ? "region" :
					       "witness";

	if (!aims || aims & AIM_MACHINE || names_any(map, "edge") || names_any(map, "service") ||
	    names_any(map, "region") || names_any(map, "witness"))
		return true;
	return complain(reading->complaints, map->at, "'%s' is aimed at nothing (missing key '%s')",
			fault->kind->name, key);
}

bool fault_read_aim(const struct aim_keys *keys, const struct yaml *map, struct reading *reading,
		    struct fault *fault)
{
	struct aiming aiming = { reading, fault, fault->system };
	size_t wanted = keys->edges.count + keys->services.count + keys->regions.count +
			keys->witnesses.count;
	bool good;

	if (!wanted)
		return aim_at_nothing(map, reading, fault);
	if (!fault->system)
		return complain(reading->complaints, map->at,
				"no 'system:' says what '%s' is aimed at", fault->kind->name);
	fault->edges =
		arena_array(reading->arena, fault->system->edge_count + 1, sizeof(*fault->edges));
	fault->services = arena_array(reading->arena, fault->system->service_count + 1,
				      sizeof(*fault->services));
	good = each(&aiming, &keys->edges, add_edges_like);
	good = each(&aiming, &keys->services, add_service_named) && good;
	good = each(&aiming, &keys->witnesses, add_service_named) && good;
	return each(&aiming, &keys->regions, add_region) && good;
}

bool fault_read_match(const char *call, const char *header, const struct yaml *map,
		      struct reading *reading, struct call_match *match)
{
	struct error err;
	bool good = true;

	if (call && !call_match_read(text_of(call), reading->arena, match, &err))
		good = complain(reading->complaints, fault_place_of(map, "call"), "'call': %s",
				err.text);
	if (header && !call_match_header_check(text_of(header), &err))
		good = complain(reading->complaints, fault_place_of(map, "header"), "'header': %s",
				err.text);
	if (header)
		match->header = arena_string(reading->arena, text_of(header));
	return good;
}

struct place fault_place_of(const struct yaml *map, const char *key)
{
	const struct yaml *value = yaml_get(map, key);

	return value ? value->at : map->at;
}
