/*
 * check_system: `sagastorm check` of a file without a load: a system file, or that of a game day.
 */
#ifndef CLI_CHECK_SYSTEM_H
#define CLI_CHECK_SYSTEM_H

#include "engine/scenario.h"

/* It has a system, and nothing that sends anything. False when it can't be read. */
bool check_is_system_file(const char *path);

/* "compose.yaml: ok: system 'compose-shop', 4 services, 5 edges" */
void check_describe_system(const struct scenario *scenario, struct buffer *out);

#endif
