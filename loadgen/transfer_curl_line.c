#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/transfer_curl.h"

enum {
	LINES_KEPT_MOST = 256, /* without a connection, for the next lane in need of one */
	HUB_ROOM = 32,
	BATCH = 16, /* requests that begin together */
	VERSION_SCOPES = 0x075300,     /* 7.83.0: scopes keep connections apart */
	VERSION_SCOPES_END = 0x081400, /* 8.20.0: not those to a proxy any more */
};

/* --- hubs --- */

uint32_t hub_room_of(unsigned version)
{
	return version >= VERSION_SCOPES && version < VERSION_SCOPES_END ? HUB_ROOM : 1;
}

static void hub_has_room(struct hub *hub, struct curl *curl)
{
	struct hub **roomy = &curl->roomy[hub->room > 1];

	hub->next_roomy = *roomy;
	*roomy = hub;
}

/* libcurl must not end connections because they are many; lanes do that. */
static struct hub *hub_new(struct curl *curl, uint32_t room)
{
	struct hub *hub = memory_new(sizeof(*hub));

	hub->curl = curl;
	hub->room = room;
	hub->drive.progressed = hub_progressed;
	hub->drive.keeps = true;
	hub->drive.binds = curl->base.settings->from && curl->base.settings->from[0];
	if (!drive_init(&hub->drive, curl->base.loop, &curl->sockets, NULL))
		abort();
	curl_multi_setopt(hub->drive.multi, CURLMOPT_MAXCONNECTS, (long)INT32_MAX);
	hub->next = curl->hubs;
	curl->hubs = hub;
	hub_has_room(hub, curl);
	return hub;
}

static struct hub *hub_with_room(struct curl *curl, uint32_t room)
{
	struct hub *hub = curl->roomy[room > 1];

	return hub ? hub : hub_new(curl, room);
}

/* --- lines --- */

static void line_free(struct line *line)
{
	curl_easy_cleanup(line->easy);
	curl_slist_free_all(line->set.list);
	buffer_release(&line->set.path);
	buffer_release(&line->set.headers);
	buffer_release(&line->head);
	buffer_release(&line->body);
	free(line);
}

/* Without memory for handles libcurl is as lost as lib/memory.h. */
static struct line *line_new(struct curl *curl)
{
	struct line *line = memory_new(sizeof(*line));

	line->user.readable = line_readable;
	line->user.closed = line_closed;
	line->user.idle = true;
	line->easy = curl_easy_init();
	if (!line->easy)
		abort();
	line_set_up(line, curl);
	return line;
}

struct line *line_take(struct curl *curl)
{
	struct line *line = curl->lines;

	if (!line)
		return line_new(curl);
	curl->lines = line->next;
	curl->line_count--;
	return line;
}

void line_give(struct line *line, struct curl *curl)
{
	line_leave(line);
	line->lane = NULL;
	if (curl->line_count >= LINES_KEPT_MOST) {
		line_free(line);
		return;
	}
	line->next = curl->lines;
	curl->lines = line;
	curl->line_count++;
}

void lines_release(struct curl *curl)
{
	struct line *line;
	struct hub *hub;

	while ((line = curl->lines)) {
		curl->lines = line->next;
		line_free(line);
	}
	while ((hub = curl->hubs)) {
		curl->hubs = hub->next;
		drive_release(&hub->drive);
		free(hub);
	}
	drive_sockets_release(&curl->sockets);
	alarm_clear(curl->base.loop, &curl->begin);
}

/* --- lines on hubs --- */

/* Zero is no scope. */
static long next_scope(struct curl *curl)
{
	curl->scope += curl->scope == UINT32_MAX ? 2 : 1;
	return (long)curl->scope;
}

void line_join(struct line *line, struct curl *curl, bool alone)
{
	struct hub *hub = hub_with_room(curl, alone ? 1 : curl->hub_room);

	line->hub = hub;
	if (++hub->lines == hub->room)
		curl->roomy[hub->room > 1] = hub->next_roomy;
	drive_adopt(&hub->drive, line->easy, &line->user);
	curl_easy_setopt(line->easy, CURLOPT_ADDRESS_SCOPE, hub->room > 1 ? next_scope(curl) : 0L);
}

/* The hubs on which lines were added, each once. */
static struct hub *add_waiting(struct curl *curl)
{
	struct hub *hubs = NULL;
	struct line *line;

	while ((line = TAILQ_FIRST(&curl->waiting))) {
		struct hub *hub = line->hub;

		TAILQ_REMOVE(&curl->waiting, line, wait);
		line->waiting = false;
		line->added = true;
		drive_add(&hub->drive, line->easy);
		if (hub->begins)
			continue;
		hub->begins = true;
		hub->next_begins = hubs;
		hubs = hub;
	}
	curl->waiting_count = 0;
	return hubs;
}

/*
 * Requests begin a batch at a time, and at the end of the turn at the latest. One at a time, each
 * may find the server asleep, and wake it, which costs more than sending; all of a turn at once,
 * the lines have left the CPU's cache meanwhile.
 */
static void begin_waiting(void *context)
{
	struct curl *curl = context;
	struct hub *hub, *hubs = add_waiting(curl);

	curl->beginning = true;
	while ((hub = hubs)) {
		hubs = hub->next_begins;
		hub->begins = false;
		drive_begin(&hub->drive);
	}
	curl->beginning = false;
}

void lines_begin(struct curl *curl)
{
	if (curl->waiting_count >= BATCH && !curl->beginning)
		begin_waiting(curl);
}

void line_add(struct line *line)
{
	struct curl *curl = curl_of(line);

	TAILQ_INSERT_TAIL(&curl->waiting, line, wait);
	line->waiting = true;
	curl->waiting_count++;
	if (!alarm_is_set(&curl->begin))
		alarm_set(curl->base.loop, &curl->begin, loop_now(curl->base.loop), begin_waiting,
			  curl);
}

void line_remove(struct line *line)
{
	struct curl *curl = curl_of(line);

	if (line->waiting) {
		TAILQ_REMOVE(&curl->waiting, line, wait);
		curl->waiting_count--;
	}
	if (line->added)
		curl_multi_remove_handle(line->hub->drive.multi, line->easy);
	line->added = line->waiting = false;
}

/*
 * A connection of a handle that is taken out while it is CONNECT_ONLY would be of no use to anyone,
 * so libcurl closes it.
 */
void line_leave(struct line *line)
{
	struct hub *hub = line->hub;

	if (!hub)
		return;
	curl_easy_setopt(line->easy, CURLOPT_CONNECT_ONLY, 1L);
	line_remove(line);
	curl_easy_setopt(line->easy, CURLOPT_CONNECT_ONLY, 0L);
	drive_forget(&line->user);
	line->hub = NULL;
	if (hub->lines-- == hub->room)
		hub_has_room(hub, curl_of(line));
}
