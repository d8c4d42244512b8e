/* A fault on its way to the proxy, as JSON. What arrives is read as if a stranger had sent it. */
#include <inttypes.h>
#include <stdlib.h>

#include "chaos/chaos_read.h"
#include "chaos/proxy_control.h"
#include "chaos/proxy_parts.h"
#include "lib/memory.h"

static void set_string(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

static json_t *match_to_json(const struct call_match *match)
{
	json_t *json = json_object();

	set_string(json, "method", match->method);
	set_string(json, "path", match->path);
	set_string(json, "header", match->header);
	json_object_set_new(json, "nth", json_integer(match->nth));
	json_object_set_new(json, "every", json_integer(match->every));
	return json;
}

static json_t *edges_to_json(const struct fault *fault, bool watch)
{
	json_t *edges = json_array();

	if (watch && fault->trigger.edge)
		json_array_append_new(edges, json_string(fault->trigger.edge->name));
	for (size_t i = 0; !watch && i < fault->edge_count; i++)
		json_array_append_new(edges, json_string(fault->edges[i]->name));
	return edges;
}

json_t *fault_to_json(const struct fault *fault, bool watch)
{
	json_t *json = json_object();
	char seed[20];

	snprintf(seed, sizeof(seed), "%" PRIx64, fault->seed);
	json_object_set_new(json, "number", json_integer(fault->number));
	json_object_set_new(json, "edges", edges_to_json(fault, watch));
	json_object_set_new(json, "match",
			    match_to_json(watch ? &fault->trigger.match : &fault->match));
	json_object_set_new(json, "seed", json_string(seed));
	set_string(json, "name", fault->name);
	if (watch) {
		json_object_set_new(json, "hold", json_boolean(fault->trigger.hold));
		return json;
	}
	set_string(json, "kind", fault->kind->name);
	set_string(json, "settings", fault->settings_yaml);
	json_object_set_new(json, "direction", json_integer((json_int_t)fault->direction));
	json_object_set_new(json, "share", json_real(fault->share));
	json_object_set_new(json, "times", json_integer(fault->times));
	return json;
}

/* ---- In the proxy ---- */

static char *get_string(struct arena *arena, const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_string(value))
		return NULL;
	return arena_string(arena,
			    (struct text){ json_string_value(value), json_string_length(value) });
}

static int64_t get_count(const json_t *json, const char *key)
{
	int64_t count = json_integer_value(json_object_get(json, key));

	return count > 0 ? count : 0;
}

static void read_match(struct arena *arena, const json_t *json, struct call_match *match)
{
	match->method = get_string(arena, json, "method");
	match->path = get_string(arena, json, "path");
	match->header = get_string(arena, json, "header");
	match->nth = get_count(json, "nth");
	match->every = get_count(json, "every");
}

static bool read_edges(struct proxy_core *core, const json_t *json, struct armed *armed,
		       struct error *err)
{
	size_t count = json_array_size(json);

	if (count == 0 || count > core->edge_count)
		return error_set(err, "a fault on %zu edges", count);
	armed->edges = arena_array(&armed->arena, count, sizeof(struct proxy_edge *));
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(json, i));
		struct proxy_edge *edge = proxy_edge_find(core, text_of(name));

		if (!name || !edge)
			return error_set(err, "the proxy has no edge '%s'", name ? name : "");
		armed->edges[armed->edge_count++] = edge;
	}
	return true;
}

static bool read_settings(struct proxy_core *core, const json_t *json, struct armed *armed,
			  struct error *err)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { &armed->arena, &complaints, NULL, NULL };
	const char *settings = json_string_value(json_object_get(json, "settings"));
	struct yaml *map = yaml_read_text(&armed->arena, armed->fault.name,
					  text_of(settings ? settings : "{}"), &complaints);
	bool good;

	armed->fault.system = core->system;
	good = map && fault_settings_read(armed->fault.kind, map, &reading, &armed->fault) &&
	       !complaints.errors;
	if (!good)
		error_set(err, "%s",
			  complaints.count ? complaints.items[0].text : "settings can't be read");
	complaints_release(&complaints);
	return good;
}

static bool read_kind(const json_t *json, struct armed *armed, struct error *err)
{
	const char *name = json_string_value(json_object_get(json, "kind"));
	const struct fault_kind *kind = name ? fault_kind_find(text_of(name)) : NULL;

	if (!kind || !(kind->family == FAMILY_WIRE ? !!kind->wire : !!kind->call))
		return error_set(err, "'%s' is no fault of the proxy", name ? name : "");
	armed->fault.kind = kind;
	return true;
}

/* Calls are seen where HTTP is spoken in the clear. */
static bool check_calls(const struct armed *armed, struct error *err)
{
	for (size_t i = 0; i < armed->edge_count; i++)
		if (armed->edges[i]->edge->protocol != EDGE_HTTP)
			return error_set(err, "no calls are seen on edge '%s': it is %s",
					 armed->edges[i]->edge->name,
					 edge_protocols[armed->edges[i]->edge->protocol]);
	return true;
}

/* What was resolved when the file was read counts; the settings are only the kind's own. */
static bool read_fault(struct proxy_core *core, const json_t *json, struct armed *armed,
		       struct error *err)
{
	struct fault *fault = &armed->fault;
	int64_t direction = get_count(json, "direction");

	if (!read_kind(json, armed, err) || !read_settings(core, json, armed, err))
		return false;
	if (fault->kind->family == FAMILY_CALL && !check_calls(armed, err))
		return false;
	fault->direction = (enum fault_direction)(direction & DIRECTION_BOTH);
	fault->share = json_number_value(json_object_get(json, "share"));
	fault->times = get_count(json, "times");
	read_match(&armed->arena, json_object_get(json, "match"), &fault->match);
	return true;
}

static bool read_watch(const json_t *json, struct armed *armed, struct error *err)
{
	armed->watch = true;
	armed->fault.share = 1;
	armed->fault.trigger.kind = TRIGGER_ON;
	armed->fault.trigger.hold = json_is_true(json_object_get(json, "hold"));
	read_match(&armed->arena, json_object_get(json, "match"), &armed->fault.trigger.match);
	return check_calls(armed, err);
}

struct armed *armed_from_json(struct proxy_core *core, const json_t *json, bool watch,
			      struct error *err)
{
	struct armed *armed = memory_new(sizeof(*armed));
	struct fault *fault = &armed->fault;
	const char *seed = json_string_value(json_object_get(json, "seed"));

	fault->number = (uint32_t)get_count(json, "number");
	fault->seed = seed ? strtoull(seed, NULL, 16) : 0;
	fault->name = get_string(&armed->arena, json, "name");
	if (!fault->name)
		fault->name = arena_string(&armed->arena, text_of("a fault"));
	if (read_edges(core, json_object_get(json, "edges"), armed, err) &&
	    (watch ? read_watch(json, armed, err) : read_fault(core, json, armed, err)))
		return armed;
	armed_free(armed);
	return NULL;
}
