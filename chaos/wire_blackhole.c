/* blackhole: bytes vanish, and so does the end of the connection; it stays open. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

static const struct key blackhole_keys[] = { KEYS_END };

static int64_t blackhole_pump(struct stage *stage, int64_t now_us)
{
	size_t bytes = evbuffer_get_length(stage->in);

	(void)now_us;
	stage->end_due_us = NEVER_US;
	if (bytes > 0) {
		stage_hit(stage, 0);
		evbuffer_drain(stage->in, bytes);
	}
	return NEVER_US;
}

static const struct wire_ops blackhole_ops = { .pump = blackhole_pump };

const struct fault_kind wire_blackhole = {
	.name = "blackhole",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "bytes of an edge vanish, its connections stay open",
	.example = "blackhole: { edge: payment -> psp, share: 30% }",
	.keys = blackhole_keys,
	.wire = &blackhole_ops,
};
