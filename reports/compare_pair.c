/*
 * One run a side: a moving-block bootstrap over seconds. See compare.h.
 *
 * The bootstrap gives a standard error; the interval is that of Student's t with as many degrees of
 * freedom as there are blocks, less one. So it holds for short runs too, and p has no floor that
 * the number of resamples would put under it.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/stats.h"
#include "reports/compare.h"

enum { RESAMPLES = 400, SECONDS_MIN = 20 };

/* The seconds in which anything was measured, of one run. */
struct axis {
	size_t *slices;
	size_t count;
};

/* A name on one side, its buckets numbered from 0 over both sides. */
struct half {
	const struct compare_name *name;
	const struct axis *axis;
	uint32_t *times;   /* how often each second of the axis is in the resample */
	double *weights;   /* per bucket */
};

struct pair {
	struct comparison *comparison;
	struct axis axes[2];
	struct half halves[2];
	uint32_t *buckets;  /* sorted */
	size_t bucket_count;
	uint32_t *numbers;  /* of a bucket: its number */
	size_t seconds;     /* of the shorter axis */
	size_t block;
	double persistence; /* of the name at hand */
	double loss;        /* see stats_block_loss() */
	struct random random;
	double (*draws)[COMPARE_QUANTILES + 1]; /* per resample; the last is of errors */
};

/* The mean of the logarithms in a second; NAN: nothing was done. */
static double level_of(const struct half *half, size_t second)
{
	const struct compare_slice *slice = &half->name->slices[half->axis->slices[second]];
	double sum = 0, low, width;

	for (size_t i = slice->cell; i < slice->cell + slice->cell_count; i++) {
		compare_bucket(half->name->cells[i].bucket, &low, &width);
		sum += half->name->cells[i].count * log(low + width / 2);
	}
	return slice->count ? sum / (double)slice->count : (double)NAN;
}

/* Of the difference where seconds stand in pairs, else of the side on which more persists. */
static double persistence_of(const struct pair *pair)
{
	const struct half *halves = pair->halves;
	double most = 0;

	for (int side = 0; side < 2; side++) {
		size_t count = halves[side].axis->count, known = 0;
		double *series = memory_array(count + 1, sizeof(*series));

		for (size_t i = 0; i < count; i++) {
			double level = level_of(&halves[side], i);

			if (pair->comparison->same_plan)
				level -= level_of(&halves[1 - side], i);
			if (!isnan(level))
				series[known++] = level;
		}
		most = fmax(most, stats_persistence(series, known));
		free(series);
	}
	return most;
}

static bool is_measured(const struct compare_run *run, size_t slice)
{
	for (size_t i = 0; slice < run->slices && i < run->meta->request_count; i++)
		if (run->names[i].slices[slice].count)
			return true;
	return false;
}

/* With the same plan both have the same axis: a second of one stands for that of both. */
static void make_axes(struct pair *pair)
{
	const struct comparison *comparison = pair->comparison;
	const struct compare_run *runs[2] = { comparison->base[0], comparison->new[0] };
	size_t most = runs[0]->slices > runs[1]->slices ? runs[0]->slices : runs[1]->slices;

	for (int side = 0; side < 2; side++)
		pair->axes[side].slices = memory_array(most + 1, sizeof(size_t));
	for (size_t slice = 0; slice < most; slice++) {
		bool base = is_measured(runs[0], slice), new = is_measured(runs[1], slice);

		if (base || (new && comparison->same_plan))
			pair->axes[0].slices[pair->axes[0].count++] = slice;
		if (new || (base && comparison->same_plan))
			pair->axes[1].slices[pair->axes[1].count++] = slice;
	}
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Numbers the buckets that either side has something in. */
static void number_buckets(struct pair *pair)
{
	size_t cells = pair->halves[0].name->cell_count + pair->halves[1].name->cell_count;
	uint32_t *buckets = memory_array(cells + 1, sizeof(*buckets));
	size_t count = 0, kept = 0;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < pair->halves[side].name->cell_count; i++)
			buckets[count++] = pair->halves[side].name->cells[i].bucket;
	qsort(buckets, count, sizeof(*buckets), by_number);
	for (size_t i = 0; i < count; i++)
		if (!kept || buckets[i] != buckets[kept - 1])
			buckets[kept++] = buckets[i];
	pair->buckets = buckets;
	pair->bucket_count = kept;
	pair->numbers = memory_array(kept ? buckets[kept - 1] + 1 : 1, sizeof(*pair->numbers));
	for (size_t i = 0; i < kept; i++)
		pair->numbers[buckets[i]] = (uint32_t)i;
	for (int side = 0; side < 2; side++)
		pair->halves[side].weights = memory_array(kept + 1, sizeof(double));
}

