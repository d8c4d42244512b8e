#include "lib/hist.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

/*
 * Bucket `index` holds 2^shift values. Indexes below two halves have shift 0; from there on each
 * half of 2^sub_bits indexes has a shift one larger.
 */
static int64_t lowest_at(const struct hist *hist, uint32_t index)
{
	uint32_t half = UINT32_C(1) << hist->sub_bits;
	uint32_t shift = index < 2 * half ? 0 : (index >> hist->sub_bits) - 1;

	return (int64_t)(index - (shift << hist->sub_bits)) << shift;
}

static int64_t highest_at(const struct hist *hist, uint32_t index)
{
	return lowest_at(hist, index + 1) - 1;
}

struct hist *hist_new(int digits)
{
	static const uint8_t sub_bits[] = { 0, 4, 7, 10 }; /* 10^digits fit into one half */
	struct hist *hist = memory_new(sizeof(*hist));

	assert(digits >= 1 && digits <= 3);
	hist->digits = (uint8_t)digits;
	hist->sub_bits = sub_bits[digits];
	hist->min = INT64_MAX;
	return hist;
}

void hist_free(struct hist *hist)
{
	if (!hist)
		return;
	free(hist->counts);
	free(hist);
}

void hist_reset(struct hist *hist)
{
	if (hist->counts)
		memset(hist->counts, 0, hist->used * sizeof(*hist->counts));
	hist->total = hist->over = 0;
	hist->min = INT64_MAX;
	hist->max = 0;
	hist->sum = 0;
}

/* Grows by quarters of a half, so that values creeping upwards don't make it move each time. */
static void make_room(struct hist *hist, uint32_t index)
{
	uint32_t step = UINT32_C(1) << (hist->sub_bits - 2);
	uint32_t wanted = (index / step + 1) * step;

	if (index < hist->used)
		return;
	hist->counts = memory_resize(hist->counts, wanted, sizeof(*hist->counts));
	memset(hist->counts + hist->used, 0, (wanted - hist->used) * sizeof(*hist->counts));
	hist->used = wanted;
}

void hist_record_many(struct hist *hist, int64_t value_us, uint64_t count)
{
	int64_t value = value_us < 0 ? 0 : value_us;
	uint32_t index = hist_index(hist, value > HIST_HIGHEST_US ? HIST_HIGHEST_US : value);

	if (count == 0)
		return;
	make_room(hist, index);
	hist->counts[index] += count;
	hist->total += count;
	hist->over += value > HIST_HIGHEST_US ? count : 0;
	hist->min = value < hist->min ? value : hist->min;
	hist->max = value > hist->max ? value : hist->max;
	hist->sum += (double)value * (double)count;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	assert(into->digits == from->digits);
	if (from->total == 0)
		return;
	make_room(into, from->used - 1);
	for (uint32_t i = 0; i < from->used; i++)
		into->counts[i] += from->counts[i];
	into->total += from->total;
	into->over += from->over;
	into->min = from->min < into->min ? from->min : into->min;
	into->max = from->max > into->max ? from->max : into->max;
	into->sum += from->sum;
}

/*
 * The rank is HdrHistogram's: the smallest count that is at least this share of all. The share is
 * taken one step smaller, so that 0.9 * 10 is 9 although the nearest double to 0.9 is above it.
 */
static uint64_t rank_of(uint64_t total, double quantile)
{
	double percentile = fmin(fmax(nextafter(quantile * 100, -HUGE_VAL), 0), 100);
	double rank = ceil(percentile * (double)total / 100);

	return rank < 1 ? 1 : rank >= (double)total ? total : (uint64_t)rank;
}

int64_t hist_quantile(const struct hist *hist, double quantile)
{
	uint64_t rank = rank_of(hist->total, quantile), seen = 0;

	if (hist->total == 0)
		return 0;
	if (quantile >= 1)
		return hist->max;
	for (uint32_t i = 0; i < hist->used; i++) {
		int64_t value;

		seen += hist->counts[i];
		if (seen < rank)
			continue;
		value = quantile <= 0 ? hist->min : highest_at(hist, i);
		return value < hist->max ? value : hist->max;
	}
	return hist->max;
}

double hist_mean(const struct hist *hist)
{
	return hist->total ? hist->sum / (double)hist->total : 0;
}

uint64_t hist_count_at_or_below(const struct hist *hist, int64_t value_us)
{
	uint64_t count = 0;
	uint32_t end;

	if (value_us < 0)
		return 0;
	if (value_us >= hist->max)
		return hist->total;
	end = hist_index(hist, value_us > HIST_HIGHEST_US ? HIST_HIGHEST_US : value_us);
	for (uint32_t i = 0; i <= end && i < hist->used; i++)
		count += hist->counts[i];
	return count;
}

bool hist_next(const struct hist *hist, uint32_t *index, int64_t *lowest, int64_t *highest,
	       uint64_t *count)
{
	for (; *index < hist->used; ++*index) {
		if (hist->counts[*index] == 0)
			continue;
		*lowest = lowest_at(hist, *index);
		*highest = highest_at(hist, *index);
		*count = hist->counts[(*index)++];
		return true;
	}
	return false;
}
