/* The proxy's end of its control connections. Each is a lease: what came over it goes with it. */
#include "chaos/proxy_control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos/proxy_parts.h"
#include "lib/memory.h"

struct lease {
	struct proxy_core *core;
	int fd;
	int process;            /* a pidfd: a copy of `fd` in some child must not keep it alive */
	struct event *readable;
	struct event *died;
	struct buffer in;
	char *run;
	struct lease *next, **link;
};

/* ---- Addresses ---- */

bool control_address(const char *control, struct sockaddr_un *address, socklen_t *length,
		     struct error *err)
{
	size_t bytes = strlen(control);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (bytes == 0 || bytes >= sizeof(address->sun_path))
		return error_set(err, "a control socket can't be called '%s'", control);
	memcpy(address->sun_path, control, bytes);
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + 1);
	if (control[0] == '@') {
		address->sun_path[0] = '\0';
		(*length)--;
	}
	return true;
}

/* A socket file that nobody answers on is left over; one that is answered is in use. */
static bool clear_left_over(const char *control, const struct sockaddr_un *address,
			    socklen_t length, struct error *err)
{
	struct stat there;
	int fd;
	bool answered;

	if (control[0] == '@' || lstat(control, &there) != 0)
		return true;
	if (!S_ISSOCK(there.st_mode))
		return error_set(err, "'%s' is there already, and no socket", control);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	answered = connect(fd, (const struct sockaddr *)address, length) == 0;
	close(fd);
	if (answered)
		return error_set(err, "a proxy listens on '%s' already", control);
	unlink(control);
	return true;
}

int control_listen(const char *control, struct error *err)
{
	struct sockaddr_un address;
	socklen_t length;
	mode_t mask;
	int fd, bound;

	if (!control_address(control, &address, &length, err) ||
	    !clear_left_over(control, &address, length, err))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&address, length);
	umask(mask);
	if (bound == 0 && listen(fd, 64) == 0)
		return fd;
	error_errno(err, "cannot listen on '%s'", control);
	close(fd);
	return -1;
}

/* ---- Leases ---- */

static void lease_drop_faults(struct lease *lease)
{
	struct armed *armed = lease->core->armed;

	while (armed) {
		struct armed *next = armed->next;

		if (armed->lease == lease)
			armed_remove(lease->core, armed);
		armed = next;
	}
}

static void lease_stop_recording(struct lease *lease)
{
	if (lease->core->recorder != lease)
		return;
	history_close(lease->core->history);
	lease->core->history = NULL;
	lease->core->recorder = NULL;
}

static void lease_end(struct lease *lease)
{
	lease_drop_faults(lease);
	lease_stop_recording(lease);
	*lease->link = lease->next;
	if (lease->next)
		lease->next->link = lease->link;
	event_free(lease->readable);
	if (lease->died)
		event_free(lease->died);
	if (lease->process >= 0)
		close(lease->process);
	close(lease->fd);
	buffer_release(&lease->in);
	free(lease->run);
	free(lease);
}

/* Who does not read what it asked for has its lines lost; that is noticed at its next question. */
static void lease_say(struct lease *lease, json_t *json)
{
	char *line = json_dumps(json, JSON_COMPACT);
	struct buffer out = BUFFER_EMPTY;

	if (line) {
		buffer_add_string(&out, line);
		buffer_add_char(&out, '\n');
		if (send(lease->fd, out.data, out.length, MSG_NOSIGNAL | MSG_DONTWAIT) !=
		    (ssize_t)out.length)
			shutdown(lease->fd, SHUT_RDWR);
	}
	buffer_release(&out);
	free(line);
	json_decref(json);
}

void watch_tell(struct armed *watch)
{
	if (watch->told)
		return;
	watch->told = true;
	if (watch->lease)
		lease_say(watch->lease,
			  json_pack("{s:I}", "told", (json_int_t)watch->fault.number));
}

/* ---- What can be asked: each returns its answer, or NULL with the reason ---- */

static json_t *do_hello(struct lease *lease, const json_t *json, struct error *err)
{
	const char *run = json_string_value(json_object_get(json, "run"));
	json_t *edges = json_object();

	(void)err;
	free(lease->run);
	lease->run = memory_copy_string(run ? run : "");
	for (size_t i = 0; i < lease->core->edge_count; i++)
		json_object_set_new(edges, lease->core->edges[i].edge->name,
				    json_integer(lease->core->edges[i].port));
	return json_pack("{s:b,s:i,s:o}", "ok", 1, "pid", (int)getpid(), "edges", edges);
}

