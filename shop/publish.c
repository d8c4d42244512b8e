/*
 * Publishing: an event is written with the change that it tells of, into the outbox. The relay, one
 * task, takes what has come to the disk to the bus, in order; rows go once the bus has confirmed.
 * After a crash in between they are sent again, and the bus knows them.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "shop/frame.h"
#include "shop/inbox.h"

enum {
	BATCH_EVENTS_MAX = 200,
	BATCH_BYTES_MAX = 256 * 1024,
	BACKOFF_FIRST_US = 50 * 1000,
	BACKOFF_MAX_US = 1000 * 1000,
	APART_US = 3 * 1000,         /* from batch to batch: under load they should be large */
	CLEAN_AFTER_US = 100 * 1000, /* one delete for all that was sent meanwhile */
};

struct publisher {
	struct service *service;
	struct inbox *inbox;
	struct task *relay;
	bool pending;       /* something may be in the outbox that was not sent */
	int64_t confirmed;  /* position up to which the bus has everything */
	int64_t sent_at_us; /* the last batch */
	bool cleaning, announcing;
	char *bus;          /* the instance of the bus that knows what we listen to */
};

const char publish_schema[] =
	"create table if not exists outbox(position integer primary key autoincrement,"
	" envelope text not null);"
	"create table if not exists sequences(aggregate text primary key, last integer not null)"
	" without rowid;"
	"create table if not exists inbox(event text primary key, at integer not null)"
	" without rowid;";

/* --- into the outbox --- */

static int64_t next_sequence(struct store *store, const char *aggregate)
{
	struct rows rows = store_query(store,
				       "insert into sequences values (?1, 1) on conflict(aggregate)"
				       " do update set last = last + 1 returning last",
				       "s", aggregate);
	int64_t sequence = rows_next(&rows) ? rows_int(&rows, 0) : 0;

	while (rows_next(&rows))
		;
	rows_end(&rows);
	return sequence;
}

static char *make_envelope(struct service *service, const char *type, const char *aggregate,
			   const char *correlation, json_t *data)
{
	struct arena arena = ARENA_EMPTY;
	json_t *json = json_pack("{s:s, s:s, s:i, s:s, s:I, s:s, s:s?, s:s, s:o}", "eventType",
				 type, "eventId", make_id(service, &arena, "evt_"), "version", 1,
				 "aggregateId", aggregate, "sequence",
				 (json_int_t)next_sequence(service->store, aggregate), "timestamp",
				 time_now_iso(&arena), "correlationId", correlation, "source",
				 service->kind->name, "data", data);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	arena_release(&arena);
	return text;
}

static void wake_relay(struct publisher *publisher)
{
	publisher->pending = true;
	if (publisher->relay)
		task_wake(publisher->relay);
}

static void publish_directly(struct service *service, const char *envelope);

void service_publish(struct service *service, const char *type, const char *aggregate,
		     const char *correlation, json_t *data)
{
	char *envelope = make_envelope(service, type, aggregate, correlation, data);

	if (bug(BUG_DUAL_WRITE)) {
		publish_directly(service, envelope);
	} else {
		store_run(service->store, "insert into outbox(envelope) values (?1)", "s",
			  envelope);
		wake_relay(service->publisher);
	}
	free(envelope);
}

/* --- subscriptions --- */

static json_t *wanted_types(const struct service *service)
{
	json_t *types = json_array();

	for (const struct subscription *at = service->kind->subscriptions; at->type; at++)
		json_array_append_new(types, json_string(at->type));
	return types;
}

static void remember(char **name, const char *instance)
{
	free(*name);
	*name = memory_copy_string(instance);
}

