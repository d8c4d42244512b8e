/* A controller's end of the control connection. */
#include "chaos/proxy.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/proxy_control.h"
#include "chaos/proxy_process.h"
#include "lib/clock.h"
#include "lib/memory.h"

enum { RUN_BYTES = 33 };
#define ANSWER_US (2 * US_PER_S)

struct proxy {
	char *control;
	char run[RUN_BYTES];
	pid_t started;    /* the process that was forked for us; 0: it was connected to */
	pid_t starter;    /* who did that */
	pid_t server;     /* the proxy, as it says itself */
	pid_t owner;      /* which process `fd` is of: another one needs its own */
	int fd;           /* -1: not connected */
	bool gone;        /* it was connected, and the proxy went away */
	int64_t asked;    /* questions so far; answers carry the number of theirs */
	struct buffer in;
	json_t *edges;    /* name: port */
	uint32_t *told;   /* watches that came true and were not fetched yet */
	size_t told_count, told_room;
};

/* ---- Lines ---- */

static void proxy_disconnect(struct proxy *proxy)
{
	if (proxy->fd >= 0)
		close(proxy->fd);
	proxy->fd = -1;
	buffer_clear(&proxy->in);
}

static bool proxy_lost(struct proxy *proxy, struct error *err)
{
	proxy_disconnect(proxy);
	proxy->gone = true;
	return error_set(err, "the proxy is gone");
}

/* One line that has come, parsed; NULL: none is complete. */
static json_t *next_line(struct proxy *proxy)
{
	char *end = proxy->in.length ? memchr(proxy->in.data, '\n', proxy->in.length) : NULL;
	size_t length;
	json_t *json;

	if (!end)
		return NULL;
	length = (size_t)(end - proxy->in.data);
	json = json_loadb(proxy->in.data, length, 0, NULL);
	proxy->in.length -= length + 1;
	memmove(proxy->in.data, end + 1, proxy->in.length);
	return json ? json : json_object();
}

/* True for a line that is no answer: it was put aside. */
static bool keep_told(struct proxy *proxy, const json_t *json)
{
	const json_t *told = json_object_get(json, "told");

	if (!told)
		return false;
	proxy->told = memory_grow(proxy->told, proxy->told_count, &proxy->told_room,
				  sizeof(*proxy->told));
	proxy->told[proxy->told_count++] = (uint32_t)json_integer_value(told);
	return true;
}

/* False: nothing came within that time, or nothing ever will. */
static bool receive(struct proxy *proxy, int64_t wait_us, struct error *err)
{
	struct pollfd waiting = { .fd = proxy->fd, .events = POLLIN };
	ssize_t got;

	if (poll(&waiting, 1, (int)((wait_us + 999) / 1000)) == 0)
		return error_set(err, "the proxy does not answer");
	got = recv(proxy->fd, buffer_reserve(&proxy->in, 65536), 65536, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0 || proxy->in.length > CONTROL_LINE_MAX)
		return proxy_lost(proxy, err);
	proxy->in.length += (size_t)got;
	return true;
}

/* The answer to the last question; those to earlier ones, which came too late, are dropped. */
static bool is_the_answer(struct proxy *proxy, const json_t *json)
{
	return !keep_told(proxy, json) &&
	       json_integer_value(json_object_get(json, "id")) == proxy->asked;
}

/* A proxy that is slow keeps its connection: to close it would drop what is armed. */
static json_t *receive_answer(struct proxy *proxy, struct error *err)
{
	int64_t until_us = clock_now_us() + ANSWER_US;

	for (;;) {
		json_t *json = next_line(proxy);
		int64_t left_us = until_us - clock_now_us();

		if (json && is_the_answer(proxy, json))
			return json;
		if (json) {
			json_decref(json);
			continue;
		}
		if (!receive(proxy, left_us > 0 ? left_us : 0, err))
			return NULL;
	}
}

static bool send_line(struct proxy *proxy, json_t *question, struct error *err)
{
	char *text = json_dumps(question, JSON_COMPACT);
	struct buffer line = BUFFER_EMPTY;
	size_t sent = 0;
	bool good = true;

	json_decref(question);
	if (!text)
		return error_set(err, "what is asked of the proxy is no text");
	buffer_add_string(&line, text);
	buffer_add_char(&line, '\n');
	free(text);
	while (good && sent < line.length) {
		ssize_t took = send(proxy->fd, line.data + sent, line.length - sent, MSG_NOSIGNAL);

		if (took > 0)
			sent += (size_t)took;
		else if (errno != EINTR)
			good = proxy_lost(proxy, err);
	}
	buffer_release(&line);
	return good;
}

static json_t *ask_connected(struct proxy *proxy, json_t *question, struct error *err)
{
	json_t *answer;

	json_object_set_new(question, "id", json_integer(++proxy->asked));
	if (!send_line(proxy, question, err))
		return NULL;
	answer = receive_answer(proxy, err);
	if (!answer || json_is_true(json_object_get(answer, "ok")))
		return answer;
	if (json_is_string(json_object_get(answer, "error")))
		error_set(err, "%s", json_string_value(json_object_get(answer, "error")));
	else
		error_set(err, "the proxy's answer makes no sense");
	json_decref(answer);
	return NULL;
}

