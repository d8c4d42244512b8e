#include "shop/client.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/url.h"
#include "shop/task.h"

enum { READ_BYTES = 16 * 1024, KEPT_BYTES = 64 * 1024, INTERIM_MAX = 8 };

/* One request and what comes of it; lives on the stack of the task that waits for it. */
struct exchange {
	struct client *client;
	const struct client_request *request;
	struct client_answer *answer;
	struct connection *connection; /* NULL while it waits for one */
	struct exchange *next; /* among those that wait for a connection */
	struct task *task;
	struct event timer;
	enum client_result result;
	bool done, repeated;
	bool was_sent; /* some of it, on a connection that broke: it may have happened */
};

/*
 * CONNECTING  until it can be written to; then AWAITING, or it is given up
 * AWAITING    the request is sent, the head of the answer is still to come; then READING
 * READING     the body; then IDLE
 * IDLE        until an exchange takes it, the peer closes it or it is too old
 */
enum connection_state { CONNECTING, AWAITING, READING, IDLE };

struct connection {
	struct client *client;
	struct connection *next, **to_me; /* among the idle, or among the busy */
	struct exchange *exchange;
	struct event *readable, *writable;
	int fd;
	enum connection_state state;
	bool reused;
	int interim;
	int64_t idle_since_us;
	size_t sent, received;
	struct buffer in;
	size_t scanned;
	bool closes;
	struct http1_body body;
};

struct client {
	struct event_base *base;
	struct sockaddr_storage address;
	socklen_t address_length;
	char *host;
	struct connection *idle, *busy;
	uint32_t connections;
	struct exchange *waiting, **waiting_end;
};

static void begin(struct exchange *exchange);

/* --- connections --- */

static void link_to(struct connection *connection, struct connection **list)
{
	connection->next = *list;
	connection->to_me = list;
	if (*list)
		(*list)->to_me = &connection->next;
	*list = connection;
}

static void unlink_it(struct connection *connection)
{
	*connection->to_me = connection->next;
	if (connection->next)
		connection->next->to_me = connection->to_me;
}

static void release(struct connection *connection)
{
	connection->client->connections--;
	event_free(connection->readable);
	event_free(connection->writable);
	close(connection->fd);
	buffer_release(&connection->in);
	free(connection);
}

static void drop(struct connection *connection)
{
	unlink_it(connection);
	release(connection);
}

static void drop_all(struct connection **list)
{
	struct connection *next;

	for (struct connection *at = *list; at; at = next) {
		next = at->next;
		release(at);
	}
	*list = NULL;
}

static void serve_waiting(struct client *client)
{
	struct exchange *exchange = client->waiting;

	if (!exchange || (!client->idle && client->connections >= CLIENT_CONNECTIONS_MAX))
		return;
	client->waiting = exchange->next;
	if (!client->waiting)
		client->waiting_end = &client->waiting;
	begin(exchange);
}

static void end(struct exchange *exchange, enum client_result result)
{
	exchange->result = result == CLIENT_REFUSED && exchange->was_sent ? CLIENT_BROKEN : result;
	exchange->done = true;
	exchange->connection = NULL;
	task_wake(exchange->task);
}

/* The connection is of no more use. Its exchange starts anew where that is harmless. */
static void fail(struct connection *connection, enum client_result result)
{
	struct client *client = connection->client;
	struct exchange *exchange = connection->exchange;
	bool again = connection->reused && !exchange->repeated && connection->received == 0 &&
		     (connection->sent == 0 || exchange->request->repeatable);

	if (connection->sent == 0)
		result = CLIENT_REFUSED;
	exchange->was_sent = exchange->was_sent || connection->sent > 0;
	drop(connection);
	if (again) {
		exchange->repeated = true;
		begin(exchange);
		return;
	}
	end(exchange, result);
	serve_waiting(client);
}

static void keep(struct connection *connection)
{
	unlink_it(connection);
	link_to(connection, &connection->client->idle);
	connection->state = IDLE;
	connection->exchange = NULL;
	connection->idle_since_us = clock_now_us();
	connection->in.length = 0;
	if (connection->in.room > KEPT_BYTES)
		buffer_release(&connection->in);
}

static void answered(struct connection *connection, bool leftover)
{
	struct client *client = connection->client;
	struct exchange *exchange = connection->exchange;

	if (connection->closes || leftover || connection->sent < exchange->request->bytes.length)
		drop(connection);
	else
		keep(connection);
	end(exchange, CLIENT_ANSWERED);
	serve_waiting(client);
}

/* --- the answer --- */

