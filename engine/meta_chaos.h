/*
 * meta_chaos: the parts of meta.json about faults, the steady state and gates (docs/history.md).
 */
#ifndef ENGINE_META_CHAOS_H
#define ENGINE_META_CHAOS_H

#include <jansson.h>

#include "engine/scenario.h"

/* In the order that records number them; empty lists when there are none. */
json_t *meta_faults(const struct scenario *scenario);
json_t *meta_gates(const struct scenario *scenario);
/* NULL when there is no steady state. */
json_t *meta_steady(const struct scenario *scenario);

#endif
