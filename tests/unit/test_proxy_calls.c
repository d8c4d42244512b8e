/*
 * Call faults in a real proxy, between real sockets: what a server saw that counts, and what its
 * caller saw, exactly. The server and the proxy are processes of their own; callers here block.
 */
#include <event2/event.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "chaos/call_match.h"
#include "lib/buffer.h"
#include "lib/history.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/record.h"
#include "lib/saga_key.h"
#include "lib/server.h"
#include "tests/unit/proxying.h"

enum { BIG = 8 << 20, SEEN_MAX = 200 };

/* As a file would say it: `call:` is resolved by who reads that. */
static void arm(struct proxying *p, uint32_t number, const char *kind, const char *settings)
{
	struct arena arena = ARENA_EMPTY;
	const char *call = strstr(settings, "call: ");
	char *copy = arena_string(&arena, text_of(settings));
	struct fault fault = proxying_fault(p, number, kind, copy);

	if (call)
		CHECK(call_match_read((struct text){ call + 6, strcspn(call + 6, ",}") }, &arena,
				      &fault.match, &p->err));
	proxying_arm_fault(p, &fault);
	arena_release(&arena);
}

/* ---- The server, and what it saw ---- */

struct seen {
	int count;
	int statuses[600]; /* what callers in processes of their own got; [0]: no answer */
	struct {
		char line[64];
		uint64_t connection;
		int64_t at_us;
		size_t body_bytes;
	} calls[SEEN_MAX];
};

static struct seen *seen;
static struct event_base *base;
static pid_t serving;

static void note(struct server_call *call)
{
	int i = __atomic_fetch_add(&seen->count, 1, __ATOMIC_SEQ_CST);

	if (i >= SEEN_MAX)
		return;
	snprintf(seen->calls[i].line, sizeof(seen->calls[i].line), "%.*s %.*s",
		 TEXT_ARG(server_method(call)), TEXT_ARG(server_path(call)));
	seen->calls[i].connection = server_connection(call);
	seen->calls[i].at_us = clock_now_us();
	seen->calls[i].body_bytes = server_body(call).length;
}

static void reply_big(struct server_call *call)
{
	char *big = memory_new(BIG);

	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 26);
	server_reply(call, 200, text_of(""), (struct text){ big, BIG });
	free(big);
}

static void handle(void *context, struct server_call *call)
{
	struct buffer body = BUFFER_EMPTY;

	(void)context;
	note(call);
	if (text_is(server_path(call), "/big")) {
		reply_big(call);
		return;
	}
	buffer_format(&body, "connection %d, call %d", (int)server_connection(call), seen->count);
	server_reply(call, 201, text_of("X-Real: yes\r\n"), buffer_text(&body));
	buffer_release(&body);
}

static void serve(int listener)
{
	struct server *server;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	base = event_base_new();
	server = server_on(base, listener, handle, NULL, NULL);
	if (!server)
		_exit(1);
	server_set_body_max(server, 2 * BIG);
	event_base_dispatch(base);
	_exit(0);
}

static bool begin(struct proxying *p, const char *history)
{
	if (!proxying_start(p, EDGE_HTTP, history))
		return false;
	memset(seen, 0, sizeof(*seen));
	serving = fork();
	if (serving == 0)
		serve(p->listener);
	return serving > 0;
}

static void end(struct proxying *p)
{
	kill(serving, SIGKILL);
	waitpid(serving, NULL, 0);
	proxying_end(p);
}

/* ---- A caller ---- */

struct heard {
	int status;
	char body[256];
	struct buffer head;
	size_t body_bytes;
	ssize_t ending; /* 1: a whole answer; else what recv() said */
};

static struct heard heard;

static bool hear_head(int fd, struct buffer *bytes, struct http1_head *head)
{
	size_t scanned = 0;

	while (http1_head(HTTP1_RESPONSE, buffer_text(bytes), &scanned, head, NULL) != HTTP1_DONE) {
		heard.ending = take(fd, buffer_reserve(bytes, 65536), 65536, PATIENCE_MS);
		if (heard.ending <= 0)
			return false;
		bytes->length += (size_t)heard.ending;
		scanned = 0;
	}
	return true;
}

