/*
 * digest: one short line that says whether two tables are the same.
 */
#ifndef SHOP_DIGEST_H
#define SHOP_DIGEST_H

#include "lib/arena.h"
#include "shop/store.h"

/*
 * SHA-256 of the first column of all rows, a line each, in hex. Ends the rows. How many there were
 * goes to `count`, if it is not NULL.
 */
const char *digest_rows(struct rows *rows, struct arena *arena, int64_t *count);

#endif
