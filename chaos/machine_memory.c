/*
 * memory: a helper that touches memory and holds it. It asks what is available before each step,
 * and again while it holds, so that a floor stays; should the kernel run short all the same, the
 * helper is the first that it ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chaos/helpers.h"
#include "chaos/kinds.h"

enum { STEP_BYTES = 4 * 1024 * 1024, PAGE_BYTES = 4096, STEPS_MAX = 1 << 20 };

struct memory {
	int64_t size_bytes;
	double of_free, leave;
};

static const struct key memory_keys[] = {
	{ "size", KEY_SIZE, offsetof(struct memory, size_bytes), .minimum = STEP_BYTES,
	  .help = "so much is taken", .example = "512MiB" },
	{ "of-free", KEY_SHARE, offsetof(struct memory, of_free), .minimum = 0.01, .maximum = 1,
	  .help = "or so much of what is available then", .example = "80%" },
	{ "leave", KEY_SHARE, offsetof(struct memory, leave), .initial = "10%", .minimum = 0.02,
	  .maximum = 1, .help = "of all memory stays available, whatever was asked for" },
	KEYS_END
};

static bool check(const struct fault *fault, struct complaints *complaints)
{
	const struct memory *settings = fault->settings;

	if ((settings->size_bytes > 0) != (settings->of_free > 0))
		return true;
	return complain(complaints, fault->at,
			"'memory' wants 'size' or 'of-free', one of the two");
}

/* What /proc/meminfo says, in bytes; 0 when it is silent. */
static int64_t meminfo(const char *key)
{
	char text[4096], *line;
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	line = strstr(text, key);
	return line ? atoll(line + strlen(key)) * 1024 : 0;
}

static int64_t floor_bytes(const struct memory *settings)
{
	return (int64_t)(settings->leave * (double)meminfo("MemTotal:"));
}

static void be_the_first_to_go(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) != 4)
		_exit(1); /* rather nothing held than someone else ended for it */
	close(fd);
}

static void *take_step(void)
{
	char *piece =
		mmap(NULL, STEP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (piece == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < STEP_BYTES; i += PAGE_BYTES)
		piece[i] = (char)(1 + i / PAGE_BYTES); /* differs, or pages could be merged */
	return piece;
}

static void hold(struct helper_board *board, size_t number, const void *context)
{
	const struct memory *settings = context;
	int64_t least = floor_bytes(settings), wanted = settings->size_bytes;
	void **pieces = calloc(STEPS_MAX, sizeof(*pieces));
	int64_t count = 0;

	if (!pieces)
		return;
	be_the_first_to_go();
	if (!wanted)
		wanted = (int64_t)(settings->of_free * (double)meminfo("MemAvailable:"));
	for (;;) {
		int64_t available = meminfo("MemAvailable:");
		bool more = count < STEPS_MAX && (count + 1) * STEP_BYTES <= wanted;

		if (available < least && count > 0) {
			munmap(pieces[--count], STEP_BYTES);
		} else if (more && available - STEP_BYTES > least) {
			pieces[count] = take_step();
			count += pieces[count] != NULL;
		} else {
			usleep(50000);
		}
		atomic_store(&board->done[number], count * (STEP_BYTES / (1024 * 1024)));
	}
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct memory *settings = fault->settings;
	int64_t available = meminfo("MemAvailable:"), least = floor_bytes(settings);
	char token[HELPERS_TOKEN];

	if (available - STEP_BYTES <= least)
		return error_set(err, "only %lld MiB are available, and %lld MiB are to stay so",
				 (long long)available >> 20, (long long)least >> 20);
	helpers_token(token);
	plan->undo = json_pack("{s:s}", "helpers", token);
	if (settings->size_bytes)
		buffer_format(plan->does, "take and hold %lld MiB of memory",
			      (long long)settings->size_bytes >> 20);
	else
		buffer_format(plan->does, "take and hold %g%% of the available memory",
			      settings->of_free * 100);
	buffer_format(plan->does, " (%lld MiB are available now), leave %lld MiB",
		      (long long)available >> 20, (long long)least >> 20);
	buffer_format(plan->undoes, "end the helper process '%s'", token);
	return true;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	struct helper_order order = {
		.token = json_string_value(json_object_get(undo, "helpers")),
		.count = 1,
		.lasts_us = fault->duration_us,
		.work = hold,
		.context = fault->settings,
	};

	return helpers_start(&order, err);
}

const struct fault_kind machine_memory = {
	.name = "memory",
	.family = FAMILY_MACHINE,
	.aims = AIM_MACHINE,
	.summary = "takes and holds memory, down to a floor (hits: MiB held)",
	.example = "memory: { of-free: 70% }",
	.keys = memory_keys,
	.settings_bytes = sizeof(struct memory),
	.check = check,
	.plan = plan,
	.arm = arm,
	.heal = helpers_heal,
	.look = helpers_look,
	.hits = helpers_hits,
};
