/* From what a fault is aimed at to the places where its packets are met. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#include "chaos/container.h"
#include "chaos/netns.h"
#include "chaos/network.h"
#include "chaos/nft.h"
#include "chaos/target.h"
#include "chaos/tc.h"
#include "lib/file.h"

struct planning {
	const struct fault *fault;
	struct network_places places;
	json_t *ours;
	struct error *err;
};

/* Where one instance lives. */
struct home {
	json_t *netns;
	int64_t pid; /* 0: unknown */
	bool own;    /* it is another one than ours */
};

static bool has_process(const struct instance_place *place)
{
	return place->pid || place->pidfile || place->command;
}

static bool find_pid(const struct planning *planning, const struct service *service, size_t index,
		     int64_t *pid)
{
	const struct instance_place *place = &service->instances[index];
	struct process_identity process;

	*pid = 0;
	if (place->container)
		return container_pid(planning->fault->system->container_engine, place->container,
				     pid, planning->err);
	if (!has_process(place))
		return true;
	if (!target_process(service, index, &process, planning->err))
		return false;
	*pid = process.pid;
	return true;
}

static bool find_home(const struct planning *planning, const struct service *service, size_t index,
		      struct home *home)
{
	const struct instance_place *place = &service->instances[index];
	struct buffer path = BUFFER_EMPTY;

	*home = (struct home){ .netns = NULL };
	if (place->namespace) {
		netns_path(place->namespace, &path);
		home->netns = netns_record(path.data, planning->err);
	} else if (!find_pid(planning, service, index, &home->pid)) {
		return false;
	} else if (home->pid) {
		home->netns = netns_of_process(home->pid, planning->err);
	} else {
		home->netns = json_incref(planning->ours);
	}
	buffer_release(&path);
	home->own = home->netns && !netns_equal(home->netns, planning->ours);
	return home->netns;
}

/* The cgroup (v2) of a process below their root, without the leading '/'; false: the root itself */
static bool cgroup_of(int64_t pid, char *path, size_t room)
{
	struct buffer file = BUFFER_EMPTY;
	char name[64];
	const char *line;
	size_t length = 0;

	snprintf(name, sizeof(name), "/proc/%lld/cgroup", (long long)pid);
	if (file_read(name, &file, NULL) && file.length) {
		line = strncmp(file.data, "0::/", 4) == 0 ? file.data : strstr(file.data, "\n0::/");
		line = line ? strchr(line, '/') + 1 : "";
		length = strcspn(line, "\n");
		if (length < room)
			memcpy(path, line, length);
	}
	buffer_release(&file);
	if (length == 0 || length >= room)
		return false;
	path[length] = '\0';
	return !strpbrk(path, "\"\\$");
}

/* Told apart by its cgroup only if that is one that nft can name, and not one that we are in. */
static bool cgroup_usable(const struct home *home, char *path, size_t room)
{
	char mine[512], full[600];
	struct statfs system;
	size_t length;

	if (!home->pid || home->own || !cgroup_of(home->pid, path, room))
		return false;
	length = strlen(path);
	if (cgroup_of(getpid(), mine, sizeof(mine)) && strncmp(mine, path, length) == 0 &&
	    (mine[length] == '\0' || mine[length] == '/'))
		return false;
	snprintf(full, sizeof(full), "/sys/fs/cgroup/%s", path);
	return statfs(full, &system) == 0 && system.f_type == CGROUP2_SUPER_MAGIC;
}

static bool add_flow(struct planning *planning, const struct home *home, enum network_side side,
		     const struct network_end *end, const char *who)
{
	char cgroup[512];
	struct network_flow flow = { home->netns, side, end, NULL, who };

	if (side == SIDE_CALLER && cgroup_usable(home, cgroup, sizeof(cgroup)))
		flow.cgroup = cgroup;
	return network_places_add(&planning->places, &flow, planning->err);
}

/* A name may only be known among containers: then their engine knows the addresses. */
static bool resolve(const struct planning *planning, const struct service *callee,
		    struct network_end *end)
{
	const struct system *system = planning->fault->system;

	if (network_end_resolve(end, planning->err))
		return true;
	for (size_t i = 0; callee && i < callee->instance_count; i++)
		if (callee->instances[i].container)
			container_addresses(system->container_engine,
					    callee->instances[i].container, end);
	return end->count > 0;
}

static bool listens(const struct edge *edge, struct network_end *end)
{
	return edge->listen && network_end_parse(text_of(edge->listen), end, NULL);
}

static bool allowed(const struct planning *planning, const char *host)
{
	return system_allows(planning->fault->system, text_of(host)) ||
	       error_set(planning->err, "'%s' is not allowed: see 'allow:' of the system", host);
}

static bool find_end(const struct planning *planning, const struct edge *edge,
		     struct network_end *end)
{
	if (!listens(edge, end)) {
		if (!edge->url)
			return error_set(planning->err, "the edge '%s' has no url", edge->name);
		if (!network_end_parse(text_of(edge->url), end, planning->err))
			return false;
	}
	if (planning->places.way->port)
		end->port = (uint16_t)planning->places.way->port;
	return allowed(planning, end->host) &&
	       resolve(planning, system_service(planning->fault->system, text_of(edge->to)), end);
}

