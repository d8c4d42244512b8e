#include "reports/figures.h"

#include <string.h>

#include "lib/clock.h"

uint64_t outcomes_sum(const uint64_t outcomes[OUTCOME_COUNT])
{
	uint64_t sum = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		sum += outcomes[i];
	return sum;
}

int64_t figures_duration_us(const struct figures *figures)
{
	return figures->events.ended ? figures->events.ended_us : figures->last_us;
}

/*
 * Until when starts could be made. A run that ended by itself had all its phases in full, even if
 * the last answer came before the last phase was over.
 */
static int64_t end_of_starts(const struct figures *figures)
{
	if (figures->events.signal || figures->events.cut_short)
		return figures->events.stopped_us;
	return figures->events.ended ? INT64_MAX : figures->last_us;
}

static bool ends_with_its_work(const struct meta_phase *phase)
{
	return strcmp(phase->kind, "iterations") == 0;
}

int64_t figures_phase_us(const struct figures *figures, size_t number)
{
	const struct meta_phase *phase = &figures->meta->phases[number];
	int64_t end_us = end_of_starts(figures);

	if (ends_with_its_work(phase) && figures->phases[number].last_done_us < end_us)
		end_us = figures->phases[number].last_done_us;
	if (end_us <= phase->start_us)
		return 0;
	return end_us - phase->start_us < phase->duration_us ? end_us - phase->start_us :
							       phase->duration_us;
}

int64_t figures_paused_us(const struct figures *figures)
{
	const struct run_events *events = &figures->events;
	int64_t end_us = end_of_starts(figures);

	end_us = end_us < figures_duration_us(figures) ? end_us : figures_duration_us(figures);
	if (!events->paused || end_us <= events->paused_since_us)
		return events->paused_us;
	return events->paused_us + end_us - events->paused_since_us;
}

int64_t figures_measured_us(const struct figures *figures)
{
	int64_t sum_us = 0;

	for (size_t i = 0; i < figures->meta->phase_count; i++)
		if (figures->meta->phases[i].measured)
			sum_us += figures_phase_us(figures, i);
	return sum_us;
}

/* What was planned up to where the phase got; between two rates the rate is a straight line. */
static double planned_so_far(const struct figures *figures, size_t number)
{
	const struct meta_phase *phase = &figures->meta->phases[number];
	double share = phase->duration_us ? (double)figures_phase_us(figures, number) /
						    (double)phase->duration_us :
					    0;
	double from = phase->rate_from, to = phase->rate_to;

	if (share >= 1 || from + to <= 0)
		return (double)phase->planned * share;
	return (double)phase->planned * (from * share + (to - from) * share * share / 2) * 2 /
	       (from + to);
}

/*
 * Planned rates can only be compared with what was achieved in the phases that have a plan; without
 * any, the achieved rate is that of all measured phases.
 */
struct rates {
	double planned, made, seconds;
};

static struct rates rates_of(const struct figures *figures, bool planned_only)
{
	struct rates rates = { 0 };

	for (size_t i = 0; i < figures->meta->phase_count; i++) {
		const struct meta_phase *phase = &figures->meta->phases[i];
		const uint64_t *outcomes = figures->phases[i].outcomes;

		if (!phase->measured || (planned_only && phase->planned == 0))
			continue;
		rates.planned += planned_so_far(figures, i);
		rates.made += (double)(outcomes_sum(outcomes) - outcomes[OUTCOME_DROPPED]);
		rates.seconds += (double)figures_phase_us(figures, i) / (double)US_PER_S;
	}
	return rates;
}

double figures_target_rate(const struct figures *figures)
{
	struct rates rates = rates_of(figures, true);

	return rates.seconds > 0 ? rates.planned / rates.seconds : -1;
}

double figures_achieved_rate(const struct figures *figures)
{
	struct rates rates = rates_of(figures, true);

	if (rates.seconds <= 0)
		rates = rates_of(figures, false);
	return rates.seconds > 0 ? rates.made / rates.seconds : 0;
}

double figures_cpu(const struct figures *figures)
{
	double busiest = -1;

	for (size_t i = 0; i < figures->worker_count; i++) {
		const struct hist *cpu_us = figures->workers[i].cpu_us;
		double share = cpu_us ? (double)hist_quantile(cpu_us, 0.5) / (double)US_PER_S : -1;

		busiest = share > busiest ? share : busiest;
	}
	return busiest;
}
