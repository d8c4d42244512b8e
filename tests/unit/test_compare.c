/*
 * Comparisons of runs whose truth is known. test-timeout: 120s
 */
#include "reports/compare.h"

#include "tests/bench/noisy_runs.h"
#include "tests/unit/tap.h"

enum { RUNS_MAX = 4, PAIRS = 40, PAIRS_WITH_POWER = 10 };

static char place[] = "/dev/shm/test_compare_XXXXXX";

/* Compares `runs` runs a side; the new ones are slower by `factor`. */
static struct comparison *compare_noise(const struct noise *noise, double factor, size_t runs,
					uint64_t seed, double tolerance)
{
	const struct compare_options options = { .tolerance = tolerance, .errors = 0.01 };
	char paths[2 * RUNS_MAX][200];
	const char *directories[2 * RUNS_MAX];
	struct compare_side base = { directories, runs }, new = { directories + runs, runs };
	struct comparison *comparison;
	struct error err;

	for (size_t i = 0; i < 2 * runs; i++) {
		struct noise its = *noise;

		its.factor = i >= runs ? factor : 1;
		snprintf(paths[i], sizeof(paths[i]), "%s/%zu", place, i);
		directories[i] = paths[i];
		noisy_run_make(paths[i], &its, seed * 100 + i);
	}
	comparison = compare(&base, &new, &options, &err);
	for (size_t i = 0; i < 2 * runs; i++)
		noisy_run_remove(paths[i]);
	return comparison;
}

static const struct compare_row *row_of(const struct comparison *comparison, const char *name,
					const char *metric)
{
	for (size_t i = 0; i < comparison->row_count; i++)
		if (strcmp(comparison->rows[i].name, name) == 0 &&
		    strcmp(comparison->rows[i].metric, metric) == 0)
			return &comparison->rows[i];
	return NULL;
}

static int count_verdicts(const struct noise *noise, double factor, int pairs, double tolerance,
			  enum compare_verdict wanted)
{
	int count = 0;

	for (int i = 0; i < pairs; i++) {
		struct comparison *comparison =
			compare_noise(noise, factor, 1, 1000 + (uint64_t)i, tolerance);

		count += comparison->verdict == wanted;
		comparison_free(comparison);
	}
	return count;
}

static void test_pairs(void)
{
	struct noise noise = NOISE_USUAL;
	int count;

	TEST("of 40 comparisons of equals, with no tolerance at all, at most two see a regression") {
		count = count_verdicts(&noise, 1, PAIRS, 0, COMPARE_REGRESSED);
		printf("# %d of %d\n", count, PAIRS);
		CHECK(count <= 2);
	}
	noise = (struct noise){ 120, 100, 0.5, 0.03, 0.5, 0, 1, 1, 0.002 };
	TEST("a run that is slower by a tenth regressed, in nine of ten comparisons") {
		count = count_verdicts(&noise, 1.1, PAIRS_WITH_POWER, 0.02, COMPARE_REGRESSED);
		printf("# %d of %d\n", count, PAIRS_WITH_POWER);
		CHECK(count >= 9);
	}
	TEST("one that is faster by a tenth improved") {
		count = count_verdicts(&noise, 0.9, PAIRS_WITH_POWER, 0.02, COMPARE_IMPROVED);
		printf("# %d of %d\n", count, PAIRS_WITH_POWER);
		CHECK(count >= 9);
	}
	TEST("what lies within the tolerance never regressed") {
		CHECK_INT(count_verdicts(&noise, 1.05, PAIRS_WITH_POWER, 0.1, COMPARE_REGRESSED),
			  0);
	}
}

static void test_rows(void)
{
	const struct noise noise = { 120, 100, 0.5, 0.03, 0.5, 0, 1, 1, 0.002 };
	struct comparison *comparison = compare_noise(&noise, 1.2, 1, 7, 0.05);
	const struct compare_row *p95 = row_of(comparison, "order", "p95");
	const struct compare_row *errors = row_of(comparison, "order", "errors");

	TEST("the difference is the true one, within its interval") {
		CHECK_NEAR(p95->difference.change, 0.2, 0.06);
		CHECK(p95->difference.low < 0.2 && p95->difference.high > 0.2);
		CHECK_NEAR(p95->base, 20000 * exp(0.5 * 1.645), 3000);
		CHECK(p95->p < 0.05 && p95->p_improved > 0.5);
		CHECK_INT(p95->verdict, COMPARE_REGRESSED);
	}
	TEST("errors that did not change did not regress") {
		CHECK_NEAR(errors->base, 0.002, 0.002);
		CHECK_INT(errors->verdict, COMPARE_SAME);
	}
	TEST("the shift is that of all quantiles that enough is known of") {
		CHECK_INT(comparison->shift_count, 2);
		for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
			CHECK(comparison->shifts[0].known[i]);
			CHECK_NEAR(comparison->shifts[0].differences[i].change, 0.2, 0.12);
		}
	}
	comparison_free(comparison);
}

