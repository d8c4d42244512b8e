#include "engine/run.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/aftermath.h"
#include "engine/coordinator.h"
#include "engine/gate_watch.h"
#include "engine/meta.h"
#include "engine/observer.h"
#include "engine/site.h"
#include "engine/storm.h"
#include "engine/target.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/saga_key.h"
#include "loadgen/curl_memory.h"
#include "sagas/anytime.h"

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

static bool may_use(const char *directory, struct error *err)
{
	if (strlen(directory) > 3900)
		return error_set(err, "the name of the run directory is too long");
	return !holds_run(directory) ||
	       error_set(err, "'%s' already holds a run; choose another with -o", directory);
}

static bool make_directories(const char *directory, struct paths *paths, struct error *err)
{
	snprintf(paths->history, sizeof(paths->history), "%s/history", directory);
	snprintf(paths->meta, sizeof(paths->meta), "%s/history/meta.json", directory);
	snprintf(paths->scenario, sizeof(paths->scenario), "%s/scenario.yaml", directory);
	return file_make_directory(paths->history, err);
}

/* One run, while it takes place. */
struct trial {
	struct scenario *scenario;
	const struct run_options *options;
	struct paths paths;
	struct load load;
	uint32_t workers;
	int64_t start_us; /* on clock_now_us() */
	struct site *site;
	struct history *history;
	struct watch *watch;
	struct gate_watch *gates; /* NULL: none of them aborts */
	bool gate_broken;
	size_t wrong_told; /* facts about sagas that were shown */
	struct storm *storm; /* NULL: nothing is broken */
	struct coordinator *coordinator;
};

static bool write_beginnings(struct trial *trial, struct error *err)
{
	struct meta_run run = {
		.workers = trial->workers,
		.wall_start_us = clock_wall_us() + trial->start_us - clock_now_us(),
		.transport = trial->load.transport,
		.command = trial->options->command,
		.run = trial->load.run,
	};

	return file_write(trial->paths.scenario, text_of(trial->scenario->resolved), err) &&
	       meta_write(trial->scenario, &run, trial->paths.meta, err);
}

static bool begin_storm(struct trial *trial, struct error *err)
{
	const struct scenario *scenario = trial->scenario;
	struct proxy *proxy = site_proxy(trial->site);
	const struct storm_settings settings = {
		.chaos = scenario->chaos,
		.steady = scenario->steady,
		.steady_count = scenario->steady_count,
		.system = scenario->system,
		.contracts = scenario->contracts,
		.contract_count = scenario->contract_count,
		.proxy = proxy,
		.watch = trial->watch,
		.history = trial->history,
		.history_directory = trial->paths.history,
		.run = trial->options->directory,
		.start_us = trial->start_us,
		.notice = trial->options->notice,
		.context = trial->options->context,
	};

	if (!scenario->chaos || !scenario->chaos->fault_count)
		return true;
	if (proxy && !proxy_record(proxy, trial->paths.history, trial->start_us, err))
		return false;
	trial->storm = storm_begin(&settings, err);
	return trial->storm != NULL;
}

/* Beside the load: what the run looks like, and its faults. */

__attribute__((format(printf, 2, 3))) static void notice(const struct trial *trial,
							 const char *format, ...)
{
	char line[500];
	va_list arguments;

	if (!trial->options->notice)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	trial->options->notice(trial->options->context, line);
}

static void tell_wrong(struct trial *trial)
{
	const struct scenario *scenario = trial->scenario;
	const struct wrong_fact *fact;

	while ((fact = watch_wrong_fact(trial->watch, trial->wrong_told))) {
		struct buffer words = BUFFER_EMPTY;
		char key[SAGA_KEY_BYTES];

		trial->wrong_told++;
		if (fact->contract >= scenario->contract_count)
			continue;
		saga_key_write(trial->load.run, fact->contract, fact->saga, key);
		wrong_fact_explain(fact, &scenario->contracts[fact->contract], &words);
		notice(trial, "saga %s %s: %s", scenario->contracts[fact->contract].name, key,
		       words.data);
		buffer_release(&words);
	}
}

static void heal_by_hand(struct trial *trial, int64_t now_us)
{
	const struct record_event event = { .at_us = now_us, .event = EVENT_HEAL_ASKED };

	if (!trial->storm)
		return;
	history_put(trial->history, RECORD_EVENT, 0, &event, sizeof(event));
	notice(trial, "healing all faults, as asked for; none is armed any more");
	storm_heal_all(trial->storm);
}

static void be_watched(struct trial *trial, int64_t now_us)
{
	const struct run_watcher *watcher = trial->options->watcher;
	bool paused = coordinator_is_paused(trial->coordinator);
	const struct run_view view = {
		.scenario = trial->scenario,
		.watch = trial->watch,
		.gates = trial->gates,
		.now_us = now_us,
		.stopping = coordinator_is_stopping(trial->coordinator),
		.paused = paused,
	};
	unsigned wishes = watcher ? watcher->look(trial->options->context, &view) : 0;

	if (wishes & WISH_STOP)
		coordinator_ask_stop(trial->coordinator);
	if (wishes & WISH_HEAL)
		heal_by_hand(trial, now_us);
	if (wishes & WISH_PAUSE)
		coordinator_ask_pause(trial->coordinator, !paused);
}

