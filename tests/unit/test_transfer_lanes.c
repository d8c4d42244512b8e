/* Lanes over time: kept, dropped, given up, by the thousand. The same by both transports. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "tests/unit/asking.h"
#include "tests/unit/tap.h"

static const struct hostile *server;
static int kind;

static void begin_with(struct asker *asker, struct transfer_settings settings)
{
	CHECK(asker_init(asker, both_kinds[kind], &settings));
}

static void begin(struct asker *asker)
{
	begin_with(asker, hostile_settings(server));
}

static const struct exchange_result *request(struct asker *asker, enum http_method method,
					     const char *path)
{
	return ask(asker, ORIGIN_PLAIN,
		   &(struct exchange_request){
			   .method = method, .path = text_of(path), .want_body = true });
}

static void check_body(struct asker *asker, const char *path, const char *expected)
{
	get(asker, ORIGIN_PLAIN, path);
	CHECK_TEXT(failure_name(asker->saw.result.failure), "ok");
	CHECK_TEXT(saw_body(asker), expected);
}

/* --- kept connections --- */

static void test_keeping(void)
{
	struct asker asker;

	begin(&asker);
	check_body(&asker, "/count", "1");
	CHECK(asker.saw.result.new_connection);
	CHECK(asker.saw.result.connect_us > 0);
	check_body(&asker, "/count", "2");
	CHECK(!asker.saw.result.new_connection);
	CHECK_INT(asker.saw.result.connect_us, 0);
	check_body(&asker, "/count", "3");
	CHECK_INT(transport_connections(asker.transport), 1);
	lane_disconnect(asker.lanes[ORIGIN_PLAIN]);
	CHECK(!lane_connected(asker.lanes[ORIGIN_PLAIN]));
	CHECK_INT(transport_connections(asker.transport), 0);
	check_body(&asker, "/count", "1");
	asker_release(&asker);
}

static void test_not_keeping(void)
{
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;

	settings.keep_alive = false;
	begin_with(&asker, settings);
	for (int i = 0; i < 3; i++) {
		check_body(&asker, "/count", "1");
		CHECK(asker.saw.result.closes);
		CHECK(!lane_connected(asker.lanes[ORIGIN_PLAIN]));
	}
	asker_release(&asker);
}

/* Two visitors: none ever travels on the other's connection. */
static void test_no_sharing(void)
{
	struct asker asker;
	struct lane *lanes[2];
	char expected[8];

	begin(&asker);
	lanes[0] = lane_new(asker.transport, ORIGIN_PLAIN);
	lanes[1] = lane_new(asker.transport, ORIGIN_PLAIN);
	for (int i = 1; i < 6; i++) {
		for (int j = 0; j < 2; j++) {
			asker.lanes[ORIGIN_PLAIN] = lanes[j];
			for (int k = 0; k <= j; k++) {
				snprintf(expected, sizeof(expected), "%d", j ? i * 2 - 1 + k : i);
				check_body(&asker, "/count", expected);
			}
		}
	}
	lane_free(lanes[0]);
	asker_release(&asker);
}

static void test_closed_while_idle(void)
{
	struct asker asker;

	begin(&asker);
	check_body(&asker, "/closed-later", "hello");
	CHECK(lane_connected(asker.lanes[ORIGIN_PLAIN]));
	asker_wait(&asker, 100 * US_PER_MS);
	CHECK(!lane_connected(asker.lanes[ORIGIN_PLAIN]));
	CHECK_INT(transport_connections(asker.transport), 0);
	request(&asker, METHOD_POST, "/count");
	CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
	CHECK_TEXT(saw_body(&asker), "1");
	asker_release(&asker);
}

/* The end of the connection is there, but the loop had no turn to see it. */
static void test_closed_unnoticed(void)
{
	struct asker asker;

	begin(&asker);
	for (int i = 0; i < 5; i++) {
		check_body(&asker, "/closed-later", "hello");
		usleep(40000);
		request(&asker, i % 2 ? METHOD_GET : METHOD_POST, "/count");
		CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
		CHECK_TEXT(saw_body(&asker), "1");
		lane_disconnect(asker.lanes[ORIGIN_PLAIN]);
	}
	asker_release(&asker);
}

static void test_chatty(void)
{
	struct asker asker;

	begin(&asker);
	check_body(&asker, "/chatty", "hello");
	asker_wait(&asker, 100 * US_PER_MS);
	CHECK(!lane_connected(asker.lanes[ORIGIN_PLAIN]));
	check_body(&asker, "/small", "hello");
	check_body(&asker, "/count", "2");
	asker_release(&asker);
}

