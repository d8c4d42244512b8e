#include "chaos/proxy_http.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "chaos/call_match.h"
#include "lib/memory.h"

enum { WATCH_HOLD_US = 1000000, CUT_PATIENCE_US = 2000000, CUT_LOOK_US = 1000 };

static void ask(struct work *work);
static void ask_answering(struct work *work);
static void ask_answered(struct work *work);

static int64_t calls_left(const struct armed *armed)
{
	return armed->fault.times ? armed->fault.times - armed->hits - armed->promised : INT64_MAX;
}

/* Whether this call is one of those: counted in any case, so that who comes later is the same. */
static bool falls_on(struct armed *armed, const struct http1_head *head)
{
	if (!call_match_is(&armed->fault.match, head))
		return false;
	armed->matched++;
	return call_match_counts(&armed->fault.match, armed->matched) && armed_active(armed) &&
	       calls_left(armed) > 0 && armed_chosen(armed, armed->matched);
}

static struct work *work_new(struct http *http, const struct http1_head *head,
			     const struct asked *asked)
{
	struct work *work = memory_new(sizeof(*work));
	struct text value;

	work->http = http;
	work->asked = *asked;
	work->closes = head->close;
	work->expects = http1_header(head->headers, "Expect", &value) &&
			text_is_nocase(value, "100-continue");
	work->call.relay = http->relay;
	work->call.number = asked->number;
	work->call.correlation = asked->correlation;
	return work;
}

static void treatment_add(struct work *work, struct armed *armed)
{
	size_t state_bytes = armed->fault.kind->call->state_bytes;

	work->treatments[work->count++] = (struct call_treatment){
		.armed = armed,
		.call = &work->call,
		.index = armed->matched,
		.random = armed_stream(armed, armed->matched),
		.state = state_bytes ? memory_new(state_bytes) : NULL,
	};
}

/* Every fault of the edge counts the call, also when the row is full. */
static struct work *find_faults(struct http *http, const struct http1_head *head,
				const struct asked *asked, struct work *work)
{
	struct armed *armed = NULL;

	while ((armed = armed_next(http->relay->edge, FAMILY_CALL, armed)) != NULL) {
		if (!falls_on(armed, head))
			continue;
		if (!work)
			work = work_new(http, head, asked);
		if (work->count < TREATMENTS_MAX)
			treatment_add(work, armed);
	}
	return work;
}

/* The first watch that comes true with this call and wants it held. All that do tell. */
static struct armed *find_watch(struct http *http, const struct http1_head *head)
{
	struct armed *watch = NULL, *holds = NULL;

	while ((watch = watch_next(http->relay->edge, watch)) != NULL) {
		const struct fault_trigger *trigger = &watch->fault.trigger;

		if (!call_match_is(&trigger->match, head))
			continue;
		watch->matched++;
		if (watch->told || !call_match_counts(&trigger->match, watch->matched))
			continue;
		if (trigger->hold && !holds)
			holds = watch;
		watch_tell(watch);
	}
	return holds;
}

struct work *work_find(struct http *http, const struct http1_head *head, const struct asked *asked)
{
	struct armed *watch = find_watch(http, head);
	struct work *work;

	if (!watch)
		return find_faults(http, head, asked, NULL);
	work = work_new(http, head, asked);
	work->watch = watch;
	return work;
}

static void wait_until(struct work *work, int64_t at_us)
{
	proxy_alarm_set(work->http->relay->core, &work->alarm, at_us);
}

/* The held call is looked at as if it came now: what was armed meanwhile meets it. */
static void watch_over(struct work *work)
{
	struct http1_head head;
	size_t scanned = 0;

	proxy_alarm_cancel(work->http->relay->core, &work->alarm);
	work->watch = NULL;
	if (http1_head(HTTP1_REQUEST, buffer_text(&work->request), &scanned, &head, NULL) ==
	    HTTP1_DONE)
		find_faults(work->http, &head, &work->asked, work);
	work->stage = WORK_QUEUED;
	work_queue_moved(work);
}

/* Whether nothing is on its way to the caller any more: a reset would take it from its hands. */
static bool caller_has_all(const struct relay *relay)
{
	const struct pipe *pipe = &relay->flows[FLOW_ANSWERS];
	int unsent = 0;

	if (pipe->treated || (pipe->held && evbuffer_get_length(pipe->held)))
		return false;
	return ioctl(relay->sides[SIDE_CALLER].fd, SIOCOUTQ, &unsent) != 0 || unsent == 0;
}

