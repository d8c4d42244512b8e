/*
 * psp_parts: what the files of the payment provider have of each other.
 *
 *	psp.c          routes, replies, the life of it
 *	psp_post.c     what all POSTs have in common: parameters, keys, errors, when to answer
 *	psp_shelf.c    objects by id, in order; psp_lists.c their pages
 *	psp_keys.c     idempotency keys and the answers that they keep
 *	psp_intents.c  psp_refunds.c   the money
 *	psp_late.c     answers that go out later, calls that are looked at later
 */
#ifndef SAGAS_PSP_PARTS_H
#define SAGAS_PSP_PARTS_H

#include <jansson.h>
#include <stdint.h>

#include "lib/random.h"
#include "sagas/form.h"
#include "sagas/hooks.h"
#include "sagas/ledger.h"
#include "sagas/misdeeds.h"
#include "sagas/psp.h"

/* An object as it was answered. What may change about it stands beside its text. */
struct psp_object {
	char id[32];
	char currency[4];
	char *text;
	bool succeeded;
	int64_t amount;
	int64_t refunded; /* of an intent */
	size_t intent;    /* of a refund: its place on the other shelf */
	int64_t at_us;  /* when it came about; since 1970 */
};

struct psp_shelf {
	struct psp_object *objects;
	size_t count, room;
	json_t *places; /* id -> place */
};

void shelf_init(struct psp_shelf *shelf);
void shelf_release(struct psp_shelf *shelf);
struct psp_object *shelf_add(struct psp_shelf *shelf, const json_t *object);
struct psp_object *shelf_find(const struct psp_shelf *shelf, const char *id);
void shelf_date(struct psp_shelf *shelf, const json_t *object, int64_t at_us); /* or NULL */

/* What was answered under a key, or will be. */
struct psp_answer {
	uint64_t hash; /* of path and parameters */
	int status;
	char *body; /* NULL: the request is still under way */
};

struct psp_keys {
	struct psp_answer *answers;
	size_t count, room;
	json_t *places; /* key -> place */
};

struct psp_counts {
	uint64_t charged, declined, refunded, replayed, misused, in_progress, malformed, failed;
};

struct psp_late;
struct psp_held;

struct psp {
	struct event_base *base;
	struct psp_settings settings;
	struct server *server;
	struct ledger *ledger;
	struct hooks *hooks;
	struct random random;
	struct psp_shelf intents, refunds;
	struct psp_keys keys;
	struct psp_counts counts;
	struct misdeeds *misdeeds;
	struct psp_held *held; /* calls that wait before they have an effect */
	struct psp_late *late; /* answers that wait for the disk, or for their time */
};

/* A POST, from its parameters to what is answered. */
struct psp_post {
	struct psp *psp;
	enum misdeed_subject of;
	struct form form;
	struct arena arena;
	int status;
	json_t *body;     /* of the answer; owned */
	json_t *entry;    /* for the ledger; owned. NULL: malformed, so no key was used, either */
	const char *event; /* for the webhook, or NULL */
	json_t *subject;  /* of that event; owned */
	int told;         /* it happened, and is answered with this error; 0: as it is */
	bool lost;        /* the answer never goes out */
	int64_t late_us;  /* or so much later */
};

void intent_create(struct psp_post *post);
void refund_create(struct psp_post *post);
/* From the ledger: takes the object up again, returns the answer it had; owned. */
json_t *intent_remember(struct psp *psp, json_t *object, int status);
json_t *refund_remember(struct psp *psp, json_t *object);

void keys_init(struct psp_keys *keys);
void keys_release(struct psp_keys *keys);
/* The answer to fill; taken until it has a body. */
struct psp_answer *keys_find(const struct psp_keys *keys, struct text key); /* or NULL */
void keys_take(struct psp_keys *keys, struct text key, uint64_t hash);

struct server_call;

/* psp_late.c: an answer on its way. */
struct psp_late {
	struct psp *psp;
	struct psp_late *next, **link;
	struct server_call *call;
	struct event *timer; /* NULL: goes out as soon as the disk has it */
	int64_t late_us;
	int status;
	char *body;
	char *key;     /* whose answer it is, or NULL */
	json_t *event; /* webhook, or NULL */
	bool replayed, lost;
};

struct psp_late *psp_late_new(struct psp *psp, struct server_call *call, int status);
/* When everything that was added to the ledger is on the disk. */
void psp_late_send(struct psp_late *late);
/* The same at once, with a body to steal. */
void psp_answer(struct psp *psp, struct server_call *call, int status, json_t *body);

typedef void psp_look(struct psp *psp, struct server_call *call, enum misdeed_subject of);
/* Looks at the call after that time. */
void psp_hold(struct psp *psp, struct server_call *call, enum misdeed_subject of, psp_look *look,
	      int64_t for_us);
void psp_forget_late(struct psp *psp);

/* psp_post.c */

void psp_handle_post(struct psp *psp, struct server_call *call, enum misdeed_subject of);
/* An entry of the ledger, at the start. */
void psp_remember(void *psp, json_t *entry);

/* A new id: "pi_" and 24 letters and digits. */
void psp_make_id(struct psp *psp, const char *prefix, char out[32]);

/* {"error": {"type", "code", "message", "param"}}; code and param may be NULL. */
json_t *psp_error_body(const char *type, const char *code, const char *param, const char *format,
		       ...) __attribute__((format(printf, 4, 5)));

/* Malformed: answered, but nothing happened. */
void post_refuse(struct psp_post *post, const char *code, const char *param, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

/* 1 to `most`; anything else is refused and 0. */
int64_t post_amount(struct psp_post *post, const char *text, int64_t most);
/* metadata[key]=value; NULL: refused. Owned. */
json_t *post_metadata(struct psp_post *post);

/* psp_lists.c: {"object": "list", ...}; false: `body` is the error. */
struct psp_filter {
	const char *url;
	const struct psp_shelf *shelf;
	size_t intent; /* only refunds of this one */
	bool by_intent;
};
bool shelf_list(const struct psp_filter *filter, struct text query, json_t **body);

#endif
