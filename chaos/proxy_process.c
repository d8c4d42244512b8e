/* The proxy's process: forked by a run, or alone. */
#include "chaos/proxy_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/proxy_control.h"
#include "chaos/proxy_parts.h"

/* Two descriptors a connection, 10,000 connections, and some room for all else. */
enum { DESCRIPTORS = 65536, DESCRIPTORS_FOR_ALL_ELSE = 40 };

static void raise_descriptors(void)
{
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	wanted = limit;
	if (wanted.rlim_max < DESCRIPTORS)
		wanted.rlim_max = DESCRIPTORS;
	wanted.rlim_cur = wanted.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static uint64_t connections_max(size_t edges)
{
	uint64_t taken = DESCRIPTORS_FOR_ALL_ELSE + edges;
	struct rlimit limit = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > taken + 2 ? (limit.rlim_cur - taken) / 2 : 1;
}

static bool core_start(struct proxy_core *core, const struct proxy_settings *settings, int control,
		       struct error *err)
{
	raise_descriptors();
	signal(SIGPIPE, SIG_IGN);
	if (!proxy_core_init(core, settings->system, err)) {
		close(control);
		return false;
	}
	core->start_us = settings->start_us;
	core->open_max = connections_max(core->edge_count);
	if (settings->history) {
		core->history = history_create(settings->history, "proxy", err);
		if (!core->history) {
			close(control);
			return false;
		}
	}
	return control_init(core, control, err);
}

/* ---- Forked by a run ---- */

/* The run decides when a signal to all of us means the end; and nobody outlives it. */
static void live_with(pid_t parent)
{
	static const int of_the_run[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	sigset_t none;

	prctl(PR_SET_NAME, "sagastorm-proxy");
	for (size_t i = 0; i < sizeof(of_the_run) / sizeof(*of_the_run); i++)
		signal(of_the_run[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* Sockets and pipes of the run must not stay open because we have them, too. */
static void close_all_but(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	syscall(SYS_close_range, 3u, low - 1, 0u);
	syscall(SYS_close_range, low + 1, high - 1, 0u);
	syscall(SYS_close_range, high + 1, ~0u, 0u);
}

/* An empty word says that it listens; anything else is why it does not. */
static void report(int pipe_end, const char *word)
{
	if (write(pipe_end, word, strlen(word) + 1) < 0)
		_exit(1);
	close(pipe_end);
}

__attribute__((noreturn)) static void be_proxy(const struct proxy_settings *settings, int control,
					       int report_to)
{
	struct proxy_core core;
	struct error err = { "" };
	bool good;

	close_all_but(control, report_to);
	good = core_start(&core, settings, control, &err);
	core.ends_when_told = true;
	report(report_to, good ? "" : err.text);
	if (good)
		event_base_dispatch(core.base);
	proxy_core_release(&core);
	_exit(good ? 0 : 1);
}

static bool hear_report(int pipe_end, struct error *err)
{
	struct error heard = { "" };
	size_t length = 0;
	ssize_t got;

	while ((got = read(pipe_end, heard.text + length, sizeof(heard.text) - 1 - length)) > 0 ||
	       (got < 0 && errno == EINTR))
		length += got > 0 ? (size_t)got : 0;
	if (length == 0)
		return error_set(err, "the proxy died while it started");
	if (!heard.text[0])
		return true;
	return error_set(err, "the proxy can't start: %s", heard.text);
}

static void name_control(char name[PROXY_CONTROL_BYTES])
{
	uint64_t dice[2] = { 0 };

	if (getrandom(dice, sizeof(dice), 0) != sizeof(dice))
		dice[0] = (uint64_t)clock_now_us();
	snprintf(name, PROXY_CONTROL_BYTES, "@sagastorm-proxy-%d-%016llx%016llx", (int)getpid(),
		 (unsigned long long)dice[0], (unsigned long long)dice[1]);
}

pid_t proxy_fork(const struct proxy_settings *settings, char control[PROXY_CONTROL_BYTES],
		 struct error *err)
{
	pid_t self = getpid(), pid;
	int listener, ends[2];
	bool good;

	name_control(control);
	listener = control_listen(control, err);
	if (listener < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		close(listener);
		error_errno(err, "cannot make a pipe");
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		live_with(self);
		be_proxy(settings, listener, ends[1]);
	}
	close(listener);
	close(ends[1]);
	good = pid > 0 ? hear_report(ends[0], err) : error_errno(err, "cannot start the proxy");
	close(ends[0]);
	if (!good && pid > 0)
		waitpid(pid, NULL, 0);
	return good ? pid : -1;
}

/* ---- Alone ---- */

static void stop(evutil_socket_t signal, short what, void *core)
{
	(void)signal;
	(void)what;
	event_base_loopexit(((struct proxy_core *)core)->base, NULL);
}

static void serve_until_stopped(struct proxy_core *core)
{
	struct event *interrupted = evsignal_new(core->base, SIGINT, stop, core);
	struct event *terminated = evsignal_new(core->base, SIGTERM, stop, core);

	event_add(interrupted, NULL);
	event_add(terminated, NULL);
	event_base_dispatch(core->base);
	event_free(interrupted);
	event_free(terminated);
}

bool proxy_serve(const struct system *system, const char *control, struct proxy_ready ready,
		 struct error *err)
{
	struct proxy_settings settings = { .system = system, .start_us = clock_now_us() };
	struct proxy_core core;
	int listener = control_listen(control, err);
	bool good;

	if (listener < 0)
		return false;
	good = core_start(&core, &settings, listener, err);
	for (size_t i = 0; good && ready.listens && i < core.edge_count; i++)
		ready.listens(ready.context, core.edges[i].edge, core.edges[i].port);
	if (good)
		serve_until_stopped(&core);
	proxy_core_release(&core);
	if (control[0] != '@')
		unlink(control);
	return good;
}
