/*
 * proxy_bench: what the proxy adds to a call, beside toxiproxy, in the same minute.
 *
 *	BENCH_TOXIPROXY=path/to/server BENCH_SECONDS=2 BENCH_ROUNDS=3 proxy_bench
 *
 * One upstream that answers 100 bytes; one client that asks over one connection (for latency) and
 * over 64 at a time (for CPU). Direct, through our proxy as TCP and as HTTP, and through toxiproxy
 * take turns. Then 10,000 connections through ours. CPU is the proxy's alone, as the kernel counts
 * it. All share one core, so that work is measured, and not what it takes this machine to wake
 * another core; BENCH_CORES=2 gives the proxies one of their own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chaos/proxy.h"
#include "lib/clock.h"

enum { CONNECTIONS = 64, PINGS = 4000, MANY = 10000, ROUNDS_MAX = 32, EVENTS = 256 };

static const char request[] = "GET /api/products/1 HTTP/1.1\r\nHost: shop\r\n"
			      "X-Correlation-Id: 0123456789abcdef\r\n\r\n";
static char answer[256];
static size_t answer_bytes;

struct target {
	const char *name;
	uint16_t port;
	pid_t pid; /* 0: nothing between */
	double latency_us[ROUNDS_MAX], cpu_us[ROUNDS_MAX], per_s[ROUNDS_MAX];
};

static double setting(const char *name, double otherwise)
{
	const char *value = getenv(name);

	return value ? atof(value) : otherwise;
}

static void run_on(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)(core % (int)sysconf(_SC_NPROCESSORS_ONLN)), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* ---- Sockets ---- */

static int listen_on(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, length) != 0 || listen(fd, 8192) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		exit(1);
	*port = ntohs(at.sin_port);
	return fd;
}

static void set_nodelay(int fd)
{
	int yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static int dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	set_nodelay(fd);
	return fd;
}

/* ---- Upstream ---- */

static void answer_one(int poller, int fd)
{
	char bytes[4096];
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

	if (got <= 0) {
		epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
		return;
	}
	for (ssize_t left = got; left >= (ssize_t)strlen(request); left -= (ssize_t)strlen(request))
		if (send(fd, answer, answer_bytes, MSG_NOSIGNAL) < 0)
			return;
}

__attribute__((noreturn)) static void be_upstream(int listener)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN, .data.fd = listener };
	int poller = epoll_create1(0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int count = epoll_wait(poller, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd != listener) {
				answer_one(poller, events[i].data.fd);
				continue;
			}
			event.data.fd = accept(listener, NULL, NULL);
			if (event.data.fd < 0)
				continue;
			set_nodelay(event.data.fd);
			epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
		}
	}
}

/* ---- The client ---- */

static bool hear_answer(int fd)
{
	char bytes[4096];
	size_t had = 0;

	while (had < answer_bytes) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got <= 0)
			return false;
		had += (size_t)got;
	}
	return true;
}

static bool ping(int fd)
{
	return send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request) &&
	       hear_answer(fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count)
{
	double sorted[PINGS];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double measure_latency(uint16_t port)
{
	static double trips[PINGS];
	int fd = dial(port);

	for (int i = -200; i < PINGS; i++) {
		double before_us = now_us();

		if (fd < 0 || !ping(fd))
			exit(1);
		if (i >= 0)
			trips[i] = now_us() - before_us;
	}
	close(fd);
	return median(trips, PINGS);
}

static double process_cpu_us(pid_t pid)
{
	struct timespec spent;
	clockid_t clock;

	if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0)
		return 0;
	return (double)spent.tv_sec * 1e6 + (double)spent.tv_nsec / 1e3;
}

static double load(uint16_t port, double seconds)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN };
	double until_us = now_us() + seconds * 1e6, done = 0;
	int fds[CONNECTIONS], poller = epoll_create1(0);

	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = event.data.fd = dial(port);
		if (fds[i] < 0)
			exit(1);
		epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event);
		send(fds[i], request, strlen(request), MSG_NOSIGNAL);
	}
	while (now_us() < until_us) {
		int count = epoll_wait(poller, events, EVENTS, 1000);

		for (int i = 0; i < count; i++) {
			if (!hear_answer(events[i].data.fd))
				exit(1);
			done++;
			send(events[i].data.fd, request, strlen(request), MSG_NOSIGNAL);
		}
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(poller);
	return done;
}

static void measure(struct target *target, int round, double seconds)
{
	double cpu_us, done;

	target->latency_us[round] = measure_latency(target->port);
	cpu_us = process_cpu_us(target->pid);
	done = load(target->port, seconds);
	target->cpu_us[round] = (process_cpu_us(target->pid) - cpu_us) / done;
	target->per_s[round] = done / seconds;
}

/* ---- Toxiproxy ---- */

static pid_t start_toxiproxy(const char *path, uint16_t upstream, uint16_t *port)
{
	char config[] = "/tmp/proxy_bench-XXXXXX", api[8];
	int fd = mkstemp(config);
	uint16_t api_port;
	pid_t pid;

	close(listen_on(port));
	close(listen_on(&api_port));
	snprintf(api, sizeof(api), "%u", (unsigned)api_port);
	dprintf(fd,
		"[{\"name\": \"x\", \"listen\": \"127.0.0.1:%u\", "
		"\"upstream\": \"127.0.0.1:%u\", \"enabled\": true}]",
		(unsigned)*port, (unsigned)upstream);
	close(fd);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open("/dev/null", O_WRONLY);
		dup2(fd, 1);
		dup2(fd, 2);
		execl(path, path, "-host", "127.0.0.1", "-port", api, "-config", config,
		      (char *)NULL);
		_exit(127);
	}
	for (int i = 0, got = -1; i < 500 && got < 0; i++) {
		usleep(10000);
		got = dial(*port);
		if (got >= 0)
			close(got);
	}
	unlink(config);
	return pid;
}

