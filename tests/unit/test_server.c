/*
 * The server: what it answers to good, odd and hostile clients. It runs in a child, so that clients
 * here can simply block.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/server.h"
#include "tests/unit/dialing.h"
#include "tests/unit/tap.h"

enum { BODY_MAX = 10000, BIG = 8 << 20 };

static uint16_t port;

/* The side that serves. */

static struct event_base *base;
static struct server *server;

static void reply_late(evutil_socket_t fd, short what, void *call)
{
	(void)fd;
	(void)what;
	server_reply(call, 200, text_of(""), server_path(call));
}

static void reply_big(struct server_call *call)
{
	char *big = memory_new(BIG);

	memset(big, 'x', BIG);
	server_reply(call, 200, text_of(""), (struct text){ big, BIG });
	free(big);
}

static void reply_what_came(struct server_call *call)
{
	struct buffer out = BUFFER_EMPTY;
	struct text agent = text_of("-");

	http1_header(server_headers(call), "User-Agent", &agent);
	buffer_format(&out, "%.*s %.*s ?%.*s %.*s %s [%.*s]", TEXT_ARG(server_method(call)),
		      TEXT_ARG(server_path(call)), TEXT_ARG(server_query(call)), TEXT_ARG(agent),
		      server_peer(call), TEXT_ARG(server_body(call)));
	server_reply(call, 200, text_of("X-Test: yes\r\n"), buffer_text(&out));
	buffer_release(&out);
}

static void handle(void *context, struct server_call *call)
{
	struct text path = server_path(call);

	(void)context;
	if (text_is(path, "/late")) {
		event_base_once(base, -1, EV_TIMEOUT, reply_late, call,
				&(struct timeval){ .tv_usec = 30000 });
	} else if (text_is(path, "/hang-up")) {
		server_hang_up(call);
	} else if (text_is(path, "/big")) {
		reply_big(call);
	} else if (text_is(path, "/nothing")) {
		server_reply(call, 204, text_of(""), text_of("not sent"));
	} else if (text_is(path, "/stop")) {
		server_stop_listening(server);
		event_base_once(base, -1, EV_TIMEOUT, reply_late, call,
				&(struct timeval){ .tv_usec = 30000 });
	} else if (text_is(path, "/connection")) {
		struct buffer out = BUFFER_EMPTY;

		buffer_add_number(&out, (int64_t)server_connection(call));
		server_reply(call, 200, text_of(""), buffer_text(&out));
		buffer_release(&out);
	} else {
		reply_what_came(call);
	}
}

static void on_term(evutil_socket_t signal, short what, void *context)
{
	(void)signal;
	(void)what;
	event_base_loopbreak(context);
}

static int serve(int tell)
{
	struct error err;
	struct event *term;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	base = event_base_new();
	server = server_new(base, "127.0.0.1", 0, handle, NULL, &err);
	if (!server)
		return 1;
	server_set_body_max(server, BODY_MAX);
	port = server_port(server);
	term = evsignal_new(base, SIGTERM, on_term, base);
	event_add(term, NULL);
	if (write(tell, &port, sizeof(port)) != sizeof(port))
		return 1;
	event_base_dispatch(base);
	server_free(server);
	event_free(term);
	event_base_free(base);
	return 0;
}

static pid_t start_server(void)
{
	int pipes[2];
	pid_t child;

	if (pipe(pipes) != 0 || (child = fork()) < 0)
		exit(1);
	if (child == 0)
		exit(serve(pipes[1])); /* exit(): so that leaks are looked for */
	close(pipes[1]);
	if (read(pipes[0], &port, sizeof(port)) != sizeof(port))
		exit(1);
	close(pipes[0]);
	return child;
}

