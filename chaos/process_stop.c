/* stop: processes that stand still (SIGSTOP), with all their connections open. */
#include "chaos/kinds.h"

#include <signal.h>
#include <unistd.h>

#include "chaos/process_parts.h"
#include "lib/clock.h"

enum { STOP_WAIT_US = 1000000, STOP_LOOK_US = 1000 };

static bool stands(const struct process_identity *process)
{
	return process_state(process) == 'T';
}

static bool goes_on(const struct process_identity *process)
{
	char state = process_state(process);

	return state != 'T' && state != PROCESS_UNSEEN;
}

static bool stop_plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	if (!process_plan(fault, "stop", plan, err))
		return false;
	for (size_t i = 0; i < process_count(plan->undo); i++) {
		struct process_identity process;
		const json_t *row = process_row(plan->undo, i);

		if (!process_of_row(row, &process, err))
			return false;
		if (stands(&process)) /* to let it go on would undo what someone else did */
			return error_set(err, "'%s' is stopped already", process_service(row));
	}
	if (plan->undoes)
		buffer_add_string(plan->undoes, "let it go on (SIGCONT)");
	return true;
}

static bool stop_one(const json_t *row, struct error *err)
{
	struct process_identity process;
	int64_t end_us = clock_now_us() + STOP_WAIT_US;
	bool gone;

	if (!process_of_row(row, &process, err) || !process_signal(&process, SIGSTOP, &gone, err))
		return false;
	while (!stands(&process)) {
		if (clock_now_us() > end_us)
			return error_set(err, "'%s' does not stop", process_service(row));
		usleep(STOP_LOOK_US);
	}
	return true;
}

static bool stop_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)fault;
	for (size_t i = 0; i < process_count(undo); i++)
		if (!stop_one(process_row(undo, i), err))
			return false;
	return true;
}

static bool stop_heal(const json_t *undo, struct error *err)
{
	bool good = true;

	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;
		bool gone = false;

		if (!process_of_row(process_row(undo, i), &process, err))
			good = false;
		else if (!process_signal(&process, SIGCONT, &gone, err) && !gone)
			good = false;
	}
	return good;
}

static bool stop_look(const json_t *undo, struct error *err)
{
	if (!process_any(undo, err))
		return false;
	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;
		const json_t *row = process_row(undo, i);

		if (!process_of_row(row, &process, err))
			return false;
		if (!goes_on(&process))
			return error_set(err, "process %lld (%s) still stands, or can't be seen",
					 (long long)process.pid, process_service(row));
	}
	return true;
}

static int64_t stop_hits(const struct fault *fault, const json_t *undo)
{
	int64_t standing = 0;

	(void)fault;
	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;

		if (process_of_row(process_row(undo, i), &process, NULL))
			standing += stands(&process);
	}
	return standing;
}

static const struct key stop_keys[] = {
	KEYS_END
};

const struct fault_kind process_stop = {
	.name = "stop",
	.family = FAMILY_PROCESS,
	.aims = AIM_SERVICE,
	.summary = "processes stand still (SIGSTOP), with their connections open; then go on",
	.example = "stop: { service: payment }",
	.keys = stop_keys,
	.plan = stop_plan,
	.arm = stop_arm,
	.heal = stop_heal,
	.look = stop_look,
	.hits = stop_hits,
};
