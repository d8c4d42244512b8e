#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "chaos/dry_run.h"
#include "chaos/supervisor.h"
#include "chaos/system_health.h"
#include "engine/scenario.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "lib/visible.h"

#define HEALTH_WAIT_US	(2 * US_PER_S)
#define HEALING_WAIT_US (60 * US_PER_S)

enum { POLL_MS = 200 };

struct arm_options {
	bool dry_run;
	int64_t for_us;
	struct strings set;
	char *seed, *output;
};

#define FIELD(name) offsetof(struct arm_options, name)

static const struct option arm_options[] = {
	{ "dry-run", 'n', NULL, KEY_BOOL, FIELD(dry_run),
	  .help = "only say what would be done to what, and what would undo it" },
	{ "for", 0, "TIME", KEY_DURATION, FIELD(for_us),
	  .help = "heal everything and end after so long (default: when all faults are over)" },
	{ "output", 'o', "DIR", KEY_STRING, FIELD(output),
	  .help = "write there what was done when, as a run does into history/" },
	{ "seed", 0, "N", KEY_STRING, FIELD(seed), .help = "instead of the file's seed" },
	{ "set", 's', "NAME=VALUE", KEY_STRINGS, FIELD(set),
	  .help = "override a variable of the file; may be repeated" },
	OPTIONS_END
};

/* A game day, while it goes on. */
struct arming {
	struct invocation *invocation;
	const struct arm_options *options;
	const struct chaos_section *chaos;
	const struct system *system;
	struct proxy *proxy;
	struct supervisor *supervisor;
	int64_t start_us;
	const char *history;
	enum fault_state *states; /* as last heard */
	size_t open;              /* something may still come of them */
};

static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	signalled = signal;
}

static void listen_to_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static struct scenario *load(struct invocation *invocation)
{
	const struct arm_options *options = invocation->options;
	const struct scenario_overrides overrides = {
		.without_load = true,
		.without_load_us = options->for_us,
		.seed = options->seed,
		.set = (const char *const *)options->set.items,
		.transport = -1,
	};
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario *scenario =
		scenario_load(invocation->arguments.items[0], &overrides, &complaints);

	command_complain(&complaints);
	complaints_release(&complaints);
	return scenario;
}

/* One that runs already, by `control:`, or one of our own while we live. */
static bool find_proxy(struct arming *arming, struct error *err)
{
	struct proxy_settings settings = { .system = arming->system,
					   .history = arming->history,
					   .start_us = arming->start_us };

	if (!chaos_needs_proxy(arming->chaos))
		return true;
	if (arming->system->control)
		arming->proxy = proxy_connect(arming->system->control, err);
	else if (!arming->options->dry_run)
		arming->proxy = proxy_start(&settings, err);
	else
		return true;
	return arming->proxy != NULL;
}

static int dry_run(struct arming *arming)
{
	struct buffer text = BUFFER_EMPTY;
	size_t refused = chaos_dry_run(arming->chaos, arming->proxy, &text);
	bool printed;

	if (refused)
		buffer_format(&text, "%zu of %zu would be refused\n", refused,
			      arming->chaos->fault_count);
	printed = print_buffer(&text);
	buffer_release(&text);
	return !printed ? EXIT_INTERNAL : refused ? EXIT_NOT_READY : EXIT_PASS;
}

static void say_edges(const struct arming *arming)
{
	for (size_t i = 0; arming->proxy && i < arming->system->edge_count; i++) {
		const struct edge *edge = &arming->system->edges[i];
		unsigned port = proxy_port(arming->proxy, edge->name);

		if (edge->listen)
			printf("proxy: %s at %s leads to %s\n", edge->name, edge->listen,
			       edge->url);
		else if (port)
			printf("proxy: %s at 127.0.0.1:%u leads to %s\n", edge->name, port,
			       edge->url);
	}
}

