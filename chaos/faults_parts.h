/*
 * faults_parts: what the readers of `chaos:` share. Inside chaos/faults_*.c only.
 */
#ifndef CHAOS_FAULTS_PARTS_H
#define CHAOS_FAULTS_PARTS_H

#include "chaos/chaos_read.h"
#include "chaos/fault_keys.h"

enum { FAULT_US_MAX = 600000000 }; /* 10 minutes, when `for` is not given */

/* faults_when.c: when it starts. */
bool fault_read_trigger(const struct item_keys *item, const struct yaml *map,
			const struct chaos_context *context, struct fault *fault);

/* faults_when.c: how long it lasts at most. The kind's settings have been read. */
bool fault_read_end(const struct item_keys *item, const struct yaml *map,
		    const struct chaos_context *context, struct fault *fault);

/* faults_aim.c: what it is aimed at. `map` is the kind's. */
bool fault_read_aim(const struct aim_keys *keys, const struct yaml *map, struct reading *reading,
		    struct fault *fault);

/* faults_aim.c: one edge by its name, or a complaint at `at` with a suggestion. */
const struct edge *fault_find_edge(const struct system *system, struct text name, struct place at,
				   struct reading *reading);

/* call:, header:, nth: and every:, wherever they stand. */
bool fault_read_match(const char *call, const char *header, const struct yaml *map,
		      struct reading *reading, struct call_match *match);

/* The place of a key's value, or of the map. */
struct place fault_place_of(const struct yaml *map, const char *key);

#endif
