/* Edges: where callers are let in, and where they are led. */
#include "chaos/proxy_parts.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/memory.h"

enum { BACKLOG = 4096, ACCEPTED_AT_ONCE = 64 };
#define AGAIN_US (50 * US_PER_MS) /* after descriptors had run out */

/* ---- Addresses ---- */

static bool lookup(struct text host, uint16_t port, int flags, struct sockaddr_storage *address,
		   socklen_t *length, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *found = NULL;
	char name[256], service[8];
	int problem;

	if (host.length >= sizeof(name))
		return error_set(err, "a host of %zu characters", host.length);
	snprintf(name, sizeof(name), "%.*s", TEXT_ARG(host));
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	problem = getaddrinfo(name, service, &hints, &found);
	if (problem)
		return error_set(err, "cannot find host '%s': %s", name, gai_strerror(problem));
	memcpy(address, found->ai_addr, found->ai_addrlen);
	*length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool find_address(const struct system *system, const char *where, int flags,
			 struct sockaddr_storage *storage, socklen_t *length, struct error *err)
{
	struct address address;

	if (!address_read(text_of(where), &address, err))
		return false;
	if (!system_allows(system, address.host))
		return error_set(err,
				 "host '%.*s' is not allowed (only loopback is, and what "
				 "'allow' of the system says)",
				 TEXT_ARG(address.host));
	return lookup(address.host, address.port, flags, storage, length, err);
}

/* ---- In ---- */

static void edge_accept_on(struct proxy_edge *edge, bool on)
{
	if (on)
		event_add(edge->accept, NULL);
	else
		event_del(edge->accept);
}

static void edge_again(void *context, int64_t now_us)
{
	(void)now_us;
	edge_accept_on(context, true);
}

static void set_nodelay(int fd)
{
	int yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

/* Callers beyond our descriptors wait in the kernel's queue: a reset would look like a fault. */
static void edge_wait(struct proxy_edge *edge)
{
	edge_accept_on(edge, false);
	proxy_alarm_set(edge->core, &edge->again, clock_now_us() + AGAIN_US);
}

static void edge_acceptable(evutil_socket_t listener, short what, void *context)
{
	struct proxy_edge *edge = context;

	(void)what;
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		int fd;

		if (edge->core->open >= edge->core->open_max) {
			edge_wait(edge);
			return;
		}
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			set_nodelay(fd);
			relay_open(edge, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			edge_wait(edge);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

static bool edge_bind(struct proxy_edge *edge, struct sockaddr_storage *address, socklen_t length,
		      const char *listen_on, struct error *err)
{
	int yes = 1;

	edge->listener = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (edge->listener < 0)
		return error_errno(err, "cannot make a socket");
	setsockopt(edge->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(edge->listener, (struct sockaddr *)address, length) != 0 ||
	    listen(edge->listener, BACKLOG) != 0)
		return error_errno(err, "edge '%s': cannot listen on %s", edge->edge->name,
				   listen_on);
	if (getsockname(edge->listener, (struct sockaddr *)address, &length) != 0)
		return error_errno(err, "edge '%s': no port", edge->edge->name);
	edge->port =
		ntohs(address->ss_family == AF_INET6 ? ((struct sockaddr_in6 *)address)->sin6_port :
						       ((struct sockaddr_in *)address)->sin_port);
	return true;
}

static bool edge_listen(struct proxy_edge *edge, const struct system *system, struct error *err)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *any = (struct sockaddr_in *)&address;
	const char *listen_on = edge->edge->listen;
	socklen_t length = sizeof(*any);

	any->sin_family = AF_INET;
	any->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listen_on && !find_address(system, listen_on, AI_PASSIVE, &address, &length, err))
		return false;
	return edge_bind(edge, &address, length, listen_on ? listen_on : "127.0.0.1", err);
}

/* ---- Out ---- */

bool proxy_edge_route(struct proxy_edge *edge, const char *to, struct error *err)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = 0;

	if (!find_address(edge->core->system, to, 0, &address, &length, err))
		return false;
	edge->upstream = address;
	edge->upstream_length = length;
	free(edge->to);
	edge->to = memory_copy_string(to);
	return true;
}

int proxy_edge_dial(const struct proxy_edge *edge)
{
	int fd;

	if (!edge->upstream_length) {
		errno = EDESTADDRREQ;
		return -1;
	}
	fd = socket(edge->upstream.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	set_nodelay(fd);
	if (connect(fd, (const struct sockaddr *)&edge->upstream, edge->upstream_length) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* ---- All of them ---- */

static bool same_but_blanks(struct text a, const char *b)
{
	for (size_t i = 0;; i++, b++) {
		while (i < a.length && a.data[i] == ' ')
			i++;
		while (*b == ' ')
			b++;
		if (i == a.length || !*b)
			return i == a.length && !*b;
		if (a.data[i] != *b)
			return false;
	}
}

struct proxy_edge *proxy_edge_find(struct proxy_core *core, struct text name)
{
	for (size_t i = 0; i < core->edge_count; i++)
		if (same_but_blanks(name, core->edges[i].edge->name))
			return &core->edges[i];
	return NULL;
}

static bool proxy_edge_init(struct proxy_edge *edge, const struct system *system, struct error *err)
{
	struct error why;

	edge->again = (struct alarm){ .ring = edge_again, .context = edge };
	if (!edge_listen(edge, system, err))
		return false;
	if (edge->edge->url && !proxy_edge_route(edge, edge->edge->url, &why))
		return error_set(err, "edge '%s': %s", edge->edge->name, why.text);
	edge->accept = event_new(edge->core->base, edge->listener, EV_READ | EV_PERSIST,
				 edge_acceptable, edge);
	edge_accept_on(edge, true);
	return true;
}

bool proxy_edges_init(struct proxy_core *core, const struct system *system, struct error *err)
{
	core->edges = memory_array(system->edge_count + 1, sizeof(*core->edges));
	core->edge_count = system->edge_count;
	for (size_t i = 0; i < core->edge_count; i++)
		core->edges[i] = (struct proxy_edge){ .core = core,
						      .edge = &system->edges[i],
						      .number = (uint16_t)i,
						      .listener = -1 };
	for (size_t i = 0; i < core->edge_count; i++)
		if (!proxy_edge_init(&core->edges[i], system, err))
			return false;
	return true;
}

void proxy_edges_release(struct proxy_core *core)
{
	for (size_t i = 0; i < core->edge_count; i++) {
		struct proxy_edge *edge = &core->edges[i];

		while (edge->relays)
			relay_die(edge->relays);
		proxy_alarm_cancel(core, &edge->again);
		if (edge->accept)
			event_free(edge->accept);
		if (edge->listener >= 0)
			close(edge->listener);
		free(edge->to);
	}
	free(core->edges);
	core->edges = NULL;
	core->edge_count = 0;
}
