/*
 * client: HTTP/1.1 requests from tasks, over kept connections to one destination.
 *
 *	struct client *client = client_new(base, "http://127.0.0.1:7004", err);
 *	result = client_exchange(client, &request, 2 * US_PER_S, &answer);   // the task waits
 *
 * The result says whether the request may have had an effect. A kept connection that turns out to
 * be dead is replaced by a new one when nothing of the request left, or when `repeatable` says
 * that sending it twice is harmless.
 */
#ifndef SHOP_CLIENT_H
#define SHOP_CLIENT_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

enum {
	CLIENT_CONNECTIONS_MAX = 256,      /* further exchanges wait for one to become free */
	CLIENT_BODY_MAX = 8 * 1024 * 1024, /* a larger answer is CLIENT_BROKEN */
	CLIENT_IDLE_MAX_MS = 3000,         /* the other side will soon give up an older one */
};

struct client;
struct event_base;

enum client_result {
	CLIENT_ANSWERED, /* whatever the status */
	CLIENT_TIMEOUT,  /* something was sent; it may have had an effect */
	CLIENT_BROKEN,   /* the same, and then the connection ended, or what came was no HTTP */
	CLIENT_REFUSED,  /* nothing was sent */
};

struct client_request {
	struct text bytes; /* head and body, complete */
	bool is_head;      /* the answer has no body */
	bool repeatable;
};

struct client_answer {
	int status;
	struct buffer headers, body; /* all header lines; initialised and released by the caller */
};

/* Resolves the name at once. Only http:// is spoken. */
struct client *client_new(struct event_base *base, const char *url, struct error *err);
void client_free(struct client *client); /* exchanges under way never end */
const char *client_host(const struct client *client); /* for the Host header: "127.0.0.1:7004" */
uint32_t client_connections(const struct client *client);

enum client_result client_exchange(struct client *client, const struct client_request *request,
				   int64_t timeout_us, struct client_answer *answer);

#endif
