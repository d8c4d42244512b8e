/* A service's process: from start to end. */
#include "shop/service.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/server.h"
#include "shop/frame.h"

enum {
	PRIORITIES = 3, /* the store's timer first, the disk when all else is done */
	PATIENCE_S = 3, /* for calls under way, when told to end */
	BODY_MAX_BYTES = 8 << 20, /* from each other; who faces clients takes less */
};

struct process {
	struct service service;
	struct server *server;
	struct event *term, *parent, *check;
	int64_t end_us; /* when patience is over */
};

static bool open_store(struct service *service, struct error *err)
{
	const struct shop_settings *settings = service->settings;
	struct arena arena = ARENA_EMPTY;
	const char *schema, *path;

	if (service->kind->no_store)
		return true;
	schema = arena_format(&arena, "%s%s%s", publish_schema, idempotency_schema,
			      service->kind->schema ? service->kind->schema : "");
	path = arena_format(&arena, "%s/%s%s%s.db", settings->directory, settings->region,
			    *settings->region ? "-" : "", service->kind->name);
	service->store = store_open(service->base, path, schema, err);
	arena_release(&arena);
	if (!service->store)
		return false;
	idempotency_init(service);
	if (bug(BUG_ACK_BEFORE_DURABLE) && strcmp(service->kind->name, "order") == 0)
		store_relax(service->store);
	return true;
}

static struct random fresh_random(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint64_t)clock_wall_us() ^ (uint64_t)getpid() << 40;
	return random_stream(seed, "service", 0);
}

static bool service_init(struct service *service, struct error *err)
{
	service->random = fresh_random();
	tasks_init(service->base);
	if (!open_store(service, err))
		return false;
	metrics_init(service);
	calls_init(service);
	if (service->store)
		publish_init(service);
	serve_init(service);
	return true;
}

static void service_release(struct service *service)
{
	serve_release(service);
	if (service->store && service->publisher)
		publish_release(service);
	if (service->calls)
		calls_release(service);
	metrics_release(service);
	store_close(service->store);
	tasks_release();
}

/* Starting. */

static void run_publisher(void *service)
{
	publish_start(service);
}

static void run_started(void *context)
{
	struct service *service = context;

	service->kind->started(service);
}

static void start(struct process *process, int ready)
{
	struct service *service = &process->service;

	if (service->kind->started)
		task_start(run_started, service);
	if (service->store)
		task_start(run_publisher, service);
	service->ready = true;
	if (ready >= 0 && write(ready, "\n", 1) != 1)
		service->ready = false; /* nobody waits for us: its event will say so */
}

/* Ending. */

static void check_end(evutil_socket_t fd, short what, void *context)
{
	struct process *process = context;

	(void)fd;
	(void)what;
	if (server_calls(process->server) == 0 || clock_now_us() >= process->end_us)
		event_base_loopbreak(process->service.base);
}

static void begin_end(evutil_socket_t fd, short what, void *context)
{
	struct process *process = context;
	struct timeval step = { .tv_usec = 10000 };

	(void)fd;
	(void)what;
	if (process->service.ending) { /* told twice */
		event_base_loopbreak(process->service.base);
		return;
	}
	process->service.ending = true;
	process->end_us = clock_now_us() + PATIENCE_S * US_PER_S;
	server_stop_listening(process->server);
	event_add(process->check, &step);
}

static void watch(struct process *process, int ready)
{
	struct event_base *base = process->service.base;

	process->check = event_new(base, -1, EV_PERSIST, check_end, process);
	process->term = evsignal_new(base, SIGTERM, begin_end, process);
	event_add(process->term, NULL);
	if (ready < 0)
		return;
	process->parent = event_new(base, ready, EV_READ, begin_end, process);
	event_add(process->parent, NULL);
}

static void unwatch(struct process *process)
{
	struct event *events[] = { process->check, process->term, process->parent };

	for (size_t i = 0; i < 3; i++)
		if (events[i])
			event_free(events[i]);
}

static bool run(struct process *process, int listener, int ready, struct error *err)
{
	struct service *service = &process->service;

	if (!service_init(service, err))
		return false;
	process->server = server_on(service->base, listener, serve_call, service, err);
	if (!process->server)
		return false;
	if (!service->kind->outside)
		server_set_body_max(process->server, BODY_MAX_BYTES);
	watch(process, ready);
	start(process, ready);
	event_base_dispatch(service->base);
	return true;
}

int service_main(const struct service_kind *kind, const struct shop_settings *settings,
		 int listener, int ready)
{
	struct process process = { .service = { .kind = kind, .settings = settings } };
	struct error err;
	bool good;

	signal(SIGPIPE, SIG_IGN);
	process.service.base = event_base_new();
	event_base_priority_init(process.service.base, PRIORITIES);
	good = run(&process, listener, ready, &err);
	if (!good)
		fprintf(stderr, "%s: %s\n", kind->name, err.text);
	unwatch(&process);
	server_free(process.server);
	service_release(&process.service);
	event_base_free(process.service.base);
	return good ? 0 : 1;
}
