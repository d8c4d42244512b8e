/*
 * chaos_harness: a controller of a supervisor, that kills itself or others when it is told to.
 *
 *	chaos_harness FILE [HISTORY] [KILL] [allow=no] [trigger=MS] [end=MS]
 *
 * FILE has `system:` and `chaos:`. KILL is WHOM@WHEN: self, supervisor or both (supervisor first),
 * at `start`, `arming`, `armed` or `healing`. Events are JSON lines on stdout; the last line is the
 * outcome. A system with edges gets a proxy; its ports are told first. With trigger=MS what waits
 * for a saga gets it so long after the start. With end=MS it ends so long after the start, else
 * when all faults are over.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/journal.h"
#include "chaos/supervisor.h"
#include "lib/clock.h"

struct orders {
	const char *file, *history;
	char whom[16], when[16];
	bool hold_back;
	int64_t end_us, trigger_us;
};

static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct reading reading = { .arena = &arena, .complaints = &complaints };
static struct system target;
static struct chaos_section section;

static void fail(const char *why)
{
	struct buffer text = BUFFER_EMPTY;

	complaints_write(&complaints, &text);
	fprintf(stderr, "%schaos_harness: %s\n", text.length ? text.data : "", why);
	exit(2);
}

/* There are none: it is the harness that says when. */
static bool any_saga(void *context, struct text saga, struct text state, struct error *err)
{
	(void)context;
	(void)saga;
	(void)state;
	(void)err;
	return true;
}

static void read_file(const char *path)
{
	struct yaml *root = yaml_read_file(&arena, path, &complaints);
	struct chaos_context context = {
		.reading = &reading, .system = &target, .seed = 1, .saga_state = any_saga
	};

	if (!root || !yaml_get(root, "system") || !yaml_get(root, "chaos"))
		fail("a file with system: and chaos: is needed");
	if (!system_read(yaml_get(root, "system"), &reading, &target) ||
	    !chaos_section_read(yaml_get(root, "chaos"), &context, &section) || complaints.errors)
		fail("the file is not right");
}

static void read_words(struct orders *orders, int argc, char **argv)
{
	orders->file = argc > 1 ? argv[1] : NULL;
	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "end=", 4) == 0)
			orders->end_us = atoll(argv[i] + 4) * US_PER_MS;
		else if (strncmp(argv[i], "trigger=", 8) == 0)
			orders->trigger_us = atoll(argv[i] + 8) * US_PER_MS;
		else if (strcmp(argv[i], "allow=no") == 0)
			orders->hold_back = true;
		else if (strchr(argv[i], '@'))
			sscanf(argv[i], "%15[^@]@%15s", orders->whom, orders->when);
		else
			orders->history = argv[i];
	}
	if (!orders->file)
		fail("which file?");
}

static void print_event(const struct fault_event *event)
{
	json_t *line = json_pack("{s:i, s:s, s:I, s:I, s:s}", "fault", (int)event->fault, "state",
				 fault_state_name(event->state), "at_us", (json_int_t)event->at_us,
				 "hits", (json_int_t)event->hits, "text", event->text);
	char *text = json_dumps(line, JSON_COMPACT);

	printf("%s\n", text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(line);
}

static int64_t supervisor_pid(const char *directory)
{
	char **paths;
	size_t count;
	int64_t pid = 0;

	if (!journal_list(directory, &paths, &count, NULL))
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct journal_contents contents;

		if (!journal_read(paths[i], &contents, NULL))
			continue;
		if (process_parent(contents.supervisor.pid) == getpid())
			pid = contents.supervisor.pid;
		journal_contents_release(&contents);
	}
	journal_list_free(paths, count);
	return pid;
}

static void kill_at(const struct orders *orders, const char *moment, const char *directory)
{
	if (strcmp(orders->when, moment) != 0)
		return;
	printf("{\"killed\":\"%s\",\"clock_us\":%" PRId64 "}\n", orders->whom, clock_now_us());
	fflush(stdout);
	if (strcmp(orders->whom, "self") != 0) {
		int64_t pid = supervisor_pid(directory);

		if (pid > 0)
			kill((pid_t)pid, SIGKILL);
	}
	if (strcmp(orders->whom, "supervisor") != 0)
		kill(getpid(), SIGKILL);
}

