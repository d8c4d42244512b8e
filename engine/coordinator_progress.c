/* What the workers' seconds add up to, and showing it. See coordinator_parts.h. */
#include "engine/coordinator_parts.h"
#include "lib/clock.h"

void coordinator_add_up(struct coordinator *coordinator)
{
	tally_release(&coordinator->total);
	tally_init(&coordinator->total);
	for (uint32_t i = 0; i < coordinator->count; i++)
		tally_merge(&coordinator->total, &coordinator->hands[i].last);
}

/* What the second added: the difference of the counters, and its own latencies. */
static void take_second(struct coordinator *coordinator)
{
	const struct tally *now = &coordinator->total;
	struct tally *before = &coordinator->before, *second = &coordinator->second;

	hist_reset(second->latency);
	hist_merge(second->latency, now->latency);
	second->lag_max_us = now->lag_max_us;
	second->scheduled = now->scheduled - before->scheduled;
	second->sent = now->sent - before->sent;
	second->done = now->done - before->done;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		second->outcomes[i] = now->outcomes[i] - before->outcomes[i];
	for (int i = 0; i < FAILURE_COUNT; i++)
		second->failures[i] = now->failures[i] - before->failures[i];
	hist_reset(before->latency);
	*before = (struct tally){ .latency = before->latency };
	tally_merge(before, now);
}

static const struct phase *phase_at(struct coordinator *coordinator, int64_t at_us, uint8_t *number)
{
	const struct plan *plan = coordinator->load->plan;

	for (*number = 0; *number < plan->phase_count; ++*number) {
		const struct phase *phase = &plan->phases[*number];

		if (at_us >= phase->start_us && at_us < phase->start_us + phase->duration_us)
			return phase;
	}
	return NULL;
}

void coordinator_announce_phase(struct coordinator *coordinator)
{
	int64_t at_us = clock_now_us() - coordinator->start_us;
	uint8_t number;
	const struct phase *phase = phase_at(coordinator, at_us, &number);

	if (!phase || number == coordinator->phase || coordinator->stopping)
		return;
	coordinator->phase = number;
	coordinator_write_event(coordinator, EVENT_PHASE_STARTED, number, 0);
	coordinator_notice(coordinator, "phase '%s' for %g s", phase->name,
			   (double)phase->duration_us / 1e6);
}

static void show(struct coordinator *coordinator)
{
	int64_t at_us = clock_now_us() - coordinator->start_us;
	int64_t middle_us = at_us - US_PER_S / 2; /* of the second that is shown */
	uint8_t number;
	const struct phase *phase = phase_at(coordinator, middle_us, &number);
	struct run_progress progress = {
		.at_s = (double)at_us / 1e6,
		.planned_s = (double)plan_duration_us(coordinator->load->plan) / 1e6,
		.total = &coordinator->total,
		.second = &coordinator->second,
		.stopping = coordinator->stopping,
	};

	if (phase && !coordinator->stopping) {
		progress.phase = phase->name;
		progress.target_rate = phase_rate_at(phase, middle_us - phase->start_us);
		progress.target_users = phase_users_at(phase, middle_us - phase->start_us);
	}
	if (coordinator->options->progress)
		coordinator->options->progress(coordinator->options->context, &progress);
}

/* The last second that every worker at work has told about. */
static uint32_t complete_second(const struct coordinator *coordinator)
{
	uint32_t second = UINT32_MAX;

	for (uint32_t i = 0; i < coordinator->count; i++)
		if (coordinator->hands[i].messages >= 0 &&
		    coordinator->hands[i].last.seconds < second)
			second = coordinator->hands[i].last.seconds;
	return second == UINT32_MAX ? coordinator->shown_second : second;
}

void coordinator_show_if_complete(struct coordinator *coordinator)
{
	uint32_t second = complete_second(coordinator);

	if (second <= coordinator->shown_second)
		return;
	coordinator->shown_second = second;
	coordinator_add_up(coordinator);
	take_second(coordinator);
	show(coordinator);
}
