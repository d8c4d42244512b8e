#include "loadgen/transfer_direct.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/memory.h"

/* --- pools --- */

struct inbox *direct_inbox(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);
	struct inbox *inbox = direct->inboxes;

	if (inbox)
		direct->inboxes = inbox->next;
	else
		inbox = memory_new(sizeof(*inbox));
	buffer_clear(&inbox->bytes);
	inbox->scanned = 0;
	lane->inbox = inbox;
	return inbox;
}

void direct_give_inbox(struct direct *direct, struct inbox *inbox)
{
	if (!inbox)
		return;
	if (inbox->bytes.room > KEPT_BYTES_MAX)
		buffer_release(&inbox->bytes);
	inbox->next = direct->inboxes;
	direct->inboxes = inbox;
}

struct outbox *direct_outbox(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);
	struct outbox *outbox = direct->outboxes;

	if (outbox)
		direct->outboxes = outbox->next;
	else
		outbox = memory_new(sizeof(*outbox));
	buffer_clear(&outbox->bytes);
	outbox->sent = 0;
	lane->outbox = outbox;
	return outbox;
}

void direct_drop_outbox(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);
	struct outbox *outbox = lane->outbox;

	if (!outbox)
		return;
	if (outbox->bytes.room > KEPT_BYTES_MAX)
		buffer_release(&outbox->bytes);
	outbox->next = direct->outboxes;
	direct->outboxes = outbox;
	lane->outbox = NULL;
}

/* --- states --- */

void direct_set_state(struct direct_lane *lane, enum direct_state state)
{
	assert(state == DIRECT_CLOSED || state == DIRECT_CONNECTING || lane->fd >= 0);
	lane->state = (uint8_t)state;
	lane->base.connected = state >= DIRECT_WAITING;
}

static void shake(struct direct_lane *lane);

static void shaking(evutil_socket_t fd, short events, void *context)
{
	struct direct_lane *lane = context;

	(void)fd, (void)events;
	loop_now(lane->base.transport->loop);
	shake(lane);
}

static void ready(evutil_socket_t fd, short events, void *context)
{
	struct direct_lane *lane = context;

	(void)fd;
	loop_now(lane->base.transport->loop); /* the turn begins */
	if (events & EV_CLOSED)
		lane->peer_closed = true;
	if (events & EV_WRITE)
		direct_flush(lane);
	if (events & (EV_READ | EV_CLOSED))
		direct_readable(lane);
}

/*
 * Plain sockets are edge-triggered: the kernel then need not look at each again in the next turn
 * just to find it empty. So they are read until a read falls short, and to the end if the peer
 * closed. That a read fell short says nothing about OpenSSL's buffers, so TLS is level-triggered.
 */
static short flags_for(const struct direct_lane *lane, short events)
{
	if (lane->ssl)
		return events | EV_PERSIST;
	return events | EV_PERSIST | EV_ET | EV_CLOSED;
}

void direct_watch(struct direct_lane *lane, short events)
{
	if (lane->watched == events)
		return;
	if (lane->watched)
		event_del(&lane->event);
	lane->watched = events;
	if (!events)
		return;
	event_assign(&lane->event, loop_base(lane->base.transport->loop), lane->fd,
		     flags_for(lane, events), lane->state == DIRECT_SHAKING ? shaking : ready,
		     lane);
	event_add(&lane->event, NULL);
}

void direct_close(struct direct_lane *lane, bool politely)
{
	connector_cancel(lane->connecting);
	lane->connecting = NULL;
	lane_end_connecting(&lane->base);
	if (lane->fd >= 0) {
		direct_watch(lane, 0);
		tls_close(lane->ssl, politely);
		close(lane->fd);
		lane->base.transport->connections--;
	}
	if (lane->hungry)
		alarm_clear(lane->base.transport->loop, lane->hungry);
	free(lane->hungry);
	lane->hungry = NULL;
	lane->peer_closed = false;
	lane->ssl = NULL;
	lane->fd = -1;
	direct_give_inbox(direct_of(lane), lane->inbox);
	lane->inbox = NULL;
	direct_drop_outbox(lane);
	direct_set_state(lane, DIRECT_CLOSED);
}

