/*
 * bench_watch: what it costs to watch a run: per record, and per second of a run with 20,000
 * requests per second whose steady state is looked at. Prints a line each; exits with 1 when it is
 * more than 5% of a core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/steady.h"
#include "lib/clock.h"
#include "lib/random.h"

enum { PER_S = 20000, SECONDS = 40, NAMES = 12 };

static const char *const journeys[] = { "browse", "checkout" };
static const char *requests[NAMES];

static void write_tenth(struct history *history, struct random *random, int64_t start_us)
{
	for (int i = 0; i < PER_S / 10; i++) {
		uint16_t name = (uint16_t)random_below(random, NAMES);
		const struct record_request request = {
			.intended_us = start_us + i * (US_PER_S / PER_S),
			.service_us = (uint32_t)(500 + random_below(random, 20000)),
			.name = name,
			.journey = name > NAMES / 2,
			.failure = random_below(random, 200) ? FAILURE_NONE : FAILURE_HTTP,
		};

		history_put(history, RECORD_REQUEST, REQUEST_MEASURED, &request, sizeof(request));
	}
}

static size_t compile(const struct condition_names *names, struct arena *arena,
		      struct condition *conditions)
{
	static const char *const texts[] = { "errors < 5%", "p99 < 1s", "browse.p95 < 500ms",
					     "checkout.errors < 10%", "checkout.p99 < 1s" };
	size_t count = sizeof(texts) / sizeof(texts[0]);

	for (size_t i = 0; i < count; i++)
		if (!condition_compile(text_of(texts[i]), names, CONDITION_STEADY,
				       (struct place){ "bench", 1, 1 }, arena, &conditions[i],
				       NULL))
			abort();
	return count;
}

/* Ten turns in each second, as the coordinator makes them. */
static void play(struct history *history, struct watch *watch, struct steady *steady,
		 int64_t *reading_us, int64_t *looking_us)
{
	struct random random = random_stream(1, "bench", 0);

	for (int64_t tenth = 0; tenth < SECONDS * 10; tenth++) {
		int64_t start_us = tenth * US_PER_S / 10, now_us = start_us + US_PER_S / 5;
		int64_t began_us;

		write_tenth(history, &random, start_us);
		began_us = clock_cpu_us();
		while (!watch_turn(watch, now_us))
			;
		*reading_us += clock_cpu_us() - began_us;
		began_us = clock_cpu_us();
		steady_turn(steady, watch, now_us);
		*looking_us += clock_cpu_us() - began_us;
	}
}

static int measure(const char *directory)
{
	struct condition_names names = { .journeys = journeys,
					 .requests = requests,
					 .journey_count = 2,
					 .request_count = NAMES };
	struct history *history = history_create(directory, "worker-0", NULL);
	struct arena arena = ARENA_EMPTY;
	struct condition conditions[8];
	struct steady_settings settings = { .conditions = conditions, .for_us = 3 * US_PER_S };
	struct watch *watch = watch_new(directory, &names);
	int64_t reading_us = 0, looking_us = 0;
	struct steady *steady;
	double share;

	settings.count = compile(&names, &arena, conditions);
	steady = steady_new(&settings);
	steady_begin(steady, STEADY_BEFORE, 0);
	play(history, watch, steady, &reading_us, &looking_us);
	share = (double)(reading_us + looking_us) / (double)(SECONDS * US_PER_S);
	printf("watch: %.0f ns per record, %.2f ms per look at %zu conditions, %.2f%% of a core at "
	       "%d requests/s\n",
	       1e3 * (double)reading_us / (SECONDS * PER_S), (double)looking_us / 1e3 / SECONDS,
	       settings.count, 100 * share, PER_S);
	steady_free(steady);
	watch_free(watch);
	history_close(history);
	arena_release(&arena);
	return share > 0.05;
}

int main(void)
{
	char directory[] = "/tmp/bench_watch_XXXXXX", file[64];
	int code;

	if (!mkdtemp(directory))
		return 2;
	for (int i = 0; i < NAMES; i++)
		requests[i] = "request";
	code = measure(directory);
	snprintf(file, sizeof(file), "%s/worker-0.history", directory);
	unlink(file);
	rmdir(directory);
	return code;
}
