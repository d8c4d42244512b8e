/* `chaos:`, compiled. See chaos/chaos_read.h. */
#include "chaos/chaos_read.h"

#include <stdlib.h>

#include "chaos/faults_parts.h"
#include "lib/memory.h"
#include "lib/utf8.h"
#include "lib/visible.h"

struct section_keys {
	const struct yaml *steady, *faults;
	int64_t steady_for_us, recovers_within_us;
	bool abort_on_breach;
};

#define FIELD(name) offsetof(struct section_keys, name)

static const struct shape condition_shape = { SHAPE_STRING, .help = "condition" };
static const struct shape conditions_shape = { SHAPE_LIST_OF, .of = &condition_shape };

const struct key chaos_keys[] = {
	{ "steady", KEY_NODE, FIELD(steady), .shape = &conditions_shape,
	  .help = "what must hold before anything is broken, and again after it was healed: a "
		  "sick system is not attacked",
	  .example = "[ \"checkout.errors < 1%\", \"browse.p99 < 500ms\" ]" },
	{ "steady-for", KEY_DURATION, FIELD(steady_for_us), .initial = "3s", .minimum = 0,
	  .maximum = 3600e6, .help = "how long that must have held" },
	{ "abort-on-breach", KEY_BOOL, FIELD(abort_on_breach), .initial = "no",
	  .help = "if it does not hold during a fault, heal everything and end the run" },
	{ "recovers-within", KEY_DURATION, FIELD(recovers_within_us), .initial = "30s",
	  .maximum = 3600e6, .help = "after healing it must hold again within this time" },
	{ "faults", KEY_NODE, FIELD(faults), .shape = &faults_shape,
	  .help = "what is broken, when, and for how long",
	  .example = "[ { at: sale + 10s, for: 15s, latency: { edge: order -> payment, "
		     "delay: 800ms } } ]" },
	KEYS_END
};

const struct shape chaos_shape = {
	SHAPE_KEYS, .name = "chaos", .keys = chaos_keys,
	.help = "what is broken on purpose while the load runs",
};

/* A copy of the tree in which nothing is left to be substituted. */
static struct yaml *fold(const struct yaml *from, struct reading *reading, bool *good)
{
	struct yaml *to = arena_new(reading->arena, sizeof(*to));
	struct yaml **link = &to->first;

	*to = *from;
	to->first = to->next = to->value = NULL;
	if (from->kind == YAML_SCALAR && reading->substitute)
		*good = reading->substitute(reading->context, to, reading->complaints) && *good;
	for (const struct yaml *child = from->first; child; child = child->next) {
		*link = fold(child, reading, good);
		if (child->value)
			(*link)->value = fold(child->value, reading, good);
		link = &(*link)->next;
	}
	return to;
}

static const char *aims_of(const struct fault_kind *kind)
{
	static const char *const names[] = {
		[AIM_EDGE] = "an edge",
		[AIM_SERVICE] = "a service",
		[AIM_EDGE | AIM_SERVICE] = "an edge or a service",
		[AIM_REGION] = "a region",
		[AIM_EDGE | AIM_REGION] = "an edge or a region",
		[AIM_SERVICE | AIM_REGION] = "a service or a region",
		[AIM_EDGE | AIM_SERVICE | AIM_REGION] = "an edge, a service or a region",
	};
	const char *name = kind->aims & AIM_WITNESS ?
				   "a witness" :
				   names[kind->aims & (AIM_EDGE | AIM_SERVICE | AIM_REGION)];

	return name ? name : "this machine";
}

static bool complain_aim(const struct fault_kind *kind, const struct yaml *key,
			 struct reading *reading)
{
	if (text_is(key->text, "edge") || text_is(key->text, "service") ||
	    text_is(key->text, "region") || text_is(key->text, "witness"))
		return complain(reading->complaints, key->at,
				"'%s' can't be aimed at '%s', only at %s", kind->name,
				key->text.data, aims_of(kind));
	return complain(reading->complaints, key->at,
			"'%s' has no '%s', which is for faults of "
			"%s",
			kind->name, key->text.data,
			text_is(key->text, "direction") ? "bytes" :
			text_is(key->text, "share")	? "edges and services" :
			text_is(key->text, "most")	? "services" :
							  "calls");
}

/* Takes away the common keys that this kind has no use for, after saying so. */
static bool take_away_common(const struct fault_kind *kind, struct yaml *map,
			     struct reading *reading)
{
	struct yaml **link = &map->first;
	bool good = true;

	while (*link) {
		struct yaml *key = *link;

		if (!fault_is_common_key(key->text) || fault_kind_has_key(kind, key->text)) {
			link = &key->next;
			continue;
		}
		good = complain_aim(kind, key, reading);
		*link = key->next;
		map->count--;
	}
	return good;
}

static void keep_yaml(const struct yaml *map, struct arena *arena, struct fault *fault)
{
	struct buffer text = BUFFER_EMPTY;

	yaml_write_flow(map, &text);
	fault->settings_yaml = arena_string(arena, buffer_text(&text));
	buffer_release(&text);
}