/* --- sending twice --- */

static void try_dropped(enum http_method method, enum failure failure, const char *times)
{
	struct asker asker;
	char path[64], asked[64];

	begin(&asker);
	snprintf(path, sizeof(path), "/drops-kept?%d-%s", kind, http_method_name(method));
	snprintf(asked, sizeof(asked), "/asked?%d-%s", kind, http_method_name(method));
	request(&asker, method, path);
	CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
	request(&asker, method, path);
	CHECK_TEXT(failure_name(asker.saw.result.failure), failure_name(failure));
	CHECK_INT(asker.saw.times, 1);
	CHECK_INT(asker.saw.result.new_connection, failure == FAILURE_NONE);
	check_body(&asker, asked, times);
	asker_release(&asker);
}

static void test_dropped(void)
{
	try_dropped(METHOD_GET, FAILURE_NONE, "3");
	try_dropped(METHOD_PUT, FAILURE_NONE, "3");
	try_dropped(METHOD_DELETE, FAILURE_NONE, "3");
	try_dropped(METHOD_POST, FAILURE_RESET, "2");
	try_dropped(METHOD_PATCH, FAILURE_RESET, "2");
}

static void test_dropped_again(void)
{
	struct asker asker;
	char path[64], asked[64];

	begin(&asker);
	snprintf(path, sizeof(path), "/drops-all?%d-again", kind);
	snprintf(asked, sizeof(asked), "/asked?%d-again", kind);
	check_body(&asker, path, "fresh");
	request(&asker, METHOD_GET, path);
	CHECK_TEXT(failure_name(asker.saw.result.failure), "reset");
	check_body(&asker, asked, "3"); /* once more, and no more */
	asker_release(&asker);
}

/* --- not getting there --- */

static void check_failure(struct asker *asker, int origin, int64_t timeout_us, enum failure failure,
			  int64_t least_us, int64_t most_us)
{
	const struct exchange_result *saw =
		ask(asker, origin,
		    &(struct exchange_request){ .path = text_of("/small"),
						.timeout_us = timeout_us });
	int64_t took_us = saw->done_us - saw->sent_us;

	CHECK_TEXT(failure_name(saw->failure), failure_name(failure));
	CHECK(took_us >= least_us);
	CHECK(took_us <= most_us);
	CHECK_INT(asker->saw.times, 1);
	CHECK(saw->closes);
	CHECK(!lane_connected(asker->lanes[origin]));
	printf("#   after %d us: %s\n", (int)took_us, saw->detail);
}

static void test_unreachable(void)
{
	struct asker asker;

	begin(&asker);
	for (int i = 0; i < 2; i++) {
		check_failure(&asker, ORIGIN_CLOSED, US_PER_S, FAILURE_CONNECT, 0, US_PER_S / 2);
		check_failure(&asker, ORIGIN_FULL, 5 * US_PER_S, FAILURE_CONNECT, 290000,
			      2 * US_PER_S);
		check_failure(&asker, ORIGIN_FULL, 100000, FAILURE_TIMEOUT, 100000, 250000);
		check_failure(&asker, ORIGIN_SILENT, 100000, FAILURE_TIMEOUT, 100000, 250000);
	}
	CHECK_INT(transport_connections(asker.transport), 0);
	asker_release(&asker);
}

static void test_nameless(void)
{
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;

	settings.connect_timeout_us = 5 * US_PER_S;
	begin_with(&asker, settings);
	check_failure(&asker, ORIGIN_NAMELESS, 10 * US_PER_S, FAILURE_DNS, 0, 6 * US_PER_S);
	asker_release(&asker);
}

static void test_pinned(void)
{
	struct transfer_settings settings = hostile_settings(server);
	const char *const pins[] = { server->pin, NULL };
	struct asker asker;

	settings.resolve = pins;
	begin_with(&asker, settings);
	for (int i = 0; i < 3; i++) {
		get(&asker, ORIGIN_PINNED, "/count");
		CHECK_TEXT(saw_body(&asker), i == 1 ? "2" : "1");
		if (i == 1)
			lane_disconnect(asker.lanes[ORIGIN_PINNED]);
	}
	asker_release(&asker);
}

