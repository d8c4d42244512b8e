#include "chaos/proxy_http.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/memory.h"

struct http *http_new(struct relay *relay)
{
	struct http *http = memory_new(sizeof(*http));

	http->relay = relay;
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	work_free(http->work);
	for (int flow = 0; flow < FLOW_COUNT; flow++)
		buffer_release(&http->lanes[flow].waiting);
	free(http);
}

void lane_flush(struct http *http, enum flow flow)
{
	struct text run = http->lanes[flow].run;

	http->lanes[flow].run.length = 0;
	if (run.length)
		flow_pass(http->relay, flow, run);
}

static void pass(struct http *http, enum flow flow, struct text bytes)
{
	struct text *run = &http->lanes[flow].run;

	if (run->length && run->data + run->length != bytes.data)
		lane_flush(http, flow);
	if (!run->length)
		run->data = bytes.data;
	run->length += bytes.length;
}

/* Up to the cut. */
static void pass_cut(struct http *http, enum flow flow, struct text bytes)
{
	struct lane *lane = &http->lanes[flow];

	if (http->work->stage == WORK_CUTTING)
		return;
	if (lane->cut_left < (int64_t)bytes.length)
		bytes.length = (size_t)lane->cut_left;
	lane->cut_left -= (int64_t)bytes.length;
	if (bytes.length)
		pass(http, flow, bytes);
	if (lane->cut_left)
		return;
	lane_flush(http, flow);
	work_cut(http->work);
}

static void keep(struct http *http, enum flow flow, struct text bytes)
{
	struct work *work = http->work;

	lane_flush(http, flow);
	if (flow == FLOW_REQUESTS) {
		buffer_add_text(&work->request, bytes);
		if (work->request.length > CALL_KEEP_MAX)
			work_request_full(work);
	} else {
		buffer_add_text(&work->answer, bytes);
		if (work->answer.length > CALL_KEEP_MAX)
			work_answer_full(work);
	}
}

void lane_emit(struct http *http, enum flow flow, struct text bytes)
{
	enum lane_mode mode = http->lanes[flow].mode;

	assert(mode == LANE_PASS || mode == LANE_DROP || http->work);
	if (mode == LANE_CUT)
		pass_cut(http, flow, bytes);
	else if (!bytes.length || mode == LANE_DROP)
		return;
	else if (mode == LANE_KEEP)
		keep(http, flow, bytes);
	else
		pass(http, flow, bytes);
}

static void take(struct text *rest, size_t bytes)
{
	rest->data += bytes;
	rest->length -= bytes;
}

/* The head at the front of `rest`, if it is complete and may be taken. */
static bool read_head(struct http *http, enum flow flow, struct text *rest)
{
	enum http1_kind kind = flow == FLOW_REQUESTS ? HTTP1_REQUEST : HTTP1_RESPONSE;
	struct lane *lane = &http->lanes[flow];
	struct http1_head head;
	size_t scanned = lane->scanned;

	switch (http1_head(kind, *rest, &scanned, &head, NULL)) {
	case HTTP1_MORE:
		lane->scanned = scanned;
		lane->starved = true;
		return false;
	case HTTP1_DONE:
		/* If it has to wait it is read again: what `scanned` says then is at its end. */
		if (!message_begins(http, flow, &head, *rest))
			return false;
		lane->scanned = 0;
		take(rest, head.length);
		return true;
	default:
		http_make_plain(http, true);
		return false;
	}
}

/* As much of the body as there is. False: the connection has become plain. */
static bool read_body(struct http *http, enum flow flow, struct text *rest)
{
	struct lane *lane = &http->lanes[flow];
	enum http1_result got;

	lane->untouched = false;
	do {
		struct text before = *rest, piece;

		got = http1_body_next(&lane->body, rest, &piece, NULL);
		if (got == HTTP1_ERROR) {
			*rest = before;
			http_make_plain(http, true);
			return false;
		}
		before.length -= rest->length;
		lane_emit(http, flow, before);
	} while (got == HTTP1_PIECE && !http->relay->ended);
	if (got == HTTP1_DONE)
		message_ends(http, flow);
	return true;
}

/* Returns how many bytes it has taken from the front. */
static size_t lane_read(struct http *http, enum flow flow, struct text bytes)
{
	struct lane *lane = &http->lanes[flow];
	struct text rest = bytes;
	bool going = true;

	lane->starved = false;
	while (going && !http->plain && !http->relay->ended && !lane_held(http, flow)) {
		if (!lane->in_body)
			going = rest.length && read_head(http, flow, &rest);
		else
			going = (rest.length || lane->untouched) && read_body(http, flow, &rest);
	}
	lane_flush(http, flow);
	return bytes.length - rest.length;
}

static void drop_front(struct buffer *buffer, size_t bytes)
{
	if (!bytes)
		return;
	buffer->length -= bytes;
	memmove(buffer->data, buffer->data + bytes, buffer->length);
	if (!buffer->length && buffer->room > WAITING_MAX)
		buffer_release(buffer);
}

static bool lane_runs(struct http *http, enum flow flow)
{
	struct lane *lane = &http->lanes[flow];

	if (!(lane->waiting.length && !lane->starved) && !(lane->in_body && lane->untouched))
		return false;
	return !lane_held(http, flow);
}

static void pass_waiting(struct http *http, enum flow flow)
{
	struct buffer *waiting = &http->lanes[flow].waiting;

	if (waiting->length)
		flow_pass(http->relay, flow, buffer_text(waiting));
	buffer_release(waiting);
}

