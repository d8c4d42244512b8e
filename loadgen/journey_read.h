/*
 * journey_read: `journeys:` of a scenario -> compiled journeys.
 *
 * Complains about every mistake in them: unknown steps and keys, undefined variables, a `save` that
 * nothing uses, loops without a bound, graph states that can't be reached or never leave.
 */
#ifndef LOADGEN_JOURNEY_READ_H
#define LOADGEN_JOURNEY_READ_H

#include "lib/schema.h"
#include "loadgen/data.h"
#include "loadgen/journey.h"

/* A growing table of names: the number of a name is its place. */
struct name_table {
	char **items;
	size_t count, room;
};
uint16_t name_table_intern(struct name_table *table, struct text name);
void name_table_release(struct name_table *table);

/* The defaults that `http:` gives to every request. */
struct request_defaults {
	int64_t timeout_us;
	uint8_t redirects;
	const struct yaml *headers; /* a map of header: value, or NULL */
	const char *user_agent;
	bool compressed;            /* ask for gzip */
};

/* What journeys may refer to, and what they add to. */
struct journey_context {
	struct reading reading;
	/*
	 * ${vars}, ${env:X}, ${secret:X}: fixed values. False without `err` set: not such a name.
	 */
	bool (*variable)(void *context, struct text name, struct value *out, struct error *err);
	void *variable_context;
	struct data_source *sources;
	uint8_t source_count;
	struct request_defaults defaults;
	struct name_table *request_names;
	const struct saga_rules *sagas;
	uint8_t saga_count;
	/* Index of the origin of "http://host:port", added if new; `at` for complaints. */
	bool (*origin)(void *context, struct text url, uint16_t *origin, struct error *err);
	void *origin_context;
};

/*
 * `journeys` maps names to a list of steps or to a map with `graph`. Compiles all of them into an
 * array in the arena. Endpoint data sources learn their columns from what journeys ask for.
 */
bool journeys_read(const struct yaml *journeys, struct journey_context *context,
		   struct journey **out, size_t *count);

/*
 * loadgen/journey_show.c: the program as text, an instruction per line, for people. Fixed values
 * are in it: mask secrets before it is printed.
 */
void journey_show(const struct journey *journey, const struct name_table *request_names,
		  const struct data_source *sources, struct buffer *out);

/* Shapes of a step and of a journey, for the JSON Schema and the manual. */
extern const struct shape journeys_shape;

#endif
