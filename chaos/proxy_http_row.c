#include "chaos/proxy_http.h"

#include <assert.h>

void call_read_request(struct work *work)
{
	struct http1_head head;
	size_t scanned = 0;
	enum http1_result got =
		http1_head(HTTP1_REQUEST, buffer_text(&work->request), &scanned, &head, NULL);

	assert(got == HTTP1_DONE); /* it was before */
	(void)got;
	work->call.method = head.method;
	work->call.target = head.target;
	work->call.headers = head.headers;
}

/* Chunks are undone; what is broken was never collected. */
static struct text decode_body(struct work *work, const struct http1_head *head, struct text rest)
{
	struct http1_body body;
	struct text piece;

	http1_body_begin(&body, HTTP1_RESPONSE, head, work->asked.head);
	buffer_clear(&work->decoded);
	if (!head->chunked)
		return rest;
	while (http1_body_next(&body, &rest, &piece, NULL) == HTTP1_PIECE)
		buffer_add_text(&work->decoded, piece);
	return buffer_text(&work->decoded);
}

static int64_t body_bytes(const struct work *work, const struct http1_head *head)
{
	bool none = work->asked.head || head->status == 204 || head->status == 304;

	return none ? 0 : head->content_length;
}

void call_read_answer(struct work *work)
{
	struct text bytes = buffer_text(&work->answer);
	struct call *call = &work->call;
	struct http1_head head;
	size_t scanned = 0;

	/* One that a fault has written on top of a huge one may be too long to be read again. */
	if (http1_head(HTTP1_RESPONSE, bytes, &scanned, &head, NULL) != HTTP1_DONE)
		head = (struct http1_head){ .length = bytes.length, .headers = text_of("") };
	work->answer_head_bytes = head.length;
	call->answer_status = head.status ? head.status : call->status;
	call->answer_headers = head.headers;
	call->answer_bytes = body_bytes(work, &head);
	if (head.close || (head.status && !head.chunked && call->answer_bytes < 0))
		work->answer_closes = true;
	bytes = (struct text){ bytes.data + head.length, bytes.length - head.length };
	call->answer_raw_bytes = (int64_t)bytes.length;
	call->answer_body = decode_body(work, &head, bytes);
}

/* The answer is now the one that the fault has written. */
static void answer_replace(struct work *work)
{
	struct call *call = &work->call;
	struct buffer made = BUFFER_EMPTY;
	struct text value;

	if (work->answer_closes &&
	    !http1_header(buffer_text(&call->reply_headers), "Connection", &value))
		buffer_add_string(&call->reply_headers, "Connection: close\r\n");
	reply_write(call->reply_status, buffer_text(&call->reply_headers),
		    buffer_text(&call->reply_body), work->asked.head, &made);
	buffer_release(&work->answer);
	work->answer = made;
	call_read_answer(work);
}

/* Notes what is for later. False: the row stops here. */
static bool row_goes_on(struct work *work, enum row row, enum call_verdict verdict)
{
	size_t at = work->at;

	switch (verdict) {
	case CALL_PASS:
		return true;
	case CALL_TWICE:
		assert(row == ROW_ASKED);
		if (!work->twice) {
			work->twice = at + 1;
			work->treatments[at].armed->promised++;
		}
		return true;
	case CALL_KEEP:
		assert(row == ROW_ANSWERING);
		work->keeps[at] = true;
		work->call.answer_bytes = -1; /* who comes next may get to see another one */
		return true;
	case CALL_CUT:
		assert(row != ROW_ASKED);
		work->cut = at + 1;
		return true;
	case CALL_ANSWER:
		if (row == ROW_ASKED)
			return false;
		answer_replace(work);
		return true;
	default:
		return false;
	}
}

static enum call_verdict hook_call(struct work *work, enum row row, int64_t now_us)
{
	struct call_treatment *treatment = &work->treatments[work->at];
	const struct call_ops *ops = treatment->armed->fault.kind->call;

	if (row == ROW_ASKED)
		return ops->asked ? ops->asked(treatment, now_us) : CALL_PASS;
	if (row == ROW_ANSWERING)
		return ops->answering ? ops->answering(treatment, now_us) : CALL_PASS;
	if (!work->keeps[work->at])
		return CALL_PASS;
	return ops->answered ? ops->answered(treatment, now_us) : CALL_PASS;
}

enum call_verdict row_ask(struct work *work, enum row row)
{
	int64_t now_us = clock_now_us();

	for (; work->at < work->count; work->at++) {
		enum call_verdict verdict;

		if (!work->treatments[work->at].armed)
			continue;
		verdict = hook_call(work, row, now_us);
		if (!row_goes_on(work, row, verdict))
			return verdict;
		work->treatments[work->at].waited = false;
	}
	return CALL_PASS;
}
