/* slow-close: the end of a connection arrives later. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

struct slow_close {
	int64_t delay_us;
};

static const struct key slow_close_keys[] = {
	{ "delay", KEY_DURATION, offsetof(struct slow_close, delay_us), .minimum = 0,
	  .maximum = 3600e6, .required = true, .help = "how much later the end arrives" },
	KEYS_END
};

struct slow_close_state {
	int64_t ended_us;
};

static int64_t slow_close_pump(struct stage *stage, int64_t now_us)
{
	const struct slow_close *settings = stage->treatment->armed->fault.settings;
	struct slow_close_state *state = stage->state;

	stage_pass(stage, evbuffer_get_length(stage->in));
	if (!stage->ended)
		return NEVER_US;
	if (!state->ended_us) {
		state->ended_us = now_us;
		stage_hit(stage, settings->delay_us);
	}
	stage->end_due_us = state->ended_us + settings->delay_us;
	return NEVER_US;
}

static const struct wire_ops slow_close_ops = {
	.state_bytes = sizeof(struct slow_close_state),
	.pump = slow_close_pump,
};

const struct fault_kind wire_slow_close = {
	.name = "slow-close",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "the end of an edge's connections arrives later",
	.example = "slow-close: { edge: order -> payment, delay: 5s }",
	.keys = slow_close_keys,
	.settings_bytes = sizeof(struct slow_close),
	.wire = &slow_close_ops,
};
