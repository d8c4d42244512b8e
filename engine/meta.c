#include "engine/meta.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "engine/saga_rules.h"
#include "engine/meta_chaos.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/version.h"

static json_t *string_or_null(const char *string)
{
	return string ? json_string(string) : json_null();
}

static json_t *iso_time(int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / US_PER_S);
	struct tm utc;
	char text[40];
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%03dZ",
		 (int)(wall_us % US_PER_S / US_PER_MS));
	return json_string(text);
}

static const char *phase_kind_name(enum phase_kind kind)
{
	static const char *const names[] = { "rate", "curve", "users", "iterations", "pause" };

	return names[kind];
}

static json_t *phase_json(const struct plan *plan, uint8_t number)
{
	const struct phase *phase = &plan->phases[number];

	return json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:i, s:i, s:I, s:b, s:I}", "name",
			 phase->name, "kind", phase_kind_name(phase->kind), "start_us",
			 (json_int_t)phase->start_us, "duration_us", (json_int_t)phase->duration_us,
			 "rate_from", phase->rate_from, "rate_to", phase->rate_to, "users_from",
			 (int)phase->users_from, "users_to", (int)phase->users_to, "iterations",
			 (json_int_t)phase->iterations, "measured", phase->measured, "planned",
			 (json_int_t)plan_starts_in_phase(plan, number));
}

static json_t *phases_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (uint8_t i = 0; i < plan->phase_count; i++)
		json_array_append_new(list, phase_json(plan, i));
	return list;
}

static json_t *journeys_json(const struct scenario *scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; i < scenario->journey_count; i++)
		json_array_append_new(list, json_string(scenario->journeys[i].name));
	return list;
}

static json_t *names_json(const struct name_table *table)
{
	json_t *list = json_array();

	for (size_t i = 0; i < table->count; i++)
		json_array_append_new(list, json_string(table->items[i]));
	return list;
}

static json_t *limits_json(const struct generator_settings *generator)
{
	return json_pack("{s:I, s:f, s:f, s:I}", "lag_us", (json_int_t)generator->lag_limit_us,
			 "dropped", generator->dropped_limit, "cpu", generator->cpu_limit,
			 "stall_us", (json_int_t)generator->stall_limit_us);
}

static json_t *environment_json(void)
{
	struct utsname name;
	char host[256] = "";

	uname(&name);
	gethostname(host, sizeof(host) - 1);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I}", "host", host, "system", name.sysname,
			 "kernel", name.release, "machine", name.machine, "cpus",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes",
			 (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static json_t *meta_json(const struct scenario *scenario, const struct meta_run *run)
{
	json_t *meta = json_object();
	char seed[24], number[24];

	snprintf(seed, sizeof(seed), "%" PRIu64, scenario->plan.seed);
	json_object_set_new(meta, "schema", json_string("sagastorm/meta/1"));
	json_object_set_new(meta, "version", json_string(SAGASTORM_VERSION));
	json_object_set_new(meta, "name", string_or_null(scenario->name));
	json_object_set_new(meta, "about", string_or_null(scenario->about));
	json_object_set_new(meta, "seed", json_string(seed));
	json_object_set_new(meta, "started", iso_time(run->wall_start_us));
	json_object_set_new(meta, "started_us", json_integer(run->wall_start_us));
	json_object_set_new(meta, "scenario", string_or_null(scenario->path));
	json_object_set_new(meta, "command", string_or_null(run->command));
	json_object_set_new(meta, "target", string_or_null(scenario->transfer.origins[0].url));
	json_object_set_new(meta, "transport",
			    json_string(run->transport == TRANSPORT_CURL ? "curl" : "direct"));
	json_object_set_new(meta, "workers", json_integer(run->workers));
	json_object_set_new(meta, "limits", limits_json(&scenario->generator));
	json_object_set_new(meta, "phases", phases_json(&scenario->plan));
	json_object_set_new(meta, "journeys", journeys_json(scenario));
	json_object_set_new(meta, "requests", names_json(&scenario->request_names));
	snprintf(number, sizeof(number), "%016" PRIx64, run->run);
	json_object_set_new(meta, "run", json_string(number));
	json_object_set_new(meta, "sagas", saga_contracts_json(scenario));
	json_object_set_new(meta, "gates", meta_gates(scenario));
	json_object_set_new(meta, "faults", meta_faults(scenario));
	if (scenario->steady_count)
		json_object_set_new(meta, "steady", meta_steady(scenario));
	json_object_set_new(meta, "environment", environment_json());
	return meta;
}

bool meta_write(const struct scenario *scenario, const struct meta_run *run, const char *path,
		struct error *err)
{
	json_t *meta = meta_json(scenario, run);
	char *text = json_dumps(meta, JSON_INDENT(2));
	bool good;

	json_decref(meta);
	if (!text)
		return error_set(err,
				 "cannot write '%s': a name in the scenario is not valid UTF-8",
				 path);
	good = file_write(path, text_of(text), err);
	free(text);
	return good;
}
