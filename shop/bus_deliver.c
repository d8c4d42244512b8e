#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/bus.h"
#include "shop/settings.h"

/* An event in a batch; those of a lane lie together, in order. */
struct sent {
	struct lane *lane;
	int64_t position;
	char id[64];
	enum outcome { LATER, FAILED, ACKED } outcome;
};

struct batch {
	struct subscriber *subscriber;
	struct buffer body;
	size_t count;
	struct sent sent[BATCH_EVENTS_MAX];
};

/* --- making a batch --- */

static void add_event(struct batch *batch, struct lane *lane, int64_t position, struct rows *rows)
{
	struct sent *sent = &batch->sent[batch->count++];

	sent->lane = lane;
	sent->position = position;
	sent->outcome = LATER;
	snprintf(sent->id, sizeof(sent->id), "%s", rows_text(rows, 0));
	if (batch->count > 1)
		buffer_add_char(&batch->body, ',');
	buffer_add_string(&batch->body, rows_text(rows, 1));
	lane->taken++;
}

static bool has_room(const struct batch *batch)
{
	return batch->count < BATCH_EVENTS_MAX && batch->body.length < BATCH_BYTES_MAX;
}

static void add_lane(struct batch *batch, struct lane *lane)
{
	struct store *store = lane->subscriber->bus->service->store;
	struct delivery *at = lane->first;

	for (; at && lane->taken < LANE_EVENTS_MAX && has_room(batch); at = at->next) {
		struct rows rows =
			store_query(store, "select id, envelope from events where position = ?1",
				    "i", at->position);

		if (rows_next(&rows))
			add_event(batch, lane, at->position, &rows);
		rows_end(&rows);
	}
}

static struct batch *make_batch(struct subscriber *subscriber)
{
	struct batch *batch = memory_new(sizeof(*batch));
	struct lane *lane;

	batch->subscriber = subscriber;
	buffer_format(&batch->body, "{\"bus\":\"%s\",\"events\":[", subscriber->bus->instance);
	while (has_room(batch) && (lane = take_ready(subscriber)) != NULL)
		add_lane(batch, lane);
	buffer_add_string(&batch->body, "]}");
	return batch;
}

static void free_batch(struct batch *batch)
{
	buffer_release(&batch->body);
	free(batch);
}

/* --- what became of it --- */

/* Ids come back in the order in which they went: the search goes on where it was. */
static void note(struct batch *batch, const json_t *answer, const char *name, enum outcome outcome)
{
	const json_t *ids = json_object_get(answer, name);
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		for (size_t tried = 0; id && tried < batch->count; tried++) {
			struct sent *sent = &batch->sent[at++ % batch->count];

			if (strcmp(sent->id, id) != 0)
				continue;
			sent->outcome = outcome;
			break;
		}
	}
}

static void tally(struct subscriber *subscriber, const char *name)
{
	struct buffer label = BUFFER_EMPTY;

	buffer_format(&label, "service=\"%s\"", subscriber->name);
	metric_add(subscriber->bus->service, name, label.data, 1);
	buffer_release(&label);
}

static void delete_done(struct subscriber *subscriber)
{
	for (size_t i = 0; i < subscriber->done_count; i++)
		store_run(subscriber->bus->service->store,
			  "delete from deliveries where subscriber = ?1 and position = ?2", "si",
			  subscriber->name, subscriber->done[i]);
	store_run(subscriber->bus->service->store,
		  "update subscribers set delivered = delivered + ?2 where name = ?1", "si",
		  subscriber->name, (int64_t)subscriber->done_count);
	subscriber->done_count = 0;
}

static void clean(void *context)
{
	struct bus *bus = context;

	task_sleep_us(CLEAN_AFTER_US);
	bus->cleaning = false;
	store_begin(bus->service->store);
	for (struct subscriber *at = bus->subscribers; at; at = at->next)
		if (at->done_count)
			delete_done(at);
	store_commit(bus->service->store);
}

static void clean_soon(struct bus *bus)
{
	if (bus->cleaning)
		return;
	bus->cleaning = true;
	task_start(clean, bus);
}

/*
 * Its row goes a little later, together with others. After a crash in between the event goes out
 * again, and who has it knows it.
 */
static void delivered(struct lane *lane)
{
	struct subscriber *subscriber = lane->subscriber;

	subscriber->done = memory_grow(subscriber->done, subscriber->done_count,
				       &subscriber->done_room, sizeof(*subscriber->done));
	subscriber->done[subscriber->done_count++] = lane->first->position;
	remove_first(lane);
}

static void bury(struct lane *lane)
{
	struct arena arena = ARENA_EMPTY;

	if (!bug(BUG_POISON_DROPPED)) {
		store_run(lane->subscriber->bus->service->store,
			  "insert into dead_letters(subscriber, position, failed, at)"
			  " values (?1, ?2, ?3, ?4)",
			  "siis", lane->subscriber->name, lane->first->position,
			  (int64_t)lane->first->failed, time_now_iso(&arena));
		tally(lane->subscriber, "bus_dead_letters_total");
	}
	arena_release(&arena);
	store_run(lane->subscriber->bus->service->store,
		  "delete from deliveries where subscriber = ?1 and position = ?2", "si",
		  lane->subscriber->name, lane->first->position);
	remove_first(lane);
}

static int64_t wait_after(int tries, int64_t most)
{
	int64_t wait = AGAIN_FIRST_US;

	while (--tries > 0 && wait < most)
		wait *= 2;
	return wait < most ? wait : most;
}

