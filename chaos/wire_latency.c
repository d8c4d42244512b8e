/* latency: bytes arrive later, in their order. */
#include <math.h>
#include <stdlib.h>

#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"
#include "lib/memory.h"

enum spread { SPREAD_UNIFORM, SPREAD_NORMAL, SPREAD_EXPONENTIAL, SPREAD_PARETO };

struct latency {
	int64_t delay_us;
	int64_t jitter_us;
	int spread;
};

static const char *const spreads[] = { "uniform", "normal", "exponential", "pareto", NULL };

static const struct key latency_keys[] = {
	{ "delay", KEY_DURATION, offsetof(struct latency, delay_us), .minimum = 0,
	  .maximum = 600e6, .required = true, .help = "how much later bytes arrive" },
	{ "jitter", KEY_DURATION, offsetof(struct latency, jitter_us), .minimum = 0,
	  .maximum = 600e6, .initial = "0",
	  .help = "how far from `delay` it may be: half the width (uniform), the standard "
		  "deviation (normal), the mean of what is added (exponential, pareto)" },
	{ "distribution", KEY_CHOICE, offsetof(struct latency, spread), .choices = spreads,
	  .initial = "uniform", .help = "of the jitter" },
	KEYS_END
};

/* Bytes that came together leave together. */
struct mark {
	int64_t due_us;
	size_t bytes;
};

struct latency_state {
	struct mark *marks;
	size_t first, count, room;
	size_t bytes; /* in all marks */
};

/* Shape 2.5: heavy in the tail, and yet with a mean (which is then 1). */
static double pareto(struct random *random)
{
	const double shape = 2.5;

	return pow(1 - random_unit(random), -1 / shape) * (shape - 1) / shape;
}

static int64_t latency_draw(const struct latency *latency, struct random *random)
{
	double delay = (double)latency->delay_us, jitter = (double)latency->jitter_us;

	if (latency->jitter_us > 0)
		switch ((enum spread)latency->spread) {
		case SPREAD_UNIFORM:
			delay += jitter * (2 * random_unit(random) - 1);
			break;
		case SPREAD_NORMAL:
			delay = random_normal(random, delay, jitter);
			break;
		case SPREAD_EXPONENTIAL:
			delay += random_exponential(random, jitter);
			break;
		case SPREAD_PARETO:
			delay += jitter * pareto(random);
			break;
		}
	return delay < 0 ? 0 : (int64_t)fmin(delay, 3600e6);
}

static void mark_add(struct latency_state *state, struct mark mark)
{
	size_t end = state->first + state->count;

	if (end == state->room && state->first > state->room / 2) {
		memmove(state->marks, state->marks + state->first,
			state->count * sizeof(*state->marks));
		state->first = 0;
		end = state->count;
	}
	state->marks = memory_grow(state->marks, end, &state->room, sizeof(*state->marks));
	state->marks[end] = mark;
	state->count++;
	state->bytes += mark.bytes;
}

/* What came since the last look. Nothing overtakes: a later byte is never due earlier. */
static void latency_take(struct stage *stage, int64_t now_us)
{
	struct latency_state *state = stage->state;
	size_t bytes = evbuffer_get_length(stage->in) - state->bytes;
	int64_t delay_us, due_us;

	if (bytes == 0 && (!stage->ended || stage->end_due_us))
		return;
	delay_us = latency_draw(stage->treatment->armed->fault.settings, &stage->random);
	due_us = now_us + delay_us;
	if (state->count && state->marks[state->first + state->count - 1].due_us > due_us)
		due_us = state->marks[state->first + state->count - 1].due_us;
	if (stage->ended)
		stage->end_due_us = due_us;
	if (bytes == 0)
		return;
	stage_hit(stage, delay_us);
	mark_add(state, (struct mark){ .due_us = due_us, .bytes = bytes });
}

static int64_t latency_pump(struct stage *stage, int64_t now_us)
{
	struct latency_state *state = stage->state;
	size_t due = 0;

	if (evbuffer_get_length(stage->in) < state->bytes) /* they went on without us */
		state->first = state->count = state->bytes = 0;
	latency_take(stage, now_us);
	while (state->count && state->marks[state->first].due_us <= now_us) {
		due += state->marks[state->first++].bytes;
		state->count--;
	}
	if (!state->count)
		state->first = 0;
	state->bytes -= due;
	stage_pass(stage, due);
	return state->count ? state->marks[state->first].due_us : NEVER_US;
}

static void latency_release(struct stage *stage)
{
	struct latency_state *state = stage->state;

	free(state->marks);
}

static const struct wire_ops latency_ops = {
	.state_bytes = sizeof(struct latency_state),
	.room_bytes = DELAYED_MAX,
	.pump = latency_pump,
	.release = latency_release,
};

const struct fault_kind wire_latency = {
	.name = "latency",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "bytes of an edge arrive later, in their order",
	.example = "latency: { edge: order -> payment, delay: 800ms, jitter: 200ms }",
	.keys = latency_keys,
	.settings_bytes = sizeof(struct latency),
	.usual_direction = DIRECTION_ANSWERS, /* a call takes `delay` longer, and not twice that */
	.wire = &latency_ops,
};
