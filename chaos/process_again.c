/* Processes that were ended are there again: started, found, healthy. */
#include "chaos/process_parts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/signals.h"

enum {
	WORDS_MAX = 256,
	ASK_US = 1000000,
	SURE_US = 100000, /* a kill that was sent has had its effect by then */
};

static bool someone_else_starts(const json_t *undo)
{
	return json_object_get(undo, "launcher") != NULL;
}

/* A system that was ended altogether, with who would start it, needs nothing put back. */
static bool launcher_is_gone(const json_t *undo)
{
	struct process_identity launcher;

	return process_from_json(json_object_get(undo, "launcher"), &launcher, NULL) &&
	       !process_alive(&launcher);
}

static bool can_be_seen(const json_t *row, struct error *err)
{
	const json_t *place = json_object_get(row, "place");

	if (target_can_find_again(place) || target_has_health(place))
		return true;
	return error_set(err,
			 "'%s' could not be seen to be back: give it pidfile, command or health",
			 process_service(row));
}

static void describe_again(const json_t *undo, struct buffer *out)
{
	const json_t *place = json_object_get(process_row(undo, 0), "place");
	const char *first = json_string_value(json_array_get(json_object_get(place, "start"), 0));

	if (!out)
		return;
	if (someone_else_starts(undo))
		buffer_add_string(out, "its launcher starts it again");
	else if (first)
		buffer_format(out, "start it again with '%s ...'", first);
	else
		buffer_add_string(out, "nothing here starts it again: something else has to");
}

bool process_plan_end(const struct fault *fault, const char *verb, int64_t patience_us,
		      struct fault_plan *plan, struct error *err)
{
	if (!process_plan(fault, verb, plan, err))
		return false;
	for (size_t i = 0; i < process_count(plan->undo); i++)
		if (!can_be_seen(process_row(plan->undo, i), err))
			return false;
	json_object_set_new(plan->undo, "patience_ms", json_integer(patience_us / US_PER_MS));
	describe_again(plan->undo, plan->undoes);
	return true;
}

/*
 * Two healers at once must not start a service twice. A name in the abstract namespace is gone with
 * the process that holds it, whatever becomes of it.
 */
static bool claim_start(const json_t *row)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct process_identity process;
	socklen_t length;
	int fd, written;

	if (!process_of_row(row, &process, NULL))
		return false;
	written = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			   "sagastorm-start-%" PRId64 "-%" PRIu64, process.pid, process.started);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)written);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (bind(fd, (struct sockaddr *)&address, length) == 0)
		return true; /* kept until this process ends */
	close(fd);
	return false;
}

/* Of nobody's session, with nobody's descriptors; its parent is the machine's first process. */
static void run_detached(char *const *words)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	close_range(3, ~0U, 0);
	signals_reset();
	setsid();
	if (fork() == 0) {
		execvp(words[0], words);
		_exit(127);
	}
	_exit(0);
}

static bool start_one(const json_t *row, struct error *err)
{
	const json_t *start = json_object_get(json_object_get(row, "place"), "start");
	const char *words[WORDS_MAX + 1] = { NULL };
	size_t count = json_array_size(start);
	pid_t pid;

	for (size_t i = 0; i < count && i < WORDS_MAX; i++)
		words[i] = json_string_value(json_array_get(start, i));
	if (!words[0])
		return true; /* something else has to */
	if (!claim_start(row))
		return true; /* someone is at it, or we were before */
	pid = fork();
	if (pid == 0) {
		union {
			const char **borrowed;
			char **given;
		} list = { .borrowed = words };

		run_detached(list.given);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) < 0)
		return error_errno(err, "cannot run '%s'", words[0]);
	return true;
}

static bool is_there(const json_t *row)
{
	const json_t *place = json_object_get(row, "place");
	struct process_identity process;

	if (process_of_row(row, &process, NULL) && process_alive(&process))
		return true;
	if (target_can_find_again(place))
		return target_find(place, &process, NULL);
	return target_healthy(place, ASK_US, NULL);
}

bool process_start_again(const json_t *undo, struct error *err)
{
	bool good = true;

	if (someone_else_starts(undo))
		return true;
	for (size_t i = 0; i < process_count(undo); i++)
		if (!is_there(process_row(undo, i)) && !start_one(process_row(undo, i), err))
			good = false;
	return good;
}

static bool still_alive(const json_t *row)
{
	struct process_identity process;

	if (!process_of_row(row, &process, NULL) || !process_alive(&process))
		return false;
	usleep(SURE_US);
	return process_alive(&process);
}

static bool look_at(const json_t *row, struct error *err)
{
	const json_t *place = json_object_get(row, "place");
	struct process_identity process;

	if (target_can_find_again(place) && !target_find(place, &process, err) && !still_alive(row))
		return false;
	return target_healthy(place, ASK_US, err);
}

bool process_look_again(const json_t *undo, struct error *err)
{
	if (!process_any(undo, err))
		return false;
	if (launcher_is_gone(undo))
		return true;
	for (size_t i = 0; i < process_count(undo); i++)
		if (!look_at(process_row(undo, i), err))
			return false;
	return true;
}