static bool is_last(enum fault_state state)
{
	return state == FAULT_HEALED || state == FAULT_UNPROVEN || state == FAULT_REFUSED ||
	       state == FAULT_FAILED;
}

static bool goes_on(const struct orders *orders, const struct supervisor *supervisor, size_t over,
		    int64_t start_us)
{
	if (orders->end_us)
		return clock_now_us() < start_us + orders->end_us;
	return over < section.fault_count && !supervisor_lost(supervisor);
}

static void trigger_all(struct orders *orders, struct supervisor *supervisor, int64_t start_us)
{
	if (!orders->trigger_us || clock_now_us() < start_us + orders->trigger_us)
		return;
	orders->trigger_us = 0;
	for (size_t i = 0; i < section.fault_count; i++)
		if (section.faults[i].trigger.kind == TRIGGER_WHEN)
			supervisor_trigger(supervisor, section.faults[i].number);
}

static void attend(struct orders *orders, struct supervisor *supervisor, const char *directory,
		   int64_t start_us)
{
	size_t over = 0;

	while (goes_on(orders, supervisor, over, start_us)) {
		struct pollfd polled = { supervisor_fd(supervisor), POLLIN, 0 };
		struct fault_event event;

		poll(&polled, 1, 50);
		trigger_all(orders, supervisor, start_us);
		while (supervisor_next(supervisor, &event)) {
			print_event(&event);
			over += is_last(event.state);
			kill_at(orders, fault_state_name(event.state), directory);
		}
	}
}

static struct proxy *start_proxy(int64_t start_us)
{
	struct proxy_settings settings = { .system = &target, .start_us = start_us };
	struct error err;
	struct proxy *proxy;

	if (!target.edge_count)
		return NULL;
	proxy = proxy_start(&settings, &err);
	if (!proxy)
		fail(err.text);
	for (size_t i = 0; i < target.edge_count; i++)
		printf("{\"edge\":\"%s\",\"port\":%u,\"proxy\":%" PRId64 "}\n",
		       target.edges[i].name, proxy_port(proxy, target.edges[i].name),
		       proxy_pid(proxy));
	fflush(stdout);
	return proxy;
}

static int run(struct orders *orders)
{
	struct buffer directory = BUFFER_EMPTY;
	struct supervisor_outcome outcome;
	struct supervisor *supervisor;
	struct error err;
	int64_t start_us = clock_now_us();
	struct supervisor_settings settings = { .section = &section,
						.start_us = start_us,
						.history = orders->history,
						.run = "harness" };

	if (!state_directory(&directory, &err))
		fail(err.text);
	settings.proxy = start_proxy(start_us);
	settings.state_directory = directory.data;
	supervisor = supervisor_start(&settings, &err);
	if (!supervisor)
		fail(err.text);
	printf("{\"supervisor\":%" PRId64 "}\n", supervisor_pid(directory.data));
	fflush(stdout);
	if (!orders->hold_back)
		supervisor_allow(supervisor);
	kill_at(orders, "start", directory.data);
	attend(orders, supervisor, directory.data, start_us);
	supervisor_end(supervisor, &outcome);
	printf("{\"healed\":%u,\"unproven\":%u,\"refused\":%u,\"failed\":%u,\"never\":%u,"
	       "\"died\":%d}\n",
	       outcome.healed, outcome.unproven, outcome.refused, outcome.failed,
	       outcome.never_triggered, outcome.supervisor_died);
	proxy_free(settings.proxy);
	buffer_release(&directory);
	return outcome.unproven ? 30 : 0;
}

int main(int argc, char **argv)
{
	struct orders orders = { .file = NULL };
	int code;

	read_words(&orders, argc, argv);
	read_file(orders.file);
	code = run(&orders);
	arena_release(&arena);
	complaints_release(&complaints);
	return code;
}