/* What is in the resample: requests and errors; weights are filled in. */
static void weigh(const struct pair *pair, const struct half *half, double *count, double *errors)
{
	*count = *errors = 0;
	memset(half->weights, 0, pair->bucket_count * sizeof(*half->weights));
	for (size_t i = 0; i < half->axis->count; i++) {
		const struct compare_slice *slice = &half->name->slices[half->axis->slices[i]];
		double times = half->times[i];

		if (times <= 0)
			continue;
		*count += times * (double)slice->count;
		*errors += times * (double)slice->errors;
		for (size_t j = slice->cell; j < slice->cell + slice->cell_count; j++)
			half->weights[pair->numbers[half->name->cells[j].bucket]] +=
				times * half->name->cells[j].count;
	}
}

/* Straight lines inside of buckets, so that a step of the histogram is no jump. */
static void find_quantiles(const struct pair *pair, const struct half *half, double count,
			   double out[COMPARE_QUANTILES])
{
	double below = 0, low = 1, width = 0;
	size_t bucket = 0;

	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		double rank = compare_quantiles[i] * count;

		while (bucket + 1 < pair->bucket_count && below + half->weights[bucket] < rank)
			below += half->weights[bucket++];
		if (pair->bucket_count)
			compare_bucket(pair->buckets[bucket], &low, &width);
		out[i] = low + (half->weights[bucket] > 0 ?
					width * (rank - below) / half->weights[bucket] :
					0);
		out[i] = fmax(out[i], 0.5);
	}
}

/* Logarithms of quantiles, then the share of errors. */
static bool look(const struct pair *pair, int side, double out[COMPARE_QUANTILES + 1])
{
	const struct half *half = &pair->halves[side];
	double count, errors;

	weigh(pair, half, &count, &errors);
	if (count <= 0)
		return false;
	find_quantiles(pair, half, count, out);
	for (size_t i = 0; i < COMPARE_QUANTILES; i++)
		out[i] = log(out[i]);
	out[COMPARE_QUANTILES] = errors / count;
	return true;
}

static void resample(struct pair *pair)
{
	struct half *halves = pair->halves;

	stats_resample(&pair->random, pair->block, halves[0].times, halves[0].axis->count);
	if (pair->comparison->same_plan)
		memcpy(halves[1].times, halves[0].times,
		       halves[0].axis->count * sizeof(*halves[0].times));
	else
		stats_resample(&pair->random, pair->block, halves[1].times, halves[1].axis->count);
}

/* The standard error of each difference. */
static void bootstrap(struct pair *pair, double errors[COMPARE_QUANTILES + 1])
{
	size_t drawn = 0;

	for (size_t i = 0; i < RESAMPLES; i++) {
		double base[COMPARE_QUANTILES + 1], new[COMPARE_QUANTILES + 1];

		resample(pair);
		if (!look(pair, 0, base) || !look(pair, 1, new))
			continue;
		for (size_t j = 0; j <= COMPARE_QUANTILES; j++)
			pair->draws[drawn][j] = new[j] - base[j];
		drawn++;
	}
	for (size_t j = 0; j <= COMPARE_QUANTILES; j++) {
		double mean = 0, squares = 0;

		for (size_t i = 0; i < drawn; i++)
			mean += pair->draws[i][j] / (double)drawn;
		for (size_t i = 0; i < drawn; i++)
			squares += (pair->draws[i][j] - mean) * (pair->draws[i][j] - mean);
		errors[j] = drawn > RESAMPLES / 2 ?
				    pair->loss * sqrt(squares / (double)(drawn - 1)) :
				    (double)INFINITY;
	}
}

/* As many independent seconds would say as much. */
static double stretches_of(const struct pair *pair)
{
	return (double)pair->seconds * (1 - pair->persistence) / (1 + pair->persistence);
}

static double freedom_of(const struct pair *pair)
{
	double blocks = (double)pair->seconds / (double)pair->block;

	return fmax(1, fmin(blocks, stretches_of(pair)) - 1);
}

/* How fine a histogram is: no difference is surer than that. */
static double finest(double log_base, double log_new)
{
	double least_us = fmin(exp(log_base), exp(log_new));

	return fmax(0.0005, 0.3 / least_us);
}

static double least_error_of_shares(const struct compare_name *base, const struct compare_name *new)
{
	double share =
		(double)(base->errors + new->errors + 1) / (double)(base->count + new->count + 2);

	return sqrt(share * (1 - share) * (1 / (double)base->count + 1 / (double)new->count));
}

static void fill_row(struct pair *pair, struct compare_row *row, double base, double new,
		     double error)
{
	double freedom = freedom_of(pair), difference = new - base;
	double wide = stats_t_at(0.95, freedom) * error, shift;

	if (row->is_errors) {
		row->base = base;
		row->new = new;
		row->tolerance = pair->comparison->options.errors;
		row->difference =
			(struct difference){ difference, difference - wide, difference + wide };
		shift = row->tolerance;
	} else {
		row->base = exp(base);
		row->new = exp(new);
		row->tolerance = compare_tolerance(pair->comparison, row->base);
		row->difference = (struct difference){ expm1(difference), expm1(difference - wide),
						       expm1(difference + wide) };
		shift = log1p(row->tolerance);
	}
	if (!row->is_errors &&
	    !(compare_enough(pair->halves[0].name->count, compare_quantiles[row->quantile]) &&
	      compare_enough(pair->halves[1].name->count, compare_quantiles[row->quantile]))) {
		row->why = "too few requests";
		return;
	}
	if (pair->axes[0].count < SECONDS_MIN || pair->axes[1].count < SECONDS_MIN) {
		row->why = "too short: it takes 20 s";
		return;
	}
	row->p = stats_t_below((shift - difference) / error, freedom);
	row->p_improved = stats_t_below((shift + difference) / error, freedom);
}

