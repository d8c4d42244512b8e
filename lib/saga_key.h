/*
 * saga_key: the key that the harness mints for one saga, before its first byte is sent.
 *
 * It looks like a random UUID, is unique to the run, and says by itself which saga it belongs to,
 * so that evidence finds its saga without a table:
 *
 *	RRRRRRRR-RRRR-4CCx-yxxx-NNNNNNNNKKKK     R, x: of the run; C: contract; N: saga; K: a check
 *
 * The same run id, contract and number give the same key; another run gives other keys, so that a
 * system that remembers the last run does not take ours for repetitions.
 */
#ifndef LIB_SAGA_KEY_H
#define LIB_SAGA_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/text.h"

enum { SAGA_KEY_BYTES = 37 }; /* with the NUL */

/* From getrandom(); never 0. In meta.json as `run`. */
uint64_t saga_run_id(void);

void saga_key_write(uint64_t run, uint8_t contract, uint32_t saga, char out[SAGA_KEY_BYTES]);

/* False: not one of this run's keys. Exact: anything around it is not a key. */
bool saga_key_read(struct text key, uint64_t run, uint8_t *contract, uint32_t *saga);

/* What histories hold instead of texts; FNV-1a with a final mix, never 0. */
uint64_t text_hash(struct text text);

#endif