/* ---- Connecting ---- */

static bool proxy_dial(struct proxy *proxy, struct error *err)
{
	struct timeval patience = { .tv_sec = ANSWER_US / US_PER_S };
	struct sockaddr_un address;
	socklen_t length;

	if (!control_address(proxy->control, &address, &length, err))
		return false;
	proxy->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy->fd < 0)
		return error_errno(err, "cannot make a socket");
	setsockopt(proxy->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(proxy->fd, (struct sockaddr *)&address, length) == 0)
		return true;
	error_errno(err, "cannot reach the proxy at '%s'", proxy->control);
	proxy_disconnect(proxy);
	return false;
}

static bool proxy_greet(struct proxy *proxy, struct error *err)
{
	json_t *answer =
		ask_connected(proxy, json_pack("{s:s,s:s}", "do", "hello", "run", proxy->run), err);

	if (!answer)
		return false;
	proxy->server = (pid_t)json_integer_value(json_object_get(answer, "pid"));
	json_decref(proxy->edges);
	proxy->edges = json_incref(json_object_get(answer, "edges"));
	json_decref(answer);
	return true;
}

static bool proxy_ready(struct proxy *proxy, struct error *err)
{
	if (proxy->owner != getpid()) {
		proxy_disconnect(proxy); /* our copy of it; the lease stays with the other */
		proxy->owner = getpid();
		proxy->gone = false;
		proxy->told_count = 0;
	}
	if (proxy->fd >= 0)
		return true;
	if (proxy->gone)
		return error_set(err, "the proxy is gone");
	return proxy_dial(proxy, err) && proxy_greet(proxy, err);
}

static json_t *ask(struct proxy *proxy, json_t *question, struct error *err)
{
	if (proxy_ready(proxy, err))
		return ask_connected(proxy, question, err);
	json_decref(question);
	return NULL;
}

static bool ask_plainly(struct proxy *proxy, json_t *question, struct error *err)
{
	json_t *answer = ask(proxy, question, err);

	json_decref(answer);
	return answer != NULL;
}

/* ---- Life ---- */

static struct proxy *proxy_new(const char *control)
{
	struct proxy *proxy = memory_new(sizeof(*proxy));
	uint64_t dice[2] = { 0 };

	proxy->fd = -1;
	proxy->owner = getpid();
	proxy->control = memory_copy_string(control);
	if (getrandom(dice, sizeof(dice), 0) != sizeof(dice))
		dice[0] = (uint64_t)clock_now_us();
	snprintf(proxy->run, sizeof(proxy->run), "%016llx%016llx", (unsigned long long)dice[0],
		 (unsigned long long)dice[1]);
	return proxy;
}

struct proxy *proxy_start(const struct proxy_settings *settings, struct error *err)
{
	char control[PROXY_CONTROL_BYTES];
	pid_t pid = proxy_fork(settings, control, err);
	struct proxy *proxy;

	if (pid < 0)
		return NULL;
	proxy = proxy_new(control);
	proxy->started = pid;
	proxy->starter = getpid();
	if (proxy_ready(proxy, err))
		return proxy;
	proxy_free(proxy);
	return NULL;
}

struct proxy *proxy_connect(const char *control, struct error *err)
{
	struct proxy *proxy = proxy_new(control);

	if (proxy_ready(proxy, err))
		return proxy;
	proxy_free(proxy);
	return NULL;
}

void proxy_let_go(struct proxy *proxy)
{
	if (!proxy)
		return;
	proxy_disconnect(proxy);
	buffer_release(&proxy->in);
	json_decref(proxy->edges);
	free(proxy->told);
	free(proxy->control);
	free(proxy);
}

/* It ends by itself; should it hang, it does not stay. */
static void wait_for_end(pid_t pid)
{
	int64_t until_us = clock_now_us() + ANSWER_US;

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_now_us() > until_us)
			kill(pid, SIGKILL);
		usleep(1000);
	}
}

void proxy_free(struct proxy *proxy)
{
	if (!proxy)
		return;
	if (proxy->started)
		ask_plainly(proxy, json_pack("{s:s}", "do", "end"), NULL);
	if (proxy->started && proxy->starter == getpid())
		wait_for_end(proxy->started);
	proxy_let_go(proxy);
}

int64_t proxy_pid(const struct proxy *proxy)
{
	return proxy->started;
}

int64_t proxy_server_pid(const struct proxy *proxy)
{
	return proxy->server;
}

const char *proxy_control(const struct proxy *proxy)
{
	return proxy->control;
}

const char *proxy_run(const struct proxy *proxy)
{
	return proxy->run;
}

bool proxy_set_run(struct proxy *proxy, const char *run, struct error *err)
{
	snprintf(proxy->run, sizeof(proxy->run), "%s", run);
	return proxy_ready(proxy, err) && proxy_greet(proxy, err);
}

/* ---- Questions ---- */

