/*
 * service: what all services of the shop are made of: serve, call, store, publish.
 *
 * A service is a table of routes, a table of the events it listens to, a schema, and a few
 * functions. It runs in a process of its own (see launcher.h), in one thread, as tasks (see
 * task.h).
 *
 *	static void get_product(struct request *request, struct reply *reply)
 *	{
 *		...
 *		reply_json(reply, 200, json_pack("{s:s}", "sku", sku));
 *	}
 *
 *	static const struct route routes[] = {
 *		{ "GET", "/products/{sku}", get_product },
 *		ROUTES_END
 *	};
 *	const struct service_kind service_catalog = { .name = "catalog", .routes = routes, ... };
 *
 * A reply goes out after everything that was committed before it is on the disk.
 */
#ifndef SHOP_SERVICE_H
#define SHOP_SERVICE_H

#include <jansson.h>

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/random.h"
#include "shop/bugs.h"
#include "shop/store.h"
#include "shop/task.h"

struct service;

/* Serving. */

struct request {
	struct service *service;
	struct arena *arena;      /* until the reply is out */
	const char *method;
	const char *path;
	struct text query, headers, body;
	json_t *json;             /* the body, if it is JSON; else NULL */
	const char *parameters[4];/* of the pattern: "/users/{id}" gives one */
	const char *user;         /* id of who asks, as the gateway vouches for; NULL: nobody */
	bool is_admin;
	const char *key;          /* Idempotency-Key, or NULL */
	const char *correlation;  /* X-Correlation-Id; made up if there was none */
	const char *traceparent;
	const char *peer;         /* address of the client */
	uint64_t connection;      /* on which of its connections, see server_connection() */
};

struct reply {
	int status;
	json_t *json;             /* owned */
	struct buffer raw;        /* instead of json, with content_type */
	const char *content_type;
	struct buffer headers;    /* further lines */
};

typedef void handler(struct request *request, struct reply *reply);

struct route {
	const char *method;       /* "*": any */
	const char *pattern;      /* "/orders/{id}"; the first that fits wins; "/x/{rest*}" takes
				     all parts that are left */
	handler *handle;
};
#define ROUTES_END { .method = NULL }