static bool read_map(const struct fault_kind *kind, struct yaml *map, struct reading *reading,
		     struct fault *fault)
{
	struct aim_keys *keys = arena_new(reading->arena, fault_settings_bytes(kind));
	size_t before = reading->complaints->errors;
	bool good = take_away_common(kind, map, reading);

	good = schema_read(fault_kind_keys(kind), map, keys, reading) && good;
	fault->kind = kind;
	fault->settings = fault_own_settings(keys);
	fault->share = fault_kind_has_key(kind, text_of("share")) ? keys->share : 1;
	fault->most = keys->most;
	fault->direction = (enum fault_direction)(keys->direction + 1);
	fault->match = (struct call_match){ .nth = keys->nth, .every = keys->every };
	good = fault_read_match(keys->call, keys->header, map, reading, &fault->match) && good;
	if (good || keys->edges.count || keys->services.count || keys->regions.count ||
	    keys->witnesses.count)
		good = fault_read_aim(keys, map, reading, fault) && good;
	keep_yaml(map, reading->arena, fault);
	if (good && kind->check)
		good = kind->check(fault, reading->complaints);
	return good && reading->complaints->errors == before;
}

bool fault_settings_read(const struct fault_kind *kind, const struct yaml *map,
			 struct reading *reading, struct fault *fault)
{
	struct reading plain = { reading->arena, reading->complaints, NULL, NULL };
	bool good = true;
	struct yaml *copy;

	if (map->kind != YAML_MAP)
		return complain(reading->complaints, map->at, "'%s' wants a map, not %s",
				kind->name, yaml_kind_name(map));
	copy = fold(map, reading, &good);
	if (!fault->at.line)
		fault->at = map->at;
	return good && read_map(kind, copy, &plain, fault);
}

/* Which kind it is: exactly one. NULL after a complaint. */
static const struct fault_kind *kind_of(const struct item_keys *item, const struct yaml *map,
					struct reading *reading, const struct yaml **settings)
{
	const struct fault_kind *found = NULL;

	for (size_t i = 0; fault_kinds[i]; i++) {
		if (!item->kinds[i])
			continue;
		if (found) {
			complain(reading->complaints, fault_place_of(map, fault_kinds[i]->name),
				 "'%s' and '%s': one item is one fault", found->name,
				 fault_kinds[i]->name);
			return NULL;
		}
		found = fault_kinds[i];
		*settings = item->kinds[i];
	}
	if (!found)
		complain(reading->complaints, map->at,
			 "what is broken? (such as 'kill: { service: payment }'; "
			 "`sagastorm chaos kinds` lists all)");
	return found;
}

/* An unknown kind has been complained about as an unknown key. */
static bool has_unknown_key(const struct yaml *map)
{
	for (const struct yaml *key = map->first; key; key = key->next) {
		const struct key *known = fault_item_keys();

		while (known->name && !text_is(key->text, known->name))
			known++;
		if (!known->name)
			return true;
	}
	return false;
}

/* "latency order -> payment" */
static char *usual_name(const struct fault *fault, struct arena *arena)
{
	const char *first = fault->edge_count	 ? fault->edges[0]->name :
			    fault->service_count ? fault->services[0]->name :
						   NULL;
	size_t count = fault->edge_count ? fault->edge_count : fault->service_count;

	if (!first)
		return arena_string(arena, text_of(fault->kind->name));
	if (count > 1)
		return arena_format(arena, "%s %s and %zu more", fault->kind->name, first,
				    count - 1);
	return arena_format(arena, "%s %s", fault->kind->name, first);
}

static const struct fault *fault_named(const struct chaos_section *section, const char *name)
{
	for (size_t i = 0; i < section->fault_count; i++)
		if (section->faults[i].name && strcmp(section->faults[i].name, name) == 0)
			return &section->faults[i];
	return NULL;
}

/* It stands in lines of ours, in terminals and in reports. */
static bool steers(const char *name)
{
	const char *end = name + strlen(name);

	for (size_t length; name < end; name += length) {
		length = utf8_length(name, end);
		if (!length || visible_steers(name, length))
			return true;
	}
	return false;
}

/* Names tell faults apart: in the history, and in the seeds of their random streams. */
static bool name_fault(const struct item_keys *item, const struct chaos_section *section,
		       const struct yaml *map, struct reading *reading, struct fault *fault)
{
	const char *usual = usual_name(fault, reading->arena);
	const struct fault *other;
	int again = 1;

	if (!item->name) {
		fault->name = arena_string(reading->arena, text_of(usual));
		while (fault_named(section, fault->name))
			fault->name = arena_format(reading->arena, "%s #%d", usual, ++again);
		return true;
	}
	fault->name = item->name;
	other = fault_named(section, item->name);
	if (!*item->name || strlen(item->name) > 100)
		return complain(reading->complaints, fault_place_of(map, "name"),
				"the name of a fault has 1 to 100 characters");
	if (steers(item->name))
		return complain(reading->complaints, fault_place_of(map, "name"),
				"the name of a fault is one line, without control characters");
	return !other || complain(reading->complaints, fault_place_of(map, "name"),
				  "two faults are called '%s' (the other at line %d)", item->name,
				  other->at.line);
}

