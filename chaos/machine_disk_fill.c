/*
 * disk-fill: reserves what is free on the file system of a service's data, but for what is to be
 * left. Nothing is written: the blocks are only taken, in one file, which goes away again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chaos/disk.h"
#include "chaos/helpers.h"
#include "chaos/kinds.h"

struct disk_fill {
	char *path;
	int64_t leave_bytes, size_bytes;
};

static const struct key disk_fill_keys[] = {
	{ "path", KEY_STRING, offsetof(struct disk_fill, path),
	  .help = "a directory, instead of the `data:` of a service", .example = "/var/lib/shop" },
	{ "leave", KEY_SIZE, offsetof(struct disk_fill, leave_bytes), .initial = "200MB",
	  .help = "what stays free for others than root" },
	{ "size", KEY_SIZE, offsetof(struct disk_fill, size_bytes), .minimum = 4096,
	  .help = "take only so much; everything but `leave` by default" },
	KEYS_END
};

static bool say(const struct disk_fill *settings, const char *file, int directory,
		struct fault_plan *plan, struct error *err)
{
	int64_t now = disk_free_bytes(directory, err);
	const char *where = json_string_value(json_object_get(plan->undo, "directory"));

	if (now < 0)
		return false;
	if (now <= settings->leave_bytes)
		return error_set(err, "only %lld MiB are free at '%s', and %lld MiB are to stay so",
				 (long long)now >> 20, where,
				 (long long)settings->leave_bytes >> 20);
	buffer_format(plan->does,
		      "fill the file system of '%s' (%lld MiB free) with a file, leave "
		      "%lld MiB",
		      where, (long long)now >> 20, (long long)settings->leave_bytes >> 20);
	buffer_format(plan->undoes, "remove '%s/%s'", where, file);
	return true;
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct disk_fill *settings = fault->settings;
	struct buffer file = BUFFER_EMPTY;
	char token[HELPERS_TOKEN];
	const char *directory;
	bool ok;
	int fd;

	if (!disk_directory(fault, settings->path, &directory, err))
		return false;
	plan->undo = disk_record(directory, err);
	fd = plan->undo ? disk_open(plan->undo, err) : -1;
	if (fd < 0)
		return false;
	helpers_token(token);
	buffer_format(&file, ".sagastorm-fill-%s", token);
	json_object_set_new(plan->undo, "file", json_string(file.data));
	ok = say(settings, file.data, fd, plan, err);
	buffer_release(&file);
	close(fd);
	return ok;
}

/* Whether a name from a record can be one of ours. */
static const char *file_of(const json_t *undo, struct error *err)
{
	const char *file = json_string_value(json_object_get(undo, "file"));

	if (file && strncmp(file, ".sagastorm-fill-", 16) == 0 && !strchr(file, '/'))
		return file;
	error_set(err, "the record has no file of ours");
	return NULL;
}

/* Others write meanwhile, and then a little less has to do. */
static bool reserve(int fd, int64_t bytes, struct error *err)
{
	int64_t least = bytes / 2;

	while (fallocate(fd, 0, 0, bytes) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != ENOSPC || bytes <= least)
			return error_errno(err, "cannot reserve %lld MiB", (long long)bytes >> 20);
		bytes -= bytes / 64 + 4096;
	}
	return true;
}

static bool arm_in(const struct disk_fill *settings, const char *file, int directory,
		   struct error *err)
{
	int fd =
		openat(directory, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int64_t room = disk_free_bytes(directory, err), bytes = room - settings->leave_bytes;
	bool ok = false;

	if (settings->size_bytes && bytes > settings->size_bytes)
		bytes = settings->size_bytes;
	if (fd < 0)
		error_errno(err, "cannot make the file '%s'", file);
	else if (room >= 0 && bytes <= 0)
		error_set(err, "there is less free than is to be left");
	else if (room >= 0)
		ok = reserve(fd, bytes, err);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const char *file = file_of(undo, err);
	int directory = file ? disk_open(undo, err) : -1;
	bool ok = directory >= 0 && arm_in(fault->settings, file, directory, err);

	if (directory >= 0)
		close(directory);
	return ok;
}

/* The file, if it is there: -1 with a reason, 0: no. */
static int find(const json_t *undo, int *directory, struct stat *seen, struct error *err)
{
	const char *file = file_of(undo, err);

	*directory = file ? disk_open(undo, err) : -1;
	if (*directory < 0)
		return -1;
	if (fstatat(*directory, file, seen, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	error_errno(err, "cannot look for '%s'", file);
	return -1;
}

static bool heal(const json_t *undo, struct error *err)
{
	const char *file = file_of(undo, err);
	struct stat seen;
	int directory, there = find(undo, &directory, &seen, err);
	bool ok = file && there >= 0;

	if (ok && there && !S_ISREG(seen.st_mode))
		ok = error_set(err, "'%s' is no file", file);
	else if (ok && there && unlinkat(directory, file, 0) != 0 && errno != ENOENT)
		ok = error_errno(err, "cannot remove '%s'", file);
	if (directory >= 0)
		close(directory);
	return ok;
}

static bool look(const json_t *undo, struct error *err)
{
	struct stat seen;
	int directory, there = find(undo, &directory, &seen, err);

	if (directory >= 0)
		close(directory);
	if (there > 0)
		return error_set(err, "'%s' is still there", file_of(undo, err));
	return there == 0;
}

/* MiB that are taken. */
static int64_t hits(const struct fault *fault, const json_t *undo)
{
	struct stat seen;
	int directory, there = find(undo, &directory, &seen, NULL);

	(void)fault;
	if (directory >= 0)
		close(directory);
	return there > 0 ? (int64_t)seen.st_blocks * 512 >> 20 : there;
}

const struct fault_kind machine_disk_fill = {
	.name = "disk-fill",
	.family = FAMILY_MACHINE,
	.aims = AIM_SERVICE | AIM_MACHINE,
	.summary = "takes the free space of a service's disk, but for a rest (hits: MiB taken)",
	.example = "disk-fill: { path: /tmp, leave: 100MB, size: 1GB }",
	.keys = disk_fill_keys,
	.settings_bytes = sizeof(struct disk_fill),
	.plan = plan,
	.arm = arm,
	.heal = heal,
	.look = look,
	.hits = hits,
};