static bool hear_body(int fd, struct buffer *bytes, const struct http1_head *head)
{
	size_t whole = head->length + (size_t)head->content_length;

	while (bytes->length < whole) {
		heard.ending = take(fd, buffer_reserve(bytes, 65536), 65536, PATIENCE_MS);
		if (heard.ending <= 0)
			break;
		bytes->length += (size_t)heard.ending;
	}
	heard.body_bytes = bytes->length - head->length;
	snprintf(heard.body, sizeof(heard.body), "%.*s", (int)heard.body_bytes,
		 bytes->data + head->length);
	return bytes->length >= whole;
}

static int hear(int fd)
{
	struct http1_head head;

	buffer_clear(&heard.head);
	heard.status = 0;
	heard.body_bytes = 0;
	if (!hear_head(fd, &heard.head, &head))
		return 0;
	heard.status = head.status;
	if (hear_body(fd, &heard.head, &head))
		heard.ending = 1;
	return heard.status;
}

static int call(int fd, const char *line)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "%s HTTP/1.1\r\nHost: b\r\nX-Correlation-Id: cor-7\r\nContent-Length: 2\r\n\r\nhi",
		 line);
	tell(fd, request);
	return hear(fd);
}

static int call_once(struct proxying *p, const char *line)
{
	int fd = dial_port(p->port), status = call(fd, line);

	close(fd);
	return status;
}

static void check_seen(int count, const char *last)
{
	for (int i = 0; i < 200 && seen->count < count; i++)
		usleep(10000);
	CHECK_INT(seen->count, count);
	if (count > 0 && seen->count == count)
		CHECK_TEXT(seen->calls[count - 1].line, last);
}

/* ---- What is promised ---- */

static void keeps_from_effect(void)
{
	struct proxying p;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "abort", "{ edge: a -> b, call: POST /pay }");
	CHECK_INT(call_once(&p, "POST /pay"), 0);
	CHECK_INT(heard.ending, -ECONNRESET);
	CHECK_INT(proxying_hits(&p, 0), 1);
	arm(&p, 0, "abort", "{ edge: a -> b, call: POST /pay, caller-gets: hang-up }");
	CHECK_INT(call_once(&p, "POST /pay"), 0);
	CHECK_INT(heard.ending, 0);
	CHECK_INT(call_once(&p, "GET /pay"), 201);
	check_seen(1, "GET /pay");
	end(&p);
}

static void loses_replies(void)
{
	struct proxying p;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "lose-reply", "{ edge: a -> b, call: POST /pay }");
	CHECK_INT(call_once(&p, "POST /pay"), 0);
	CHECK_INT(heard.ending, -ECONNRESET);
	check_seen(1, "POST /pay");
	arm(&p, 0, "lose-reply", "{ edge: a -> b, call: POST /pay, caller-gets: hang-up }");
	CHECK_INT(call_once(&p, "POST /pay"), 0);
	CHECK_INT(heard.ending, 0);
	check_seen(2, "POST /pay");
	arm(&p, 0, "lose-reply", "{ edge: a -> b, call: POST /pay, status: 504 }");
	CHECK_INT(call_once(&p, "POST /pay"), 504);
	check_seen(3, "POST /pay");
	CHECK_INT(proxying_hits(&p, 0), 3);
	end(&p);
}

static void loses_replies_in_silence(void)
{
	struct proxying p;
	char byte;
	int fd;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "lose-reply", "{ edge: a -> b, caller-gets: timeout, silence: 700ms }");
	fd = dial_port(p.port);
	tell(fd, "GET /pay HTTP/1.1\r\n\r\n");
	check_seen(1, "GET /pay");
	CHECK(hears_nothing(fd, 200));
	CHECK_INT(proxying_hits(&p, 0), 1);
	CHECK_INT(take(fd, &byte, 1, PATIENCE_MS), -ECONNRESET);
	close(fd);
	end(&p);
}

