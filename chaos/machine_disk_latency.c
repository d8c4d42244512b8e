/*
 * disk-latency: makes a disk slow by keeping it busy. Helpers write and fsync without a pause, so
 * that everyone else's writes have to queue. How much slower it gets depends on the disk: this is a
 * noisy neighbour, not a delay of so many milliseconds. What a small write and an fsync take is
 * measured before, and while it lasts.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "chaos/disk.h"
#include "chaos/helpers.h"
#include "chaos/kinds.h"
#include "lib/clock.h"

enum { FILE_BYTES = 64 * 1024 * 1024, BLOCK_MAX = 4 * 1024 * 1024, ALIGNMENT = 4096 };

struct disk_latency {
	char *path;
	int64_t writers, block_bytes;
};

static const struct key disk_latency_keys[] = {
	{ "path", KEY_STRING, offsetof(struct disk_latency, path),
	  .help = "a directory, instead of the `data:` of a service", .example = "/var/lib/shop" },
	{ "writers", KEY_INTEGER, offsetof(struct disk_latency, writers), .initial = "4",
	  .minimum = 1, .maximum = 64, .help = "how many write at once" },
	{ "block", KEY_SIZE, offsetof(struct disk_latency, block_bytes), .initial = "256KiB",
	  .minimum = ALIGNMENT, .maximum = BLOCK_MAX,
	  .help = "bytes per write; each is followed by an fsync" },
	KEYS_END
};

struct hammering {
	const struct disk_latency *settings;
	const json_t *undo;
};

/* Past the cache where that can be done; memory file systems can't. */
static void past_the_cache(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) != 0)
		return;
}

/* The first helper only measures what everyone else has to wait. */
static void measure(struct helper_board *board, const struct hammering *hammering)
{
	int directory = disk_open(hammering->undo, NULL);

	for (;;) {
		int64_t took_us = directory < 0 ? -1 : disk_sync_us(directory, NULL);

		if (took_us >= 0)
			atomic_store(&board->last_us, took_us);
		usleep(100000);
	}
}

static void hammer(struct helper_board *board, size_t number, const void *context)
{
	const struct hammering *hammering = context;
	size_t block = (size_t)hammering->settings->block_bytes / ALIGNMENT * ALIGNMENT;
	int directory = disk_open(hammering->undo, NULL);
	int fd = directory < 0 ? -1 : disk_nameless(directory, NULL);
	char *bytes = aligned_alloc(ALIGNMENT, block);
	off_t at = 0;

	if (number == 0)
		measure(board, hammering);
	if (fd < 0 || !bytes)
		return;
	memset(bytes, (int)number + 1, block);
	past_the_cache(fd);
	for (;;) {
		if (pwrite(fd, bytes, block, at) != (ssize_t)block || fsync(fd) != 0)
			usleep(10000); /* a full disk: what is there is written again */
		else
			atomic_fetch_add(&board->done[number], 1);
		at = at + (off_t)block * 2 > FILE_BYTES ? 0 : at + (off_t)block;
	}
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct disk_latency *settings = fault->settings;
	char token[HELPERS_TOKEN];
	const char *directory;
	int64_t took_us = -1;
	int fd;

	if (!disk_directory(fault, settings->path, &directory, err))
		return false;
	plan->undo = disk_record(directory, err);
	fd = plan->undo ? disk_open(plan->undo, err) : -1;
	if (fd >= 0) {
		took_us = disk_sync_us(fd, err);
		close(fd);
	}
	if (took_us < 0)
		return false;
	helpers_token(token);
	json_object_set_new(plan->undo, "helpers", json_string(token));
	json_object_set_new(plan->undo, "before_us", json_integer(took_us));
	buffer_format(plan->does,
		      "keep the disk of '%s' busy with %d writers of %lld KiB each (a "
		      "write of 4 KiB with fsync takes %.2f ms there now)",
		      directory, (int)settings->writers, (long long)settings->block_bytes >> 10,
		      (double)took_us / US_PER_MS);
	buffer_format(plan->undoes, "end the helper processes '%s'; their files have no names",
		      token);
	return true;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct disk_latency *settings = fault->settings;
	struct hammering hammering = { settings, undo };
	struct helper_order order = {
		.token = json_string_value(json_object_get(undo, "helpers")),
		.count = (size_t)settings->writers + 1,
		.lasts_us = fault->duration_us,
		.work = hammer,
		.context = &hammering,
	};

	return helpers_start(&order, err);
}

static void tell(const struct fault *fault, const json_t *undo, struct buffer *words)
{
	const char *token = json_string_value(json_object_get(undo, "helpers"));
	struct helper_board *board = helpers_board(token);
	json_int_t before_us = json_integer_value(json_object_get(undo, "before_us"));
	int64_t last_us = board ? atomic_load(&board->last_us) : 0;

	(void)fault;
	if (last_us > 0)
		buffer_format(words,
			      "a write of 4 KiB with fsync took %.2f ms, before that %.2f ms",
			      (double)last_us / US_PER_MS, (double)before_us / US_PER_MS);
}

const struct fault_kind machine_disk_latency = {
	.name = "disk-latency",
	.family = FAMILY_MACHINE,
	.aims = AIM_SERVICE | AIM_MACHINE,
	.summary = "keeps a disk busy with writes and fsyncs, so that others wait (hits: writes)",
	.example = "disk-latency: { path: /var/tmp, writers: 4 }",
	.keys = disk_latency_keys,
	.settings_bytes = sizeof(struct disk_latency),
	.plan = plan,
	.arm = arm,
	.heal = helpers_heal,
	.look = helpers_look,
	.hits = helpers_hits,
	.tell = tell,
};
