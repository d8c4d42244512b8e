#include "reports/meta.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"

#define META_SCHEMA "sagastorm/meta/1"

enum {
	META_PHASES_MAX = 256,	/* a record has 8 bits for them */
	META_NAMES_MAX = 65536, /* and 16 for these */
	META_FAULTS_MAX = 1024,
	META_GATES_MAX = 1000,
	META_STEADY_MAX = 100,
	META_SAGAS_MAX = 256,
};

static const char *string_at(struct meta *meta, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return "";
	return arena_string(&meta->arena,
			    (struct text){ json_string_value(value), json_string_length(value) });
}

static double number_at(const json_t *object, const char *key, double otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : otherwise;
}

/* Never negative, and small enough that sums of a few stay in range. */
static int64_t time_at(const json_t *object, const char *key)
{
	return (int64_t)fmin(fmax(number_at(object, key, 0), 0), 1e15);
}

static const json_t *array_at(const json_t *root, const char *key, size_t most, struct error *err)
{
	const json_t *array = json_object_get(root, key);

	if (!json_is_array(array))
		error_set(err, "no list '%s'", key);
	else if (json_array_size(array) > most)
		error_set(err, "more than %zu entries in '%s'", most, key);
	else
		return array;
	return NULL;
}

static bool read_names(struct meta *meta, const json_t *root, const char *key, const char ***names,
		       size_t *count, struct error *err)
{
	const json_t *array = array_at(root, key, META_NAMES_MAX, err), *value;
	size_t i;

	if (!array)
		return false;
	*names = arena_array(&meta->arena, json_array_size(array), sizeof(**names));
	json_array_foreach(array, i, value) {
		if (!json_is_string(value))
			return error_set(err, "'%s' has something in it that is no name", key);
		(*names)[i] = arena_string(&meta->arena, text_of(json_string_value(value)));
	}
	*count = json_array_size(array);
	return true;
}

static bool read_phases(struct meta *meta, const json_t *root, struct error *err)
{
	const json_t *array = array_at(root, "phases", META_PHASES_MAX, err), *value;
	size_t i;

	if (!array)
		return false;
	meta->phase_count = json_array_size(array);
	meta->phases = arena_array(&meta->arena, meta->phase_count, sizeof(*meta->phases));
	meta->phase_names =
		arena_array(&meta->arena, meta->phase_count, sizeof(*meta->phase_names));
	json_array_foreach(array, i, value) {
		meta->phases[i] = (struct meta_phase){
			.name = string_at(meta, value, "name"),
			.kind = string_at(meta, value, "kind"),
			.start_us = time_at(value, "start_us"),
			.duration_us = time_at(value, "duration_us"),
			.rate_from = number_at(value, "rate_from", 0),
			.rate_to = number_at(value, "rate_to", 0),
			.planned = (uint64_t)time_at(value, "planned"),
			.measured = json_is_true(json_object_get(value, "measured")),
		};
		meta->phase_names[i] = meta->phases[i].name;
	}
	return true;
}

/* "2025-11-20T10:57:15.123Z" */
static int64_t parse_time(const char *iso)
{
	struct tm utc = { 0 };
	const char *rest = strptime(iso, "%Y-%m-%dT%H:%M:%S", &utc);
	double fraction = 0;

	if (!rest)
		return 0;
	if (*rest == '.')
		fraction = strtod(rest, NULL);
	return (int64_t)timegm(&utc) * US_PER_S + (int64_t)lround(fraction * 1e6);
}

static void read_limits(struct meta *meta, const json_t *limits)
{
	meta->lag_limit_us = number_at(limits, "lag_us", HUGE_VAL);
	meta->dropped_limit = number_at(limits, "dropped", HUGE_VAL);
	meta->cpu_limit = number_at(limits, "cpu", HUGE_VAL);
	meta->stall_limit_us = number_at(limits, "stall_us", HUGE_VAL);
}

/* Lists that older or simpler runs do not have; too long ones are taken as far as is sane. */
static size_t list_size(const json_t *list, size_t most)
{
	size_t size = json_is_array(list) ? json_array_size(list) : 0;

	return size < most ? size : most;
}