void direct_fail(struct direct_lane *lane, enum failure failure, const char *detail)
{
	struct exchange_result result = {
		.failure = failure,
		.detail = detail,
		.status = lane->status,
		.new_connection = !lane->reused,
		.closes = true,
		.exhausted = lane->exhausted,
		.first_byte_us = lane->first_byte_us,
		.dns_us = lane->dns_us,
		.connect_us = lane->connect_us,
		.tls_us = lane->tls_us,
		.bytes_in = lane->bytes_in,
		.bytes_out = lane->bytes_out,
		.headers = text_of(""),
		.body = text_of(""),
	};

	direct_close(lane, false);
	lane_finish(&lane->base, &result);
}

/* --- connecting --- */

static void shake(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);
	bool wants_write;
	int got = tls_shake(lane->ssl, &wants_write);

	if (got == WIRE_AGAIN) {
		direct_watch(lane, wants_write ? EV_READ | EV_WRITE : EV_READ);
		return;
	}
	lane->tls_us = (uint32_t)(loop_clock(direct->base.loop) - lane->shaking_us);
	if (got != 1) {
		direct_fail(lane, FAILURE_TLS, tls_problem(lane->ssl, &direct->why));
		return;
	}
	direct_watch(lane, 0); /* its callback changes with the state */
	direct_transmit(lane);
}

static void begin_shaking(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);

	lane->shaking_us = loop_now(direct->base.loop);
	lane->ssl = tls_connect(direct->tls, lane->fd, lane_origin(&lane->base));
	if (!lane->ssl) {
		direct_fail(lane, FAILURE_TLS, "TLS cannot be set up for this name");
		return;
	}
	direct_set_state(lane, DIRECT_SHAKING);
	shake(lane);
}

static void connected(void *context, const struct connect_result *result)
{
	struct direct_lane *lane = context;

	lane->connecting = NULL;
	lane_end_connecting(&lane->base);
	lane->exhausted = result->exhausted;
	lane->dns_us = result->dns_us;
	lane->connect_us = result->connect_us;
	if (result->fd < 0) {
		direct_fail(lane, result->failure, result->detail);
		return;
	}
	lane->fd = result->fd;
	lane->base.transport->connections++;
	if (lane_origin(&lane->base)->tls)
		begin_shaking(lane);
	else
		direct_transmit(lane);
}

void direct_connect(struct direct_lane *lane)
{
	direct_set_state(lane, DIRECT_CONNECTING);
	lane->reused = false;
	lane_begin_connecting(&lane->base);
	lane->connecting =
		connector_start(direct_of(lane)->connector, lane->base.origin, connected, lane);
}

/* --- the ops --- */

static struct lane *direct_lane_new(struct transport *transport)
{
	struct direct_lane *lane = memory_new(sizeof(*lane));

	(void)transport;
	lane->fd = -1;
	return &lane->base;
}

static void direct_lane_free(struct lane *base)
{
	struct direct_lane *lane = (struct direct_lane *)base;

	direct_close(lane, !base->request);
	free(lane);
}

/*
 * What must not be sent twice had better not be sent into a connection that is closed already: that
 * its end has come may be known to the kernel and not yet to us. (With TLS, bytes may be tickets.)
 */