/* False: the connection may be gone. */
static bool take_body(struct connection *connection, struct text rest)
{
	struct buffer *body = &connection->exchange->answer->body;
	struct text piece;
	enum http1_result got;

	while ((got = http1_body_next(&connection->body, &rest, &piece, NULL)) == HTTP1_PIECE) {
		if (body->length + piece.length > CLIENT_BODY_MAX)
			break;
		buffer_add_text(body, piece);
	}
	connection->in.length = 0;
	if (got == HTTP1_MORE)
		return true;
	if (got == HTTP1_DONE)
		answered(connection, rest.length > 0);
	else
		fail(connection, CLIENT_BROKEN);
	return false;
}

static void take_head(struct connection *connection, const struct http1_head *head)
{
	struct client_answer *answer = connection->exchange->answer;

	answer->status = head->status;
	buffer_add_text(&answer->headers, head->headers);
	connection->closes = head->close;
	connection->state = READING;
	http1_body_begin(&connection->body, HTTP1_RESPONSE, head,
			 connection->exchange->request->is_head);
}

/* An answer that only announces another is passed over. */
static bool is_interim(struct connection *connection, const struct http1_head *head)
{
	return head->status < 200 && head->status != 101 && ++connection->interim <= INTERIM_MAX;
}

static bool await_head(struct connection *connection)
{
	struct text bytes = buffer_text(&connection->in);
	struct http1_head head;
	enum http1_result got;

	while ((got = http1_head(HTTP1_RESPONSE, bytes, &connection->scanned, &head, NULL)) ==
	       HTTP1_DONE) {
		bytes.data += head.length;
		bytes.length -= head.length;
		connection->scanned = 0;
		if (is_interim(connection, &head))
			continue;
		if (head.status < 200)
			break;
		take_head(connection, &head);
		return take_body(connection, bytes);
	}
	if (got != HTTP1_MORE)
		return fail(connection, CLIENT_BROKEN), false;
	if (bytes.length)
		memmove(connection->in.data, bytes.data, bytes.length);
	connection->in.length = bytes.length;
	return true;
}

static void peer_closed(struct connection *connection, bool orderly)
{
	if (connection->state == IDLE) {
		drop(connection);
	} else if (connection->state == READING && orderly &&
		   http1_body_end(&connection->body, NULL) == HTTP1_DONE) {
		connection->closes = true;
		answered(connection, false);
	} else {
		fail(connection, CLIENT_BROKEN);
	}
}

/* True: read on. */
static bool received(struct connection *connection, size_t count)
{
	connection->in.length += count;
	connection->received += count;
	if (connection->state == AWAITING)
		return await_head(connection);
	if (connection->state == READING)
		return take_body(connection, buffer_text(&connection->in));
	drop(connection); /* nothing was asked */
	return false;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;
	ssize_t got;

	(void)what;
	do {
		char *room = buffer_reserve(&connection->in, READ_BYTES);

		got = recv(fd, room, READ_BYTES, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
			peer_closed(connection, got == 0);
			return;
		}
		if (got < 0)
			return;
	} while (received(connection, (size_t)got) && got == READ_BYTES);
}

/* --- the request --- */

static void transmit(struct connection *connection)
{
	struct text bytes = connection->exchange->request->bytes;

	while (connection->sent < bytes.length) {
		ssize_t did = send(connection->fd, bytes.data + connection->sent,
				   bytes.length - connection->sent, MSG_NOSIGNAL);

		if (did >= 0) {
			connection->sent += (size_t)did;
		} else if (errno == EAGAIN) {
			event_add(connection->writable, NULL);
			return;
		} else if (errno != EINTR && connection->sent == 0) {
			fail(connection, CLIENT_REFUSED);
			return;
		} else if (errno != EINTR) {
			return; /* there may be an answer that says why; the reader finds out */
		}
	}
}

static void connected(struct connection *connection)
{
	int problem = 0;
	socklen_t length = sizeof(problem);

	getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &problem, &length);
	if (problem) {
		fail(connection, CLIENT_REFUSED);
		return;
	}
	connection->state = AWAITING;
	event_add(connection->readable, NULL);
	transmit(connection);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd;
	(void)what;
	if (connection->state == CONNECTING)
		connected(connection);
	else if (connection->state != IDLE)
		transmit(connection);
}

static struct connection *connect_to(struct client *client)
{
	struct connection *connection;
	int on = 1;
	int fd = socket(client->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&client->address, client->address_length) != 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return NULL;
	}
	connection = memory_new(sizeof(*connection));
	connection->client = client;
	connection->fd = fd;
	connection->readable =
		event_new(client->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
	connection->writable = event_new(client->base, fd, EV_WRITE, on_writable, connection);
	event_add(connection->writable, NULL);
	link_to(connection, &client->busy);
	client->connections++;
	return connection;
}

