/* Who there is in a shop: which processes, on which ports, and where their edges go. */
#include "shop/instance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop/services.h"

/* Every connection between two processes, provider and mail included. */
static const struct pair {
	const char *from, *to;
} edges[] = {
	{ "gateway", "auth" },	    { "gateway", "catalog" },	{ "gateway", "order" },
	{ "gateway", "payment" },   { "gateway", "inventory" }, { "gateway", "notification" },
	{ "gateway", "bus" },	    { "order", "catalog" },	{ "order", "inventory" },
	{ "order", "payment" },	    { "order", "auth" },	{ "order", "bus" },
	{ "auth", "bus" },	    { "catalog", "bus" },	{ "inventory", "bus" },
	{ "payment", "bus" },	    { "payment", "psp" },	{ "notification", "bus" },
	{ "notification", "mail" }, { "bus", "auth" },		{ "bus", "catalog" },
	{ "bus", "order" },	    { "bus", "payment" },	{ "bus", "inventory" },
	{ "bus", "notification" },  { "psp", "payment" },
}, edges_of_sync[] = {
	{ "gateway", "sync" }, { "sync", "bus" }, { "bus", "sync" }, { "sync", "catalog" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BACKLOG = 1024 };

/* Ports. */

static bool bind_port(int listener, uint16_t port, struct error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int yes = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(listener, BACKLOG) == 0)
		return true;
	return error_errno(err, "cannot listen on 127.0.0.1:%u", port);
}

static bool listen_on(uint16_t wanted, int *listener, uint16_t *port, struct error *err)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	*listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*listener < 0)
		return error_errno(err, "cannot make a socket");
	if (!bind_port(*listener, wanted, err))
		return false;
	if (getsockname(*listener, (struct sockaddr *)&address, &length) != 0)
		return error_errno(err, "cannot tell the port of a socket");
	*port = ntohs(address.sin_port);
	return true;
}

/* Instances. */

static struct instance *add(struct shop *shop, const char *service, const struct service_kind *kind,
			    size_t region)
{
	struct instance *instance = &shop->instances[shop->count++];
	const char *name = shop->regions[region];

	instance->service = service;
	instance->name =
		*name && kind ? arena_format(&shop->arena, "%s.%s", service, name) : service;
	instance->kind = kind;
	instance->settings = &shop->settings[region];
	instance->listener = instance->smtp_listener = -1;
	return instance;
}

static bool open_ports(const struct shop *shop, struct instance *instance, struct error *err)
{
	bool first_gateway = strcmp(instance->service, "gateway") == 0 &&
			     instance->settings == &shop->settings[0];

	if (!listen_on(first_gateway ? shop->launch->port : 0, &instance->listener, &instance->port,
		       err))
		return false;
	return strcmp(instance->service, "mail") != 0 ||
	       listen_on(0, &instance->smtp_listener, &instance->smtp_port, err);
}

static bool is_rerouted(const struct launch *launch, const char *service)
{
	for (size_t i = 0; launch->reroutes && launch->reroutes[i]; i++) {
		const char *to = strstr(launch->reroutes[i], "->");

		if (to && strncmp(to + 2, service, strlen(service)) == 0 &&
		    to[2 + strlen(service)] == '=' && strncmp(launch->reroutes[i], "*", 1) == 0)
			return true;
	}
	return false;
}

static void add_all(struct shop *shop)
{
	for (size_t region = 0; region < shop->region_count; region++)
		for (size_t i = 0; shop_services[i]; i++)
			if (shop->region_count > 1 || shop_services[i] != &service_sync)
				add(shop, shop_services[i]->name, shop_services[i], region);
	if (!is_rerouted(shop->launch, "psp"))
		add(shop, "psp", NULL, 0);
	if (!is_rerouted(shop->launch, "mail"))
		add(shop, "mail", NULL, 0);
}

/* Edges. */

/* Those of its own region, the counterparties, and "sync.eu" wherever it is. */
static const struct instance *find(const struct shop *shop, const char *service,
				   const struct shop_settings *settings)
{
	for (size_t i = 0; i < shop->count; i++) {
		const struct instance *instance = &shop->instances[i];

		if (strcmp(instance->name, service) == 0 ||
		    (strcmp(instance->service, service) == 0 &&
		     (!instance->kind || instance->settings == settings)))
			return instance;
	}
	return NULL;
}

static size_t edges_max(const struct shop *shop)
{
	return COUNT(edges) + COUNT(edges_of_sync) + shop->region_count;
}

/* What there is in a region; at most edges_max(). The provider knows one shop, the first. */
static size_t list_edges(struct shop *shop, size_t region, struct pair *pairs)
{
	size_t count = 0;

	for (size_t i = 0; i < COUNT(edges); i++)
		if (region == 0 || strcmp(edges[i].from, "psp") != 0)
			pairs[count++] = edges[i];
	if (shop->region_count == 1)
		return count;
	for (size_t i = 0; i < COUNT(edges_of_sync); i++)
		pairs[count++] = edges_of_sync[i];
	for (size_t i = 0; i < shop->region_count; i++) {
		if (i == region)
			continue;
		pairs[count].from = "sync";
		pairs[count++].to = arena_format(&shop->arena, "sync.%s", shop->regions[i]);
	}
	return count;
}

