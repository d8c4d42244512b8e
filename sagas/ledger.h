/*
 * ledger: facts that outlive the process, a JSON object per line, appended.
 *
 * What is added in one turn of the loop is written and synced together, once; who has promised
 * something on the strength of an entry asks to be told when it is on the disk.
 *
 *	struct ledger *ledger = ledger_open(base, "psp.jsonl", remember, psp, err);
 *	ledger_add(ledger, object);                      // borrowed
 *	ledger_settle(ledger, reply_now, call);          // called back when it is durable
 *
 * At the start all entries are read back, in order. A last line without its end is what a kill in
 * the middle of a write leaves: it was promised to nobody, and is cut off. One process at a time.
 */
#ifndef SAGAS_LEDGER_H
#define SAGAS_LEDGER_H

#include <jansson.h>

#include "lib/error.h"
#include "lib/text.h"

struct event_base;
struct ledger;

typedef void ledger_seen(void *context, json_t *entry); /* borrowed */

/* `path` NULL: it lives in memory only, and settles at the end of the turn all the same. */
struct ledger *ledger_open(struct event_base *base, const char *path, ledger_seen *seen,
			   void *context, struct error *err);
void ledger_close(struct ledger *ledger); /* what was added is written; nobody is called back */

void ledger_add(struct ledger *ledger, const json_t *entry);

/*
 * Calls back, never from within this call, when everything added so far is on the disk. If the disk
 * fails, it never does, and ledger_error() says why: nothing that was not kept is promised.
 */
void ledger_settle(struct ledger *ledger, void (*then)(void *context), void *context);

/* NULL while all is well. */
const char *ledger_error(const struct ledger *ledger);

#endif