/* One connection lives through all of it. */
static void comes_and_goes(void)
{
	struct proxying p;
	int fd;

	if (!begin(&p, NULL))
		return;
	fd = dial_port(p.port);
	CHECK_INT(call(fd, "GET /1"), 201);
	arm(&p, 3, "abort", "{ edge: a -> b, status: 503 }");
	CHECK_INT(call(fd, "GET /2"), 503);
	arm(&p, 3, "abort", "{ edge: a -> b, status: 429, body: slow down }");
	CHECK_INT(call(fd, "GET /3"), 429);
	CHECK_TEXT(heard.body, "slow down");
	CHECK_INT(proxying_hits(&p, 3), 2);
	CHECK(proxy_heal(p.proxy, 3, &p.err));
	CHECK_INT(call(fd, "GET /4"), 201);
	CHECK_TEXT(heard.body, "connection 1, call 2");
	arm(&p, 4, "replace", "{ edge: a -> b, status: 500 }");
	CHECK_INT(call(fd, "GET /5"), 500);
	CHECK_TEXT(heard.body, "connection 1, call 3");
	CHECK(proxy_heal(p.proxy, 4, &p.err));
	arm(&p, 5, "duplicate", "{ edge: a -> b }");
	CHECK_INT(call(fd, "GET /6"), 201);
	CHECK(proxy_heal(p.proxy, 5, &p.err));
	CHECK_INT(call(fd, "GET /7"), 201);
	close(fd);
	end(&p);
}

static void heals_what_waits(void)
{
	struct proxying p;
	int64_t asked_us;
	int fd;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "delay", "{ edge: a -> b, delay: 60s }");
	fd = dial_port(p.port);
	asked_us = clock_now_us();
	tell(fd, "GET /1 HTTP/1.1\r\n\r\n");
	for (int i = 0; i < 200 && proxying_hits(&p, 0) < 1; i++)
		usleep(10000);
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	CHECK_INT(hear(fd), 201);
	CHECK(clock_now_us() - asked_us < 10 * US_PER_S);
	CHECK_INT(call(fd, "GET /2"), 201);
	close(fd);
	end(&p);
}

static void delays(void)
{
	struct proxying p;
	int64_t asked_us;
	int fd;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "delay", "{ edge: a -> b, call: /slow, delay: 120ms }");
	fd = dial_port(p.port);
	call(fd, "GET /fast");
	asked_us = clock_now_us();
	CHECK_INT(call(fd, "GET /slow"), 201);
	CHECK(seen->calls[1].at_us - asked_us >= 120000);
	printf("# reached upstream after %.1f ms\n",
	       (double)(seen->calls[1].at_us - asked_us) / 1e3);
	close(fd);
	end(&p);
}

static void sends_twice(void)
{
	struct proxying p;
	char settings[96];

	if (!begin(&p, NULL))
		return;
	for (int second = 0; second < 2; second++) {
		seen->count = 0;
		snprintf(settings, sizeof(settings), "{ edge: a -> b, gap: 60ms, answer: %s }",
			 second ? "second" : "first");
		arm(&p, 0, "duplicate", settings);
		CHECK_INT(call_once(&p, "POST /pay"), 201);
		CHECK(strstr(heard.body, second ? "call 2" : "call 1") != NULL);
		check_seen(2, "POST /pay");
		CHECK_INT(seen->calls[0].body_bytes, 2);
		CHECK_INT(seen->calls[1].body_bytes, 2);
		CHECK(seen->calls[0].connection != seen->calls[1].connection);
		CHECK(seen->calls[1].at_us - seen->calls[0].at_us >= 50000);
		for (int i = 0; i < 200 && proxying_hits(&p, 0) < second + 1; i++)
			usleep(10000);
		CHECK_INT(proxying_hits(&p, 0), second + 1);
	}
	end(&p);
}

/* A second that is not on its way yet must not take effect when the fault is gone. */
static void heals_the_second(void)
{
	struct proxying p;
	int64_t hits;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "duplicate", "{ edge: a -> b, gap: 150ms }");
	CHECK_INT(call_once(&p, "POST /pay"), 201);
	CHECK(proxy_heal(p.proxy, 0, &p.err));
	usleep(300000);
	CHECK_INT(seen->count, 1);
	CHECK(!proxy_hits(p.proxy, 0, &hits, &p.err) || hits == 0);
	end(&p);
}