static bool make_history(struct arming *arming, struct error *err)
{
	if (!arming->options->output)
		return true;
	arming->history =
		arena_format(arming->invocation->arena, "%s/history", arming->options->output);
	return file_make_directory(arming->history, err);
}

static bool start(struct arming *arming, struct error *err)
{
	struct supervisor_settings settings = {
		.section = arming->chaos,
		.proxy = arming->proxy,
		.start_us = arming->start_us,
		.history = arming->history,
		.run = arming->invocation->arguments.items[0],
	};
	struct buffer directory = BUFFER_EMPTY;

	if (!state_directory(&directory, err)) {
		buffer_release(&directory);
		return false;
	}
	settings.state_directory = directory.data;
	arming->supervisor = supervisor_start(&settings, err);
	buffer_release(&directory);
	return arming->supervisor != NULL;
}

static bool is_last(enum fault_state state)
{
	return state == FAULT_HEALED || state == FAULT_UNPROVEN || state == FAULT_REFUSED ||
	       state == FAULT_FAILED;
}

/* A fault that a call starts every so often goes on. */
static bool starts_again(const struct fault *fault)
{
	return fault->trigger.kind == TRIGGER_ON && fault->trigger.match.every > 0;
}

/* It may quote what others wrote: nothing in it steers the terminal. */
static void say_event(const struct fault *fault, const struct fault_event *event)
{
	struct buffer line = BUFFER_EMPTY;

	buffer_format(&line, "%9.3f s  %-8s ", (double)event->at_us / 1e6,
		      fault_state_name(event->state));
	visible_add(&line, text_of(fault->name));
	buffer_add_string(&line, ": ");
	visible_add(&line, text_of(event->text));
	if (event->state == FAULT_HEALED && event->hits > 0)
		buffer_format(&line, " (hits: %" PRId64 ")", event->hits);
	else if (event->state == FAULT_HEALED && event->hits == 0)
		buffer_add_string(&line, " (it hit nothing)");
	buffer_add_char(&line, '\n');
	print_buffer(&line);
	buffer_release(&line);
}

static void take_event(struct arming *arming, const struct fault_event *event)
{
	const struct fault *fault = &arming->chaos->faults[event->fault];

	if (event->state != FAULT_ARMING) /* ARMED says the same, once it is true */
		say_event(fault, event);
	if (is_last(event->state) && !is_last(arming->states[event->fault]) && !starts_again(fault))
		arming->open--;
	arming->states[event->fault] = event->state;
}

static void take_events(struct arming *arming)
{
	struct fault_event event;

	while (supervisor_next(arming->supervisor, &event))
		if (event.fault < arming->chaos->fault_count)
			take_event(arming, &event);
}

static void wait_for_events(struct arming *arming)
{
	struct pollfd polled = { supervisor_fd(arming->supervisor), POLLIN, 0 };

	poll(&polled, 1, POLL_MS);
	take_events(arming);
}

static void watch(struct arming *arming)
{
	int64_t for_us = arming->options->for_us;

	while (arming->open && !signalled && !supervisor_lost(arming->supervisor) &&
	       (!for_us || clock_now_us() - arming->start_us < for_us))
		wait_for_events(arming);
	take_events(arming);
}

static bool anything_broken(const struct arming *arming)
{
	for (size_t i = 0; i < arming->chaos->fault_count; i++)
		if (arming->states[i] >= FAULT_ARMING && arming->states[i] <= FAULT_HEALING)
			return true;
	return false;
}

/* How each fault ends is told as well. supervisor_end() waits for what takes longer. */
static void watch_healing(struct arming *arming)
{
	int64_t until_us = clock_now_us() + HEALING_WAIT_US;

	supervisor_heal_all(arming->supervisor);
	while (anything_broken(arming) && !supervisor_lost(arming->supervisor) &&
	       clock_now_us() < until_us)
		wait_for_events(arming);
}