/* The first of the lane did not get through; those behind it wait with it. */
static void try_again(struct lane *lane, enum outcome outcome)
{
	struct delivery *delivery = lane->first;

	lane->tries++;
	if (outcome == FAILED) {
		delivery->failed++;
		store_run(
			lane->subscriber->bus->service->store,
			"update deliveries set failed = ?3 where subscriber = ?1 and position = ?2",
			"sii", lane->subscriber->name, delivery->position,
			(int64_t)delivery->failed);
	}
	if (delivery->failed >= FAILURES_MAX || lane->tries >= LATER_MAX) {
		bury(lane);
		lane_goes_on(lane);
	} else {
		park_lane(lane, wait_after(lane->tries, AGAIN_MAX_US));
	}
}

/* Returns where the next lane's events begin. */
static size_t settle_lane(struct batch *batch, size_t at)
{
	struct lane *lane = batch->sent[at].lane;
	size_t end = at;

	while (end < batch->count && batch->sent[end].lane == lane)
		end++;
	for (; at < end && batch->sent[at].outcome == ACKED; at++)
		delivered(lane);
	take_back(lane);
	if (at < end)
		try_again(lane, batch->sent[at].outcome);
	else
		lane_goes_on(lane);
	return end;
}

/* Lanes go on before this is on the disk: see delivered(). */
static void settle(struct batch *batch, const json_t *answer)
{
	struct subscriber *subscriber = batch->subscriber;
	struct store *store = subscriber->bus->service->store;

	note(batch, answer, "acked", ACKED);
	note(batch, answer, "failed", FAILED);
	subscriber->unreachable = 0;
	store_begin(store);
	for (size_t at = 0; at < batch->count;)
		at = settle_lane(batch, at);
	wake_subscriber(subscriber);
	store_commit(store);
	clean_soon(subscriber->bus);
}

static void unreachable(struct batch *batch)
{
	struct subscriber *subscriber = batch->subscriber;
	int64_t wait = wait_after(++subscriber->unreachable, UNREACHABLE_MAX_US);

	for (size_t i = 0; i < batch->count; i++)
		if (i == 0 || batch->sent[i].lane != batch->sent[i - 1].lane) {
			take_back(batch->sent[i].lane);
			lane_goes_on(batch->sent[i].lane);
		}
	tally(subscriber, "bus_unreachable_total");
	subscriber->paused_until_us = clock_now_us() + wait;
	wake_subscriber(subscriber);
}

static void deliver(void *context)
{
	struct batch *batch = context;
	struct subscriber *subscriber = batch->subscriber;
	struct call call = { .edge = subscriber->name,
			     .method = "POST",
			     .path = "/internal/events",
			     .bytes = buffer_text(&batch->body),
			     .content_type = "application/json",
			     .timeout_us = DELIVERY_TIMEOUT_US };
	struct answer answer;

	subscriber->under_way++;
	subscriber->sent_at_us = clock_now_us();
	service_call(subscriber->bus->service, &call, &answer);
	subscriber->under_way--;
	if (answer_is(&answer, 200))
		settle(batch, answer.json);
	else
		unreachable(batch);
	answer_release(&answer);
	free_batch(batch);
}

/* --- when --- */

/* 0: now; -1: when a batch has come back. */
static int64_t wait_before_sending(const struct subscriber *subscriber)
{
	int64_t now = clock_now_us();

	if (subscriber->under_way >= (subscriber->unreachable ? 1 : BATCHES_MAX))
		return -1;
	if (now < subscriber->paused_until_us)
		return subscriber->paused_until_us - now;
	if (subscriber->under_way > 0 && subscriber->ready_count < BATCH_EVENTS_MAX &&
	    now < subscriber->sent_at_us + LINGER_US)
		return subscriber->sent_at_us + LINGER_US - now;
	return 0;
}

static void send_what_can_be_sent(evutil_socket_t fd, short what, void *context)
{
	struct subscriber *subscriber = context;

	(void)fd;
	(void)what;
	while (subscriber->ready) {
		int64_t wait = wait_before_sending(subscriber);

		if (wait > 0)
			wake_subscriber_in(subscriber, wait);
		if (wait != 0)
			return;
		task_start(deliver, make_batch(subscriber));
	}
}

static void need_turn(struct subscriber *subscriber)
{
	if (!subscriber->turn)
		subscriber->turn = event_new(subscriber->bus->service->base, -1, 0,
					     send_what_can_be_sent, subscriber);
}

void wake_subscriber(struct subscriber *subscriber)
{
	need_turn(subscriber);
	event_active(subscriber->turn, EV_TIMEOUT, 1);
}

void wake_subscriber_in(struct subscriber *subscriber, int64_t wait_us)
{
	struct timeval wait = { .tv_sec = wait_us / US_PER_S, .tv_usec = wait_us % US_PER_S };

	need_turn(subscriber);
	event_add(subscriber->turn, &wait);
}

/* --- greeting --- */

struct greeting {
	struct bus *bus;
	const char *name;
};

static void greet(void *context)
{
	struct greeting *greeting = context;
	json_t *body = json_pack("{s:s, s:[]}", "bus", greeting->bus->instance, "events");
	struct call call = { .edge = greeting->name,
			     .method = "POST",
			     .path = "/internal/events",
			     .json = body,
			     .key = "greeting",
			     .retries = 3 };
	struct answer answer;

	service_call(greeting->bus->service, &call, &answer);
	answer_release(&answer);
	json_decref(body);
	free(greeting);
}

/* Whether they subscribed before or not: this bus may have lost what it knew. */
void greet_services(struct bus *bus)
{
	const struct shop_settings *settings = bus->service->settings;

	for (uint32_t i = 0; i < settings->edge_count; i++) {
		struct greeting *greeting;

		if (strcmp(settings->edges[i].from, bus->service->kind->name) != 0)
			continue;
		greeting = memory_new(sizeof(*greeting));
		*greeting = (struct greeting){ bus, settings->edges[i].to };
		task_start(greet, greeting);
	}
}
