/* Who armed a fault holds it: with its end, however it comes, the fault is gone. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "chaos/proxied.h"
#include "chaos/proxy_control.h"
#include "tests/unit/proxying.h"

static bool passes(struct proxying *p)
{
	struct through one = through_open(p);
	bool good = tell(one.caller, "x") && comes(one.upstream, 200) && hears(one.upstream, "x");

	through_close(&one);
	return good;
}

static bool passes_soon(struct proxying *p)
{
	for (int i = 0; i < 10; i++)
		if (passes(p))
			return true;
	return false;
}

/* A process that arms, says so, and waits for its end. */
static pid_t fork_controller(struct proxying *p, bool inherited)
{
	int said[2];
	char word;
	pid_t pid;

	if (pipe(said) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		proxying_arm(p, 0, "blackhole", "{ edge: a -> b }");
		/* A child of its own that has a copy of every socket, and outlives it. */
		if (inherited && fork() == 0) {
			usleep(3000000);
			_exit(0);
		}
		if (write(said[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK(read(said[0], &word, 1) == 1);
	close(said[0]);
	close(said[1]);
	return pid;
}

static void killed_controller(bool inherited)
{
	struct proxying p;
	int64_t killed_us;
	pid_t pid;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	pid = fork_controller(&p, inherited);
	CHECK(!passes(&p));
	kill(pid, SIGKILL);
	killed_us = clock_now_us();
	CHECK(passes_soon(&p));
	printf("# passed again after %.1f ms\n", (double)(clock_now_us() - killed_us) / 1e3);
	CHECK_INT(proxying_hits(&p, 0), 0);
	waitpid(pid, NULL, 0);
	proxying_end(&p);
}

/* The other controller has a control connection of its own, and means the same faults. */
static void other_process_heals(void)
{
	struct proxying p;
	bool armed = false;
	pid_t pid;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	pid = fork_controller(&p, false);
	CHECK(proxy_is_armed(p.proxy, 0, &armed, &p.err) && armed);
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK(passes(&p));
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	proxying_end(&p);
}

static void starter_is_killed(void)
{
	struct proxying p;
	int said[2], status;
	uint16_t port = 0;
	pid_t pid;

	if (!CHECK(pipe(said) == 0))
		return;
	pid = fork();
	if (pid == 0) {
		if (!proxying_start(&p, EDGE_TCP, NULL) ||
		    write(said[1], &p.port, sizeof(p.port)) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	CHECK(read(said[0], &port, sizeof(port)) == sizeof(port));
	close(said[0]);
	close(said[1]);
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status));
	for (int i = 0, fd = 0; i < 200 && fd >= 0; i++) {
		usleep(10000);
		fd = dial_port(port);
		if (fd >= 0)
			close(fd);
		if (i == 199)
			CHECK(fd < 0);
	}
}

static void signals_are_for_the_run(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct proxying p;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	for (int i = 0; i < 3; i++)
		kill((pid_t)proxy_pid(p.proxy), signals[i]);
	usleep(20000);
	CHECK(passes(&p));
	proxying_end(&p);
}

static void death_is_noticed(void)
{
	struct proxying p;
	uint32_t fault;
	bool gone = false, armed;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	CHECK(!proxy_next(p.proxy, &fault, &gone) && !gone);
	kill((pid_t)proxy_pid(p.proxy), SIGKILL);
	CHECK(comes(proxy_fd(p.proxy), PATIENCE_MS));
	CHECK(!proxy_next(p.proxy, &fault, &gone) && gone);
	CHECK(!proxy_is_armed(p.proxy, 0, &armed, &p.err));
	CHECK_TEXT(p.err.text, "the proxy is gone");
	proxying_end(&p);
}

/* It was only slow: what was armed stays, and late answers are not taken for others. */
static void slow_proxy_keeps_faults(void)
{
	struct proxying p;
	struct edge_stats stats;
	bool armed = false;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	proxying_arm(&p, 0, "blackhole", "{ edge: a -> b }");
	kill((pid_t)proxy_pid(p.proxy), SIGSTOP);
	CHECK(!proxy_is_armed(p.proxy, 0, &armed, &p.err));
	CHECK_TEXT(p.err.text, "the proxy does not answer");
	kill((pid_t)proxy_pid(p.proxy), SIGCONT);
	CHECK(proxy_stats(p.proxy, "a -> b", &stats, &p.err));
	CHECK(proxy_is_armed(p.proxy, 0, &armed, &p.err) && armed);
	CHECK(!passes(&p));
	proxying_end(&p);
}

/* ---- proxied: from the undo record alone ---- */

static json_t *plan(struct proxying *p, const struct fault *fault)
{
	struct buffer does = BUFFER_EMPTY, undoes = BUFFER_EMPTY;
	struct fault_plan plan = { json_object(), &does, &undoes };

	CHECK(proxied_plan(p->proxy, fault, &plan, &p->err));
	printf("# does: %s; undoes: %s\n", does.data, undoes.data);
	buffer_release(&does);
	buffer_release(&undoes);
	return plan.undo;
}

static void healed_from_the_record(void)
{
	struct proxying p;
	struct fault fault;
	char settings[] = "{ edge: a -> b }";
	json_t *undo;
	int status;
	pid_t pid;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	fault = proxying_fault(&p, 5, "blackhole", settings);
	undo = plan(&p, &fault);
	CHECK(proxied_look(undo, &p.err) && proxied_heal(undo, &p.err));
	CHECK(proxied_arm(p.proxy, &fault, undo, &p.err));
	CHECK(!proxied_look(undo, &p.err));
	CHECK_TEXT(p.err.text, "the proxy still has it armed");
	pid = fork();
	if (pid == 0)
		_exit(proxied_heal(undo, NULL) && proxied_heal(undo, NULL) ? 0 : 1);
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	CHECK(proxied_look(undo, &p.err));
	CHECK(passes(&p));
	proxying_end(&p);
	CHECK(proxied_heal(undo, &p.err) && proxied_look(undo, &p.err));
	json_decref(undo);
}

/* ---- Alone ---- */

static pid_t serve(const struct proxying *p, const char *control)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct error err = { "" };
		bool good = proxy_serve(&p->system, control, (struct proxy_ready){ 0 }, &err);

		if (!good)
			printf("# %s\n", err.text);
		fflush(stdout);
		_exit(good ? 0 : 3);
	}
	return pid;
}

static struct proxy *connect_soon(const char *control, struct error *err)
{
	for (int i = 0; i < 300; i++) {
		struct proxy *proxy = proxy_connect(control, err);

		if (proxy)
			return proxy;
		usleep(10000);
	}
	return NULL;
}

static void alone(void)
{
	char directory[] = "/tmp/test_proxy_lease-XXXXXX", control[64];
	struct proxying p;
	struct stat there;
	struct proxy *ours, *other;
	int status = -1;
	bool armed;
	pid_t pid;

	if (!CHECK(mkdtemp(directory) != NULL) || !proxying_start(&p, EDGE_TCP, NULL))
		return;
	snprintf(control, sizeof(control), "%s/control", directory);
	ours = p.proxy; /* only for what it knows of the system */
	proxy_free(ours);
	pid = serve(&p, control);
	p.proxy = connect_soon(control, &p.err);
	if (!CHECK(p.proxy != NULL))
		return;
	p.port = proxy_port(p.proxy, "a -> b");
	CHECK(stat(control, &there) == 0 && (there.st_mode & 0777) == 0600);
	CHECK_INT(proxy_pid(p.proxy), 0);
	proxying_arm(&p, 0, "blackhole", "{ edge: a -> b }");
	other = proxy_connect(control, &p.err);
	CHECK(proxy_is_armed(other, 0, &armed, &p.err) && !armed); /* another run's number 0 */
	CHECK(!passes(&p));
	proxy_free(p.proxy);
	p.proxy = other;
	CHECK(passes_soon(&p));
	waitpid(serve(&p, control), &status, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	CHECK(passes(&p));
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	CHECK(stat(control, &there) != 0);
	proxying_end(&p);
	rmdir(directory);
}

/* ---- What a stranger may say ---- */

static int control_dial(struct proxying *p)
{
	struct sockaddr_un address;
	socklen_t length;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(control_address(proxy_control(p->proxy), &address, &length, &p->err));
	CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static void nonsense_is_answered(void)
{
	static const char *const lines[] = {
		"nonsense\n",
		"{}\n",
		"[]\n",
		"{\"do\": 3}\n",
		"{\"do\": \"dance\"}\n",
		"{\"do\": \"arm\"}\n",
		"{\"do\": \"arm\", \"edges\": [3]}\n",
		"{\"do\": \"arm\", \"edges\": [\"a -> b\"], \"kind\": \"kill\"}\n",
		("{\"do\": \"arm\", \"edges\": [\"a -> b\"], \"kind\": \"latency\", "
		 "\"settings\": \"{ delay: [\"}\n"),
		"{\"do\": \"route\", \"edge\": \"a -> b\", \"to\": \"::::\"}\n",
		"{\"do\": \"route\", \"edge\": \"a -> b\"}\n",
		"{\"do\": \"stats\"}\n",
	};
	struct proxying p;
	char answer[2048];
	int fd;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	fd = control_dial(&p);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		ssize_t got;

		tell(fd, lines[i]);
		got = take(fd, answer, sizeof(answer) - 1, PATIENCE_MS);
		answer[got > 0 ? got : 0] = '\0';
		CHECK(strncmp(answer, "{\"error\":", 9) == 0);
	}
	for (int i = 0; i < CONTROL_LINE_MAX / 1000 + 100; i++) {
		memset(answer, 'x', 1000);
		if (send(fd, answer, 1000, MSG_NOSIGNAL) < 0)
			break;
	}
	CHECK(how_it_ends(fd) <= 0);
	close(fd);
	CHECK(passes(&p));
	proxying_end(&p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST("a killed controller's faults are gone at once")
		killed_controller(false);
	TEST("also when a child of it has a copy of its socket")
		killed_controller(true);
	TEST("a fault can be seen and healed from another process of the run")
		other_process_heals();
	TEST("the proxy ends with the process that started it")
		starter_is_killed();
	TEST("signals that are meant for the run do not end it")
		signals_are_for_the_run();
	TEST("a controller learns of its death")
		death_is_noticed();
	TEST("a proxy that was slow to answer still has its faults")
		slow_proxy_keeps_faults();
	TEST("a fault is healed and seen to be gone from its undo record alone")
		healed_from_the_record();
	TEST("a proxy alone outlives its controllers, not their faults")
		alone();
	TEST("nonsense on the control socket is answered, and changes nothing")
		nonsense_is_answered();
	return tap_done();
}
