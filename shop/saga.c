/*
 * The saga's row, and who works on it.
 *
 * A row says which step comes next; whoever reads it can go on. Who does is its runner, a task of
 * which there is at most one per order, since only saga_kick() starts one, if there is none. A
 * runner that can do nothing now says in the row when to try again, and ends: the clock kicks what
 * is due. So a process that was killed goes on as if it had merely waited.
 *
 * Others may write the row while its runner waits for an answer (a cancel does). Whoever comes back
 * from waiting looks, in the transaction in which it writes, whether the step is still its own.
 */
#include "shop/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum { RUNNERS_MAX = 512, DUE_MAX = 2 * RUNNERS_MAX, BUCKETS = 1024, TICK_US = 20000 };
/* How long a choreographed saga waits to hear that all is undone before it says it again. */
enum { SAY_AGAIN_US = 10 * 1000000 };

struct runner {
	struct service *service;
	struct runner *next; /* in its bucket */
	enum saga_step known; /* the step that is on the disk for sure */
	char order[sizeof(((struct saga *)NULL)->order)];
};

struct sagas {
	struct runner *buckets[BUCKETS];
	int running;
	int64_t not_born_before_us; /* BUG_TIMER_LOST */
	char due[DUE_MAX][sizeof(((struct saga *)NULL)->order)];
};

static struct sagas the_sagas; /* of this process */

static const char *const styles[] = {
	[SAGA_ORCHESTRATED] = "orchestrated",
	[SAGA_CHOREOGRAPHED] = "choreographed",
};

/* The row. */

static void read_saga(struct rows *rows, struct saga *saga)
{
	const char *outcome = rows_text(rows, 3);

	snprintf(saga->order, sizeof(saga->order), "%s", rows_text(rows, 0));
	saga->style = strcmp(rows_text(rows, 1), styles[SAGA_CHOREOGRAPHED]) == 0 ?
			      SAGA_CHOREOGRAPHED :
			      SAGA_ORCHESTRATED;
	saga_step_of(rows_text(rows, 2), &saga->step);
	if (outcome)
		order_status_of(outcome, &saga->outcome);
	saga->sent = (unsigned)rows_int(rows, 4);
	saga->heard = (unsigned)rows_int(rows, 5);
	saga->attempts = (int)rows_int(rows, 6);
	saga->deadline_us = rows_int(rows, 7);
	saga->next_at_us = rows_int(rows, 8);
}

bool saga_load(struct service *service, const char *order, struct saga *saga)
{
	struct rows rows =
		store_query(service->store,
			    "select order_id, style, step, outcome, sent, heard, attempts,"
			    " deadline_us, next_at_us from sagas where order_id = ?1",
			    "s", order);
	bool found = rows_next(&rows);

	memset(saga, 0, sizeof(*saga));
	if (found)
		read_saga(&rows, saga);
	rows_end(&rows);
	return found;
}

static bool has_room(const struct sagas *sagas)
{
	return sagas->running < RUNNERS_MAX;
}

void saga_insert(struct service *service, const char *order)
{
	bool listens = service->settings->saga == SAGA_CHOREOGRAPHED;
	int64_t now_us = clock_wall_us(),
		deadline_us = now_us + service->settings->saga_deadline_us;
	int64_t next_at_us = has_room(service->own) ? now_us + SAGA_LEASE_US : now_us;
	unsigned sent = bug(BUG_LATE_COMPENSATION) ? 0 : SENT_RESERVE;

	store_run(service->store,
		  "insert into sagas (order_id, style, step, sent, heard, attempts, deadline_us,"
		  " next_at_us, born_us) values (?1, ?2, ?3, ?4, 0, 0, ?5, ?6, ?7)",
		  "sssiiii", order, styles[service->settings->saga],
		  saga_step_name(listens ? STEP_LISTEN : STEP_RESERVE),
		  (int64_t)(listens ? 0 : sent), deadline_us, listens ? deadline_us : next_at_us,
		  now_us);
}

void saga_save(struct service *service, const struct saga *saga, int64_t next_at_us)
{
	store_run(service->store,
		  "update sagas set step = ?1, outcome = ?2, sent = ?3, heard = ?4, attempts = ?5,"
		  " next_at_us = ?6 where order_id = ?7",
		  "ssiiiis", saga_step_name(saga->step),
		  saga->outcome ? order_status_name(saga->outcome) : NULL, (int64_t)saga->sent,
		  (int64_t)saga->heard, (int64_t)saga->attempts, next_at_us, saga->order);
}

static void announce_undo(struct service *service, struct saga *saga, struct order *order)
{
	saga->step = STEP_LISTEN_UNDO;
	saga->heard &= ~(unsigned)(HEARD_REFUNDED | HEARD_RELEASED);
	order_announce(service, order, saga->outcome);
	saga_save(service, saga, clock_wall_us() + SAY_AGAIN_US);
}

