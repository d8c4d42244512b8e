#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/compared.h"
#include "cli/progress.h"
#include "engine/run.h"
#include "shop/bugs.h"

struct run_command_options {
	char *output;
	char *target;
	char *seed;
	char *baseline;
	double tolerance;
	struct strings set;
	int transport;
	int progress;
};

static const char *const transports[] = { "auto", "direct", "curl", NULL };
static const char *const styles[] = { "auto", "tui", "line", "plain", "json", "none", NULL };

static const struct option run_options[] = {
	{ "baseline", 'b', "DIR", KEY_STRING, offsetof(struct run_command_options, baseline),
	  .help = "compare with this earlier run; a regression is exit code 23" },
	{ "output", 'o', "DIR", KEY_STRING, offsetof(struct run_command_options, output),
	  .help = "write the run here (default: runs/NAME-TIME)" },
	{ "progress", 'p', "STYLE", KEY_CHOICE, offsetof(struct run_command_options, progress),
	  .choices = styles, .initial = "auto",
	  .help = "how to show how it goes, on standard error: auto (tui on a terminal, else plain), "
		  "tui, line, plain, json, none" },
	{ "seed", 0, "N", KEY_STRING, offsetof(struct run_command_options, seed),
	  .help = "the seed of everything random, instead of the scenario's" },
	{ "set", 's', "K=V", KEY_STRINGS, offsetof(struct run_command_options, set),
	  .help = "override a variable of the scenario; may be repeated" },
	{ "target", 't', "URL", KEY_STRING, offsetof(struct run_command_options, target),
	  .help = "send requests there, instead of where the scenario says" },
	{ "tolerance", 0, "SHARE", KEY_SHARE, offsetof(struct run_command_options, tolerance),
	  .initial = "5%", .minimum = 0, .maximum = 1,
	  .help = "by how much a latency may be above the baseline's" },
	{ "transport", 0, "KIND", KEY_CHOICE, offsetof(struct run_command_options, transport),
	  .choices = transports, .initial = "auto",
	  .help = "auto, direct (our own HTTP/1.1) or curl (libcurl for everything)" },
	OPTIONS_END
};

static struct scenario *load(struct invocation *invocation)
{
	const struct run_command_options *options = invocation->options;
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario_overrides overrides = {
		.bugs = bugs_names(),
		.target = options->target,
		.seed = options->seed,
		.set = (const char *const *)options->set.items,
		.transport = options->transport ? options->transport : -1,
	};
	struct scenario *scenario =
		scenario_load(invocation->arguments.items[0], &overrides, &complaints);

	command_complain(&complaints);
	complaints_release(&complaints);
	return scenario;
}

/* runs/flash-sale-20261120-103000; what is no letter, digit, dash or dot becomes a dash. */
static char *default_directory(const struct scenario *scenario, struct arena *arena)
{
	char *name = arena_string(arena, text_of(scenario->name));
	time_t now = time(NULL);
	struct tm local;
	char stamp[32];

	for (char *c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *c))
			*c = '-';
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&now, &local));
	return arena_format(arena, "runs/%s-%s", name, stamp);
}

static char *join(const struct invocation *invocation)
{
	return arena_format(invocation->arena, "sagastorm run %s", invocation->arguments.items[0]);
}

static int exit_code_of(const struct run_end *end)
{
	switch (end->outcome) {
	case RUN_NOT_READY:
		return EXIT_NOT_READY;
	case RUN_IMPOSSIBLE:
		return EXIT_USAGE;
	default:
		return EXIT_INTERNAL;
	}
}

static int report_and_compare(const struct invocation *invocation, const char *directory)
{
	const struct run_command_options *options = invocation->options;
	int code = command_report_on(invocation, directory);

	/* A run that says nothing by itself says nothing beside another one. */
	if (!options->baseline || code == EXIT_INVALID || code == EXIT_INTERNAL ||
	    code == EXIT_INTERRUPTED || code == EXIT_TERMINATED)
		return code;
	return exit_code_worse(code, compared_with_baseline(invocation, options->baseline,
							    directory, options->tolerance));
}

/* A baseline that is none is better known before the run than after it. */
static bool has_baseline(const struct invocation *invocation)
{
	const struct run_command_options *options = invocation->options;
	struct error err;
	struct meta *meta;

	if (!options->baseline)
		return true;
	meta = meta_load(arena_format(invocation->arena, "%s/history/meta.json", options->baseline),
			 &err);
	if (!meta)
		command_fail(invocation, EXIT_USAGE, &err);
	meta_free(meta);
	return meta != NULL;
}

static int run_it(struct invocation *invocation, struct scenario *scenario)
{
	const struct run_command_options *options = invocation->options;
	struct progress progress;
	struct run_options how = {
		.directory = options->output ? options->output :
					       default_directory(scenario, invocation->arena),
		.command = join(invocation),
		.progress = progress_show,
		.notice = progress_notice,
		.context = &progress,
	};
	struct run_end end;
	struct error err;
	bool good;

	progress_init(&progress, (enum progress_style)options->progress, stderr);
	how.watcher = progress_watcher(&progress);
	good = run_scenario(scenario, &how, &end, &err);
	progress_end(&progress);
	if (!good)
		return command_fail(invocation, exit_code_of(&end), &err);
	return report_and_compare(invocation, how.directory);
}

static int run_run(struct invocation *invocation)
{
	struct scenario *scenario = has_baseline(invocation) ? load(invocation) : NULL;
	int code;

	if (!scenario)
		return EXIT_USAGE;
	code = run_it(invocation, scenario);
	scenario_free(scenario);
	return code;
}

static const char *const run_examples[] = {
	"run scenarios/game-day.yaml",
	"run sale.yaml -o runs/before --seed 42 --set peak=500/s",
	NULL
};

const struct command command_run = {
	.name = "run",
	.summary = "run a scenario against a system, and report",
	.usage = "[options] SCENARIO",
	.about = "Sends the load that the scenario describes, writes everything that happens into a run "
		 "directory, and prints a summary.\n\n"
		 "On a terminal it shows how it goes: q stops, p pauses starts, ! heals all faults, ? "
		 "explains.\n\n"
		 "The first Ctrl-C stops gracefully: nothing new starts, journeys under way may end. A "
		 "second one stops at once. Either way the report is written.\n\n"
		 "The exit code says what came of it; see 'sagastorm help exit-codes'.",
	.examples = run_examples,
	.options = run_options,
	.options_bytes = sizeof(struct run_command_options),
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_run,
};
