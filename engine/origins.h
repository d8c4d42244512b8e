/*
 * origins: the hosts that requests may go to, and no others.
 *
 * The target is number 0; then come those of `http: allow`. A journey (or, at run time, a redirect)
 * that names any other host is refused.
 */
#ifndef ENGINE_ORIGINS_H
#define ENGINE_ORIGINS_H

#include "lib/arena.h"
#include "lib/error.h"
#include "loadgen/transfer.h"

enum { ORIGINS_MAX = 100 };

struct origins {
	struct arena *arena;
	struct origin items[ORIGINS_MAX];
	uint16_t count;
};

/* "https://shop.example:8443". A path is an error unless `path_allowed`. */
bool origin_parse(struct text url, bool path_allowed, struct origin *origin, struct arena *arena,
		  struct error *err);

/* Without a scheme ("cdn.example", "127.0.0.1:9000") the target's is meant. */
bool origins_allow(struct origins *origins, struct text host, struct error *err);

/* For struct journey_context: the number of an origin that is allowed. */
bool origins_find(void *origins, struct text url, uint16_t *number, struct error *err);

#endif