static json_t *ok(void)
{
	return json_pack("{s:b}", "ok", 1);
}

static json_t *say_why(const char *why)
{
	return json_pack("{s:s%}", "error", why, strlen(why));
}

static struct proxy_edge *asked_edge(struct lease *lease, const json_t *json, struct error *err)
{
	const char *name = json_string_value(json_object_get(json, "edge"));
	struct proxy_edge *edge = name ? proxy_edge_find(lease->core, text_of(name)) : NULL;

	if (!edge)
		error_set(err, "the proxy has no edge '%s'", name ? name : "");
	return edge;
}

static json_t *do_route(struct lease *lease, const json_t *json, struct error *err)
{
	struct proxy_edge *edge = asked_edge(lease, json, err);
	const char *to = json_string_value(json_object_get(json, "to"));

	return edge && proxy_edge_route(edge, to ? to : "", err) ? ok() : NULL;
}

static json_t *do_stats(struct lease *lease, const json_t *json, struct error *err)
{
	const struct proxy_edge *edge = asked_edge(lease, json, err);
	const struct edge_stats *stats = edge ? &edge->stats : NULL;

	if (!edge)
		return NULL;
	return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "ok", 1, "connections",
			 (json_int_t)stats->connections, "open", (json_int_t)stats->open, "refused",
			 (json_int_t)stats->refused, "calls", (json_int_t)stats->calls, "forth",
			 (json_int_t)stats->bytes_forth, "back", (json_int_t)stats->bytes_back,
			 "not_http", (json_int_t)edge->not_http);
}

static json_t *put(struct lease *lease, const json_t *json, bool watch, struct error *err)
{
	struct armed *armed = armed_from_json(lease->core, json, watch, err);

	if (!armed)
		return NULL;
	armed->lease = lease;
	armed->run = arena_string(&armed->arena, text_of(lease->run));
	armed_put(lease->core, armed);
	return ok();
}

static json_t *do_arm(struct lease *lease, const json_t *json, struct error *err)
{
	return put(lease, json, false, err);
}

static json_t *do_watch(struct lease *lease, const json_t *json, struct error *err)
{
	return put(lease, json, true, err);
}

static struct armed *asked_fault(struct lease *lease, const json_t *json, bool watch)
{
	int64_t number = json_integer_value(json_object_get(json, "number"));

	return armed_find(lease->core, lease->run, (uint32_t)number, watch);
}

static json_t *do_look(struct lease *lease, const json_t *json, struct error *err)
{
	const struct armed *armed = asked_fault(lease, json, false);

	(void)err;
	return json_pack("{s:b,s:b,s:I}", "ok", 1, "armed", armed ? 1 : 0, "hits",
			 (json_int_t)(armed ? armed->hits : 0));
}

static json_t *drop(struct lease *lease, const json_t *json, bool watch)
{
	struct armed *armed = asked_fault(lease, json, watch);

	if (armed)
		armed_remove(lease->core, armed);
	return ok();
}

static json_t *do_heal(struct lease *lease, const json_t *json, struct error *err)
{
	(void)err;
	return drop(lease, json, false);
}

static json_t *do_unwatch(struct lease *lease, const json_t *json, struct error *err)
{
	(void)err;
	return drop(lease, json, true);
}

/* Hits are written there from now on, until whoever asked for it is gone. */
static json_t *do_record(struct lease *lease, const json_t *json, struct error *err)
{
	struct proxy_core *core = lease->core;
	const char *directory = json_string_value(json_object_get(json, "history"));

	if (core->history || !directory) {
		error_set(err, "the proxy records for another run already");
		return NULL;
	}
	core->history = history_create(directory, "proxy", err);
	core->start_us = json_integer_value(json_object_get(json, "start_us"));
	core->recorder = core->history ? lease : NULL;
	return core->history ? ok() : NULL;
}

static json_t *do_release(struct lease *lease, const json_t *json, struct error *err)
{
	struct armed *watch = asked_fault(lease, json, true);

	(void)err;
	if (watch) {
		watch->released = true;
		armed_apply(watch);
	}
	return ok();
}

