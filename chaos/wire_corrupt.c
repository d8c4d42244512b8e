/* corrupt: single bits are flipped. */
#include <math.h>

#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

struct corrupt {
	double rate;
};

static const struct key corrupt_keys[] = {
	{ "rate", KEY_SHARE, offsetof(struct corrupt, rate), .minimum = 0, .maximum = 1,
	  .initial = "0.1%", .help = "of the bytes that get one of their bits flipped" },
	KEYS_END
};

struct corrupt_state {
	int64_t until;   /* bytes that stay whole before the next flip */
	double for_rate; /* that `until` was drawn for */
};

/* How many bytes stay whole: drawn once per flip instead of once per byte. */
static int64_t gap_draw(double rate, struct random *random)
{
	double gap;

	if (rate >= 1)
		return 0;
	if (rate <= 0)
		return INT64_MAX;
	gap = floor(log(1 - random_unit(random)) / log1p(-rate));
	return gap < 9e18 ? (int64_t)gap : INT64_MAX;
}

static bool corrupt_bytes(struct stage *stage, unsigned char *bytes, size_t length, double rate)
{
	struct corrupt_state *state = stage->state;
	size_t at = 0;
	bool flipped = false;

	while (state->until < (int64_t)(length - at)) {
		at += (size_t)state->until;
		bytes[at++] ^= (unsigned char)(1u << random_below(&stage->random, 8));
		state->until = gap_draw(rate, &stage->random);
		flipped = true;
	}
	if (state->until != INT64_MAX)
		state->until -= (int64_t)(length - at);
	return flipped;
}

static int64_t corrupt_pump(struct stage *stage, int64_t now_us)
{
	const struct corrupt *settings = stage->treatment->armed->fault.settings;
	struct corrupt_state *state = stage->state;
	size_t length = evbuffer_get_length(stage->in);

	(void)now_us;
	if (length == 0)
		return NEVER_US;
	if (fabs(state->for_rate - settings->rate) > 0) {
		state->for_rate = settings->rate;
		state->until = gap_draw(settings->rate, &stage->random);
	}
	if (state->for_rate > 0 &&
	    corrupt_bytes(stage, evbuffer_pullup(stage->in, -1), length, settings->rate))
		stage_hit(stage, 0);
	stage_pass(stage, length);
	return NEVER_US;
}

static const struct wire_ops corrupt_ops = {
	.state_bytes = sizeof(struct corrupt_state),
	.pump = corrupt_pump,
};

const struct fault_kind wire_corrupt = {
	.name = "corrupt",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "single bits of what passes an edge are flipped",
	.example = "corrupt: { edge: order -> payment, rate: 0.01%, direction: answers }",
	.keys = corrupt_keys,
	.settings_bytes = sizeof(struct corrupt),
	.wire = &corrupt_ops,
};
