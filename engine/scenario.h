/*
 * scenario: a file that a person wrote, compiled until nothing is left to look up.
 *
 *	struct scenario *scenario = scenario_load("sale.yaml", &overrides, &complaints);
 *	complaints_write(&complaints, &text);    // warnings too
 *	if (!scenario) ...
 *
 * Each top-level section is a row in the table of engine/sections.c: its key, who reads it, what it
 * looks like. A later subsystem (chaos, sagas, gates) adds a row.
 */
#ifndef ENGINE_SCENARIO_H
#define ENGINE_SCENARIO_H

#include "lib/condition.h"
#include "lib/schema.h"
#include "loadgen/data.h"
#include "loadgen/journey.h"
#include "loadgen/journey_read.h"
#include "loadgen/plan.h"
#include "loadgen/transfer.h"

/* `generator:` how the load is made, and when the generator itself was the limit (exit code 10). */
struct generator_settings {
	int64_t workers;         /* 0: one per core, one core left to the system on this machine */
	int64_t max_users;       /* at once, in all workers; more starts are dropped */
	int64_t lag_limit_us;    /* p99 of lag */
	double dropped_limit;    /* share of starts */
	double cpu_limit;        /* share of a core, of the busiest worker, in the median second */
	int64_t stall_limit_us;  /* longest turn of a loop */
	int64_t drain_us;        /* journeys under way get this long after the last phase */
	int transport;           /* enum transport_kind */
};

struct contract;
struct system;
struct shop_system;
struct chaos_section;

/* A row of `gates:`. */
struct gate_setting {
	struct condition condition;
	const char *name; /* the condition's text, if none was given */
	bool abort;       /* broken while the run goes on: it is stopped */
};

struct scenario {
	struct arena arena;
	char *path;
	char *name;
	char *about;
	struct plan plan;        /* with the seed */
	struct transfer_settings transfer;
	struct generator_settings generator;
	bool new_visitors;       /* connections are not kept from one journey to the next */
	struct data_source *sources;
	uint8_t source_count;
	struct journey *journeys;
	size_t journey_count;
	struct contract *contracts; /* sagas/contract.h */
	size_t contract_count;
	struct system *system;       /* chaos/system.h; NULL: not said what is under attack */
	struct shop_system *shop;    /* engine/shop_system.h; NULL: not to be started */
	struct chaos_section *chaos; /* chaos/chaos_read.h; NULL: nothing is broken */
	bool target_of_system;       /* origin 0 is the way into the system; see scenario_aim() */
	const struct saga_rules *saga_rules; /* of each, for the visitors */
	struct condition_names names; /* what conditions may name */
	struct gate_setting *gates;
	size_t gate_count;
	struct condition *steady; /* `chaos: steady`, compiled (engine/steady.h) */
	size_t steady_count;
	struct name_table request_names;
	uint32_t *meets;         /* per journey, for the plan */
	char *resolved;          /* the whole scenario as one YAML file, secrets masked */
	struct strings secrets;  /* their values, to be masked in samples */
};

struct scenario_overrides {
	bool without_load;           /* a game day: only `system` and `chaos` count */
	int64_t without_load_us;     /* and it ends after so long; 0: not known */
	const char *const *bugs;     /* what `system: shop` may be asked for; NULL: anything */
	const char *target;          /* --target */
	const char *seed;            /* --seed */
	const char *const *set;      /* --set k=v, NULL-ended: overrides `vars` */
	int transport;               /* --transport; enum transport_kind, -1: the scenario's */
};

struct scenario *scenario_load(const char *path, const struct scenario_overrides *overrides,
			       struct complaints *complaints);
/* The same from memory; files that it names are relative to `name`. */
struct scenario *scenario_load_text(const char *name, struct text text,
				    const struct scenario_overrides *overrides,
				    struct complaints *complaints);

/*
 * Leads all requests to the target there instead, once it is known where that is: the way into a
 * shop that was started for the run, or the proxy in front of it.
 */
bool scenario_aim(struct scenario *scenario, const char *url, struct error *err);

void scenario_free(struct scenario *scenario);

/* All keys of the language: for `sagastorm schema` and the manual. */
extern const struct key scenario_keys[];

#endif
