#include "sagas/hooks.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/url.h"
#include "sagas/misdeeds.h"

enum { LANES = 8, QUEUE_MAX = 10000, TRIES_MAX = 10, ANSWER_MAX = 64 * 1024 };

#define TIMEOUT_S  5
#define RETRY_US   (100 * US_PER_MS)
#define RETRY_MOST (5 * US_PER_S)
#define HELD_US    US_PER_S /* for a later one to overtake it */

/* One delivery at a time, on a connection of its own. */
struct lane {
	struct hooks *hooks;
	struct bufferevent *connection;
	struct event *again;
	char *body; /* NULL: idle */
	int tries;
};

/* One that is told later: at its time, or after the next one. */
struct held {
	struct hooks *hooks;
	struct held *next, **link;
	struct event *timer;
	char *body;
	bool behind; /* the next one goes first */
	const char *leader; /* that one, once it is there: it has to arrive before this is sent */
};

struct hooks {
	struct event_base *base;
	struct misdeeds *misdeeds;
	struct held *held;
	size_t held_count;
	char *source; /* what the texts of `url` are slices of */
	char *host;
	struct url url;
	struct lane lanes[LANES];
	char *queue[QUEUE_MAX]; /* a ring */
	size_t first, count;
	struct hook_counts counts;
};

static void attempt(struct lane *lane);
static void let_go_behind(struct hooks *hooks, const char *leader);

static void take_next(struct lane *lane)
{
	struct hooks *hooks = lane->hooks;

	if (!hooks->count)
		return;
	lane->body = hooks->queue[hooks->first];
	lane->tries = 0;
	hooks->first = (hooks->first + 1) % QUEUE_MAX;
	hooks->count--;
	attempt(lane);
}

static void done(struct lane *lane)
{
	let_go_behind(lane->hooks, lane->body);
	free(lane->body);
	lane->body = NULL;
	take_next(lane);
}

static void retry(struct lane *lane)
{
	int64_t wait_us = RETRY_US << (lane->tries < 10 ? lane->tries : 10);
	struct timeval wait;

	if (++lane->tries == TRIES_MAX) {
		lane->hooks->counts.lost++;
		done(lane);
		return;
	}
	lane->hooks->counts.retried++;
	wait_us = wait_us < RETRY_MOST ? wait_us : RETRY_MOST;
	wait = (struct timeval){ wait_us / US_PER_S, wait_us % US_PER_S };
	event_add(lane->again, &wait);
}

static bool answered_well(struct lane *lane)
{
	struct evbuffer *input = bufferevent_get_input(lane->connection);
	size_t length = evbuffer_get_length(input);
	struct http1_head head;
	size_t scanned = 0;
	struct text bytes = { (const char *)evbuffer_pullup(input, -1), length };

	return length && http1_head(HTTP1_RESPONSE, bytes, &scanned, &head, NULL) == HTTP1_DONE &&
	       head.status / 100 == 2;
}

/* We asked the receiver to close, so the end of the connection is the end of the answer. */
static void on_event(struct bufferevent *connection, short what, void *context)
{
	struct lane *lane = context;
	bool good;

	if (what == BEV_EVENT_CONNECTED)
		return;
	good = answered_well(lane);
	bufferevent_free(connection);
	lane->connection = NULL;
	if (!good) {
		retry(lane);
		return;
	}
	lane->hooks->counts.delivered++;
	done(lane);
}

static void on_read(struct bufferevent *connection, void *context)
{
	if (evbuffer_get_length(bufferevent_get_input(connection)) > ANSWER_MAX)
		on_event(connection, BEV_EVENT_EOF, context);
}

static void write_request(struct lane *lane)
{
	const struct url *url = &lane->hooks->url;
	struct evbuffer *output = bufferevent_get_output(lane->connection);
	size_t length = strlen(lane->body);

	evbuffer_add_printf(output,
			    "POST %.*s HTTP/1.1\r\nHost: %s:%u\r\nConnection: close\r\n"
			    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			    TEXT_ARG(url->path), lane->hooks->host, url->port, length);
	evbuffer_add(output, lane->body, length);
}

