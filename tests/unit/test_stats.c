/* Tests of differences: against known values, and against chance itself. */
#include "lib/stats.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static void test_t(void)
{
	TEST("Student's t is that of the tables") {
		CHECK_NEAR(stats_t_at(0.95, 1), 6.3138, 0.0001);
		CHECK_NEAR(stats_t_at(0.95, 14), 1.7613, 0.0001);
		CHECK_NEAR(stats_t_at(0.975, 10), 2.2281, 0.0001);
		CHECK_NEAR(stats_t_at(0.995, 30), 2.7500, 0.0001);
		CHECK_NEAR(stats_t_at(0.95, 1e6), 1.6449, 0.0001);
		CHECK_NEAR(stats_t_below(0, 3.5), 0.5, 1e-12);
		CHECK_NEAR(stats_t_below(-2.2281, 10), 0.025, 0.00001);
		CHECK(stats_t_below((double)INFINITY, 5) == 1 &&
		      stats_t_below(-(double)INFINITY, 5) == 0);
		CHECK(isnan(stats_t_below((double)NAN, 5)));
	}
}

static void test_holm(void)
{
	const double p[] = { 0.01, 0.04, 0.03, 0.005 };
	double adjusted[4];

	TEST("Holm multiplies the smallest by all, the next by all but one, and never falls") {
		stats_holm(p, 4, adjusted);
		CHECK_NEAR(adjusted[3], 0.02, 1e-12);
		CHECK_NEAR(adjusted[0], 0.03, 1e-12);
		CHECK_NEAR(adjusted[2], 0.06, 1e-12);
		CHECK_NEAR(adjusted[1], 0.06, 1e-12);
		stats_holm(p, 0, adjusted);
	}
}

static void test_blocks(void)
{
	struct random random = random_stream(7, "blocks", 0);
	uint32_t times[50];
	uint64_t seen[50] = { 0 };

	TEST("a resample has as many seconds as there are, each as often as any other") {
		for (int i = 0; i < 4000; i++) {
			uint64_t sum = 0;

			stats_resample(&random, stats_block_length(50, 0), times, 50);
			for (size_t j = 0; j < 50; j++) {
				sum += times[j];
				seen[j] += times[j];
			}
			if (sum != 50)
				CHECK_INT(sum, 50);
		}
		for (size_t j = 0; j < 50; j++)
			if (seen[j] < 3600 || seen[j] > 4400)
				CHECK_NEAR((double)seen[j], 4000, 400);
	}
	TEST("blocks grow with the series, but slower") {
		CHECK_INT(stats_block_length(0, 0), 1);
		CHECK_INT(stats_block_length(2, 0), 2);
		CHECK_INT(stats_block_length(27, 0), 6);
		CHECK_INT(stats_block_length(1000, 0), 20);
	}
	TEST("blocks are longer where a second is like the one before it, as far as there is room") {
		CHECK_INT(stats_block_length(1000, 0.9), 57);
		CHECK_INT(stats_block_length(60, 0.9), 12);
		CHECK(stats_block_loss(12, 0) == 1);
		CHECK(stats_block_loss(57, 0.9) > 1.05 && stats_block_loss(57, 0.9) < 1.2);
		CHECK(stats_block_loss(12, 0.95) < 2.6);
	}
	TEST("persistence is that of the process") {
		double series[5000];

		for (size_t i = 0; i < 5000; i++)
			series[i] = (i ? 0.8 * series[i - 1] : 0) + random_normal(&random, 0, 1);
		CHECK_NEAR(stats_persistence(series, 5000), 0.8, 0.03);
		for (size_t i = 0; i < 5000; i++)
			series[i] = random_normal(&random, 0, 1);
		CHECK_NEAR(stats_persistence(series, 5000), 0, 0.04);
		CHECK(stats_persistence(series, 2) == 0);
	}
}

static void test_deals(void)
{
	const double apart[] = { 1.0, 1.1, 1.2, 2.0, 2.1, 2.2 };
	const double mixed[] = { 1.0, 2.0, 3.0, 1.5, 2.5, 2.0 };
	struct random random = random_stream(7, "deals", 0);
	struct stats_deals deals;

	TEST("three runs a side are dealt in twenty ways") {
		stats_deals_init(&deals, 3, 3, &random);
		CHECK_INT(deals.count, 20);
		CHECK(deals.exact);
		CHECK_INT(deals.deals[0], 0x38);
	}
	TEST("what is wholly apart has the smallest p there is") {
		CHECK_NEAR(stats_deals_p(&deals, apart, 0), 1.0 / 20, 1e-12);
		CHECK_NEAR(stats_deals_p(&deals, apart, 3), 1, 1e-12);
		CHECK(stats_deals_p(&deals, mixed, 0) > 0.4);
	}
	TEST("a bound is where p is just small enough") {
		double bound = stats_deals_bound(&deals, apart, 0.05);

		/* The lowest of the new ones has to stay above the highest of the others. */
		CHECK_NEAR(bound, 0.8, 1e-6);
		CHECK(isinf(stats_deals_bound(&deals, apart, 0.01)));
	}
	TEST("one row alone is not adjusted") {
		const double *rows[] = { apart };
		const double shift = 0;
		double adjusted;

		stats_deals_adjust(&deals, rows, &shift, 1, &adjusted);
		CHECK_NEAR(adjusted, 0.05, 1e-12);
		stats_deals_release(&deals);
	}
	TEST("deals that are too many are sampled, and what was seen is among them") {
		stats_deals_init(&deals, 10, 10, &random);
		CHECK_INT(deals.count, STATS_DEALS_MAX);
		CHECK(!deals.exact);
		CHECK_INT(deals.deals[0], 0xffc00);
		for (size_t i = 0; i < deals.count; i++)
			if (__builtin_popcountll(deals.deals[i]) != 10)
				CHECK_INT(__builtin_popcountll(deals.deals[i]), 10);
		stats_deals_release(&deals);
	}
}

enum { ROWS = 12, TRIALS = 400 };

/* Of 400 comparisons of equals, 12 rows each, in how many something is found. */
static int false_alarms(size_t runs, struct random *random)
{
	double values[ROWS][2 * 6], shifts[ROWS] = { 0 }, adjusted[ROWS];
	const double *rows[ROWS];
	struct stats_deals deals;
	int alarms = 0;

	stats_deals_init(&deals, runs, runs, random);
	for (int trial = 0; trial < TRIALS; trial++) {
		int alarm = 0;

		for (int row = 0; row < ROWS; row++) {
			rows[row] = values[row];
			for (size_t i = 0; i < 2 * runs; i++)
				values[row][i] = random_normal(random, 5, row + 1);
		}
		stats_deals_adjust(&deals, rows, shifts, ROWS, adjusted);
		for (int row = 0; row < ROWS; row++)
			alarm |= adjusted[row] <= 0.05;
		alarms += alarm;
	}
	stats_deals_release(&deals);
	return alarms;
}

static void test_chance(void)
{
	struct random random = random_stream(11, "chance", 0);

	TEST("among equals something is found at most once in twenty times, in any of twelve rows") {
		int three = false_alarms(3, &random), five = false_alarms(5, &random);

		printf("# %d and %d of %d false alarms with 3 and 5 runs a side\n", three, five,
		       TRIALS);
		/* 20 expected; 33 is three standard deviations above that. */
		CHECK(three <= 33);
		CHECK(five <= 33);
	}
}

int main(void)
{
	test_t();
	test_holm();
	test_blocks();
	test_deals();
	test_chance();
	return tap_done();
}