static bool died_unnoticed(const struct direct_lane *lane)
{
	char byte;
	ssize_t got;

	if (method_is_idempotent(lane->base.request->method))
		return false;
	got = recv(lane->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got < 0 ? errno != EAGAIN && errno != EINTR : got == 0 || !lane->ssl;
}

static void direct_send(struct lane *base)
{
	struct direct_lane *lane = (struct direct_lane *)base;

	lane->first_byte_us = 0;
	lane->bytes_in = lane->bytes_out = 0;
	lane->dns_us = lane->connect_us = lane->tls_us = 0;
	lane->status = 0;
	lane->repeated = lane->exhausted = false;
	lane->reused = true;
	if (lane->state == DIRECT_IDLE && died_unnoticed(lane))
		direct_close(lane, false);
	if (lane->state == DIRECT_IDLE)
		direct_transmit(lane);
	else
		direct_connect(lane);
}

static void direct_disconnect(struct lane *base)
{
	direct_close((struct direct_lane *)base, true);
}

static enum failure direct_stage(const struct lane *base)
{
	const struct direct_lane *lane = (const struct direct_lane *)base;

	if (lane->state == DIRECT_CONNECTING)
		return connector_stage(lane->connecting);
	return lane->state == DIRECT_SHAKING ? FAILURE_TLS : FAILURE_NONE;
}

static void direct_give_up(struct lane *base, enum failure failure, const char *why)
{
	direct_fail((struct direct_lane *)base, failure, why);
}

static void direct_free(struct transport *transport)
{
	struct direct *direct = (struct direct *)transport;
	struct inbox *inbox;
	struct outbox *outbox;

	while ((inbox = direct->inboxes)) {
		direct->inboxes = inbox->next;
		buffer_release(&inbox->bytes);
		free(inbox);
	}
	while ((outbox = direct->outboxes)) {
		direct->outboxes = outbox->next;
		buffer_release(&outbox->bytes);
		free(outbox);
	}
	connector_free(direct->connector);
	tls_free(direct->tls);
	for (uint16_t i = 0; direct->host_lines && i < direct->base.settings->origin_count; i++)
		free((char *)(uintptr_t)direct->host_lines[i].data);
	free(direct->host_lines);
	buffer_release(&direct->out);
	free(direct);
}

static const struct transport_ops direct_ops = {
	.free = direct_free,
	.lane_new = direct_lane_new,
	.lane_free = direct_lane_free,
	.send = direct_send,
	.disconnect = direct_disconnect,
	.stage = direct_stage,
	.give_up = direct_give_up,
};

static void prepare_host_lines(struct direct *direct)
{
	const struct transfer_settings *settings = direct->base.settings;

	direct->host_lines = memory_array(settings->origin_count, sizeof(*direct->host_lines));
	for (uint16_t i = 0; i < settings->origin_count; i++) {
		struct buffer line = BUFFER_EMPTY;

		buffer_format(&line, " HTTP/1.1\r\nHost: %s\r\n", settings->origins[i].host);
		direct->host_lines[i] = buffer_text(&line);
	}
}

static bool any_tls(const struct transfer_settings *settings)
{
	for (uint16_t i = 0; i < settings->origin_count; i++)
		if (settings->origins[i].tls)
			return true;
	return false;
}

/* Connecting takes more than one: for names, and for several addresses of one. */
static void share_descriptors(struct direct *direct)
{
	uint32_t left = descriptors_left(), kept = 2 * connector_slots(direct->connector);

	direct->base.descriptors = left > kept ? left - kept : 1;
	direct->base.each = direct->base.each_opening = 1;
}

struct transport *direct_transport_new(const struct transfer_settings *settings, struct loop *loop,
				       struct error *err)
{
	struct direct *direct = memory_new(sizeof(*direct));

	direct->base.ops = &direct_ops;
	direct->base.settings = settings;
	direct->base.loop = loop;
	prepare_host_lines(direct);
	direct->connector = connector_new(settings, loop, err);
	if (direct->connector && any_tls(settings))
		direct->tls = tls_new(settings, err);
	if (!direct->connector || (any_tls(settings) && !direct->tls)) {
		direct_free(&direct->base);
		return NULL;
	}
	share_descriptors(direct);
	return &direct->base;
}