static void cut_when_arrived(struct work *work)
{
	struct relay *relay = work->http->relay;
	int64_t now_us = clock_now_us();

	if (work->call.caller_ending == ENDING_RESET && !caller_has_all(relay) &&
	    now_us < work->patience_us)
		wait_until(work, now_us + CUT_LOOK_US);
	else
		relay_end(relay, work->call.caller_ending, ENDING_CLOSE);
}

void work_cut(struct work *work)
{
	work->stage = WORK_CUTTING;
	work->patience_us = clock_now_us() + CUT_PATIENCE_US;
	cut_when_arrived(work);
}

static void ring(void *context, int64_t now_us)
{
	struct work *work = context;
	struct http *http = work->http;

	(void)now_us;
	if (http->relay->ended)
		return;
	work->treatments[work->at < work->count ? work->at : 0].waited = true;
	if (work->stage == WORK_WATCHED)
		watch_over(work);
	else if (work->stage == WORK_ASKING)
		ask(work);
	else if (work->stage == WORK_ANSWERING)
		ask_answering(work);
	else if (work->stage == WORK_ANSWERED)
		ask_answered(work);
	else if (work->stage == WORK_CUTTING)
		cut_when_arrived(work);
	else if (work->stage == WORK_SILENT)
		relay_end(http->relay, ENDING_RESET, ENDING_CLOSE);
	http_turn(http);
}

void work_begin(struct work *work)
{
	work->alarm = (struct alarm){ .ring = ring, .context = work };
	if (work->watch) {
		work->stage = WORK_WATCHED;
		wait_until(work, clock_now_us() + WATCH_HOLD_US);
		return;
	}
	work->stage = WORK_QUEUED;
	work_queue_moved(work);
}

void work_queue_moved(struct work *work)
{
	if (work->stage != WORK_QUEUED || work->http->count)
		return;
	work->at = 0;
	ask(work);
}

static void promise_drop(struct work *work)
{
	struct armed *armed = work->twice ? work->treatments[work->twice - 1].armed : NULL;

	work->twice = 0;
	if (armed)
		armed->promised--;
}

void work_free(struct work *work)
{
	if (!work)
		return;
	proxy_alarm_cancel(work->http->relay->core, &work->alarm);
	promise_drop(work);
	if (work->copy)
		copy_part(work->copy);
	for (size_t i = 0; i < work->count; i++)
		free(work->treatments[i].state);
	buffer_release(&work->call.reply_headers);
	buffer_release(&work->call.reply_body);
	buffer_release(&work->request);
	buffer_release(&work->answer);
	buffer_release(&work->decoded);
	free(work);
}

/* The connection is as if nothing had been treated. */
static void finish(struct work *work)
{
	struct http *http = work->http;

	http->work = NULL;
	for (enum flow flow = 0; flow < FLOW_COUNT; flow++)
		http->lanes[flow].mode = LANE_PASS;
	work_free(work);
}

static void send_on(struct work *work)
{
	struct http *http = work->http;

	work->stage = WORK_SENT;
	http->lanes[FLOW_REQUESTS].mode = LANE_PASS;
	flow_is_about(http->relay, FLOW_REQUESTS, &work->asked);
	asked_push(http, &work->asked);
	flow_pass(http->relay, FLOW_REQUESTS, buffer_text(&work->request));
}

/* The caller may be waiting for a word before it sends the body that we want to have. */
static void keep_request(struct work *work)
{
	work->stage = WORK_KEEPING;
	work->http->lanes[FLOW_REQUESTS].mode = LANE_KEEP;
	if (work->expects) {
		work->told_to_continue = true;
		flow_pass(work->http->relay, FLOW_ANSWERS,
			  text_of("HTTP/1.1 100 Continue\r\n\r\n"));
	}
}

static void reply_ours(struct work *work, bool close)
{
	struct relay *relay = work->http->relay;
	struct call *call = &work->call;
	struct buffer made = BUFFER_EMPTY;

	flow_is_about(relay, FLOW_ANSWERS, &work->asked);
	if (close)
		buffer_add_string(&call->reply_headers, "Connection: close\r\n");
	reply_write(call->reply_status, buffer_text(&call->reply_headers),
		    buffer_text(&call->reply_body), work->asked.head, &made);
	flow_pass(relay, FLOW_ANSWERS, buffer_text(&made));
	buffer_release(&made);
	if (close)
		relay_end(relay, ENDING_FLUSH, ENDING_CLOSE);
}