/* The plain server is a proxy too. */
static void test_proxy(void)
{
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;

	settings.proxy = server->origins[ORIGIN_PLAIN].url;
	CHECK_INT(transport_choose(&settings, NULL), TRANSPORT_CURL);
	begin_with(&asker, settings);
	for (int i = 0; i < 3; i++) {
		get(&asker, ORIGIN_GOOD, "/count");
		CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
		CHECK_INT(saw_body(&asker)[0] - '0', i + 1);
		CHECK(asker.saw.headers.data && !strstr(asker.saw.headers.data, "X-Proxy"));
	}
	get(&asker, ORIGIN_PLAIN, "/echo"); /* libcurl tells the proxy, we tunnel through it */
	CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
	CHECK(text_starts_with(asker.saw.result.body, kind ? "GET http://127" : "GET /echo"));
	if (kind == 0) /* no tunnel to there */
		check_failure(&asker, ORIGIN_CLOSED, US_PER_S, FAILURE_CONNECT, 0, US_PER_S);
	asker_release(&asker);
}

static void test_local_addresses(void)
{
	static const char *const from[] = { "127.0.0.2", "127.0.0.3", NULL };
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;

	settings.from = from;
	begin_with(&asker, settings);
	for (int i = 0; i < 4; i++) {
		check_body(&asker, "/whence", from[i % 2]);
		lane_disconnect(asker.lanes[ORIGIN_PLAIN]);
	}
	asker_release(&asker);
}

/* A thousand connections at once ask for more than there are descriptors. */
static void finish_one(void *context, const struct exchange_result *result);

struct crowd {
	struct asker *asker;
	int under_way, ok, failed[FAILURE_COUNT], wrong, rounds;
};

struct visitor {
	struct crowd *crowd;
	struct lane *lane;
	struct exchange_request request;
	int round;
};

static void finish_one(void *context, const struct exchange_result *result)
{
	struct visitor *visitor = context;
	struct crowd *crowd = visitor->crowd;
	char expected[12];

	visitor->round++;
	crowd->failed[result->failure]++;
	snprintf(expected, sizeof(expected), "%d", visitor->round);
	crowd->wrong += !result->failure && !text_is(result->body, expected);
	if (!result->failure && visitor->round < crowd->rounds)
		lane_send(visitor->lane, &visitor->request, finish_one, visitor);
	else if (!--crowd->under_way)
		loop_stop(crowd->asker->loop);
}

static void run_crowd(struct crowd *crowd, int count, int origin)
{
	struct visitor *visitors = memory_array((size_t)count, sizeof(*visitors));

	crowd->under_way = count;
	for (int i = 0; i < count; i++) {
		visitors[i].crowd = crowd;
		visitors[i].lane = lane_new(crowd->asker->transport, (uint16_t)origin);
		visitors[i].request = (struct exchange_request){ .path = text_of("/count"),
								 .want_body = true,
								 .timeout_us = 20 * US_PER_S };
		lane_send(visitors[i].lane, &visitors[i].request, finish_one, &visitors[i]);
	}
	asker_wait(crowd->asker, 30 * US_PER_S);
	CHECK_INT(crowd->under_way, 0);
	for (int i = 0; i < count; i++)
		lane_free(visitors[i].lane);
	free(visitors);
}

static void test_crowd(int origin, int count)
{
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;
	struct crowd crowd = { .asker = &asker, .rounds = 4 };

	settings.connect_timeout_us = 20 * US_PER_S;
	begin_with(&asker, settings);
	run_crowd(&crowd, count, origin);
	CHECK_INT(crowd.failed[FAILURE_NONE], count * 4);
	CHECK_INT(crowd.wrong, 0);
	CHECK_INT(transport_connections(asker.transport), 0);
	asker_release(&asker);
}

static void test_few_descriptors(void)
{
	struct rlimit limit, before;
	struct asker asker;
	struct crowd crowd = { .asker = &asker, .rounds = 1 };

	begin(&asker);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)open_descriptors() + 20;
	setrlimit(RLIMIT_NOFILE, &limit);
	run_crowd(&crowd, 60, ORIGIN_PLAIN);
	setrlimit(RLIMIT_NOFILE, &before);
	printf("#   %d ok, %d could not connect\n", crowd.failed[FAILURE_NONE],
	       crowd.failed[FAILURE_CONNECT]);
	CHECK(crowd.failed[FAILURE_NONE] > 0);
	CHECK(crowd.failed[FAILURE_CONNECT] > 0);
	CHECK_INT(crowd.failed[FAILURE_NONE] + crowd.failed[FAILURE_CONNECT], 60);
	check_body(&asker, "/count", "1");
	asker_release(&asker);
}

/* --- giving up --- */

static int calls;

static void must_not_be_called(void *context, const struct exchange_result *result)
{
	(void)context, (void)result;
	calls++;
}

