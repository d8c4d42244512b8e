/*
 * settings: how this shop was started; the same for all of its services.
 */
#ifndef SHOP_SETTINGS_H
#define SHOP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "shop/bugs.h"

enum saga_style { SAGA_ORCHESTRATED, SAGA_CHOREOGRAPHED };

/*
 * Where an edge goes: "order" -> "payment" is http://127.0.0.1:7004 unless rerouted. The provider
 * is "psp" (http://host:port), the mail server "mail" (host:port of its SMTP), and the provider's
 * webhooks are the edge "psp" -> "payment".
 */
struct shop_edge {
	const char *from, *to;
	const char *url; /* "http://host:port" */
};

struct shop_settings {
	const char *directory;    /* for databases */
	const char *region;       /* "" when there is one */
	enum saga_style saga;
	struct shop_edge *edges;
	uint32_t edge_count;
	const char *jwt_secret;
	int64_t token_life_s, refresh_life_s;
	double limit_all_per_s, limit_auth_per_minute; /* 0: no limit */
	int64_t call_timeout_us;
	int call_retries;
	int breaker_failures;
	int64_t breaker_open_us;
	int64_t saga_deadline_us;
	int64_t initial_stock;
	int64_t products;
	bool verbose;
};

/* Where calls from `from` to `to` go; NULL: there is no such edge. */
const char *shop_edge_url(const struct shop_settings *settings, const char *from, const char *to);

#endif