/* Its body is read to its end first, but for one that the caller would only send if told to. */
static void refuse(struct work *work)
{
	work->stage = WORK_REFUSING;
	work->http->lanes[FLOW_REQUESTS].mode = LANE_DROP;
	if (work->expects && !work->http->lanes[FLOW_REQUESTS].waiting.length)
		reply_ours(work, true);
}

static void ask(struct work *work)
{
	work->stage = WORK_ASKING;
	call_read_request(work);
	switch (row_ask(work, ROW_ASKED)) {
	case CALL_PASS:
		if (work->twice)
			keep_request(work);
		else
			send_on(work);
		return;
	case CALL_WAIT:
		wait_until(work, work->treatments[work->at].wait_until_us);
		return;
	case CALL_ANSWER:
		refuse(work);
		return;
	default:
		work_cut(work);
	}
}

void work_request_ends(struct work *work)
{
	if (work->stage == WORK_REFUSING) {
		reply_ours(work, work->closes);
		finish(work);
		return;
	}
	send_on(work);
	if (work->twice) {
		work->copy = copy_start(work); /* the promise is its own now */
		work->twice = 0;
	}
}

/* Told once for each fault, so that who wonders why it did not hit finds out. */
static void too_large(const struct work *work, struct armed *armed)
{
	struct history *history = work->http->relay->core->history;
	struct buffer text = BUFFER_EMPTY;

	if (!armed || armed->too_large++ || !history)
		return;
	buffer_format(&text,
		      "call %u of connection %llu passed untreated: it does not fit into %d KiB, "
		      "which is all that is kept of one",
		      work->call.number, (unsigned long long)work->http->relay->number,
		      CALL_KEEP_MAX / 1024);
	history_add_text(history, RECORD_FAULT_TEXT, armed->fault.number, buffer_text(&text));
	buffer_release(&text);
}

void work_request_full(struct work *work)
{
	if (work->twice)
		too_large(work, work->treatments[work->twice - 1].armed);
	promise_drop(work);
	send_on(work);
	buffer_release(&work->request);
}

static bool wants_whole_answer(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->keeps[i] && work->treatments[i].armed)
			return true;
	return work->copy && work->call.twice_second;
}

/* What is kept of the answer; more may follow, and the cut may lie in that or here. */
static void pass_answer(struct work *work)
{
	struct http *http = work->http;
	struct lane *lane = &http->lanes[FLOW_ANSWERS];
	struct text kept = buffer_text(&work->answer), body = kept;

	flow_is_about(http->relay, FLOW_ANSWERS, &work->asked);
	lane->mode = work->cut ? LANE_CUT : LANE_PASS;
	if (!work->cut) {
		flow_pass(http->relay, FLOW_ANSWERS, kept);
		return;
	}
	body.data += work->answer_head_bytes;
	body.length -= work->answer_head_bytes;
	flow_pass(http->relay, FLOW_ANSWERS, (struct text){ kept.data, work->answer_head_bytes });
	lane->cut_left = work->call.cut_bytes > 0 ? work->call.cut_bytes : 0;
	lane_emit(http, FLOW_ANSWERS, body);
	lane_flush(http, FLOW_ANSWERS);
}

static void ask_answering(struct work *work)
{
	call_read_answer(work);
	switch (row_ask(work, ROW_ANSWERING)) {
	case CALL_PASS:
		if (wants_whole_answer(work)) {
			work->stage = WORK_COLLECTING;
			work->http->lanes[FLOW_ANSWERS].mode = LANE_KEEP;
			return;
		}
		work->stage = WORK_PASSING;
		pass_answer(work);
		return;
	case CALL_WAIT:
		wait_until(work, work->treatments[work->at].wait_until_us);
		return;
	default:
		work_cut(work);
	}
}

void work_answer_begins(struct work *work, const struct http1_head *head, struct text bytes)
{
	work->stage = WORK_ANSWERING;
	work->call.status = (uint16_t)head->status;
	buffer_add(&work->answer, bytes.data, head->length);
	work->at = 0;
	ask_answering(work);
}

