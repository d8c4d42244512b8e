/* crash-loop: processes are killed again and again, each after a short life. */
#include "chaos/kinds.h"

#include <signal.h>

#include "chaos/process_parts.h"

struct crash_loop_settings {
	int64_t life_us, healthy_within_us;
};

#define FIELD(name) offsetof(struct crash_loop_settings, name)

static const struct key crash_loop_keys[] = {
	{ "life", KEY_DURATION, FIELD(life_us), .initial = "1s",
	  .help = "how long each one lives; what is older when this begins dies at once" },
	{ "healthy-within", KEY_DURATION, FIELD(healthy_within_us), .initial = "30s",
	  .minimum = 1000000, .maximum = 300e6,
	  .help = "how long it may take to be healthy again after that" },
	KEYS_END
};

/* In the keeper of the fault: there is one process per armed fault. */
static struct process_watch watches[SERVICES_MAX * INSTANCES_MAX];
static int64_t crashes;

static bool crash_loop_plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct crash_loop_settings *settings = fault->settings;

	if (!process_plan_end(fault, "kill again and again", settings->healthy_within_us, plan,
			      err))
		return false;
	for (size_t i = 0; i < process_count(plan->undo); i++) {
		const json_t *row = process_row(plan->undo, i);

		if (!target_can_find_again(json_object_get(row, "place")))
			return error_set(err,
					 "the next process of '%s' could not be found: give it "
					 "pidfile or command",
					 process_service(row));
	}
	return true;
}

static void crash_loop_tend(const struct fault *fault, const json_t *undo)
{
	const struct crash_loop_settings *settings = fault->settings;

	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_watch *watch = &watches[i % (SERVICES_MAX * INSTANCES_MAX)];
		bool gone;

		if (process_watch_find(watch, process_row(undo, i)) &&
		    process_age_us(&watch->now) >= settings->life_us &&
		    process_signal(&watch->now, SIGKILL, &gone, NULL))
			crashes++;
	}
}

static bool crash_loop_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)err;
	crash_loop_tend(fault, undo);
	return true;
}

static int64_t crash_loop_hits(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	(void)undo;
	return crashes;
}

const struct fault_kind process_crash_loop = {
	.name = "crash-loop",
	.family = FAMILY_PROCESS,
	.aims = AIM_SERVICE,
	.summary = "processes are killed again and again, each after a short life",
	.example = "crash-loop: { service: inventory, life: 500ms }",
	.keys = crash_loop_keys,
	.settings_bytes = sizeof(struct crash_loop_settings),
	.plan = crash_loop_plan,
	.arm = crash_loop_arm,
	.heal = process_start_again,
	.look = process_look_again,
	.tend = crash_loop_tend,
	.hits = crash_loop_hits,
};
