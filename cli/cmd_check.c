#include "cli/command.h"

#include <stdlib.h>

#include "chaos/chaos_read.h"
#include "cli/check_system.h"
#include "engine/saga_rules.h"
#include "engine/scenario.h"
#include "lib/memory.h"
#include "sagas/contract.h"
#include "shop/bugs.h"

struct check_options {
	bool plan, contract, strict;
	struct strings set;
	char *seed, *target;
};

#define FIELD(name) offsetof(struct check_options, name)

static const struct option check_options[] = {
	{ "plan", 'p', NULL, KEY_BOOL, FIELD(plan),
	  .help = "also print phases, rates and planned starts per journey, a digest of them all, "
		  "and when which fault starts" },
	{ "contract", 'c', NULL, KEY_BOOL, FIELD(contract),
	  .help = "also print, for each saga, what will be verified, from what evidence, and what "
		  "can't be" },
	{ "set", 's', "NAME=VALUE", KEY_STRINGS, FIELD(set),
	  .help = "override a variable of the scenario; may be repeated" },
	{ "seed", 0, "N", KEY_STRING, FIELD(seed), .help = "instead of the scenario's seed" },
	{ "target", 't', "URL", KEY_STRING, FIELD(target),
	  .help = "instead of the scenario's target" },
	{ "strict", 0, NULL, KEY_BOOL, FIELD(strict), .help = "warnings count as errors" },
	OPTIONS_END
};

static void add_plural(struct buffer *out, uint64_t count, const char *one)
{
	unit_show_count(out, count);
	buffer_format(out, " %s%s", one, count == 1 ? "" : "s");
}

/* The starts of open phases are planned; those of users depend on how fast the system is. */
static void add_starts(const struct plan *plan, struct buffer *out)
{
	bool closed = false;

	for (uint8_t i = 0; i < plan->phase_count; i++)
		closed |= plan->phases[i].users_to || plan->phases[i].users_from;
	if (plan_starts(plan) || !closed)
		add_plural(out, plan_starts(plan), "start");
	if (closed)
		buffer_add_string(out, plan_starts(plan) ? " and what the users make" :
							   "as many starts as the users make");
}

static void describe(const struct scenario *scenario, bool without_load, struct buffer *out)
{
	const struct plan *plan = &scenario->plan;

	if (without_load) {
		check_describe_system(scenario, out);
		return;
	}
	buffer_format(out, "%s: ok: ", scenario->path);
	add_plural(out, scenario->journey_count, "journey");
	buffer_add_string(out, ", ");
	add_plural(out, plan->phase_count, "phase");
	buffer_add_string(out, ", ");
	unit_show_duration(out, plan_duration_us(plan));
	buffer_add_string(out, ", ");
	add_starts(plan, out);
	if (scenario->chaos && scenario->chaos->fault_count) {
		buffer_add_string(out, ", ");
		add_plural(out, scenario->chaos->fault_count, "fault");
	}
	buffer_add_char(out, '\n');
}

static void describe_plan(const struct scenario *scenario, struct buffer *out)
{
	char **names = memory_array(scenario->journey_count, sizeof(*names));

	for (size_t i = 0; i < scenario->journey_count; i++)
		names[i] = scenario->journeys[i].name;
	if (scenario->journey_count)
		plan_describe(&scenario->plan, names, out);
	free(names);
	if (scenario->chaos && scenario->chaos->fault_count) {
		buffer_add_string(out, "faults:\n");
		chaos_show_plan(scenario->chaos, out);
	}
}

static void describe_contracts(const struct scenario *scenario, struct buffer *out)
{
	for (size_t i = 0; i < scenario->contract_count; i++)
		contract_explain(&scenario->contracts[i], saga_uses(scenario, i), out);
	if (!scenario->contract_count)
		buffer_add_string(out, "no sagas: nothing is known of what orders went through\n");
}

static int check_one(const char *path, const struct check_options *options)
{
	const struct scenario_overrides overrides = {
		.without_load = check_is_system_file(path),
		.bugs = bugs_names(),
		.target = options->target,
		.seed = options->seed,
		.set = (const char *const *)options->set.items,
		.transport = -1,
	};
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario *scenario = scenario_load(path, &overrides, &complaints);
	bool good;
	struct buffer text = BUFFER_EMPTY;

	if (scenario && scenario->chaos)
		chaos_warn_impossible(scenario->chaos, &complaints);
	command_complain(&complaints);
	good = scenario && !(options->strict && complaints.count);
	if (good)
		describe(scenario, overrides.without_load, &text);
	if (good && options->plan)
		describe_plan(scenario, &text);
	if (good && options->contract)
		describe_contracts(scenario, &text);
	good = print_buffer(&text) && good;
	buffer_release(&text);
	complaints_release(&complaints);
	scenario_free(scenario);
	return good ? EXIT_PASS : EXIT_USAGE;
}

static int check_run(struct invocation *invocation)
{
	int code = EXIT_PASS;

	for (size_t i = 0; i < invocation->arguments.count; i++)
		code = exit_code_worse(code, check_one(invocation->arguments.items[i],
						       invocation->options));
	return code;
}

static const char *const examples[] = {
	"check scenarios/flash-sale.yaml",
	"check --plan --set peak=500/s scenarios/flash-sale.yaml",
	"check scenarios/systems/compose.yaml",
	"check --contract scenarios/game-day.yaml",
	NULL,
};

const struct command command_check = {
	.name = "check",
	.summary = "find every mistake in scenarios, without sending anything",
	.usage = "[options] SCENARIO...",
	.about = "Reads scenarios the way a run would: every name, expression, unit and file is "
		 "resolved. All mistakes are printed, as file:line:col with a suggestion where "
		 "there is one. Nothing is sent to the target. A system file, or the file of a game "
		 "day, is checked as what it is.\n\n"
		 "The same seed gives the same plan: --plan prints it with a digest.",
	.examples = examples,
	.options = check_options,
	.options_bytes = sizeof(struct check_options),
	.arguments_min = 1,
	.arguments_max = ARGUMENTS_ANY,
	.run = check_run,
};
