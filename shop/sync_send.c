/*
 * A task per region sends what that region has not got, and a sign of life when there is nothing:
 * so it is known who is cut off, also when nobody buys anything.
 */
#include <event2/event.h>

#include "shop/sync.h"

enum {
	APART_US = 20 * 1000, /* from batch to batch: under load they should be large */
	ALIVE_US = 500 * 1000,
	BACKOFF_FIRST_US = 50 * 1000,
	BACKOFF_MAX_US = 1000 * 1000,
	DOUBLINGS_MAX = 5,
};

void sync_wake(struct sync *sync)
{
	for (size_t i = 0; i < sync->peer_count; i++) {
		sync->peers[i].pending = true;
		if (sync->peers[i].task)
			task_wake(sync->peers[i].task);
	}
}

static json_t *item_json(struct rows *rows)
{
	return json_pack("{s:s, s:s, s:I, s:s}", "kind", rows_text(rows, 0), "id",
			 rows_text(rows, 1), "version", (json_int_t)rows_int(rows, 2), "value",
			 rows_text(rows, 3));
}

/* What is next, up to `last`. */
static json_t *collect(const struct peer *peer, int64_t *last)
{
	json_t *items = json_array();
	struct rows rows = store_query(peer->sync->service->store,
				       "select kind, id, version, value, position from copies"
				       " where region = ?1 and position > ?2 order by position"
				       " limit ?3",
				       "sii", peer->sync->region, peer->position,
				       (int64_t)SYNC_BATCH_ITEMS_MAX);

	*last = peer->position;
	while (rows_next(&rows)) {
		json_array_append_new(items, item_json(&rows));
		*last = rows_int(&rows, 4);
	}
	rows_end(&rows);
	return items;
}

/* Beyond the last position there is nothing to go on with. */
static bool is_position(struct service *service, const json_t *said)
{
	int64_t last = store_int(service->store, 0, "select position from self", "");

	return json_is_integer(said) && json_integer_value(said) >= 0 &&
	       json_integer_value(said) <= last;
}

/* Where to go on, as the other side says; -1: it says nothing, or nonsense. */
static int64_t post(const struct peer *peer, const json_t *body)
{
	struct service *service = peer->sync->service;
	struct call call = { .edge = peer->edge,
			     .method = "POST",
			     .path = "/internal/sync",
			     .json = body,
			     .key = "sync" };
	struct answer answer;
	const json_t *said;
	int64_t position = -1;

	service_call(service, &call, &answer);
	said = json_object_get(answer.json, "position");
	if (answer_is(&answer, 200) && is_position(service, said))
		position = json_integer_value(said);
	answer_release(&answer);
	return position;
}

static void count(const struct peer *peer, const char *name, double amount)
{
	struct arena arena = ARENA_EMPTY;

	metric_add(peer->sync->service, name, arena_format(&arena, "region=\"%s\"", peer->region),
		   amount);
	arena_release(&arena);
}

static void settle(struct peer *peer, int64_t position)
{
	peer->reachable = position >= 0;
	if (peer->reachable) {
		peer->failures = 0;
		peer->position = position;
	} else {
		peer->failures++;
		count(peer, "sync_failures_total", 1);
	}
}

/* Sent is only what is on the disk: a position that was told must never mean something else. */
static void send_next(struct peer *peer)
{
	struct sync *sync = peer->sync;
	int64_t after = peer->position, last, position;
	json_t *items, *body;
	size_t items_count;

	peer->pending = false;
	items = collect(peer, &last);
	items_count = json_array_size(items);
	store_settle(sync->service->store);
	body = json_pack("{s:s, s:s, s:I, s:I, s:o}", "from", sync->region, "epoch", sync->epoch,
			 "after", (json_int_t)after, "last", (json_int_t)last, "items", items);
	position = post(peer, body);
	json_decref(body);
	settle(peer, position);
	if (position == last && items_count)
		count(peer, "sync_sent_total", (double)items_count);
	if (position != after) /* it got on, or it is somewhere else: there may be more for it */
		peer->pending = true;
}

static void rang(evutil_socket_t fd, short what, void *context)
{
	struct peer *peer = context;

	(void)fd;
	(void)what;
	task_wake(peer->task);
}

static void wait_for_more(struct peer *peer)
{
	static const struct timeval alive = { .tv_usec = ALIVE_US };

	task_sleep_us(APART_US);
	event_add(peer->timer, &alive);
	while (!peer->pending && evtimer_pending(peer->timer, NULL))
		task_wait();
	event_del(peer->timer);
}

static int64_t backoff_us(const struct peer *peer)
{
	uint32_t doublings = peer->failures < DOUBLINGS_MAX ? peer->failures : DOUBLINGS_MAX;
	int64_t most = (int64_t)BACKOFF_FIRST_US << doublings;

	return random_between(&peer->sync->service->random, BACKOFF_FIRST_US,
			      most < BACKOFF_MAX_US ? most : BACKOFF_MAX_US);
}

static void run_peer(void *context)
{
	struct peer *peer = context;
	struct service *service = peer->sync->service;

	peer->task = task_self();
	peer->timer = event_new(service->base, -1, 0, rang, peer);
	while (!service->ending) {
		send_next(peer);
		if (peer->reachable)
			wait_for_more(peer);
		else
			task_sleep_us(backoff_us(peer));
	}
	event_free(peer->timer);
	peer->task = NULL;
}

void sync_start_sending(struct peer *peer)
{
	task_start(run_peer, peer);
}
