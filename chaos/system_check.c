/* What is wrong with a system as a whole. See chaos/system_parts.h. */
#include "chaos/system_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

bool system_check_address(const struct system *system, const char *text, struct place at,
			  const char *what, struct complaints *complaints)
{
	struct address address;
	struct error err;

	if (!text)
		return true;
	if (!address_read(text_of(text), &address, &err))
		return complain(complaints, at, "'%s': %s", what, err.text);
	return system_allows(system, address.host) ||
	       complain(
		       complaints, at,
		       "'%s': '%.*s' is not allowed (only the loopback is, and what 'allow:' lists)",
		       what, TEXT_ARG(address.host));
}

/* Two on one host and port. */

struct listener {
	struct address address;
	const char *who;
	struct place at;
};

static bool same_address(const struct address *a, const struct address *b)
{
	return a->port == b->port && a->host.length == b->host.length &&
	       strncasecmp(a->host.data, b->host.data, a->host.length) == 0;
}

struct listeners {
	struct listener *items;
	size_t count, room;
	struct complaints *complaints;
	bool good;
};

static void listen_there(struct listeners *listeners, const char *text, const char *who,
			 struct place at)
{
	struct listener listener = { .who = who, .at = at };

	if (!text || !address_read(text_of(text), &listener.address, NULL))
		return;
	for (size_t i = 0; i < listeners->count; i++)
		if (same_address(&listeners->items[i].address, &listener.address)) {
			listeners->good =
				complain(listeners->complaints, at,
					 "'%s' and '%s' (line %d) are both at %.*s:%u", who,
					 listeners->items[i].who, listeners->items[i].at.line,
					 TEXT_ARG(listener.address.host), listener.address.port);
			return;
		}
	listeners->items = memory_grow(listeners->items, listeners->count, &listeners->room,
				       sizeof(*listeners->items));
	listeners->items[listeners->count++] = listener;
}

/* Instances behind a balancer have their own; a single one may repeat its service's. */
static void add_service(struct listeners *listeners, const struct service *service)
{
	listen_there(listeners, service->url, service->name, service->at);
	listen_there(listeners, service->smtp, service->name, service->at);
	for (size_t i = 0; i < service->instance_count; i++) {
		const struct instance_place *instance = &service->instances[i];

		if (instance->url && (!service->url || strcmp(instance->url, service->url) != 0))
			listen_there(listeners, instance->url, service->name, instance->at);
	}
}

static bool check_listeners(const struct system *system, struct complaints *complaints)
{
	struct listeners listeners = { .complaints = complaints, .good = true };

	for (size_t i = 0; i < system->service_count; i++)
		add_service(&listeners, &system->services[i]);
	for (size_t i = 0; i < system->edge_count; i++)
		listen_there(&listeners, system->edges[i].listen, system->edges[i].name,
			     system->edges[i].at);
	free(listeners.items);
	return listeners.good;
}

/* Circles of dependencies: a warning. */

struct circles {
	const struct system *system;
	struct complaints *complaints;
	unsigned char *seen; /* 0: not yet, 1: on the way, 2: done */
	size_t *way;
	size_t depth;
};

static size_t number_of(const struct system *system, const char *name)
{
	size_t i = 0;

	while (i < system->service_count && strcmp(system->services[i].name, name) != 0)
		i++;
	return i;
}

static void warn_about_circle(const struct circles *circles, size_t back, struct place at)
{
	struct buffer names = BUFFER_EMPTY;
	size_t start = 0;

	while (circles->way[start] != back)
		start++;
	for (size_t i = start; i < circles->depth; i++)
		buffer_format(&names, "%s -> ", circles->system->services[circles->way[i]].name);
	buffer_add_string(&names, circles->system->services[back].name);
	complain_warning(circles->complaints, at,
			 "services depend on each other in a circle: %.600s (if some of it is "
			 "events: 'events: yes')",
			 names.data);
	buffer_release(&names);
}

static void walk(struct circles *circles, size_t service)
{
	const struct system *system = circles->system;

	circles->seen[service] = 1;
	circles->way[circles->depth++] = service;
	for (size_t i = 0; i < system->edge_count; i++) {
		const struct edge *edge = &system->edges[i];
		size_t to;

		if (edge->events || strcmp(edge->from, system->services[service].name) != 0)
			continue;
		to = number_of(system, edge->to);
		if (to == system->service_count)
			continue;
		if (circles->seen[to] == 1)
			warn_about_circle(circles, to, edge->at);
		else if (!circles->seen[to])
			walk(circles, to);
	}
	circles->depth--;
	circles->seen[service] = 2;
}

static void warn_about_circles(const struct system *system, struct complaints *complaints)
{
	struct circles circles = {
		.system = system,
		.complaints = complaints,
		.seen = memory_new(system->service_count + 1),
		.way = memory_array(system->service_count + 1, sizeof(*circles.way)),
	};

	for (size_t i = 0; i < system->service_count; i++)
		if (!circles.seen[i])
			walk(&circles, i);
	free(circles.seen);
	free(circles.way);
}

static bool is_reached(const struct system *system, const struct service *service)
{
	for (size_t i = 0; i < system->edge_count; i++)
		if (strcmp(system->edges[i].to, service->name) == 0)
			return true;
	return false;
}

static bool has_health(const struct service *service)
{
	for (size_t i = 0; i < service->instance_count; i++)
		if (!service->instances[i].health && !service->health)
			return false;
	return true;
}

static void warn_about_services(const struct system *system, struct complaints *complaints)
{
	for (size_t i = 0; i < system->service_count; i++) {
		const struct service *service = &system->services[i];

		if (!has_health(service))
			complain_warning(complaints, service->at,
					 "'%s' has no health check, so that it can't be seen "
					 "whether it is well again",
					 service->name);
		if (system->edge_count && !is_reached(system, service))
			complain_warning(complaints, service->at, "no edge leads to '%s'",
					 service->name);
	}
}

bool system_check(const struct system *system, struct complaints *complaints)
{
	bool good = check_listeners(system, complaints);

	if (good && !complaints->errors)
		warn_about_circles(system, complaints);
	warn_about_services(system, complaints);
	return good;
}