/* Any answer of the bus tells which instance it is: one that lost its memory is another. */
static bool announce_once(struct publisher *publisher)
{
	struct service *service = publisher->service;
	json_t *body = json_pack("{s:s, s:o}", "service", service->kind->name, "types",
				 wanted_types(service));
	struct call call = { .edge = "bus",
			     .method = "POST",
			     .path = "/internal/subscribe",
			     .json = body,
			     .key = "subscribe" };
	struct answer answer;
	const char *instance;

	service_call(service, &call, &answer);
	json_decref(body);
	instance = json_string_value(json_object_get(answer.json, "instance"));
	if (answer_is(&answer, 200) && instance)
		remember(&publisher->bus, instance);
	else
		instance = NULL;
	answer_release(&answer);
	return instance;
}

static int64_t backoff_us(struct service *service, int *failures)
{
	int64_t most = (int64_t)BACKOFF_FIRST_US << (*failures < 5 ? *failures : 5);

	++*failures;
	return random_between(&service->random, BACKOFF_FIRST_US / 2,
			      most < BACKOFF_MAX_US ? most : BACKOFF_MAX_US);
}

static void announce(void *context)
{
	struct publisher *publisher = context;
	int failures = 0;

	while (!publisher->service->ending && !announce_once(publisher))
		task_sleep_us(backoff_us(publisher->service, &failures));
	publisher->announcing = false;
}

static void start_announcing(struct publisher *publisher)
{
	const struct subscription *wanted = publisher->service->kind->subscriptions;

	if (publisher->announcing || !wanted || !wanted->type)
		return;
	publisher->announcing = true;
	task_start(announce, publisher);
}

static void heard_of_bus(struct publisher *publisher, const char *instance)
{
	if (!instance || (publisher->bus && strcmp(instance, publisher->bus) == 0))
		return;
	start_announcing(publisher);
}

/* --- the relay --- */

static bool post(struct publisher *publisher, struct text body)
{
	struct call call = { .edge = "bus",
			     .method = "POST",
			     .path = "/internal/publish",
			     .bytes = body,
			     .content_type = "application/json" };
	struct answer answer;
	bool good;

	service_call(publisher->service, &call, &answer);
	good = answer_is(&answer, 200);
	if (good)
		heard_of_bus(publisher,
			     json_string_value(json_object_get(answer.json, "instance")));
	answer_release(&answer);
	return good;
}

struct direct {
	struct publisher *publisher;
	struct buffer body;
};

static void post_directly(void *context)
{
	struct direct *direct = context;

	post(direct->publisher, buffer_text(&direct->body));
	buffer_release(&direct->body);
	free(direct);
}

static void start_posting(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	task_start(post_directly, context);
}

static void publish_directly(struct service *service, const char *envelope)
{
	static const struct timeval at_once;
	struct direct *direct = memory_new(sizeof(*direct));

	direct->publisher = service->publisher;
	buffer_format(&direct->body, "{\"events\":[%s]}", envelope);
	event_base_once(service->base, -1, EV_TIMEOUT, start_posting, direct, &at_once);
}

/*
 * Where the outbox ends, as far as it is on the disk. Whoever is woken by the same flush may have
 * written more before we go on, and that might never be.
 */
static int64_t settled_end(struct publisher *publisher)
{
	struct store *store = publisher->service->store;
	int64_t end = store_int(store, 0, "select coalesce(max(position), 0) from outbox", "");

	store_settle(store);
	return end;
}

static struct rows waiting_rows(struct publisher *publisher, int64_t end)
{
	static const char in_order[] = "select position, envelope from outbox"
				       " where position > ?1 and position <= ?3"
				       " order by position limit ?2";
	static const char newest_first[] =
		"select * from (select position, envelope from outbox"
		" where position > ?1 and position <= ?3 order by position limit ?2)"
		" order by position desc";

	return store_query(publisher->service->store,
			   bug(BUG_RELAY_REORDERS) ? newest_first : in_order, "iii",
			   publisher->confirmed, (int64_t)BATCH_EVENTS_MAX, end);
}

