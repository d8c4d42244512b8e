/*
 * path: names of files that are written in other files.
 */
#ifndef LIB_PATH_H
#define LIB_PATH_H

#include "lib/arena.h"

/* What `path`, written in `file`, means: "data/x.csv" in "shops/a.yaml" is "shops/data/x.csv". */
char *path_beside(struct arena *arena, const char *file, const char *path);

/* "scenarios/sale.yaml" -> "sale" */
char *path_stem(struct arena *arena, const char *path);

#endif
