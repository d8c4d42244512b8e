/*
 * The percentile distribution, line for line what HdrHistogram's outputPercentileDistribution(out,
 * 5, 1000.0) prints, so that plotters can't tell the difference. Like there, values are the upper
 * ends of buckets, and the mean is that of the buckets' middles.
 */
#include "lib/hist.h"

#include <inttypes.h>
#include <math.h>

enum { TICKS_PER_HALF = 5 };

struct walk {
	const struct hist *hist;
	uint32_t index;
	int64_t low, high;
	uint64_t count, seen;
};

static bool walk_on(struct walk *walk)
{
	if (!hist_next(walk->hist, &walk->index, &walk->low, &walk->high, &walk->count))
		return false;
	walk->seen += walk->count;
	return true;
}

/* The middle of a bucket, as HdrHistogram has it: of two values the upper one. */
static double middle(const struct walk *walk)
{
	int64_t value = walk->low + ((walk->high - walk->low + 1) >> 1);

	return (double)value;
}

static void moments(const struct hist *hist, double *mean, double *deviation)
{
	struct walk walk = { .hist = hist };
	double sum = 0, squares = 0, total = (double)hist->total;

	while (walk_on(&walk))
		sum += middle(&walk) * (double)walk.count;
	*mean = hist->total ? sum / total : 0;
	for (walk = (struct walk){ .hist = hist }; walk_on(&walk);)
		squares += (middle(&walk) - *mean) * (middle(&walk) - *mean) * (double)walk.count;
	*deviation = hist->total ? sqrt(squares / total) : 0;
}

/* Ticks get closer with every half of the remaining distance to 100%. */
static double next_level(double level)
{
	double halves = trunc(log(100.0 / (100.0 - level)) / log(2)) + 1;

	return level + 100.0 / (TICKS_PER_HALF * exp2(halves));
}

static void write_lines(const struct hist *hist, struct buffer *out)
{
	struct walk walk = { .hist = hist };
	double total = (double)hist->total, level = 0;

	while (walk_on(&walk)) {
		while (100.0 * (double)walk.seen / total >= level) {
			buffer_format(out, "%12.*f %2.12f %10" PRIu64 " %14.2f\n", hist->digits,
				      (double)walk.high / 1000, level / 100, walk.seen,
				      1 / (1 - level / 100));
			level = next_level(level);
			if (walk.seen == hist->total)
				break;
		}
	}
	buffer_format(out, "%12.*f %2.12f %10" PRIu64 "\n", hist->digits, (double)walk.high / 1000,
		      1.0, walk.seen);
}

static int bucket_count(const struct hist *hist)
{
	int64_t end = INT64_C(2) << hist->sub_bits;
	int buckets = 1;

	for (; end <= HIST_HIGHEST_US; end <<= 1)
		buckets++;
	return buckets;
}

void hist_write_hgrm(const struct hist *hist, struct buffer *out)
{
	struct walk walk = { .hist = hist };
	double mean, deviation;

	buffer_format(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		      "1/(1-Percentile)");
	if (hist->total)
		write_lines(hist, out);
	moments(hist, &mean, &deviation);
	while (walk_on(&walk))
		;
	buffer_format(out, "#[Mean    = %12.*f, StdDeviation   = %12.*f]\n", hist->digits,
		      mean / 1000, hist->digits, deviation / 1000);
	buffer_format(out, "#[Max     = %12.*f, Total count    = %12" PRIu64 "]\n", hist->digits,
		      (double)walk.high / 1000, hist->total);
	buffer_format(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", bucket_count(hist),
		      2 << hist->sub_bits);
}