static bool ended_well(pid_t child)
{
	int status;

	kill(child, SIGTERM);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_good_clients(void)
{
	TEST("a request is answered, and the connection ends when asked to") {
		ask(port,
		    "GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\nConnection: close\r\n\r\n");
		CHECK(heard_status(200) && heard_end);
		CHECK_TEXT(heard_body(), "GET /a/b ?c=d me 127.0.0.1 []");
		CHECK(strstr(heard.data, "\r\nX-Test: yes\r\n"));
		CHECK(strstr(heard.data, "\r\nContent-Length: 29\r\n"));
		CHECK(strstr(heard.data, "\r\nConnection: close\r\n"));
		CHECK(strstr(heard.data, "\r\nDate: "));
	}
	TEST("pipelined requests are answered in order, also when the first takes time") {
		ask(port,
		    "GET /late HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK_INT(heard_times("HTTP/1.1 200 OK"), 3);
		CHECK(heard_end);
		CHECK(strstr(heard.data, "\r\n\r\n/lateHTTP/1.1"));
		CHECK(strstr(heard.data, "POST /2 ? - 127.0.0.1 [abc]HTTP/1.1"));
	}
	TEST("a body in chunks is put together, byte by byte or at once") {
		const char *request =
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
			"Connection: close\r\n\r\n3;ext=1\r\nabc\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n";
		int fd = dial(port);

		ask(port, request);
		CHECK_TEXT(heard_body(), "POST / ? - 127.0.0.1 [abcd]");
		setsockopt(fd, 6, 1, &(int){ 1 }, sizeof(int)); /* TCP_NODELAY */
		for (const char *at = request; *at; at++) {
			say(fd, at, 1);
			usleep(200);
		}
		hear_anew();
		CHECK(hear(fd, PATIENCE_MS));
		CHECK_TEXT(heard_body(), "POST / ? - 127.0.0.1 [abcd]");
		close(fd);
	}
	TEST("HEAD, 204, HTTP/1.0 and an absolute target are what they should be") {
		ask(port, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK_TEXT(heard_body(), "");
		CHECK(strstr(heard.data, "\r\nContent-Length: 23\r\n"));
		ask(port, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK(heard_status(204) && !strstr(heard.data, "Content-Length"));
		CHECK_TEXT(heard_body(), "");
		ask(port, "GET / HTTP/1.0\r\n\r\n");
		CHECK(heard_status(200) && heard_end);
		ask(port, "GET http://x:1/p?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK_TEXT(heard_body(), "GET /p ?q - 127.0.0.1 []");
	}
	TEST("who expects to be told to go on is told") {
		const char *head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
				   "Content-Length: 2\r\nConnection: close\r\n\r\n";
		int fd = dial(port);

		hear_anew();
		say(fd, head, strlen(head));
		CHECK(!hear(fd, 200));
		CHECK_TEXT(heard.data, "HTTP/1.1 100 Continue\r\n\r\n");
		say(fd, "hi", 2);
		hear_anew();
		CHECK(hear(fd, PATIENCE_MS));
		CHECK_TEXT(heard_body(), "POST / ? - 127.0.0.1 [hi]");
		close(fd);
	}
	TEST("connections have numbers, which stay") {
		ask(port, "GET /connection HTTP/1.1\r\nHost: x\r\n\r\n"
			  "GET /connection HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK_INT(atoi(heard_body()), atoi(strrchr(heard.data, '\n') + 1));
		CHECK(atoi(heard_body()) > 0);
	}
}

static void test_slow_readers(void)
{
	TEST("a large reply reaches a client that reads slowly, and then the next one") {
		const char *both = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"
				   "GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
		int fd = dial(port);

		say(fd, both, strlen(both));
		usleep(100000);
		hear_anew();
		CHECK(hear(fd, PATIENCE_MS));
		CHECK(heard.length > BIG);
		CHECK(strstr(heard.data + BIG, "\r\n\r\nGET /after ? - 127.0.0.1 []"));
		close(fd);
	}
	TEST("clients that go away in the middle of anything do no harm") {
		const char *requests[] = {
			"GET /late HTTP/1.1\r\nHost: x\r\n\r\n",
			"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", "GE"
		};

		for (int i = 0; i < 40; i++) {
			int fd = dial(port);

			say(fd, requests[i % 4], strlen(requests[i % 4]));
			close(fd);
		}
		usleep(100000);
		ask(port, "GET /still HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		CHECK(heard_status(200));
	}
	TEST("a handler may hang up: nothing is said") {
		ask(port,
		    "GET /hang-up HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
		CHECK_TEXT(heard.data, "");
	}
}

static void refuses(const char *request, int status)
{
	ask(port, request);
	if (!CHECK(heard_status(status) && heard_end && heard_times("HTTP/1.1 ") == 1))
		printf("#   %.60s\n#   -> %.60s\n", request, heard.data);
}

static void test_hostile_clients(void)
{
	TEST("what is against the protocol is refused, and the connection ends") {
		refuses("nonsense\r\n\r\n", 400);
		refuses("GET / HTTP/1.1\nHost: x\n\n", 400);
		refuses("GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400);
		refuses("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
			400);
		refuses("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
			"Transfer-Encoding: chunked\r\n\r\n",
			400);
		refuses("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
			400);
	}
	TEST("too large a body is a 413 that arrives, even while the client still sends") {
		size_t size = 3 << 20;
		char *request = memory_new(size);
		int head = snprintf(request, size,
				    "POST / HTTP/1.1\r\nHost: x\r\n"
				    "Content-Length: %zu\r\n\r\n",
				    size);

		memset(request + head, 'x', size - (size_t)head);
		for (int i = 0; i < 10; i++) {
			ask_bytes(port, request, size);
			CHECK(heard_status(413));
		}
		head = snprintf(request, size,
				"POST / HTTP/1.1\r\nHost: x\r\n"
				"Transfer-Encoding: chunked\r\n\r\n2711\r\n");
		memset(request + head, 'x', size - (size_t)head);
		ask_bytes(port, request, (size_t)head + 10001);
		CHECK(heard_status(413));
		free(request);
	}
	TEST("too large a head is a 431") {
		struct buffer request = BUFFER_EMPTY;

		buffer_add_string(&request, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
		while (request.length < 70000)
			buffer_add_string(&request, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
		ask_bytes(port, request.data, request.length);
		CHECK(heard_status(431));
		buffer_release(&request);
	}
}

static void test_parameters(void)
{
	struct buffer out = BUFFER_EMPTY;

	TEST("parameters are found by their whole name and decoded") {
		struct text query = text_of("ab=1&a=x%20y+z%2&b=&c&a=second");

		CHECK(server_parameter(query, "a", &out));
		CHECK_TEXT(out.data, "x y z%2");
		buffer_clear(&out);
		CHECK(server_parameter(query, "b", &out) && out.length == 0);
		CHECK(server_parameter(query, "c", &out) && out.length == 0);
		CHECK(!server_parameter(query, "d", &out));
		CHECK(!server_parameter(text_of(""), "d", &out));
	}
	buffer_release(&out);
}

static void test_end(pid_t child)
{
	TEST("when it stops, calls under way are finished, idle connections end, none is taken") {
		int idle = dial(port);

		ask(port, "GET /first HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		ask(port, "GET /stop HTTP/1.1\r\nHost: x\r\n\r\n");
		CHECK(heard_status(200) && heard_end);
		CHECK_TEXT(heard_body(), "/stop");
		hear_anew();
		CHECK(hear(idle, PATIENCE_MS) && heard.length == 0);
		CHECK_INT(dial(port), -1);
		close(idle);
	}
	TEST("and it ends with nothing left") {
		CHECK(ended_well(child));
	}
}

int main(void)
{
	pid_t child = start_server();

	test_good_clients();
	test_slow_readers();
	test_hostile_clients();
	test_parameters();
	test_end(child);
	buffer_release(&heard);
	return tap_done();
}
