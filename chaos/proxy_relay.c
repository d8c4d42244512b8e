/* A connection through the proxy: its two sockets, from accept() to the last close(). */
#include "chaos/proxy_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/memory.h"

/* How long a side that still takes what is kept for it is waited for after relay_end(). */
enum { LEAVE_S = 60 };

/* ---- Sides ---- */

static void caller_readable(evutil_socket_t fd, short what, void *relay);
static void upstream_readable(evutil_socket_t fd, short what, void *relay);
static void caller_writable(evutil_socket_t fd, short what, void *relay);
static void upstream_writable(evutil_socket_t fd, short what, void *relay);

static void event_switch(struct event *event, bool on)
{
	if (on)
		event_add(event, NULL);
	else
		event_del(event);
}

void side_read(struct relay *relay, int number, bool on)
{
	struct side *side = &relay->sides[number];

	if (side->fd < 0 || side->reading == on)
		return;
	if (!side->readable)
		side->readable =
			event_new(relay->core->base, side->fd, EV_READ | EV_PERSIST,
				  number == SIDE_CALLER ? caller_readable : upstream_readable,
				  relay);
	side->reading = on;
	event_switch(side->readable, on);
}

void side_write(struct relay *relay, int number, bool on)
{
	struct side *side = &relay->sides[number];

	if (side->fd < 0 || side->writing == on)
		return;
	if (!side->writable)
		side->writable =
			event_new(relay->core->base, side->fd, EV_WRITE | EV_PERSIST,
				  number == SIDE_CALLER ? caller_writable : upstream_writable,
				  relay);
	side->writing = on;
	event_switch(side->writable, on);
}

/* A reset is what close() makes of a socket that must not linger. */
static void socket_close(int fd, bool reset)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

void side_close(struct relay *relay, int number, bool reset)
{
	struct side *side = &relay->sides[number];

	if (side->fd < 0)
		return;
	if (side->readable)
		event_free(side->readable);
	if (side->writable)
		event_free(side->writable);
	socket_close(side->fd, reset);
	*side = (struct side){ .fd = -1 };
	if (relay->ended && relay->sides[!number].fd < 0)
		relay_die(relay);
}

/* ---- Ends ---- */

static void relay_unlink(struct relay *relay)
{
	if (!relay->link)
		return;
	*relay->link = relay->next;
	if (relay->next)
		relay->next->link = relay->link;
	relay->link = NULL;
	relay->edge->stats.open--;
	relay->core->open--;
}

void relay_die(struct relay *relay)
{
	if (relay->dead)
		return;
	relay->dead = relay->ended = true;
	side_close(relay, SIDE_CALLER, false);
	side_close(relay, SIDE_UPSTREAM, false);
	proxy_alarm_cancel(relay->core, &relay->alarm);
	proxy_alarm_cancel(relay->core, &relay->leave);
	relay_unlink(relay);
	relay->next = relay->core->dying;
	relay->core->dying = relay;
	event_active(relay->core->reap, 0, 0);
}

void relay_free(struct relay *relay)
{
	http_free(relay->http);
	treatments_free(relay);
	for (int i = 0; i < FLOW_COUNT; i++)
		if (relay->flows[i].held)
			evbuffer_free(relay->flows[i].held);
	free(relay);
}

/*
 * What this side sends from now on is read and forgotten: closing on unread bytes would be a reset,
 * and a reset would take what we have sent from the peer's hands.
 */
static void side_leave(struct relay *relay, int number, enum ending ending)
{
	enum flow to_it = number == SIDE_CALLER ? FLOW_ANSWERS : FLOW_REQUESTS;
	struct pipe *from_it = &relay->flows[number];

	if (ending == ENDING_RESET || (number == SIDE_UPSTREAM && !relay->connected)) {
		side_close(relay, number, ending == ENDING_RESET);
		return;
	}
	if (ending == ENDING_CLOSE) {
		treatments_discard(relay, to_it);
		flow_discard(relay, to_it);
	}
	from_it->paused = 0;
	if (!from_it->source_ended)
		side_read(relay, number, true);
	flow_finish(relay, to_it);
	flow_flush(relay, to_it);
}

static bool side_gone(const struct relay *relay, int number)
{
	return relay->flows[number].source_ended && relay->flows[!number].sink_ended;
}

void relay_end(struct relay *relay, enum ending caller, enum ending upstream)
{
	if (relay->ended)
		return;
	relay->ended = true;
	proxy_alarm_set(relay->core, &relay->leave, clock_now_us() + LEAVE_S * US_PER_S);
	side_leave(relay, SIDE_CALLER, caller);
	if (!relay->dead)
		side_leave(relay, SIDE_UPSTREAM, upstream);
	for (int i = 0; i < FLOW_COUNT && !relay->dead; i++)
		if (side_gone(relay, i))
			side_close(relay, i, false);
}