static void cuts_short(void)
{
	struct proxying p;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, "truncate",
	    "{ edge: a -> b, call: /big, after-share: 25%, caller-gets: hang-up }");
	CHECK_INT(call_once(&p, "GET /big"), 200);
	CHECK_INT(heard.body_bytes, BIG / 4);
	CHECK_INT(heard.ending, 0);
	CHECK_INT(proxying_hits(&p, 0), 1);
	arm(&p, 0, "truncate", "{ edge: a -> b, call: /big, after: 3000001 }");
	CHECK_INT(call_once(&p, "GET /big"), 200);
	CHECK_INT(heard.body_bytes, 3000001);
	CHECK_INT(heard.ending, -ECONNRESET);
	end(&p);
}

static char *big_request(size_t *length)
{
	struct buffer request = BUFFER_EMPTY;

	buffer_add_string(&request, "POST /big HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < BIG / 65536; i++) {
		buffer_format(&request, "%x\r\n", 65536);
		memset(buffer_reserve(&request, 65536), 'q', 65536);
		request.length += 65536;
		buffer_add_string(&request, "\r\n");
	}
	buffer_add_string(&request, "0\r\n\r\n");
	*length = request.length;
	return request.data;
}

/* Sent from a process of its own, since nobody takes it while the call is held. */
static pid_t say_big(int fd)
{
	size_t length, sent = 0;
	char *request = big_request(&length);
	pid_t pid = fork();

	while (pid == 0 && sent < length) {
		ssize_t took = send(fd, request + sent, length - sent, MSG_NOSIGNAL);

		if (took <= 0)
			_exit(1);
		sent += (size_t)took;
	}
	if (pid == 0)
		_exit(0);
	free(request);
	return pid;
}

/* A fork starts with the peak of its parent: from here on it is its own. */
static void forget_peak(int64_t pid)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)pid);
	file = fopen(path, "w");
	if (CHECK(file != NULL)) {
		fputs("5", file);
		fclose(file);
	}
}

