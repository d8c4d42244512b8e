#include "engine/run.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/coordinator.h"
#include "engine/meta.h"
#include "engine/target.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/saga_key.h"
#include "loadgen/curl_memory.h"

/* Time for the workers to be there before the first start is due. */
enum { LEAD_US = 300000 };

/* One core per worker; but the system under test, if it is on this machine, needs one too. */
static uint32_t worker_count(const struct scenario *scenario)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (scenario->generator.workers > 0)
		return (uint32_t)scenario->generator.workers;
	return cores > 1 ? (uint32_t)cores - 1 : 1;
}

static enum transport_kind transport_for(const struct scenario *scenario)
{
	const char *why;

	if (scenario->generator.transport != TRANSPORT_AUTO)
		return (enum transport_kind)scenario->generator.transport;
	return transport_choose(&scenario->transfer, &why);
}

static struct load load_of(struct scenario *scenario)
{
	return (struct load){
		.plan = &scenario->plan,
		.journeys = scenario->journeys,
		.journey_count = (uint16_t)scenario->journey_count,
		.sources = scenario->sources,
		.source_count = scenario->source_count,
		.transfer = &scenario->transfer,
		.transport = transport_for(scenario),
		.new_visitors = scenario->new_visitors,
		.drain_us = scenario->generator.drain_us,
		.request_names = scenario->request_names.items,
		.request_name_count = (uint16_t)scenario->request_names.count,
		.secrets = scenario->secrets.items,
		.secret_count = scenario->secrets.count,
		.sagas = scenario->saga_rules,
		.saga_count = (uint8_t)scenario->contract_count,
		.run = saga_run_id(),
	};
}

static bool holds_run(const char *directory)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/history/meta.json", directory);
	return access(path, F_OK) == 0;
}

struct paths {
	char history[4096];
	char meta[4096];
	char scenario[4096];
};

static bool make_directories(const char *directory, struct paths *paths, struct error *err)
{
	if (strlen(directory) > 3900)
		return error_set(err, "the name of the run directory is too long");
	if (holds_run(directory))
		return error_set(err, "'%s' already holds a run; choose another with -o",
				 directory);
	snprintf(paths->history, sizeof(paths->history), "%s/history", directory);
	snprintf(paths->meta, sizeof(paths->meta), "%s/history/meta.json", directory);
	snprintf(paths->scenario, sizeof(paths->scenario), "%s/scenario.yaml", directory);
	return file_make_directory(paths->history, err);
}

static bool write_beginnings(struct scenario *scenario, const struct run_options *options,
			     const struct load *load, uint32_t workers, int64_t start_us,
			     const struct paths *paths, struct error *err)
{
	struct meta_run run = {
		.workers = workers,
		.wall_start_us = clock_wall_us() + start_us - clock_now_us(),
		.transport = load->transport,
		.command = options->command,
		.run = load->run,
	};

	return file_write(paths->scenario, text_of(scenario->resolved), err) &&
	       meta_write(scenario, &run, paths->meta, err);
}

static bool coordinate(struct scenario *scenario, const struct run_options *options,
		       const struct paths *paths, struct run_end *end, struct error *err)
{
	struct load load = load_of(scenario);
	uint32_t workers = worker_count(scenario);
	int64_t start_us = clock_now_us() + LEAD_US;
	struct coordinator *coordinator = NULL;
	struct history *history = NULL;
	bool good;

	end->outcome = RUN_BROKEN;
	good = write_beginnings(scenario, options, &load, workers, start_us, paths, err);
	if (good) {
		history = history_create(paths->history, "engine", err);
		good = history != NULL;
	}
	if (good) {
		coordinator = coordinator_new(&load, workers, start_us, paths->history, history,
					      options, err);
		good = coordinator && coordinator_run(coordinator, &end->signal, err);
	}
	coordinator_free(coordinator);
	history_close(history);
	if (good)
		end->outcome = RUN_DONE;
	return good;
}

bool run_scenario(struct scenario *scenario, const struct run_options *options, struct run_end *end,
		  struct error *err)
{
	struct paths paths;
	bool good = true;

	*end = (struct run_end){ .outcome = RUN_NOT_READY };
	signal(SIGPIPE, SIG_IGN);
	curl_memory_init();
	good = target_is_ready(scenario, err) && target_read_data(scenario, err);
	if (good) {
		end->outcome = RUN_IMPOSSIBLE;
		good = make_directories(options->directory, &paths, err);
	}
	good = good && coordinate(scenario, options, &paths, end, err);
	curl_global_cleanup();
	return good;
}
