/*
 * meta: `meta.json` of a history: what its records number, and where and how the run was made.
 * docs/history.md describes it; reports/meta.c reads it.
 */
#ifndef ENGINE_META_H
#define ENGINE_META_H

#include "engine/scenario.h"

struct meta_run {
	uint32_t workers;
	int64_t wall_start_us;
	enum transport_kind transport;
	const char *command;
	uint64_t run;      /* saga_run_id() */
};

bool meta_write(const struct scenario *scenario, const struct meta_run *run, const char *path,
		struct error *err);

#endif