static long peak_kib(int64_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static void carries_much(const char *kind, const char *settings)
{
	struct proxying p;
	long before_kib, after_kib;
	pid_t saying;
	int fd, status;

	if (!begin(&p, NULL))
		return;
	arm(&p, 0, kind, settings);
	forget_peak(proxy_pid(p.proxy));
	before_kib = peak_kib(proxy_pid(p.proxy));
	fd = dial_port(p.port);
	saying = say_big(fd);
	CHECK_INT(hear(fd), 200);
	CHECK_INT(heard.body_bytes, BIG);
	CHECK_INT(seen->calls[0].body_bytes, BIG);
	CHECK(waitpid(saying, &status, 0) == saying && status == 0);
	after_kib = peak_kib(proxy_pid(p.proxy));
	printf("# resident at most: %ld KiB before, %ld KiB after\n", before_kib, after_kib);
	CHECK(after_kib - before_kib < 6 * 1024 * (long)(slowdown() > 1 ? 3 : 1));
	CHECK_INT(call(fd, "GET /on"), 201);
	close(fd);
	end(&p);
}

/* ---- Watches and records ---- */

static bool watch_comes(struct proxying *p, uint32_t number)
{
	uint32_t told = 0;
	bool gone = false;

	for (int i = 0; i < 500; i++, usleep(10000))
		if (proxy_next(p->proxy, &told, &gone))
			return told == number;
	return false;
}

static void watches(void)
{
	struct proxying p;
	struct fault fault;
	static char none[] = "{}", path[] = "/pay";
	int fd;

	if (!begin(&p, NULL))
		return;
	fault = proxying_fault(&p, 7, "abort", none);
	fault.trigger =
		(struct fault_trigger){ .kind = TRIGGER_ON, .edge = &p.edges[0], .hold = true };
	fault.trigger.match.path = path;
	fault.trigger.match.nth = 2;
	CHECK(proxy_watch(p.proxy, &fault, &p.err));
	fd = dial_port(p.port);
	CHECK_INT(call(fd, "GET /other"), 201);
	CHECK_INT(call(fd, "GET /pay"), 201);
	tell(fd, "GET /pay HTTP/1.1\r\n\r\n");
	CHECK(watch_comes(&p, 7));
	arm(&p, 7, "abort", "{ edge: a -> b, status: 503 }");
	CHECK(proxy_release(p.proxy, 7, &p.err));
	CHECK_INT(hear(fd), 503);
	CHECK_INT(seen->count, 2);
	CHECK_INT(proxying_hits(&p, 7), 1);
	close(fd);
	end(&p);
}

static void holds_for_a_second(void)
{
	struct proxying p;
	struct fault fault;
	static char none[] = "{}";
	int64_t asked_us;

	if (!begin(&p, NULL))
		return;
	fault = proxying_fault(&p, 7, "abort", none);
	fault.trigger =
		(struct fault_trigger){ .kind = TRIGGER_ON, .edge = &p.edges[0], .hold = true };
	CHECK(proxy_watch(p.proxy, &fault, &p.err));
	asked_us = clock_now_us();
	CHECK_INT(call_once(&p, "GET /pay"), 201);
	CHECK(seen->calls[0].at_us - asked_us >= 1000000);
	end(&p);
}

static bool next_hit(struct history_reader *reader, struct record_hit *hit)
{
	const struct record *record;

	while ((record = history_read(reader)) != NULL)
		if (record->kind == RECORD_HIT) {
			memcpy(hit, record->payload, sizeof(*hit));
			return true;
		}
	return false;
}

static void records(void)
{
	char directory[] = "/tmp/sagastorm-calls-XXXXXX", path[128];
	struct history_reader *reader;
	struct record_hit hit = { 0 };
	struct proxying p;
	int fd;

	if (!CHECK(mkdtemp(directory) != NULL) || !begin(&p, directory))
		return;
	fd = dial_port(p.port);
	call(fd, "GET /first");
	arm(&p, 9, "lose-reply", "{ edge: a -> b, status: 502 }");
	CHECK_INT(call(fd, "GET /second"), 502);
	CHECK(proxy_heal(p.proxy, 9, &p.err));
	close(fd);
	arm(&p, 2, "abort", "{ edge: a -> b, status: 503 }");
	CHECK_INT(call_once(&p, "GET /third"), 503);
	end(&p);
	snprintf(path, sizeof(path), "%s/proxy.history", directory);
	reader = history_open(path, &p.err);
	if (CHECK(reader && next_hit(reader, &hit))) {
		CHECK_INT(hit.fault, 9);
		CHECK_INT(hit.kind, HIT_AFTER);
		CHECK_INT(hit.status, 201);
		CHECK_INT(hit.connection, 1);
		CHECK_INT(hit.call, 2);
		CHECK(hit.correlation == text_hash(text_of("cor-7")));
	}
	if (CHECK(reader && next_hit(reader, &hit))) {
		CHECK_INT(hit.fault, 2);
		CHECK_INT(hit.kind, HIT_BEFORE);
		CHECK_INT(hit.status, 0);
		CHECK_INT(hit.connection, 2);
	}
	CHECK(reader && !next_hit(reader, &hit));
	history_reader_free(reader);
	unlink(path);
	rmdir(directory);
}

static void count_exactly(void)
{
	struct proxying p;
	struct fault fault;
	static char settings[] = "{ edge: a -> b, status: 502 }";
	int lost = 0, fd;

	if (!begin(&p, NULL))
		return;
	fault = proxying_fault(&p, 0, "lose-reply", settings);
	fault.share = 0.3;
	fault.times = 20;
	proxying_arm_fault(&p, &fault);
	fd = dial_port(p.port);
	for (int i = 0; i < 150; i++)
		lost += call(fd, "POST /pay") == 502;
	CHECK_INT(lost, 20);
	CHECK_INT(proxying_hits(&p, 0), 20);
	CHECK_INT(seen->count, 150);
	close(fd);
	end(&p);
}

enum { CALLERS = 4, CALLS_EACH = 60 };

static pid_t call_and_call(struct proxying *p)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = dial_port(p->port);
	for (int i = 0; i < CALLS_EACH; i++) {
		int status = call(fd, "POST /pay");

		__atomic_fetch_add(&seen->statuses[status < 600 ? status : 0], 1, __ATOMIC_SEQ_CST);
	}
	_exit(0);
}

static void arm_share(struct proxying *p, uint32_t number, const char *kind, const char *settings)
{
	char copy[96];
	struct fault fault;

	snprintf(copy, sizeof(copy), "%s", settings);
	fault = proxying_fault(p, number, kind, copy);
	fault.share = 0.25;
	proxying_arm_fault(p, &fault);
}

