#include "shop/launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "shop/instance.h"
#include "shop/services.h"

const struct service_kind *const shop_services[] = {
	&service_bus,	     &service_auth,  &service_catalog, &service_inventory,
	&service_payment,    &service_notification, &service_order, &service_sync,
	&service_gateway,    NULL,
};

/* What died is started again after this long; twice as long each time it dies young. */
#define PATIENCE_FIRST_US (50 * US_PER_MS)
#define PATIENCE_MOST_US  (2 * US_PER_S)
#define OLD_US		  (5 * US_PER_S)
#define END_PATIENTLY_US  (3 * US_PER_S)
#define READY_AFTER_US	  (20 * US_PER_S)
#define WRITE_AGAIN_US	  (200 * US_PER_MS)

enum { REGION_MAX = 32 };

/* Beginning. */

/* It becomes part of file names and of the names of edges. */
static bool is_region(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t length = strspn(name, allowed);

	return length > 0 && length <= REGION_MAX && name[length] == '\0';
}

static bool check_regions(const struct launch *launch, struct error *err)
{
	const char *const *regions = launch->regions;

	for (size_t i = 0; regions && regions[i]; i++) {
		if (!is_region(regions[i]))
			return error_set(err, "'%s' is no name for a region (a-z, 0-9 and -)",
					 regions[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(regions[i], regions[j]) == 0)
				return error_set(err, "region '%s' is there twice", regions[i]);
	}
	return true;
}

static void make_regions(struct shop *shop)
{
	const char *const *regions = shop->launch->regions;

	while (regions && regions[shop->region_count])
		shop->region_count++;
	if (!shop->region_count)
		shop->region_count = 1;
	shop->regions = arena_array(&shop->arena, shop->region_count, sizeof(*shop->regions));
	shop->settings = arena_array(&shop->arena, shop->region_count, sizeof(*shop->settings));
	for (size_t i = 0; i < shop->region_count; i++) {
		shop->regions[i] = regions && regions[i] ? regions[i] : "";
		shop->settings[i] = shop->launch->settings;
		shop->settings[i].region = shop->regions[i];
		if (*shop->regions[i])
			shop->settings[i].directory =
				arena_format(&shop->arena, "%s/%s",
					     shop->launch->settings.directory, shop->regions[i]);
	}
}

static bool make_directories(const struct shop *shop, struct error *err)
{
	for (size_t i = 0; i < shop->region_count; i++)
		if (!file_make_directory(shop->settings[i].directory, err))
			return false;
	return true;
}

static bool start_all(struct shop *shop, struct error *err)
{
	for (size_t i = 0; i < shop->count; i++)
		if (!instance_start(shop, &shop->instances[i], err))
			return false;
	return true;
}

static bool write_system_file(const struct shop *shop, struct error *err)
{
	return !shop->launch->system_file ||
	       system_file_write(shop, shop->launch->system_file, err);
}

/* What died, and starting it again. */

static struct instance *instance_with(struct shop *shop, pid_t pid)
{
	for (size_t i = 0; i < shop->count; i++)
		if (shop->instances[i].pid == pid)
			return &shop->instances[i];
	return NULL;
}

static void note_death(struct instance *instance, int status)
{
	int64_t now_us = clock_now_us();

	if (instance->settings->verbose)
		fprintf(stderr, "shop: %s ended (%s %d)\n", instance->name,
			WIFSIGNALED(status) ? "signal" : "code",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	instance->pid = 0;
	if (now_us - instance->started_us > OLD_US || !instance->patience_us)
		instance->patience_us = PATIENCE_FIRST_US;
	else if (instance->patience_us < PATIENCE_MOST_US)
		instance->patience_us *= 2;
	instance->restart_at_us = now_us + instance->patience_us;
}

static void bury_the_dead(struct shop *shop)
{
	struct instance *instance;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		instance = instance_with(shop, pid);
		if (instance)
			note_death(instance, status);
	}
}

/* A disk that is full may have room again; the shop stays open meanwhile. */
static void write_when_due(struct shop *shop)
{
	int64_t now_us = clock_now_us();
	struct error why;

	if (!shop->write_at_us || shop->write_at_us > now_us)
		return;
	shop->write_at_us = write_system_file(shop, &why) ? 0 : now_us + WRITE_AGAIN_US;
}

static bool start_again(struct shop *shop, struct error *err)
{
	for (size_t i = 0; i < shop->count; i++) {
		struct instance *instance = &shop->instances[i];

		if (instance->pid || instance->restart_at_us > clock_now_us())
			continue;
		if (!instance_start(shop, instance, err))
			return false;
		instance->restarts++;
		shop->write_at_us = clock_now_us();
	}
	write_when_due(shop);
	return true;
}

static int ms_until_turn(const struct shop *shop)
{
	int64_t soonest_us = shop->write_at_us ? shop->write_at_us : INT64_MAX;
	int64_t now_us = clock_now_us();

	for (size_t i = 0; i < shop->count; i++)
		if (!shop->instances[i].pid && shop->instances[i].restart_at_us < soonest_us)
			soonest_us = shop->instances[i].restart_at_us;
	if (soonest_us == INT64_MAX)
		return -1;
	return soonest_us <= now_us ? 0 : (int)((soonest_us - now_us) / US_PER_MS) + 1;
}

/* Ready. */

static const struct instance *not_ready(const struct shop *shop)
{
	for (size_t i = 0; i < shop->count; i++)
		if (!instance_is_ready(&shop->instances[i]))
			return &shop->instances[i];
	return NULL;
}

/* "http://127.0.0.1:8080", or with regions "http://127.0.0.1:8080 (us), ..." */
static const char *gateways(struct shop *shop)
{
	struct buffer urls = BUFFER_EMPTY;
	const char *all;

	for (size_t i = 0; i < shop->count; i++) {
		const struct instance *instance = &shop->instances[i];

		if (strcmp(instance->service, "gateway") != 0)
			continue;
		buffer_format(&urls, "%shttp://127.0.0.1:%u", urls.length ? ", " : "",
			      instance->port);
		if (*instance->settings->region)
			buffer_format(&urls, " (%s)", instance->settings->region);
	}
	all = arena_string(&shop->arena, buffer_text(&urls));
	buffer_release(&urls);
	return all;
}

/* Which signal came, if any, within that time. -1: forever. */
static int wait_for_signal(int signals, int timeout_ms)
{
	struct pollfd polled = { signals, POLLIN, 0 };
	struct signalfd_siginfo info;

	if (poll(&polled, 1, timeout_ms) != 1)
		return 0;
	return read(signals, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* False: told to end before, or it never came. */
static bool wait_until_ready(struct shop *shop, int signals, bool *told, struct error *err)
{
	int64_t began_us = clock_now_us();
	const struct instance *waiting;

	while ((waiting = not_ready(shop))) {
		int signal = wait_for_signal(signals, 10);

		*told = signal && signal != SIGCHLD;
		if (*told)
			return false;
		bury_the_dead(shop);
		if (!start_again(shop, err))
			return false;
		if (clock_now_us() - began_us > READY_AFTER_US)
			return error_set(err, "'%s' does not get ready", waiting->name);
	}
	if (!write_system_file(shop, err))
		return false;
	if (shop->launch->ready)
		shop->launch->ready(shop->launch->context, gateways(shop),
				    (double)(clock_now_us() - began_us) / 1e6);
	return true;
}

static bool keep_running(struct shop *shop, int signals, struct error *err)
{
	for (;;) {
		int signal = wait_for_signal(signals, ms_until_turn(shop));

		if (signal && signal != SIGCHLD)
			return true;
		bury_the_dead(shop);
		if (!start_again(shop, err))
			return false;
	}
}

/* The end: asked first, killed after a while. */

static size_t tell_all(struct shop *shop, int signal)
{
	size_t alive = 0;

	for (size_t i = 0; i < shop->count; i++) {
		if (!shop->instances[i].pid)
			continue;
		kill(shop->instances[i].pid, signal);
		alive++;
	}
	return alive;
}

static void end_all(struct shop *shop, int signals)
{
	int64_t until_us = clock_now_us() + END_PATIENTLY_US;

	tell_all(shop, SIGTERM);
	while (tell_all(shop, 0) && clock_now_us() < until_us) {
		wait_for_signal(signals, 20);
		bury_the_dead(shop);
	}
	tell_all(shop, SIGKILL);
	for (size_t i = 0; i < shop->count; i++)
		if (shop->instances[i].pid)
			waitpid(shop->instances[i].pid, NULL, 0);
}

static int block_signals(sigset_t *before)
{
	static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		sigaddset(&mask, watched[i]);
	sigprocmask(SIG_BLOCK, &mask, before);
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool launcher_run(struct launch *launch, struct error *err)
{
	struct shop shop = { .launch = launch, .arena = ARENA_EMPTY, .launcher = getpid() };
	bool told = false, good;
	sigset_t before;
	int signals;

	if (!check_regions(launch, err))
		return false;
	signals = block_signals(&before);
	make_regions(&shop);
	good = make_directories(&shop, err) && instances_make(&shop, err) &&
	       start_all(&shop, err) && wait_until_ready(&shop, signals, &told, err) &&
	       keep_running(&shop, signals, err);
	end_all(&shop, signals);
	instances_release(&shop);
	if (launch->system_file)
		unlink(launch->system_file);
	arena_release(&shop.arena);
	close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return good || told;
}
