/*
 * sections: the top-level keys of a scenario. See engine/sections.c for the table.
 */
#ifndef ENGINE_SECTIONS_H
#define ENGINE_SECTIONS_H

#include "engine/names.h"
#include "engine/origins.h"
#include "engine/scenario.h"

struct http_keys {
	int version;
	int64_t timeout_us, connect_timeout_us, redirects, max_body_bytes;
	const struct yaml *headers;
	char *user_agent;
	bool compression, keep_alive, verify;
	int connections;
	char *ca, *certificate, *key, *sni, *proxy;
	struct strings resolve, from, allow;
};

/* What scenario_keys read into. */
struct sections {
	char *name, *about, *target;
	int64_t seed;
	struct strings use;
	const struct yaml *vars, *data, *load, *mix, *journeys, *sagas;
	const struct yaml *system, *chaos, *gates;
	struct http_keys http;
	struct generator_settings generator;
};

/* What the readers of sections share while a scenario is loaded. */
struct loading {
	struct scenario *scenario;
	const struct scenario_overrides *overrides;
	struct complaints *complaints;
	struct reading reading;
	struct names names;
	struct origins origins;
	const char *main_file;
	size_t errors_before; /* of other scenarios, in the same complaints */
	struct yaml *root;     /* of the main file */
	struct yaml *vars, *data, *journeys, *sagas; /* of all files together; NULL: none */
	const struct yaml *system;     /* as written, in whichever file */
	bool system_bad;               /* that was said; nothing is missing because of it */
	const struct yaml *system_map; /* where it was found: for the resolved scenario */
	struct sections sections;
};

/* engine/uses.c: reads `use`d files and merges what they bring. */
bool uses_read(struct loading *loading);

/* engine/http_section.c */
bool http_section_read(struct loading *loading);
extern const struct key http_keys[];

/* engine/generator_section.c */
bool generator_section_read(struct loading *loading);
extern const struct key generator_keys[];

/* engine/system_section.c: the system, before the target is needed. */
bool system_section_read(struct loading *loading);
extern const struct shape scenario_system_shape;

/* engine/chaos_section.c: after the load and the sagas, which faults refer to. */
bool chaos_read(struct loading *loading);
/*
 * engine/gates_section.c: gates, and the conditions of a steady state, once all that they may name
 * is known. `doubtful`: some of it is not, as it has mistakes.
 */
bool gates_section_read(struct loading *loading, bool doubtful);
extern const struct shape gates_shape;

/* engine/resolved.c: the whole scenario as one YAML text. */
char *scenario_resolve(struct loading *loading);

/* engine/sections.c: reads all sections, in the order in which they need each other. */
bool sections_read(struct loading *loading);
/* Only what a game day needs: vars, system, chaos. */
bool sections_read_without_load(struct loading *loading);

#endif
