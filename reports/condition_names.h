/*
 * condition_names: what conditions may name, as meta.json has it.
 */
#ifndef REPORTS_CONDITION_NAMES_H
#define REPORTS_CONDITION_NAMES_H

#include "lib/condition.h"
#include "reports/meta.h"

/* Lives as long as `meta`. */
struct condition_names condition_names_of(const struct meta *meta);

#endif
