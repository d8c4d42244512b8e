#include "shop/inbox.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "lib/memory.h"
#include "shop/frame.h"

/*
 * A batch is split by aggregate: each has a task that consumes its events in order, and all of them
 * share the fsync of their commits. An event that fails keeps back those behind it.
 */
struct inbox {
	struct service *service;
	struct group *groups; /* under way */
};

enum outcome { LATER, FAILED, ACKED };

/* Lives until its reply is out and its groups have ended. */
struct batch {
	struct inbox *inbox;
	json_t *events;
	enum outcome *outcomes;
	size_t *following; /* the next event of the same aggregate; 0: none */
	size_t groups;
	struct task *waiting; /* for the groups, to reply */
	bool too_late;
	int users;
};

struct group {
	struct batch *batch;
	size_t first;
	const char *aggregate;
	struct group *next, **to_me;
};

struct inbox *inbox_new(struct service *service)
{
	struct inbox *inbox = memory_new(sizeof(*inbox));

	inbox->service = service;
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	free(inbox);
}

/* --- one event --- */

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is_event(const json_t *json)
{
	return member(json, "eventId") && member(json, "eventType") && member(json, "aggregateId");
}

static struct event read_event(const json_t *json)
{
	return (struct event){
		.type = member(json, "eventType"),
		.id = member(json, "eventId"),
		.version = (int)json_integer_value(json_object_get(json, "version")),
		.aggregate = member(json, "aggregateId"),
		.sequence = json_integer_value(json_object_get(json, "sequence")),
		.correlation = member(json, "correlationId"),
		.at = member(json, "timestamp"),
		.data = json_object_get(json, "data"),
	};
}

static const struct subscription *find_subscription(const struct service *service, const char *type)
{
	const struct subscription *at = service->kind->subscriptions;

	while (at && at->type && strcmp(at->type, type) != 0)
		at++;
	return at && at->type ? at : NULL;
}

static bool was_consumed(struct service *service, const char *id)
{
	if (bug(BUG_NO_DEDUPE))
		return false;
	return store_int(service->store, 0, "select 1 from inbox where event = ?1", "s", id);
}

static bool enter(struct service *service, const char *id)
{
	if (bug(BUG_NO_DEDUPE))
		return true;
	store_run(service->store, "insert into inbox values (?1, ?2) on conflict do nothing", "si",
		  id, (int64_t)time(NULL));
	return store_changes(service->store) == 1;
}

/* The change and the note that this event made it are one transaction. */
static enum outcome consume(struct service *service, const struct subscription *subscription,
			    const struct event *event, json_t *prepared)
{
	enum outcome outcome;

	store_begin(service->store);
	if (!enter(service, event->id)) {
		store_rollback(service->store);
		return ACKED;
	}
	service->prepared = prepared;
	outcome = subscription->consume(service, event) ? ACKED : FAILED;
	service->prepared = NULL;
	if (outcome == ACKED)
		store_commit(service->store);
	else
		store_rollback(service->store);
	return outcome;
}

static json_t *take_prepared(struct service *service)
{
	json_t *prepared = service->prepared;

	service->prepared = NULL;
	return prepared;
}

static enum outcome handle(struct service *service, const json_t *json)
{
	struct event event = read_event(json);
	const struct subscription *subscription = find_subscription(service, event.type);
	enum outcome outcome = LATER;
	json_t *prepared;
	bool ready;

	if (!subscription || was_consumed(service, event.id))
		return ACKED;
	ready = !subscription->prepare || subscription->prepare(service, &event);
	prepared = take_prepared(service); /* at once: others prepare, too */
	if (ready)
		outcome = consume(service, subscription, &event, prepared);
	json_decref(prepared);
	return outcome;
}

/* --- groups --- */

static void leave_batch(struct batch *batch)
{
	if (--batch->users > 0)
		return;
	json_decref(batch->events);
	free(batch->outcomes);
	free(batch->following);
	free(batch);
}

static void end_group(struct group *group)
{
	struct batch *batch = group->batch;

	*group->to_me = group->next;
	if (group->next)
		group->next->to_me = group->to_me;
	free(group);
	batch->groups--;
	if (batch->waiting)
		task_wake(batch->waiting);
	leave_batch(batch);
}

static void count(struct service *service, enum outcome outcome)
{
	static const char *const labels[] = { "result=\"later\"", "result=\"failed\"",
					      "result=\"acked\"" };

	metric_add(service, "events_received_total", labels[outcome], 1);
}