static void test_freed_under_way(void)
{
	static const char *const paths[] = { "/hang", "/hang-in-head", "/hang-in-body", "/huge",
					     "/byte-by-byte" };
	static const int origins[] = { ORIGIN_PLAIN, ORIGIN_GOOD, ORIGIN_FULL, ORIGIN_SILENT,
				       ORIGIN_CLOSED };
	struct exchange_request asked = { .timeout_us = US_PER_S };
	struct asker asker;

	begin(&asker);
	calls = 0;
	for (size_t i = 0; i < 5; i++) {
		for (size_t j = 0; j < 2; j++) {
			for (int wait_us = 0; wait_us <= 10000; wait_us += 5000) {
				struct lane *lane =
					lane_new(asker.transport, (uint16_t)origins[j ? 0 : i]);

				asked.path = text_of(paths[j ? i : 0]);
				lane_send(lane, &asked, must_not_be_called, NULL);
				if (wait_us && origins[j ? 0 : i] != ORIGIN_CLOSED)
					asker_wait(&asker, wait_us);
				lane_free(lane);
			}
		}
	}
	asker_wait(&asker, 20000);
	CHECK_INT(calls, 0);
	CHECK_INT(transport_connections(asker.transport), 0);
	asker_release(&asker);
}

static struct lane *freed_within;

static void free_within(void *context, const struct exchange_result *result)
{
	struct asker *asker = context;

	calls++;
	lane_free(freed_within);
	CHECK_INT(result->failure, FAILURE_NONE);
	CHECK(text_is(result->body, "hello")); /* outlives the lane, until we return */
	CHECK(!result->headers.length || result->headers.data[result->headers.length - 1] == '\n');
	loop_stop(asker->loop);
}

static void test_freed_within(void)
{
	static const char *const paths[] = { "/small", "/byte-by-byte", "/chunked-slowly",
					     "/http10" };
	struct exchange_request asked = { .timeout_us = US_PER_S, .want_body = true };
	struct asker asker;

	begin(&asker);
	calls = 0;
	for (size_t i = 0; i < 8; i++) {
		freed_within = lane_new(asker.transport, i < 4 ? ORIGIN_PLAIN : ORIGIN_GOOD);
		asked.path = text_of(paths[i % 4]);
		lane_send(freed_within, &asked, free_within, &asker);
		asker_wait(&asker, 3 * US_PER_S);
		CHECK_INT(calls, i + 1);
	}
	CHECK_INT(transport_connections(asker.transport), 0);
	asker_release(&asker);
}

/* The next request may be sent while the answer to the last one is still being looked at. */
static struct exchange_request next_request = { .path = { "/byte-by-byte", 13 },
						.timeout_us = US_PER_S,
						.want_body = true };

static void send_within(void *context, const struct exchange_result *result)
{
	struct asker *asker = context;

	if (++calls == 4) {
		loop_stop(asker->loop);
		return;
	}
	lane_send(asker->lanes[ORIGIN_PLAIN], &next_request, send_within, asker);
	CHECK(text_is(result->body, "hello"));
}

static void test_sent_within(void)
{
	struct asker asker;

	begin(&asker);
	get(&asker, ORIGIN_PLAIN, "/small");
	calls = 0;
	lane_send(asker.lanes[ORIGIN_PLAIN], &next_request, send_within, &asker);
	asker_wait(&asker, 5 * US_PER_S);
	CHECK_INT(calls, 4);
	asker_release(&asker);
}

static void test_after_failures(void)
{
	static const char *const paths[] = { "/hang", "/garbage", "/cut-in-body", "/big-header" };
	struct asker asker;

	begin(&asker);
	for (size_t i = 0; i < 12; i++) {
		ask(&asker, ORIGIN_PLAIN,
		    &(struct exchange_request){ .path = text_of(paths[i % 4]),
						.timeout_us = 30000 });
		CHECK(asker.saw.result.failure != FAILURE_NONE);
		check_body(&asker, "/count", "1");
		asker_wait(&asker, 50000); /* its old timeout passes while nothing is asked */
		check_body(&asker, "/count", "2");
	}
	asker_release(&asker);
}

/* --- HTTP/2, by nginx --- */

struct nginx {
	int pid, input, port;
	char directory[64], ca[96];
};