static json_t *do_end(struct lease *lease, const json_t *json, struct error *err)
{
	(void)json;
	if (!lease->core->ends_when_told) {
		error_set(err, "this proxy was not started by a run");
		return NULL;
	}
	event_base_loopexit(lease->core->base, NULL);
	return ok();
}

static const struct order {
	const char *name;
	json_t *(*run)(struct lease *lease, const json_t *json, struct error *err);
} orders[] = {
	{ "arm", do_arm },         { "end", do_end },         { "heal", do_heal },
	{ "hello", do_hello },     { "look", do_look },       { "record", do_record },
	{ "release", do_release }, { "route", do_route },     { "stats", do_stats },
	{ "unwatch", do_unwatch }, { "watch", do_watch },
};

static void lease_obey(struct lease *lease, struct text line)
{
	json_t *json = json_loadb(line.data, line.length, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(json, "do"));
	const struct order *order = NULL;
	struct error err = { "nobody can do that" };
	json_t *answer;

	for (size_t i = 0; name && i < sizeof(orders) / sizeof(*orders); i++)
		if (strcmp(orders[i].name, name) == 0)
			order = &orders[i];
	answer = order ? order->run(lease, json, &err) : NULL;
	if (!answer)
		answer = say_why(err.text);
	if (json_object_get(json, "id"))
		json_object_set(answer, "id", json_object_get(json, "id"));
	lease_say(lease, answer);
	json_decref(json);
}

static void lease_obey_lines(struct lease *lease)
{
	size_t begin = 0;
	char *end;

	while ((end = memchr(lease->in.data + begin, '\n', lease->in.length - begin))) {
		size_t length = (size_t)(end - lease->in.data) - begin;

		lease_obey(lease, (struct text){ lease->in.data + begin, length });
		begin += length + 1;
	}
	lease->in.length -= begin;
	memmove(lease->in.data, lease->in.data + begin, lease->in.length);
}

static void lease_readable(evutil_socket_t fd, short what, void *context)
{
	struct lease *lease = context;
	ssize_t got = recv(fd, buffer_reserve(&lease->in, 65536), 65536, 0);

	(void)what;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		lease->in.length += (size_t)got;
		lease_obey_lines(lease);
	}
	if (got <= 0 || lease->in.length > CONTROL_LINE_MAX)
		lease_end(lease);
}

static void lease_died(evutil_socket_t fd, short what, void *lease)
{
	(void)fd;
	(void)what;
	lease_end(lease);
}

/* ---- Beginning and end ---- */

static bool welcome(const struct ucred *peer)
{
	return peer->uid == geteuid() || peer->uid == 0;
}

static void lease_begin(struct proxy_core *core, int fd, pid_t pid)
{
	struct lease *lease = memory_new(sizeof(*lease));

	*lease = (struct lease){ .core = core, .fd = fd, .next = core->leases };
	lease->link = &core->leases;
	if (lease->next)
		lease->next->link = &lease->next;
	core->leases = lease;
	lease->run = memory_copy_string("");
	lease->readable = event_new(core->base, fd, EV_READ | EV_PERSIST, lease_readable, lease);
	event_add(lease->readable, NULL);
	lease->process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (lease->process < 0 && errno == ESRCH) {
		lease_end(lease); /* it has died already */
		return;
	}
	if (lease->process < 0)
		return;
	fcntl(lease->process, F_SETFD, FD_CLOEXEC);
	lease->died = event_new(core->base, lease->process, EV_READ, lease_died, lease);
	event_add(lease->died, NULL);
}

static void control_acceptable(evutil_socket_t listener, short what, void *context)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred peer = { 0 };
	socklen_t length = sizeof(peer);

	(void)what;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || !welcome(&peer))
		close(fd);
	else
		lease_begin(context, fd, peer.pid);
}

bool control_init(struct proxy_core *core, int listener, struct error *err)
{
	core->control = listener;
	core->control_accept =
		event_new(core->base, listener, EV_READ | EV_PERSIST, control_acceptable, core);
	if (!core->control_accept || event_add(core->control_accept, NULL) != 0)
		return error_set(err, "cannot wait for controllers");
	return true;
}

void control_release(struct proxy_core *core)
{
	while (core->leases)
		lease_end(core->leases);
	if (core->control_accept)
		event_free(core->control_accept);
	if (core->control >= 0)
		close(core->control);
	core->control = -1;
}