static void fill_shift(struct pair *pair, struct compare_shift *shift, const double *base,
		       const double *new, const double *errors)
{
	double t = stats_t_at(0.95, freedom_of(pair));

	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		double difference = new[i] - base[i];

		shift->base[i] = exp(base[i]);
		shift->new[i] = exp(new[i]);
		shift->differences[i] =
			(struct difference){ expm1(difference), expm1(difference - t * errors[i]),
					     expm1(difference + t * errors[i]) };
		shift->known[i] = compare_enough(shift->base_count, compare_quantiles[i]) &&
				  compare_enough(shift->new_count, compare_quantiles[i]);
	}
}

static void begin_name(struct pair *pair, const char *name)
{
	const struct comparison *comparison = pair->comparison;
	const struct compare_run *runs[2] = { comparison->base[0], comparison->new[0] };

	for (int side = 0; side < 2; side++) {
		struct half *half = &pair->halves[side];

		*half = (struct half){ .name = compare_run_name(runs[side], name),
				       .axis = &pair->axes[side] };
		half->times = memory_array(half->axis->count + 1, sizeof(*half->times));
		for (size_t i = 0; i < half->axis->count; i++)
			half->times[i] = 1;
	}
	number_buckets(pair);
}

static void end_name(struct pair *pair)
{
	for (int side = 0; side < 2; side++) {
		free(pair->halves[side].times);
		free(pair->halves[side].weights);
	}
	free(pair->buckets);
	free(pair->numbers);
}

static void compare_name(struct pair *pair, struct compare_shift *shift, struct compare_row *rows,
			 size_t row_count)
{
	double base[COMPARE_QUANTILES + 1], new[COMPARE_QUANTILES + 1];
	double errors[COMPARE_QUANTILES + 1];

	begin_name(pair, shift->name);
	pair->persistence = persistence_of(pair);
	pair->block = stats_block_length(pair->seconds, pair->persistence);
	pair->loss = stats_block_loss(pair->block, pair->persistence);
	/* Both have requests of this name, or there would be no such row. */
	if (look(pair, 0, base) && look(pair, 1, new)) {
		bootstrap(pair, errors);
		for (size_t i = 0; i < COMPARE_QUANTILES; i++)
			errors[i] = fmax(errors[i], finest(base[i], new[i]));
		errors[COMPARE_QUANTILES] =
			fmax(errors[COMPARE_QUANTILES],
			     least_error_of_shares(pair->halves[0].name, pair->halves[1].name));
		fill_shift(pair, shift, base, new, errors);
		for (size_t i = 0; i < row_count; i++) {
			size_t at = rows[i].is_errors ? COMPARE_QUANTILES : rows[i].quantile;

			fill_row(pair, &rows[i], base[at], new[at], errors[at]);
		}
	}
	end_name(pair);
}

/* Over the rows that could be tested at all. */
static void adjust(struct comparison *comparison)
{
	double *worse = memory_array(comparison->row_count + 1, sizeof(*worse));
	double *better = memory_array(comparison->row_count + 1, sizeof(*better));
	size_t count = 0;

	for (size_t i = 0; i < comparison->row_count; i++)
		if (!isnan(comparison->rows[i].p)) {
			worse[count] = comparison->rows[i].p;
			better[count++] = comparison->rows[i].p_improved;
		}
	stats_holm(worse, count, worse);
	stats_holm(better, count, better);
	for (size_t i = 0, at = 0; i < comparison->row_count; i++)
		if (!isnan(comparison->rows[i].p)) {
			comparison->rows[i].p = worse[at];
			comparison->rows[i].p_improved = better[at++];
		}
	free(worse);
	free(better);
}

void compare_pair(struct comparison *comparison)
{
	struct pair pair = { .comparison = comparison };
	size_t per_name =
		comparison->shift_count ? comparison->row_count / comparison->shift_count : 0;

	make_axes(&pair);
	pair.seconds =
		pair.axes[0].count < pair.axes[1].count ? pair.axes[0].count : pair.axes[1].count;
	pair.random = random_stream(comparison->options.seed, "compare", 0);
	pair.draws = memory_array(RESAMPLES, sizeof(*pair.draws));
	for (size_t i = 0; i < comparison->shift_count; i++)
		compare_name(&pair, &comparison->shifts[i], &comparison->rows[i * per_name],
			     per_name);
	adjust(comparison);
	comparison->method =
		arena_format(&comparison->arena, "moving-block bootstrap over %zu s%s",
			     pair.seconds, comparison->same_plan ? ", paired by second" : "");
	free(pair.draws);
	free(pair.axes[0].slices);
	free(pair.axes[1].slices);
}