static void ask_answered(struct work *work)
{
	struct http *http = work->http;

	call_read_answer(work);
	switch (row_ask(work, ROW_ANSWERED)) {
	case CALL_PASS:
		pass_answer(work);
		if (work->stage == WORK_CUTTING)
			return;
		asked_pop(http);
		finish(work);
		return;
	case CALL_WAIT:
		wait_until(work, work->treatments[work->at].wait_until_us);
		return;
	case CALL_SWALLOW:
		work->stage = WORK_SILENT;
		wait_until(work, clock_now_us() + work->call.silence_us);
		return;
	default:
		work_cut(work);
	}
}

/* Whole, and the copy's too if that is wanted. */
static void answer_complete(struct work *work)
{
	struct text other;

	if (work->copy && work->call.twice_second && copy_answered(work->copy, &other)) {
		buffer_clear(&work->answer);
		buffer_add_text(&work->answer, other);
	}
	work->stage = WORK_ANSWERED;
	work->at = 0;
	ask_answered(work);
}

void work_answer_ends(struct work *work)
{
	if (work->stage == WORK_PASSING) {
		asked_pop(work->http);
		finish(work);
	} else if (work->copy && work->call.twice_second && !copy_ended(work->copy)) {
		work->stage = WORK_COPY;
	} else {
		answer_complete(work);
	}
}

void work_copy_ends(struct work *work)
{
	struct http *http = work->http;

	if (work->stage != WORK_COPY)
		return;
	answer_complete(work);
	http_turn(http);
}

void work_answer_full(struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		if (work->keeps[i])
			too_large(work, work->treatments[i].armed);
		work->keeps[i] = false;
	}
	work->stage = WORK_PASSING;
	pass_answer(work);
	buffer_release(&work->answer);
}

/* What came of it goes to the caller, as it would have without us. */
void work_answer_breaks(struct work *work)
{
	struct http *http = work->http;

	if (work->stage == WORK_COLLECTING)
		flow_pass(http->relay, FLOW_ANSWERS, buffer_text(&work->answer));
	finish(work);
}

void work_give_up(struct work *work)
{
	struct relay *relay = work->http->relay;

	switch (work->stage) {
	case WORK_WATCHED:
	case WORK_QUEUED:
	case WORK_ASKING:
	case WORK_KEEPING:
		flow_pass(relay, FLOW_REQUESTS, buffer_text(&work->request));
		break;
	case WORK_ANSWERING:
	case WORK_COLLECTING:
	case WORK_COPY:
	case WORK_ANSWERED:
		flow_pass(relay, FLOW_ANSWERS, buffer_text(&work->answer));
		break;
	case WORK_REFUSING: /* it must not be sent on now: that was promised */
	case WORK_CUTTING:
	case WORK_SILENT:
		relay_end(relay, ENDING_RESET, ENDING_CLOSE);
		break;
	case WORK_SENT:
	case WORK_PASSING:
		break;
	}
	finish(work);
}

/* A caller that is left in silence stays so: its answer was lost, and stays lost. */
static void go_on(struct work *work)
{
	if (work->stage == WORK_SILENT || work->http->relay->ended)
		return;
	proxy_alarm_cancel(work->http->relay->core, &work->alarm);
	if (work->stage == WORK_ASKING)
		ask(work);
	else if (work->stage == WORK_ANSWERING)
		ask_answering(work);
	else if (work->stage == WORK_ANSWERED)
		ask_answered(work);
}

static void forget_cut(struct work *work)
{
	struct lane *lane = &work->http->lanes[FLOW_ANSWERS];

	work->cut = 0;
	if (lane->mode == LANE_CUT)
		lane->mode = LANE_PASS;
}

void work_forget(struct work *work, const struct armed *armed)
{
	for (size_t i = 0; i < work->count; i++) {
		if (work->treatments[i].armed != armed)
			continue;
		if (work->cut == i + 1 && work->stage != WORK_CUTTING)
			forget_cut(work);
		if (work->twice == i + 1)
			work->twice = 0;
		work->treatments[i].armed = NULL;
		if (work->at == i) {
			go_on(work);
			return;
		}
	}
	if (work->watch != armed)
		return;
	work->watch = NULL;
	if (!work->http->relay->ended)
		watch_over(work);
}

void work_released(struct work *work, const struct armed *watch)
{
	if (work->watch == watch)
		watch_over(work);
}