static void run_group(void *context)
{
	struct group *group = context;
	struct batch *batch = group->batch;
	struct service *service = batch->inbox->service;
	size_t i = group->first;

	do {
		batch->outcomes[i] = handle(service, json_array_get(batch->events, i));
		count(service, batch->outcomes[i]);
	} while (batch->outcomes[i] == ACKED && (i = batch->following[i]) != 0);
	end_group(group);
}

static bool is_under_way(const struct inbox *inbox, const char *aggregate)
{
	for (const struct group *group = inbox->groups; group; group = group->next)
		if (strcmp(group->aggregate, aggregate) == 0)
			return true;
	return false;
}

/* What is still under way from an earlier batch comes again when that is through. */
static void start_group(struct batch *batch, size_t first)
{
	struct inbox *inbox = batch->inbox;
	const char *aggregate = member(json_array_get(batch->events, first), "aggregateId");
	struct group *group;

	if (is_under_way(inbox, aggregate))
		return;
	group = memory_new(sizeof(*group));
	*group = (struct group){ batch, first, aggregate, inbox->groups, &inbox->groups };
	if (inbox->groups)
		inbox->groups->to_me = &group->next;
	inbox->groups = group;
	batch->groups++;
	batch->users++;
	task_start(run_group, group);
}

/* Events of one aggregate are chained. True: it is the first of its own. */
static bool is_first(struct batch *batch, size_t i)
{
	const char *aggregate = member(json_array_get(batch->events, i), "aggregateId");

	for (size_t j = i; j-- > 0;) {
		const char *other = member(json_array_get(batch->events, j), "aggregateId");

		if (strcmp(aggregate, other) == 0) {
			batch->following[j] = i;
			return false;
		}
	}
	return true;
}

static void start_groups(struct batch *batch, bool *first)
{
	size_t events = json_array_size(batch->events);

	for (size_t i = 0; i < events; i++)
		first[i] = is_first(batch, i);
	for (size_t i = 0; i < events; i++)
		if (first[i])
			start_group(batch, i);
}

/* --- the batch --- */

static void rang(evutil_socket_t fd, short what, void *context)
{
	struct batch *batch = context;

	(void)fd;
	(void)what;
	batch->too_late = true;
	task_wake(batch->waiting);
}

static void wait_for_groups(struct batch *batch)
{
	struct timeval within = { .tv_sec = INBOX_ANSWERS_WITHIN_US / 1000000,
				  .tv_usec = INBOX_ANSWERS_WITHIN_US % 1000000 };
	struct event *timer = event_new(batch->inbox->service->base, -1, 0, rang, batch);

	batch->waiting = task_self();
	event_add(timer, &within);
	while (batch->groups > 0 && !batch->too_late)
		task_wait();
	event_free(timer);
	batch->waiting = NULL;
}

static json_t *list_of(const struct batch *batch, enum outcome outcome)
{
	json_t *list = json_array();
	json_t *event;
	size_t i;

	json_array_foreach(batch->events, i, event)
		if ((bug(BUG_ACK_FIRST) ? ACKED : batch->outcomes[i]) == outcome)
			json_array_append(list, json_object_get(event, "eventId"));
	return list;
}

static struct batch *new_batch(struct inbox *inbox, json_t *events)
{
	struct batch *batch = memory_new(sizeof(*batch));
	size_t count = json_array_size(events);

	batch->inbox = inbox;
	batch->events = json_incref(events);
	batch->outcomes = memory_array(count + 1, sizeof(*batch->outcomes));
	batch->following = memory_array(count + 1, sizeof(*batch->following));
	batch->users = 1;
	return batch;
}

static bool are_events(const json_t *events)
{
	json_t *event;
	size_t i;

	if (!json_is_array(events) || json_array_size(events) > INBOX_EVENTS_MAX)
		return false;
	json_array_foreach(events, i, event)
		if (!is_event(event))
			return false;
	return true;
}

void inbox_receive(struct inbox *inbox, struct request *request, struct reply *reply)
{
	json_t *events = json_object_get(request->json, "events");
	bool first[INBOX_EVENTS_MAX];
	struct batch *batch;

	if (!are_events(events)) {
		reply_error(request, reply, 400, "bad_events", "'events' is no list of events");
		return;
	}
	batch = new_batch(inbox, events);
	start_groups(batch, first);
	if (!bug(BUG_ACK_FIRST))
		wait_for_groups(batch);
	reply_json(reply, 200,
		   json_pack("{s:o, s:o, s:o}", "acked", list_of(batch, ACKED), "failed",
			     list_of(batch, FAILED), "later", list_of(batch, LATER)));
	leave_batch(batch);
}
