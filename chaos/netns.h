/*
 * netns: network namespaces, by what they are and not by where they were found.
 *
 * A record of one holds "path" (where it was), "device" and "inode" (what it is). When something
 * else is at that path by now, it is looked for among the processes and the named ones; when no one
 * is in it any more, it is gone, and whatever was in it with it.
 */
#ifndef CHAOS_NETNS_H
#define CHAOS_NETNS_H

#include <jansson.h>

#include "lib/buffer.h"
#include "lib/error.h"

/* The namespace at a path such as /proc/PID/ns/net, as a record. NULL with a reason. */
json_t *netns_record(const char *path, struct error *err);
json_t *netns_of_process(int64_t pid, struct error *err);
json_t *netns_ours(struct error *err);

/* What `namespace:` says: a path, or a name of `ip netns`. */
void netns_path(const char *name, struct buffer *path);

bool netns_equal(const json_t *a, const json_t *b);

/* A descriptor; -1 with `*gone`, or with a reason. */
int netns_open(const json_t *record, bool *gone, struct error *err);

#endif
