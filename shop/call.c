/* Outgoing calls: an edge is a destination with its connections and its circuit breaker. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "shop/breaker.h"
#include "shop/checksum.h"
#include "shop/client.h"
#include "shop/frame.h"

enum {
	BACKOFF_FIRST_US = 50 * 1000,
	BACKOFF_MAX_US = 1000 * 1000,
	DOUBLINGS_MAX = 10,
	TIMEOUT_DEFAULT_US = 2 * 1000 * 1000,
};

struct edge {
	struct edge *next;
	const char *name;
	struct client *client; /* NULL: there is no such destination */
	struct breaker breaker;
	uint64_t told[BREAKER_STATES]; /* transitions that are in the metrics */
	char *labels;                  /* edge="payment" */
	char *results[CALL_OPEN + 1];  /* edge="payment",result="timeout" */
};

struct calls {
	struct edge *edges;
};

static const char *const result_names[] = {
	[CALL_ANSWERED] = "answered", [CALL_TIMEOUT] = "timeout", [CALL_BROKEN] = "broken",
	[CALL_REFUSED] = "refused",   [CALL_OPEN] = "open",
};

/* --- edges --- */

static char *make_label(const char *format, const char *edge, const char *value)
{
	struct buffer label = BUFFER_EMPTY;

	buffer_format(&label, "edge=\"%s\"", edge);
	if (value)
		buffer_format(&label, ",%s=\"%s\"", format, value);
	return label.data;
}

static void complain(const struct service *service, const char *edge, const char *why)
{
	fprintf(stderr, "%s: calls to '%s' go nowhere: %s\n", service->kind->name, edge, why);
}

static struct client *client_of_edge(const struct service *service, const char *name)
{
	const char *url = shop_edge_url(service->settings, service->kind->name, name);
	struct error err = { "no such edge" };
	struct client *client = url ? client_new(service->base, url, &err) : NULL;

	if (!client)
		complain(service, name, err.text);
	return client;
}

static struct edge *new_edge(struct service *service, const char *name)
{
	struct edge *edge = memory_new(sizeof(*edge));

	edge->name = memory_copy_string(name);
	edge->client = client_of_edge(service, name);
	edge->breaker = breaker_make(service->settings->breaker_failures,
				     service->settings->breaker_open_us);
	edge->labels = make_label(NULL, name, NULL);
	for (size_t i = 0; i <= CALL_OPEN; i++)
		edge->results[i] = make_label("result", name, result_names[i]);
	edge->next = service->calls->edges;
	service->calls->edges = edge;
	metric_set(service, "breaker_state", edge->labels, BREAKER_CLOSED);
	return edge;
}

static struct edge *find_edge(struct service *service, const char *name)
{
	for (struct edge *edge = service->calls->edges; edge; edge = edge->next)
		if (strcmp(edge->name, name) == 0)
			return edge;
	return new_edge(service, name);
}

static void free_edge(struct edge *edge)
{
	client_free(edge->client);
	for (size_t i = 0; i <= CALL_OPEN; i++)
		free(edge->results[i]);
	free(edge->labels);
	free((char *)(uintptr_t)edge->name);
	free(edge);
}

void calls_init(struct service *service)
{
	service->calls = memory_new(sizeof(*service->calls));
}

void calls_release(struct service *service)
{
	struct calls *calls = service->calls;

	if (!calls)
		return;
	while (calls->edges) {
		struct edge *edge = calls->edges;

		calls->edges = edge->next;
		free_edge(edge);
	}
	free(calls);
	service->calls = NULL;
}

/* --- metrics --- */

static void tell_transitions(struct service *service, struct edge *edge)
{
	for (int state = 0; state < BREAKER_STATES; state++) {
		uint64_t since = edge->breaker.entered[state] - edge->told[state];
		char *label;

		if (!since)
			continue;
		label = make_label("to", edge->name, breaker_state_name((enum breaker_state)state));
		metric_add(service, "breaker_transitions_total", label, (double)since);
		free(label);
		edge->told[state] = edge->breaker.entered[state];
	}
}

void calls_metrics(struct service *service)
{
	for (struct edge *edge = service->calls->edges; edge; edge = edge->next) {
		metric_set(service, "breaker_state", edge->labels, edge->breaker.state);
		metric_set(service, "connections", edge->labels,
			   edge->client ? client_connections(edge->client) : 0);
		tell_transitions(service, edge);
	}
}

