/*
 * The second of a call that is sent twice. It lives on its own: the first may long be answered, and
 * its connection gone, when this one's answer is complete.
 */
#include <event2/bufferevent.h>
#include <stdlib.h>

#include "chaos/proxy_http.h"
#include "lib/memory.h"

enum { COPY_PATIENCE_S = 60 };

struct copy {
	struct proxy_core *core;
	struct armed *armed;   /* NULL: it was healed meanwhile; nothing is counted */
	struct work *work;     /* that wants to know; NULL: nobody does */
	struct relay met;      /* what a hit says of the connection, which may be gone */
	struct bufferevent *stream;
	struct buffer request, answer;
	struct alarm alarm;    /* until it is sent; then until we lose patience */
	uint64_t correlation;
	uint32_t call;
	bool head, wanted;     /* a HEAD; its answer is for the caller */
	bool in_body, ended, complete, too_large;
	size_t scanned;
	uint16_t status;
	struct http1_body body;
	struct copy **link, *next;
};

static void copy_free(struct copy *copy)
{
	*copy->link = copy->next;
	if (copy->next)
		copy->next->link = copy->link;
	proxy_alarm_cancel(copy->core, &copy->alarm);
	if (copy->stream)
		bufferevent_free(copy->stream);
	if (copy->armed)
		copy->armed->promised -= !copy->ended;
	buffer_release(&copy->request);
	buffer_release(&copy->answer);
	free(copy);
}

static void count_hit(struct copy *copy)
{
	if (!copy->armed || !copy->complete)
		return;
	armed_hit(copy->armed, &(struct hit){
				       .kind = HIT_CHANGED,
				       .relay = &copy->met,
				       .call = copy->call,
				       .correlation = copy->correlation,
				       .status = copy->status,
			       });
}

/* Answered, or never to be. */
static void copy_end(struct copy *copy)
{
	struct work *work = copy->work;

	if (copy->ended)
		return;
	copy->ended = true;
	proxy_alarm_cancel(copy->core, &copy->alarm);
	if (copy->stream)
		bufferevent_disable(copy->stream, EV_READ | EV_WRITE);
	if (copy->armed)
		copy->armed->promised--;
	count_hit(copy);
	if (work)
		work_copy_ends(work);
	else
		copy_free(copy);
}

static bool keeps(struct copy *copy, struct text bytes)
{
	if (!copy->wanted || copy->too_large)
		return false;
	buffer_add_text(&copy->answer, bytes);
	copy->too_large = copy->answer.length > CALL_KEEP_MAX;
	return !copy->too_large;
}

/* Heads of interim answers are skipped. False: nothing more can be taken now. */
static bool read_head(struct copy *copy, struct evbuffer *in)
{
	struct http1_head head;
	struct text bytes;
	enum http1_result got;

	bytes.length = evbuffer_get_length(in);
	bytes.data = (const char *)evbuffer_pullup(in, -1);
	got = http1_head(HTTP1_RESPONSE, bytes.length ? bytes : text_of(""), &copy->scanned, &head,
			 NULL);
	if (got == HTTP1_ERROR)
		copy_end(copy);
	if (got != HTTP1_DONE)
		return false;
	copy->scanned = 0;
	if (head.status >= 200) {
		copy->status = (uint16_t)head.status;
		copy->in_body = true;
		keeps(copy, (struct text){ bytes.data, head.length });
		http1_body_begin(&copy->body, HTTP1_RESPONSE, &head, copy->head);
	}
	evbuffer_drain(in, head.length);
	return true;
}

static void read_body(struct copy *copy, struct evbuffer *in)
{
	struct text rest, piece, all;
	enum http1_result got;

	all.length = evbuffer_get_length(in);
	all.data = all.length ? (const char *)evbuffer_pullup(in, -1) : "";
	rest = all;
	do
		got = http1_body_next(&copy->body, &rest, &piece, NULL);
	while (got == HTTP1_PIECE);
	keeps(copy, (struct text){ all.data, all.length - rest.length });
	evbuffer_drain(in, all.length - rest.length);
	copy->complete = got == HTTP1_DONE;
	if (got == HTTP1_DONE || got == HTTP1_ERROR)
		copy_end(copy);
}

static void on_bytes(struct bufferevent *stream, void *context)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct copy *copy = context;

	while (!copy->in_body)
		if (!read_head(copy, in))
			return;
	read_body(copy, in);
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
	struct copy *copy = context;

	(void)stream;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (what & BEV_EVENT_EOF && copy->in_body)
		copy->complete = http1_body_end(&copy->body, NULL) == HTTP1_DONE;
	copy_end(copy);
}

static bool copy_send(struct copy *copy)
{
	int fd = proxy_edge_dial(copy->met.edge);

	if (fd < 0)
		return false;
	copy->stream = bufferevent_socket_new(copy->core->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!copy->stream) {
		evutil_closesocket(fd);
		return false;
	}
	bufferevent_setcb(copy->stream, on_bytes, NULL, on_event, copy);
	bufferevent_setwatermark(copy->stream, EV_READ, 0, HTTP1_HEAD_MAX + CHUNK_BYTES);
	bufferevent_write(copy->stream, copy->request.data, copy->request.length);
	bufferevent_enable(copy->stream, EV_READ | EV_WRITE);
	buffer_release(&copy->request);
	return true;
}

static void ring(void *context, int64_t now_us)
{
	struct copy *copy = context;

	if (copy->stream || !copy_send(copy))
		copy_end(copy);
	else
		proxy_alarm_set(copy->core, &copy->alarm, now_us + COPY_PATIENCE_S * US_PER_S);
}

struct copy *copy_start(struct work *work)
{
	struct copy *copy = memory_new(sizeof(*copy));
	struct relay *relay = work->http->relay;

	copy->core = relay->core;
	copy->armed = work->treatments[work->twice - 1].armed;
	copy->work = work;
	copy->met.edge = relay->edge;
	copy->met.core = relay->core;
	copy->met.number = relay->number;
	copy->call = work->asked.number;
	copy->correlation = work->asked.correlation;
	copy->head = work->asked.head;
	copy->wanted = work->call.twice_second;
	copy->alarm = (struct alarm){ .ring = ring, .context = copy };
	buffer_add_text(&copy->request, buffer_text(&work->request));
	copy->link = &relay->core->copies;
	copy->next = relay->core->copies;
	if (copy->next)
		copy->next->link = &copy->next;
	*copy->link = copy;
	/* After the first, in its own turn of the loop, also when there is no gap. */
	proxy_alarm_set(copy->core, &copy->alarm, clock_now_us() + work->call.twice_gap_us);
	return copy;
}

bool copy_answered(const struct copy *copy, struct text *answer)
{
	if (!copy->complete || !copy->wanted || copy->too_large)
		return false;
	*answer = buffer_text(&copy->answer);
	return true;
}

bool copy_ended(const struct copy *copy)
{
	return copy->ended;
}

void copy_part(struct copy *copy)
{
	copy->work = NULL;
	copy->wanted = false;
	buffer_release(&copy->answer);
	if (copy->ended)
		copy_free(copy);
}

void http_copies_forget(struct proxy_core *core, const struct armed *armed)
{
	for (struct copy *copy = core->copies, *next; copy; copy = next) {
		next = copy->next;
		if (copy->armed != armed)
			continue;
		copy->armed = NULL;
		if (!copy->stream) /* not sent yet: and never will be */
			copy_end(copy);
	}
}

void http_copies_free(struct proxy_core *core)
{
	while (core->copies)
		copy_free(core->copies);
}
