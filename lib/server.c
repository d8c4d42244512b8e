#include "lib/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/server_parts.h"

enum {
	BACKLOG = 1024,
	ACCEPTED_AT_ONCE = 64,
	CONNECTIONS_MAX = 16384,
};

#define IDLE_US (60 * US_PER_S)    /* between requests */
#define REQUEST_US (20 * US_PER_S) /* for a request to arrive, once it has begun */
#define REPLY_US (30 * US_PER_S)   /* for a reply to be taken */
#define LINGER_US (2 * US_PER_S)

static void connection_free(struct server_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	if (call->state == CONNECTION_CALLED)
		call->server->calls--;
	call->server->open--;
	event_free(call->readable);
	event_free(call->writable);
	close(call->fd);
	buffer_release(&call->in);
	buffer_release(&call->out);
	buffer_release(&call->gathered);
	free(call);
}

void connection_end(struct server_call *call)
{
	if (!call->handling) {
		connection_free(call);
		return;
	}
	call->doomed = true;
	connection_set_state(call, CONNECTION_LINGERING);
}

void connection_set_state(struct server_call *call, enum connection_state state)
{
	if (call->state == CONNECTION_CALLED)
		call->server->calls--;
	if (state == CONNECTION_CALLED)
		call->server->calls++;
	call->state = state;
	call->since_us = call->server->now_us;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct server_call *call = context;

	(void)fd;
	(void)what;
	call->server->now_us = clock_now_us();
	connection_read(call);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct server_call *call = context;

	(void)fd;
	(void)what;
	call->server->now_us = clock_now_us();
	connection_write(call);
}

static void name_peer(struct server_call *call, const struct sockaddr_storage *address)
{
	const void *ip = address->ss_family == AF_INET6 ?
				 (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr :
				 (const void *)&((const struct sockaddr_in *)address)->sin_addr;

	if (!inet_ntop(address->ss_family, ip, call->peer, sizeof(call->peer)))
		call->peer[0] = '\0';
}

static void connection_new(struct server *server, int fd, const struct sockaddr_storage *address)
{
	struct server_call *call = memory_new(sizeof(*call));

	call->server = server;
	call->fd = fd;
	call->number = ++server->connections;
	call->since_us = server->now_us;
	name_peer(call, address);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	call->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, call);
	call->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, on_writable, call);
	call->next = server->first;
	call->link = &server->first;
	if (server->first)
		server->first->link = &call->next;
	server->first = call;
	server->open++;
	event_add(call->readable, NULL);
}

/* What can't be accepted now waits in the backlog; the sweep tries again. */
static void on_connection(evutil_socket_t listener, short what, void *context)
{
	struct server *server = context;

	(void)what;
	server->now_us = clock_now_us();
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);
		int fd;

		if (server->open >= CONNECTIONS_MAX) {
			event_del(server->accept);
			return;
		}
		fd = accept4(listener, (struct sockaddr *)&address, &length,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			connection_new(server, fd, &address);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			event_del(server->accept);
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static int64_t time_allowed_us(const struct server_call *call)
{
	switch (call->state) {
	case CONNECTION_READING:
		return call->in.length ? REQUEST_US : IDLE_US;
	case CONNECTION_CALLED:
		return INT64_MAX;
	case CONNECTION_REPLYING:
		return REPLY_US;
	case CONNECTION_LINGERING:
		return LINGER_US;
	}
	return 0;
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
	struct server *server = context;

	(void)fd;
	(void)what;
	server->now_us = clock_now_us();
	for (struct server_call *call = server->first, *next; call; call = next) {
		next = call->next;
		if (server->now_us - call->since_us > time_allowed_us(call))
			connection_free(call);
	}
	if (!server->stopping && server->open < CONNECTIONS_MAX)
		event_add(server->accept, NULL);
}

struct server *server_on(struct event_base *base, int listener, server_handle *handle,
			 void *context, struct error *err)
{
	struct server *server = memory_new(sizeof(*server));

	server->base = base;
	server->handle = handle;
	server->context = context;
	server->listener = listener;
	server->body_max = SERVER_BODY_MAX;
	server->now_us = clock_now_us();
	evutil_make_socket_nonblocking(listener);
	server->accept = event_new(base, listener, EV_READ | EV_PERSIST, on_connection, server);
	server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
	if (event_add(server->accept, NULL) == 0 &&
	    event_add(server->sweep, &(struct timeval){ .tv_sec = 1 }) == 0)
		return server;
	error_set(err, "cannot watch the listening socket");
	server_free(server);
	return NULL;
}

static bool read_address(const char *address, uint16_t port, struct sockaddr_storage *out,
			 socklen_t *length)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		*length = sizeof(*four);
		return true;
	}
	if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1)
		return false;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	*length = sizeof(*six);
	return true;
}

struct server *server_new(struct event_base *base, const char *address, uint16_t port,
			  server_handle *handle, void *context, struct error *err)
{
	struct sockaddr_storage where;
	socklen_t length;
	int fd;

	if (!read_address(address, port, &where, &length)) {
		error_set(err, "not an IP address: '%s'", address);
		return NULL;
	}
	fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&where, length) == 0 && listen(fd, BACKLOG) == 0)
		return server_on(base, fd, handle, context, err);
	error_errno(err, "cannot listen on '%s' port %u", address, port);
	if (fd >= 0)
		close(fd);
	return NULL;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	while (server->first)
		connection_free(server->first);
	server_stop_listening(server);
	event_free(server->sweep);
	free(server);
}

uint16_t server_port(const struct server *server)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);

	if (getsockname(server->listener, (struct sockaddr *)&address, &length) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port :
						     ((struct sockaddr_in *)&address)->sin_port);
}

static bool connection_is_idle(const struct server_call *call)
{
	return call->state == CONNECTION_READING && call->in.length == 0;
}

void server_stop_listening(struct server *server)
{
	if (server->stopping)
		return;
	server->stopping = true;
	event_free(server->accept);
	close(server->listener);
	for (struct server_call *call = server->first, *next; call; call = next) {
		next = call->next;
		if (connection_is_idle(call))
			connection_free(call);
	}
}

uint32_t server_calls(const struct server *server)
{
	return server->calls;
}

void server_set_body_max(struct server *server, size_t bytes)
{
	server->body_max = bytes;
}
