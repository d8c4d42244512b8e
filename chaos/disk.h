/*
 * disk: the directory that a disk fault is about, as it is and not as it is called.
 */
#ifndef CHAOS_DISK_H
#define CHAOS_DISK_H

#include "chaos/fault.h"

/* `path` if given, else the `data:` directory of the one service that is aimed at. */
bool disk_directory(const struct fault *fault, const char *path, const char **directory,
		    struct error *err);

/* {"directory": ..., "device": ..., "inode": ...} */
json_t *disk_record(const char *directory, struct error *err);
/* A descriptor of that very directory; -1 with a reason when another is there by now. */
int disk_open(const json_t *record, struct error *err);

/* What others than root may still use there, in bytes; -1 with a reason. */
int64_t disk_free_bytes(int directory, struct error *err);

/* How long writing 4 KiB and an fsync take there now; -1 with a reason. */
int64_t disk_sync_us(int directory, struct error *err);

/* A file without a name, which is gone when its descriptor is. -1 with a reason. */
int disk_nameless(int directory, struct error *err);

#endif
