/* The faults that are armed in the proxy, in the order in which they were. */
#include "chaos/proxy_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

bool armed_active(const struct armed *armed)
{
	return armed->fault.times == 0 || armed->hits < armed->fault.times;
}

/* Even indices decide, odd ones draw the rest: a change of the one never shifts the other. */
bool armed_chosen(const struct armed *armed, uint64_t index)
{
	struct random random;

	if (armed->fault.share >= 1)
		return true;
	random = random_stream(armed->fault.seed, armed->fault.name, index * 2);
	return random_unit(&random) < armed->fault.share;
}

struct random armed_stream(const struct armed *armed, uint64_t index)
{
	return random_stream(armed->fault.seed, armed->fault.name, index * 2 + 1);
}

static bool armed_on(const struct armed *armed, const struct proxy_edge *edge)
{
	for (size_t i = 0; i < armed->edge_count; i++)
		if (armed->edges[i] == edge)
			return true;
	return false;
}

struct armed *armed_next(const struct proxy_edge *edge, enum fault_family family,
			 const struct armed *last)
{
	struct armed *armed = last ? last->next : edge->core->armed;

	while (armed &&
	       (armed->watch || armed->fault.kind->family != family || !armed_on(armed, edge)))
		armed = armed->next;
	return armed;
}

struct armed *watch_next(const struct proxy_edge *edge, const struct armed *last)
{
	struct armed *armed = last ? last->next : edge->core->armed;

	while (armed && (!armed->watch || !armed_on(armed, edge)))
		armed = armed->next;
	return armed;
}

void armed_hit(struct armed *armed, const struct hit *hit)
{
	struct proxy_core *core = hit->relay->core;
	struct record_hit record = {
		.at_us = clock_now_us() - core->start_us,
		.fault = armed->fault.number,
		.edge = hit->relay->edge->number,
		.kind = (uint8_t)hit->kind,
		.correlation = hit->correlation,
		.connection = hit->relay->number,
		.call = hit->call,
		.status = hit->status,
	};

	armed->hits++;
	record.delay_us = hit->delay_us > UINT32_MAX ? UINT32_MAX : (uint32_t)hit->delay_us;
	if (core->history)
		history_put(core->history, RECORD_HIT, 0, &record, sizeof(record));
}

void armed_free(struct armed *armed)
{
	if (!armed)
		return;
	arena_release(&armed->arena);
	free(armed);
}

struct armed *armed_find(struct proxy_core *core, const char *run, uint32_t number, bool watch)
{
	struct armed *armed = core->armed;

	while (armed && (armed->fault.number != number || armed->watch != watch ||
			 strcmp(armed->run, run) != 0))
		armed = armed->next;
	return armed;
}

static void armed_forget_on(struct armed *armed, struct proxy_edge *edge)
{
	if (!armed->watch && armed->fault.kind->family == FAMILY_WIRE) {
		treatments_forget(armed, edge);
		return;
	}
	for (struct relay *relay = edge->relays, *next; relay; relay = next) {
		next = relay->next;
		if (relay->http) /* also one that has ended, and still sends what it kept */
			http_forget(relay->http, armed);
	}
}

static void armed_apply_on(struct armed *armed, struct proxy_edge *edge)
{
	if (!armed->watch && armed->fault.kind->family == FAMILY_WIRE) {
		treatments_apply(armed, edge);
		return;
	}
	for (struct relay *relay = edge->relays, *next; relay; relay = next) {
		next = relay->next;
		if (relay->http && !relay->ended)
			http_changed(relay->http, armed);
	}
}

void armed_apply(struct armed *armed)
{
	for (size_t i = 0; i < armed->edge_count; i++)
		armed_apply_on(armed, armed->edges[i]);
}

void armed_remove(struct proxy_core *core, struct armed *armed)
{
	struct armed **link = &core->armed;

	while (*link != armed)
		link = &(*link)->next;
	*link = armed->next;
	for (size_t i = 0; i < armed->edge_count; i++)
		armed_forget_on(armed, armed->edges[i]);
	http_copies_forget(core, armed);
	proxy_core_reap(core); /* the dead know it, too */
	armed_free(armed);
}

/* Edges that it no longer has forget it first. */
static void forget_lost_edges(struct armed *old, const struct armed *changed)
{
	for (size_t i = 0; i < old->edge_count; i++)
		if (!armed_on(changed, old->edges[i]))
			armed_forget_on(old, old->edges[i]);
}

/* What counts and what others point to stays; what was asked for is the other's. */
static void armed_change(struct armed *old, struct armed *changed)
{
	struct armed kept = *old;

	forget_lost_edges(old, changed);
	old->fault = changed->fault;
	old->arena = changed->arena;
	old->run = changed->run;
	old->edges = changed->edges;
	old->edge_count = changed->edge_count;
	old->lease = changed->lease;
	old->told = old->released = false; /* a watch that is set again may come true again */
	armed_apply(old);
	arena_release(&kept.arena);
	free(changed);
}

void armed_put(struct proxy_core *core, struct armed *armed)
{
	struct armed *old = armed_find(core, armed->run, armed->fault.number, armed->watch);
	struct armed **link = &core->armed;

	if (old && old->fault.kind == armed->fault.kind) {
		armed_change(old, armed);
		return;
	}
	if (old)
		armed_remove(core, old);
	armed->order = ++core->orders;
	while (*link)
		link = &(*link)->next;
	*link = armed;
	armed_apply(armed);
}