json_t *calls_breakers(const struct service *service)
{
	int64_t now_us = clock_now_us();
	json_t *list = json_array();

	for (const struct edge *edge = service->calls->edges; edge; edge = edge->next)
		json_array_append_new(
			list,
			json_pack("{s:o, s:s, s:I}", "name",
				  json_sprintf("%s -> %s", service->kind->name, edge->name),
				  "state", breaker_state_name(breaker_now(&edge->breaker, now_us)),
				  "opened", (json_int_t)edge->breaker.entered[BREAKER_OPEN]));
	return list;
}

/* --- the request --- */

/* What others wrote may be in a path or a header: it must not become another line. */
static void add_path(struct buffer *out, const char *path)
{
	for (const unsigned char *at = (const unsigned char *)path; *at; at++)
		if (*at <= ' ' || *at >= 0x7f)
			buffer_format(out, "%%%02X", *at);
		else
			buffer_add_char(out, (char)*at);
}

static void add_header(struct buffer *out, const char *name, const char *value)
{
	if (!value)
		return;
	buffer_add_string(out, name);
	buffer_add_string(out, ": ");
	for (const char *at = value; *at; at++)
		if ((unsigned char)*at >= ' ' && *at != 0x7f)
			buffer_add_char(out, *at);
	buffer_add_string(out, "\r\n");
}

/* False: none. */
static bool body_of(const struct call *call, char **dumped, struct text *body, const char **type)
{
	*dumped = NULL;
	if (call->json) {
		*dumped = json_dumps(call->json, JSON_COMPACT | JSON_ENCODE_ANY);
		*body = text_of(*dumped);
		*type = "application/json";
	} else if (call->form) {
		*body = text_of(call->form);
		*type = "application/x-www-form-urlencoded";
	} else {
		*body = call->bytes;
		*type = call->content_type;
	}
	return body->length > 0 || call->json || call->form;
}

/* `head`: all that was written so far, from the request line on. */
static void add_checksum(struct buffer *out, const struct call *call, struct text body)
{
	struct text head = buffer_text(out), target = text_of(call->method);
	const char *lines = memchr(head.data, '\n', head.length), *query;
	struct checked_request request = { .method = target, .body = body };

	lines++;
	request.headers = (struct text){ lines, (size_t)(head.data + head.length - lines) };
	target = (struct text){ head.data + target.length + 1, 0 };
	target.length = strcspn(target.data, " ");
	query = memchr(target.data, '?', target.length);
	request.path =
		(struct text){ target.data, query ? (size_t)(query - target.data) : target.length };
	if (query)
		request.query = (struct text){ query + 1, target.length - request.path.length - 1 };
	checksum_write(out, checksum_of_request(&request));
}

static void add_body(struct buffer *out, const struct call *call)
{
	struct text body = text_of("");
	const char *type;
	char *dumped;

	if (body_of(call, &dumped, &body, &type)) {
		add_header(out, "Content-Type", type);
		buffer_format(out, "Content-Length: %zu\r\n", body.length);
	} else if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
		buffer_add_string(out, "Content-Length: 0\r\n");
	}
	add_checksum(out, call, body);
	buffer_add_string(out, "\r\n");
	buffer_add_text(out, body);
	free(dumped);
}

static void write_request(struct buffer *out, const struct call *call, const char *host)
{
	buffer_format(out, "%s ", call->method);
	add_path(out, call->path);
	buffer_format(out, " HTTP/1.1\r\nHost: %s\r\n", host);
	add_header(out, "Idempotency-Key", call->key);
	add_header(out, "X-Correlation-Id", call->correlation);
	add_header(out, "traceparent", call->traceparent);
	add_header(out, "X-User", call->user);
	if (call->headers)
		buffer_add_string(out, call->headers);
	add_body(out, call);
}

/* --- one attempt --- */

