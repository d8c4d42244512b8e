/*
 * canned: histories of sagas, written down as words, and what the judge says to them.
 *
 *	struct canned canned;
 *	canned_judge(&canned, "saga:1990 sent ok:PENDING:1990 charge:1990 mail:ok is:CONFIRMED");
 *	canned_verdict(&canned, "order-has-charge");     // "valid"
 *	canned_release(&canned);
 *
 * Each word is a record, 10 ms after the one before; `@60` sets the clock to 60 s. Evidence is
 * written as two readings that agree, of sources that are all complete, unless a word says
 * otherwise.
 *
 *	saga[:SHOWN[:COUPON]]   a new saga is minted; what follows is about it
 *	ghost                   a new saga that nobody minted
 *	sent ok:STATE[:AMOUNT] fail:STATUS info[:STATUS] saw:STATE missed id:ID
 *	again:0|1 misused:0|1 cancel cancel-ok cancel-no
 *	is:STATE undoing:STATE absent unreadable was:STATE told:STATE dead priced:TOTAL:PARTS
 *	charge:N[:ID] refund:N[:ID[:CAUSE]] book:N unbook:N reserve:N:SKU release:N:SKU sell:N:SKU
 *	mail:ok|failed|hello[:ID]
 *	stock:SKU:AVAILABLE:RESERVED:SOLD:INITIAL:RESTOCKED posting:TX:DEBIT:CREDIT
 *	queue:NAME:PUBLISHED:CONSUMED:DEAD breaker:NAME:CLOSED|OPEN|HALF_OPEN region:us|eu:NAME:WHAT
 *	requests:STATUS:COUNT   all within this moment
 *	armed:FAULT healed:FAULT unmet:FAULT hit:FAULT[:TIMES]
 *	foreign-charge:N        by nobody of ours
 *	incomplete:SOURCE differs:SOURCE once   about the reading; damaged: of the whole
 */
#ifndef TESTS_UNIT_CANNED_H
#define TESTS_UNIT_CANNED_H

#include <jansson.h>

#include "lib/arena.h"
#include "lib/error.h"
#include "sagas/judge.h"

struct canned {
	char directory[64];
	struct arena arena;
	struct contract contract;
	struct verdicts *verdicts;
	json_t *json;
	struct error err;
};

enum { CANNED_RUN = 0x5a6a };

/* The contract of all canned histories: JSON, as in meta.json. */
extern const char canned_contract[];

/* Without some of the contract's keys: "stock evidence.psp"; NULL: all of it. */
bool canned_judge(struct canned *canned, const char *words, const char *without);
void canned_release(struct canned *canned);

const json_t *canned_saga(const struct canned *canned);
const json_t *canned_invariant(const struct canned *canned, const char *name);
const char *canned_verdict(const struct canned *canned, const char *name);

#endif
