#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "lib/memory.h"
#include "loadgen/transfer_direct.h"

static ssize_t wire_read(struct direct_lane *lane, char *bytes, size_t room)
{
	ssize_t got;

	if (lane->ssl)
		return tls_read(lane->ssl, bytes, room);
	do
		got = recv(lane->fd, bytes, room, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN ? WIRE_AGAIN : WIRE_RESET;
}

/* Whether bytes lie in OpenSSL's buffer that make an idle connection suspect. Tickets don't. */
static bool has_leftover(struct direct_lane *lane)
{
	char byte;

	return lane->ssl && SSL_has_pending(lane->ssl) &&
	       tls_read(lane->ssl, &byte, 1) != WIRE_AGAIN;
}

/* The answer is complete. The lane may be gone when this returns. */
static void answered(struct direct_lane *lane, const struct answer *answer, bool closes)
{
	struct direct *direct = direct_of(lane);
	struct inbox *inbox = lane->inbox; /* the answer may lie in it until it was looked at */
	struct exchange_result result = {
		.status = answer->head.status,
		.minor = answer->head.minor,
		.headers = answer->head.headers,
		.has_location = answer->head.has_location,
		.has_set_cookie = answer->head.has_set_cookie,
		.has_content_encoding = answer->head.has_content_encoding,
		.body = { answer->body, answer->body_length },
		.new_connection = !lane->reused,
		.first_byte_us = lane->first_byte_us,
		.dns_us = lane->dns_us,
		.connect_us = lane->connect_us,
		.tls_us = lane->tls_us,
		.bytes_in = lane->bytes_in,
		.bytes_out = lane->bytes_out,
	};

	closes = closes || answer->head.close || !direct->base.settings->keep_alive ||
		 !direct_sent_all(lane) || lane->peer_closed || has_leftover(lane);
	result.closes = closes;
	lane->inbox = NULL;
	if (closes)
		direct_close(lane, true);
	else
		direct_set_state(lane, DIRECT_IDLE);
	lane_finish(&lane->base, &result);
	direct_give_inbox(direct, inbox);
}

static void fail_protocol(struct direct_lane *lane, const char *why)
{
	direct_fail(lane, FAILURE_PROTOCOL, why);
}

static bool too_large(const struct direct_lane *lane, int64_t length)
{
	return lane->base.request->want_body &&
	       length > direct_of(lane)->base.settings->max_body_bytes;
}

/* --- the body --- */

/* Pieces are moved together where they lie, behind the first one. */
static void keep_in_place(struct answer *answer, struct text piece)
{
	if (!answer->body_length)
		answer->body =
			(char *)(uintptr_t)piece.data; /* our own buffer, lent out as const */
	else
		memmove(answer->body + answer->body_length, piece.data, piece.length);
	answer->body_length += piece.length;
}

/* An answer that is not all there moves out of the shared buffer, or is trimmed where it lies. */
static void keep_for_later(struct direct_lane *lane, const struct answer *answer)
{
	struct inbox *inbox = lane->inbox;

	if (inbox) {
		inbox->headers_at = (size_t)(answer->head.headers.data - inbox->bytes.data);
		inbox->body_at = answer->body_length ? (size_t)(answer->body - inbox->bytes.data) :
						       answer->head.length;
		inbox->bytes.length = inbox->body_at + answer->body_length;
	} else {
		inbox = direct_inbox(lane);
		buffer_add_text(&inbox->bytes, answer->head.headers);
		inbox->headers_at = 0;
		inbox->body_at = inbox->bytes.length;
		if (answer->body_length)
			buffer_add(&inbox->bytes, answer->body, answer->body_length);
	}
	inbox->head = answer->head;
	direct_set_state(lane, DIRECT_READING);
}

/* What follows the head in the same bytes. True: go on reading. */
static bool body_begins(struct direct_lane *lane, struct answer *answer, struct text rest)
{
	struct direct *direct = direct_of(lane);
	struct text piece;
	enum http1_result got;

	http1_body_begin(&lane->decoder, HTTP1_RESPONSE, &answer->head,
			 lane->base.request->method == METHOD_HEAD);
	while ((got = http1_body_next(&lane->decoder, &rest, &piece, &direct->why)) == HTTP1_PIECE)
		if (lane->base.request->want_body)
			keep_in_place(answer, piece);
	if (got == HTTP1_ERROR)
		return fail_protocol(lane, direct->why.text), false;
	if (too_large(lane, (int64_t)answer->body_length) ||
	    (got == HTTP1_MORE && too_large(lane, answer->head.content_length)))
		return fail_protocol(lane, "the body is larger than allowed"), false;
	if (got == HTTP1_DONE)
		return answered(lane, answer, rest.length > 0), false;
	keep_for_later(lane, answer);
	return true;
}

static struct answer kept_answer(struct direct_lane *lane)
{
	struct inbox *inbox = lane->inbox;
	struct answer answer = { .head = inbox->head };

	answer.head.headers.data = inbox->bytes.data + inbox->headers_at;
	answer.body = inbox->bytes.data + inbox->body_at;
	answer.body_length = inbox->bytes.length - inbox->body_at;
	return answer;
}

static bool body_goes_on(struct direct_lane *lane, struct text rest)
{
	struct direct *direct = direct_of(lane);
	struct inbox *inbox = lane->inbox;
	struct answer answer;
	struct text piece;
	enum http1_result got;

	while ((got = http1_body_next(&lane->decoder, &rest, &piece, &direct->why)) == HTTP1_PIECE)
		if (lane->base.request->want_body)
			buffer_add_text(&inbox->bytes, piece);
	if (got == HTTP1_ERROR)
		return fail_protocol(lane, direct->why.text), false;
	if (too_large(lane, (int64_t)(inbox->bytes.length - inbox->body_at)))
		return fail_protocol(lane, "the body is larger than allowed"), false;
	if (got == HTTP1_MORE)
		return true;
	answer = kept_answer(lane);
	answered(lane, &answer, rest.length > 0);
	return false;
}

/* --- the head --- */

/* A 1xx answer: the final one is still to come. */
static bool skip_interim(struct direct_lane *lane, const struct http1_head *head)
{
	if (head->status == 101)
		return fail_protocol(lane, "the server switched protocols unasked"), false;
	if (++lane->interim > INTERIM_MAX)
		return fail_protocol(lane, "no end of interim answers"), false;
	return true;
}

/* Part of a head waits in an inbox for the rest of it. */
static bool head_goes_on(struct direct_lane *lane, struct text rest, size_t scanned)
{
	struct inbox *inbox = lane->inbox;

	if (!inbox) {
		inbox = direct_inbox(lane);
		buffer_add_text(&inbox->bytes, rest);
	} else {
		if (rest.length)
			memmove(inbox->bytes.data, rest.data, rest.length);
		inbox->bytes.length = rest.length;
	}
	inbox->scanned = scanned;
	return true;
}

static bool head_awaited(struct direct_lane *lane, struct text bytes)
{
	struct direct *direct = direct_of(lane);
	struct inbox *inbox = lane->inbox;
	struct answer answer = { .body = NULL };
	size_t scanned = inbox ? inbox->scanned : 0;

	if (inbox) {
		buffer_add_text(&inbox->bytes, bytes);
		bytes = buffer_text(&inbox->bytes);
	}
	for (;;) {
		enum http1_result got =
			http1_head(HTTP1_RESPONSE, bytes, &scanned, &answer.head, &direct->why);

		if (got == HTTP1_ERROR)
			return fail_protocol(lane, direct->why.text), false;
		if (got == HTTP1_MORE)
			return head_goes_on(lane, bytes, scanned);
		bytes.data += answer.head.length;
		bytes.length -= answer.head.length;
		if (answer.head.status >= 200) {
			lane->status = (uint16_t)answer.head.status;
			return body_begins(lane, &answer, bytes);
		}
		if (!skip_interim(lane, &answer.head))
			return false;
		scanned = 0;
	}
}

/* --- the wire --- */

/* A request on a kept connection that died before a byte of the answer came. */
static bool may_repeat(const struct direct_lane *lane)
{
	return lane->reused && !lane->repeated && lane->bytes_in == 0 &&
	       method_is_idempotent(lane->base.request->method);
}

static void ended_before_head(struct direct_lane *lane)
{
	if (!may_repeat(lane)) {
		direct_fail(lane, FAILURE_RESET,
			    lane->bytes_in ? "the connection ended within the head" :
					     "the connection ended before an answer came");
		return;
	}
	direct_close(lane, false);
	lane->repeated = true;
	lane->bytes_out = 0;
	direct_connect(lane);
}

static void ended_within_body(struct direct_lane *lane, bool orderly)
{
	struct answer answer;

	if (!orderly || http1_body_end(&lane->decoder, NULL) != HTTP1_DONE) {
		direct_fail(lane, FAILURE_RESET, "the connection ended within the body");
		return;
	}
	answer = kept_answer(lane);
	answered(lane, &answer, true);
}

static void ended(struct direct_lane *lane, ssize_t how)
{
	struct direct *direct = direct_of(lane);

	if (lane->state == DIRECT_IDLE)
		direct_close(lane, how == WIRE_END);
	else if (how == WIRE_TLS)
		direct_fail(lane, FAILURE_TLS, tls_problem(lane->ssl, &direct->why));
	else if (lane->state == DIRECT_WAITING)
		ended_before_head(lane);
	else
		ended_within_body(lane, how == WIRE_END);
}

/* True: the exchange goes on, and so may reading. False: the lane may be gone. */
static bool received(struct direct_lane *lane, struct text bytes)
{
	if (lane->state == DIRECT_IDLE) {
		direct_close(lane, false); /* nothing was asked, so what is this? */
		return false;
	}
	if (!lane->bytes_in)
		lane->first_byte_us = loop_now(lane->base.transport->loop);
	lane->bytes_in += bytes.length;
	if (lane->state == DIRECT_WAITING)
		return head_awaited(lane, bytes);
	return body_goes_on(lane, bytes);
}

static void still_hungry(void *context)
{
	direct_readable(context);
}

/* The rest comes in the next turn, after everyone else had theirs. */
static void go_on_later(struct direct_lane *lane)
{
	struct loop *loop = lane->base.transport->loop;

	if (!lane->hungry)
		lane->hungry = memory_new(sizeof(*lane->hungry));
	alarm_set(loop, lane->hungry, loop_now(loop) + 1, still_hungry, lane);
}

/* Whether there is more, now, than the kernel will tell us of again. */
static bool has_more(const struct direct_lane *lane, ssize_t got)
{
	if (lane->ssl)
		return SSL_has_pending(lane->ssl) || SSL_get_shutdown(lane->ssl);
	return got == READ_BYTES || lane->peer_closed;
}

void direct_readable(struct direct_lane *lane)
{
	struct direct *direct = direct_of(lane);

	for (int reads = 0; reads < READS_PER_TURN; reads++) {
		ssize_t got = wire_read(lane, direct->in, READ_BYTES);

		if (got == WIRE_AGAIN)
			return;
		if (got <= 0) {
			ended(lane, got);
			return;
		}
		if (!received(lane, (struct text){ direct->in, (size_t)got }) ||
		    !has_more(lane, got))
			return;
	}
	go_on_later(lane);
}
