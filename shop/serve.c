/*
 * Requests to handlers, and their replies. Everything that can go wrong before a handler is called
 * is said here; each handler runs as a task of its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/hist.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/server.h"
#include "lib/utf8.h"
#include "shop/checksum.h"
#include "shop/frame.h"

enum {
	ROUTES_MAX = 64,
	TASKS_MAX = 4096, /* more at a time would only wait longer */
	KEY_MAX_BYTES = 255,
};

struct compiled_route {
	const struct route *route;
	struct path_parts pattern;
	uint64_t by_class[6]; /* 2xx at 2 */
	struct hist *latency;
};

struct serving {
	struct compiled_route routes[ROUTES_MAX];
	size_t count;
	struct compiled_route otherwise; /* what fits no route */
	struct buffer headers, body;     /* of the reply that is being written */
};

struct asked {
	struct request request;
	struct reply reply;
	struct server_call *call;
	struct compiled_route *route;
	struct arena arena;
	struct text content_type;
	int64_t start_us;
};

/* Routes that every service has. */

static void get_health(struct request *request, struct reply *reply)
{
	reply_json(reply, 200,
		   json_pack("{s:s, s:s}", "status", "ok", "service",
			     request->service->kind->name));
}

static void get_ready(struct request *request, struct reply *reply)
{
	const struct service *service = request->service;
	const char *status = service->ending ? "ending" : service->ready ? "ready" : "starting";

	reply_json(reply, service->ready && !service->ending ? 200 : 503,
		   json_pack("{s:s, s:s}", "status", status, "service", service->kind->name));
}

static void get_metrics(struct request *request, struct reply *reply)
{
	struct service *service = request->service;

	calls_metrics(service);
	metric_set(service, "tasks", NULL, tasks_alive());
	if (service->store)
		metric_set(service, "store_groups", NULL, (double)store_groups(service->store));
	metrics_write(service, &reply->raw);
	serve_metrics(service, &reply->raw);
	reply->status = 200;
	reply->content_type = "text/plain; version=0.0.4";
}

static void get_breakers(struct request *request, struct reply *reply)
{
	reply_json(reply, 200, json_pack("{s:o}", "items", calls_breakers(request->service)));
}

static const struct route frame_routes[] = {
	{ "GET", "/internal/breakers", get_breakers },
	{ "GET", "/health", get_health },
	{ "GET", "/ready", get_ready },
	{ "GET", "/metrics", get_metrics },
	ROUTES_END
};

static void add_routes(struct serving *serving, const struct route *routes)
{
	for (; routes && routes->method; routes++) {
		struct compiled_route *compiled = &serving->routes[serving->count];

		if (serving->count == ROUTES_MAX ||
		    !path_split(text_of(routes->pattern), &compiled->pattern)) {
			fprintf(stderr, "too many routes, or not one: '%s'\n", routes->pattern);
			abort();
		}
		compiled->route = routes;
		compiled->latency = hist_new(2);
		serving->count++;
	}
}

void serve_init(struct service *service)
{
	static const struct route unrouted = { "*", "other", NULL };
	struct serving *serving = memory_new(sizeof(*serving));

	service->serving = serving;
	add_routes(serving, service->kind->routes);
	if (service->store)
		add_routes(serving, publish_routes);
	add_routes(serving, frame_routes);
	serving->otherwise.route = &unrouted;
	serving->otherwise.latency = hist_new(2);
}

void serve_release(struct service *service)
{
	struct serving *serving = service->serving;

	if (!serving)
		return;
	for (size_t i = 0; i < serving->count; i++)
		hist_free(serving->routes[i].latency);
	hist_free(serving->otherwise.latency);
	buffer_release(&serving->headers);
	buffer_release(&serving->body);
	free(serving);
	service->serving = NULL;
}

/* Reading a request. */

