/* A service of the shop, made for this test, in a process of its own: what the frame promises. */
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/frame.h"
#include "tests/unit/dialing.h"
#include "tests/unit/tap.h"

/* The service. */

static void get_echo(struct request *request, struct reply *reply)
{
	reply_json(reply, 200,
		   json_pack("{s:s, s:s?, s:s, s:s?, s:b, s:s?, s:s, s:s, s:s}", "a",
			     request->parameters[0], "b", request->parameters[1], "q",
			     request_query(request, "q", "(none)"), "user", request->user, "admin",
			     request->is_admin, "key", request->key, "correlation",
			     request->correlation, "trace", request->traceparent, "peer",
			     request->peer));
}

static void get_page(struct request *request, struct reply *reply)
{
	int64_t page;

	if (request_query_int(request, reply, "page", 1, 1, 100, &page))
		reply_json(reply, 200, json_pack("{s:I}", "page", page));
}

static void post_check(struct request *request, struct reply *reply)
{
	const char *name;
	int64_t n;

	if (request_string(request, reply, "name", 5, &name) &&
	    request_int(request, reply, "n", -2, 2, &n))
		reply_json(reply, 200, json_pack("{s:s, s:I}", "name", name, "n", n));
}

/* With a key: a note, once. "refuse" is refused after the key was taken. */
static void post_note(struct request *request, struct reply *reply)
{
	struct store *store = request->service->store;
	const char *text;

	if (!request_string(request, reply, "text", 100, &text))
		return;
	store_begin(store);
	if (key_take(request, reply) != KEY_NEW) {
		store_rollback(store);
		return;
	}
	if (strcmp(text, "half") == 0) { /* the answer comes later, or never */
		store_commit(store);
		task_sleep_us(100000);
		reply_json(reply, 200, json_pack("{s:s}", "text", text));
		key_answered(request, reply);
		return;
	}
	store_run(store, "insert into note (text) values (?1)", "s", text);
	reply_json(reply, 201, json_pack("{s:I, s:s}", "id", store_last_id(store), "text", text));
	key_answered(request, reply);
	store_commit(store);
}

static void count_notes(struct request *request, struct reply *reply)
{
	reply_json(reply, 200,
		   json_pack("{s:I}", "count",
			     store_int(request->service->store, -1, "select count(*) from note",
				       "")));
}

static void get_slow(struct request *request, struct reply *reply)
{
	task_sleep_us(200000);
	metric_add(request->service, "slow_total", "why=\"test\"", 2);
	reply->status = 200;
	reply->content_type = "text/plain";
	buffer_add_string(&reply->raw, "slow but sure");
	buffer_add_string(&reply->headers, "X-More: yes\r\n");
}

static void forget_reply(struct request *request, struct reply *reply)
{
	(void)request;
	(void)reply;
}

static const struct route routes[] = {
	{ "GET", "/echo/{a}/{b}", get_echo },
	{ "GET", "/files/{rest*}", get_echo },
	{ "GET", "/page", get_page },
	{ "POST", "/check", post_check },
	{ "POST", "/notes", post_note },
	{ "GET", "/notes", count_notes },
	{ "GET", "/slow", get_slow },
	{ "GET", "/forgetful", forget_reply },
	ROUTES_END
};

static struct service_kind kind = {
	.name = "demo",
	.schema = "create table if not exists note (id integer primary key, text);",
	.routes = routes,
};

/* Its process. */

static char directory[] = "/tmp/test_frame.XXXXXX";
static uint16_t port;
static int listener;
static pid_t child;
static int ready_pipe[2];

static bool listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
	    listen(listener, 100) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		return false;
	port = ntohs(address.sin_port);
	return true;
}

static bool start(void)
{
	struct shop_settings settings = { .directory = directory,
					  .region = "",
					  .call_timeout_us = US_PER_S };
	char byte;

	if (pipe(ready_pipe) != 0 || (child = fork()) < 0)
		return false;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready_pipe[0]);
		exit(service_main(&kind, &settings, listener, ready_pipe[1]));
	}
	close(ready_pipe[1]);
	return read(ready_pipe[0], &byte, 1) == 1;
}

