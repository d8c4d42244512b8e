/* One direction of a connection: from recv() of its source to send() to its sink. */
#include "chaos/proxy_parts.h"

#include <errno.h>

static int flow_sink(enum flow flow)
{
	return !flow;
}

static bool flow_open(const struct relay *relay, enum flow flow)
{
	return !relay->dead && relay->sides[flow_sink(flow)].fd >= 0;
}

void flow_pause(struct relay *relay, enum flow flow, enum pause why)
{
	struct pipe *pipe = &relay->flows[flow];

	if (!pipe->paused)
		side_read(relay, (int)flow, false);
	pipe->paused |= why;
}

void flow_resume(struct relay *relay, enum flow flow, enum pause why)
{
	struct pipe *pipe = &relay->flows[flow];

	if (!(pipe->paused & why))
		return;
	pipe->paused &= ~(unsigned)why;
	if (!pipe->paused && !pipe->source_ended)
		side_read(relay, (int)flow, true);
}

static size_t pipe_held(const struct pipe *pipe)
{
	return pipe->held ? evbuffer_get_length(pipe->held) : 0;
}

/* After relay_end() nothing reaches the sink any more, so nothing has to wait for it. */
void flow_update_pause(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];
	bool full = false;

	if (!relay->ended) {
		treatments_held(relay, flow, &full);
		full = full || pipe_held(pipe) > 0;
	}
	if (full == !!(pipe->paused & PAUSE_FULL))
		return;
	if (full) {
		flow_pause(relay, flow, PAUSE_FULL);
		return;
	}
	flow_resume(relay, flow, PAUSE_FULL);
	if (relay->http && !relay->ended)
		http_room(relay->http, flow);
}

void flow_discard(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];

	if (pipe->held)
		evbuffer_drain(pipe->held, evbuffer_get_length(pipe->held));
}

static void pipe_keep(struct pipe *pipe, const char *data, size_t length)
{
	if (!pipe->held)
		pipe->held = evbuffer_new();
	evbuffer_add(pipe->held, data, length);
}

/* The peer is gone, and has said so: its partner must not wait for it. */
static void sink_lost(struct relay *relay, enum flow flow)
{
	if (relay->ended)
		side_close(relay, flow_sink(flow), true);
	else
		relay_end(relay, ENDING_RESET, ENDING_RESET);
}

/* Everything for the sink has gone, and no more comes. */
static void sink_end(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];

	pipe->sink_ended = true;
	shutdown(relay->sides[flow_sink(flow)].fd, SHUT_WR);
	if (relay->flows[!flow].sink_ended && !relay->ended)
		relay_die(relay);
	else if (relay->ended)
		proxy_alarm_set(relay->core, &relay->leave, clock_now_us() + 2 * US_PER_S);
}

static void held_write(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];
	int sink = flow_sink(flow);

	while (pipe_held(pipe) > 0) {
		if (evbuffer_write(pipe->held, relay->sides[sink].fd) >= 0)
			continue;
		if (errno == EAGAIN || errno == EINTR)
			break;
		sink_lost(relay, flow);
		return;
	}
	side_write(relay, sink, pipe_held(pipe) > 0);
}

void flow_flush(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];

	if (!flow_open(relay, flow) || !relay->connected)
		return;
	if (pipe_held(pipe) > 0)
		held_write(relay, flow);
	if (!flow_open(relay, flow))
		return;
	if (pipe->closing && !pipe->sink_ended && pipe_held(pipe) == 0)
		sink_end(relay, flow);
	if (!relay->dead)
		flow_update_pause(relay, flow);
}

void flow_to_sink(struct relay *relay, enum flow flow, struct evbuffer *from, size_t bytes)
{
	struct pipe *pipe = &relay->flows[flow];

	if (!pipe->held)
		pipe->held = evbuffer_new();
	evbuffer_remove_buffer(from, pipe->held, bytes);
}

/* Straight from where recv() put it; only what the socket does not take is copied. */
static void sink_send(struct relay *relay, enum flow flow, struct text bytes)
{
	struct pipe *pipe = &relay->flows[flow];
	ssize_t sent = 0;

	if (relay->connected && pipe_held(pipe) == 0)
		sent = send(relay->sides[flow_sink(flow)].fd, bytes.data, bytes.length,
			    MSG_NOSIGNAL);
	if (sent == (ssize_t)bytes.length)
		return;
	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		sink_lost(relay, flow);
		return;
	}
	if (sent < 0)
		sent = 0;
	pipe_keep(pipe, bytes.data + sent, bytes.length - (size_t)sent);
	if (relay->connected)
		side_write(relay, flow_sink(flow), true);
	flow_update_pause(relay, flow);
}

void flow_pass(struct relay *relay, enum flow flow, struct text bytes)
{
	struct stage *first;

	if (relay->ended || relay->flows[flow].end_passed || bytes.length == 0)
		return;
	first = treatments_first(relay, flow);
	if (!first) {
		sink_send(relay, flow, bytes);
		return;
	}
	evbuffer_add(first->in, bytes.data, bytes.length);
	treatments_pump(relay, flow, clock_now_us());
}

void flow_finish(struct relay *relay, enum flow flow)
{
	struct pipe *pipe = &relay->flows[flow];

	if (pipe->end_passed || relay->dead)
		return;
	pipe->end_passed = true;
	if (treatments_first(relay, flow))
		treatments_end(relay, flow);
	else
		pipe->closing = true;
	flow_flush(relay, flow);
}

void flow_end(struct relay *relay, enum flow flow)
{
	if (!relay->ended)
		flow_finish(relay, flow);
}
