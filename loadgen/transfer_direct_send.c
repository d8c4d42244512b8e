#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "loadgen/transfer_direct.h"

/* A larger body is sent from where it is instead of being copied behind its head. */
enum { COPIED_BODY_MAX = 16 * 1024 };

static ssize_t wire_write(struct direct_lane *lane, const char *bytes, size_t length)
{
	ssize_t did;

	if (lane->ssl)
		return tls_write(lane->ssl, bytes, length);
	do
		did = send(lane->fd, bytes, length, MSG_NOSIGNAL);
	while (did < 0 && errno == EINTR);
	if (did >= 0)
		return did;
	return errno == EAGAIN ? WIRE_AGAIN : WIRE_RESET;
}

/* As much as goes. False: the connection broke. */
static bool write_some(struct direct_lane *lane, const char *bytes, size_t length, size_t *sent)
{
	while (*sent < length) {
		ssize_t did = wire_write(lane, bytes + *sent, length - *sent);

		if (did == WIRE_AGAIN)
			return true;
		if (did <= 0)
			return false;
		*sent += (size_t)did;
		lane->bytes_out += (size_t)did;
	}
	return true;
}

static void assemble(struct direct_lane *lane)
{
	const struct exchange_request *request = lane->base.request;
	struct direct *direct = direct_of(lane);
	struct buffer *out = &direct->out;
	bool body = request_sends_body(request);

	buffer_clear(out);
	buffer_add_string(out, http_method_name(request->method));
	buffer_add_char(out, ' ');
	buffer_add_text(out, request->path.length ? request->path : text_of("/"));
	buffer_add_text(out, direct->host_lines[lane->base.origin]);
	buffer_add_text(out, request->headers);
	if (!direct->base.settings->keep_alive)
		buffer_add_string(out, "Connection: close\r\n");
	if (body || method_wants_length(request->method)) {
		buffer_add_string(out, "Content-Length: ");
		buffer_add_number(out, body ? (int64_t)request->body.length : 0);
		buffer_add(out, "\r\n", 2);
	}
	buffer_add(out, "\r\n", 2);
	lane->body_separate = body && request->body.length > COPIED_BODY_MAX;
	if (body && !lane->body_separate)
		buffer_add_text(out, request->body);
}

bool direct_sent_all(const struct direct_lane *lane)
{
	return !lane->broken && !lane->outbox &&
	       (!lane->body_separate || lane->body_sent == lane->base.request->body.length);
}

/*
 * A connection that breaks while it is written to is readable too, and the peer may have answered
 * before it broke: it is left to the reader to find out how this ends. With TLS, that reader only
 * sees the end of the stream, which is what it was.
 */
static void give_up_writing(struct direct_lane *lane)
{
	direct_drop_outbox(lane);
	lane->body_separate = false;
	lane->broken = true;
	direct_watch(lane, EV_READ);
	shutdown(lane->fd, SHUT_WR);
}

static bool write_body(struct direct_lane *lane)
{
	struct text body = lane->base.request->body;

	if (!lane->body_separate || lane->outbox)
		return true;
	return write_some(lane, body.data, body.length, &lane->body_sent);
}

static void went_on(struct direct_lane *lane, bool good)
{
	if (!good)
		give_up_writing(lane);
	else
		direct_watch(lane, direct_sent_all(lane) ? EV_READ : EV_READ | EV_WRITE);
}

void direct_transmit(struct direct_lane *lane)
{
	struct buffer *out = &direct_of(lane)->out;
	size_t sent = 0;
	bool good;

	direct_set_state(lane, DIRECT_WAITING);
	lane->interim = 0;
	lane->status = 0;
	lane->broken = false;
	lane->body_sent = 0;
	assemble(lane);
	good = write_some(lane, out->data, out->length, &sent);
	if (good && sent < out->length)
		buffer_add(&direct_outbox(lane)->bytes, out->data + sent, out->length - sent);
	if (good)
		good = write_body(lane);
	went_on(lane, good);
}

void direct_flush(struct direct_lane *lane)
{
	struct outbox *outbox = lane->outbox;
	bool good = true;

	if (outbox) {
		good = write_some(lane, outbox->bytes.data, outbox->bytes.length, &outbox->sent);
		if (outbox->sent == outbox->bytes.length)
			direct_drop_outbox(lane);
	}
	if (good)
		good = write_body(lane);
	went_on(lane, good);
}
