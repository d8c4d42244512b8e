/*
 * gateway: the only way in. Who asks, how often, and of whom.
 *
 * It looks at the head of a request and passes its body through as bytes, both ways: what the
 * services say, the client gets. It keeps nothing, and repeats nothing that might have happened.
 */
#include "shop/services.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "shop/jwt.h"
#include "shop/frame.h"
#include "shop/limiter.h"
#include "shop/service.h"
#include "shop/settings.h"

enum {
	BODY_MAX_BYTES = 64 * 1024,
	USER_SHARE = 10, /* one user gets at most one part in ten of what all get */
	HEALTH_TIMEOUT_US = 1000000,
};

struct gateway {
	struct jwt_key *key;
	struct limiter *all, *users;
	struct limiter *logins; /* per address: nobody is signed in yet */
};

enum access {
	ANYONE,
	SIGNED_IN, /* what is whose is for the service to judge */
	ADMIN,
};

enum patience {
	ONE_CALL,
	ONE_SAGA, /* whoever placed an order may wait until it is settled */
};

struct gateway_route {
	const char *method; /* "*": any */
	const char *prefix; /* whole parts of a path */
	enum access access;
	const char *edge;
	enum patience patience;
	bool is_login;
};

/* The first that fits wins. What is under /internal/ is in no table. */
static const struct gateway_route table[] = {
	{ "POST", "/api/auth/register", ANYONE, "auth", ONE_CALL, true },
	{ "POST", "/api/auth/login", ANYONE, "auth", ONE_CALL, true },
	{ "POST", "/api/auth/refresh", ANYONE, "auth", ONE_CALL, true },
	{ "*", "/api/auth", SIGNED_IN, "auth", ONE_CALL, false },
	{ "*", "/api/users", SIGNED_IN, "auth", ONE_CALL, false },
	{ "GET", "/api/products", ANYONE, "catalog", ONE_CALL, false },
	{ "*", "/api/products", SIGNED_IN, "catalog", ONE_CALL, false },
	{ "GET", "/api/recommendations", ANYONE, "catalog", ONE_CALL, false },
	{ "*", "/api/cart", SIGNED_IN, "order", ONE_CALL, false },
	{ "*", "/api/coupons", SIGNED_IN, "order", ONE_CALL, false },
	{ "GET", "/api/orders", SIGNED_IN, "order", ONE_CALL, false },
	{ "*", "/api/orders", SIGNED_IN, "order", ONE_SAGA, false },
	{ "*", "/api/payments", SIGNED_IN, "payment", ONE_CALL, false },
	{ "GET", "/api/inventory/movements", SIGNED_IN, "inventory", ONE_CALL, false },
	{ "GET", "/api/inventory", ANYONE, "inventory", ONE_CALL, false },
	{ "*", "/api/inventory", SIGNED_IN, "inventory", ONE_CALL, false },
	{ "*", "/api/notifications", SIGNED_IN, "notification", ONE_CALL, false },
	{ "GET", "/api/events", ADMIN, "bus", ONE_CALL, false },
	{ "GET", "/api/replica", ADMIN, "sync", ONE_CALL, false }, /* with several regions */
};

static const char *const behind[] = { "auth",    "catalog",      "order", "payment",
				      "inventory", "notification", "bus", "sync" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char security_headers[] = "X-Content-Type-Options: nosniff\r\n"
				       "X-Frame-Options: DENY\r\n"
				       "Content-Security-Policy: default-src 'none'\r\n"
				       "Referrer-Policy: no-referrer\r\n"
				       "Strict-Transport-Security: max-age=31536000\r\n"
				       "Cache-Control: no-store\r\n";

static struct gateway *gateway_of(const struct request *request)
{
	return request->service->own;
}

/* Where to. */

/* A HEAD is a GET of which the frame keeps the body back; NULL: a method that is not served. */
static const char *method_of(const struct request *request)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };

	if (strcmp(request->method, "HEAD") == 0)
		return "GET";
	for (size_t i = 0; i < COUNT(methods); i++)
		if (strcmp(request->method, methods[i]) == 0)
			return methods[i];
	return NULL;
}