/* ---- All of it ---- */

static void show(struct target *targets, int count, int rounds)
{
	double direct_us = median(targets[0].latency_us, (size_t)rounds);

	printf("%-16s %12s %12s %16s %12s\n", "", "median us", "added us", "proxy CPU us/call",
	       "calls/s");
	for (int i = 0; i < count; i++)
		printf("%-16s %12.1f %12.1f %16.2f %12.0f\n", targets[i].name,
		       median(targets[i].latency_us, (size_t)rounds),
		       median(targets[i].latency_us, (size_t)rounds) - direct_us,
		       median(targets[i].cpu_us, (size_t)rounds),
		       median(targets[i].per_s, (size_t)rounds));
}

static bool hold(const char *what, double is, double at_most)
{
	printf("%s: %.2f, at most %.2f: %s\n", what, is, at_most,
	       is <= at_most ? "held" : "MISSED");
	return is <= at_most;
}

static bool judge(const struct target *targets, int rounds)
{
	const struct target *toxiproxy = &targets[3];
	double direct_us = median(targets[0].latency_us, (size_t)rounds);
	double theirs_us = median(toxiproxy->latency_us, (size_t)rounds) - direct_us;
	double cpu_us = median(toxiproxy->cpu_us, (size_t)rounds);
	bool good = true;

	for (int i = 1; i < 3; i++) {
		printf("%s beside toxiproxy:\n", targets[i].name);
		good &= hold("  added latency, ratio",
			     (median(targets[i].latency_us, (size_t)rounds) - direct_us) /
				     theirs_us,
			     1);
		good &= hold("  CPU per call, ratio",
			     median(targets[i].cpu_us, (size_t)rounds) / cpu_us, 0.5);
	}
	return good;
}

/* The proxy has two descriptors for each, and some of its own. */
static int many_possible(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= MANY + 100)
		return MANY;
	printf("descriptors (ulimit -n %llu) are not enough for %d connections\n",
	       (unsigned long long)limit.rlim_cur, MANY);
	return (int)(limit.rlim_cur / 2) - 100;
}

static bool carry_many(uint16_t port, pid_t pid)
{
	static int fds[MANY];
	double begun_us = now_us();
	int many = many_possible(), open = 0, answered = 0;

	for (; open < many; open++) {
		fds[open] = dial(port);
		if (fds[open] < 0)
			break;
	}
	for (int i = 0; i < open; i++)
		answered += ping(fds[i]);
	printf("%d of %d connections opened, %d answered, in %.1f s; the proxy spent %.1f s\n",
	       open, many, answered, (now_us() - begun_us) / 1e6, process_cpu_us(pid) / 1e6);
	for (int i = 0; i < open; i++)
		close(fds[i]);
	return answered == many;
}

static void raise_limits(void)
{
	struct rlimit limit = { 65536, 65536 };

	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct proxy *start_ours(uint16_t upstream, struct target *tcp, struct target *http)
{
	static char a[] = "a", tcp_name[] = "a -> tcp", http_name[] = "a -> http", url[64];
	static struct service service = { .name = a, .url = url };
	static struct edge edges[] = {
		{ .name = tcp_name, .from = a, .to = a, .url = url, .protocol = EDGE_TCP },
		{ .name = http_name, .from = a, .to = a, .url = url, .protocol = EDGE_HTTP },
	};
	static struct system system = {
		.name = a, .services = &service, .service_count = 1, .edges = edges, .edge_count = 2
	};
	struct proxy_settings settings = { .system = &system, .start_us = clock_now_us() };
	struct error err;
	struct proxy *proxy;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)upstream);
	proxy = proxy_start(&settings, &err);
	if (!proxy) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	*tcp = (struct target){ .name = "ours, tcp", .port = proxy_port(proxy, tcp_name) };
	*http = (struct target){ .name = "ours, http", .port = proxy_port(proxy, http_name) };
	tcp->pid = http->pid = (pid_t)proxy_pid(proxy);
	return proxy;
}

int main(void)
{
	int rounds = (int)setting("BENCH_ROUNDS", 3), count = 3, listener;
	double seconds = setting("BENCH_SECONDS", 2);
	const char *path = getenv("BENCH_TOXIPROXY");
	static struct target targets[4];
	uint16_t upstream;
	struct proxy *proxy;
	bool good = true;
	pid_t server;

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	answer_bytes = (size_t)snprintf(answer, sizeof(answer),
					"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%0100d", 7);
	listener = listen_on(&upstream);
	run_on(0);
	server = fork();
	if (server == 0)
		be_upstream(listener);
	close(listener);
	targets[0] = (struct target){ .name = "direct", .port = upstream };
	run_on(setting("BENCH_CORES", 1) > 1 ? 1 : 0);
	proxy = start_ours(upstream, &targets[1], &targets[2]);
	if (path) {
		targets[3] = (struct target){ .name = "toxiproxy" };
		targets[3].pid = start_toxiproxy(path, upstream, &targets[3].port);
		count++;
	}
	run_on(0);
	if (rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			measure(&targets[i], round, seconds);
	show(targets, count, rounds);
	if (path)
		good = judge(targets, rounds);
	good = carry_many(targets[2].port, targets[2].pid) && good;
	proxy_free(proxy);
	kill(server, SIGKILL);
	if (path)
		kill(targets[3].pid, SIGKILL);
	while (wait(NULL) > 0)
		continue;
	return good ? 0 : 1;
}