static void turn_beside(void *context, int64_t now_us)
{
	struct trial *trial = context;

	watch_turn(trial->watch, now_us);
	tell_wrong(trial);
	if (trial->storm)
		storm_turn(trial->storm, now_us);
	if (!trial->gate_broken && gate_watch_turn(trial->gates, trial->watch, now_us)) {
		trial->gate_broken = true;
		notice(trial, "a gate is broken: %s", gate_watch_reason(trial->gates));
	}
	be_watched(trial, now_us);
}

static bool wants_stop(void *context)
{
	const struct trial *trial = context;

	return trial->gate_broken || (trial->storm && storm_wants_stop(trial->storm));
}

static bool run_load(struct trial *trial, int *signal, struct error *err)
{
	const struct companion companion = {
		.fd = trial->storm ? storm_fd(trial->storm) : -1,
		.turn = turn_beside,
		.wants_stop = wants_stop,
		.context = trial,
	};
	bool good;

	trial->coordinator =
		coordinator_new(&trial->load, trial->workers, trial->start_us, trial->paths.history,
				trial->history, trial->options, err);
	if (!trial->coordinator)
		return false;
	coordinator_accompany(trial->coordinator, &companion);
	good = coordinator_run(trial->coordinator, signal, err);
	if (trial->options->watcher)
		trial->options->watcher->leave(trial->options->context);
	coordinator_free(trial->coordinator);
	return good;
}

/* Whatever became of the load, what was broken is put back. */
static void end_storm(struct trial *trial)
{
	storm_end(trial->storm, NULL);
	trial->storm = NULL;
}

static bool read_aftermath(struct trial *trial, int signal, struct error *err)
{
	const struct aftermath aftermath = {
		.scenario = trial->scenario,
		.site = trial->site,
		.history_directory = trial->paths.history,
		.run = trial->load.run,
		.start_us = trial->start_us,
		.since_us = clock_now_us(),
		.stopped = signal != 0,
		.notice = trial->options->notice,
		.context = trial->options->context,
	};

	return aftermath_read(&aftermath, err);
}

static struct observer *begin_observing(const struct trial *trial, struct error *err)
{
	const struct observer_settings settings = {
		.scenario = trial->scenario,
		.site = trial->site,
		.history_directory = trial->paths.history,
		.run = trial->load.run,
		.start_us = trial->start_us,
	};

	return observer_start(&settings, err);
}

/* Forks happen here: the supervisor before the workers, which must not hold what it needs. */
static bool take_place(struct trial *trial, struct run_end *end, struct error *err)
{
	struct observer *observer;
	bool good;

	end->outcome = RUN_BROKEN;
	trial->load = load_of(trial->scenario);
	trial->workers = worker_count(trial->scenario);
	trial->start_us = clock_now_us() + LEAD_US;
	/* Only one can create it: another run that began a moment ago keeps its directory. */
	trial->history = history_create(trial->paths.history, "engine", err);
	good = trial->history && write_beginnings(trial, err);
	trial->watch = watch_new(trial->paths.history, &trial->scenario->names);
	for (size_t i = 0; i < trial->scenario->contract_count; i++)
		watch_know_contract(trial->watch, &trial->scenario->contracts[i]);
	trial->gates = gate_watch_new(trial->scenario, trial->watch, trial->history,
				      trial->options->watcher != NULL);
	observer = good ? begin_observing(trial, err) : NULL;
	good = observer && begin_storm(trial, err) && run_load(trial, &end->signal, err);
	end_storm(trial);
	observer_end(observer);
	good = good && read_aftermath(trial, end->signal, err);
	watch_free(trial->watch);
	gate_watch_free(trial->gates);
	history_close(trial->history);
	if (good)
		end->outcome = RUN_DONE;
	return good;
}

static bool open_site(struct trial *trial, struct error *err)
{
	trial->site = site_open(trial->scenario, trial->options->directory, err);
	return trial->site && target_is_ready(trial->scenario, err) &&
	       target_read_data(trial->scenario, err);
}

/* A run that can't begin leaves no directory behind that looks like one. */
static bool be_ready(struct trial *trial, struct run_end *end, struct error *err)
{
	end->outcome = RUN_IMPOSSIBLE;
	if (!may_use(trial->options->directory, err))
		return false;
	end->outcome = RUN_NOT_READY;
	if (!open_site(trial, err))
		return false;
	end->outcome = RUN_IMPOSSIBLE;
	return make_directories(trial->options->directory, &trial->paths, err);
}

bool run_scenario(struct scenario *scenario, const struct run_options *options, struct run_end *end,
		  struct error *err)
{
	struct trial trial = { .scenario = scenario, .options = options };
	bool good;

	*end = (struct run_end){ .outcome = RUN_NOT_READY };
	signal(SIGPIPE, SIG_IGN);
	curl_memory_init();
	good = be_ready(&trial, end, err) && take_place(&trial, end, err);
	site_close(trial.site);
	curl_global_cleanup();
	return good;
}
