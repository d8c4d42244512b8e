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
 *	    decimals: 0                                   # 2: amounts are written as 19.90
 *	    adds-up: [/subtotal_cents, -/discount_cents, /shipping_cents]
 *	    key-header: Idempotency-Key                   # that carries the key
 *	    budget: { item: /coupon, uses: 1 }            # each coupon in at most one live order
 *	    moves: { PENDING: [INVENTORY_RESERVED, FAILED, CANCELLED], ... }
 *	    succeeded: [CONFIRMED]
 *	    compensated: [FAILED, CANCELLED]
 *	    settles-within: 10s                           # after the heal
 *	    style: orchestrated                           # choreographed: steps in any order
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
 *	    stock: { read: "GET /api/inventory?page=${page}", each: /items, item: /sku,
 *	             available: /available, reserved: /reserved, sold: /sold,
 *	             initial: /initial, restocked: /restocked }
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

enum {
	CONTRACTS_MAX = 8,
	SAGA_STATES_MAX = 32,
	SAGA_STEPS_MAX = 16,
	SAGA_SOURCES_MAX = 32, /* of evidence, and rules in each of them */
	ADDS_UP_MAX = 8,
};

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

/* `style:` whether somebody conducts. */
enum saga_style {
	STYLE_ORCHESTRATED,  /* effects in the order of `steps`, undone in reverse */
	STYLE_CHOREOGRAPHED, /* in any order, both ways: everyone listens to everyone */
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

enum source_paging {
	PAGING_NONE,   /* one answer is all there is */
	PAGING_CURSOR, /* ${cursor}: what `cursor` says of the last entry of the page before */
	PAGING_NUMBER, /* ${page}: 1, 2, 3 until a page is empty */
};

/* Which entries of a source are what, and what they say. */
enum reading_role {
	ROLE_EFFECT,     /* of `step`, or its undo */
	ROLE_STATE,      /* `states:` the system's own log of a saga's states */
	ROLE_TOLD,       /* `told:` an event about it */
	ROLE_DEAD,       /* `dead:` a dead letter about it */
	ROLE_LEDGER,     /* `ledger:` a posting: `item` is the transaction; debit, credit */
	ROLE_COUNTS,     /* `counts:` messages of a queue (`item`): published, consumed, dead */
	ROLE_BREAKER,    /* `breaker:` which one is `item`, its state is `value` */
	ROLE_REGION,     /* `region:` what an object (`item`) is in one region: `value` */
	ROLE_OUTCOME,    /* `outcome:` the entry is what `read` would answer: many at once */
};

struct source_rule {
	struct place at;
	enum reading_role role;
	uint8_t step;
	bool undo;
	struct expression *where;     /* NULL: every entry */
	/* JSON Pointers into the entry; those that are not given have no segments */
	struct json_pointer key, id, amount, item, identity, cause, time, state, position;
	struct json_pointer debit, credit, published, consumed, dead, value;
	/* Of a message to the customer: whether it says that all is well, or that it is not. */
	struct expression *succeeded, *compensated;
	char *key_header;             /* FROM_MAIL: a header instead of a pointer */
};

struct source {
	struct place at;
	char *name;                   /* for people: "psp", "GET /api/inventory/movements" */
	enum source_from from;
	char *read;                   /* FROM_READ: path with ${NAME.id}, ${NAME.key}, ${cursor},
				       * ${page} or none of them; FROM_FILE: its path */
	bool per_saga;                /* asks about each saga */
	enum source_paging paging;
	char *first_cursor;           /* what ${cursor} is on the first page */
	struct json_pointer each;     /* the list in the answer; no segments: the answer is it */
	struct json_pointer cursor;
	double rate_per_s;            /* at most so many requests */
	int64_t every_us;             /* read so often while the run goes on, too; 0: not */
	char *target;                 /* base URL of another place, or the name of a service of the
				       * system; NULL: the run's target */
	struct source_rule *rules;
	size_t rule_count;
};

struct stock_source {
	bool given;
	struct place at;
	char *read; /* as struct source has it */
	enum source_paging paging;
	char *first_cursor;
	struct json_pointer cursor;
	struct json_pointer each, item, available, reserved, sold, initial, restocked;
};

/* How evidence is read with a right to: one login, whose answer gives a token; or the token. */
struct contract_login {
	bool given;
	char *post;                   /* NULL: `bearer` it is */
	char *body;                   /* JSON */
	struct json_pointer token;
	char *bearer;
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
	char *read;                   /* path with ${NAME.key} */
	char *key_header;             /* of the placing request: "Idempotency-Key" */
	char *correlation_header;     /* "X-Correlation-Id" */
	struct json_pointer state, undoing, id, amount;
	int64_t decimals;             /* of money: 19.90 is 1990 when it is 2 */
	struct {
		struct json_pointer pointer;
		bool minus;
	} adds_up[ADDS_UP_MAX];
	uint8_t adds_up_count;
	struct json_pointer budget_item;
	struct expression *budget_where; /* which answers have one; NULL: all that name one */
	int64_t budget_uses;          /* 0: no budget */
	enum saga_style style;
	struct saga_state states[SAGA_STATES_MAX];
	uint8_t state_count;
	uint8_t initial;              /* the first of `moves` */
	int64_t settles_within_us;
	struct saga_step steps[SAGA_STEPS_MAX];
	uint8_t step_count;
	struct source *sources;
	size_t source_count;
	struct stock_source stock;
	struct contract_login login;
	struct rate_limit limit;
	int64_t minimum;              /* cases below which a check is unknown; 1 by default */
};

/* Pointers that were not given, and what is not there, both give nothing. */
static inline bool pointer_given(const struct json_pointer *pointer)
{
	return pointer->count > 0;
}

/* Whether a rule of it has that role. */
bool source_has(const struct source *source, enum reading_role role);

extern const struct key contract_keys[];
extern const struct shape sagas_shape; /* of `sagas:`: a map of contracts by name */

bool sagas_section_read(const struct yaml *node, struct reading *reading,
			struct contract **contracts, size_t *count);

/*
 * What an invariant may need of a contract. Whether it was read in full is another question, which
 * RECORD_SOURCE answers.
 */
enum contract_need {
	NEED_OUTCOME = 1 << 0,    /* `read` and `state`: it can be asked how a saga ended */
	NEED_MOVES = 1 << 1,      /* `moves` */
	NEED_WAS = 1 << 2,        /* `states:` the system's own log of states */
	NEED_EFFECTS = 1 << 3,    /* evidence of at least one step */
	NEED_MONEY = 1 << 4,      /* evidence of a step that counts money */
	NEED_QUANTITY = 1 << 5,   /* evidence of a step that counts quantities */
	NEED_UNDO = 1 << 6,       /* evidence of a step and of its undo */
	NEED_ORDER = 1 << 7,      /* two steps or more whose effects are seen with their times */
	NEED_PIVOT = 1 << 8,
	NEED_STOCK = 1 << 9,      /* `stock` with available */
	NEED_STOCK_SUM = 1 << 10, /* and with all that adds up */
	NEED_TOLD = 1 << 11,      /* `told:` an event for every move */
	NEED_DEAD = 1 << 12,      /* `dead:` or `counts:` */
	NEED_LEDGER = 1 << 13,
	NEED_MESSAGES = 1 << 14,  /* a step whose evidence says what the customer was told */
	NEED_AMOUNT = 1 << 15,    /* `amount`: the sum that the customer was shown */
	NEED_ADDS_UP = 1 << 16,
	NEED_BUDGET = 1 << 17,
	NEED_LIMIT = 1 << 18,
	NEED_BREAKER = 1 << 19,
	NEED_REGIONS = 1 << 20,   /* `region:` in two sources or more */
	NEED_TIMES = 1 << 21,     /* the times of effects */
	NEEDS_COUNT = 22,
};

uint32_t contract_has(const struct contract *contract);
/* What is missing, in words: "no `stock` says what is left"; nothing when all is there. */
void contract_missing(const struct contract *contract, uint32_t needs, struct buffer *out);

/* What journeys do to a saga, a bit each: what nobody tries can't be verified. */
enum contract_use {
	USE_PLACES = 1 << 0,
	USE_AGAIN = 1 << 1,
	USE_MISUSES = 1 << 2,
	USE_CANCELS = 1 << 3,
	USE_READS = 1 << 4,
};

/*
 * In words: what will be verified, from what evidence, and what can not be and will be unknown.
 * `sagastorm check --contract` prints it.
 */
void contract_explain(const struct contract *contract, uint32_t uses, struct buffer *out);

/* STATE_NONE (lib/record.h) for a state that it does not know. */
uint8_t contract_state(const struct contract *contract, struct text name);

/* Written into and read back from meta.json, so that a history can be judged alone. */
json_t *contract_to_json(const struct contract *contract);
bool contract_from_json(const json_t *json, struct arena *arena, struct contract *contract,
			struct error *err);

#endif