/* Texts that handlers get as strings: UTF-8, no control characters. */
static bool is_clean(struct text text)
{
	const char *at = text.data, *end = text.data + text.length;

	while (at < end) {
		size_t length = utf8_length(at, end);

		if (length == 0 || (unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
		at += length;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Percent-decoded; NULL if it does not become clean text. */
static const char *decode(struct arena *arena, struct text raw)
{
	char *out = arena_string(arena, raw);
	size_t length = 0;

	for (size_t i = 0; i < raw.length; i++, length++) {
		out[length] = raw.data[i];
		if (raw.data[i] != '%')
			continue;
		if (i + 2 >= raw.length || hex_digit(raw.data[i + 1]) < 0 ||
		    hex_digit(raw.data[i + 2]) < 0)
			return NULL;
		out[length] = (char)(hex_digit(raw.data[i + 1]) << 4 | hex_digit(raw.data[i + 2]));
		i += 2;
	}
	out[length] = '\0';
	return is_clean((struct text){ out, length }) ? out : NULL;
}

static bool method_fits(const struct route *route, struct text method)
{
	return route->method[0] == '*' || text_is(method, route->method) ||
	       (text_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

/* `*other_method`: the path is known, the method is not. */
static struct compiled_route *find_route(struct serving *serving, struct text method,
					 const struct path_parts *path, struct text found[4],
					 bool *other_method)
{
	for (size_t i = 0; i < serving->count; i++) {
		struct compiled_route *route = &serving->routes[i];

		if (!route_fits(&route->pattern, path, found))
			continue;
		if (method_fits(route->route, method))
			return route;
		*other_method = true;
	}
	return &serving->otherwise;
}

static bool is_printable(struct text value, size_t longest)
{
	for (size_t i = 0; i < value.length; i++)
		if (value.data[i] <= 0x20 || value.data[i] >= 0x7f)
			return false;
	return value.length > 0 && value.length <= longest;
}

/* "00-<32 hex>-<16 hex>-<2 hex>" */
static bool is_traceparent(struct text value)
{
	for (size_t i = 0; i < value.length; i++) {
		bool dash = i == 2 || i == 35 || i == 52;

		if (dash ? value.data[i] != '-' : hex_digit(value.data[i]) < 0)
			return false;
	}
	return value.length == 55;
}

static const char *keep(struct asked *asked, struct text value)
{
	return arena_string(&asked->arena, value);
}

static void read_header(struct asked *asked, struct text name, struct text value)
{
	struct request *request = &asked->request;
	bool believed = !request->service->kind->outside;

	if (name.length == 12 && text_is_nocase(name, "Content-Type"))
		asked->content_type = value;
	else if (name.length == 15 && text_is_nocase(name, "Idempotency-Key"))
		request->key = keep(asked, value);
	else if (name.length == 16 && text_is_nocase(name, "X-Correlation-Id")) {
		if (is_printable(value, 128))
			request->correlation = keep(asked, value);
	} else if (name.length == 11 && text_is_nocase(name, "traceparent")) {
		if (is_traceparent(value))
			request->traceparent = keep(asked, value);
	} else if (name.length == 6 && believed && text_is_nocase(name, "X-User"))
		request->user = is_printable(value, 128) ? keep(asked, value) : NULL;
	else if (name.length == 6 && believed && text_is_nocase(name, "X-Role"))
		request->is_admin = text_is(value, "admin");
}

static void read_headers(struct asked *asked)
{
	struct text rest = asked->request.headers, name, value;
	struct service *service = asked->request.service;
	struct random *random = &service->random;

	while (http1_next_header(&rest, &name, &value))
		read_header(asked, name, value);
	if (!asked->request.correlation)
		asked->request.correlation = make_id(service, &asked->arena, "cor_");
	if (!asked->request.traceparent)
		asked->request.traceparent =
			arena_format(&asked->arena, "00-%016llx%016llx-%016llx-01",
				     (unsigned long long)random_next(random),
				     (unsigned long long)random_next(random),
				     (unsigned long long)random_next(random));
}

static struct asked *asked_new(struct service *service, struct server_call *call)
{
	struct arena arena = ARENA_EMPTY;
	struct asked *asked = arena_new(&arena, sizeof(*asked));

	asked->arena = arena;
	asked->call = call;
	asked->start_us = clock_now_us();
	asked->route = &service->serving->otherwise;
	asked->request = (struct request){
		.service = service,
		.arena = &asked->arena,
		.method = arena_string(&asked->arena, server_method(call)),
		.path = arena_string(&asked->arena, server_path(call)),
		.query = server_query(call),
		.headers = server_headers(call),
		.body = server_body(call),
		.peer = server_peer(call),
		.connection = server_connection(call),
	};
	read_headers(asked);
	return asked;
}

static bool refuse(struct asked *asked, int status, const char *code, const char *message)
{
	reply_error(&asked->request, &asked->reply, status, code, "%s", message);
	return false;
}

static bool says_json(struct text content_type)
{
	return text_starts_with(content_type, "application/json");
}

static bool looks_like_json(struct text body)
{
	body = text_trim(body);
	return body.length && (body.data[0] == '{' || body.data[0] == '[');
}

static bool read_json(struct asked *asked)
{
	struct request *request = &asked->request;
	struct error err;

	if (request->service->kind->raw_bodies || request->body.length == 0)
		return true;
	if (!says_json(asked->content_type) && !looks_like_json(request->body))
		return true;
	request->json = json_read(request->body, &err);
	if (request->json)
		return true;
	reply_error(request, &asked->reply, 400, "bad_json", "the body is no JSON: %s", err.text);
	return false;
}

static bool check_texts(struct asked *asked, const struct text found[4])
{
	struct request *request = &asked->request;

	for (size_t i = 0; i < 4; i++) {
		if (!found[i].data)
			continue;
		request->parameters[i] = decode(&asked->arena, found[i]);
		if (!request->parameters[i])
			return refuse(asked, 400, "bad_path", "the path is not clean text");
	}
	if (request->query.length && !decode(&asked->arena, request->query))
		return refuse(asked, 400, "bad_query", "the query is not clean text");
	if (request->key && !is_printable(text_of(request->key), KEY_MAX_BYTES))
		return refuse(asked, 400, "bad_key",
			      "an Idempotency-Key is 1 to 255 printable characters");
	return true;
}

/* Of who stands at the edge, nobody outside says a sum. */
static bool is_unaltered(const struct asked *asked)
{
	struct server_call *call = asked->call;
	const struct checked_request request = { server_method(call), server_path(call),
						 server_query(call), server_headers(call),
						 server_body(call) };

	return asked->request.service->kind->outside ||
	       checksum_fits(request.headers, checksum_of_request(&request));
}

/* False: a refusal is in the reply. */
static bool read_request(struct asked *asked)
{
	struct service *service = asked->request.service;
	struct text found[4] = { { NULL, 0 } };
	struct path_parts parts;
	bool other_method = false;

	if (!is_unaltered(asked))
		return refuse(asked, 503, "altered", "this is not what was sent; send it again");
	if (path_split(server_path(asked->call), &parts))
		asked->route = find_route(service->serving, server_method(asked->call), &parts,
					  found, &other_method);
	if (!asked->route->route->handle && !service->kind->otherwise)
		return other_method ? refuse(asked, 405, "bad_method", "not by this method") :
				      refuse(asked, 404, "not_found", "there is nothing here");
	if (tasks_alive() >= TASKS_MAX) {
		buffer_add_string(&asked->reply.headers, "Retry-After: 1\r\n");
		return refuse(asked, 503, "overloaded", "too much to do");
	}
	return check_texts(asked, found) && read_json(asked);
}

/* Replying. */

static void write_headers(struct asked *asked, struct buffer *out)
{
	const char *content_type =
		asked->reply.json ? "application/json" : asked->reply.content_type;

	buffer_clear(out);
	if (content_type) {
		buffer_add_string(out, "Content-Type: ");
		buffer_add_string(out, content_type);
		buffer_add(out, "\r\n", 2);
	}
	buffer_add_string(out, "X-Correlation-Id: ");
	buffer_add_string(out, asked->request.correlation);
	buffer_add_string(out, "\r\ntraceparent: ");
	buffer_add_string(out, asked->request.traceparent);
	buffer_add(out, "\r\n", 2);
	if (asked->request.service->kind->headers)
		buffer_add_string(out, asked->request.service->kind->headers);
	buffer_add_text(out, buffer_text(&asked->reply.headers));
}

static struct text write_json(const json_t *json, struct buffer *out)
{
	size_t needed;

	buffer_clear(out);
	buffer_reserve(out, 4096);
	needed = json_dumpb(json, out->data, out->room, JSON_COMPACT);
	if (needed > out->room) {
		buffer_reserve(out, needed);
		needed = json_dumpb(json, out->data, out->room, JSON_COMPACT);
	}
	return (struct text){ out->data, needed };
}

static void count_reply(struct asked *asked)
{
	int class = asked->reply.status / 100;

	asked->route->by_class[class >= 1 && class <= 5 ? class : 0]++;
	hist_record(asked->route->latency, clock_now_us() - asked->start_us);
}

static void send_reply(struct asked *asked)
{
	struct serving *serving = asked->request.service->serving;
	struct reply *reply = &asked->reply;
	struct text body = buffer_text(&reply->raw);

	if (reply->status == 0) /* a handler that forgot to say anything */
		refuse(asked, 500, "internal", "no reply");
	if (reply->json)
		body = write_json(reply->json, &serving->body);
	write_headers(asked, &serving->headers);
	if (!asked->request.service->kind->outside)
		checksum_write(&serving->headers, checksum_of_answer(reply->status, body));
	count_reply(asked);
	server_reply(asked->call, reply->status, buffer_text(&serving->headers), body);
}

static void finish(struct asked *asked)
{
	struct arena arena = asked->arena;

	send_reply(asked);
	json_decref(asked->request.json);
	json_decref(asked->reply.json);
	buffer_release(&asked->reply.raw);
	buffer_release(&asked->reply.headers);
	arena_release(&arena);
}

static void run_handler(void *context)
{
	struct asked *asked = context;
	struct service *service = asked->request.service;
	handler *handle = asked->route->route->handle;

	if (!handle)
		handle = service->kind->otherwise;
	handle(&asked->request, &asked->reply);
	store_settle(service->store); /* nobody is told what might still be lost */
	finish(asked);
}

void serve_call(void *context, struct server_call *call)
{
	struct asked *asked = asked_new(context, call);

	if (read_request(asked))
		task_start(run_handler, asked);
	else
		finish(asked);
}

/* Telling. */

static void write_route(const struct compiled_route *compiled, struct buffer *out)
{
	const struct route *route = compiled->route;

	for (int class = 1; class <= 5; class ++)
		if (compiled->by_class[class])
			buffer_format(out,
				      "shop_requests_total{method=\"%s\",route=\"%s\","
				      "status=\"%dxx\"} %llu\n",
				      route->method, route->pattern, class,
				      (unsigned long long)compiled->by_class[class]);
}

static void write_latency(const struct compiled_route *compiled, struct buffer *out)
{
	static const char name[] = "shop_request_duration_seconds";
	static const double quantiles[] = { 0.5, 0.9, 0.99 };
	const struct route *route = compiled->route;

	if (compiled->latency->total == 0)
		return;
	for (size_t i = 0; i < 3; i++)
		buffer_format(out, "%s{method=\"%s\",route=\"%s\",quantile=\"%g\"} %.6f\n", name,
			      route->method, route->pattern, quantiles[i],
			      (double)hist_quantile(compiled->latency, quantiles[i]) / 1e6);
	buffer_format(out, "%s_sum{method=\"%s\",route=\"%s\"} %.6f\n", name, route->method,
		      route->pattern, compiled->latency->sum / 1e6);
	buffer_format(out, "%s_count{method=\"%s\",route=\"%s\"} %llu\n", name, route->method,
		      route->pattern, (unsigned long long)compiled->latency->total);
}

static void write_each(const struct serving *serving, struct buffer *out,
		       void (*write)(const struct compiled_route *route, struct buffer *out))
{
	for (size_t i = 0; i < serving->count; i++)
		write(&serving->routes[i], out);
	write(&serving->otherwise, out);
}

void serve_metrics(struct service *service, struct buffer *out)
{
	buffer_add_string(out, "# TYPE shop_requests_total counter\n");
	write_each(service->serving, out, write_route);
	buffer_add_string(out, "# TYPE shop_request_duration_seconds summary\n");
	write_each(service->serving, out, write_latency);
}
