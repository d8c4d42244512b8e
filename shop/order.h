/*
 * order: what the files of the order service have of each other. docs/shop-saga.md tells the story.
 *
 *	order.c              kind, schema, routes
 *	order_machine.c      what is pure: states, totals, what an answer means, what comes next
 *	order_store.c        an order and its lines: read, written, moved, announced
 *	order_ask.c          what other services know: prices, the customer's address
 *	order_cart.c         order_coupons.c
 *	order_place.c        POST /api/orders
 *	order_read.c         GET /api/orders...
 *	order_status.c       PUT .../status, and cancel
 *	saga.c               the saga's row, its one runner, its clock, its turn to undo and its end
 *	saga_orchestrated.c  steps as calls
 *	saga_choreographed.c steps as events
 */
#ifndef SHOP_ORDER_H
#define SHOP_ORDER_H

#include "lib/arena.h"
#include "shop/service.h"
#include "shop/settings.h"

/* order_machine.c */

enum order_status {
	ORDER_PENDING,
	ORDER_INVENTORY_RESERVED,
	ORDER_PAYMENT_PROCESSED,
	ORDER_CONFIRMED,  /* the pivot: from here on only the customer can undo it */
	ORDER_PROCESSING,
	ORDER_SHIPPED,
	ORDER_DELIVERED,
	ORDER_FAILED,     /* everything that was done has been taken back */
	ORDER_CANCELLED,  /* the same, because the customer wished it */
	ORDER_STATUS_COUNT,
};

const char *order_status_name(enum order_status status);
bool order_status_of(const char *name, enum order_status *status);
const char *order_status_event(enum order_status status); /* "OrderConfirmed" */

/* Whether a saga of that style, or the shop's staff, may take an order from one to the other. */
bool order_may_move(enum saga_style style, enum order_status from, enum order_status to);
bool order_may_cancel(enum order_status from);

enum { ORDER_LINES_MAX = 50, ORDER_QTY_MAX = 1000, ORDER_SHIPPING_CENTS = 499, SKU_BYTES = 32 };

struct order_line {
	char sku[SKU_BYTES];
	char name[64];
	int64_t qty, price_cents;
};

struct coupon {
	const char *code; /* NULL: none */
	int64_t percent, amount_cents; /* one of them is 0 */
	bool per_user; /* once per user; otherwise once */
};

struct order_totals {
	int64_t subtotal_cents, discount_cents, shipping_cents, total_cents;
};

struct order_totals order_totals(const struct order_line *lines, size_t count,
				 const struct coupon *coupon);

/*
 * The steps of a saga. What is written down is the step that is to be taken next: so it is known
 * before it is sent, and after a crash it is sent again, with the same keys.
 */
enum saga_step {
	STEP_RESERVE,
	STEP_CHARGE,
	STEP_CONFIRM,
	STEP_SELL,
	STEP_REFUND,
	STEP_RELEASE,
	STEP_LISTEN,      /* choreographed: forward, waiting for events or the deadline */
	STEP_LISTEN_UNDO, /* choreographed: taken back elsewhere, waiting to hear so */
	STEP_DONE,
	STEP_COUNT,
};

const char *saga_step_name(enum saga_step step);
bool saga_step_of(const char *name, enum saga_step *step);
bool saga_is_undoing(enum saga_step step);

/* What has been sent, or is about to be; each is undone. */
enum { SENT_RESERVE = 1, SENT_CHARGE = 2 };
/* What has been heard of, in a choreographed saga. */
enum { HEARD_PAID = 1, HEARD_RESERVED = 2, HEARD_REFUNDED = 4, HEARD_RELEASED = 8 };

enum saga_step saga_next(enum saga_step done);
/* The undo after `done` (STEP_DONE: the first), or STEP_DONE: nothing is left to take back. */
enum saga_step saga_next_undo(unsigned sent, enum saga_step done);

enum saga_verdict {
	SAGA_DID,
	SAGA_REFUSED, /* certainly, and for good */
	SAGA_UNKNOWN, /* it may have happened; ask again, in the same words */
};

enum saga_verdict saga_judge(enum saga_step step, const struct answer *answer);
int64_t saga_pause_us(int attempts, double dice); /* before asking again; dice in [0, 1) */

/* order_store.c */

struct order {
	const char *id, *user, *email, *key, *coupon, *card;
	const char *correlation, *traceparent, *created_at, *updated_at;
	enum order_status status;
	struct order_totals totals;
	struct order_line *lines;
	size_t line_count;
	enum saga_style style; /* of its saga */
	enum saga_step step;
	const char *reason;   /* why it is or was undone; NULL: it was not */
};