static int wait_for_end(void)
{
	int status = -1;

	waitpid(child, &status, 0);
	close(ready_pipe[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int end(int signal)
{
	kill(child, signal);
	return wait_for_end();
}

/* Asking. */

#define GET(path, headers) \
	ask(port, "GET " path " HTTP/1.1\r\nHost: x\r\n" headers "Connection: close\r\n\r\n")

static const char *post(const char *path, const char *headers, const char *body)
{
	struct buffer request = BUFFER_EMPTY;

	buffer_format(&request,
		      "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n"
		      "Connection: close\r\n\r\n%s",
		      path, headers, strlen(body), body);
	ask_bytes(port, request.data, request.length);
	buffer_release(&request);
	return heard_body();
}

static int64_t notes(void)
{
	json_t *json;
	int64_t count;

	GET("/notes", "");
	json = json_loads(heard_body(), 0, NULL);
	count = json_integer_value(json_object_get(json, "count"));
	json_decref(json);
	return count;
}

static bool says(const char *what)
{
	if (strstr(heard.data, what))
		return true;
	printf("#   no '%s' in '%s'\n", what, heard.data);
	return false;
}

static bool refused(int status, const char *code)
{
	char member[64];

	snprintf(member, sizeof(member), "{\"error\":{\"code\":\"%s\"", code);
	return CHECK(heard_status(status) && says(member) && says("\"correlation_id\":\""));
}

static void test_requests(void)
{
	TEST("parts of the path, the query and headers reach the handler") {
		GET("/echo/1/x%20y?q=a%26b&r",
		    "X-User: usr_1\r\nX-Role: admin\r\nX-Correlation-Id: "
		    "mine\r\nIdempotency-Key: k1\r\ntraceparent: "
		    "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n");
		CHECK_TEXT(
			heard_body(),
			"{\"a\":\"1\",\"b\":\"x y\",\"q\":\"a&b\",\"user\":\"usr_1\",\"admin\":true,"
			"\"key\":\"k1\",\"correlation\":\"mine\",\"trace\":"
			"\"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\","
			"\"peer\":\"127.0.0.1\"}");
		CHECK(says("\r\nX-Correlation-Id: mine\r\n"));
		CHECK(says("\r\ntraceparent: 00-0123456789abcdef"));
		CHECK(says("\r\nContent-Type: application/json\r\n"));
	}
	TEST("what identifies a request is made up when it is missing or nonsense") {
		GET("/echo/1/2", "X-Correlation-Id: a b\r\ntraceparent: 00-1-2-3\r\n");
		CHECK(heard_status(200) && says("\r\nX-Correlation-Id: cor_"));
		CHECK(says("\r\ntraceparent: 00-") && !strstr(heard.data, "00-1-2-3"));
		CHECK(says("\"user\":null"));
	}
	TEST("a pattern may take all the rest") {
		GET("/files/a/b%2fc/d", "");
		CHECK(says("\"a\":\"a/b/c/d\",\"b\":null"));
	}
	TEST("what is nowhere is a 404, by another method a 405, unclean text a 400") {
		GET("/nowhere", "");
		refused(404, "not_found");
		GET("/echo/1", "");
		refused(404, "not_found");
		GET("/echo/1/", "");
		refused(404, "not_found");
		GET("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", "");
		refused(404, "not_found");
		post("/page", "", "");
		refused(405, "bad_method");
		GET("/echo/%00/2", "");
		refused(400, "bad_path");
		GET("/echo/%ff/2", "");
		refused(400, "bad_path");
		GET("/echo/%zz/2", "");
		refused(400, "bad_path");
		GET("/page?page=%c0%80", "");
		refused(400, "bad_query");
		GET("/page", "Idempotency-Key: a b\r\n");
		refused(400, "bad_key");
	}
	TEST("numbers in the query are kept within bounds, and must be numbers") {
		GET("/page?page=7", "");
		CHECK_TEXT(heard_body(), "{\"page\":7}");
		GET("/page?page=1000", "");
		CHECK_TEXT(heard_body(), "{\"page\":100}");
		GET("/page?page=-5", "");
		CHECK_TEXT(heard_body(), "{\"page\":1}");
		GET("/page?page=seven", "");
		refused(400, "bad_input");
		GET("/page?page=99999999999999999999", "");
		refused(400, "bad_input");
	}
	TEST("a reply may be raw, with headers; one that was forgotten is a 500") {
		GET("/slow", "");
		CHECK_TEXT(heard_body(), "slow but sure");
		CHECK(says("\r\nContent-Type: text/plain\r\n") && says("\r\nX-More: yes\r\n"));
		GET("/forgetful", "");
		refused(500, "internal");
	}
}

static void check_body(const char *body, int status, const char *code)
{
	post("/check", "Content-Type: application/json\r\n", body);
	refused(status, code);
}

static void test_bodies(void)
{
	TEST("members of the body are checked for their type and their bounds") {
		CHECK_TEXT(post("/check", "", "{\"name\": \"abc\", \"n\": -2}"),
			   "{\"name\":\"abc\",\"n\":-2}");
		check_body("{\"n\": 1}", 400, "bad_input");
		check_body("{\"name\": 1, \"n\": 1}", 400, "bad_input");
		check_body("{\"name\": \"\", \"n\": 1}", 400, "bad_input");
		check_body("{\"name\": \"abcdef\", \"n\": 1}", 400, "bad_input");
		check_body("{\"name\": \"abc\", \"n\": 3}", 400, "bad_input");
		check_body("{\"name\": \"abc\", \"n\": 1.5}", 400, "bad_input");
		check_body("{\"name\": \"abc\", \"n\": \"1\"}", 400, "bad_input");
		check_body("[1]", 400, "bad_input");
	}
	TEST("what is no JSON is refused, also when it nests without end") {
		char *deep = memory_new(200001);

		check_body("{\"name\": ", 400, "bad_json");
		check_body("\"text\"", 400, "bad_json");
		check_body("{\"n\": 1, \"n\": 2}", 400, "bad_json");
		check_body("{\"name\": \"\\u0000\", \"n\": 2}", 400, "bad_json");
		memset(deep, '[', 200000);
		check_body(deep, 400, "bad_json");
		free(deep);
		post("/check", "Content-Type: text/plain\r\n", "just text");
		refused(400, "bad_input");
	}
}

static void test_keys(void)
{
	char first[256];

	TEST("the same key and body: the same answer, one effect") {
		snprintf(first, sizeof(first), "%s",
			 post("/notes", "Idempotency-Key: a\r\n", "{\"text\": \"one\"}"));
		CHECK(heard_status(201) && !strstr(heard.data, "Idempotent-Replayed"));
		for (int i = 0; i < 3; i++)
			CHECK_TEXT(post("/notes", "Idempotency-Key: a\r\n", "{\"text\": \"one\"}"),
				   first);
		CHECK(heard_status(201) && says("Idempotent-Replayed: true") &&
		      says("Content-Type: application/json"));
		CHECK_INT(notes(), 1);
	}
	TEST("the same key, another body: 422, no effect") {
		post("/notes", "Idempotency-Key: a\r\n", "{\"text\": \"two\"}");
		refused(422, "key_misused");
		CHECK_INT(notes(), 1);
	}
	TEST("the key of another user, and no key, are other requests") {
		post("/notes", "Idempotency-Key: a\r\nX-User: other\r\n", "{\"text\": \"one\"}");
		CHECK(heard_status(201));
		post("/notes", "", "{\"text\": \"one\"}");
		post("/notes", "", "{\"text\": \"one\"}");
		CHECK_INT(notes(), 4);
	}
	TEST("a key whose answer is not known yet: 409; afterwards: the answer") {
		const char request[] = "POST /notes HTTP/1.1\r\nHost: x\r\nIdempotency-Key: h\r\n"
				       "Content-Length: 16\r\nConnection: close\r\n\r\n"
				       "{\"text\": \"half\"}";
		int fd = dial(port);

		say(fd, request, sizeof(request) - 1);
		usleep(30000);
		ask(port, request);
		refused(409, "key_busy");
		hear_anew();
		CHECK(hear(fd, PATIENCE_MS) && heard_status(200));
		close(fd);
		ask(port, request);
		CHECK(heard_status(200) && says("Idempotent-Replayed"));
	}
}

static void test_telling(void)
{
	TEST("health, readiness and metrics are told") {
		GET("/health", "");
		CHECK_TEXT(heard_body(), "{\"status\":\"ok\",\"service\":\"demo\"}");
		GET("/ready", "");
		CHECK(heard_status(200) && says("\"status\":\"ready\""));
		GET("/metrics", "");
		CHECK(says("# TYPE shop_slow_total counter\nshop_slow_total{why=\"test\"} 2\n"));
		CHECK(says(
			"shop_requests_total{method=\"GET\",route=\"/echo/{a}/{b}\",status=\"2xx\"} 2"));
		CHECK(says("shop_requests_total{method=\"*\",route=\"other\",status=\"4xx\"} 5"));
		CHECK(says("shop_request_duration_seconds{method=\"GET\",route=\"/slow\","
			   "quantile=\"0.99\"} 0.2"));
		CHECK(says("shop_tasks "));
	}
}

static void test_crash(void)
{
	const char half[] = "POST /notes HTTP/1.1\r\nHost: x\r\nIdempotency-Key: lost\r\n"
			    "Content-Length: 16\r\nConnection: close\r\n\r\n{\"text\": \"half\"}";

	TEST("after kill -9 and a restart on the same socket, what was answered is still so") {
		int fd = dial(port);

		say(fd, half, sizeof(half) - 1);
		usleep(30000);
		CHECK_INT(end(SIGKILL), -SIGKILL);
		close(fd);
		CHECK(start());
		CHECK_INT(notes(), 4);
		post("/notes", "Idempotency-Key: a\r\n", "{\"text\": \"one\"}");
		CHECK(heard_status(201) && says("Idempotent-Replayed"));
	}
	TEST("a key that was taken by who died is free") {
		ask(port, half);
		CHECK(heard_status(200) && !strstr(heard.data, "Idempotent-Replayed"));
	}
}

static void test_end(void)
{
	TEST("told to end, it finishes what is under way, and takes no more") {
		const char request[] = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
		int fd = dial(port);
		int64_t start_us = clock_now_us();

		say(fd, request, sizeof(request) - 1);
		usleep(30000);
		CHECK_INT(end(SIGTERM), 0);
		CHECK(clock_now_us() - start_us < 2 * US_PER_S);
		hear_anew();
		CHECK(hear(fd, PATIENCE_MS) && says("slow but sure") && says("Connection: close"));
		close(fd);
	}
	TEST("it ends when nobody holds the other end of its pipe") {
		CHECK(start());
		close(ready_pipe[0]);
		ready_pipe[0] = -1;
		CHECK_INT(wait_for_end(), 0);
	}
	TEST("without a place for its data it does not start, and says why") {
		char *real = strdup(directory);

		fflush(stdout);
		snprintf(directory, sizeof(directory), "/nowhere/at/all");
		CHECK(!start());
		CHECK_INT(wait_for_end(), 1);
		snprintf(directory, sizeof(directory), "%s", real);
		free(real);
	}
}

static void test_outside(void)
{
	kind.outside = true;
	kind.no_store = true;
	TEST("who faces clients does not believe what they say of themselves") {
		CHECK(start());
		GET("/echo/1/2", "X-User: usr_1\r\nX-Role: admin\r\n");
		CHECK(says("\"user\":null") && says("\"admin\":false"));
		CHECK_INT(end(SIGTERM), 0);
	}
}

static void test_bugs(void)
{
	struct error err = { "" };
	struct buffer list = BUFFER_EMPTY;

	TEST("bugs are switched on by name, several by commas; a typo is told from") {
		CHECK(bugs_switch_on("no-dedupe, late-reserve", &err));
		CHECK(bug(BUG_NO_DEDUPE) && bug(BUG_LATE_RESERVE) && !bug(BUG_ACK_FIRST));
		CHECK(!bugs_switch_on("no-dedup", &err));
		CHECK_TEXT(err.text, "unknown bug 'no-dedup' (did you mean 'no-dedupe'?)");
		CHECK(!bugs_switch_on("", &err));
	}
	TEST("every bug has a name, a thought and an invariant in the list") {
		int lines = 0;

		bugs_list(&list);
		for (const char *at = list.data; (at = strchr(at, '\n')) != NULL; at++)
			lines++;
		CHECK_INT(lines, 3 * BUG_COUNT);
		CHECK(strstr(list.data, "coupon-outside\n\t\"") && !strstr(list.data, "(null)"));
	}
	buffer_release(&list);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(directory) || !listen_somewhere() || !start())
		return 1;
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	test_requests();
	test_bodies();
	test_keys();
	test_telling();
	test_crash();
	test_end();
	test_outside();
	test_bugs();
	close(listener);
	buffer_release(&heard);
	return tap_done() | (system(command) != 0);
}
