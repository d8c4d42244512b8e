/*
 * Counters and gauges, found by name and labels, written as Prometheus reads them.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "shop/frame.h"

enum {
	SLOTS = 1024,      /* a power of two */
	METRICS_MAX = 512, /* labels may come from outside: more are not counted */
};

struct metric {
	char *name, *labels;
	double amount;
	bool is_gauge;
};

struct metrics {
	struct metric *slots[SLOTS];
	size_t count;
};

void metrics_init(struct service *service)
{
	service->metrics = memory_new(sizeof(*service->metrics));
}

static void free_metric(struct metric *metric)
{
	if (!metric)
		return;
	free(metric->name);
	free(metric->labels);
	free(metric);
}

void metrics_release(struct service *service)
{
	if (!service->metrics)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free_metric(service->metrics->slots[i]);
	free(service->metrics);
	service->metrics = NULL;
}

static uint64_t hash_string(uint64_t hash, const char *string)
{
	for (; *string; string++)
		hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
	return hash;
}

static struct metric *add_metric(struct metrics *metrics, size_t slot, const char *name,
				 const char *labels)
{
	struct metric *metric;

	if (metrics->count == METRICS_MAX)
		return NULL;
	metric = memory_new(sizeof(*metric));
	metric->name = memory_copy_string(name);
	metric->labels = memory_copy_string(labels);
	metrics->slots[slot] = metric;
	metrics->count++;
	return metric;
}

static struct metric *find_metric(struct metrics *metrics, const char *name, const char *labels)
{
	uint64_t hash = hash_string(hash_string(UINT64_C(0xcbf29ce484222325), name), labels);
	size_t slot = (hash >> 20) & (SLOTS - 1);

	for (struct metric *at; (at = metrics->slots[slot]) != NULL;
	     slot = (slot + 1) & (SLOTS - 1))
		if (strcmp(at->labels, labels) == 0 && strcmp(at->name, name) == 0)
			return at;
	return add_metric(metrics, slot, name, labels);
}

void metric_add(struct service *service, const char *name, const char *labels, double amount)
{
	struct metric *metric = find_metric(service->metrics, name, labels ? labels : "");

	if (metric)
		metric->amount += amount;
}

void metric_set(struct service *service, const char *name, const char *labels, double amount)
{
	struct metric *metric = find_metric(service->metrics, name, labels ? labels : "");

	if (!metric)
		return;
	metric->amount = amount;
	metric->is_gauge = true;
}

static int by_name(const void *a, const void *b)
{
	const struct metric *one = *(struct metric *const *)a, *other = *(struct metric *const *)b;
	int order = strcmp(one->name, other->name);

	return order ? order : strcmp(one->labels, other->labels);
}

static void write_metric(const struct metric *metric, struct buffer *out)
{
	if (*metric->labels)
		buffer_format(out, "shop_%s{%s} %.15g\n", metric->name, metric->labels,
			      metric->amount);
	else
		buffer_format(out, "shop_%s %.15g\n", metric->name, metric->amount);
}

void metrics_write(struct service *service, struct buffer *out)
{
	struct metric *sorted[METRICS_MAX] = { NULL };
	size_t count = 0;

	for (size_t i = 0; i < SLOTS; i++)
		if (service->metrics->slots[i])
			sorted[count++] = service->metrics->slots[i];
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(sorted[i]->name, sorted[i - 1]->name) != 0)
			buffer_format(out, "# TYPE shop_%s %s\n", sorted[i]->name,
				      sorted[i]->is_gauge ? "gauge" : "counter");
		write_metric(sorted[i], out);
	}
}
