/* fd-limit: running processes may open only so many files and sockets. */
#include "chaos/kinds.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "chaos/journal.h"
#include "chaos/process_parts.h"
#include "chaos/supervisor.h"

struct fd_limit_settings {
	int64_t limit, free;
};

#define FIELD(name) offsetof(struct fd_limit_settings, name)

static const struct key fd_limit_keys[] = {
	{ "free", KEY_INTEGER, FIELD(free), .initial = "0", .maximum = 1e6,
	  .help = "how many more it may open than it has open now" },
	{ "limit", KEY_INTEGER, FIELD(limit), .initial = "0", .maximum = 1e9,
	  .help = "the limit itself, instead of `free`" },
	KEYS_END
};

static int64_t times_full;
static bool was_full;

static bool limits_of(const struct process_identity *process, struct rlimit *limits,
		      struct error *err)
{
	if (prlimit((pid_t)process->pid, RLIMIT_NOFILE, NULL, limits) != 0)
		return error_errno(err, "cannot read the limits of process %" PRId64, process->pid);
	return true;
}

static int64_t count_open(const struct process_identity *process)
{
	char path[64];
	int64_t count = -2; /* . and .. */
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/fd", process->pid);
	directory = opendir(path);
	if (!directory)
		return -1;
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static bool same_process(const json_t *row, const struct process_identity *process)
{
	struct process_identity other;

	return process_of_row(row, &other, NULL) && other.pid == process->pid &&
	       other.started == process->started && strcmp(other.boot, process->boot) == 0;
}

static bool is_limited_by(const struct journal_contents *journal,
			  const struct process_identity *process)
{
	for (size_t i = 0; i < journal->count; i++) {
		const struct journal_entry *entry = &journal->entries[i];

		if (entry->kind != &process_fd_limit || !journal_entry_open(entry))
			continue;
		for (size_t j = 0; j < process_count(entry->undo); j++)
			if (same_process(process_row(entry->undo, j), process))
				return true;
	}
	return false;
}

/* By a fault of this run or of another: what looks like its own limit now is that fault's. */
static bool is_limited(const struct process_identity *process)
{
	struct buffer directory = BUFFER_EMPTY;
	struct journal_contents journal;
	char **paths = NULL;
	size_t count = 0;
	bool found = false;

	if (state_directory(&directory, NULL))
		journal_list(directory.data, &paths, &count, NULL);
	for (size_t i = 0; i < count && !found; i++) {
		if (!journal_read(paths[i], &journal, NULL))
			continue;
		found = is_limited_by(&journal, process);
		journal_contents_release(&journal);
	}
	journal_list_free(paths, count);
	buffer_release(&directory);
	return found;
}

/* Looked at before and after: in between a fault may have ended. */
static bool find_limits(const json_t *row, const struct process_identity *process,
			struct rlimit *limits, struct error *err)
{
	struct rlimit before;

	if (!limits_of(process, &before, err))
		return false;
	if (is_limited(process))
		return error_set(err, "'%s' is limited by another fault already",
				 process_service(row));
	return limits_of(process, limits, err) &&
	       (limits->rlim_cur == before.rlim_cur ||
		error_set(err, "the limit of '%s' is being changed", process_service(row)));
}

static bool plan_one(const struct fd_limit_settings *settings, json_t *row, struct error *err)
{
	struct process_identity process;
	struct rlimit limits;
	int64_t limit = settings->limit, open;

	if (!process_of_row(row, &process, err) || !find_limits(row, &process, &limits, err))
		return false;
	open = count_open(&process);
	if (open < 0)
		return error_set(err, "cannot see what '%s' has open", process_service(row));
	if (!limit)
		limit = open + settings->free;
	if ((rlim_t)limit >= limits.rlim_cur)
		return error_set(err, "'%s' may open %" PRIu64 ": %" PRId64 " would be no less",
				 process_service(row), (uint64_t)limits.rlim_cur, limit);
	json_object_set_new(row, "soft", json_integer((json_int_t)limits.rlim_cur));
	json_object_set_new(row, "limit", json_integer(limit));
	return true;
}

static bool fd_limit_plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	if (!process_plan(fault, "limit the open files of", plan, err))
		return false;
	for (size_t i = 0; i < process_count(plan->undo); i++)
		if (!plan_one(fault->settings, process_row(plan->undo, i), err))
			return false;
	if (plan->undoes)
		buffer_add_string(plan->undoes, "give it back the limit that it had");
	return true;
}

