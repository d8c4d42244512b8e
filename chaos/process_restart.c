/* restart: processes are asked to end (SIGTERM), are ended if they do not, and start again. */
#include "chaos/kinds.h"

#include <signal.h>
#include <unistd.h>

#include "chaos/process_parts.h"
#include "lib/clock.h"

enum { END_LOOK_US = 2000 };

struct restart_settings {
	int64_t grace_us, healthy_within_us;
};

#define FIELD(name) offsetof(struct restart_settings, name)

static const struct key restart_keys[] = {
	{ "grace", KEY_DURATION, FIELD(grace_us), .initial = "5s", .maximum = 20e6,
	  .help = "how long it may take to end by itself; then it is killed" },
	{ "healthy-within", KEY_DURATION, FIELD(healthy_within_us), .initial = "30s",
	  .minimum = 1000000, .maximum = 300e6,
	  .help = "how long it may take to be healthy again after that" },
	KEYS_END
};

static int64_t ended;

static bool restart_plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct restart_settings *settings = fault->settings;

	return process_plan_end(fault, "end", settings->healthy_within_us, plan, err);
}

static bool signal_all(const json_t *undo, int signal, struct error *err)
{
	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;
		bool gone = false;

		if (!process_of_row(process_row(undo, i), &process, err))
			return false;
		if (process_signal(&process, signal, &gone, err))
			ended += signal == SIGTERM;
		else if (!gone)
			return false;
	}
	return true;
}

static bool any_alive(const json_t *undo)
{
	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;

		if (process_of_row(process_row(undo, i), &process, NULL) && process_alive(&process))
			return true;
	}
	return false;
}

static bool restart_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct restart_settings *settings = fault->settings;
	int64_t end_us = clock_now_us() + settings->grace_us;

	if (!signal_all(undo, SIGTERM, err))
		return false;
	while (any_alive(undo) && clock_now_us() < end_us)
		usleep(END_LOOK_US);
	return signal_all(undo, SIGKILL, err);
}

/*
 * One that was asked to end may still do so in its own time, when nobody is left to start it again.
 * So what was begun is brought to its end first.
 */
static bool restart_heal(const json_t *undo, struct error *err)
{
	return signal_all(undo, SIGKILL, err) && process_start_again(undo, err);
}

static bool restart_look(const json_t *undo, struct error *err)
{
	if (any_alive(undo))
		return error_set(err, "it has not ended yet");
	return process_look_again(undo, err);
}

static int64_t restart_lasts(const struct fault *fault)
{
	(void)fault;
	return US_PER_MS;
}

static int64_t restart_hits(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	(void)undo;
	return ended;
}

const struct fault_kind process_restart = {
	.name = "restart",
	.family = FAMILY_PROCESS,
	.aims = AIM_SERVICE,
	.summary = "processes end as in a deployment (SIGTERM, later SIGKILL) and start again",
	.example = "restart: { service: order, grace: 5s }",
	.keys = restart_keys,
	.settings_bytes = sizeof(struct restart_settings),
	.plan = restart_plan,
	.arm = restart_arm,
	.heal = restart_heal,
	.look = restart_look,
	.lasts_us = restart_lasts,
	.hits = restart_hits,
};