static bool read_fault(const struct yaml *map, const struct chaos_context *context,
		       struct chaos_section *section)
{
	struct fault *fault = &section->faults[section->fault_count];
	struct item_keys *item = arena_new(context->reading->arena, sizeof(*item));
	const struct yaml *settings = NULL;
	bool good;

	*fault = (struct fault){ .at = map->at,
				 .number = (uint32_t)section->fault_count,
				 .system = context->system,
				 .seed = context->seed };
	if (map->kind != YAML_MAP)
		return complain(context->reading->complaints, map->at, "a fault is a map, not %s",
				yaml_kind_name(map));
	good = schema_read(fault_item_keys(), map, item, context->reading);
	good = fault_read_trigger(item, map, context, fault) && good;
	if (has_unknown_key(map))
		return false;
	fault->kind = kind_of(item, map, context->reading, &settings);
	if (!fault->kind || !fault_settings_read(fault->kind, settings, context->reading, fault) ||
	    !good)
		return false;
	good = fault_read_end(item, map, context, fault);
	good = name_fault(item, section, map, context->reading, fault) && good;
	section->fault_count++;
	return good;
}

static bool shares_target(const struct fault *a, const struct fault *b)
{
	for (size_t i = 0; i < a->service_count; i++)
		for (size_t j = 0; j < b->service_count; j++)
			if (a->services[i] == b->services[j])
				return true;
	return a->service_count == 0 && b->service_count == 0;
}

/* In the proxy faults compose; twice the same on a process or a machine is hardly meant. */
static void warn_about_overlaps(const struct chaos_section *section, struct complaints *complaints)
{
	for (size_t i = 0; i < section->fault_count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct fault *a = &section->faults[j], *b = &section->faults[i];
			bool proxied =
				a->kind->family == FAMILY_WIRE || a->kind->family == FAMILY_CALL;

			if (a->kind != b->kind || proxied || a->trigger.kind != TRIGGER_AT ||
			    b->trigger.kind != TRIGGER_AT || a->share < 1 || b->share < 1 ||
			    a->trigger.at_us + a->duration_us <= b->trigger.at_us ||
			    b->trigger.at_us + b->duration_us <= a->trigger.at_us ||
			    a->edge_count || b->edge_count || !shares_target(a, b))
				continue;
			complain_warning(complaints, b->at,
					 "'%s' and '%s' (line %d) are in effect at the same time",
					 b->name, a->name, a->at.line);
		}
}

static bool read_faults(const struct yaml *list, const struct chaos_context *context,
			struct chaos_section *section)
{
	struct complaints *complaints = context->reading->complaints;
	bool good = true;

	if (!list || yaml_is_null(list))
		return true;
	if (list->kind != YAML_LIST)
		return complain(complaints, list->at, "'faults' wants a list, not %s",
				yaml_kind_name(list));
	if (list->count > FAULTS_MAX)
		return complain(complaints, list->at, "more than %d faults", FAULTS_MAX);
	section->faults =
		arena_array(context->reading->arena, list->count + 1, sizeof(*section->faults));
	for (const struct yaml *item = list->first; item; item = item->next)
		good = read_fault(item, context, section) && good;
	warn_about_overlaps(section, complaints);
	return good;
}

static bool check_steady(const struct yaml *steady, struct complaints *complaints)
{
	bool good = true;

	if (!steady || yaml_is_null(steady))
		return true;
	if (steady->kind != YAML_LIST)
		return complain(complaints, steady->at, "'steady' wants a list, not %s",
				yaml_kind_name(steady));
	for (const struct yaml *item = steady->first; item; item = item->next)
		if (item->kind != YAML_SCALAR)
			good = complain(complaints, item->at,
					"a condition such as \"errors < 1%%\", not %s",
					yaml_kind_name(item));
	return good;
}

bool chaos_section_read(const struct yaml *node, const struct chaos_context *context,
			struct chaos_section *section)
{
	struct complaints *complaints = context->reading->complaints;
	struct section_keys keys;
	bool good;

	*section = (struct chaos_section){ .steady = NULL };
	if (node->kind != YAML_MAP)
		return complain(complaints, node->at, "'chaos' wants a map, not %s",
				yaml_kind_name(node));
	good = schema_read(chaos_keys, node, &keys, context->reading);
	section->steady_for_us = keys.steady_for_us;
	section->abort_on_breach = keys.abort_on_breach;
	section->recovers_within_us = keys.recovers_within_us;
	good = check_steady(keys.steady, complaints) && good;
	if (keys.steady && keys.steady->first)
		section->steady = keys.steady;
	return read_faults(keys.faults, context, section) && good;
}
