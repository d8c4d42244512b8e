#include <errno.h>
#include <sys/socket.h>

#include "lib/server_parts.h"

enum {
	READ_BYTES = 8 * 1024,
	KEPT_BYTES = 64 * 1024, /* a buffer that grew larger is given back */
};

struct text server_method(const struct server_call *call)
{
	return call->head.method;
}

struct text server_path(const struct server_call *call)
{
	return call->path;
}

struct text server_query(const struct server_call *call)
{
	return call->query;
}

struct text server_headers(const struct server_call *call)
{
	return call->head.headers;
}

struct text server_body(const struct server_call *call)
{
	return call->body;
}

const char *server_peer(const struct server_call *call)
{
	return call->peer;
}

uint64_t server_connection(const struct server_call *call)
{
	return call->number;
}

static struct text came(const struct server_call *call)
{
	return buffer_text(&call->in);
}

/* "/path?query"; "http://host/path" is taken for its path, as RFC 9112 §3.2.2 asks. */
static bool read_target(struct server_call *call)
{
	struct text target = call->head.target;
	const char *mark;

	if (text_starts_with(target, "http://")) {
		const char *slash = memchr(target.data + 7, '/', target.length - 7);

		if (!slash)
			return false;
		target.length -= (size_t)(slash - target.data);
		target.data = slash;
	}
	if (target.length == 0 || (target.data[0] != '/' && !text_is(target, "*")))
		return false;
	mark = memchr(target.data, '?', target.length);
	call->path = target;
	call->query = text_of("");
	if (mark) {
		call->path.length = (size_t)(mark - target.data);
		call->query = (struct text){ mark + 1, target.length - call->path.length - 1 };
	}
	return true;
}

/* Sent at once: the client waits for it before it sends the body. */
static void encourage(struct server_call *call)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct text value;

	if (call->in.length > call->head.length || call->head.minor == 0)
		return;
	if (http1_header(call->head.headers, "expect", &value) &&
	    text_is_nocase(value, "100-continue") &&
	    send(call->fd, go_on, sizeof(go_on) - 1, MSG_NOSIGNAL) < 0)
		return; /* reading will tell */
}

/* The status of a refusal, 0: go on, or -1: more is needed. */
static int read_head(struct server_call *call)
{
	switch (http1_head(HTTP1_REQUEST, came(call), &call->scanned, &call->head, NULL)) {
	case HTTP1_MORE:
		return call->in.length >= HTTP1_HEAD_MAX ? 431 : -1;
	case HTTP1_DONE:
		break;
	default:
		return call->in.length >= HTTP1_HEAD_MAX ? 431 : 400;
	}
	if (!read_target(call))
		return 400;
	if (call->head.content_length > (int64_t)call->server->body_max)
		return 413;
	call->has_head = true;
	call->taken = call->head.length;
	call->last = call->head.close || call->server->stopping;
	http1_body_begin(&call->body_state, HTTP1_REQUEST, &call->head, false);
	buffer_clear(&call->gathered);
	if (call->head.content_length > 0 || call->head.chunked)
		encourage(call);
	return 0;
}

/* `in` may have moved since the head was read: its slices are taken again. */
static void move_slices(struct server_call *call)
{
	size_t scanned = 0;

	http1_head(HTTP1_REQUEST, came(call), &scanned, &call->head, NULL);
	read_target(call);
}

static int read_sized_body(struct server_call *call)
{
	size_t wanted = call->head.content_length > 0 ? (size_t)call->head.content_length : 0;

	if (call->in.length - call->head.length < wanted) {
		buffer_reserve(&call->in, wanted - (call->in.length - call->head.length));
		return -1;
	}
	call->body = (struct text){ call->in.data + call->head.length, wanted };
	call->taken = call->head.length + wanted;
	return 0;
}

/* What was decoded is cut out of `in`, so that endless chunk extensions fill no memory. */
static int read_chunked_body(struct server_call *call)
{
	struct text rest = { call->in.data + call->taken, call->in.length - call->taken };
	struct text piece;
	enum http1_result result;

	while ((result = http1_body_next(&call->body_state, &rest, &piece, NULL)) == HTTP1_PIECE) {
		if (call->gathered.length + piece.length > call->server->body_max)
			return 413;
		buffer_add_text(&call->gathered, piece);
	}
	if (result == HTTP1_ERROR)
		return 400;
	memmove(call->in.data + call->taken, rest.data, rest.length);
	call->in.length = call->taken + rest.length;
	call->body = buffer_text(&call->gathered);
	return result == HTTP1_DONE ? 0 : -1;
}

static int read_body(struct server_call *call)
{
	return call->head.chunked ? read_chunked_body(call) : read_sized_body(call);
}

/* A complete request: 0; a refusal: its status; -1: more is needed. */
static int read_request(struct server_call *call)
{
	int status;

	if (!call->has_head) {
		status = read_head(call);
		return status ? status : read_body(call);
	}
	status = read_body(call);
	if (status == 0)
		move_slices(call);
	return status;
}

static void begin_next(struct server_call *call)
{
	size_t left = call->in.length - call->taken;

	if (left)
		memmove(call->in.data, call->in.data + call->taken, left);
	call->in.length = left;
	if (left == 0 && call->in.room > KEPT_BYTES)
		buffer_release(&call->in);
	if (call->gathered.room > KEPT_BYTES)
		buffer_release(&call->gathered);
	call->taken = 0;
	call->scanned = 0;
	call->has_head = false;
}

/* A handler may reply before it returns; then the loop goes on here, not deeper and deeper. */
static void take_requests(struct server_call *call)
{
	call->handling = true;
	while (call->state == CONNECTION_READING && call->in.length) {
		int status = read_request(call);

		if (status < 0)
			break;
		if (status > 0) {
			connection_refuse(call, status);
			break;
		}
		connection_set_state(call, CONNECTION_CALLED);
		call->server->handle(call->server->context, call);
		if (call->state == CONNECTION_READING)
			begin_next(call);
	}
	call->handling = false;
	if (call->doomed)
		connection_end(call);
}

void connection_go_on(struct server_call *call)
{
	if (call->deaf) {
		call->deaf = false;
		event_add(call->readable, NULL);
	}
	if (call->handling)
		return; /* take_requests() sees it */
	begin_next(call);
	take_requests(call);
}

static void throw_away(struct server_call *call)
{
	char waste[READ_BYTES];
	ssize_t got = recv(call->fd, waste, sizeof(waste), 0);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		connection_end(call);
}

static void stop_listening_to(struct server_call *call)
{
	call->deaf = true;
	event_del(call->readable);
}

static void read_some(struct server_call *call)
{
	bool idle = call->in.length == 0;
	char *end = buffer_reserve(&call->in, READ_BYTES);
	ssize_t got = recv(call->fd, end, call->in.room - call->in.length - 1, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		connection_end(call);
		return;
	}
	if (idle)
		call->since_us = call->server->now_us;
	call->in.length += (size_t)got;
	take_requests(call);
}

void connection_read(struct server_call *call)
{
	if (call->state == CONNECTION_READING)
		read_some(call);
	else if (call->state == CONNECTION_LINGERING)
		throw_away(call);
	else
		stop_listening_to(call); /* until the reply is out */
}
