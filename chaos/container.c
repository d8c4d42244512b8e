#include "chaos/container.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "chaos/engine_api.h"
#include "chaos/network.h"
#include "chaos/target.h"
#include "lib/clock.h"
#include "lib/url.h"

enum { USUALLY_TAKES_US = 1000000, MOST_PATIENCE_US = 10000000 };

static const char *word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void container_path(struct buffer *path, const char *container, const char *what)
{
	buffer_add_string(path, "/containers/");
	url_encode(path, text_of(container));
	buffer_format(path, "/%s", what);
}

/* Everything that the engine knows about it; NULL with `*status` 404: there is none. */
static json_t *inspect(const char *socket, const char *container, long *status, struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	struct engine_call call = { .socket = socket, .method = "GET" };
	json_t *answer = NULL;

	container_path(&path, container, "json");
	call.path = path.data;
	if (engine_ask(&call, status, &answer, err) &&
	    (*status != 200 || !json_is_object(answer))) {
		error_set(err,
			  *status == 404 ? "there is no container '%s'" :
					   "the container engine won't tell about '%s'",
			  container);
		json_decref(answer);
		answer = NULL;
	}
	buffer_release(&path);
	return answer;
}

static json_t *inspect_at(const char *given, const char *container, struct error *err)
{
	struct buffer socket = BUFFER_EMPTY;
	json_t *answer = NULL;
	long status;

	if (engine_socket(given, &socket, err))
		answer = inspect(socket.data, container, &status, err);
	buffer_release(&socket);
	return answer;
}

bool container_pid(const char *socket, const char *container, int64_t *pid, struct error *err)
{
	json_t *seen = inspect_at(socket, container, err);

	if (!seen)
		return false;
	*pid = json_integer_value(json_object_get(json_object_get(seen, "State"), "Pid"));
	json_decref(seen);
	return *pid > 0 || error_set(err, "the container '%s' is not running", container);
}

static const json_t *networks_of(const json_t *seen)
{
	return json_object_get(json_object_get(seen, "NetworkSettings"), "Networks");
}

void container_addresses(const char *socket, const char *container, struct network_end *end)
{
	json_t *seen = inspect_at(socket, container, NULL), *network;
	struct network_end one;
	const char *name;

	json_object_foreach((json_t *)(uintptr_t)networks_of(seen), name, network) {
		const char *address = word(network, "IPAddress");

		one = (struct network_end){ .port = end->port };
		snprintf(one.host, sizeof(one.host), "%.45s", address);
		if (*address && end->count < NETWORK_ADDRESSES_MAX &&
		    network_end_resolve(&one, NULL))
			memcpy(end->addresses[end->count++], one.addresses[0], NETWORK_ADDRESS_MAX);
	}
	json_decref(seen);
}

bool container_look(const char *socket, const json_t *container, struct container_state *state,
		    struct error *err)
{
	long status = 0;
	json_t *seen = inspect(socket, word(container, "id"), &status, err);
	const json_t *now = json_object_get(seen, "State");

	*state = (struct container_state){ .exists = seen };
	if (!seen)
		return status == 404;
	state->same = strcmp(word(now, "StartedAt"), word(container, "started")) == 0;
	state->running = json_is_true(json_object_get(now, "Running"));
	state->paused = json_is_true(json_object_get(now, "Paused")) ||
			strcmp(word(now, "Status"), "paused") == 0;
	state->networks = json_deep_copy(networks_of(seen));
	json_decref(seen);
	return true;
}

void container_state_release(struct container_state *state)
{
	json_decref(state->networks);
	state->networks = NULL;
}

bool container_replaced(const char *socket, const json_t *container)
{
	long status;
	json_t *seen = inspect(socket, word(container, "name"), &status, NULL);
	bool runs = json_is_true(json_object_get(json_object_get(seen, "State"), "Running"));

	json_decref(seen);
	return runs;
}

bool container_post(const char *socket, const json_t *container, const char *what,
		    struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	bool ok;

	container_path(&path, word(container, "id"), what);
	ok = engine_do(&(struct engine_call){ socket, "POST", path.data, NULL }, NULL, err);
	buffer_release(&path);
	return ok;
}

void container_settle(const json_t *undo, bool (*look)(const json_t *undo, struct error *err))
{
	int64_t planned_us = json_integer_value(json_object_get(undo, "planned_us"));
	int64_t takes_us = json_integer_value(json_object_get(undo, "takes_us"));
	int64_t patience_us = takes_us < MOST_PATIENCE_US ? takes_us : MOST_PATIENCE_US;
	int64_t since_us = clock_wall_us() - planned_us;

	while (since_us >= 0 && since_us < patience_us && look(undo, NULL)) {
		usleep(50000);
		since_us = clock_wall_us() - planned_us;
	}
}

bool container_each(const json_t *undo, container_act *act, struct error *err)
{
	const char *socket = word(undo, "socket");
	const json_t *container;
	struct error ignored;
	bool ok = true;
	size_t i;

	if (!*socket || !json_array_size(json_object_get(undo, "containers")))
		return error_set(err, "the record has no containers");
	json_array_foreach(json_object_get(undo, "containers"), i, container)
		ok = act(socket, container, ok ? err : &ignored) && ok;
	return ok;
}

bool container_possible_for(const struct system *system, struct error *err)
{
	struct buffer socket = BUFFER_EMPTY, said = BUFFER_EMPTY;
	bool ok = engine_socket(system ? system->container_engine : NULL, &socket, err) &&
		  engine_version(socket.data, &said, err);

	buffer_release(&socket);
	buffer_release(&said);
	return ok;
}

