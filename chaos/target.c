#include "chaos/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

bool target_process(const struct service *service, size_t instance,
		    struct process_identity *process, struct error *err)
{
	json_t *place = target_place(service, instance);
	bool good = target_find(place, process, err);

	json_decref(place);
	return good;
}

static bool check_host(const struct system *system, const struct service *service, const char *url,
		       struct error *err)
{
	struct address address;

	if (!url || !system)
		return true;
	if (!address_read(text_of(url), &address, err))
		return false;
	return system_allows(system, address.host) ||
	       error_set(err, "'%s' is on '%.*s', which is not in allow:", service->name,
			 TEXT_ARG(address.host));
}

static bool check_hosts(const struct fault *fault, const struct target_process *target,
			struct error *err)
{
	const struct service *service = target->service;
	const struct instance_place *where = &service->instances[target->instance];

	return check_host(fault->system, service, service->url, err) &&
	       check_host(fault->system, service, service->health, err) &&
	       check_host(fault->system, service, where->url, err) &&
	       check_host(fault->system, service, where->health, err);
}

static size_t count_instances(const struct fault *fault)
{
	size_t count = 0;

	for (size_t i = 0; i < fault->service_count; i++)
		count += fault->services[i]->instance_count;
	return count;
}

static size_t blast_radius(const struct fault *fault, size_t all)
{
	double wanted = fault->share > 0 ? round(fault->share * (double)all) : 1;
	size_t count = wanted < 1 ? 1 : wanted > (double)all ? all : (size_t)wanted;

	return fault->most > 0 && count > (size_t)fault->most ? (size_t)fault->most : count;
}

/* The same seed takes the same ones; those taken stay in the order of the file. */
static void cut_down(const struct fault *fault, struct target_process *all, size_t *count)
{
	struct random stream = random_stream(fault->seed, fault->name, 0);
	size_t wanted = blast_radius(fault, *count), left = *count, kept = 0;

	for (size_t i = 0; i < *count && kept < wanted; i++, left--)
		if (random_below(&stream, left) < wanted - kept)
			all[kept++] = all[i];
	*count = kept;
}

static bool find_all(const struct fault *fault, struct target_process *targets, size_t count,
		     struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!check_hosts(fault, &targets[i], err) ||
		    !target_process(targets[i].service, targets[i].instance, &targets[i].process,
				    err))
			return false;
		for (size_t j = 0; j < i; j++)
			if (targets[j].process.pid == targets[i].process.pid)
				return error_set(err, "'%s' and '%s' are the same process",
						 targets[j].service->name,
						 targets[i].service->name);
	}
	return true;
}

bool target_instances(const struct fault *fault, struct target_process **instances, size_t *count,
		      struct error *err)
{
	struct target_process *all = memory_array(count_instances(fault) + 1, sizeof(*all));

	*count = 0;
	for (size_t i = 0; i < fault->service_count; i++)
		for (size_t j = 0; j < fault->services[i]->instance_count; j++)
			all[(*count)++] = (struct target_process){ .service = fault->services[i],
								   .instance = j };
	*instances = all;
	if (*count > 0) {
		cut_down(fault, all, count);
		return true;
	}
	free(all);
	*instances = NULL;
	error_set(err, "'%s' is aimed at no service", fault->name);
	return false;
}

bool target_processes(const struct fault *fault, struct target_process **processes, size_t *count,
		      struct error *err)
{
	struct target_process *targets;

	if (!target_instances(fault, &targets, count, err))
		return false;
	if (!find_all(fault, targets, *count, err)) {
		free(targets);
		return false;
	}
	*processes = targets;
	return true;
}
