/*
 * nft: a table of our own in a network namespace: made in one transaction, counted, and deleted by
 * its name. Nothing else is ever touched: no flush, no rule in anyone else's chain.
 *
 * `netns` is a descriptor, -1 for our own namespace.
 */
#ifndef CHAOS_NFT_H
#define CHAOS_NFT_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

/* "sagastorm_4711_3_9f2c51d0": of this process, the fault's number, and chance. */
void nft_table_name(struct buffer *name, uint32_t fault);
/* Whether it can be one of ours: what comes from a record is not believed. */
bool nft_is_ours(const char *table);

/* All of it or nothing. It must begin by creating its table. */
bool nft_load(int netns, struct text script, struct error *err);
bool nft_there(int netns, const char *table, bool *there, struct error *err);
bool nft_delete(int netns, const char *table, struct error *err); /* not there: fine */
/* What its counter `hits` has seen. */
bool nft_hits(int netns, const char *table, int64_t *packets, struct error *err);

/* Whether this machine can: asked once, in a namespace that is gone afterwards. */
bool nft_possible(struct error *err);

#endif
