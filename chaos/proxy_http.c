#include "chaos/proxy_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

struct http {
	struct relay *relay;
};

struct http *http_new(struct relay *relay)
{
	struct http *http = memory_new(sizeof(*http));

	http->relay = relay;
	return http;
}

void http_free(struct http *http)
{
	free(http);
}

void http_bytes(struct http *http, enum flow flow, struct text bytes)
{
	flow_pass(http->relay, flow, bytes);
}

void http_end(struct http *http, enum flow flow)
{
	flow_end(http->relay, flow);
}

void http_room(struct http *http, enum flow flow)
{
	(void)http;
	(void)flow;
}

void http_forget(struct http *http, const struct armed *armed)
{
	(void)http;
	(void)armed;
}

void http_changed(struct http *http, struct armed *armed)
{
	(void)http;
	(void)armed;
}

void http_copies_forget(struct proxy_core *core, const struct armed *armed)
{
	(void)core;
	(void)armed;
}

void http_copies_free(struct proxy_core *core)
{
	(void)core;
}