/* The last position of what is in `body` now; 0: nothing is waiting. */
static int64_t collect(struct publisher *publisher, int64_t end, struct buffer *body)
{
	struct rows rows = waiting_rows(publisher, end);
	int64_t last = 0;

	buffer_clear(body);
	buffer_add_string(body, "{\"events\":[");
	while (body->length < BATCH_BYTES_MAX && rows_next(&rows)) {
		if (last)
			buffer_add_char(body, ',');
		buffer_add_string(body, rows_text(&rows, 1));
		if (rows_int(&rows, 0) > last)
			last = rows_int(&rows, 0);
	}
	rows_end(&rows);
	buffer_add_string(body, "]}");
	return last;
}

static void remove_confirmed(struct publisher *publisher)
{
	store_run(publisher->service->store, "delete from outbox where position <= ?1", "i",
		  publisher->confirmed);
}

static void clean(void *context)
{
	struct publisher *publisher = context;

	task_sleep_us(CLEAN_AFTER_US);
	publisher->cleaning = false; /* what is confirmed from here on is for the next one */
	remove_confirmed(publisher);
}

static void confirmed(struct publisher *publisher, int64_t last)
{
	publisher->confirmed = last;
	if (publisher->cleaning)
		return;
	publisher->cleaning = true;
	task_start(clean, publisher);
}

static void send_until_confirmed(struct publisher *publisher, const struct buffer *body)
{
	struct service *service = publisher->service;
	int failures = 0;

	while (!post(publisher, buffer_text(body))) {
		metric_add(service, "relay_failures_total", NULL, 1);
		if (bug(BUG_OUTBOX_EARLY_DELETE))
			return; /* gone is gone */
		task_sleep_us(backoff_us(service, &failures));
	}
}

static void send_waiting(struct publisher *publisher)
{
	struct buffer body = BUFFER_EMPTY;
	int64_t end = settled_end(publisher), last;

	while ((last = collect(publisher, end, &body)) != 0) {
		if (bug(BUG_OUTBOX_EARLY_DELETE)) {
			publisher->confirmed = last;
			remove_confirmed(publisher);
		}
		send_until_confirmed(publisher, &body);
		confirmed(publisher, last);
		end = settled_end(publisher); /* with what came meanwhile */
	}
	buffer_release(&body);
}

static void keep_apart(struct publisher *publisher)
{
	int64_t wait_us = publisher->sent_at_us + APART_US - clock_now_us();

	if (wait_us > 0)
		task_sleep_us(wait_us);
	publisher->sent_at_us = clock_now_us();
}

static void relay(struct publisher *publisher)
{
	publisher->relay = task_self();
	for (;;) {
		while (!publisher->pending)
			task_wait();
		keep_apart(publisher);
		publisher->pending = false;
		send_waiting(publisher);
	}
}

/* --- the frame --- */

static void receive(struct request *request, struct reply *reply)
{
	struct publisher *publisher = request->service->publisher;

	heard_of_bus(publisher, json_string_value(json_object_get(request->json, "bus")));
	inbox_receive(publisher->inbox, request, reply);
}

static void count_consumed(struct request *request, struct reply *reply)
{
	reply_json(reply, 200,
		   json_pack("{s:I}", "consumed",
			     (json_int_t)store_int(request->service->store, 0,
						   "select count(*) from inbox", "")));
}

const struct route publish_routes[] = {
	{ "POST", "/internal/events", receive },
	{ "GET", "/internal/inbox", count_consumed },
	ROUTES_END
};

void publish_init(struct service *service)
{
	struct publisher *publisher = memory_new(sizeof(*publisher));

	publisher->service = service;
	publisher->inbox = inbox_new(service);
	service->publisher = publisher;
}

void publish_start(struct service *service)
{
	store_run(service->store, "delete from inbox where at < ?1", "i",
		  (int64_t)time(NULL) - INBOX_KEPT_S);
	start_announcing(service->publisher);
	service->publisher->pending = true;
	relay(service->publisher);
}

void publish_release(struct service *service)
{
	struct publisher *publisher = service->publisher;

	if (!publisher)
		return;
	inbox_free(publisher->inbox);
	free(publisher->bus);
	free(publisher);
	service->publisher = NULL;
}
