/*
 * file: whole files, in and out.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include "lib/buffer.h"
#include "lib/error.h"

enum { FILE_BYTES_MAX = 256 * 1024 * 1024 };

/* Appends the file to `out`. Larger than FILE_BYTES_MAX is an error. */
bool file_read(const char *path, struct buffer *out, struct error *err);

/* All or nothing: written beside, synced, then renamed over `path`. */
bool file_write(const char *path, struct text contents, struct error *err);

/* mkdir -p */
bool file_make_directory(const char *path, struct error *err);

#endif
