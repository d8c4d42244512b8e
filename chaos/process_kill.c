/* kill: processes are ended at once, and kept down for a while if they come back too soon. */
#include "chaos/kinds.h"

#include <signal.h>
#include <unistd.h>

#include "chaos/process_parts.h"
#include "lib/clock.h"

enum { DEATH_WAIT_US = 2000000, DEATH_LOOK_US = 1000 };

struct kill_settings {
	int64_t back_after_us, healthy_within_us;
};

#define FIELD(name) offsetof(struct kill_settings, name)

static const struct key kill_keys[] = {
	{ "back-after", KEY_DURATION, FIELD(back_after_us), .initial = "0s",
	  .help = "keeps it down for so long, whoever starts it; then it is there again" },
	{ "healthy-within", KEY_DURATION, FIELD(healthy_within_us), .initial = "30s",
	  .minimum = 1000000, .maximum = 300e6,
	  .help = "how long it may take to be healthy again after that" },
	KEYS_END
};

/* In the keeper of the fault: there is one process per armed fault. */
static int64_t killed;

static bool kill_plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct kill_settings *settings = fault->settings;

	return process_plan_end(fault, "kill", settings->healthy_within_us, plan, err);
}

static bool kill_one(const json_t *row, struct error *err)
{
	int64_t end_us = clock_now_us() + DEATH_WAIT_US;
	struct process_identity process;
	bool gone;

	if (!process_of_row(row, &process, err) || !process_signal(&process, SIGKILL, &gone, err))
		return false;
	killed++;
	while (process_alive(&process)) {
		if (clock_now_us() > end_us)
			return error_set(err, "'%s' does not die", process_service(row));
		usleep(DEATH_LOOK_US);
	}
	return true;
}

static bool kill_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)fault;
	for (size_t i = 0; i < process_count(undo); i++)
		if (!kill_one(process_row(undo, i), err))
			return false;
	return true;
}

/* Whatever is there now is one that was started since. */
static void kill_tend(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	for (size_t i = 0; i < process_count(undo); i++) {
		const json_t *row = process_row(undo, i);
		struct process_watch watch = { .now = { .pid = 0 } };
		bool gone;

		if (target_can_find_again(json_object_get(row, "place")) &&
		    process_watch_find(&watch, row) &&
		    process_signal(&watch.now, SIGKILL, &gone, NULL))
			killed++;
	}
}

static int64_t kill_lasts(const struct fault *fault)
{
	const struct kill_settings *settings = fault->settings;

	return settings->back_after_us > 0 ? settings->back_after_us : US_PER_MS;
}

static int64_t kill_hits(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	(void)undo;
	return killed;
}

const struct fault_kind process_kill = {
	.name = "kill",
	.family = FAMILY_PROCESS,
	.aims = AIM_SERVICE,
	.summary = "processes are killed (SIGKILL), stay down for a while, then are there again",
	.example = "kill: { service: payment, back-after: 3s }",
	.keys = kill_keys,
	.settings_bytes = sizeof(struct kill_settings),
	.plan = kill_plan,
	.arm = kill_arm,
	.heal = process_start_again,
	.look = process_look_again,
	.tend = kill_tend,
	.lasts_us = kill_lasts,
	.hits = kill_hits,
};
