/*
 * contract: what a saga may do, and where it can be seen what it did. Data, so that a user writes
 * one for their own system in a page of YAML (docs/contracts.md, scenarios/sagas/order.yaml).
 *
 *	sagas:
 *	  order:
 *	    as: { post: /api/auth/login, json: { email: "...", password: "${secret:ADMIN}" },
 *	          save: { token: /token } }               # who reads the evidence
 *	    read: GET /api/orders/by-key/${order.key}     # the outcome, by the key we minted
 *	    state: /status
 *	    undoing: /undoing                             # while true, it has not settled
 *	    id: /id
 *	    amount: /total_cents                          # in the placing answer and in `read`
 *	    adds-up: [/subtotal_cents, -/discount_cents, /shipping_cents]
 *	    budget: { item: /coupon, uses: 1 }            # each coupon in at most one live order
 *	    moves: { PENDING: [INVENTORY_RESERVED, FAILED, CANCELLED], ... }
 *	    succeeded: [CONFIRMED]
 *	    compensated: [FAILED, CANCELLED]
 *	    settles-within: 10s                           # after the heal
 *	    steps:                                        # in forward order
 *	      reserve: { undo: release, counts: quantity per item }
 *	      charge:  { undo: refund, counts: money }
 *	      confirm: { pivot: yes }
 *	      notify:  { at-least: 1, at-most: 1 }
 *	    evidence:
 *	      - from: psp                                 # a witness
 *	        charge: { where: /object == "payment_intent" and /amount_received > 0,
 *	                  amount: /amount_received, key: /metadata/order_key, identity: /id }
 *	        refund: { where: /object == "refund", amount: /amount, key: /metadata/order_key,
 *	                  identity: /id, cause: /payment_intent }
 *	      - read: GET /api/inventory/movements?order=${order.id}      # asked per saga
 *	        each: /items
 *	        reserve: { where: /kind == "RESERVE", amount: /qty, item: /sku, at: /at }
 *	      - read: GET /api/orders/${order.id}/history
 *	        each: /items
 *	        states: { state: /status, at: /at }
 *	      - read: GET /api/events?after=${cursor}&limit=500           # in bulk, page by page
 *	        each: /items
 *	        cursor: /sequence
 *	        told: { state: /data/status, id: /aggregateId, position: /sequence }
 *	    stock: { read: GET /api/inventory, each: /items, item: /sku, available: /available,
 *	             reserved: /reserved, sold: /sold, initial: /initial, restocked: /restocked }
 *
 * What the contract leaves out can't be verified: its invariants say `unknown`, and why.
 */
#ifndef SAGAS_CONTRACT_H
#define SAGAS_CONTRACT_H

#include <jansson.h>

#include "lib/expression.h"
#include "lib/json_pointer.h"
#include "lib/schema.h"
#include "lib/template.h"

enum { CONTRACTS_MAX = 8, STATES_MAX = 32, STEPS_MAX = 16, SOURCES_MAX = 32 };

enum state_class { STATE_MOVING, STATE_SUCCEEDED, STATE_COMPENSATED };

struct saga_state {
	char *name;
	enum state_class class;
	uint32_t moves; /* a bit for each state it may go to */
};

enum step_counts {
	COUNTS_TIMES,    /* effects as such */
	COUNTS_MONEY,    /* amounts, in the smallest unit */
	COUNTS_QUANTITY, /* amounts per item */
};

struct saga_step {
	char *name;      /* "charge" */
	char *undo;      /* "refund"; NULL: none */
	enum step_counts counts;
	bool pivot;
	int64_t at_least, at_most; /* effects in a saga that succeeded; -1: no such bound */
};

enum source_from {
	FROM_READ,  /* the system's own API, per saga or in bulk */
	FROM_PSP,   /* the witness that plays the provider */
	FROM_MAIL,  /* the witness that plays the mail server */
	FROM_FILE,  /* JSON Lines */
};