static bool is_under(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_there(const struct service *service, const char *edge)
{
	return shop_edge_url(service->settings, service->kind->name, edge);
}

static const struct gateway_route *find_route(const struct request *request)
{
	const char *method = method_of(request);

	for (size_t i = 0; method && i < COUNT(table); i++)
		if (is_under(request->path, table[i].prefix) &&
		    (table[i].method[0] == '*' || strcmp(table[i].method, method) == 0))
			return is_there(request->service, table[i].edge) ? &table[i] : NULL;
	return NULL;
}

/* One dot, as it is or encoded; returns what follows, or NULL. */
static const char *skip_dot(const char *p)
{
	if (*p == '.')
		return p + 1;
	return strncasecmp(p, "%2e", 3) == 0 ? p + 3 : NULL;
}

/* "/api/products/../../internal": nobody means well with that, and readers differ over it. */
static bool has_dot_segment(const char *path)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p, '/')) {
		const char *end = skip_dot(++p);
		const char *second = end ? skip_dot(end) : NULL;

		if (second)
			end = second;
		if (end && (*end == '/' || *end == '\0'))
			return true;
	}
	return false;
}

/* Who. */

struct visitor {
	const char *user; /* NULL: nobody */
	bool is_admin;
	enum jwt_result why_not;
};

static void identify(struct request *request, struct visitor *visitor)
{
	struct jwt_claims claims;
	struct text value;

	*visitor = (struct visitor){ .why_not = JWT_MALFORMED };
	if (!http1_header(request->headers, "Authorization", &value) || value.length < 7 ||
	    !text_is_nocase((struct text){ value.data, 7 }, "Bearer "))
		return;
	value = text_trim((struct text){ value.data + 7, value.length - 7 });
	visitor->why_not = jwt_verify(gateway_of(request)->key, value, clock_wall_us() / US_PER_S,
				      request->arena, &claims);
	if (visitor->why_not != JWT_VALID)
		return;
	visitor->user = claims.subject;
	visitor->is_admin = strcmp(claims.role, "admin") == 0;
}

static bool may_pass(struct request *request, struct reply *reply,
		     const struct gateway_route *route, const struct visitor *visitor)
{
	if (route->access == ANYONE)
		return true;
	if (!visitor->user) {
		bool expired = visitor->why_not == JWT_EXPIRED;

		buffer_add_string(&reply->headers, "WWW-Authenticate: Bearer\r\n");
		reply_error(request, reply, 401, expired ? "token_expired" : "unauthorized",
			    expired ? "this token has expired" : "a valid token is needed");
		return false;
	}
	if (route->access == ADMIN && !visitor->is_admin) {
		reply_error(request, reply, 403, "forbidden", "this is for admins");
		return false;
	}
	return true;
}

/* How often. */

static bool refuse(struct request *request, struct reply *reply, const char *limit, int64_t wait_us)
{
	char labels[32];

	snprintf(labels, sizeof(labels), "limit=\"%s\"", limit);
	metric_add(request->service, "rate_limited_total", labels, 1);
	buffer_format(&reply->headers, "Retry-After: %lld\r\n",
		      (long long)((wait_us + US_PER_S - 1) / US_PER_S));
	reply_error(request, reply, 429, "rate_limited", "too many requests (%s)", limit);
	return false;
}

/* With the bug each connection is counted for itself, as if each had a gateway of its own. */
static struct text limit_key(struct request *request, const char *key)
{
	if (bug(BUG_LIMITER_PER_INSTANCE))
		key = arena_format(request->arena, "%llu %s",
				   (unsigned long long)request->connection, key);
	return text_of(key);
}

/* Whoever is refused takes nothing from the others: the bucket for all comes last. */
static bool is_within_limits(struct request *request, struct reply *reply,
			     const struct gateway_route *route, const struct visitor *visitor)
{
	struct gateway *gateway = gateway_of(request);
	struct text user = limit_key(request, visitor->user ? visitor->user : "");
	struct text peer = limit_key(request, request->peer);
	int64_t now_us = clock_now_us(), wait_us;

	if (visitor->user && !limiter_take(gateway->users, user, now_us, &wait_us))
		return refuse(request, reply, "user", wait_us);
	if (route->is_login && !limiter_take(gateway->logins, peer, now_us, &wait_us))
		return refuse(request, reply, "logins", wait_us);
	if (limiter_take(gateway->all, limit_key(request, ""), now_us, &wait_us))
		return true;
	if (visitor->user)
		limiter_return(gateway->users, user);
	if (route->is_login)
		limiter_return(gateway->logins, peer);
	return refuse(request, reply, "all", wait_us);
}

/* There and back. */

