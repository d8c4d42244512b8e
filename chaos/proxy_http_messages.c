#include "chaos/proxy_http.h"

#include <assert.h>

#include "lib/saga_key.h"

/* Those stages in which a request behind the work, or what is left of its own, must wait. */
static bool work_holds_requests(const struct work *work)
{
	return work->stage == WORK_WATCHED || work->stage == WORK_QUEUED ||
	       work->stage == WORK_ASKING || work->stage == WORK_CUTTING ||
	       work->stage == WORK_SILENT;
}

/* While its faults are thinking, what upstream says next must wait. */
static bool work_holds_answers(const struct work *work)
{
	return work->stage == WORK_ANSWERING || work->stage == WORK_COPY ||
	       work->stage == WORK_ANSWERED || work->stage == WORK_CUTTING ||
	       work->stage == WORK_SILENT;
}

bool lane_held(const struct http *http, enum flow flow)
{
	const struct work *work = http->work;

	if (http->plain)
		return false;
	if (flow == FLOW_ANSWERS)
		return work && work_holds_answers(work);
	if (work && work_holds_requests(work))
		return true;
	if (http->lanes[flow].in_body)
		return false;
	return work || http->upgrading || http->count == PIPELINE_MAX;
}

void asked_push(struct http *http, const struct asked *asked)
{
	assert(http->count < PIPELINE_MAX);
	http->asked[(http->first + http->count++) % PIPELINE_MAX] = *asked;
	if (asked->upgrade || asked->tunnel)
		http->upgrading = true;
}

void asked_pop(struct http *http)
{
	const struct asked *asked = &http->asked[http->first];

	assert(http->count > 0);
	if (asked->upgrade || asked->tunnel)
		http->upgrading = false;
	http->first = (http->first + 1) % PIPELINE_MAX;
	http->count--;
}

/* Who looks for a call in the history looks for this. */
static uint64_t correlation_of(struct text headers)
{
	struct text value;

	if (http1_header(headers, "X-Correlation-Id", &value) ||
	    http1_header(headers, "Idempotency-Key", &value))
		return text_hash(value);
	return 0;
}

void flow_is_about(struct relay *relay, enum flow flow, const struct asked *asked)
{
	relay->flows[flow].call = asked->number;
	relay->flows[flow].correlation = asked->correlation;
}

static void body_begins(struct http *http, enum flow flow, const struct http1_head *head,
			bool head_request)
{
	struct lane *lane = &http->lanes[flow];

	http1_body_begin(&lane->body, flow == FLOW_REQUESTS ? HTTP1_REQUEST : HTTP1_RESPONSE, head,
			 head_request);
	lane->in_body = true;
	lane->untouched = true;
	lane->interim = flow == FLOW_ANSWERS && head->status < 200;
}

static bool request_begins(struct http *http, const struct http1_head *head, struct text bytes)
{
	struct relay *relay = http->relay;
	struct asked asked = {
		.number = ++http->calls,
		.head = text_is(head->method, "HEAD"),
		.tunnel = text_is(head->method, "CONNECT"),
		.upgrade = head->upgrade,
	};

	relay->edge->stats.calls++;
	if (relay->core->armed) {
		asked.correlation = correlation_of(head->headers);
		http->work = work_find(http, head, &asked);
	}
	body_begins(http, FLOW_REQUESTS, head, false);
	if (http->work) {
		lane_flush(http, FLOW_REQUESTS);
		buffer_add(&http->work->request, bytes.data, head->length);
		work_begin(http->work);
		return !http->plain;
	}
	flow_is_about(relay, FLOW_REQUESTS, &asked);
	asked_push(http, &asked);
	lane_emit(http, FLOW_REQUESTS, (struct text){ bytes.data, head->length });
	return true;
}

/* Something like 100: another answer to the same request follows. */
static void interim_answer(struct http *http, const struct http1_head *head, struct text bytes)
{
	struct work *work = http->work;

	body_begins(http, FLOW_ANSWERS, head, false);
	if (!work || work->stage != WORK_SENT || head->status != 100 || !work->told_to_continue)
		lane_emit(http, FLOW_ANSWERS, (struct text){ bytes.data, head->length });
}

/* Whether no more HTTP follows this answer. */
static bool ends_http(const struct asked *asked, int status)
{
	return (status == 101 && asked->upgrade) ||
	       (asked->tunnel && status >= 200 && status < 300);
}

static bool answer_begins(struct http *http, const struct http1_head *head, struct text bytes)
{
	const struct asked *asked = &http->asked[http->first];

	if (!http->count) { /* nobody asked: a server's last word before it closes */
		http_make_plain(http, head->status != 408);
		return false;
	}
	if (ends_http(asked, head->status)) {
		http_make_plain(http, false);
		return false;
	}
	flow_is_about(http->relay, FLOW_ANSWERS, asked);
	if (head->status < 200) {
		interim_answer(http, head, bytes);
		return true;
	}
	body_begins(http, FLOW_ANSWERS, head, asked->head);
	if (http->work && http->work->stage == WORK_SENT) {
		lane_flush(http, FLOW_ANSWERS);
		work_answer_begins(http->work, head, bytes);
	} else {
		lane_emit(http, FLOW_ANSWERS, (struct text){ bytes.data, head->length });
	}
	return true;
}

bool message_begins(struct http *http, enum flow flow, const struct http1_head *head,
		    struct text bytes)
{
	return flow == FLOW_REQUESTS ? request_begins(http, head, bytes) :
				       answer_begins(http, head, bytes);
}

static void request_ends(struct http *http)
{
	struct work *work = http->work;

	if (!work || (work->stage != WORK_KEEPING && work->stage != WORK_REFUSING))
		return;
	lane_flush(http, FLOW_REQUESTS);
	work_request_ends(work);
}

static void answer_ends(struct http *http)
{
	struct work *work = http->work;

	if (!work) {
		asked_pop(http);
		return;
	}
	lane_flush(http, FLOW_ANSWERS);
	if (work->stage == WORK_COLLECTING || work->stage == WORK_PASSING) {
		work_answer_ends(work);
	} else {
		asked_pop(http);
		work_queue_moved(work);
	}
}

void message_ends(struct http *http, enum flow flow)
{
	struct lane *lane = &http->lanes[flow];

	lane->in_body = false;
	lane->starved = false;
	if (flow == FLOW_REQUESTS)
		request_ends(http);
	else if (!lane->interim)
		answer_ends(http);
}
