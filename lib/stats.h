/*
 * stats: how sure one may be of a difference.
 *
 * Two ways, for two situations. When there are several runs a side, the run is the unit: if there
 * is no difference, every way of dealing the runs to the sides is as likely as the one that was
 * seen, so counting the deals is a test that assumes nothing else. When there is one run a side,
 * its seconds are resampled in blocks, as neighbouring seconds are alike.
 */
#ifndef LIB_STATS_H
#define LIB_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/random.h"

/* Student's t: the share below `t`, and the `t` that this share is below. */
double stats_t_below(double t, double freedom);
double stats_t_at(double share, double freedom);

/* Holm's correction: the chance that any of them is a false alarm stays where it was for one. */
void stats_holm(const double *p, size_t count, double *adjusted);

/*
 * One moving-block resample of `count` seconds, as a circle: times[i] is how often second i is in
 * it; together they are `count`.
 */
void stats_resample(struct random *random, size_t block, uint32_t *times, size_t count);

/*
 * How much of what a second has more than the mean is left in the next: the lag-1 autocorrelation,
 * corrected for the shortness of the series; from 0 to 0.95.
 */
double stats_persistence(const double *series, size_t count);

/* How long blocks are for a series of this many seconds. */
size_t stats_block_length(size_t count, double persistence);

/* By what a standard error from such blocks is too small, as a factor: 1 where nothing persists. */
double stats_block_loss(size_t block, double persistence);

/*
 * Deals of base + new runs to two sides. Bit i of a deal: run i goes to the new side. The first one
 * is what was seen: base runs first, then the new ones. All of them when they are at most
 * STATS_DEALS_MAX, else as many at random.
 */
enum { STATS_DEALS_MAX = 5000, STATS_RUNS_MAX = 32 };

struct stats_deals {
	uint64_t *deals;
	size_t count;
	size_t base, new;
	int exact; /* all there are */
};

void stats_deals_init(struct stats_deals *deals, size_t base, size_t new, struct random *random);
void stats_deals_release(struct stats_deals *deals);

/*
 * How often a deal's new side is, by its mean, at least as high as the one seen, when `shift` was
 * taken off the new runs: the one-sided p of "the difference is at most shift".
 */
double stats_deals_p(const struct stats_deals *deals, const double *values, double shift);

/* The largest shift with a p of at most `share`: the difference is above that. May be -INFINITY. */
double stats_deals_bound(const struct stats_deals *deals, const double *values, double share);

/*
 * Westfall and Young's step-down over several rows at once, which are alike in their deals: the p
 * of each row, adjusted for there being others. values[row] has base + new values, shifts[row] is
 * taken off the new ones.
 */
void stats_deals_adjust(const struct stats_deals *deals, const double *const *values,
			const double *shifts, size_t rows, double *adjusted);

#endif
