/* limit-data: after so many bytes the connection is closed, in order. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

struct limit_data {
	int64_t limit_bytes;
};

static const struct key limit_data_keys[] = {
	{ "bytes", KEY_SIZE, offsetof(struct limit_data, limit_bytes), .minimum = 0,
	  .maximum = 1e15, .required = true,
	  .help = "what a connection gets through in a direction before it is closed" },
	KEYS_END
};

struct limit_data_state {
	int64_t passed_bytes;
	bool reached;
};

static int64_t limit_data_pump(struct stage *stage, int64_t now_us)
{
	const struct limit_data *settings = stage->treatment->armed->fault.settings;
	struct limit_data_state *state = stage->state;
	int64_t bytes = (int64_t)evbuffer_get_length(stage->in);
	int64_t left = settings->limit_bytes - state->passed_bytes;
	int64_t pass = bytes < left ? bytes : left < 0 ? 0 : left;

	(void)now_us;
	stage_pass(stage, (size_t)pass);
	state->passed_bytes += pass;
	if (pass == bytes || state->reached) {
		evbuffer_drain(stage->in, (size_t)(bytes - pass));
		return NEVER_US;
	}
	state->reached = true;
	evbuffer_drain(stage->in, (size_t)(bytes - pass));
	stage_hit(stage, 0);
	relay_end(stage->relay, ENDING_FLUSH, ENDING_FLUSH);
	return NEVER_US;
}

static const struct wire_ops limit_data_ops = {
	.state_bytes = sizeof(struct limit_data_state),
	.pump = limit_data_pump,
};

const struct fault_kind wire_limit_data = {
	.name = "limit-data",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "connections of an edge are closed after so many bytes",
	.example = "limit-data: { edge: order -> payment, bytes: 10KiB, direction: answers }",
	.keys = limit_data_keys,
	.settings_bytes = sizeof(struct limit_data),
	.wire = &limit_data_ops,
};
