/* Open phases: a user begins at every planned start, whatever the system does. See crew.h. */
#include <stdlib.h>

#include "lib/memory.h"
#include "loadgen/crew.h"

/* When we are behind, others get their turn after so many starts. */
enum { STARTS_PER_TURN = 64 };

struct flow {
	struct worker *worker;
	struct plan_walk walk;
	struct start next;
	uint64_t draws[SOURCES_MAX]; /* of `next` */
	struct alarm alarm;
	bool over;
};

static void begin_due_starts(void *context);

/* Looks one start ahead and sets the alarm for it. */
static void look_ahead(struct flow *flow)
{
	struct worker *worker = flow->worker;

	flow->over = !plan_next(&flow->walk, &flow->next);
	if (flow->over)
		return;
	for (uint8_t i = 0; i < worker->load->source_count; i++)
		flow->draws[i] = flow->walk.drawn[i] - 1;
}

static int64_t due_us(const struct flow *flow)
{
	return flow->next.at_us + flow->worker->place->start_us;
}

static void begin_due_starts(void *context)
{
	struct flow *flow = context;
	struct worker *worker = flow->worker;

	for (int i = 0; i < STARTS_PER_TURN && !flow->over; i++) {
		struct beginning beginning = { .start = flow->next, .seat = NO_SEAT };
		uint64_t draws[SOURCES_MAX];

		if (due_us(flow) > loop_now(worker->loop))
			break;
		memcpy(draws, flow->draws, worker->load->source_count * sizeof(*draws));
		beginning.draws = draws;
		look_ahead(flow);
		user_begin(worker, &beginning);
	}
	if (flow->over)
		worker_consider_end(worker);
	else
		alarm_set(worker->loop, &flow->alarm, due_us(flow), begin_due_starts, flow);
}

struct flow *flow_new(struct worker *worker)
{
	struct flow *flow = memory_new(sizeof(*flow));

	flow->worker = worker;
	plan_walk_begin(&flow->walk, worker->load->plan, worker->place->segment,
			worker->place->segments);
	look_ahead(flow);
	if (!flow->over)
		alarm_set(worker->loop, &flow->alarm, due_us(flow), begin_due_starts, flow);
	return flow;
}

void flow_stop(struct flow *flow)
{
	flow->over = true;
	alarm_clear(flow->worker->loop, &flow->alarm);
}

bool flow_over(const struct flow *flow)
{
	return flow->over;
}

void flow_free(struct flow *flow)
{
	if (!flow)
		return;
	flow_stop(flow);
	plan_walk_release(&flow->walk);
	free(flow);
}
