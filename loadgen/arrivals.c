/* Open phases: a user begins at every planned start, whatever the system does. See crew.h. */
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/crew.h"

/* When we are behind, others get their turn after so many starts. */
enum { STARTS_PER_TURN = 64 };

struct arrivals {
	struct worker *worker;
	struct plan_walk walk;
	struct start next;
	uint64_t draws[SOURCES_MAX]; /* of `next` */
	struct alarm alarm;
	bool over;
};

static void begin_due_starts(void *context);

/* Looks one start ahead and sets the alarm for it. */
static void look_ahead(struct arrivals *arrivals)
{
	struct worker *worker = arrivals->worker;

	arrivals->over = !plan_next(&arrivals->walk, &arrivals->next);
	if (arrivals->over)
		return;
	for (uint8_t i = 0; i < worker->load->source_count; i++)
		arrivals->draws[i] = arrivals->walk.drawn[i] - 1;
}

static int64_t due_us(const struct arrivals *arrivals)
{
	return arrivals->next.at_us + arrivals->worker->place->start_us;
}

static void begin_due_starts(void *context)
{
	struct arrivals *arrivals = context;
	struct worker *worker = arrivals->worker;

	for (int i = 0; i < STARTS_PER_TURN && !arrivals->over; i++) {
		struct beginning beginning = { .start = arrivals->next, .seat = NO_SEAT };
		uint64_t draws[SOURCES_MAX];

		if (due_us(arrivals) > loop_now(worker->loop))
			break;
		memcpy(draws, arrivals->draws, worker->load->source_count * sizeof(*draws));
		beginning.draws = draws;
		look_ahead(arrivals);
		user_begin(worker, &beginning);
	}
	if (arrivals->over)
		worker_consider_end(worker);
	else
		alarm_set(worker->loop, &arrivals->alarm, due_us(arrivals), begin_due_starts, arrivals);
}

struct arrivals *arrivals_new(struct worker *worker)
{
	struct arrivals *arrivals = memory_new(sizeof(*arrivals));

	arrivals->worker = worker;
	plan_walk_begin(&arrivals->walk, worker->load->plan, worker->place->segment,
			worker->place->segments);
	look_ahead(arrivals);
	if (!arrivals->over)
		alarm_set(worker->loop, &arrivals->alarm, due_us(arrivals), begin_due_starts, arrivals);
	return arrivals;
}

void arrivals_stop(struct arrivals *arrivals)
{
	arrivals->over = true;
	alarm_clear(arrivals->worker->loop, &arrivals->alarm);
}

bool arrivals_over(const struct arrivals *arrivals)
{
	return arrivals->over;
}

void arrivals_free(struct arrivals *arrivals)
{
	if (!arrivals)
		return;
	arrivals_stop(arrivals);
	plan_walk_release(&arrivals->walk);
	free(arrivals);
}
