/*
 * sagas: what the judge of sagas wrote into history/verdicts.json, as reports show it.
 */
#ifndef REPORTS_SAGAS_H
#define REPORTS_SAGAS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/buffer.h"

/* The `sagas` of DIR/history/verdicts.json; an empty object when there are none. */
json_t *sagas_read(const char *directory);

bool sagas_any_violated(const json_t *sagas);

/* A line for each contract that was: "saga order violates charge-once (24), atomic (1)". */
void sagas_blame(const json_t *sagas, void (*tell)(void *context, const char *line), void *context);

/*
 * For the terminal: of each kind of saga how they ended, and a line per violated invariant with the
 * smallest witness. `paint` begins what is bad news, or is "".
 */
void sagas_write(const json_t *sagas, const char *paint, struct buffer *out);

#endif