static void relay_left(void *context, int64_t now_us)
{
	(void)now_us;
	relay_die(context);
}

/* ---- Reading and writing ---- */

static void source_ended(struct relay *relay, enum flow flow)
{
	relay->flows[flow].source_ended = true;
	side_read(relay, (int)flow, false);
	if (relay->ended) {
		if (side_gone(relay, (int)flow))
			side_close(relay, (int)flow, false);
	} else if (relay->http) {
		http_end(relay->http, flow);
	} else {
		flow_end(relay, flow);
	}
}

static void source_broke(struct relay *relay, int side)
{
	if (relay->ended)
		side_close(relay, side, true);
	else
		relay_end(relay, ENDING_RESET, ENDING_RESET);
}

static void relay_read(struct relay *relay, enum flow flow)
{
	struct edge_stats *stats = &relay->edge->stats;
	char *chunk = relay->core->chunk;
	ssize_t got = recv(relay->sides[flow].fd, chunk, CHUNK_BYTES, 0);

	if (got == 0) {
		source_ended(relay, flow);
		return;
	}
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			source_broke(relay, (int)flow);
		return;
	}
	if (relay->ended)
		return;
	*(flow == FLOW_REQUESTS ? &stats->bytes_forth : &stats->bytes_back) += (uint64_t)got;
	if (relay->http)
		http_bytes(relay->http, flow, (struct text){ chunk, (size_t)got });
	else
		flow_pass(relay, flow, (struct text){ chunk, (size_t)got });
}

static void caller_readable(evutil_socket_t fd, short what, void *relay)
{
	(void)fd;
	(void)what;
	relay_read(relay, FLOW_REQUESTS);
}

static void upstream_readable(evutil_socket_t fd, short what, void *relay)
{
	(void)fd;
	(void)what;
	relay_read(relay, FLOW_ANSWERS);
}

static void caller_writable(evutil_socket_t fd, short what, void *relay)
{
	(void)fd;
	(void)what;
	flow_flush(relay, FLOW_ANSWERS);
}

/* ---- The beginning ---- */

static void relay_connected(struct relay *relay)
{
	relay->connected = true;
	side_write(relay, SIDE_UPSTREAM, false);
	flow_resume(relay, FLOW_REQUESTS, PAUSE_CONNECTING);
	flow_resume(relay, FLOW_ANSWERS, PAUSE_CONNECTING);
	flow_flush(relay, FLOW_REQUESTS);
	if (!relay->ended)
		flow_flush(relay, FLOW_ANSWERS);
}

static void relay_refuse(struct relay *relay)
{
	relay->edge->stats.refused++;
	relay_end(relay, ENDING_RESET, ENDING_RESET);
}

static void upstream_writable(evutil_socket_t fd, short what, void *context)
{
	struct relay *relay = context;
	int error = 0;
	socklen_t length = sizeof(error);

	(void)what;
	if (relay->connected) {
		flow_flush(relay, FLOW_REQUESTS);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error)
		relay_refuse(relay);
	else
		relay_connected(relay);
}

static struct relay *relay_new(struct proxy_edge *edge, int caller)
{
	struct relay *relay = memory_new(sizeof(*relay));

	*relay = (struct relay){ .edge = edge, .core = edge->core, .next = edge->relays };
	relay->number = ++edge->core->connections;
	relay->sides[SIDE_CALLER].fd = caller;
	relay->sides[SIDE_UPSTREAM].fd = -1;
	relay->alarm = (struct alarm){ .ring = treatments_rang, .context = relay };
	relay->leave = (struct alarm){ .ring = relay_left, .context = relay };
	relay->flows[FLOW_REQUESTS].paused = PAUSE_CONNECTING;
	relay->flows[FLOW_ANSWERS].paused = PAUSE_CONNECTING;
	relay->link = &edge->relays;
	if (relay->next)
		relay->next->link = &relay->next;
	edge->relays = relay;
	edge->stats.connections++;
	edge->stats.open++;
	edge->core->open++;
	return relay;
}

void relay_open(struct proxy_edge *edge, int caller)
{
	struct relay *relay = relay_new(edge, caller);
	int upstream;

	if (edge->edge->protocol == EDGE_HTTP)
		relay->http = http_new(relay);
	if (!treatments_begin(relay)) {
		relay_end(relay, ENDING_RESET, ENDING_RESET);
		return;
	}
	if (relay->ended)
		return;
	upstream = proxy_edge_dial(edge);
	relay->sides[SIDE_UPSTREAM].fd = upstream;
	if (upstream < 0)
		relay_refuse(relay);
	else
		side_write(relay, SIDE_UPSTREAM, true);
}
