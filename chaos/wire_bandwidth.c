/* bandwidth: so many bytes a second and no more, each connection and direction for itself. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

/* Small enough to look like a stream, large enough to be cheap. */
enum { TICK_US = 5000 };

struct bandwidth {
	int64_t bytes_per_s;
};

static const struct key bandwidth_keys[] = {
	{ "rate", KEY_SIZE, offsetof(struct bandwidth, bytes_per_s), .minimum = 1,
	  .maximum = 1e12, .required = true, .help = "bytes a second, of each connection",
	  .example = "100KiB" },
	KEYS_END
};

struct bandwidth_state {
	double credit_bytes;
	int64_t counted_us; /* credit is counted until then; 0: from now on */
};

/* Credit does not pile up while nothing is sent: a burst of one tick is all. */
static void credit_count(struct bandwidth_state *state, double per_s, int64_t now_us)
{
	double burst = per_s * TICK_US * 2 / 1e6;

	if (state->counted_us)
		state->credit_bytes += per_s * (double)(now_us - state->counted_us) / 1e6;
	state->counted_us = now_us;
	if (state->credit_bytes > burst && burst >= 1)
		state->credit_bytes = burst;
	else if (burst < 1 && state->credit_bytes > 1)
		state->credit_bytes = 1;
}

static int64_t bandwidth_pump(struct stage *stage, int64_t now_us)
{
	const struct bandwidth *settings = stage->treatment->armed->fault.settings;
	struct bandwidth_state *state = stage->state;
	double per_s = (double)settings->bytes_per_s, wait_us;
	size_t held = evbuffer_get_length(stage->in), pass;

	credit_count(state, per_s, now_us);
	if (held == 0)
		return NEVER_US;
	stage_hit(stage, 0);
	pass = state->credit_bytes < (double)held ? (size_t)state->credit_bytes : held;
	stage_pass(stage, pass);
	state->credit_bytes -= (double)pass;
	if (pass == held)
		return NEVER_US;
	wait_us = (1 - state->credit_bytes) / per_s * 1e6;
	return now_us + (wait_us > TICK_US ? (int64_t)wait_us + 1 : TICK_US);
}

static const struct wire_ops bandwidth_ops = {
	.state_bytes = sizeof(struct bandwidth_state),
	.pump = bandwidth_pump,
};

const struct fault_kind wire_bandwidth = {
	.name = "bandwidth",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "each connection of an edge gets so many bytes a second through",
	.example = "bandwidth: { edge: order -> payment, rate: 100KiB, direction: answers }",
	.keys = bandwidth_keys,
	.settings_bytes = sizeof(struct bandwidth),
	.wire = &bandwidth_ops,
};
