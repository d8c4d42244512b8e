/*
 * noisy_runs: histories of runs that never were, whose latencies are as noisy as real ones:
 * log-normal, on a level that wanders from second to second (an AR(1) process), and that may differ
 * from run to run.
 *
 *	struct noise noise = NOISE_USUAL;
 *	noisy_run_make("/tmp/x/a", &noise, seed);
 */
#ifndef TESTS_NOISY_RUNS_H
#define TESTS_NOISY_RUNS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/random.h"
#include "lib/record.h"

struct noise {
	int seconds, per_s;   /* per_s: of each of the two request names */
	double spread;        /* standard deviation of the logarithm, within a second */
	double wander, keeps; /* of the level: its standard deviation, and how much of it stays */
	double run_spread;    /* between runs */
	double factor;        /* of all latencies: 1.1 is slower by a tenth */
	double tail_factor;   /* of the slowest tenth only */
	double errors;        /* share */
};

/* A minute at 100/s, a median of 20 ms, p95 at 45 ms; the level wanders by a tenth. */
#define NOISE_USUAL { 60, 50, 0.5, 0.1, 0.7, 0, 1, 1, 0.002 }

enum { NOISY_NAMES = 2, NOISY_MEDIAN_US = 20000 };

static inline void noisy_meta(const char *directory, const struct noise *noise)
{
	struct buffer text = BUFFER_EMPTY;
	char path[400];

	buffer_format(&text,
		      "{ \"schema\": \"sagastorm/meta/1\", \"name\": \"noisy\", \"seed\": \"1\","
		      "  \"version\": \"1\", \"transport\": \"direct\", \"workers\": 1,"
		      "  \"started\": \"2025-11-20T10:00:00Z\", \"journeys\": [ \"visit\" ],"
		      "  \"requests\": [ \"list\", \"order\" ], \"phases\": [ { \"name\": \"go\","
		      "  \"kind\": \"rate\", \"start_us\": 0, \"duration_us\": %d000000,"
		      "  \"rate_from\": %d, \"rate_to\": %d, \"measured\": true } ],"
		      "  \"environment\": { \"machine\": \"x\", \"cpus\": 2 } }",
		      noise->seconds, noise->per_s, noise->per_s);
	snprintf(path, sizeof(path), "%.300s/history/meta.json", directory);
	file_write(path, buffer_text(&text), NULL);
	snprintf(path, sizeof(path), "%.300s/report.json", directory);
	file_write(path,
		   text_of("{ \"validity\": { \"valid\": true, \"reasons\": [] },"
			   "  \"interrupted\": null }"),
		   NULL);
	snprintf(path, sizeof(path), "%.300s/scenario.yaml", directory);
	file_write(path, text_of("name: noisy\nload:\n  go: { rate: 50/s }\n"), NULL);
	buffer_release(&text);
}

static inline void noisy_request(struct history *history, const struct noise *noise,
				 struct random *random, int64_t at_us, double level)
{
	double deviate = random_normal(random, 0, 1);
	double tail = deviate > 1.2816 ? noise->tail_factor : 1;
	double latency_us = NOISY_MEDIAN_US * exp(level + noise->spread * deviate) * tail;
	struct record_request request = {
		.intended_us = at_us,
		.service_us = (uint32_t)(latency_us * noise->factor),
		.status = 200,
		.name = (uint16_t)random_below(random, NOISY_NAMES),
		.failure = random_unit(random) < noise->errors ? FAILURE_HTTP : FAILURE_NONE,
	};

	history_put(history, RECORD_REQUEST, REQUEST_MEASURED, &request, sizeof(request));
}

/* The directory must not be there yet. */
static inline void noisy_run_make(const char *directory, const struct noise *noise, uint64_t seed)
{
	struct random random = random_stream(seed, "noise", 0);
	double run = random_normal(&random, 0, noise->run_spread);
	double level = random_normal(&random, 0, noise->wander);
	char path[400];
	struct history *history;

	snprintf(path, sizeof(path), "%.300s/history", directory);
	history = history_create(path, "worker-0", NULL);
	if (!history)
		abort();
	for (int second = 0; second < noise->seconds; second++) {
		double fresh = noise->wander * sqrt(1 - noise->keeps * noise->keeps);
		int requests = noise->per_s * NOISY_NAMES;

		level = noise->keeps * level + random_normal(&random, 0, fresh);
		for (int i = 0; i < requests; i++)
			noisy_request(history, noise, &random,
				      second * INT64_C(1000000) + i * 1000000 / requests,
				      run + level);
	}
	history_close(history);
	noisy_meta(directory, noise);
}

static inline void noisy_run_remove(const char *directory)
{
	static const char *const names[] = { "history/worker-0.history", "history/meta.json",
					     "history", "report.json", "scenario.yaml", "" };
	char path[400];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%.300s/%s", directory, names[i]);
		remove(path);
	}
}

#endif