/* "order" is that of each region, "order.us" that of one. */
static bool is_meant(struct text name, const char *service, const char *region)
{
	size_t length = strlen(service);

	if (text_is(name, service))
		return true;
	return name.length > length + 1 && memcmp(name.data, service, length) == 0 &&
	       name.data[length] == '.' &&
	       text_is((struct text){ name.data + length + 1, name.length - length - 1 }, region);
}

struct reroute {
	struct text from, to;
	const char *url;
};

/* "order->payment=URL", "order.us->payment=URL", or "*->psp=URL" for everyone's. */
static bool read_reroute(const char *text, struct reroute *reroute)
{
	const char *arrow = strstr(text, "->"), *equals = strchr(text, '=');

	if (!arrow || !equals || equals < arrow)
		return false;
	reroute->from = (struct text){ text, (size_t)(arrow - text) };
	reroute->to = (struct text){ arrow + 2, (size_t)(equals - arrow - 2) };
	reroute->url = equals + 1;
	return true;
}

static bool leads_elsewhere(const struct reroute *reroute, const struct pair *pair,
			    const char *region)
{
	return is_meant(reroute->to, pair->to, region) &&
	       (text_is(reroute->from, "*") || is_meant(reroute->from, pair->from, region));
}

/* NULL: not rerouted. */
static const char *rerouted_to(const struct shop *shop, const struct pair *pair, const char *region)
{
	const char *const *texts = shop->launch->reroutes;
	struct reroute reroute;

	for (; texts && *texts; texts++)
		if (read_reroute(*texts, &reroute) && leads_elsewhere(&reroute, pair, region))
			return reroute.url;
	return NULL;
}

static const char *address_of(struct shop *shop, const struct instance *instance)
{
	if (instance->smtp_listener >= 0)
		return arena_format(&shop->arena, "127.0.0.1:%u", instance->smtp_port);
	return arena_format(&shop->arena, "http://127.0.0.1:%u", instance->port);
}

static void lay_edges(struct shop *shop, size_t region)
{
	struct shop_settings *settings = &shop->settings[region];
	struct pair *pairs = arena_array(&shop->arena, edges_max(shop), sizeof(*pairs));
	size_t count = list_edges(shop, region, pairs);

	settings->edges = arena_array(&shop->arena, count, sizeof(*settings->edges));
	settings->edge_count = 0;
	for (size_t i = 0; i < count; i++) {
		const char *url = rerouted_to(shop, &pairs[i], shop->regions[region]);
		const struct instance *to = find(shop, pairs[i].to, settings);

		if (!url && !to)
			continue;
		settings->edges[settings->edge_count++] =
			(struct shop_edge){ pairs[i].from, pairs[i].to,
					    url ? url : address_of(shop, to) };
	}
}

static bool is_edge(struct shop *shop, const struct reroute *reroute)
{
	struct pair *pairs = arena_array(&shop->arena, edges_max(shop), sizeof(*pairs));

	for (size_t region = 0; region < shop->region_count; region++) {
		size_t count = list_edges(shop, region, pairs);

		for (size_t i = 0; i < count; i++)
			if (leads_elsewhere(reroute, &pairs[i], shop->regions[region]))
				return true;
	}
	return false;
}

static bool check_reroute(struct shop *shop, const char *text, struct error *err)
{
	struct reroute reroute;

	if (!read_reroute(text, &reroute))
		return error_set(err, "'%s' is no edge (write order->payment=http://127.0.0.1:9)",
				 text);
	return is_edge(shop, &reroute) ||
	       error_set(err,
			 "there is no edge '%.*s' (edges: gateway->order, order->payment, "
			 "payment->psp, ...)",
			 (int)(reroute.url - text - 1), text);
}

bool instances_make(struct shop *shop, struct error *err)
{
	size_t kinds = 0;

	for (size_t i = 0; shop->launch->reroutes && shop->launch->reroutes[i]; i++)
		if (!check_reroute(shop, shop->launch->reroutes[i], err))
			return false;
	while (shop_services[kinds])
		kinds++;
	shop->instances =
		arena_array(&shop->arena, kinds * shop->region_count + 2, sizeof(*shop->instances));
	add_all(shop);
	for (size_t i = 0; i < shop->count; i++)
		if (!open_ports(shop, &shop->instances[i], err))
			return false;
	for (size_t i = 0; i < shop->region_count; i++)
		lay_edges(shop, i);
	return true;
}

void instances_release(struct shop *shop)
{
	for (size_t i = 0; i < shop->count; i++) {
		if (shop->instances[i].listener >= 0)
			close(shop->instances[i].listener);
		if (shop->instances[i].smtp_listener >= 0)
			close(shop->instances[i].smtp_listener);
	}
	shop->count = 0;
}
