/*
 * container_start: a container that ended runs again. What kill and stop have in common.
 */
#ifndef CHAOS_CONTAINER_START_H
#define CHAOS_CONTAINER_START_H

#include "chaos/container.h"

bool container_start_again(const json_t *undo, struct error *err);
bool container_started_again(const json_t *undo, struct error *err);

#endif