static void read_faults(struct meta *meta, const json_t *list)
{
	meta->fault_count = list_size(list, META_FAULTS_MAX);
	meta->faults = arena_array(&meta->arena, meta->fault_count, sizeof(*meta->faults));
	meta->fault_names =
		arena_array(&meta->arena, meta->fault_count, sizeof(*meta->fault_names));
	for (size_t i = 0; i < meta->fault_count; i++) {
		const json_t *fault = json_array_get(list, i);

		meta->faults[i] = (struct meta_fault){ string_at(meta, fault, "name"),
						       string_at(meta, fault, "kind"),
						       string_at(meta, fault, "target") };
		meta->fault_names[i] = meta->faults[i].name;
	}
}

static void read_gates(struct meta *meta, const json_t *list)
{
	meta->gate_count = list_size(list, META_GATES_MAX);
	meta->gates = arena_array(&meta->arena, meta->gate_count, sizeof(*meta->gates));
	for (size_t i = 0; i < meta->gate_count; i++) {
		const json_t *gate = json_array_get(list, i);

		meta->gates[i] = (struct meta_gate){ string_at(meta, gate, "gate"),
						     string_at(meta, gate, "name"),
						     json_is_true(json_object_get(gate, "abort")) };
	}
}

static void read_steady(struct meta *meta, const json_t *steady)
{
	const json_t *list = json_object_get(steady, "conditions");

	meta->steady_count = list_size(list, META_STEADY_MAX);
	meta->steady = arena_array(&meta->arena, meta->steady_count, sizeof(*meta->steady));
	for (size_t i = 0; i < meta->steady_count; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		meta->steady[i] = arena_string(&meta->arena, text_of(text ? text : ""));
	}
	meta->steady_for_us = time_at(steady, "for_us");
}

static void read_sagas(struct meta *meta, const json_t *list)
{
	meta->saga_count = list_size(list, META_SAGAS_MAX);
	meta->sagas = arena_array(&meta->arena, meta->saga_count, sizeof(*meta->sagas));
	for (size_t i = 0; i < meta->saga_count; i++)
		meta->sagas[i] = string_at(meta, json_array_get(list, i), "name");
}

static bool read_root(struct meta *meta, json_t *root, struct error *err)
{
	const char *schema = string_at(meta, root, "schema");

	if (strcmp(schema, META_SCHEMA) != 0)
		return error_set(err, "its schema is '%s', not '" META_SCHEMA "'", schema);
	meta->name = string_at(meta, root, "name");
	meta->about = string_at(meta, root, "about");
	meta->seed = string_at(meta, root, "seed");
	meta->started = string_at(meta, root, "started");
	meta->wall_start_us = parse_time(meta->started);
	meta->scenario = string_at(meta, root, "scenario");
	meta->version = string_at(meta, root, "version");
	meta->transport = string_at(meta, root, "transport");
	meta->target = string_at(meta, root, "target");
	meta->workers = (uint32_t)fmin(number_at(root, "workers", 0), 65535);
	read_limits(meta, json_object_get(root, "limits"));
	read_faults(meta, json_object_get(root, "faults"));
	read_gates(meta, json_object_get(root, "gates"));
	read_steady(meta, json_object_get(root, "steady"));
	read_sagas(meta, json_object_get(root, "sagas"));
	meta->environment = json_incref(json_object_get(root, "environment"));
	return read_phases(meta, root, err) &&
	       read_names(meta, root, "journeys", &meta->journeys, &meta->journey_count, err) &&
	       read_names(meta, root, "requests", &meta->requests, &meta->request_count, err);
}

static json_t *parse(const char *path, struct error *err)
{
	struct buffer contents = BUFFER_EMPTY;
	json_error_t problem;
	json_t *root = NULL;

	if (file_read(path, &contents, err)) {
		root = json_loadb(contents.data, contents.length, JSON_REJECT_DUPLICATES, &problem);
		if (!root)
			error_set(err, "%s:%d:%d: %s", path, problem.line, problem.column,
				  problem.text);
	}
	buffer_release(&contents);
	return root;
}

struct meta *meta_load(const char *path, struct error *err)
{
	json_t *root = parse(path, err);
	struct meta *meta;
	struct error why;

	if (!root)
		return NULL;
	meta = memory_new(sizeof(*meta));
	if (!read_root(meta, root, &why)) {
		error_set(err, "%s: %s", path, why.text);
		meta_free(meta);
		meta = NULL;
	}
	json_decref(root);
	return meta;
}

void meta_free(struct meta *meta)
{
	if (!meta)
		return;
	json_decref(meta->environment);
	arena_release(&meta->arena);
	free(meta);
}