static void test_errors(void)
{
	struct noise noise = { 60, 100, 0.5, 0.03, 0, 0, 1, 1, 0.001 }, worse = noise;
	const struct compare_options options = { .tolerance = 0.5, .errors = 0.01 };
	char paths[2][64];
	const char *directories[] = { paths[0], paths[1] };
	const struct compare_side base = { directories, 1 }, new = { directories + 1, 1 };
	struct comparison *comparison;

	worse.errors = 0.05;
	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%d", place, i);
		noisy_run_make(paths[i], i ? &worse : &noise, 3 + (uint64_t)i);
	}
	comparison = compare(&base, &new, &options, NULL);
	TEST("more errors are a regression, though they be fast") {
		CHECK_INT(row_of(comparison, "list", "errors")->verdict, COMPARE_REGRESSED);
		CHECK_INT(row_of(comparison, "list", "p95")->verdict, COMPARE_SAME);
		CHECK_INT(comparison->verdict, COMPARE_REGRESSED);
	}
	comparison_free(comparison);
	for (int i = 0; i < 2; i++)
		noisy_run_remove(paths[i]);
}

static void test_short(void)
{
	const struct noise noise = { 8, 50, 0.5, 0.1, 0, 0, 1, 1, 0 };
	struct comparison *comparison = compare_noise(&noise, 3, 1, 5, 0.05);

	TEST("runs of a few seconds say nothing, however far apart") {
		const struct compare_row *p50 = row_of(comparison, "list", "p50");

		CHECK_INT(comparison->verdict, COMPARE_INCONCLUSIVE);
		CHECK_TEXT(p50->why, "too short: it takes 20 s");
		CHECK_TEXT(row_of(comparison, "list", "p99")->why, "too few requests");
		CHECK(isnan(p50->p));
	}
	comparison_free(comparison);
}

static void test_runs(void)
{
	const struct noise noise = { 10, 60, 0.5, 0.05, 0.5, 0.02, 1, 1, 0.002 };
	struct comparison *comparison = compare_noise(&noise, 1.3, 4, 21, 0.05);

	TEST("four runs a side, slower by 30%, regressed by an exact test") {
		CHECK_INT(comparison->verdict, COMPARE_REGRESSED);
		CHECK_INT(row_of(comparison, "list", "p50")->verdict, COMPARE_REGRESSED);
		CHECK(strstr(comparison->method, "exact permutation test of 4 and 4 runs, in 70"));
		CHECK(row_of(comparison, "list", "p50")->difference.low > 0.1);
	}
	comparison_free(comparison);
	comparison = compare_noise(&noise, 1.3, 2, 21, 0.05);
	TEST("two runs a side can't be sure of anything, and that is said") {
		CHECK_INT(comparison->verdict, COMPARE_INCONCLUSIVE);
		CHECK_INT(comparison->note_count, 1);
	}
	comparison_free(comparison);
	comparison = compare_noise(&noise, 1, 4, 22, 0.3);
	TEST("runs of equals are the same within a wide tolerance") {
		CHECK_INT(comparison->counts[COMPARE_REGRESSED], 0);
		CHECK_INT(row_of(comparison, "list", "p50")->verdict, COMPARE_SAME);
	}
	comparison_free(comparison);
}

static void test_same_seed(void)
{
	const struct noise noise = NOISE_USUAL;
	struct comparison *one = compare_noise(&noise, 1, 1, 9, 0.05);
	struct comparison *other = compare_noise(&noise, 1, 1, 9, 0.05);

	TEST("the same runs are compared in the same way") {
		for (size_t i = 0; i < one->row_count; i++)
			CHECK(one->rows[i].p == other->rows[i].p &&
			      one->rows[i].difference.low == other->rows[i].difference.low);
	}
	comparison_free(one);
	comparison_free(other);
}

int main(void)
{
	if (!mkdtemp(place))
		return 1;
	test_pairs();
	test_rows();
	test_errors();
	test_short();
	test_runs();
	test_same_seed();
	rmdir(place);
	return tap_done();
}
