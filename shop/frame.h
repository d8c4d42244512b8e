/*
 * frame: what the files of the frame have of each other. Services include service.h only.
 *
 *	service.c   the process: loop, listener, signals, start and end
 *	serve.c     routes.c   requests to handlers, and their replies
 *	request.c              what handlers ask of requests
 *	keys.c      idempotency keys
 *	metrics.c   counters and GET /metrics
 *	call.c      breaker.c  outgoing calls
 *	publish.c              outbox, relay, inbox, POST /internal/events
 */
#ifndef SHOP_FRAME_H
#define SHOP_FRAME_H

#include "lib/error.h"
#include "lib/text.h"
#include "shop/service.h"
#include "shop/settings.h"

struct server_call;

/*
 * In this order: store_open() with the schemas, calls_init(), publish_init(), serve_init(); then
 * the port is served, kind->started and publish_start() run as tasks. At the end the other way
 * round.
 */

/* call.c: keeps what it has in service->calls. */
void calls_init(struct service *service);
void calls_release(struct service *service);
/* Lines for GET /metrics that are known only when asked (breaker states); may add nothing. */
void calls_metrics(struct service *service);
/* [{"name": "order -> payment", "state": "closed", "opened": 0}...] */
json_t *calls_breakers(const struct service *service);

/* publish.c: keeps what it has in service->publisher. None of it is used when there is no store. */
extern const char publish_schema[];
extern const struct route publish_routes[]; /* POST /internal/events */
void publish_init(struct service *service);
void publish_start(struct service *service); /* in a task of its own; may return */
void publish_release(struct service *service);

/* keys.c */
extern const char idempotency_schema[];
void idempotency_init(struct service *service); /* forgets old ones, and those nobody will answer */

/* serve.c: keeps what it has in service->serving. */
void serve_init(struct service *service);
void serve_release(struct service *service);
void serve_call(void *service, struct server_call *call); /* a server_handle */
void serve_metrics(struct service *service, struct buffer *out);

/* routes.c */
struct path_parts {
	struct text parts[16];
	size_t count;
};
bool path_split(struct text path, struct path_parts *parts); /* false: too many parts */
/* Whether it fits; then the parameters, still percent-encoded, are in `found`. */
bool route_fits(const struct path_parts *pattern, const struct path_parts *path,
		struct text found[4]);

/* metrics.c: keeps what it has in service->metrics. */
void metrics_init(struct service *service);
void metrics_release(struct service *service);
void metrics_write(struct service *service, struct buffer *out);

/* json.c: JSON that others wrote: strict, and not nested deeper than a task's stack bears. */
enum { JSON_NESTING_MAX = 32 };
json_t *json_read(struct text text, struct error *err);

#endif