/* NULL: there is none. */
struct order *order_load(struct service *service, struct arena *arena, const char *id);
struct order *order_load_shown(struct service *service, struct arena *arena, const char *id);
struct order *order_load_by_key(struct service *service, struct arena *arena, const char *user,
				const char *key);
struct order *order_of_row(struct rows *rows, struct arena *arena);
extern const char order_schema[];
json_t *order_json(const struct order *order);
json_t *order_lines_json(const struct order *order); /* with prices */
bool order_lines_read(json_t *items, struct arena *arena, struct order_line **lines,
		      size_t *count);

/* In a transaction. */
void order_insert(struct service *service, const struct order *order);
/* False, and nothing done, when it is no longer where it was loaded or may not go there. */
bool order_move(struct service *service, struct order *order, enum order_status to);
bool order_move_quietly(struct service *service, struct order *order, enum order_status to);
void order_announce(struct service *service, const struct order *order, enum order_status status);

/* order_ask.c: may wait. */

enum ask_result { ASK_OK, ASK_UNKNOWN_SKU, ASK_UNREACHABLE };

/* Today's price and name of every line. `missing` gets the SKU there is not. */
enum ask_result ask_prices(struct service *service, const struct call *like,
			   struct order_line *lines, size_t count, const char **missing);
/* NULL: can't be told now. */
const char *ask_email(struct request *request);
void reply_unavailable(struct request *request, struct reply *reply, const char *what);

/* order_cart.c, order_coupons.c */

size_t cart_read(struct service *service, const char *user,
		 struct order_line lines[ORDER_LINES_MAX]);
void cart_clear(struct service *service, const char *user);
handler cart_get, cart_delete, cart_add, cart_put_item, cart_delete_item;

bool coupon_find(struct service *service, struct arena *arena, const char *code,
		 struct coupon *coupon);
bool coupon_is_free(struct service *service, const struct coupon *coupon, const char *user);
/* In a transaction. */
bool coupon_take(struct service *service, const struct coupon *coupon, const char *user,
		 const char *order);
void coupon_give_back(struct service *service, const char *order);
void coupons_seed(struct service *service);
handler coupon_get;

/* The rest of the routes. */

handler order_place;
handler order_list, order_get, order_get_by_key, order_history;
handler order_list_all, order_list_history; /* of everybody, for admins */
handler order_put_status, order_cancel;

bool order_user(struct request *request, struct reply *reply); /* false: a 401 */
/* The order of the route, if the one who asks may see it; NULL: a 403 or 404 is in `reply`. */
struct order *order_asked(struct request *request, struct reply *reply);
/* A member that may be missing (NULL). False: it is there but no good, and a 400 in `reply`. */
bool optional_string(struct request *request, struct reply *reply, const char *name, size_t longest,
		     const char **out);
/* BUG_STALE_READ: takes what changed to the copy, forever. */
void order_copy_start(struct service *service);

/* saga.c */

struct saga {
	char order[48];
	enum saga_style style;
	enum saga_step step;
	enum order_status outcome; /* once it is being undone */
	unsigned sent, heard;
	int attempts;
	int64_t deadline_us, next_at_us; /* wall clock: they outlive the process */
};

void sagas_init(struct service *service);  /* before anything waits */
void sagas_start(struct service *service); /* resumes them all, and keeps their clock */
bool saga_load(struct service *service, const char *order, struct saga *saga);

/* In a transaction. */
void saga_insert(struct service *service, const char *order);
void saga_save(struct service *service, const struct saga *saga, int64_t next_at_us);
/* From now on it is taken back, whatever was under way. */
void saga_undo(struct service *service, struct saga *saga, struct order *order,
	       enum order_status outcome, const char *reason);
void saga_finish(struct service *service, struct saga *saga, struct order *order);
/* The pivot. */
void saga_confirm(struct service *service, struct saga *saga, struct order *order);

/* Starts its runner, if there is none yet. `known` is the step that is on the disk for sure, or
   STEP_COUNT. */
void saga_kick(struct service *service, const char *order, enum saga_step known);
/* Waits, at most so long, until it is confirmed or undone; its status then. */
enum order_status saga_wait(struct service *service, const char *order, int64_t longest_us);

/* A lease: a saga that is being run is not due before. */
enum { SAGA_LEASE_US = 30 * 1000000 };

/* saga_orchestrated.c: one step. False: nothing to do now. `known` as above, kept up to date. */
bool saga_orchestrated_step(struct service *service, const char *order, enum saga_step *known);
/* saga_choreographed.c */
void saga_choreographed_due(struct service *service, const char *order);
extern const struct subscription saga_subscriptions[];

#endif
