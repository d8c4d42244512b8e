/*
 * system_parts: what the readers of system files share. Inside chaos/system*.c only.
 */
#ifndef CHAOS_SYSTEM_PARTS_H
#define CHAOS_SYSTEM_PARTS_H

#include "chaos/system.h"

#define VISITORS "visitors" /* the load itself, as an edge's `from` */

struct system_keys {
	char *name, *control, *container_engine;
	struct strings allow;
	int64_t launcher;
	const struct yaml *services, *edges, *regions;
};

/* system_services.c */
extern const struct shape services_shape;
bool system_read_services(const struct yaml *map, struct reading *reading, struct system *system);

/* system_edges.c */
extern const struct shape edges_shape, regions_shape;
bool system_read_edges(const struct yaml *list, struct reading *reading, struct system *system);
bool system_read_regions(const struct yaml *map, struct reading *reading, struct system *system);

/* system_check.c: what is wrong with it as a whole, and what is only doubtful. */
bool system_check(const struct system *system, struct complaints *complaints);

/* A URL or host:port that may be a target; complains otherwise. NULL is fine. */
bool system_check_address(const struct system *system, const char *text, struct place at,
			  const char *what, struct complaints *complaints);

/* system_allow.c: whether it is a name, an address or a network that can be in `allow`. */
bool system_allow_check(struct text entry, struct error *err);

#endif
