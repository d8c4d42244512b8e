/* The proxy without faults: bytes, ends, back-pressure, refusals, many connections. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/proxying.h"

static void passes_bytes(void)
{
	struct proxying p;
	struct through one;
	struct edge_stats stats;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	one = through_open(&p);
	CHECK(tell(one.caller, "hello") && hears(one.upstream, "hello"));
	CHECK(tell(one.upstream, "welcome") && hears(one.caller, "welcome"));
	CHECK(proxy_stats(p.proxy, "a->b", &stats, &p.err));
	CHECK_INT(stats.connections, 1);
	CHECK_INT(stats.open, 1);
	CHECK_INT(stats.bytes_forth, 5);
	CHECK_INT(stats.bytes_back, 7);
	through_close(&one);
	proxying_end(&p);
}

static void passes_half_close(void)
{
	struct proxying p;
	struct through one;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	one = through_open(&p);
	tell(one.caller, "the end");
	shutdown(one.caller, SHUT_WR);
	CHECK(hears(one.upstream, "the end"));
	CHECK_INT(how_it_ends(one.upstream), 0);
	CHECK(tell(one.upstream, "still here") && hears(one.caller, "still here"));
	shutdown(one.upstream, SHUT_WR);
	CHECK_INT(how_it_ends(one.caller), 0);
	through_close(&one);
	proxying_end(&p);
}

static void reset_socket(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void passes_resets(void)
{
	struct proxying p;
	struct through one;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	one = through_open(&p);
	CHECK(tell(one.caller, "x") && hears(one.upstream, "x"));
	reset_socket(one.caller);
	CHECK_INT(how_it_ends(one.upstream), -ECONNRESET);
	close(one.upstream);
	one = through_open(&p);
	CHECK(tell(one.caller, "x") && hears(one.upstream, "x"));
	reset_socket(one.upstream);
	CHECK_INT(how_it_ends(one.caller), -ECONNRESET);
	close(one.caller);
	proxying_end(&p);
}

static void refuses(void)
{
	struct proxying p;
	struct edge_stats stats;
	struct through one;
	uint16_t other;
	char to[64];
	int caller;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	close(p.listener);
	caller = dial_port(p.port);
	CHECK_INT(how_it_ends(caller), -ECONNRESET);
	close(caller);
	CHECK(proxy_stats(p.proxy, "a -> b", &stats, &p.err));
	CHECK_INT(stats.refused, 1);
	CHECK_INT(stats.open, 0);
	p.listener = listen_somewhere(&other);
	snprintf(to, sizeof(to), "127.0.0.1:%u", (unsigned)other);
	CHECK(proxy_route(p.proxy, "a -> b", to, &p.err));
	one = through_open(&p);
	CHECK(tell(one.caller, "again") && hears(one.upstream, "again"));
	through_close(&one);
	CHECK(!proxy_route(p.proxy, "a -> b", "192.0.2.1:80", &p.err));
	CHECK(strstr(p.err.text, "not allowed") != NULL);
	CHECK(!proxy_route(p.proxy, "a -> c", to, &p.err));
	CHECK_TEXT(p.err.text, "the proxy has no edge 'a -> c'");
	proxying_end(&p);
}

static long resident_kib(int64_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

enum { MUCH = 20 * 1000 * 1000, PIECE = 100 * 1000 };

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 13));
}

/* In a process of its own, so that it can block. */
static pid_t pour(int fd)
{
	pid_t pid = fork();
	char *piece;

	if (pid)
		return pid;
	piece = malloc(PIECE);
	for (size_t sent = 0; sent < MUCH; sent += PIECE) {
		for (size_t i = 0; i < PIECE; i++)
			piece[i] = (char)byte_at(sent + i);
		for (size_t at = 0; at < PIECE;) {
			ssize_t took = send(fd, piece + at, PIECE - at, MSG_NOSIGNAL);

			if (took <= 0)
				_exit(1);
			at += (size_t)took;
		}
	}
	shutdown(fd, SHUT_WR);
	_exit(0);
}