static bool start_nginx(struct nginx *nginx)
{
	static const char script[] = ". tests/tools/nginx.sh; nginx_prepare $1; nginx_start $1 &&"
				     "echo $NGINX_TLS_PORT; read line; nginx_stop; rm -rf $1";
	int input[2], output[2];
	FILE *answer;
	bool good;

	snprintf(nginx->directory, sizeof(nginx->directory), "/tmp/test_transfer.XXXXXX");
	if (!mkdtemp(nginx->directory) || pipe(input) < 0 || pipe(output) < 0)
		return false;
	snprintf(nginx->ca, sizeof(nginx->ca), "%s/tls.crt", nginx->directory);
	nginx->pid = fork();
	if (nginx->pid == 0) {
		dup2(input[0], 0);
		dup2(output[1], 1);
		closefrom(3);
		execlp("sh", "sh", "-c", script, "sh", nginx->directory, (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	close(output[1]);
	nginx->input = input[1];
	answer = fdopen(output[0], "r");
	good = answer && fscanf(answer, "%d", &nginx->port) == 1;
	if (answer)
		fclose(answer);
	return good;
}

static void test_http2(const struct nginx *nginx)
{
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;
	struct origin origin = { .tls = true };
	char url[64], name[] = "localhost";

	snprintf(url, sizeof(url), "https://localhost:%d", nginx->port);
	origin.url = url;
	origin.host = url + 8;
	origin.name = name;
	origin.port = (uint16_t)nginx->port;
	settings.origins = &origin;
	settings.origin_count = 1;
	settings.version = HTTP_2;
	settings.ca = nginx->ca;
	CHECK(asker_init(&asker, TRANSPORT_CURL, &settings));
	for (int i = 0; i < 4; i++) {
		request(&asker, i == 2 ? METHOD_POST : METHOD_GET,
			i == 2 ? "/api/orders" : "/style.css");
		CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
		CHECK_INT(asker.saw.result.status, i == 2 ? 201 : 200);
		CHECK_INT(asker.saw.result.minor, 2);
		CHECK_INT(asker.saw.result.new_connection, i == 0);
		CHECK(strstr(asker.saw.headers.data, "content-length: "));
		CHECK(asker.saw.body.length > 0);
		if (i == 1)
			asker_wait(&asker, 20000);
	}
	asker_release(&asker);
}

static void http2(void)
{
	struct nginx nginx = { .pid = 0 };
	int status;

	if (!start_nginx(&nginx))
		SKIP("HTTP/2 over a kept connection", "nginx does not start");
	else
		TEST("HTTP/2 over a kept connection")
			test_http2(&nginx);
	tap_close();
	close(nginx.input);
	waitpid(nginx.pid, &status, 0);
}

/* --- */

static const struct {
	const char *name;
	void (*test)(void);
} tests[] = {
	{ "a connection is kept, and closed when asked", test_keeping },
	{ "no connection is kept", test_not_keeping },
	{ "lanes do not share connections", test_no_sharing },
	{ "a connection closed while idle is noticed", test_closed_while_idle },
	{ "a connection closed unnoticed fails nobody", test_closed_unnoticed },
	{ "a server that talks unasked is not listened to", test_chatty },
	{ "what may be sent twice is, once; POST and PATCH never", test_dropped },
	{ "nothing is sent three times", test_dropped_again },
	{ "who can't be reached", test_unreachable },
	{ "a name that does not exist", test_nameless },
	{ "a pinned name", test_pinned },
	{ "through a proxy", test_proxy },
	{ "local addresses take turns", test_local_addresses },
	{ "too few descriptors are failures to connect", test_few_descriptors },
	{ "a lane freed under way", test_freed_under_way },
	{ "a lane freed by its own callback", test_freed_within },
	{ "a request sent from within the callback", test_sent_within },
	{ "a lane lives on after failures", test_after_failures },
};

static int crowd_size = 1000; /* less where there are few descriptors */

static void test_kind(void)
{
	char name[128];

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		int before = open_descriptors();

		snprintf(name, sizeof(name), "%s: %s", kind_names[kind], tests[i].name);
		TEST(name) {
			tests[i].test();
			CHECK_INT(open_descriptors(), before);
		}
		tap_close();
	}
	snprintf(name, sizeof(name), "%s: %d lanes at once", kind_names[kind], crowd_size);
	TEST(name)
		test_crowd(ORIGIN_PLAIN, crowd_size);
	tap_close();
	snprintf(name, sizeof(name), "%s: 100 lanes at once over TLS", kind_names[kind]);
	TEST(name)
		test_crowd(ORIGIN_GOOD, 100);
	tap_close();
}

/* As many descriptors as there may be: with some versions of libcurl a lane takes three. */
static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 4000)
		crowd_size = (int)limit.rlim_max / 4 - 30;
}

int main(void)
{
	struct hostile hostile;

	raise_limit();
	if (!hostile_start(&hostile))
		return 1;
	server = &hostile;
	for (kind = 0; kind < 2; kind++)
		test_kind();
	http2();
	hostile_stop(&hostile);
	return tap_done();
}
