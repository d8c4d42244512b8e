#include "reports/recovery.h"

#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "reports/condition_names.h"

enum { LONGEST_S = 60, LEVEL_CONDITIONS = 2, SECONDS_BY_DEFAULT = 3, LEAST_MORE_US = 10000 };

struct tracker { /* of one fault */
	int64_t armed_us, healed_us; /* the last time; -1: never */
	struct condition level[LEVEL_CONDITIONS];
	bool has_level;
	int64_t candidate; /* the second that the good stretch may begin with */
	bool recovered;
};

struct recovery {
	struct arena arena;
	struct faults *faults;
	struct condition *steady;
	size_t steady_count;
	int64_t seconds; /* how long it must hold */
	struct tracker *trackers;
};

static void read_steady(struct recovery *recovery, const struct meta *meta)
{
	const struct condition_names names = condition_names_of(meta);

	recovery->seconds = SECONDS_BY_DEFAULT;
	recovery->steady =
		arena_array(&recovery->arena, meta->steady_count, sizeof(*recovery->steady));
	for (size_t i = 0; i < meta->steady_count; i++)
		if (condition_compile(text_of(meta->steady[i]), &names, CONDITION_STEADY,
				      (struct place){ NULL, 0, 0 }, &recovery->arena,
				      &recovery->steady[recovery->steady_count], NULL))
			recovery->steady_count++;
	if (recovery->steady_count && meta->steady_for_us > 0)
		recovery->seconds = (meta->steady_for_us + US_PER_S - 1) / US_PER_S;
	if (recovery->seconds > LONGEST_S)
		recovery->seconds = LONGEST_S;
}

struct recovery *recovery_new(const struct meta *meta, struct faults *faults)
{
	struct recovery *recovery = memory_new(sizeof(*recovery));

	recovery->faults = faults;
	recovery->trackers = memory_array(faults->count, sizeof(*recovery->trackers));
	read_steady(recovery, meta);
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault_spans *spans = &faults->spans[i];
		const struct span *last = spans->count ? &spans->items[spans->count - 1] : NULL;
		bool healed = last && last->end_us != INT64_MAX;
		int64_t healed_us = healed ? last->end_us : -1;

		recovery->trackers[i] = (struct tracker){
			.armed_us = last ? last->start_us : -1,
			.healed_us = healed_us,
			.candidate = (healed_us + US_PER_S - 1) / US_PER_S,
		};
	}
	return recovery;
}

void recovery_free(struct recovery *recovery)
{
	if (!recovery)
		return;
	arena_release(&recovery->arena);
	free(recovery->trackers);
	free(recovery);
}

static enum holding judge(const struct condition *condition, const struct slices *slices,
			  int64_t first, int64_t last, struct judgement *judgement)
{
	struct sample sample = { 0 };

	slices_sum(slices, condition, first, last, &sample);
	condition_judge(condition, &sample, (last - first + 1) * US_PER_S, RIGOUR_WATCH, judgement);
	sample_release(&sample);
	return judgement->holding;
}

static void set_bound(struct condition *condition, double bound)
{
	condition->comparator = LESS_OR_EQUAL;
	condition->bound = bound;
}

/* What was usual, from the seconds before the one in which it was armed. */
static void learn_level(struct tracker *tracker, const struct slices *slices, int64_t second)
{
	struct condition *p99 = &tracker->level[0], *errors = &tracker->level[1];
	int64_t first = second - AROUND_FAULT_US / US_PER_S;
	struct judgement slow, bad;

	*p99 = (struct condition){ .metric = METRIC_QUANTILE,
				   .quantile = 0.99,
				   .unit = UNIT_TIME_US };
	*errors = (struct condition){ .metric = METRIC_ERRORS, .unit = UNIT_SHARE };
	set_bound(p99, HUGE_VAL);
	set_bound(errors, 1);
	judge(p99, slices, first, second - 1, &slow);
	judge(errors, slices, first, second - 1, &bad);
	tracker->has_level = slow.holding == HOLDS && bad.holding == HOLDS;
	set_bound(p99, fmax(2 * slow.actual, slow.actual + LEAST_MORE_US));
	set_bound(errors, bad.actual + 0.01);
}

/* HOLDS only if all do; broken by any. */
static enum holding judge_all(const struct condition *conditions, size_t count,
			      const struct slices *slices, int64_t first, int64_t last)
{
	enum holding all = HOLDS;
	struct judgement judgement;

	for (size_t i = 0; i < count; i++) {
		enum holding one = judge(&conditions[i], slices, first, last, &judgement);

		if (one == DOES_NOT_HOLD)
			return one;
		if (one == NOT_KNOWN)
			all = one;
	}
	return all;
}

static enum holding is_well(const struct recovery *recovery, const struct tracker *tracker,
			    const struct slices *slices, int64_t last)
{
	if (recovery->steady_count)
		return judge_all(recovery->steady, recovery->steady_count, slices,
				 tracker->candidate, last);
	return judge_all(tracker->level, LEVEL_CONDITIONS, slices, tracker->candidate, last);
}

/* Stretches that are not well move on by a second; of those that say nothing yet, longer ones. */
static void track(struct recovery *recovery, struct tracker *tracker, const struct slices *slices,
		  int64_t second)
{
	while (second - tracker->candidate + 1 >= recovery->seconds) {
		enum holding well = is_well(recovery, tracker, slices, second);

		tracker->recovered = well == HOLDS;
		if (tracker->recovered ||
		    (well == NOT_KNOWN && second - tracker->candidate + 1 < LONGEST_S))
			return;
		tracker->candidate++;
	}
}

void recovery_second(struct recovery *recovery, const struct slices *slices, int64_t second)
{
	for (size_t i = 0; i < recovery->faults->count; i++) {
		struct tracker *tracker = &recovery->trackers[i];

		if (tracker->healed_us < 0 || tracker->recovered)
			continue;
		if (second == tracker->armed_us / US_PER_S)
			learn_level(tracker, slices, second);
		if (second >= tracker->candidate && (recovery->steady_count || tracker->has_level))
			track(recovery, tracker, slices, second);
	}
}

void recovery_finish(struct recovery *recovery, int64_t end_us)
{
	for (size_t i = 0; i < recovery->faults->count; i++) {
		const struct tracker *tracker = &recovery->trackers[i];
		struct fault_figures *fault = &recovery->faults->items[i];
		int64_t since_us = tracker->candidate * US_PER_S - tracker->healed_us;

		if (tracker->healed_us < 0)
			continue;
		if (tracker->recovered)
			fault->recovery_us = since_us;
		else if (end_us > tracker->healed_us)
			fault->waited_us = end_us - tracker->healed_us;
		fault->can_recover = recovery->steady_count || tracker->has_level;
	}
}
