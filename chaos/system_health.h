/*
 * system_health: a sick system is not attacked.
 */
#ifndef CHAOS_SYSTEM_HEALTH_H
#define CHAOS_SYSTEM_HEALTH_H

#include "chaos/system.h"

/*
 * Whether every instance that has a health URL answers 2xx there, each within `wait_us`; tried
 * again for that long. False with who does not, and what it said.
 */
bool system_healthy(const struct system *system, int64_t wait_us, struct error *err);

#endif
