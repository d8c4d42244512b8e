/*
 * transport: what transfer.c needs from each of the two transports, and what they share.
 *
 * A transport puts `struct transport` first in its own struct, and `struct lane` first in its
 * lanes. Lanes are freed before their transport is.
 */
#ifndef LOADGEN_TRANSPORT_H
#define LOADGEN_TRANSPORT_H

#include <errno.h>

#include "loadgen/loop.h"
#include "loadgen/transfer.h"

enum {
	INTERIM_MAX = 16,         /* 1xx answers before the final one */
	KEPT_BYTES_MAX = 1 << 17, /* a larger buffer is given back after its exchange */
};

struct transport_ops {
	void (*free)(struct transport *transport);
	struct lane *(*lane_new)(struct transport *transport);
	void (*lane_free)(struct lane *lane);
	void (*send)(struct lane *lane); /* lane->request, on a new connection if it has none */
	void (*disconnect)(struct lane *lane);
	/* How far connecting came: FAILURE_DNS, CONNECT or TLS; FAILURE_NONE: it is connected. */
	enum failure (*stage)(const struct lane *lane);
	void (*give_up)(struct lane *lane, enum failure failure, const char *why);
};

struct transport {
	const struct transport_ops *ops;
	const struct transfer_settings *settings;
	struct loop *loop;
	uint32_t connections;
	uint32_t opening;     /* lanes on the way to a connection */
	uint32_t descriptors; /* that connections may take; of which each takes so many: */
	uint32_t each, each_opening;
};

struct lane {
	struct transport *transport;
	const struct exchange_request *request; /* NULL: idle */
	exchange_done *done;
	void *context;
	struct timeout timeout; /* may be left set, and earlier than it need be */
	int64_t sent_us;
	int64_t deadline_us;
	int64_t connect_deadline_us;
	uint16_t origin;
	bool connected;
	bool opening;
};

struct transport *direct_transport_new(const struct transfer_settings *settings, struct loop *loop,
				       struct error *err);
struct transport *curl_transport_new(const struct transfer_settings *settings, struct loop *loop,
				     struct error *err);

static inline const struct origin *lane_origin(const struct lane *lane)
{
	return &lane->transport->settings->origins[lane->origin];
}

/* Whether sending it twice does what sending it once does. */
static inline bool method_is_idempotent(enum http_method method)
{
	return method != METHOD_POST && method != METHOD_PATCH;
}

/* Whether a request with this method says how long its body is even if it has none. */
static inline bool method_wants_length(enum http_method method)
{
	return method == METHOD_POST || method == METHOD_PUT || method == METHOD_PATCH;
}

static inline bool request_sends_body(const struct exchange_request *request)
{
	return request->has_body && request->method != METHOD_HEAD;
}

/* Connecting begins now: the time for it is running. */
void lane_begin_connecting(struct lane *lane);
void lane_end_connecting(struct lane *lane); /* whatever came of it, and if it never began */

/* Descriptors that this process may still open, but for a few that everyone needs now and then. */
uint32_t descriptors_left(void);

/* Whether an error means that this machine, or our share of it, has no more to give. */
static inline bool is_exhaustion(long error)
{
	return error == EMFILE || error == ENFILE || error == EADDRNOTAVAIL || error == ENOBUFS ||
	       error == ENOMEM;
}

/* The end of an exchange: the lane is idle, and may be gone when this returns. */
static inline void lane_finish(struct lane *lane, struct exchange_result *result)
{
	result->sent_us = lane->sent_us;
	result->done_us = loop_clock(lane->transport->loop);
	lane->request = NULL;
	lane->done(lane->context, result);
}

#endif