static bool is_idempotent(const char *method)
{
	static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

/* What it said before, it says again: it remembers well. */
static bool is_replayed(const struct answer *answer)
{
	struct text value;

	return http1_header(buffer_text(&answer->headers), "Idempotent-Replayed", &value) &&
	       text_is(value, "true");
}

/*
 * The other side is out of order, whoever's fault that is; a refusal (4xx) is in order. So is an
 * error that is only kept: a breaker opened by it would keep anyone from looking up what happened.
 */
static bool is_trouble(const struct answer *answer)
{
	if (answer->result != CALL_ANSWERED)
		return true;
	return answer->status >= 500 && answer->status != 501 && !is_replayed(answer);
}

static void forget_answer(struct answer *answer)
{
	answer->status = 0;
	buffer_clear(&answer->body);
	buffer_clear(&answer->headers);
}

static void send_once(struct edge *edge, const struct client_request *request, int64_t timeout_us,
		      struct answer *answer)
{
	static const enum call_result results[] = {
		[CLIENT_ANSWERED] = CALL_ANSWERED,
		[CLIENT_TIMEOUT] = CALL_TIMEOUT,
		[CLIENT_BROKEN] = CALL_BROKEN,
		[CLIENT_REFUSED] = CALL_REFUSED,
	};
	struct client_answer got = { .headers = answer->headers, .body = answer->body };

	answer->result = results[client_exchange(edge->client, request, timeout_us, &got)];
	if (answer->result == CALL_ANSWERED && !request->is_head &&
	    !checksum_fits(buffer_text(&got.headers),
			   checksum_of_answer(got.status, buffer_text(&got.body))))
		answer->result = CALL_BROKEN;
	answer->status = answer->result == CALL_ANSWERED ? got.status : 0;
	answer->headers = got.headers;
	answer->body = got.body;
}

static enum admission admit(struct edge *edge, int attempts)
{
	if (attempts > 0 && bug(BUG_UNBOUNDED_RETRIES))
		return ADMITTED; /* the loop is inside the breaker instead of around it */
	return breaker_admit(&edge->breaker, clock_now_us());
}

static void attempt(struct service *service, struct edge *edge,
		    const struct client_request *request, enum admission admission,
		    int64_t timeout_us, struct answer *answer)
{
	forget_answer(answer);
	if (admission == ADMITTED_NOT) {
		answer->result = CALL_OPEN;
	} else {
		send_once(edge, request, timeout_us, answer);
		breaker_report(&edge->breaker, admission, !is_trouble(answer), clock_now_us());
	}
	metric_add(service, "calls_total", edge->results[answer->result], 1);
}

/* --- attempts --- */

static bool may_repeat(const struct answer *answer, bool safe)
{
	if (answer->result == CALL_OPEN)
		return false; /* the next attempt would fare no better */
	if (answer->result == CALL_REFUSED)
		return true;
	return is_trouble(answer) && safe;
}

/* Full jitter: those that failed together do not come back together. */
static int64_t backoff_us(struct service *service, int attempts)
{
	int64_t most = BACKOFF_FIRST_US;

	for (int i = 1; i < attempts && i < DOUBLINGS_MAX; i++)
		most *= 2;
	if (most > BACKOFF_MAX_US)
		most = BACKOFF_MAX_US;
	return random_between(&service->random, 0, most);
}

static void try_until_done(struct service *service, struct edge *edge, const struct call *call,
			   const struct client_request *request, struct answer *answer)
{
	int64_t timeout_us =
		call->timeout_us ? call->timeout_us : service->settings->call_timeout_us;
	int attempts = 0;

	if (timeout_us <= 0)
		timeout_us = TIMEOUT_DEFAULT_US;
	for (;;) {
		attempt(service, edge, request, admit(edge, attempts), timeout_us, answer);
		attempts++;
		if (!may_repeat(answer, request->repeatable))
			return;
		if (attempts > call->retries && !bug(BUG_UNBOUNDED_RETRIES))
			return;
		metric_add(service, "call_retries_total", edge->labels, 1);
		task_sleep_us(bug(BUG_UNBOUNDED_RETRIES) ? 0 : backoff_us(service, attempts));
	}
}

static void parse_answer(const struct call *call, struct answer *answer)
{
	if (answer->result != CALL_ANSWERED || call->as_bytes || !answer->body.length)
		return;
	answer->json = json_read(buffer_text(&answer->body), NULL);
}

void service_call(struct service *service, const struct call *call, struct answer *answer)
{
	struct edge *edge = find_edge(service, call->edge);
	struct buffer bytes = BUFFER_EMPTY;
	struct client_request request = {
		.is_head = strcmp(call->method, "HEAD") == 0,
		.repeatable = !call->once && (call->key || is_idempotent(call->method)),
	};

	*answer = (struct answer){ .result = CALL_REFUSED };
	if (!edge->client)
		return;
	write_request(&bytes, call, client_host(edge->client));
	request.bytes = buffer_text(&bytes);
	try_until_done(service, edge, call, &request, answer);
	buffer_release(&bytes);
	parse_answer(call, answer);
}

void answer_release(struct answer *answer)
{
	if (!answer)
		return;
	json_decref(answer->json);
	answer->json = NULL;
	buffer_release(&answer->body);
	buffer_release(&answer->headers);
}

/* The caller's Idempotency-Key is not passed on: what it stands for ends at this service. */
struct call call_for(const struct request *request, const char *edge, const char *method,
		     const char *path)
{
	return (struct call){
		.edge = edge,
		.method = method,
		.path = path,
		.headers = request->is_admin ? "X-Role: admin\r\n" : NULL,
		.retries = request->service->settings->call_retries,
		.correlation = request->correlation,
		.traceparent = request->traceparent,
		.user = request->user,
	};
}
