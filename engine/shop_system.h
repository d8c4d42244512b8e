/*
 * shop_system: `system: shop`, the reference shop that is started for the run.
 *
 *	system: shop
 *	system: { shop: { saga: choreographed, bugs: [retry-new-key], stock: 100, limits: no } }
 *
 * What it is made of is known before it runs, so faults are checked when the scenario is read.
 * Once it runs (`sagastorm shop` with shop_system_arguments()), its system file says where
 * everything is: system_fill() puts that into the scenario's system, and scenario_aim() sends the
 * load there.
 */
#ifndef ENGINE_SHOP_SYSTEM_H
#define ENGINE_SHOP_SYSTEM_H

#include "chaos/system.h"

struct shop_system {
	int saga;
	struct strings bugs, regions;
	int64_t stock, products, limit, auth_limit;
	bool limits;
	int64_t breaker_failures, breaker_open_us, call_timeout_us, deadline_us;
};

extern const struct key shop_system_keys[];

/* `options` may be NULL. The system's URLs lead nowhere yet. */
bool shop_system_read(const struct yaml *options, struct reading *reading, struct shop_system *shop,
		      struct system *system);

/* What comes after `sagastorm shop`, NULL-ended, in the arena. */
const char *const *shop_system_arguments(const struct shop_system *shop, struct arena *arena);

#endif
