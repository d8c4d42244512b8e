/* What both methods of comparing have in common: which rows there are, and their verdicts. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/stats.h"
#include "reports/compare.h"

enum { NOTES_MAX = 30, BEYOND_MIN = 10 };

const double compare_quantiles[COMPARE_QUANTILES] = { 0.05, 0.1, 0.2,  0.3, 0.4,  0.5, 0.6,
						      0.7,  0.8, 0.85, 0.9, 0.95, 0.99 };

/* Of these rows are made. */
static const struct {
	const char *name;
	size_t quantile;
} metrics[] = { { "p50", 5 }, { "p90", 10 }, { "p95", 11 }, { "p99", 12 } };

enum { METRICS = sizeof(metrics) / sizeof(*metrics) };

const char *const compare_verdict_names[] = {
	[COMPARE_SAME] = "same",
	[COMPARE_IMPROVED] = "improved",
	[COMPARE_REGRESSED] = "regressed",
	[COMPARE_INCONCLUSIVE] = "inconclusive",
};

/* As gates have it: ten of them have to be beyond a quantile. */
bool compare_enough(uint64_t count, double quantile)
{
	double beyond = quantile < 0.5 ? quantile : 1 - quantile;

	return (double)count * beyond >= BEYOND_MIN - 1e-6;
}

double compare_tolerance(const struct comparison *comparison, double base_us)
{
	double least = base_us > 0 ? (double)comparison->options.least_us / base_us : 0;

	return fmax(comparison->options.tolerance, least);
}

void compare_add_note(struct comparison *comparison, const char *format, ...)
{
	char text[500];
	va_list arguments;

	if (!comparison->notes)
		comparison->notes =
			arena_array(&comparison->arena, NOTES_MAX, sizeof(*comparison->notes));
	if (comparison->note_count == NOTES_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	comparison->notes[comparison->note_count++] =
		arena_string(&comparison->arena, text_of(text));
}

static bool all_have(struct compare_run *const *runs, size_t count, const char *name,
		     uint64_t *requests)
{
	*requests = 0;
	for (size_t i = 0; i < count; i++) {
		const struct compare_name *its = compare_run_name(runs[i], name);

		if (!its)
			return false;
		*requests += its->count;
	}
	return true;
}

static void add_rows(struct comparison *comparison, const char *name)
{
	for (size_t i = 0; i <= METRICS; i++)
		comparison->rows[comparison->row_count++] = (struct compare_row){
			.name = name,
			.metric = i < METRICS ? metrics[i].name : "errors",
			.quantile = i < METRICS ? metrics[i].quantile : 0,
			.is_errors = i == METRICS,
			.difference = { (double)NAN, (double)NAN, (double)NAN },
			.p = (double)NAN,
			.p_improved = (double)NAN,
			.why = "",
		};
}

void compare_make_rows(struct comparison *comparison)
{
	const struct meta *meta = comparison->base[0]->meta;
	size_t count =
		meta->request_count < COMPARE_NAMES_MAX ? meta->request_count : COMPARE_NAMES_MAX;

	comparison->rows = arena_array(&comparison->arena, count * (METRICS + 1) + 1,
				       sizeof(struct compare_row));
	comparison->shifts =
		arena_array(&comparison->arena, count + 1, sizeof(struct compare_shift));
	for (size_t i = 0; i < count; i++) {
		struct compare_shift *shift = &comparison->shifts[comparison->shift_count];
		bool base, new;

		*shift = (struct compare_shift){ .name = meta->requests[i] };
		base = all_have(comparison->base, comparison->base_count, shift->name,
				&shift->base_count);
		new = all_have(comparison->new, comparison->new_count, shift->name,
			       &shift->new_count);
		if (base != new)
			compare_add_note(comparison,
					 "'%.100s' was requested on one side only; not compared",
					 shift->name);
		if (!base || !new)
			continue;
		comparison->shift_count++;
		add_rows(comparison, shift->name);
	}
	if (count < meta->request_count)
		compare_add_note(comparison, "only the first %zu of %zu request names are compared",
				 count, meta->request_count);
}

static enum compare_verdict verdict_of_row(const struct compare_row *row)
{
	const struct difference *difference = &row->difference;
	double better = row->is_errors ? -row->tolerance : 1 / (1 + row->tolerance) - 1;

	if (isnan(row->p))
		return COMPARE_INCONCLUSIVE;
	if (row->p <= 0.05 + 1e-12)
		return COMPARE_REGRESSED;
	if (row->p_improved <= 0.05 + 1e-12)
		return COMPARE_IMPROVED;
	if (difference->low >= better && difference->high <= row->tolerance)
		return COMPARE_SAME;
	return COMPARE_INCONCLUSIVE;
}

/* One that regressed decides; one that is not sure keeps the others from being the same. */
static enum compare_verdict verdict_of_all(const struct comparison *comparison)
{
	const uint64_t *counts = comparison->counts;

	if (counts[COMPARE_REGRESSED])
		return COMPARE_REGRESSED;
	if (counts[COMPARE_IMPROVED])
		return COMPARE_IMPROVED;
	if (counts[COMPARE_INCONCLUSIVE] || !counts[COMPARE_SAME])
		return COMPARE_INCONCLUSIVE;
	return COMPARE_SAME;
}

void compare_judge(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->row_count; i++) {
		struct compare_row *row = &comparison->rows[i];

		row->verdict = verdict_of_row(row);
		if (row->verdict == COMPARE_INCONCLUSIVE && !*row->why)
			row->why = "the interval is wider than the tolerance";
		comparison->counts[row->verdict]++;
	}
	comparison->verdict = verdict_of_all(comparison);
}