int64_t container_hits(const struct fault *fault, const json_t *undo)
{
	json_t *one = json_deep_copy(undo), *containers = json_array();
	const json_t *container;
	struct error seen;
	int64_t out = 0;
	size_t i;

	json_object_set_new(one, "containers", containers);
	json_array_foreach(json_object_get(undo, "containers"), i, container) {
		json_array_clear(containers);
		json_array_append(containers, (json_t *)(uintptr_t)container);
		out += !fault->kind->look(one, &seen);
	}
	json_decref(one);
	return out;
}

/* The networks a container is in, with what it takes to be in them again the same way. */
static json_t *networks_record(const json_t *seen, const char *only)
{
	json_t *all = json_object(), *network;
	const char *name, *id = word(seen, "Id");

	json_object_foreach((json_t *)(uintptr_t)networks_of(seen), name, network) {
		json_t *aliases = json_array(), *alias, *record = json_object();
		size_t i;

		if (only && strcmp(only, name) != 0) {
			json_decref(aliases);
			json_decref(record);
			continue;
		}
		/* The engine adds the short id by itself. */
		json_array_foreach(json_object_get(network, "Aliases"), i, alias)
			if (json_is_string(alias) &&
			    strncmp(id, json_string_value(alias), json_string_length(alias)) != 0)
				json_array_append(aliases, alias);
		json_object_set_new(record, "aliases", aliases);
		json_object_set(record, "ipam", json_object_get(network, "IPAMConfig"));
		json_object_set_new(record, "address", json_string(word(network, "IPAddress")));
		json_object_set_new(all, name, record);
	}
	return all;
}

struct choosing {
	const struct container_way *way;
	const char *socket;
	json_t *containers;
	struct fault_plan *plan;
	struct error *err;
};

static bool refuse(const struct choosing *choosing, const json_t *seen, const json_t *networks,
		   const char *name)
{
	const json_t *state = json_object_get(seen, "State");
	const json_t *host = json_object_get(seen, "HostConfig");

	if (!json_is_true(json_object_get(state, "Running")))
		return !error_set(choosing->err, "the container '%s' is not running", name);
	if (json_is_true(json_object_get(state, "Paused")))
		return !error_set(choosing->err, "the container '%s' is paused already", name);
	if (choosing->way->comes_back && json_is_true(json_object_get(host, "AutoRemove")))
		return !error_set(choosing->err,
				  "the container '%s' is removed when it ends (--rm): nothing "
				  "could start it again",
				  name);
	if (choosing->way->networks && !json_object_size(networks))
		return !error_set(choosing->err, "the container '%s' is not in %s%s", name,
				  choosing->way->network ? "the network " : "any network",
				  choosing->way->network ? choosing->way->network : "");
	return false;
}

static bool choose(struct choosing *choosing, const char *container)
{
	const struct container_way *way = choosing->way;
	long status;
	json_t *seen = inspect(choosing->socket, container, &status, choosing->err);
	json_t *networks = networks_record(seen, way->network);
	const char *name = word(seen, "Name");
	bool ok = seen && !refuse(choosing, seen, networks, container);

	name += *name == '/';
	if (ok) {
		json_t *record =
			json_pack("{s:s, s:s, s:s}", "id", word(seen, "Id"), "name", name,
				  "started", word(json_object_get(seen, "State"), "StartedAt"));

		if (way->networks)
			json_object_set(record, "networks", networks);
		buffer_format(choosing->plan->does, "%s%s '%s' (%.12s)",
			      json_array_size(choosing->containers) ? "; " : "", way->does, name,
			      word(seen, "Id"));
		json_array_append_new(choosing->containers, record);
	}
	json_decref(networks);
	json_decref(seen);
	return ok;
}

static bool choose_instance(struct choosing *choosing, const struct target_process *target)
{
	const struct instance_place *place = &target->service->instances[target->instance];

	if (place->container)
		return choose(choosing, place->container);
	return error_set(choosing->err,
			 "the service '%s' is in no container: it needs 'container:' in the system "
			 "file",
			 target->service->name);
}

static bool choose_all(struct choosing *choosing, const struct fault *fault)
{
	struct target_process *targets;
	size_t count;
	bool ok;

	if (choosing->way->container)
		return choose(choosing, choosing->way->container);
	if (!fault->service_count)
		return error_set(choosing->err, "it is aimed at no container: give 'service:' or "
						"'container:'");
	ok = target_instances(fault, &targets, &count, choosing->err);
	for (size_t i = 0; ok && i < count; i++)
		ok = choose_instance(choosing, &targets[i]);
	free(targets);
	return ok;
}

bool container_plan(const struct fault *fault, const struct container_way *way,
		    struct fault_plan *plan, struct error *err)
{
	struct buffer socket = BUFFER_EMPTY;
	struct choosing choosing = { way, NULL, json_array(), plan, err };
	bool ok =
		engine_socket(fault->system ? fault->system->container_engine : NULL, &socket, err);

	choosing.socket = socket.data;
	ok = ok && choose_all(&choosing, fault);
	if (ok) {
		plan->undo = json_pack("{s:s, s:O}", "socket", socket.data, "containers",
				       choosing.containers);
		json_object_set_new(plan->undo, "planned_us", json_integer(clock_wall_us()));
		json_object_set_new(plan->undo, "takes_us",
				    json_integer(USUALLY_TAKES_US + way->takes_us));
		buffer_add_string(plan->undoes, way->undoes);
	}
	json_decref(choosing.containers);
	buffer_release(&socket);
	return ok;
}
