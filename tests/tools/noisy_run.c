/*
 * noisy_run DIR SEED FACTOR [SECONDS]: a run that never was, its latencies so many times as long as
 * usual (tests/bench/noisy_runs.h).
 */
#include "tests/bench/noisy_runs.h"

int main(int argc, char **argv)
{
	struct noise noise = { 60, 50, 0.5, 0.03, 0.5, 0, 1, 1, 0.002 };

	if (argc < 4)
		return 2;
	noise.factor = strtod(argv[3], NULL);
	if (argc > 4)
		noise.seconds = atoi(argv[4]);
	noisy_run_make(argv[1], &noise, strtoull(argv[2], NULL, 10));
	return 0;
}
