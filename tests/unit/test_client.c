#include "shop/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "shop/task.h"
#include "tests/unit/tap.h"

/*
 * A server that does what the path says. It counts what it saw; a connection knows how many
 * requests came over it before.
 */
static struct {
	struct event_base *base;
	struct evconnlistener *listener;
	char url[64];
	int accepted, requests;
} server;

struct peer {
	struct bufferevent *wire;
	int requests;
};

static void end_peer(struct peer *peer)
{
	bufferevent_free(peer->wire);
	free(peer);
}

static void reset_peer(struct peer *peer)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(bufferevent_getfd(peer->wire), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	end_peer(peer);
}

static void say(struct peer *peer, const char *what)
{
	bufferevent_write(peer->wire, what, strlen(what));
}

static void flushed(struct bufferevent *wire, void *context)
{
	(void)wire;
	end_peer(context);
}

static void say_and_close(struct peer *peer, const char *what)
{
	say(peer, what);
	bufferevent_setcb(peer->wire, NULL, flushed, NULL, peer);
}

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok";

static const char dripping[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n4\r\ndrip\r\n0\r\n\r\n";

static void drip(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval soon = { .tv_usec = 500 };
	static size_t at;

	(void)fd;
	(void)what;
	send(bufferevent_getfd(((struct peer *)context)->wire), dripping + at++, 1, MSG_NOSIGNAL);
	if (dripping[at])
		event_base_once(server.base, -1, EV_TIMEOUT, drip, context, &soon);
}

static void say_too_much(struct peer *peer)
{
	char head[80];
	char *body = calloc(1, CLIENT_BODY_MAX + 1);

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
		 CLIENT_BODY_MAX + 1);
	say(peer, head);
	bufferevent_write(peer->wire, body, CLIENT_BODY_MAX + 1);
	free(body);
}

/* Nobody listens any more, and this connection ends, too. */
static void leave_for_good(struct peer *peer)
{
	evconnlistener_free(server.listener);
	server.listener = NULL;
	reset_peer(peer);
}