static struct call call_upstream(struct request *request, const struct gateway_route *route,
				 const struct visitor *visitor)
{
	const struct shop_settings *settings = request->service->settings;
	struct call call = call_for(request, route->edge, method_of(request), request->path);
	struct text type;

	if (request->query.length)
		call.path = arena_format(request->arena, "%s?%.*s", request->path,
					 TEXT_ARG(request->query));
	call.bytes = request->body;
	if (request->body.length && http1_header(request->headers, "Content-Type", &type))
		call.content_type = arena_string(request->arena, type);
	call.key = request->key;
	call.user = visitor->user;
	call.headers = !visitor->user	 ? NULL :
		       visitor->is_admin ? "X-Role: admin\r\n" :
					   "X-Role: customer\r\n";
	call.as_bytes = true;
	if (route->patience == ONE_SAGA)
		call.timeout_us = settings->saga_deadline_us + settings->call_timeout_us;
	/* What a service makes of a key is its affair; whether to ask again, the client's. */
	call.once = strcmp(call.method, "GET") != 0;
	call.retries = call.once ? 0 : 1;
	return call;
}

static bool is_passed_on(struct text name)
{
	static const char *const names[] = { "Retry-After", "Location", "Allow", "ETag",
					     "Idempotent-Replayed" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (text_is_nocase(name, names[i]))
			return true;
	return false;
}

static void pass_headers(struct request *request, struct reply *reply, struct text rest)
{
	struct text name, value;

	while (http1_next_header(&rest, &name, &value)) {
		if (text_is_nocase(name, "Content-Type"))
			reply->content_type = arena_string(request->arena, value);
		else if (is_passed_on(name))
			buffer_format(&reply->headers, "%.*s: %.*s\r\n", TEXT_ARG(name),
				      TEXT_ARG(value));
	}
}

/* After our 503 it did certainly not happen; after a 502 or 504 nobody knows. */
static void reply_unanswered(struct request *request, struct reply *reply, const char *edge,
			     enum call_result result)
{
	if (result == CALL_TIMEOUT) {
		reply_error(request, reply, 504, "upstream_timeout", "no answer in time from %s",
			    edge);
	} else if (result == CALL_BROKEN) {
		reply_error(request, reply, 502, "upstream_broken", "no whole answer from %s",
			    edge);
	} else {
		buffer_add_string(&reply->headers, "Retry-After: 1\r\n");
		reply_error(request, reply, 503, "upstream_unavailable", "%s cannot be reached",
			    edge);
	}
}

static void forward(struct request *request, struct reply *reply, const struct gateway_route *route,
		    const struct visitor *visitor)
{
	struct call call = call_upstream(request, route, visitor);
	struct answer answer;

	service_call(request->service, &call, &answer);
	if (bug(BUG_GATEWAY_REPLAYS) && answer.result == CALL_TIMEOUT &&
	    strcmp(call.method, "POST") == 0) {
		/* "It got lost; sent as a new request it will get through." */
		call.key = make_id(request->service, request->arena, "gw_");
		answer_release(&answer);
		service_call(request->service, &call, &answer);
	}
	if (answer.result != CALL_ANSWERED) {
		reply_unanswered(request, reply, route->edge, answer.result);
	} else {
		reply->status = answer.status;
		pass_headers(request, reply, buffer_text(&answer.headers));
		buffer_release(&reply->raw);
		reply->raw = answer.body;
		answer.body = (struct buffer)BUFFER_EMPTY;
	}
	answer_release(&answer);
}

static bool is_well_formed(struct request *request, struct reply *reply)
{
	if (!method_of(request)) {
		buffer_add_string(&reply->headers, "Allow: GET, HEAD, POST, PUT, DELETE\r\n");
		reply_error(request, reply, 405, "method_not_allowed", "this method is not served");
		return false;
	}
	if (has_dot_segment(request->path)) {
		reply_error(request, reply, 400, "bad_path", "dot segments are not served");
		return false;
	}
	if (request->body.length > BODY_MAX_BYTES) {
		reply_error(request, reply, 413, "body_too_large", "a body has at most %d bytes",
			    BODY_MAX_BYTES);
		return false;
	}
	return true;
}

static void enter(struct request *request, struct reply *reply)
{
	const struct gateway_route *route;
	struct visitor visitor;

	if (!is_well_formed(request, reply))
		return;
	route = find_route(request);
	if (!route) {
		reply_error(request, reply, 404, "not_found", "there is nothing here");
		return;
	}
	identify(request, &visitor);
	if (is_within_limits(request, reply, route, &visitor) &&
	    may_pass(request, reply, route, &visitor))
		forward(request, reply, route, &visitor);
}

/* Health of those behind. */

static bool is_behind(const char *name)
{
	for (size_t i = 0; i < COUNT(behind); i++)
		if (strcmp(behind[i], name) == 0)
			return true;
	return false;
}

static bool is_healthy(struct service *service, const char *name)
{
	struct call call = { .edge = name,
			     .method = "GET",
			     .path = "/health",
			     .timeout_us = HEALTH_TIMEOUT_US,
			     .as_bytes = true };
	struct answer answer;
	bool healthy;

	service_call(service, &call, &answer);
	healthy = answer_is(&answer, 200);
	answer_release(&answer);
	return healthy;
}

static void get_health_of(struct request *request, struct reply *reply)
{
	const char *name = request->parameters[0];
	bool healthy;

	if (!is_behind(name) || !is_there(request->service, name)) {
		reply_error(request, reply, 404, "not_found", "there is no such service");
		return;
	}
	healthy = is_healthy(request->service, name);
	reply_json(reply, healthy ? 200 : 503,
		   json_pack("{s:s, s:s}", "status", healthy ? "ok" : "unreachable", "service",
			     name));
}

struct round_call {
	struct service *service;
	struct task *asker;
	size_t left;
	bool waiting;
};

struct probe {
	struct round_call *round;
	const char *name;
	bool healthy;
};

static void run_probe(void *context)
{
	struct probe *probe = context;
	struct round_call *round = probe->round;

	probe->healthy = is_healthy(round->service, probe->name);
	if (--round->left == 0 && round->waiting)
		task_wake(round->asker);
}

/* All at once, so that one who hangs delays the answer by one timeout, not the others. */
static void get_health_of_all(struct request *request, struct reply *reply)
{
	struct round_call round = { request->service, task_self(), 0, false };
	struct probe probes[COUNT(behind)];
	json_t *services = json_object();
	bool healthy = true;
	size_t count = 0;

	for (size_t i = 0; i < COUNT(behind); i++)
		if (is_there(request->service, behind[i]))
			probes[count++] = (struct probe){ &round, behind[i], false };
	round.left = count;
	for (size_t i = 0; i < count; i++)
		task_start(run_probe, &probes[i]);
	round.waiting = true;
	while (round.left)
		task_wait();
	for (size_t i = 0; i < count; i++) {
		healthy = healthy && probes[i].healthy;
		json_object_set_new(services, probes[i].name,
				    json_string(probes[i].healthy ? "ok" : "unreachable"));
	}
	reply_json(reply, healthy ? 200 : 503,
		   json_pack("{s:s, s:o}", "status", healthy ? "ok" : "degraded", "services",
			     services));
}

/* Of everyone who can be asked; who can't is behind a breaker of ours, perhaps. */
static void get_breakers(struct request *request, struct reply *reply)
{
	json_t *items = json_array(), *own;

	for (size_t i = 0; i < COUNT(behind); i++) {
		struct call call = call_for(request, behind[i], "GET", "/internal/breakers");
		struct answer answer;

		if (!is_there(request->service, behind[i]))
			continue;
		service_call(request->service, &call, &answer);
		if (answer_is(&answer, 200))
			json_array_extend(items, json_object_get(answer.json, "items"));
		answer_release(&answer);
	}
	own = calls_breakers(request->service);
	json_array_extend(items, own);
	json_decref(own);
	reply_json(reply, 200, json_pack("{s:o}", "items", items));
}

/* A second's worth (of logins: a minute's) may come at once. */
static void started(struct service *service)
{
	const struct shop_settings *settings = service->settings;
	struct gateway *gateway = memory_new(sizeof(*gateway));
	double all = settings->limit_all_per_s, logins = settings->limit_auth_per_minute;

	gateway->key = jwt_key_new(settings->jwt_secret);
	gateway->all = limiter_new(all, all);
	gateway->users = limiter_new(all / USER_SHARE, all / USER_SHARE);
	gateway->logins = limiter_new(logins / 60, logins);
	service->own = gateway;
}

static const struct route routes[] = {
	{ "GET", "/health/all", get_health_of_all },
	{ "GET", "/health/breakers", get_breakers },
	{ "GET", "/health/{service}", get_health_of },
	ROUTES_END
};

const struct service_kind service_gateway = {
	.name = "gateway",
	.routes = routes,
	.started = started,
	.no_store = true,
	.headers = security_headers,
	.raw_bodies = true,
	.outside = true,
	.otherwise = enter,
};
