/*
 * dry_run: what faults would do and what would undo it, with the targets as they are right now.
 */
#ifndef CHAOS_DRY_RUN_H
#define CHAOS_DRY_RUN_H

#include "chaos/chaos_read.h"
#include "chaos/proxy.h"

/*
 * Appends a paragraph for each fault. Nothing is done to any of them. Returns how many would be
 * refused, for a safety rule, a target that is not there, or a machine that can't.
 *
 * `proxy` may be NULL, for a proxy that will be started later.
 */
size_t chaos_dry_run(const struct chaos_section *section, struct proxy *proxy, struct buffer *out);

/* Whether a proxy is needed: for faults in it, or for calls that start others. */
bool chaos_needs_proxy(const struct chaos_section *section);

#endif
