/*
 * hooks: tells a URL what happened: POST {"id": "evt_...", "type": ..., "data": {"object": ...}}.
 *
 * At least once, in no promised order, with retries until there is a 2xx, for as long as this
 * process lives. What can't be delivered after some tries, or does not fit into the queue, is
 * counted and forgotten: a receiver may not rely on hearing of everything. Misdeeds (`webhooks`)
 * make it worse: later, twice, in another order, not at all.
 */
#ifndef SAGAS_HOOKS_H
#define SAGAS_HOOKS_H

#include <jansson.h>
#include <stdint.h>

#include "lib/error.h"

struct event_base;
struct hooks;
struct misdeeds;

/* The misdeeds are borrowed; NULL: none. */
struct hooks *hooks_new(struct event_base *base, const char *url, struct misdeeds *misdeeds,
			struct error *err);
void hooks_free(struct hooks *hooks);

void hooks_send(struct hooks *hooks, const json_t *event);

struct hook_counts {
	uint64_t delivered, retried, lost;
	uint64_t dropped, repeated; /* on purpose */
};
struct hook_counts hooks_counts(const struct hooks *hooks);

#endif
