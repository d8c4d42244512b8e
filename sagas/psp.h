/*
 * psp: a payment provider that remembers everything, to be asked later what was really charged.
 *
 * Shaped like Stripe's API v1, as far as shops use it with `confirm=true`:
 *
 *	POST /v1/payment_intents      amount, currency, payment_method, confirm=true, metadata[...]
 *	GET  /v1/payment_intents/ID   GET /v1/payment_intents?limit=&starting_after=&ending_before=
 *	POST /v1/refunds              payment_intent or charge, amount (default: what is left)
 *	GET  /v1/refunds/ID           GET /v1/refunds?payment_intent=&charge=&limit=...
 *	GET, PUT, DELETE /witness/faults    what it does wrong (sagas/misdeeds.h)
 *	GET  /witness                 counts: intents, refunds, declines, replays, conflicts, ...
 *
 * An Idempotency-Key makes a POST happen once: the same key and parameters give the same answer,
 * errors included (Idempotent-Replayed: true), other parameters are a 400, a key whose first
 * request is still under way is a 409, and a request that was refused as malformed has not used
 * its key.
 * Nothing is answered before it is on the disk. See docs/witnesses.md.
 */
#ifndef SAGAS_PSP_H
#define SAGAS_PSP_H

#include <stdint.h>

#include "lib/error.h"

struct event_base;
struct psp;

struct psp_settings {
	int listener;            /* a listening socket; it is closed at the end */
	const char *ledger;      /* JSON Lines file; NULL: in memory only */
	const char *webhook_url; /* http://host:port/path; NULL: no webhooks */
	int64_t latency_us;      /* how long a charge or refund takes at least */
	const char *const *faults; /* what it does wrong (sagas/misdeeds.h), NULL-ended; or NULL */
	uint64_t seed;           /* of their random streams */
};

struct psp *psp_new(struct event_base *base, const struct psp_settings *settings,
		    struct error *err);
void psp_free(struct psp *psp);
const char *psp_error(const struct psp *psp); /* NULL, or why it can't go on: a full disk */

/* A process of its own, until SIGTERM or SIGINT. Returns its exit status. */
int psp_main(const struct psp_settings *settings);
/* The same, and says why it failed. */
bool psp_run(const struct psp_settings *settings, struct error *err);

#endif
