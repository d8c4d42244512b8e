/*
 * saga_visit: what visitors do to a business transaction, and what they hear of it: facts for the
 * history.
 *
 *	- post: /api/orders
 *	  saga: order                     # mints ${order.key} and sends it; retries keep it
 *	- poll: GET /api/orders/${order.id}
 *	  saga: { reads: order }          # what who placed it gets to see
 *	- delete: /api/orders/${order.id}
 *	  saga: { cancels: order }
 *
 * What the answers say is read by the contract's pointers. Only facts are written (enum saga_event
 * in lib/record.h), at the time at which they happen: the key before the first byte is sent.
 */
#ifndef LOADGEN_SAGA_VISIT_H
#define LOADGEN_SAGA_VISIT_H

#include "lib/expression.h"
#include "lib/record.h"

/* As much of a contract as visitors need; the engine makes it from sagas/contract.h. */
struct saga_rules {
	const char *name;               /* "order" */
	const char *key_header;         /* "Idempotency-Key"; NULL: the journey sends the key */
	const char *correlation_header; /* NULL: none */
	/* In the placing answer, and the state in others, too. No segments: not given. */
	struct json_pointer state, id, amount, item;
	const struct expression *item_where; /* which answers name one; NULL: all */
	uint8_t decimals;               /* of `amount` */
	const char *const *states;
	uint8_t state_count;
};

enum saga_verb { SAGA_PLACES, SAGA_MISUSES, SAGA_CANCELS, SAGA_READS };

/* Of a request step. */
struct saga_role {
	enum saga_verb verb;
	uint8_t saga;
	double again;    /* share of acknowledged ones that are sent once more, as they were */
};

/* The saga that a user is at, one per contract. */
struct user_saga {
	uint32_t number;   /* SAGA_NONE: none was minted yet */
	uint8_t attempts;
	bool acknowledged;
	uint64_t answer;   /* what the acknowledgement said, as far as it may not change */
};

struct user;
struct visit;
struct instruction;
struct answer;

void saga_forget(struct user *user);
void saga_mint(struct user *user, const struct instruction *mint);
void saga_sent(struct visit *visit);
/* An attempt came to its end, one way or the other. `answer` may have no status. */
void saga_answered(struct visit *visit, enum failure failure, const struct answer *answer,
		   int64_t at_us);
/* Whether what was acknowledged is now sent once more, to see whether it is the same. */
bool saga_wants_again(struct visit *visit, enum failure failure, const struct answer *answer);

#endif
