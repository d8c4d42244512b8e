/*
 * target: what is asked of the system before the load begins: is it there, and what data has it.
 *
 * Plain blocking libcurl: nothing here is measured.
 */
#ifndef ENGINE_TARGET_H
#define ENGINE_TARGET_H

#include "engine/scenario.h"

/* Connects once to every origin that journeys use (TLS included). */
bool target_is_ready(const struct scenario *scenario, struct error *err);

/* Reads the data sources that are endpoints, and makes all of them ready to pick from. */
bool target_read_data(struct scenario *scenario, struct error *err);

#endif