static struct connection *take_idle(struct client *client)
{
	struct connection *connection = client->idle;

	if (!connection)
		return NULL;
	if (clock_now_us() - connection->idle_since_us > CLIENT_IDLE_MAX_MS * US_PER_MS) {
		drop_all(&client->idle); /* the newest came first: the others are older still */
		return NULL;
	}
	unlink_it(connection);
	link_to(connection, &client->busy);
	connection->state = AWAITING;
	connection->reused = true;
	return connection;
}

static void wait_for_connection(struct exchange *exchange)
{
	struct client *client = exchange->client;

	exchange->next = NULL;
	*client->waiting_end = exchange;
	client->waiting_end = &exchange->next;
}

static void begin(struct exchange *exchange)
{
	struct client *client = exchange->client;
	struct connection *connection = exchange->repeated ? NULL : take_idle(client);

	if (!connection && client->connections >= CLIENT_CONNECTIONS_MAX) {
		wait_for_connection(exchange);
		return;
	}
	if (!connection)
		connection = connect_to(client);
	if (!connection) {
		end(exchange, CLIENT_REFUSED);
		return;
	}
	connection->exchange = exchange;
	connection->sent = connection->received = connection->scanned = 0;
	connection->interim = 0;
	exchange->connection = connection;
	if (connection->state == AWAITING)
		transmit(connection);
}

static void stop_waiting(struct exchange *exchange)
{
	struct exchange **at = &exchange->client->waiting;

	while (*at && *at != exchange)
		at = &(*at)->next;
	if (*at)
		*at = exchange->next;
	while (*at)
		at = &(*at)->next;
	exchange->client->waiting_end = at;
}

static void too_late(evutil_socket_t fd, short what, void *context)
{
	struct exchange *exchange = context;
	struct connection *connection = exchange->connection;
	bool sent = connection && connection->sent > 0;

	(void)fd;
	(void)what;
	if (exchange->done)
		return;
	if (connection)
		drop(connection);
	else
		stop_waiting(exchange);
	end(exchange, sent ? CLIENT_TIMEOUT : CLIENT_REFUSED);
	serve_waiting(exchange->client);
}

enum client_result client_exchange(struct client *client, const struct client_request *request,
				   int64_t timeout_us, struct client_answer *answer)
{
	struct exchange exchange = {
		.client = client,
		.request = request,
		.answer = answer,
		.task = task_self(),
	};
	struct timeval wait = { .tv_sec = timeout_us / US_PER_S, .tv_usec = timeout_us % US_PER_S };

	evtimer_assign(&exchange.timer, client->base, too_late, &exchange);
	evtimer_add(&exchange.timer, &wait);
	begin(&exchange);
	while (!exchange.done)
		task_wait();
	evtimer_del(&exchange.timer);
	return exchange.result;
}

/* --- the client --- */

static bool resolve(struct client *client, const struct url *url, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct buffer host = BUFFER_EMPTY;
	char port[8];
	int problem;

	buffer_add_text(&host, url->host);
	snprintf(port, sizeof(port), "%u", url->port);
	problem = getaddrinfo(host.data, port, &hints, &found);
	if (problem)
		error_set(err, "cannot find '%s': %s", host.data, gai_strerror(problem));
	buffer_release(&host);
	if (problem)
		return false;
	memcpy(&client->address, found->ai_addr, found->ai_addrlen);
	client->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static char *host_header(const struct url *url)
{
	struct buffer host = BUFFER_EMPTY;
	bool brackets = memchr(url->host.data, ':', url->host.length);

	buffer_format(&host, "%s%.*s%s:%u", brackets ? "[" : "", TEXT_ARG(url->host),
		      brackets ? "]" : "", url->port);
	return host.data;
}

struct client *client_new(struct event_base *base, const char *source, struct error *err)
{
	struct client *client = memory_new(sizeof(*client));
	struct url url;

	client->base = base;
	client->waiting_end = &client->waiting;
	if (!url_parse(text_of(source), &url, err) || !resolve(client, &url, err)) {
		client_free(client);
		return NULL;
	}
	if (url.tls) {
		error_set(err, "only http:// can be called, not '%s'", source);
		client_free(client);
		return NULL;
	}
	client->host = host_header(&url);
	return client;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	for (struct connection *at = client->busy; at; at = at->next)
		evtimer_del(&at->exchange->timer);
	drop_all(&client->idle);
	drop_all(&client->busy);
	for (struct exchange *at = client->waiting; at; at = at->next)
		evtimer_del(&at->timer);
	free(client->host);
	free(client);
}

const char *client_host(const struct client *client)
{
	return client->host;
}

uint32_t client_connections(const struct client *client)
{
	return client->connections;
}