void reply_json(struct reply *reply, int status, json_t *json); /* steals it */
/* {"error": {"code": "out_of_stock", "message": "...", "correlation_id": "..."}} */
void reply_error(struct request *request, struct reply *reply, int status, const char *code,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A query parameter, or `otherwise`. In the request's arena. */
const char *request_query(struct request *request, const char *name, const char *otherwise);
/* A number from the query, kept within bounds; false (and a 400 in `reply`) if it is none. */
bool request_query_int(struct request *request, struct reply *reply, const char *name,
		       int64_t otherwise, int64_t low, int64_t high, int64_t *out);
/* Members of the body; false and a 400 in `reply` when missing or of the wrong type. */
bool request_string(struct request *request, struct reply *reply, const char *name, size_t longest,
		    const char **out);
bool request_int(struct request *request, struct reply *reply, const char *name, int64_t low,
		 int64_t high, int64_t *out);

/* Calling. Every outgoing call has a timeout, bounded retries with jitter, a circuit breaker. */

enum call_result {
	CALL_ANSWERED, /* whatever the status */
	CALL_TIMEOUT,  /* the effect may have happened */
	CALL_BROKEN,   /* the connection ended after the request was sent: the same */
	CALL_REFUSED,  /* could not connect: it did not happen */
	CALL_OPEN,     /* the breaker let nothing through: it did not happen */
};

struct call {
	const char *edge;      /* name of the service called: "payment" */
	const char *method;
	const char *path;      /* with query */
	const json_t *json;    /* body, borrowed; or NULL */
	const char *form;      /* body as a form instead */
	struct text bytes;     /* body as it is instead, with content_type; both empty: no body */
	const char *content_type;
	bool as_bytes;         /* the answer's body is not parsed: answer.json stays NULL */
	const char *key;       /* Idempotency-Key; also makes a POST safe to retry */
	const char *headers;   /* further lines, complete */
	int64_t timeout_us;    /* 0: the service's default (2 s) */
	int retries;           /* after the first; only when it can't have happened, the key makes
				  it safe, or the method is GET, PUT or DELETE */
	bool once;             /* sent once only: a key, too, makes nothing safe here */
	const char *correlation, *traceparent, *user; /* passed on */
};

struct answer {
	enum call_result result;
	int status;
	json_t *json;          /* owned; NULL when the body was no JSON */
	struct buffer body;
	struct buffer headers; /* all its header lines, for http1_header() */
};

/* From a task. Never longer than (retries + 1) x timeout plus back-off. */
void service_call(struct service *service, const struct call *call, struct answer *answer);
void answer_release(struct answer *answer);
static inline bool answer_is(const struct answer *answer, int status)
{
	return answer->result == CALL_ANSWERED && answer->status == status;
}
struct call call_for(const struct request *request, const char *edge, const char *method,
		     const char *path); /* with what is to be passed on */

/* Publishing: into the outbox, in the transaction of the change. A relay takes it to the bus. */

struct event {
	const char *type;      /* "OrderCreated" */
	const char *id;        /* unique */
	int version;
	const char *aggregate; /* "order-17" */
	int64_t sequence;      /* of the aggregate, from 1 */
	const char *correlation;
	const char *at;        /* ISO 8601 */
	const json_t *data;
};

/* Inside a transaction. */
void service_publish(struct service *service, const char *type, const char *aggregate,
		     const char *correlation, json_t *data /* stolen */);

/*
 * Called in a transaction, once per event (the inbox dedupes), in the order of its aggregate. True:
 * done, the transaction is committed and the event acknowledged. False: it is rolled back, and the
 * event comes again later; after too many times it is a dead letter.
 * A consumer that must call others does so before it writes: see `prepare`.
 */
struct subscription {
	const char *type;
	bool (*consume)(struct service *service, const struct event *event);
	/* May wait; NULL if there is nothing to ask. What it puts into service->prepared is there
	   for consume(), and freed with json_decref afterwards. Must be safe to repeat. False:
	   later again. */
	bool (*prepare)(struct service *service, const struct event *event);
};
#define SUBSCRIPTIONS_END { .type = NULL }

/* The service itself. */

struct service_kind {
	const char *name;
	const char *schema;                    /* SQL; the frame adds outbox, inbox, idempotency */
	const struct route *routes;
	const struct subscription *subscriptions;
	void (*started)(struct service *service); /* a task: resume, background jobs; may return */
	bool no_store;                         /* gateway */
	const char *headers;                   /* lines that go with every reply; or NULL */
	bool raw_bodies;                       /* request->json stays NULL, nothing is parsed */
	bool outside;                          /* faces clients: does not believe X-User, X-Role */
	handler *otherwise;                    /* for what no route fits; NULL: a 404 */
};

struct service {
	const struct service_kind *kind;
	struct event_base *base;
	struct store *store;
	struct random random;
	const struct shop_settings *settings;
	json_t *prepared;
	void *own;                             /* what the kind keeps in memory */
	bool ready;                            /* serving; says GET /ready */
	bool ending;                           /* told to end: background tasks may stop */

	/* Of the files of the frame with these names. */
	struct calls *calls;
	struct publisher *publisher;
	struct serving *serving;
	struct metrics *metrics;
};

/* Counters that appear in GET /metrics as shop_NAME{labels}; cheap. Labels as 'edge="payment"'. */
void metric_add(struct service *service, const char *name, const char *labels, double amount);
void metric_set(struct service *service, const char *name, const char *labels, double amount);

/*
 * Runs the service until it is told to end (SIGTERM), or `ready` loses its reader. The process's
 * whole life. `listener` is a listening socket; to `ready`, a pipe or -1, goes one byte when
 * requests are being served. Returns the exit status.
 */
int service_main(const struct service_kind *kind, const struct shop_settings *settings,
		 int listener, int ready);

/*
 * Idempotency keys, per user, stored with a hash of method, path and body. Inside a transaction.
 * A key that was taken and not answered when the service died is free again: so either answer in
 * the transaction of the effect, or make sure otherwise that it happens once.
 */
enum key_state {
	KEY_NEW,       /* taken; finish with key_answered() in the same or a later transaction */
	KEY_REPEATED,  /* the stored answer is in `reply` */
	KEY_MISUSED,   /* the same key with another body: a 422 is in `reply` */
	KEY_BUSY,      /* taken, not answered yet: a 409 is in `reply` */
};
enum key_state key_take(struct request *request, struct reply *reply);
void key_answered(struct request *request, const struct reply *reply);
/* The same without taking it, and without a transaction. */
enum key_state key_look(struct request *request, struct reply *reply);

char *make_id(struct service *service, struct arena *arena, const char *prefix); /* "ord_k3j..." */
const char *time_now_iso(struct arena *arena);

#endif
