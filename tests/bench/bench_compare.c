/*
 * bench_compare [PAIRS [KIND]]: how often a comparison of equals finds a regression, and how often
 * it finds a true one, by simulation (200 comparisons of each kind). docs/compare.md has the
 * figures.
 */
#include "reports/compare.h"
#include "tests/bench/noisy_runs.h"

struct kind {
	const char *name;
	struct noise noise;  /* of the base */
	double factor, tail; /* of the new runs */
	size_t runs;         /* a side */
	double tolerance;
};

static const struct kind kinds[] = {
	/* One run a side. */
	{ "A/A, 60 s, no tolerance", NOISE_USUAL, 1, 1, 1, 0 },
	{ "A/A, 60 s, the level hardly wanders", { 60, 50, 0.5, 0.02, 0, 0, 1, 1, 0 }, 1, 1, 1, 0 },
	{ "A/A, 60 s, the level wanders slowly", { 60, 50, 0.5, 0.1, 0.9, 0, 1, 1, 0.01 }, 1, 1, 1, 0 },
	{ "A/A, 180 s, no tolerance", { 180, 50, 0.5, 0.1, 0.7, 0, 1, 1, 0.002 }, 1, 1, 1, 0 },
	{ "A/A, 60 s, 5%", NOISE_USUAL, 1, 1, 1, 0.05 },
	{ "A/A, 60 s, 5%, runs differ by 2%", { 60, 50, 0.5, 0.1, 0.7, 0.02, 1, 1, 0 }, 1, 1, 1, 0.05 },
	{ "+10%, 180 s, no tolerance", { 180, 50, 0.5, 0.05, 0.7, 0, 1, 1, 0.002 }, 1.1, 1, 1, 0 },
	{ "+10%, 180 s, 5%", { 180, 200, 0.5, 0.02, 0.5, 0, 1, 1, 0.002 }, 1.1, 1, 1, 0.05 },
	{ "+10% in the slowest tenth, 180 s, 200/s, 5%", { 180, 200, 0.5, 0.02, 0.5, 0, 1, 1, 0.002 }, 1, 1.1, 1, 0.05 },
	{ "+20%, 60 s, 5%", { 60, 100, 0.5, 0.05, 0.7, 0, 1, 1, 0.002 }, 1.2, 1, 1, 0.05 },
	/* Several. */
	{ "A/A, 3 runs, no tolerance, runs differ by 5%", { 20, 50, 0.5, 0.1, 0.7, 0.05, 1, 1, 0.01 }, 1, 1, 3, 0 },
	{ "A/A, 5 runs, no tolerance, runs differ by 5%", { 20, 50, 0.5, 0.1, 0.7, 0.05, 1, 1, 0.01 }, 1, 1, 5, 0 },
	{ "+10%, 5 runs, no tolerance, runs differ by 2%", { 30, 100, 0.5, 0.05, 0.7, 0.02, 1, 1, 0 }, 1.1, 1, 5, 0 },
	{ "+20%, 5 runs, 5%, runs differ by 2%", { 30, 100, 0.5, 0.05, 0.7, 0.02, 1, 1, 0 }, 1.2, 1, 5, 0.05 },
};

enum { RUNS_MAX = 5 };

/* The verdict of one comparison; `p95` of whether a p95 regressed. */
static enum compare_verdict compare_once(const struct kind *kind, const char *place, uint64_t seed,
					 bool *p95)
{
	const struct compare_options options = { .tolerance = kind->tolerance, .errors = 0.01 };
	char paths[2 * RUNS_MAX][200];
	const char *directories[2 * RUNS_MAX];
	struct compare_side base = { directories, kind->runs };
	struct compare_side new = { directories + kind->runs, kind->runs };
	struct comparison *comparison;
	enum compare_verdict verdict;

	for (size_t i = 0; i < 2 * kind->runs; i++) {
		struct noise noise = kind->noise;

		if (i >= kind->runs) {
			noise.factor = kind->factor;
			noise.tail_factor = kind->tail;
		}
		snprintf(paths[i], sizeof(paths[i]), "%s/%zu", place, i);
		directories[i] = paths[i];
		noisy_run_make(paths[i], &noise, seed * 100 + i);
	}
	comparison = compare(&base, &new, &options, NULL);
	if (!comparison || comparison->mismatch_count)
		abort();
	verdict = comparison->verdict;
	*p95 = false;
	for (size_t i = 0; i < comparison->row_count; i++)
		*p95 |= strcmp(comparison->rows[i].metric, "p95") == 0 &&
			comparison->rows[i].verdict == COMPARE_REGRESSED;
	comparison_free(comparison);
	for (size_t i = 0; i < 2 * kind->runs; i++)
		noisy_run_remove(paths[i]);
	return verdict;
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 200;
	char place[] = "/dev/shm/bench_compare_XXXXXX"; /* histories are synced */

	if (!mkdtemp(place))
		return 1;
	printf("%-48s %9s %9s %9s %9s %9s\n", "", "regressed", "(p95)", "improved", "unsure",
	       "same");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int counts[4] = { 0 }, p95s = 0;

		if (argc > 2 && !strstr(kinds[i].name, argv[2]))
			continue;
		for (int j = 0; j < pairs; j++) {
			bool p95;

			counts[compare_once(&kinds[i], place, (uint64_t)j + 1, &p95)]++;
			p95s += p95;
		}
		printf("%-48s %8.1f%% %8.1f%% %8.1f%% %8.1f%% %8.1f%%\n", kinds[i].name,
		       100.0 * counts[COMPARE_REGRESSED] / pairs, 100.0 * p95s / pairs,
		       100.0 * counts[COMPARE_IMPROVED] / pairs,
		       100.0 * counts[COMPARE_INCONCLUSIVE] / pairs,
		       100.0 * counts[COMPARE_SAME] / pairs);
		fflush(stdout);
	}
	rmdir(place);
	return 0;
}