static void act(struct peer *peer, const char *path)
{
	if (strcmp(path, "/ok") == 0 || strcmp(path, "/large") == 0)
		say(peer, ok);
	else if (strcmp(path, "/drip") == 0)
		drip(-1, 0, peer);
	else if (strcmp(path, "/chunked") == 0)
		say(peer, "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	else if (strcmp(path, "/interim") == 0)
		say(peer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
			  "HTTP/1.1 204 None\r\n\r\n");
	else if (strcmp(path, "/to-the-end") == 0)
		say_and_close(peer, "HTTP/1.1 200 OK\r\n\r\nall of it");
	else if (strcmp(path, "/short") == 0)
		say_and_close(peer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	else if (strcmp(path, "/head-only") == 0)
		say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
	else if (strcmp(path, "/garbage") == 0)
		say(peer, "SMTP ready when you are\r\n\r\n");
	else if (strcmp(path, "/leftover") == 0)
		say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
	else if (strcmp(path, "/endless-interim") == 0)
		for (int i = 0; i < 20; i++)
			say(peer, "HTTP/1.1 100 Continue\r\n\r\n");
	else if (strcmp(path, "/too-much") == 0)
		say_too_much(peer);
	else if (strcmp(path, "/close") == 0)
		say(peer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
	else if (strcmp(path, "/reset") == 0)
		reset_peer(peer);
	else if (strcmp(path, "/reset-kept") == 0 && peer->requests > 1)
		reset_peer(peer);
	else if (strcmp(path, "/last-words") == 0 && peer->requests > 1)
		leave_for_good(peer);
	else if (strcmp(path, "/reset-kept") == 0 || strcmp(path, "/last-words") == 0)
		say(peer, ok);
	/* /hang says nothing */
}

/* Heads only, but for /large, whose body is waited for. */
static void heard(struct bufferevent *wire, void *context)
{
	struct peer *peer = context;
	struct evbuffer *in = bufferevent_get_input(wire);
	char path[64] = "";
	size_t length = evbuffer_get_length(in);
	char *bytes = (char *)evbuffer_pullup(in, -1);

	if (length < 4 || sscanf(bytes, "%*s %63s", path) != 1)
		return;
	if (strcmp(path, "/large") == 0 ? bytes[length - 1] != '!' :
					  memcmp(bytes + length - 4, "\r\n\r\n", 4) != 0)
		return;
	evbuffer_drain(in, length);
	server.requests++;
	peer->requests++;
	act(peer, path);
}

static void lost(struct bufferevent *wire, short what, void *context)
{
	(void)wire;
	(void)what;
	end_peer(context);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
		     int length, void *context)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	(void)listener;
	(void)address;
	(void)length;
	(void)context;
	server.accepted++;
	peer->wire = bufferevent_socket_new(server.base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(peer->wire, heard, NULL, lost, peer);
	bufferevent_enable(peer->wire, EV_READ | EV_WRITE);
}

static void start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	server.listener =
		evconnlistener_new_bind(server.base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE, 1024,
					(struct sockaddr *)&address, sizeof(address));
	getsockname(evconnlistener_get_fd(server.listener), (struct sockaddr *)&address, &length);
	snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u", ntohs(address.sin_port));
}

/* --- asking --- */

static struct client *client;

struct asked {
	enum client_result result;
	struct client_answer answer;
	int64_t took_us;
};

static void forget(struct asked *asked)
{
	buffer_release(&asked->answer.headers);
	buffer_release(&asked->answer.body);
}

static struct asked ask_with(const char *method, const char *path, const char *body,
			     bool repeatable, int64_t timeout_us)
{
	struct asked asked = { .result = CLIENT_REFUSED };
	struct buffer bytes = BUFFER_EMPTY;
	struct client_request request = { .is_head = strcmp(method, "HEAD") == 0,
					  .repeatable = repeatable };
	int64_t start = clock_now_us();

	buffer_format(&bytes, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, path,
		      client_host(client));
	buffer_add_string(&bytes, body);
	request.bytes = buffer_text(&bytes);
	asked.result = client_exchange(client, &request, timeout_us, &asked.answer);
	asked.took_us = clock_now_us() - start;
	buffer_release(&bytes);
	return asked;
}

static struct asked ask(const char *path)
{
	return ask_with("GET", path, "", true, 2 * US_PER_S);
}

#define CHECK_ASKED(path, wanted_result, wanted_status, wanted_body)                               \
	do {                                                                                       \
		struct asked asked_ = ask(path);                                                   \
		CHECK_INT(asked_.result, wanted_result);                                           \
		CHECK_INT(asked_.answer.status, wanted_status);                                    \
		CHECK_TEXT(buffer_text(&asked_.answer.body).data, wanted_body);                    \
		forget(&asked_);                                                                   \
	} while (0)

static void check_broken(const char *path)
{
	struct asked asked = ask(path);

	CHECK_INT(asked.result, CLIENT_BROKEN);
	forget(&asked);
}

static void test_answers(void)
{
	TEST("an answer has a status, headers and a body, however it comes") {
		struct asked asked = ask("/ok");

		CHECK_INT(asked.result, CLIENT_ANSWERED);
		CHECK_TEXT(asked.answer.headers.data, "Content-Length: 2\r\nX-A: b\r\n");
		forget(&asked);
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		CHECK_ASKED("/chunked", CLIENT_ANSWERED, 201, "abcde");
		CHECK_ASKED("/interim", CLIENT_ANSWERED, 204, "");
		CHECK_ASKED("/drip", CLIENT_ANSWERED, 200, "drip");
		CHECK_ASKED("/to-the-end", CLIENT_ANSWERED, 200, "all of it");
	}

	TEST("an answer to HEAD has no body") {
		struct asked asked = ask_with("HEAD", "/head-only", "", true, US_PER_S);

		CHECK_INT(asked.result, CLIENT_ANSWERED);
		CHECK_INT(asked.answer.status, 200);
		forget(&asked);
	}

	TEST("a request larger than the socket's buffer arrives whole") {
		struct buffer body = BUFFER_EMPTY;
		struct asked asked;

		memset(buffer_reserve(&body, 8 << 20), 'x', 8 << 20);
		body.length = 8 << 20;
		buffer_add_char(&body, '!');
		asked = ask_with("POST", "/large", body.data, false, 5 * US_PER_S);
		CHECK_INT(asked.result, CLIENT_ANSWERED);
		forget(&asked);
		buffer_release(&body);
	}
}

static void test_connections(void)
{
	TEST("a connection is kept and used again") {
		int before;

		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		before = server.accepted;
		for (int i = 0; i < 10; i++)
			CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		CHECK_INT(server.accepted, before);
	}

	TEST("not when the answer says close, or more came than was asked for") {
		int before = server.accepted;

		CHECK_ASKED("/close", CLIENT_ANSWERED, 200, "ok");
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		CHECK_INT(server.accepted, before + 1);
		CHECK_ASKED("/leftover", CLIENT_ANSWERED, 200, "ok");
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		CHECK_INT(server.accepted, before + 2);
	}

	TEST("one that was idle for long is not trusted") {
		int before;

		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		before = server.accepted;
		task_sleep_us((CLIENT_IDLE_MAX_MS + 50) * US_PER_MS);
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
		CHECK_INT(server.accepted, before + 1);
	}
}

static void test_failures(void)
{
	TEST("silence is a timeout, in time") {
		struct asked asked = ask_with("GET", "/hang", "", true, 100 * US_PER_MS);

		CHECK_INT(asked.result, CLIENT_TIMEOUT);
		CHECK_NEAR((double)asked.took_us, 100e3, 50e3);
		forget(&asked);
	}

	TEST("a connection that ends, and what is no HTTP, is broken") {
		check_broken("/reset");
		check_broken("/short");
		check_broken("/garbage");
		check_broken("/endless-interim");
		check_broken("/too-much");
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
	}

	TEST("a kept connection that died is replaced where repeating is harmless, else broken") {
		struct asked asked;
		int before;

		CHECK_ASKED("/close", CLIENT_ANSWERED, 200, "ok");
		CHECK_ASKED("/reset-kept", CLIENT_ANSWERED, 200, "ok");
		before = server.requests;
		CHECK_ASKED("/reset-kept", CLIENT_ANSWERED, 200, "ok");
		CHECK_INT(server.requests, before + 2);
		before = server.requests;
		asked = ask_with("POST", "/reset-kept", "", false, US_PER_S);
		CHECK_INT(asked.result, CLIENT_BROKEN);
		CHECK_INT(server.requests, before + 1);
		forget(&asked);
	}

	TEST("what was sent and then refused elsewhere may have happened: broken, not refused") {
		CHECK_ASKED("/close", CLIENT_ANSWERED, 200, "ok");
		CHECK_ASKED("/last-words", CLIENT_ANSWERED, 200, "ok");
		check_broken("/last-words");
		start_server();
		client_free(client);
		client = client_new(server.base, server.url, NULL);
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
	}

	TEST("where nobody listens, the call is refused at once") {
		struct client *other = client;
		struct asked asked;

		client = client_new(server.base, "http://127.0.0.1:1", NULL);
		asked = ask("/ok");
		CHECK_INT(asked.result, CLIENT_REFUSED);
		CHECK(asked.took_us < US_PER_S);
		client_free(client);
		client = other;
	}

	TEST("a destination that cannot be is refused with a reason") {
		struct error err;

		CHECK(!client_new(server.base, "https://127.0.0.1:1", &err));
		CHECK_TEXT(err.text, "only http:// can be called, not 'https://127.0.0.1:1'");
		CHECK(!client_new(server.base, "nonsense", &err));
	}
}

/* --- many at once --- */

enum { MANY = CLIENT_CONNECTIONS_MAX + 100 };

static int many_done, many_good, many_refused;
static struct task *many_waiter;

static void ask_one_of_many(void *context)
{
	struct asked asked = ask_with("GET", context, "", true,
				      strcmp(context, "/hang") == 0 ? 200 * US_PER_MS : US_PER_S);

	many_good += asked.result == CLIENT_ANSWERED;
	many_refused += asked.result == CLIENT_REFUSED;
	forget(&asked);
	if (++many_done == MANY)
		task_wake(many_waiter);
}

static void ask_many(const char *path)
{
	char copy[16];

	snprintf(copy, sizeof(copy), "%s", path);
	many_done = many_good = many_refused = 0;
	many_waiter = task_self();
	for (int i = 0; i < MANY; i++)
		task_start(ask_one_of_many, copy);
	while (many_done < MANY)
		task_wait();
}

static void test_many(void)
{
	TEST("more exchanges than connections: they take turns") {
		ask_many("/ok");
		CHECK_INT(many_good, MANY);
		CHECK(client_connections(client) <= CLIENT_CONNECTIONS_MAX);
	}

	TEST("who waits for a connection too long was never sent") {
		ask_many("/hang");
		CHECK_INT(many_good, 0);
		CHECK_INT(many_refused, MANY - CLIENT_CONNECTIONS_MAX);
		CHECK_ASKED("/ok", CLIENT_ANSWERED, 200, "ok");
	}
}

static void run_all(void *context)
{
	(void)context;
	client = client_new(server.base, server.url, NULL);
	test_answers();
	test_connections();
	test_failures();
	test_many();
	client_free(client);
	evconnlistener_free(server.listener);
}

int main(void)
{
	server.base = event_base_new();
	event_base_priority_init(server.base, 3);
	start_server();
	tasks_init(server.base);
	task_start(run_all, NULL);
	event_base_dispatch(server.base);
	tasks_release();
	event_base_free(server.base);
	return tap_done();
}
