/* reset: both ends of a connection get an RST, after so many bytes or some time. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

struct reset {
	int64_t after_us;
	int64_t after_bytes;
};

static const struct key reset_keys[] = {
	{ "after", KEY_DURATION, offsetof(struct reset, after_us), .minimum = 0,
	  .maximum = 3600e6, .initial = "0",
	  .help = "so long after the connection met the fault; 0: as soon as bytes come" },
	{ "after-bytes", KEY_SIZE, offsetof(struct reset, after_bytes), .minimum = 0,
	  .maximum = 1e15, .initial = "0", .help = "after so many bytes went through" },
	KEYS_END
};

struct reset_state {
	int64_t passed_bytes;
};

static void reset_now(struct stage *stage)
{
	stage_hit(stage, 0);
	relay_end(stage->relay, ENDING_RESET, ENDING_RESET);
}

/* With both given, whichever comes first. */
static int64_t reset_pump(struct stage *stage, int64_t now_us)
{
	const struct reset *settings = stage->treatment->armed->fault.settings;
	struct reset_state *state = stage->state;
	int64_t bytes = (int64_t)evbuffer_get_length(stage->in);
	int64_t due_us = settings->after_us ? stage->begun_us + settings->after_us : NEVER_US;
	bool counts = settings->after_bytes > 0 || !settings->after_us;
	int64_t left = settings->after_bytes - state->passed_bytes;

	if (now_us >= due_us || (counts && bytes > 0 && bytes > left)) {
		if (counts && left > 0)
			stage_pass(stage, (size_t)(left < bytes ? left : bytes));
		flow_flush(stage->relay, stage->flow);
		reset_now(stage);
		return NEVER_US;
	}
	state->passed_bytes += bytes;
	stage_pass(stage, (size_t)bytes);
	return due_us;
}

static const struct wire_ops reset_ops = {
	.state_bytes = sizeof(struct reset_state),
	.pump = reset_pump,
};

const struct fault_kind wire_reset = {
	.name = "reset",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "connections of an edge are reset (RST), after some bytes or time",
	.example = "reset: { edge: order -> payment, after-bytes: 4KiB, share: 10% }",
	.keys = reset_keys,
	.settings_bytes = sizeof(struct reset),
	.wire = &reset_ops,
};