static int end(struct arming *arming)
{
	struct supervisor_outcome outcome;
	int code = EXIT_PASS;

	watch_healing(arming);
	supervisor_end(arming->supervisor, &outcome);
	printf("%u healed, %u refused, %u failed, %u never started, %u not seen to be healed%s\n",
	       outcome.healed, outcome.refused, outcome.failed, outcome.never_triggered,
	       outcome.unproven,
	       outcome.supervisor_died ? " (the supervisor died; its journal was healed)" : "");
	if (signalled)
		code = exit_code_worse(code,
				       signalled == SIGINT ? EXIT_INTERRUPTED : EXIT_TERMINATED);
	if (outcome.supervisor_died)
		code = exit_code_worse(code, EXIT_INTERNAL);
	if (outcome.refused || outcome.failed)
		code = exit_code_worse(code, EXIT_NOT_READY);
	if (outcome.unproven)
		code = exit_code_worse(code, EXIT_NOT_HEALED);
	return code;
}

static int arm(struct arming *arming)
{
	struct invocation *invocation = arming->invocation;
	struct error err;

	if (!make_history(arming, &err))
		return command_fail(invocation, EXIT_INTERNAL, &err);
	if (!find_proxy(arming, &err))
		return command_fail(invocation, EXIT_NOT_READY, &err);
	if (arming->options->dry_run)
		return dry_run(arming);
	say_edges(arming);
	if (arming->system && !system_healthy(arming->system, HEALTH_WAIT_US, &err)) {
		fprintf(stderr, "sagastorm chaos arm: %s\n", err.text);
		error_set(&err, "a sick system is not attacked");
		return command_fail(invocation, EXIT_NOT_READY, &err);
	}
	arming->start_us = clock_now_us();
	if (!start(arming, &err))
		return command_fail(invocation, EXIT_INTERNAL, &err);
	listen_to_signals();
	supervisor_allow(arming->supervisor);
	watch(arming);
	return end(arming);
}

static int arm_run(struct invocation *invocation)
{
	struct scenario *scenario = load(invocation);
	struct arming arming = { .invocation = invocation, .options = invocation->options };
	int code;

	if (!scenario)
		return EXIT_USAGE;
	if (!scenario->chaos || !scenario->chaos->fault_count) {
		scenario_free(scenario);
		return command_usage(invocation, "'%s' breaks nothing: it has no 'chaos: faults'",
				     invocation->arguments.items[0]);
	}
	arming.start_us = clock_now_us();
	arming.chaos = scenario->chaos;
	arming.system = scenario->system;
	arming.open = scenario->chaos->fault_count;
	arming.states = arena_array(invocation->arena, arming.open + 1, sizeof(*arming.states));
	if (scenario->shop)
		code = command_usage(invocation,
				     "'system: shop' is started by a run; start the shop yourself "
				     "and give the system file that it names");
	else
		code = arm(&arming);
	proxy_free(arming.proxy);
	scenario_free(scenario);
	return code;
}

static const char *const examples[] = {
	"chaos arm --dry-run drill.yaml",
	"chaos arm drill.yaml --for 5m",
	NULL
};

const struct command command_chaos_arm = {
	.name = "chaos arm",
	.summary = "a game day: break what a file says, without a load of our own",
	.usage = "[options] FILE",
	.about = "Takes a file with `system:` and `chaos:`, as a scenario has them; times count "
		 "from the start. Every service has to be well on its health URL first: a sick "
		 "system is not attacked. Everything is healed at the end, with Ctrl-C, and when "
		 "this process dies, however it dies; `sagastorm chaos status` shows it from "
		 "elsewhere, `sagastorm chaos heal` ends it.\n\n"
		 "The exit code is 30 when a fault could not be seen to be gone, 3 when one was "
		 "refused or the system was sick.",
	.examples = examples,
	.options = arm_options,
	.options_bytes = sizeof(struct arm_options),
	.arguments_min = 1,
	.arguments_max = 1,
	.run = arm_run,
};