static bool add_edge(struct planning *planning, const struct edge *edge)
{
	const struct service *caller = system_service(planning->fault->system, text_of(edge->from));
	struct home home = { .netns = json_incref(planning->ours) };
	struct network_end end;
	bool ok = find_end(planning, edge, &end);

	if (ok && !caller)
		ok = add_flow(planning, &home, SIDE_CALLER, &end, edge->name);
	json_decref(home.netns);
	for (size_t i = 0; ok && caller && i < caller->instance_count; i++) {
		ok = find_home(planning, caller, i, &home) &&
		     add_flow(planning, &home, SIDE_CALLER, &end, edge->name);
		json_decref(home.netns);
	}
	return ok;
}

/*
 * What a service calls. Where it shares our namespace, only edges at which the proxy stands in have
 * a port of their own; cutting any other port would hit who else calls there.
 */
static bool add_calls_of(struct planning *planning, const struct service *service, bool own)
{
	const struct system *system = planning->fault->system;
	struct network_end end;
	bool ok = true;

	for (size_t i = 0; ok && i < system->edge_count; i++) {
		const struct edge *edge = &system->edges[i];

		if (strcmp(edge->from, service->name) == 0 && (own || listens(edge, &end)))
			ok = add_edge(planning, edge);
	}
	return ok;
}

static bool add_instance(struct planning *planning, const struct service *service, size_t index)
{
	const struct instance_place *place = &service->instances[index];
	const char *url = place->url ? place->url : service->url;
	struct network_end end;
	struct home home;
	bool ok;

	if (!url)
		return error_set(planning->err,
				 "the service '%s' has no url: nothing tells its "
				 "packets apart",
				 service->name);
	if (!network_end_parse(text_of(url), &end, planning->err) || !allowed(planning, end.host))
		return false;
	if (planning->places.way->port)
		end.port = (uint16_t)planning->places.way->port;
	if (!find_home(planning, service, index, &home))
		return false;
	ok = home.own || resolve(planning, service, &end);
	ok = ok && add_flow(planning, &(struct home){ .netns = home.netns, .own = home.own },
			    home.own ? SIDE_CALLEE : SIDE_CALLER, &end, service->name);
	if (ok && planning->places.way->isolates)
		ok = add_calls_of(planning, service, home.own);
	json_decref(home.netns);
	return ok;
}

static bool add_services(struct planning *planning)
{
	struct fault whole = *planning->fault;
	struct target_process *targets;
	size_t count;
	bool ok;

	if (planning->places.way->all_instances)
		whole.share = 1;
	ok = target_instances(&whole, &targets, &count, planning->err);
	for (size_t i = 0; ok && i < count; i++)
		ok = add_instance(planning, targets[i].service, targets[i].instance);
	free(targets);
	return ok;
}

static bool add_all(struct planning *planning)
{
	const struct fault *fault = planning->fault;
	bool ok = true;

	for (size_t i = 0; ok && i < fault->edge_count; i++)
		ok = add_edge(planning, fault->edges[i]);
	/* With both, a region is meant: its border, not what goes on inside. */
	return ok && (fault->edge_count || add_services(planning));
}

static char *with_handle(const char *text, const char *handle)
{
	struct buffer out = BUFFER_EMPTY;
	const char *mark;

	if (!text)
		return NULL;
	for (; (mark = strchr(text, '#')); text = mark + 1)
		buffer_format(&out, "%.*s%s", (int)(mark - text), text, handle);
	buffer_add_string(&out, text);
	return out.data;
}

static void write_plan(const struct planning *planning, const char *table, struct fault_plan *plan)
{
	const struct network_way *way = planning->places.way;
	const struct buffer *said = &planning->places.said;

	plan->undo = network_places_record(&planning->places, table);
	buffer_format(plan->does, "%s: %s", way->what, said->data);
	buffer_format(plan->undoes, "delete the nftables table '%s'%s%s", table,
		      way->queues ? " and the queueing discipline " : "",
		      way->queues ? planning->places.handle : "");
}

bool network_plan(const struct fault *fault, const struct network_way *way, struct fault_plan *plan,
		  struct error *err)
{
	struct buffer table = BUFFER_EMPTY, handle = BUFFER_EMPTY;
	struct planning planning = { fault, { .way = NULL }, netns_ours(err), err };
	struct network_way mine = *way;
	char *requests, *answers;
	bool ok;

	nft_table_name(&table, fault->number);
	tc_handle(&handle);
	requests = with_handle(way->requests, handle.data);
	answers = with_handle(way->answers, handle.data);
	mine.requests = requests;
	mine.answers = answers;
	planning.places.way = &mine;
	planning.places.handle = handle.data;
	ok = planning.ours && add_all(&planning);
	if (ok)
		write_plan(&planning, table.data, plan);
	network_places_release(&planning.places);
	json_decref(planning.ours);
	buffer_release(&table);
	buffer_release(&handle);
	free(requests);
	free(answers);
	return ok;
}