/* Delays, a latency and slices come and go while four callers call. Returns how often. */
static int disturb(struct proxying *p, const pid_t callers[])
{
	int times = 0, left = CALLERS;

	while (left) {
		arm(p, 10, "delay", "{ edge: a -> b, delay: 3ms, jitter: 3ms }");
		arm(p, 11, "latency", "{ edge: a -> b, delay: 1ms }");
		usleep(5000);
		CHECK(proxy_heal(p->proxy, 10, &p->err));
		arm(p, 12, "slice", "{ edge: a -> b, size: 20, gap: 100us }");
		usleep(5000);
		CHECK(proxy_heal(p->proxy, 11, &p->err) && proxy_heal(p->proxy, 12, &p->err));
		for (int i = 0; i < CALLERS; i++)
			left -= waitpid(callers[i], NULL, WNOHANG) == callers[i];
		if (++times == 3000)
			break;
	}
	return times;
}

static void adds_up(void)
{
	pid_t callers[CALLERS];
	const int *got = seen->statuses;
	struct proxying p;
	int64_t twice;

	if (!begin(&p, NULL))
		return;
	arm_share(&p, 1, "abort", "{ edge: a -> b, status: 503 }");
	arm_share(&p, 2, "duplicate", "{ edge: a -> b }");
	arm_share(&p, 3, "replace", "{ edge: a -> b, status: 500 }");
	arm_share(&p, 4, "lose-reply", "{ edge: a -> b, status: 502 }");
	for (int i = 0; i < CALLERS; i++)
		callers[i] = call_and_call(&p);
	printf("# disturbed %d times\n", disturb(&p, callers));
	for (int i = 0;
	     i < 200 && seen->count < CALLERS * CALLS_EACH - got[503] + proxying_hits(&p, 2); i++)
		usleep(10000);
	twice = proxying_hits(&p, 2);
	printf("# 201: %d, 500: %d, 502: %d, 503: %d, none: %d, twice: %d\n", got[201], got[500],
	       got[502], got[503], got[0], (int)twice);
	CHECK_INT(got[201] + got[500] + got[502] + got[503], CALLERS * CALLS_EACH);
	CHECK_INT(seen->count, CALLERS * CALLS_EACH - got[503] + twice);
	CHECK_INT(proxying_hits(&p, 1), got[503]);
	CHECK_INT(proxying_hits(&p, 4), got[502]);
	CHECK(proxying_hits(&p, 3) >= got[500] && got[500] > 0 && got[502] > 0 && twice > 0);
	end(&p);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST("abort: the server never sees the call")
		keeps_from_effect();
	TEST("lose-reply: the server saw it, the caller a reset, an end, or a gateway's answer")
		loses_replies();
	TEST("lose-reply by timeout: the server saw it, the caller sees nothing")
		loses_replies_in_silence();
	TEST("faults are armed, changed and healed on one living connection")
		comes_and_goes();
	TEST("what waits for a fault goes on when it is healed")
		heals_what_waits();
	TEST("delay: the server sees the call so much later")
		delays();
	TEST("duplicate: the server sees it twice, on two connections; the caller gets one answer")
		sends_twice();
	TEST("duplicate: healed before the second was sent, it never is")
		heals_the_second();
	TEST("truncate: a large answer is cut at its share, or byte, and what is before that arrives")
		cuts_short();
	TEST("8 MiB there and back in bounded memory, behind a delay")
		carries_much("delay", "{ edge: a -> b, delay: 100ms }");
	TEST("and past a lose-reply that they are too large for")
		carries_much("lose-reply", "{ edge: a -> b, call: /big }");
	TEST("a watch holds the call that it tells of until its fault is in place")
		watches();
	TEST("a watch that nobody releases holds it for a second")
		holds_for_a_second();
	TEST("every hit is recorded, with its kind, status, call and correlation")
		records();
	TEST("with a share and times: as many hits, as many lost, and every call took place")
		count_exactly();
	TEST("four callers, four faults, three that come and go: everything adds up")
		adds_up();
	return tap_done();
}
