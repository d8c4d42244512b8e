#include "chaos/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

enum { FLAG_KERNEL_THREAD = 0x00200000 }; /* PF_KTHREAD */

struct stat_line {
	char state;
	uint64_t parent, flags, started;
};

static bool number_at(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && end != text;
}

/* A name in parentheses may hold anything, parentheses and line ends too: the last one counts. */
static bool parse_stat(const char *line, struct stat_line *stat)
{
	const char *at = strrchr(line, ')');
	bool good = true;

	if (!at || at[1] != ' ' || !at[2])
		return false;
	stat->state = at[2];
	at += 2;
	for (int field = 4; field <= 22 && good; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
		if (field == 4)
			good = number_at(at, &stat->parent);
		else if (field == 9)
			good = number_at(at, &stat->flags);
		else if (field == 22)
			good = number_at(at, &stat->started);
	}
	return good;
}

/* Keeps errno. */
static bool read_small(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
	int why = got < 0 ? errno : ESRCH;

	if (fd >= 0)
		close(fd);
	out[got > 0 ? got : 0] = '\0';
	errno = why;
	return got > 0;
}

/* What can't be read is not gone: without a descriptor to spare, everybody would be. */
enum sight { SIGHT_NONE, SIGHT_GONE, SIGHT_CLEAR };

static enum sight see(int64_t pid, struct stat_line *stat)
{
	char path[64], line[1024];

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	if (!read_small(path, line, sizeof(line)))
		return errno == ENOENT || errno == ESRCH ? SIGHT_GONE : SIGHT_NONE;
	if (!parse_stat(line, stat))
		return SIGHT_NONE;
	return stat->state == 'Z' || stat->state == 'X' ? SIGHT_GONE : SIGHT_CLEAR;
}

static bool read_stat(int64_t pid, struct stat_line *stat)
{
	return see(pid, stat) == SIGHT_CLEAR;
}

static bool read_boot(char boot[37])
{
	char text[64];

	if (!read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text)) || strlen(text) < 36)
		return false;
	memcpy(boot, text, 36);
	boot[36] = '\0';
	return true;
}

bool process_identify(int64_t pid, struct process_identity *identity, struct error *err)
{
	struct stat_line stat = { .state = '\0' };
	enum sight sight;

	memset(identity, 0, sizeof(*identity));
	if (pid <= 0 || pid > INT32_MAX)
		return error_set(err, "there is no process %" PRId64, pid);
	sight = see(pid, &stat);
	if (sight == SIGHT_NONE)
		return error_errno(err, "cannot look at process %" PRId64, pid);
	if (sight == SIGHT_GONE)
		return error_set(err,
				 stat.state ? "process %" PRId64 " has ended" :
					      "there is no process %" PRId64,
				 pid);
	if (!read_boot(identity->boot))
		return error_set(err, "cannot read the boot id of this machine");
	identity->pid = pid;
	identity->started = stat.started;
	return true;
}

char process_state(const struct process_identity *identity)
{
	struct stat_line stat;
	enum sight sight;
	char boot[37];

	if (identity->pid <= 0)
		return '\0';
	sight = read_boot(boot) ? see(identity->pid, &stat) : SIGHT_NONE;
	if (sight == SIGHT_NONE)
		return PROCESS_UNSEEN;
	if (sight == SIGHT_GONE || stat.started != identity->started ||
	    strcmp(boot, identity->boot) != 0)
		return '\0';
	return stat.state;
}

bool process_alive(const struct process_identity *identity)
{
	return process_state(identity) != '\0';
}

/*
 * The descriptor first, the look afterwards: when the look finds the one that was meant, then the
 * descriptor, which is older, can't be a successor's.
 */
bool process_signal(const struct process_identity *identity, int signal, bool *gone,
		    struct error *err)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)identity->pid, 0);
	bool good;
	char state;

	*gone = false;
	if (fd < 0 && errno != ESRCH && errno != EINVAL)
		return error_errno(err, "cannot open process %" PRId64, identity->pid);
	state = fd < 0 ? '\0' : process_state(identity);
	if (state == '\0' || state == PROCESS_UNSEEN) {
		if (fd >= 0)
			close(fd);
		*gone = state == '\0';
		return error_set(err, "process %" PRId64 " %s", identity->pid,
				 *gone ? "is gone" : "can't be looked at");
	}
	good = syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) == 0;
	if (!good) {
		*gone = errno == ESRCH;
		error_errno(err, "cannot send signal %d to process %" PRId64, signal,
			    identity->pid);
	}
	close(fd);
	return good;
}

bool process_has_name(const struct process_identity *process, const char *wanted)
{
	char path[64], name[32] = "";
	ssize_t got;
	int fd;

	if (!process_alive(process))
		return false;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", process->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, name, sizeof(name) - 1);
	close(fd);
	if (got > 0 && name[got - 1] == '\n')
		name[got - 1] = '\0';
	return got > 0 && strcmp(name, wanted) == 0;
}

int64_t process_parent(int64_t pid)
{
	struct stat_line stat;

	return read_stat(pid, &stat) ? (int64_t)stat.parent : 0;
}

bool process_is_kernel(int64_t pid)
{
	struct stat_line stat;

	return read_stat(pid, &stat) && (stat.flags & FLAG_KERNEL_THREAD);
}

int64_t process_age_us(const struct process_identity *identity)
{
	int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
	struct timespec now;

	if (!process_alive(identity) || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return -1;
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000 -
	       (int64_t)identity->started * (US_PER_S / ticks_per_s);
}

json_t *process_to_json(const struct process_identity *identity)
{
	return json_pack("{s:I, s:I, s:s}", "pid", (json_int_t)identity->pid, "started",
			 (json_int_t)identity->started, "boot", identity->boot);
}

bool process_from_json(const json_t *json, struct process_identity *identity, struct error *err)
{
	const json_t *pid = json_object_get(json, "pid");
	const json_t *started = json_object_get(json, "started");
	const char *boot = json_string_value(json_object_get(json, "boot"));

	memset(identity, 0, sizeof(*identity));
	if (!json_is_integer(pid) || json_integer_value(pid) <= 0 ||
	    json_integer_value(pid) > INT32_MAX || !json_is_integer(started) ||
	    json_integer_value(started) < 0 || !boot || strlen(boot) != 36)
		return error_set(err, "this is no process: it needs pid, started and boot");
	identity->pid = json_integer_value(pid);
	identity->started = (uint64_t)json_integer_value(started);
	memcpy(identity->boot, boot, sizeof(identity->boot));
	return true;
}