static json_t *question_about(const char *what, uint32_t fault)
{
	return json_pack("{s:s,s:I}", "do", what, "number", (json_int_t)fault);
}

uint16_t proxy_port(struct proxy *proxy, const char *edge)
{
	const char *name;
	json_t *port;

	if (!proxy->edges)
		return 0;
	json_object_foreach(proxy->edges, name, port)
		if (strcmp(name, edge) == 0)
			return (uint16_t)json_integer_value(port);
	return 0;
}

bool proxy_route(struct proxy *proxy, const char *edge, const char *to, struct error *err)
{
	return ask_plainly(proxy, json_pack("{s:s,s:s,s:s}", "do", "route", "edge", edge, "to", to),
			   err);
}

bool proxy_record(struct proxy *proxy, const char *history, int64_t start_us, struct error *err)
{
	char path[PATH_MAX];

	if (!realpath(history, path))
		return error_errno(err, "cannot record in '%s'", history);
	return ask_plainly(proxy,
			   json_pack("{s:s,s:s,s:I}", "do", "record", "history", path, "start_us",
				     (json_int_t)start_us),
			   err);
}

static bool ask_with(struct proxy *proxy, const char *what, json_t *question, struct error *err)
{
	json_object_set_new(question, "do", json_string(what));
	return ask_plainly(proxy, question, err);
}

bool proxy_arm(struct proxy *proxy, const struct fault *fault, struct error *err)
{
	return ask_with(proxy, "arm", fault_to_json(fault, false), err);
}

bool proxy_watch(struct proxy *proxy, const struct fault *fault, struct error *err)
{
	return ask_with(proxy, "watch", fault_to_json(fault, true), err);
}

bool proxy_heal(struct proxy *proxy, uint32_t fault, struct error *err)
{
	return ask_plainly(proxy, question_about("heal", fault), err);
}

bool proxy_unwatch(struct proxy *proxy, uint32_t fault, struct error *err)
{
	return ask_plainly(proxy, question_about("unwatch", fault), err);
}

bool proxy_release(struct proxy *proxy, uint32_t fault, struct error *err)
{
	return ask_plainly(proxy, question_about("release", fault), err);
}

static bool proxy_look(struct proxy *proxy, uint32_t fault, bool *armed, int64_t *hits,
		       struct error *err)
{
	json_t *answer = ask(proxy, question_about("look", fault), err);

	if (!answer)
		return false;
	*armed = json_is_true(json_object_get(answer, "armed"));
	*hits = json_integer_value(json_object_get(answer, "hits"));
	json_decref(answer);
	return true;
}

bool proxy_is_armed(struct proxy *proxy, uint32_t fault, bool *armed, struct error *err)
{
	int64_t hits;

	return proxy_look(proxy, fault, armed, &hits, err);
}

bool proxy_hits(struct proxy *proxy, uint32_t fault, int64_t *hits, struct error *err)
{
	bool armed;

	return proxy_look(proxy, fault, &armed, hits, err);
}

static uint64_t stat_of(const json_t *answer, const char *name)
{
	int64_t value = json_integer_value(json_object_get(answer, name));

	return value > 0 ? (uint64_t)value : 0;
}

const char *proxy_edge_name(const struct proxy *proxy, size_t number)
{
	const char *name;
	json_t *port;

	if (!proxy->edges)
		return NULL;
	json_object_foreach(proxy->edges, name, port)
		if (number-- == 0)
			return name;
	return NULL;
}

bool proxy_stats(struct proxy *proxy, const char *edge, struct edge_stats *stats, struct error *err)
{
	json_t *answer = ask(proxy, json_pack("{s:s,s:s}", "do", "stats", "edge", edge), err);

	if (!answer)
		return false;
	*stats = (struct edge_stats){
		.connections = stat_of(answer, "connections"),
		.open = stat_of(answer, "open"),
		.refused = stat_of(answer, "refused"),
		.calls = stat_of(answer, "calls"),
		.bytes_forth = stat_of(answer, "forth"),
		.bytes_back = stat_of(answer, "back"),
		.not_http = stat_of(answer, "not_http"),
	};
	json_decref(answer);
	return true;
}

/* ---- What it says unasked ---- */

int proxy_fd(struct proxy *proxy)
{
	return proxy_ready(proxy, NULL) ? proxy->fd : -1;
}

static bool take_told(struct proxy *proxy, uint32_t *fault)
{
	json_t *json;

	while (proxy->told_count == 0 && (json = next_line(proxy))) {
		keep_told(proxy, json);
		json_decref(json);
	}
	if (proxy->told_count == 0)
		return false;
	*fault = proxy->told[0];
	proxy->told_count--;
	memmove(proxy->told, proxy->told + 1, proxy->told_count * sizeof(*proxy->told));
	return true;
}

bool proxy_next(struct proxy *proxy, uint32_t *fault, bool *gone)
{
	*gone = false;
	if (take_told(proxy, fault))
		return true;
	if (proxy_ready(proxy, NULL))
		receive(proxy, 0, NULL);
	if (take_told(proxy, fault))
		return true;
	*gone = proxy->gone;
	return false;
}