/* The sender's end is seen in the middle of a body: how that one ends, or that it is broken. */
static bool lane_ends_body(struct http *http, enum flow flow)
{
	struct lane *lane = &http->lanes[flow];

	if (!lane->ended || lane->end_seen || !lane->in_body || lane->untouched ||
	    lane->waiting.length || lane_held(http, flow))
		return false;
	lane->end_seen = true;
	if (flow == FLOW_ANSWERS && http1_body_end(&lane->body, NULL) == HTTP1_DONE)
		message_ends(http, flow);
	else if (lane->mode != LANE_PASS && flow == FLOW_ANSWERS)
		work_answer_breaks(http->work);
	else if (lane->mode != LANE_PASS)
		work_give_up(http->work);
	return true;
}

/* What is left of a message that its sender did not finish goes as it is, and then the end. */
static void lane_end(struct http *http, enum flow flow)
{
	struct lane *lane = &http->lanes[flow];

	if (!lane->ended || lane->end_passed || (lane->waiting.length && !lane->starved))
		return;
	if (!http->plain && (lane_held(http, flow) || lane->mode == LANE_KEEP))
		return;
	if (lane->mode == LANE_PASS)
		pass_waiting(http, flow);
	lane->end_passed = true;
	flow_end(http->relay, flow);
}

static void lane_pause(struct http *http, enum flow flow)
{
	if (http->lanes[flow].waiting.length > WAITING_MAX)
		flow_pause(http->relay, flow, PAUSE_HTTP);
	else
		flow_resume(http->relay, flow, PAUSE_HTTP);
}

/* One round over both lanes. False: nothing has moved. */
static bool lanes_move(struct http *http)
{
	bool moved = false;

	for (enum flow flow = 0; flow < FLOW_COUNT; flow++) {
		if (http->plain) {
			pass_waiting(http, flow);
		} else if (lane_runs(http, flow)) {
			struct buffer *waiting = &http->lanes[flow].waiting;

			drop_front(waiting, lane_read(http, flow, buffer_text(waiting)));
			moved = true;
		} else if (lane_ends_body(http, flow)) {
			moved = true;
		}
	}
	return moved;
}

/* Upstream has ended: what waits for an answer would wait for ever, and is passed as it is. */
static bool answers_are_over(const struct http *http)
{
	const struct work *work = http->work;

	return !http->plain && http->lanes[FLOW_ANSWERS].end_passed &&
	       (!work || work->stage == WORK_QUEUED || work->stage == WORK_SENT);
}

/* What one lane does may set the other free, and work may end in either. */
void http_turn(struct http *http)
{
	bool moved = true;

	if (http->turning)
		return;
	http->turning = true;
	while (moved && !http->relay->ended) {
		while (lanes_move(http) && !http->relay->ended)
			;
		for (enum flow flow = 0; flow < FLOW_COUNT && !http->relay->ended; flow++)
			lane_end(http, flow);
		moved = answers_are_over(http);
		if (moved)
			http_make_plain(http, false);
	}
	for (enum flow flow = 0; flow < FLOW_COUNT && !http->relay->ended; flow++)
		lane_pause(http, flow);
	http->turning = false;
}

/* From now on. What waits is passed by the turn that this is called in. */
void http_make_plain(struct http *http, bool broken)
{
	if (http->plain)
		return;
	for (enum flow flow = 0; flow < FLOW_COUNT; flow++)
		lane_flush(http, flow);
	if (http->work)
		work_give_up(http->work);
	http->plain = true;
	if (broken)
		http->relay->edge->not_http++;
	for (enum flow flow = 0; flow < FLOW_COUNT; flow++) {
		http->lanes[flow].mode = LANE_PASS;
		http->relay->flows[flow].call = 0;
		http->relay->flows[flow].correlation = 0;
	}
}

/* Whether there is anything in it that a turn could move. */
static bool lane_stirs(const struct lane *lane)
{
	return lane->waiting.length || lane->ended != lane->end_passed;
}

void http_bytes(struct http *http, enum flow flow, struct text bytes)
{
	struct lane *lane = &http->lanes[flow];

	if (http->relay->ended)
		return;
	if (http->plain && !lane->waiting.length) {
		flow_pass(http->relay, flow, bytes);
		return;
	}
	if (!http->plain && !lane->waiting.length && !lane_held(http, flow)) {
		assert(!http->turning);
		http->turning = true;
		take(&bytes, lane_read(http, flow, bytes));
		http->turning = false;
	} else if (!http->plain) {
		lane->starved = false;
	}
	if (http->plain && !lane->waiting.length) {
		if (bytes.length)
			flow_pass(http->relay, flow, bytes);
	} else if (bytes.length) {
		buffer_add_text(&lane->waiting, bytes);
	}
	if (http->work || http->plain || lane_stirs(lane) || lane_stirs(&http->lanes[!flow]))
		http_turn(http);
}

void http_end(struct http *http, enum flow flow)
{
	struct lane *lane = &http->lanes[flow];
	struct work *work = http->work;

	if (lane->ended || http->relay->ended)
		return;
	lane->ended = true;
	if (work && work->stage == WORK_SILENT && flow == FLOW_REQUESTS) {
		relay_end(http->relay, ENDING_CLOSE, ENDING_CLOSE);
		return;
	}
	http_turn(http);
}

void http_room(struct http *http, enum flow flow)
{
	/* What is passed on is kept by the flow, which is not read meanwhile. */
	(void)http;
	(void)flow;
}

void http_forget(struct http *http, const struct armed *armed)
{
	if (!http->work)
		return;
	work_forget(http->work, armed);
	http_turn(http);
}

void http_changed(struct http *http, struct armed *armed)
{
	if (!http->work || !armed->released)
		return;
	work_released(http->work, armed);
	http_turn(http);
}