static void attempt(struct lane *lane)
{
	struct hooks *hooks = lane->hooks;
	struct timeval timeout = { TIMEOUT_S, 0 };

	lane->connection = bufferevent_socket_new(hooks->base, -1,
						  BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(lane->connection, on_read, NULL, on_event, lane);
	bufferevent_set_timeouts(lane->connection, &timeout, &timeout);
	bufferevent_enable(lane->connection, EV_READ | EV_WRITE);
	write_request(lane);
	bufferevent_socket_connect_hostname(lane->connection, NULL, AF_INET, hooks->host,
					    hooks->url.port);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	attempt(context);
}

static void queue(struct hooks *hooks, char *body)
{
	if (hooks->count == QUEUE_MAX) {
		hooks->counts.lost++;
		free(body);
		return;
	}
	hooks->queue[(hooks->first + hooks->count++) % QUEUE_MAX] = body;
	for (size_t i = 0; i < LANES; i++)
		if (!hooks->lanes[i].body)
			take_next(&hooks->lanes[i]);
}

/* Later, on purpose. */

static void held_free(struct held *held)
{
	*held->link = held->next;
	if (held->next)
		held->next->link = held->link;
	held->hooks->held_count--;
	event_free(held->timer);
	free(held->body);
	free(held);
}

static void let_go(struct held *held)
{
	char *body = held->body;

	held->body = NULL;
	queue(held->hooks, body);
	held_free(held);
}

static void on_held(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	let_go(context);
}

static void hold(struct hooks *hooks, char *body, int64_t for_us, bool behind)
{
	struct held *held;
	struct timeval wait = { for_us / US_PER_S, for_us % US_PER_S };

	if (hooks->held_count == QUEUE_MAX) {
		hooks->counts.lost++;
		free(body);
		return;
	}
	held = memory_new(sizeof(*held));
	*held = (struct held){ hooks, hooks->held, &hooks->held, NULL, body, behind, NULL };
	if (held->next)
		held->next->link = &held->next;
	hooks->held = held;
	hooks->held_count++;
	held->timer = evtimer_new(hooks->base, on_held, held);
	event_add(held->timer, &wait);
}

static void let_go_behind(struct hooks *hooks, const char *leader)
{
	for (struct held *held = hooks->held, *next; held; held = next) {
		next = held->next;
		if (held->leader == leader)
			let_go(held);
	}
}

static void follow(struct hooks *hooks, const char *leader)
{
	for (struct held *held = hooks->held; held; held = held->next)
		if (held->behind && !held->leader)
			held->leader = leader;
}

static void tell(struct hooks *hooks, char *body, const struct misdeed *misdeed)
{
	if (misdeed && misdeed->delay_us) {
		hold(hooks, body, misdeed->delay_us, false);
	} else if (misdeed && misdeed->settings.reorder) {
		hold(hooks, body, HELD_US, true);
	} else {
		follow(hooks, body);
		queue(hooks, body);
	}
}

void hooks_send(struct hooks *hooks, const json_t *event)
{
	const struct misdeed_chance chance = { .kind = MISDEED_WEBHOOKS };
	const struct misdeed *misdeed;

	if (!hooks)
		return;
	misdeed = misdeeds_meet(hooks->misdeeds, chance);
	if (misdeed && misdeed->settings.drop) {
		hooks->counts.dropped++;
		return;
	}
	if (misdeed && misdeed->settings.twice) {
		hooks->counts.repeated++;
		tell(hooks, json_dumps(event, JSON_COMPACT), misdeed);
	}
	tell(hooks, json_dumps(event, JSON_COMPACT), misdeed);
}

struct hook_counts hooks_counts(const struct hooks *hooks)
{
	return hooks ? hooks->counts : (struct hook_counts){ 0 };
}

static bool read_url(struct hooks *hooks, const char *url, struct error *err)
{
	hooks->source = memory_copy_string(url);
	if (!url_parse(text_of(hooks->source), &hooks->url, err))
		return false;
	if (hooks->url.tls)
		return error_set(err, "webhooks go to http URLs only, not '%s'", url);
	if (!text_starts_with(hooks->url.path, "/"))
		hooks->url.path = text_of("/");
	hooks->host = memory_array(hooks->url.host.length + 1, 1);
	memcpy(hooks->host, hooks->url.host.data, hooks->url.host.length);
	return true;
}

struct hooks *hooks_new(struct event_base *base, const char *url, struct misdeeds *misdeeds,
			struct error *err)
{
	struct hooks *hooks = memory_new(sizeof(*hooks));

	hooks->base = base;
	hooks->misdeeds = misdeeds;
	if (!read_url(hooks, url, err)) {
		hooks_free(hooks);
		return NULL;
	}
	for (size_t i = 0; i < LANES; i++) {
		hooks->lanes[i].hooks = hooks;
		hooks->lanes[i].again = evtimer_new(base, on_again, &hooks->lanes[i]);
	}
	return hooks;
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	for (size_t i = 0; i < LANES; i++) {
		if (hooks->lanes[i].connection)
			bufferevent_free(hooks->lanes[i].connection);
		if (hooks->lanes[i].again)
			event_free(hooks->lanes[i].again);
		free(hooks->lanes[i].body);
	}
	while (hooks->held)
		held_free(hooks->held);
	for (size_t i = 0; i < hooks->count; i++)
		free(hooks->queue[(hooks->first + i) % QUEUE_MAX]);
	free(hooks->host);
	free(hooks->source);
	free(hooks);
}
