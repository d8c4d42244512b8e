/*
 * cpu: helpers that compute nothing, each for its share of every tenth of a second. With `nice`
 * they give way to everyone else, as a batch job on the same machine would.
 */
#include <time.h>
#include <unistd.h>

#include "chaos/helpers.h"
#include "chaos/kinds.h"
#include "lib/clock.h"

enum { SLICE_US = 100000 };

struct cpu {
	int64_t cores, nice;
	double load;
};

static const struct key cpu_keys[] = {
	{ "cores", KEY_INTEGER, offsetof(struct cpu, cores), .minimum = 1, .maximum = HELPERS_MAX,
	  .help = "how many burn; as many as there are by default" },
	{ "load", KEY_SHARE, offsetof(struct cpu, load), .initial = "100%", .minimum = 0.01,
	  .maximum = 1, .help = "of each core", .example = "80%" },
	{ "nice", KEY_INTEGER, offsetof(struct cpu, nice), .initial = "0", .minimum = -20,
	  .maximum = 19, .help = "19 gives way to everyone, below 0 takes it from them" },
	KEYS_END
};

static int64_t cpu_time_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * US_PER_S + used.tv_nsec / 1000;
}

static void burn(struct helper_board *board, size_t number, const void *context)
{
	const struct cpu *settings = context;
	int64_t busy_us = (int64_t)(settings->load * SLICE_US);

	for (;;) {
		int64_t from_us = clock_now_us(), rest_us;

		while (clock_now_us() - from_us < busy_us)
			for (volatile int i = 0; i < 1000; i++)
				continue;
		atomic_store(&board->done[number], cpu_time_us() / US_PER_MS);
		rest_us = SLICE_US - (clock_now_us() - from_us);
		if (rest_us > 0)
			usleep((useconds_t)rest_us);
	}
}

static size_t cores_meant(const struct cpu *settings)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (settings->cores)
		return (size_t)settings->cores;
	return online < 1 ? 1 : online > HELPERS_MAX ? HELPERS_MAX : (size_t)online;
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct cpu *settings = fault->settings;
	char token[HELPERS_TOKEN];

	(void)err;
	helpers_token(token);
	plan->undo = json_pack("{s:s}", "helpers", token);
	buffer_format(plan->does, "burn %g%% of %zu cores of this machine, nice %d",
		      settings->load * 100, cores_meant(settings), (int)settings->nice);
	buffer_format(plan->undoes, "end the helper processes '%s'", token);
	return true;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct cpu *settings = fault->settings;
	struct helper_order order = {
		.token = json_string_value(json_object_get(undo, "helpers")),
		.count = cores_meant(settings),
		.lasts_us = fault->duration_us,
		.nice = (int)settings->nice,
		.work = burn,
		.context = settings,
	};

	return helpers_start(&order, err);
}

const struct fault_kind machine_cpu = {
	.name = "cpu",
	.family = FAMILY_MACHINE,
	.aims = AIM_MACHINE,
	.summary = "burns a share of some cores (hits: milliseconds burnt)",
	.example = "cpu: { cores: 2, load: 80% }",
	.keys = cpu_keys,
	.settings_bytes = sizeof(struct cpu),
	.plan = plan,
	.arm = arm,
	.heal = helpers_heal,
	.look = helpers_look,
	.hits = helpers_hits,
};
