#include "engine/site.h"

#include <stdlib.h>
#include <string.h>

#include "chaos/chaos_read.h"
#include "engine/shop_process.h"
#include "engine/shop_system.h"
#include "lib/file.h"
#include "lib/memory.h"

struct site {
	struct scenario *scenario;
	struct proxy *proxy;
	struct shop_process *shop;
};

/* A fault of the network finds a single edge by where the proxy listens for it. */
static bool is_proxied(const struct fault *fault)
{
	enum fault_family family = fault->kind->family;

	return family == FAMILY_WIRE || family == FAMILY_CALL || family == FAMILY_NETWORK ||
	       fault->trigger.kind == TRIGGER_ON;
}

/* A run without such faults has nothing between its visitors and the system. */
static bool needs_proxy(const struct scenario *scenario)
{
	const struct chaos_section *chaos = scenario->chaos;

	for (size_t i = 0; chaos && i < chaos->fault_count; i++)
		if (is_proxied(&chaos->faults[i]))
			return true;
	return false;
}

static bool start_proxy(struct site *site, struct error *err)
{
	const struct system *system = site->scenario->system;
	const struct proxy_settings settings = { .system = system };

	site->proxy =
		system->control ? proxy_connect(system->control, err) : proxy_start(&settings, err);
	return site->proxy != NULL;
}

/* "--edge=order->payment=http://127.0.0.1:9", but the visitors are ours to lead. */
static const char *reroute(const struct site *site, const struct edge *edge)
{
	bool http = edge->protocol == EDGE_HTTP;

	return arena_format(&site->scenario->arena, "--edge=%s->%s=%s127.0.0.1:%u", edge->from,
			    edge->to, http ? "http://" : "", proxy_port(site->proxy, edge->name));
}

static const char *const *arguments_of(const struct site *site)
{
	struct arena *arena = &site->scenario->arena;
	const struct system *system = site->scenario->system;
	const char *const *shop = shop_system_arguments(site->scenario->shop, arena);
	size_t count = 0;
	const char **all;

	while (shop[count])
		count++;
	all = arena_array(arena, count + system->edge_count + 1, sizeof(*all));
	memcpy(all, shop, count * sizeof(*all));
	for (size_t i = 0; site->proxy && i < system->edge_count; i++)
		if (strcmp(system->edges[i].from, "visitors") != 0)
			all[count++] = reroute(site, &system->edges[i]);
	return all;
}

/* What the shop's system file says of its edges is the proxy; they end at the service. */
static const char *end_of(const struct system *system, const struct edge *edge)
{
	const struct service *service = system_service(system, text_of(edge->to));

	return edge->protocol != EDGE_HTTP && service->smtp ? service->smtp : service->url;
}

/*
 * Where the shop's parts are is known once it is open: from then on the edges lead there. Where the
 * proxy listens is an edge's own: faults of the network then hit that edge alone.
 */
static bool lead_edges(const struct site *site, struct error *err)
{
	struct system *system = site->scenario->system;

	for (size_t i = 0; site->proxy && i < system->edge_count; i++) {
		struct edge *edge = &system->edges[i];

		edge->listen = arena_format(&site->scenario->arena, "127.0.0.1:%u",
					    proxy_port(site->proxy, edge->name));
		if (!proxy_route(site->proxy, edge->name, end_of(system, edge), err))
			return false;
	}
	return true;
}

static bool learn_system(struct site *site, struct error *err)
{
	struct scenario *scenario = site->scenario;
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { &scenario->arena, &complaints, NULL, NULL };
	const char *path = shop_process_system_file(site->shop);
	struct system *now = arena_new(&scenario->arena, sizeof(*now));
	bool good = system_read_file(path, &reading, now);

	complaints_release(&complaints);
	if (!good)
		return error_set(err, "the shop's system file '%s' can't be read", path);
	scenario->system->path = arena_string(&scenario->arena, text_of(path));
	return system_fill(scenario->system, now, err);
}

static bool start_shop(struct site *site, const char *directory, struct error *err)
{
	char *log = arena_format(&site->scenario->arena, "%s/shop.log", directory);

	if (!file_make_directory(directory, err))
		return false;
	site->shop = shop_process_start(arguments_of(site), log, err);
	return site->shop && learn_system(site, err) && lead_edges(site, err);
}

/* Through the proxy's port for the way in, or straight there. */
static bool aim(struct site *site, struct error *err)
{
	struct scenario *scenario = site->scenario;
	const struct edge *entrance = scenario->system ? system_entrance(scenario->system) : NULL;
	const char *url = entrance ? entrance->url : NULL;

	if (!scenario->target_of_system || !entrance)
		return true;
	if (site->proxy && entrance->protocol == EDGE_HTTP)
		url = arena_format(&scenario->arena, "http://127.0.0.1:%u",
				   proxy_port(site->proxy, entrance->name));
	return scenario_aim(scenario, url, err);
}

struct site *site_open(struct scenario *scenario, const char *directory, struct error *err)
{
	struct site *site = memory_new(sizeof(*site));

	site->scenario = scenario;
	if ((!needs_proxy(scenario) || start_proxy(site, err)) &&
	    (!scenario->shop || start_shop(site, directory, err)) && aim(site, err))
		return site;
	site_close(site);
	return NULL;
}

/* The shop first: it still talks through the proxy. */
void site_close(struct site *site)
{
	if (!site)
		return;
	shop_process_free(site->shop);
	proxy_free(site->proxy);
	free(site);
}

struct proxy *site_proxy(const struct site *site)
{
	return site->proxy;
}

const char *site_control_url(const struct site *site)
{
	const struct scenario *scenario = site->scenario;
	const struct edge *entrance = scenario->system ? system_entrance(scenario->system) : NULL;

	return scenario->target_of_system && entrance ? entrance->url :
							scenario->transfer.origins[0].url;
}

const char *site_ledgers(const struct site *site)
{
	return site->shop ? shop_process_directory(site->shop) : NULL;
}
