/* slice: bytes come in small pieces with gaps between them. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

struct slice {
	int64_t size_bytes;
	int64_t variation_bytes;
	int64_t gap_us;
};

static const struct key slice_keys[] = {
	{ "size", KEY_SIZE, offsetof(struct slice, size_bytes), .minimum = 1, .maximum = 1e9,
	  .initial = "64", .help = "bytes of a piece" },
	{ "variation", KEY_SIZE, offsetof(struct slice, variation_bytes), .minimum = 0,
	  .maximum = 1e9, .initial = "0", .help = "a piece may be so much smaller or larger" },
	{ "gap", KEY_DURATION, offsetof(struct slice, gap_us), .minimum = 0, .maximum = 60e6,
	  .initial = "1ms", .help = "between two pieces" },
	KEYS_END
};

struct slice_state {
	int64_t due_us; /* of the next piece */
};

static size_t slice_draw(const struct slice *settings, struct random *random)
{
	int64_t low = settings->size_bytes - settings->variation_bytes;
	int64_t high = settings->size_bytes + settings->variation_bytes;

	return (size_t)random_between(random, low < 1 ? 1 : low, high);
}

/* Each piece is a packet of its own: the next goes when its time has come, never with it. */
static int64_t slice_pump(struct stage *stage, int64_t now_us)
{
	const struct slice *settings = stage->treatment->armed->fault.settings;
	struct slice_state *state = stage->state;
	size_t held = evbuffer_get_length(stage->in), piece;

	if (held == 0)
		return NEVER_US;
	if (now_us < state->due_us)
		return state->due_us;
	piece = slice_draw(settings, &stage->random);
	stage_hit(stage, settings->gap_us);
	stage_pass(stage, piece < held ? piece : held);
	state->due_us = now_us + settings->gap_us;
	return piece < held ? state->due_us : NEVER_US;
}

static const struct wire_ops slice_ops = {
	.state_bytes = sizeof(struct slice_state),
	.pump = slice_pump,
};

const struct fault_kind wire_slice = {
	.name = "slice",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "bytes of an edge come in small pieces with gaps",
	.example = "slice: { edge: order -> payment, size: 20, variation: 10, gap: 2ms }",
	.keys = slice_keys,
	.settings_bytes = sizeof(struct slice),
	.wire = &slice_ops,
};
