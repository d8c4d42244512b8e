#include "chaos/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/signals.h"

enum { STREAMS = 3, FIRST_LINE_MAX = 200 };

static bool runs(struct buffer *path, struct text directory, const char *name)
{
	buffer_clear(path);
	buffer_format(path, "%.*s/%s", TEXT_ARG(directory), name);
	return access(path->data, X_OK) == 0;
}

/* Where a program is; false, saying so, when this machine has none. */
static bool tool_find(const char *name, struct buffer *path, struct error *err)
{
	static const char *const usual[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };
	const char *rest = getenv("PATH");

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (runs(path, text_of(usual[i]), name))
			return true;
	while (rest && *rest) {
		size_t length = strcspn(rest, ":");

		if (runs(path, (struct text){ rest, length }, name))
			return true;
		rest += length + (rest[length] == ':');
	}
	return error_set(err, "there is no program '%s' on this machine", name);
}

void tool_first_line(const struct buffer *said, struct buffer *line)
{
	struct text text = buffer_text(said);

	for (size_t i = 0; i < text.length && i < FIRST_LINE_MAX && text.data[i] != '\n'; i++) {
		unsigned char c = (unsigned char)text.data[i];

		buffer_add_char(line, c >= ' ' && c < 127 ? (char)c : '?');
	}
}

void tool_result_release(struct tool_result *result)
{
	if (!result)
		return;
	buffer_release(&result->out);
	buffer_release(&result->err);
}

/* Files in memory for its three streams: nothing to pump, and their size has a limit. */
static bool streams_open(const struct tool *tool, int fds[STREAMS], struct error *err)
{
	for (int i = 0; i < STREAMS; i++)
		fds[i] = -1;
	for (int i = 0; i < STREAMS; i++) {
		fds[i] = memfd_create("tool", MFD_CLOEXEC);
		if (fds[i] < 0)
			return error_errno(err, "cannot make a file in memory");
	}
	if (write(fds[0], tool->input.data ? tool->input.data : "", tool->input.length) !=
		    (ssize_t)tool->input.length ||
	    lseek(fds[0], 0, SEEK_SET) != 0)
		return error_errno(err, "cannot write a file in memory");
	return true;
}

static void streams_close(const int fds[STREAMS])
{
	for (int i = 0; i < STREAMS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* After the fork there is no one to return an error to: it goes where its complaints go. */
__attribute__((noreturn)) static void give_up(const char *why, int code)
{
	const char *cause = strerrorname_np(errno);

	if (write(2, why, strlen(why)) < 0 || (cause && write(2, cause, strlen(cause)) < 0))
		_exit(code);
	_exit(code);
}

__attribute__((noreturn)) static void become(const struct tool *tool, const char *path,
					     const int fds[STREAMS], pid_t parent)
{
	const struct rlimit most = { TOOL_OUTPUT_MAX, TOOL_OUTPUT_MAX };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(TOOL_NO_START);
	for (int i = 0; i < STREAMS; i++)
		dup2(fds[i], i);
	if (tool->scratch ? unshare(CLONE_NEWNET) : 0)
		give_up("cannot make a network namespace: ", TOOL_NO_ENTRY);
	if (tool->netns >= 0 && !tool->scratch && setns(tool->netns, CLONE_NEWNET))
		give_up("cannot enter the network namespace: ", TOOL_NO_ENTRY);
	setrlimit(RLIMIT_FSIZE, &most);
	signals_reset();
	close_range(STREAMS, ~0U, 0);
	execv(path, (char *const *)(uintptr_t)tool->argv);
	give_up("cannot be started: ", TOOL_NO_START);
}

/* The status of a child; it is ended when it takes longer. */
static bool wait_for(pid_t pid, int64_t timeout_us, int *status)
{
	int64_t deadline_us = clock_now_us() + timeout_us, left_us = timeout_us;
	struct pollfd ended = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int ready = -1;

	while (ended.fd >= 0 && left_us > 0) {
		ready = poll(&ended, 1, (int)(left_us / US_PER_MS) + 1);
		if (ready >= 0 || errno != EINTR)
			break;
		left_us = deadline_us - clock_now_us();
	}
	if (ready != 1)
		kill(pid, SIGKILL);
	if (ended.fd >= 0)
		close(ended.fd);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return false;
	return ready == 1;
}

static void read_stream(int fd, struct buffer *out)
{
	char bytes[4096];
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		buffer_add(out, bytes, (size_t)got);
}

static bool run_in(const struct tool *tool, const char *path, const int fds[STREAMS],
		   struct tool_result *result, struct error *err)
{
	int64_t timeout_us = tool->timeout_us ? tool->timeout_us : TOOL_TIMEOUT_US;
	pid_t parent = getpid(), pid = fork();
	int status = 0;

	if (pid < 0)
		return error_errno(err, "cannot start '%s'", tool->argv[0]);
	if (pid == 0)
		become(tool, path, fds, parent);
	if (!wait_for(pid, timeout_us, &status))
		return error_set(err, "'%s' did not end within %g s", tool->argv[0],
				 (double)timeout_us / US_PER_S);
	if (WIFSIGNALED(status))
		return error_set(err, "'%s' was ended by signal %d", tool->argv[0],
				 WTERMSIG(status));
	result->code = WEXITSTATUS(status);
	read_stream(fds[1], &result->out);
	read_stream(fds[2], &result->err);
	return true;
}

bool tool_run(const struct tool *tool, struct tool_result *result, struct error *err)
{
	struct buffer path = BUFFER_EMPTY;
	int fds[STREAMS];
	bool ok;

	*result = (struct tool_result){ .code = -1 };
	ok = tool_find(tool->argv[0], &path, err);
	if (ok) {
		ok = streams_open(tool, fds, err) && run_in(tool, path.data, fds, result, err);
		streams_close(fds);
	}
	buffer_release(&path);
	return ok;
}

static bool failed(const struct tool *tool, const struct tool_result *result, struct error *err)
{
	struct buffer line = BUFFER_EMPTY;

	tool_first_line(result->err.length ? &result->err : &result->out, &line);
	error_set(err, "%s: %s (exit code %d)", tool->argv[0],
		  line.length ? line.data : "it failed without a word", result->code);
	buffer_release(&line);
	return false;
}

bool tool_must(const struct tool *tool, struct buffer *out, struct error *err)
{
	struct tool_result result;
	bool ok = tool_run(tool, &result, err);

	if (ok && result.code != 0)
		ok = failed(tool, &result, err);
	if (ok && out)
		buffer_add_text(out, buffer_text(&result.out));
	tool_result_release(&result);
	return ok;
}
