/*
 * chaos_edges: what passes through the proxy of a run while it runs, for `sagastorm chaos status`.
 */
#ifndef CLI_CHAOS_EDGES_H
#define CLI_CHAOS_EDGES_H

#include "chaos/journal.h"
#include "chaos/proxy.h"

/* That in which the journal's faults are armed; NULL: none is, or it does not answer. */
struct proxy *chaos_proxy_of(const struct journal_contents *contents);

/* False for a fault of another family, or when there is no proxy. */
bool chaos_hits_of(struct proxy *proxy, const struct journal_entry *entry, int64_t *hits);

/* The edges that were used: a table, or a list of objects. `proxy` may be NULL. */
void chaos_add_edges(struct proxy *proxy, struct buffer *out);
json_t *chaos_edges_json(struct proxy *proxy);

#endif
