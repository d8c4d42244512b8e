/*
 * Can the figures be trusted? Every reason why not, as a sentence that says what to look at.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/wait.h>

#include "reports/format.h"
#include "reports/words.h"

#define MORE_ROOM ": raise 'ulimit -n', use more workers, or more addresses ('http: from')"

static void judge_lag(struct report *report)
{
	const struct figures *figures = report->figures;
	int64_t lag_us = hist_quantile(figures->lag, 0.99);
	char saw[WORDS_MAX], limit[WORDS_MAX];

	if ((double)lag_us > report->meta->lag_limit_us)
		report_add_reason(report, "the generator was late: lag p99 is %s, the limit is %s",
				  words_duration(saw, lag_us),
				  words_duration(limit, (int64_t)report->meta->lag_limit_us));
	if (figures->exhausted)
		report_add_reason(report,
				  "%" PRIu64 " requests found no descriptor or local port for "
				  "their connection" MORE_ROOM,
				  figures->exhausted);
	else if (figures->waited && (double)lag_us > report->meta->lag_limit_us)
		report_add_reason(report, "%" PRIu64 " requests waited for a descriptor" MORE_ROOM,
				  figures->waited);
}

/* What was dropped then was not for want of room. */
static bool judge_pauses(struct report *report)
{
	int64_t paused_us = figures_paused_us(report->figures);
	char pause[WORDS_MAX];

	if (paused_us <= 0)
		return false;
	report_add_reason(report, "it was paused by hand for %s: starts due then were dropped",
			  words_duration(pause, paused_us));
	return true;
}

static void judge_dropped(struct report *report)
{
	const uint64_t *outcomes = report->figures->measured_outcomes;
	uint64_t scheduled = outcomes_sum(outcomes), dropped = outcomes[OUTCOME_DROPPED];
	char share[WORDS_MAX];

	if (scheduled && (double)dropped / (double)scheduled > report->meta->dropped_limit)
		report_add_reason(
			report,
			"%s of the starts found no room and were dropped, the limit is %g%%",
			words_share(share, dropped, scheduled), 100 * report->meta->dropped_limit);
}

static void judge_health(struct report *report)
{
	double cpu = figures_cpu(report->figures);
	int64_t stall_us = report->figures->stall_us;
	char saw[WORDS_MAX], limit[WORDS_MAX];

	if (cpu > report->meta->cpu_limit)
		report_add_reason(report,
				  "the busiest worker used %.0f%% of a core in its median second, "
				  "the limit is %.0f%%",
				  100 * cpu, 100 * report->meta->cpu_limit);
	if ((double)stall_us > report->meta->stall_limit_us)
		report_add_reason(report, "a worker stood still for %s, the limit is %s",
				  words_duration(saw, stall_us),
				  words_duration(limit, (int64_t)report->meta->stall_limit_us));
}

static void judge_history(struct report *report)
{
	const struct figures *figures = report->figures;

	for (size_t i = 0; i < figures->damaged_count; i++)
		report_add_reason(report, "%s", figures->damaged[i]);
	if (figures->lost_records)
		report_add_reason(report, "%" PRIu64 " records were lost, as the disk had no room",
				  figures->lost_records);
	if (figures->strange_records)
		report_add_reason(report, "%" PRIu64 " records name what meta.json does not know",
				  figures->strange_records);
}

/* What the workers counted in memory, against what is in their histories. */
static void judge_books(struct report *report)
{
	static const char *const names[OUTCOME_COUNT] = { "ok", "failed", "timed out", "dropped" };
	const struct figures *figures = report->figures;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		if (figures->events.books[i] != figures->outcomes[i])
			report_add_reason(report,
					  "the workers counted %" PRIu64 " starts %s, the history "
					  "has %" PRIu64,
					  figures->events.books[i], names[i], figures->outcomes[i]);
}

static void judge_plan(struct report *report)
{
	for (size_t i = 0; i < report->meta->phase_count; i++) {
		const struct meta_phase *phase = &report->meta->phases[i];
		uint64_t made = outcomes_sum(report->figures->phases[i].outcomes);

		if (phase->planned && made != phase->planned)
			report_add_reason(report,
					  "phase '%s' planned %" PRIu64 " starts and has %" PRIu64,
					  phase->name, phase->planned, made);
	}
}

static void judge_losses(struct report *report)
{
	const struct run_events *events = &report->figures->events;
	int status = events->first_lost_status;
	char others[64] = "", how[64] = "";

	if (!events->lost_workers)
		return;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), " (killed by signal %d)", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(how, sizeof(how), " (it ended with code %d)", WEXITSTATUS(status));
	if (events->lost_workers > 1)
		snprintf(others, sizeof(others), ", and %" PRIu32 " more",
			 events->lost_workers - 1);
	report_add_reason(report, "worker %" PRIu32 " died%s%s", events->first_lost, how, others);
}

/* A run that was stopped on purpose is short for a reason that is told elsewhere. */
static void judge_completeness(struct report *report)
{
	const struct figures *figures = report->figures;
	const uint64_t *outcomes = figures->measured_outcomes;
	uint32_t lost = figures->events.lost_workers;

	judge_losses(report);
	if (figures->events.ended && !lost) /* the dead have no books */
		judge_books(report);
	if (figures->events.signal || figures->events.cut_short)
		return;
	if (!figures->events.ended)
		report_add_reason(report, "the run did not finish");
	else
		judge_plan(report);
	if (outcomes_sum(outcomes) == outcomes[OUTCOME_DROPPED])
		report_add_reason(report,
				  "too little was tested: nothing started in a measured phase");
}

void report_judge_validity(struct report *report)
{
	judge_completeness(report);
	judge_lag(report);
	if (!judge_pauses(report))
		judge_dropped(report);
	judge_health(report);
	judge_history(report);
}