static size_t read_slowly(int fd, bool *exact, int pauses)
{
	size_t had = 0;
	char *bytes = malloc(PIECE);
	ssize_t got;

	*exact = true;
	while ((got = take(fd, bytes, PIECE, PATIENCE_MS)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			*exact = *exact && (unsigned char)bytes[i] == byte_at(had + (size_t)i);
		had += (size_t)got;
		if (pauses-- > 0)
			usleep(5000);
	}
	free(bytes);
	return had;
}

static void holds_back(const char *fault, const char *settings)
{
	struct proxying p;
	struct through one;
	long before_kib, while_kib;
	pid_t pouring;
	bool exact;

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	if (fault)
		proxying_arm(&p, 0, fault, settings);
	one = through_open(&p);
	before_kib = resident_kib(proxy_pid(p.proxy));
	pouring = pour(one.caller);
	usleep(200000);
	while_kib = resident_kib(proxy_pid(p.proxy));
	CHECK_INT(read_slowly(one.upstream, &exact, 60), MUCH);
	CHECK(exact);
	printf("# resident: %ld KiB before, %ld KiB behind a reader who waits\n", before_kib,
	       while_kib);
	CHECK(while_kib - before_kib < 12 * 1024 * (long)slowdown());
	waitpid(pouring, NULL, 0);
	through_close(&one);
	proxying_end(&p);
}

static void carries_a_thousand(void)
{
	enum { MANY = 1000 };
	static struct through all[MANY];
	struct proxying p;
	struct edge_stats stats;
	int good = 0;

	if (!proxying_start(&p, EDGE_HTTP, NULL))
		return;
	for (int i = 0; i < MANY; i++)
		all[i] = through_open(&p);
	for (int i = 0; i < MANY; i++)
		tell(all[i].caller, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < MANY; i++)
		good += hears(all[i].upstream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK_INT(good, MANY);
	CHECK(proxy_stats(p.proxy, "a -> b", &stats, &p.err));
	CHECK_INT(stats.open, MANY);
	for (int i = 0; i < MANY; i++)
		through_close(&all[i]);
	for (int i = 0; i < 500 && stats.open; i++) {
		usleep(10000);
		proxy_stats(p.proxy, "a -> b", &stats, &p.err);
	}
	CHECK_INT(stats.open, 0);
	proxying_end(&p);
}

static void says_why_not(void)
{
	struct proxy_settings settings = { .start_us = clock_now_us() };
	struct proxying p;
	char taken[64];

	if (!proxying_start(&p, EDGE_TCP, NULL))
		return;
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", (unsigned)p.port);
	p.edges[0].listen = taken;
	settings.system = &p.system;
	CHECK(proxy_start(&settings, &p.err) == NULL);
	CHECK(strstr(p.err.text, "edge 'a -> b': cannot listen on 127.0.0.1:") != NULL);
	printf("# %s\n", p.err.text);
	p.edges[0].listen = NULL;
	settings.history = "/dev/null/history";
	CHECK(proxy_start(&settings, &p.err) == NULL);
	printf("# %s\n", p.err.text);
	proxying_end(&p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	TEST("bytes pass both ways, and are counted")
		passes_bytes();
	TEST("an end passes in its direction alone")
		passes_half_close();
	TEST("a reset is passed on as a reset, both ways")
		passes_resets();
	TEST("an upstream that refuses is passed on, and an edge can be led elsewhere")
		refuses();
	TEST("20 MB behind a slow reader arrive exactly, in bounded memory")
		holds_back(NULL, NULL);
	TEST("so they do behind a latency")
		holds_back("latency", "{ edge: a -> b, delay: 5ms, jitter: 5ms }");
	TEST("a thousand connections are carried, and let go")
		carries_a_thousand();
	TEST("a proxy that can't start says why")
		says_why_not();
	return tap_done();
}