/* Only the soft limit: the hard one could not be raised again by just anybody. */
static bool set_limit(const struct process_identity *process, rlim_t soft, struct error *err)
{
	struct rlimit limits;

	if (!limits_of(process, &limits, err))
		return false;
	limits.rlim_cur = soft;
	if (prlimit((pid_t)process->pid, RLIMIT_NOFILE, &limits, NULL) != 0)
		return error_errno(err, "cannot set the limits of process %" PRId64, process->pid);
	return true;
}

static rlim_t member(const json_t *row, const char *key)
{
	return (rlim_t)json_integer_value(json_object_get(row, key));
}

static bool is_seen(const struct process_identity *process)
{
	return process_alive(process) && process_state(process) != PROCESS_UNSEEN;
}

static bool fd_limit_arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	(void)fault;
	for (size_t i = 0; i < process_count(undo); i++) {
		const json_t *row = process_row(undo, i);
		struct process_identity process;

		if (!process_of_row(row, &process, err))
			return false;
		if (!is_seen(&process))
			return error_set(err, "'%s' is gone", process_service(row));
		if (!set_limit(&process, member(row, "limit"), err))
			return false;
	}
	return true;
}

/* Whether it still has the limit that we gave it; a limit that it chose itself since is its own. */
static bool is_ours(const json_t *row, struct process_identity *process)
{
	struct rlimit limits;

	return process_of_row(row, process, NULL) && is_seen(process) &&
	       limits_of(process, &limits, NULL) && limits.rlim_cur == member(row, "limit") &&
	       limits.rlim_cur != member(row, "soft");
}

static bool fd_limit_heal(const json_t *undo, struct error *err)
{
	bool good = true;

	for (size_t i = 0; i < process_count(undo); i++) {
		const json_t *row = process_row(undo, i);
		struct process_identity process;

		if (is_ours(row, &process) && !set_limit(&process, member(row, "soft"), err))
			good = false;
	}
	return good;
}

static bool fd_limit_look(const json_t *undo, struct error *err)
{
	if (!process_any(undo, err))
		return false;
	for (size_t i = 0; i < process_count(undo); i++) {
		struct process_identity process;

		if (!process_of_row(process_row(undo, i), &process, err))
			return false;
		if (process_state(&process) == PROCESS_UNSEEN)
			return error_set(err, "process %" PRId64 " can't be looked at",
					 process.pid);
		if (is_ours(process_row(undo, i), &process))
			return error_set(err, "process %" PRId64 " still has its low limit",
					 process.pid);
	}
	return true;
}

/* How often it was seen to have come to its limit. */
static void fd_limit_tend(const struct fault *fault, const json_t *undo)
{
	bool full = false;

	(void)fault;
	for (size_t i = 0; i < process_count(undo) && !full; i++) {
		const json_t *row = process_row(undo, i);
		struct process_identity process;

		full = is_ours(row, &process) &&
		       count_open(&process) >= (int64_t)member(row, "limit");
	}
	times_full += full && !was_full;
	was_full = full;
}

static int64_t fd_limit_hits(const struct fault *fault, const json_t *undo)
{
	(void)fault;
	(void)undo;
	return times_full;
}

const struct fault_kind process_fd_limit = {
	.name = "fd-limit",
	.family = FAMILY_PROCESS,
	.aims = AIM_SERVICE,
	.summary = "running processes may open only so many files and sockets",
	.example = "fd-limit: { service: gateway, free: 10 }",
	.keys = fd_limit_keys,
	.settings_bytes = sizeof(struct fd_limit_settings),
	.plan = fd_limit_plan,
	.arm = fd_limit_arm,
	.heal = fd_limit_heal,
	.look = fd_limit_look,
	.tend = fd_limit_tend,
	.hits = fd_limit_hits,
};
