/*
 * proxying: a proxy in a process of its own, and both ends of what goes through it in ours.
 *
 *	struct proxying p = proxying_start(EDGE_TCP);
 *	struct through one = through_open(&p);             // one.caller <-> proxy <-> one.upstream
 *	proxying_arm(&p, 0, "latency", "{ edge: a -> b, delay: 20ms }");
 *	...
 *	proxying_end(&p);
 */
#ifndef TESTS_PROXYING_H
#define TESTS_PROXYING_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chaos/proxy.h"
#include "lib/clock.h"
#include "tests/unit/tap.h"

enum { PATIENCE_MS = 5000 };

struct proxying {
	int listener;          /* upstream's */
	struct service services[2];
	struct edge edges[1];
	struct system system;
	const struct edge *aimed[1];
	char url[64];
	struct proxy *proxy;
	uint16_t port;         /* of the proxy */
	struct error err;
};

struct through {
	int caller, upstream;
};

static inline int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, length) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		printf("Bail out! no listener: %s\n", strerror(errno));
	*port = ntohs(at.sin_port);
	return fd;
}

static inline bool proxying_start(struct proxying *p, enum edge_protocol protocol,
				  const char *history)
{
	struct proxy_settings settings = { .history = history, .start_us = clock_now_us() };
	static char a[] = "a", b[] = "b", name[] = "a -> b";
	uint16_t port;

	*p = (struct proxying){ .listener = listen_somewhere(&port) };
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u", (unsigned)port);
	p->services[0] = (struct service){ .name = a };
	p->services[1] = (struct service){ .name = b, .url = p->url };
	p->edges[0] = (struct edge){ .name = name, .from = a, .to = b, .url = p->url,
				     .protocol = protocol };
	p->system = (struct system){ .name = a, .services = p->services, .service_count = 2,
				     .edges = p->edges, .edge_count = 1 };
	p->aimed[0] = &p->edges[0];
	settings.system = &p->system;
	p->proxy = proxy_start(&settings, &p->err);
	if (!CHECK(p->proxy != NULL)) {
		printf("# %s\n", p->err.text);
		return false;
	}
	p->port = proxy_port(p->proxy, "a -> b");
	return true;
}

static inline void proxying_end(struct proxying *p)
{
	proxy_free(p->proxy);
	close(p->listener);
}

static inline struct fault proxying_fault(struct proxying *p, uint32_t number, const char *kind,
					  char *settings)
{
	static char names[16][32];
	enum fault_direction direction = DIRECTION_BOTH;

	if (strstr(settings, "direction: requests"))
		direction = DIRECTION_REQUESTS;
	else if (strstr(settings, "direction: answers"))
		direction = DIRECTION_ANSWERS;
	snprintf(names[number % 16], sizeof(names[0]), "%s %u", kind, (unsigned)number);
	return (struct fault){ .number = number,
			       .name = names[number % 16],
			       .kind = fault_kind_find(text_of(kind)),
			       .settings_yaml = settings,
			       .edges = p->aimed,
			       .edge_count = 1,
			       .direction = direction,
			       .share = 1,
			       .seed = 42 };
}

static inline bool proxying_arm_fault(struct proxying *p, const struct fault *fault)
{
	if (CHECK(proxy_arm(p->proxy, fault, &p->err)))
		return true;
	printf("# %s\n", p->err.text);
	return false;
}

static inline bool proxying_arm(struct proxying *p, uint32_t number, const char *kind,
				const char *settings)
{
	char copy[256];
	struct fault fault;

	snprintf(copy, sizeof(copy), "%s", settings);
	fault = proxying_fault(p, number, kind, copy);
	return proxying_arm_fault(p, &fault);
}

static inline int64_t proxying_hits(struct proxying *p, uint32_t number)
{
	int64_t hits = -1;

	proxy_hits(p->proxy, number, &hits, &p->err);
	return hits;
}

/* ---- Ends ---- */

static inline int dial_port(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline bool comes(int fd, int patience_ms)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	return poll(&waiting, 1, patience_ms) > 0;
}

static inline int accept_one(int listener)
{
	int fd, yes = 1;

	if (!comes(listener, PATIENCE_MS))
		return -1;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static inline struct through through_open(struct proxying *p)
{
	struct through one = { .caller = dial_port(p->port) };

	one.upstream = accept_one(p->listener);
	return one;
}

static inline void through_close(struct through *one)
{
	close(one->caller);
	close(one->upstream);
}

static inline bool tell(int fd, const char *words)
{
	return send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words);
}

/* What recv() says next: bytes, 0 at the end, -errno; -ETIMEDOUT when nothing comes. */
static inline ssize_t take(int fd, void *bytes, size_t room, int patience_ms)
{
	ssize_t got;

	if (!comes(fd, patience_ms))
		return -ETIMEDOUT;
	got = recv(fd, bytes, room, 0);
	return got < 0 ? -errno : got;
}

/* Everything up to so many bytes. */
static inline size_t take_all(int fd, char *bytes, size_t length)
{
	size_t had = 0;

	while (had < length) {
		ssize_t got = take(fd, bytes + had, length - had, PATIENCE_MS);

		if (got <= 0)
			break;
		had += (size_t)got;
	}
	return had;
}

static inline bool hears(int fd, const char *words)
{
	char bytes[512] = "";
	size_t length = strlen(words);

	return take_all(fd, bytes, length) == length && memcmp(bytes, words, length) == 0;
}

static inline bool hears_nothing(int fd, int patience_ms)
{
	return !comes(fd, patience_ms);
}

static inline ssize_t how_it_ends(int fd)
{
	char bytes[4096];
	ssize_t got;

	do
		got = take(fd, bytes, sizeof(bytes), PATIENCE_MS);
	while (got > 0);
	return got;
}

/* How many times slower than a release build this one is. */
static inline double slowdown(void)
{
	const char *times = getenv("TEST_SLOWDOWN");

	return times ? atof(times) : 1;
}

#endif
