/*
 * tc: a root queueing discipline of our own on a device, known by its handle.
 *
 * It is an HTB that lets everything pass as it comes, but for packets that a table of ours has
 * given the priority of one of its classes (nft: `meta priority set 5a6b:1`). So it is as exact as
 * an nftables rule, needs no classifier, and leaves the control path alone. A device that has a
 * root discipline which is not the kernel's default is refused.
 */
#ifndef CHAOS_TC_H
#define CHAOS_TC_H

#include "lib/buffer.h"
#include "lib/error.h"

void tc_handle(struct buffer *handle); /* "5a6b:", by chance */
bool tc_handle_is(const char *handle);
bool tc_device_is(const char *device);

/* Whether a root discipline could be added: none is there but the default one. */
bool tc_vacant(int netns, const char *device, struct error *err);
/* Lines for `tc -batch`; the first adds the root. */
bool tc_load(int netns, struct text lines, struct error *err);
bool tc_there(int netns, const char *device, const char *handle, bool *there, struct error *err);
bool tc_delete(int netns, const char *device, const char *handle, struct error *err);

/* Whether this machine has them: asked once, in a namespace that is gone afterwards. */
bool tc_possible_htb(struct error *err);
bool tc_possible_netem(struct error *err);

#endif
