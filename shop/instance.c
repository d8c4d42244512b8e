/* Who there is in a shop: which processes, on which ports, and where their edges go. */
#include "shop/instance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop/services.h"

/* Every connection between two processes, provider and mail included. */
static const struct {
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
};

enum { EDGES = sizeof(edges) / sizeof(edges[0]), BACKLOG = 1024 };

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
			add(shop, shop_services[i]->name, shop_services[i], region);
	if (!is_rerouted(shop->launch, "psp"))
		add(shop, "psp", NULL, 0);
	if (!is_rerouted(shop->launch, "mail"))
		add(shop, "mail", NULL, 0);
}

/* Edges. */

static const struct instance *find(const struct shop *shop, const char *service,
				   const struct shop_settings *settings)
{
	for (size_t i = 0; i < shop->count; i++) {
		const struct instance *instance = &shop->instances[i];

		if (strcmp(instance->service, service) == 0 &&
		    (!instance->kind || instance->settings == settings))
			return instance;
	}
	return NULL;
}

/* "order->payment=URL", or "*->psp=URL" for everyone's. NULL: not rerouted. */
static const char *reroute(const struct launch *launch, const char *from, const char *to)
{
	for (size_t i = 0; launch->reroutes && launch->reroutes[i]; i++) {
		const char *text = launch->reroutes[i];
		const char *arrow = strstr(text, "->"), *equals = strchr(text, '=');
		struct text source = { text, (size_t)(arrow - text) };
		struct text target = { arrow + 2, (size_t)(equals - arrow - 2) };

		if (text_is(target, to) && (text_is(source, from) || text_is(source, "*")))
			return equals + 1;
	}
	return NULL;
}

static const char *address_of(struct shop *shop, const struct instance *instance)
{
	if (instance->smtp_listener >= 0)
		return arena_format(&shop->arena, "127.0.0.1:%u", instance->smtp_port);
	return arena_format(&shop->arena, "http://127.0.0.1:%u", instance->port);
}

static void lay_edges(struct shop *shop, struct shop_settings *settings)
{
	settings->edges = arena_array(&shop->arena, EDGES, sizeof(*settings->edges));
	settings->edge_count = 0;
	for (size_t i = 0; i < EDGES; i++) {
		const char *url = reroute(shop->launch, edges[i].from, edges[i].to);
		const struct instance *to = find(shop, edges[i].to, settings);

		if (!url && !to)
			continue;
		settings->edges[settings->edge_count++] =
			(struct shop_edge){ edges[i].from, edges[i].to,
					    url ? url : address_of(shop, to) };
	}
}

static bool check_reroute(const char *text, struct error *err)
{
	const char *arrow = strstr(text, "->"), *equals = strchr(text, '=');
	struct text from, to;

	if (!arrow || !equals || equals < arrow)
		return error_set(err, "'%s' is no edge (write order->payment=http://127.0.0.1:9)",
				 text);
	from = (struct text){ text, (size_t)(arrow - text) };
	to = (struct text){ arrow + 2, (size_t)(equals - arrow - 2) };
	for (size_t i = 0; i < EDGES; i++)
		if (text_is(to, edges[i].to) &&
		    (text_is(from, "*") || text_is(from, edges[i].from)))
			return true;
	return error_set(err,
			 "there is no edge '%.*s' (edges: gateway->order, order->payment, "
			 "payment->psp, ...)",
			 (int)(equals - text), text);
}

bool instances_make(struct shop *shop, struct error *err)
{
	size_t kinds = 0;

	for (size_t i = 0; shop->launch->reroutes && shop->launch->reroutes[i]; i++)
		if (!check_reroute(shop->launch->reroutes[i], err))
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
		lay_edges(shop, &shop->settings[i]);
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