void saga_undo(struct service *service, struct saga *saga, struct order *order,
	       enum order_status outcome, const char *reason)
{
	saga->outcome = outcome;
	saga->attempts = 0;
	order->reason = reason;
	store_run(service->store, "update sagas set reason = ?1 where order_id = ?2", "ss", reason,
		  saga->order);
	if (saga->style == SAGA_CHOREOGRAPHED) {
		announce_undo(service, saga, order);
		return;
	}
	saga->step = saga_next_undo(saga->sent, STEP_DONE);
	if (saga->step == STEP_DONE)
		saga_finish(service, saga, order);
	else
		saga_save(service, saga, clock_wall_us());
}

/* Who listens has announced it already: that was how it was undone. */
void saga_finish(struct service *service, struct saga *saga, struct order *order)
{
	if (saga->style == SAGA_CHOREOGRAPHED)
		order_move_quietly(service, order, saga->outcome);
	else
		order_move(service, order, saga->outcome);
	coupon_give_back(service, order->id);
	saga->step = STEP_DONE;
	saga_save(service, saga, 0);
}

void saga_confirm(struct service *service, struct saga *saga, struct order *order)
{
	order_move(service, order, ORDER_CONFIRMED);
	saga->step = saga->style == SAGA_CHOREOGRAPHED ? STEP_DONE : STEP_SELL;
	saga->attempts = 0;
	saga_save(service, saga, clock_wall_us() + SAGA_LEASE_US);
}

/* The runners. */

static struct runner **place_of(struct sagas *sagas, const char *order)
{
	uint32_t hash = 2166136261u;
	struct runner **place;

	for (const char *c = order; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	place = &sagas->buckets[hash % BUCKETS];
	while (*place && strcmp((*place)->order, order) != 0)
		place = &(*place)->next;
	return place;
}

static bool take_step(struct runner *runner)
{
	struct service *service = runner->service;
	struct saga saga;

	if (!saga_load(service, runner->order, &saga) || saga.style == SAGA_ORCHESTRATED)
		return saga_orchestrated_step(service, runner->order, &runner->known);
	saga_choreographed_due(service, runner->order);
	return false;
}

static void run(void *context)
{
	struct runner *runner = context;
	struct sagas *sagas = runner->service->own;

	while (!runner->service->ending && take_step(runner))
		;
	*place_of(sagas, runner->order) = runner->next;
	sagas->running--;
	free(runner);
}

void saga_kick(struct service *service, const char *order, enum saga_step known)
{
	struct sagas *sagas = service->own;
	struct runner **place = place_of(sagas, order);

	if (*place || !has_room(sagas))
		return;
	*place = memory_new(sizeof(**place));
	(*place)->service = service;
	(*place)->known = known;
	snprintf((*place)->order, sizeof((*place)->order), "%s", order);
	sagas->running++;
	task_start(run, *place);
}

enum order_status saga_wait(struct service *service, const char *order, int64_t longest_us)
{
	int64_t end_us = clock_now_us() + longest_us, pause_us = 2000;

	for (;;) {
		struct arena arena = ARENA_EMPTY;
		const struct order *now = order_load(service, &arena, order);
		enum order_status status = now ? now->status : ORDER_PENDING;
		bool settled = status >= ORDER_CONFIRMED && !(now && saga_is_undoing(now->step));

		arena_release(&arena);
		if (settled || clock_now_us() + pause_us > end_us)
			return status;
		task_sleep_us(pause_us);
		if (pause_us < 32000)
			pause_us *= 2;
	}
}

/* The clock. */

static size_t read_due(struct service *service, struct sagas *sagas)
{
	struct rows rows =
		store_query(service->store,
			    "select order_id from sagas where step <> 'DONE'"
			    " and next_at_us <= ?1 and born_us >= ?2"
			    " order by next_at_us limit ?3",
			    "iii", clock_wall_us(), sagas->not_born_before_us, (int64_t)DUE_MAX);
	size_t count = 0;

	while (rows_next(&rows))
		snprintf(sagas->due[count++], sizeof(sagas->due[0]), "%s", rows_text(&rows, 0));
	rows_end(&rows);
	return count;
}

/* Of those that are due at most RUNNERS_MAX are running: DUE_MAX finds others behind them. */
static void keep_time(void *context)
{
	struct service *service = context;
	struct sagas *sagas = service->own;

	while (!service->ending) {
		size_t count = read_due(service, sagas);

		for (size_t i = 0; i < count; i++)
			saga_kick(service, sagas->due[i], STEP_COUNT);
		task_sleep_us(TICK_US);
	}
}

void sagas_init(struct service *service)
{
	service->own = &the_sagas;
}

void sagas_start(struct service *service)
{
	struct sagas *sagas = service->own;

	if (bug(BUG_TIMER_LOST))
		sagas->not_born_before_us = clock_wall_us();
	else /* leases of the life before mean nothing now */
		store_run(service->store,
			  "update sagas set next_at_us = 0 where step <> 'DONE' and style = ?1",
			  "s", styles[SAGA_ORCHESTRATED]);
	task_start(keep_time, service);
}
