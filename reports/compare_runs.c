/* Several runs a side: the run is the unit. See compare.h. */
#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/stats.h"
#include "reports/compare.h"

/* The logarithm of a quantile of one run, or its share of errors; NAN: too few requests. */
static double value_of(const struct compare_run *run, const char *name, double quantile,
		       bool errors)
{
	const struct compare_name *its = compare_run_name(run, name);
	struct hist *all;
	double value;

	if (errors)
		return (double)its->errors / (double)its->count;
	if (!compare_enough(its->count, quantile))
		return (double)NAN;
	all = hist_new(COMPARE_DIGITS);
	for (size_t i = 0; i < its->cell_count; i++) {
		double low, width;

		compare_bucket(its->cells[i].bucket, &low, &width);
		hist_record_many(all, (int64_t)low, its->cells[i].count);
	}
	value = log(fmax(0.5, (double)hist_quantile(all, quantile)));
	hist_free(all);
	return value;
}

static double *values_of(struct comparison *comparison, const char *name, double quantile,
			 bool errors)
{
	size_t base = comparison->base_count, runs = base + comparison->new_count;
	double *values = arena_array(&comparison->arena, runs, sizeof(*values));

	for (size_t i = 0; i < runs; i++)
		values[i] = value_of(i < base ? comparison->base[i] : comparison->new[i - base],
				     name, quantile, errors);
	return values;
}

static bool all_known(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (isnan(values[i]))
			return false;
	return true;
}

static double mean_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum / (double)count;
}

/* The upper bound is the lower one of the other direction. */
static struct difference bounds_of(const struct stats_deals *deals, const double *values)
{
	size_t runs = deals->base + deals->new;
	double *other = memory_array(runs, sizeof(*other));
	double low = stats_deals_bound(deals, values, 0.05 + 1e-12), high;

	for (size_t i = 0; i < runs; i++)
		other[i] = -values[i];
	high = -stats_deals_bound(deals, other, 0.05 + 1e-12);
	free(other);
	return (struct difference){
		mean_of(values + deals->base, deals->new) - mean_of(values, deals->base), low, high
	};
}

static struct difference as_ratio(struct difference difference)
{
	return (struct difference){ expm1(difference.change), expm1(difference.low),
				    expm1(difference.high) };
}

static void fill_shift(struct comparison *comparison, const struct stats_deals *deals,
		       struct compare_shift *shift)
{
	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		double *values = values_of(comparison, shift->name, compare_quantiles[i], false);

		shift->known[i] = all_known(values, deals->base + deals->new);
		if (!shift->known[i])
			continue;
		shift->base[i] = exp(mean_of(values, deals->base));
		shift->new[i] = exp(mean_of(values + deals->base, deals->new));
		shift->differences[i] = as_ratio(bounds_of(deals, values));
	}
}

/* What of a row goes into the test of all rows. */
struct tested {
	struct compare_row *row;
	const double *values, *other; /* as they are; of the other direction */
	double shift;
};

static bool fill_row(struct comparison *comparison, const struct stats_deals *deals,
		     struct compare_row *row, struct tested *tested)
{
	size_t runs = deals->base + deals->new;
	double *values =
		values_of(comparison, row->name, compare_quantiles[row->quantile], row->is_errors);
	double *other = arena_array(&comparison->arena, runs, sizeof(*other));

	if (!all_known(values, runs)) {
		row->why = "too few requests";
		return false;
	}
	for (size_t i = 0; i < runs; i++)
		other[i] = -values[i];
	row->base = mean_of(values, deals->base);
	row->new = mean_of(values + deals->base, deals->new);
	row->difference = bounds_of(deals, values);
	if (row->is_errors)
		row->tolerance = comparison->options.errors;
	else {
		row->base = exp(row->base);
		row->new = exp(row->new);
		row->difference = as_ratio(row->difference);
		row->tolerance = compare_tolerance(comparison, row->base);
	}
	*tested = (struct tested){ row, values, other,
				   row->is_errors ? row->tolerance : log1p(row->tolerance) };
	return true;
}

static void test_all(const struct stats_deals *deals, const struct tested *tested, size_t count,
		     bool improved)
{
	const double **values = memory_array(count + 1, sizeof(*values));
	double *shifts = memory_array(count + 1, sizeof(*shifts));
	double *adjusted = memory_array(count + 1, sizeof(*adjusted));

	for (size_t i = 0; i < count; i++) {
		values[i] = improved ? tested[i].other : tested[i].values;
		shifts[i] = tested[i].shift;
	}
	stats_deals_adjust(deals, values, shifts, count, adjusted);
	for (size_t i = 0; i < count; i++)
		*(improved ? &tested[i].row->p_improved : &tested[i].row->p) = adjusted[i];
	free(values);
	free(shifts);
	free(adjusted);
}

void compare_runs(struct comparison *comparison)
{
	struct random random = random_stream(comparison->options.seed, "compare", 1);
	struct tested *tested = memory_array(comparison->row_count + 1, sizeof(*tested));
	struct stats_deals deals;
	size_t count = 0;

	stats_deals_init(&deals, comparison->base_count, comparison->new_count, &random);
	for (size_t i = 0; i < comparison->shift_count; i++)
		fill_shift(comparison, &deals, &comparison->shifts[i]);
	for (size_t i = 0; i < comparison->row_count; i++)
		count += fill_row(comparison, &deals, &comparison->rows[i], &tested[count]);
	test_all(&deals, tested, count, false);
	test_all(&deals, tested, count, true);
	comparison->method =
		arena_format(&comparison->arena,
			     "%s permutation test of %zu and %zu runs, in %zu ways to deal them",
			     deals.exact ? "exact" : "sampled", deals.base, deals.new, deals.count);
	if (deals.count < 20)
		compare_add_note(comparison,
				 "%zu and %zu runs can be dealt in %zu ways: no difference can be "
				 "sure at 5%%; it takes three runs a side",
				 deals.base, deals.new, deals.count);
	stats_deals_release(&deals);
	free(tested);
}