/* Which entries of a source are what, and what they say. */
enum reading_role {
	ROLE_EFFECT,     /* of `step`, or its undo */
	ROLE_STATE,      /* `states:` the system's own log of a saga's states */
	ROLE_TOLD,       /* `told:` an event about it */
	ROLE_DEAD,       /* `dead:` a dead letter about it */
	ROLE_LEDGER,     /* `ledger:` a posting: transaction, debit, credit */
	ROLE_COUNT_OF,   /* `counts:` numbers of messages: published, consumed, dead */
	ROLE_BREAKER,    /* `breaker:` name and state */
	ROLE_REGION,     /* `region:` what an object is in one region */
};

struct source_rule {
	struct place at;
	enum reading_role role;
	uint8_t step;
	bool undo;
	struct expression *where;     /* NULL: every entry */
	/* JSON Pointers into the entry; empty when not given */
	struct json_pointer key, id, amount, item, identity, cause, time, state, position;
	struct json_pointer debit, credit, published, consumed, dead;
	struct json_pointer succeeded,
		compensated; /* true in a message that tells the customer so */
	struct expression *when_succeeded, *when_compensated; /* or a condition on the entry */
	char *key_header;             /* FROM_MAIL: a header instead of a pointer */
};

struct source {
	struct place at;
	char *name;                   /* for people: "psp", "GET /api/inventory/movements" */
	enum source_from from;
	char *read;                   /* FROM_READ: path template with ${order.id}, ${order.key},
				       * ${cursor} or none of them; FROM_FILE: its path */
	bool per_saga;                /* asks about each saga */
	struct json_pointer each;     /* the list in the answer */
	struct json_pointer cursor;   /* of an entry: what ${cursor} is on the next page */
	double rate_per_s;            /* at most so many requests; 200/s by default */
	char *region;                 /* base URL of another region, or NULL */
	struct source_rule *rules;
	size_t rule_count;
};

struct stock_source {
	bool given;
	char *read;
	struct json_pointer each, item, available, reserved, sold, initial, restocked;
};

/* How evidence is read with a right to: one login, whose answer gives a token. */
struct contract_login {
	bool given;
	char *path;
	char *body;                   /* JSON */
	struct json_pointer token;
};

struct rate_limit { /* `limit:` what the system promises to let through */
	bool given;
	double per_s;
	double burst;                 /* at once; one second's worth by default */
	uint16_t status;              /* of a refusal: 429 */
};

struct contract {
	struct place at;
	char *name;                   /* "order" */
	uint8_t number;
	char *read;                   /* path template with ${NAME.key} */
	struct json_pointer state, undoing, id, amount;
	struct {
		struct json_pointer pointer;
		bool minus;
	} adds_up[8];
	uint8_t adds_up_count;
	struct json_pointer budget_item;
	int64_t budget_uses;          /* 0: no budget */
	struct saga_state states[STATES_MAX];
	uint8_t state_count;
	uint8_t initial;              /* the first of `moves` */
	int64_t settles_within_us;
	struct saga_step steps[STEPS_MAX];
	uint8_t step_count;
	struct source *sources;
	size_t source_count;
	struct stock_source stock;
	struct contract_login login;
	struct rate_limit limit;
	int64_t minimum;              /* cases below which a check is unknown; 1 by default */
};

extern const struct key contract_keys[];
extern const struct shape sagas_shape; /* of `sagas:`: a map of contracts by name */

bool sagas_section_read(const struct yaml *node, struct reading *reading,
			struct contract **contracts, size_t *count);

/*
 * In words: what will be verified, from what evidence, and what can not be and will be unknown.
 * `sagastorm check --contract` prints it.
 */
void contract_explain(const struct contract *contract, struct buffer *out);

/* STATE_NONE (lib/record.h) for a state that it does not know. */
uint8_t contract_state(const struct contract *contract, struct text name);

/* Written into and read back from meta.json, so that a history can be judged alone. */
json_t *contract_to_json(const struct contract *contract);
bool contract_from_json(const json_t *json, struct arena *arena, struct contract *contract,
			struct error *err);

#endif
