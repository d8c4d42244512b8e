/* refuse: new connections are reset before a byte passes; those that live are left alone. */
#include "chaos/kinds.h"
#include "chaos/proxy_parts.h"

static const struct key refuse_keys[] = { KEYS_END };

/* Whether this connection is meant has been decided by the share. */
static bool refuse_refuses(const struct armed *armed, const struct relay *relay)
{
	return armed_active(armed) && !relay->connected;
}

static const struct wire_ops refuse_ops = { .refuses = refuse_refuses };

const struct fault_kind wire_refuse = {
	.name = "refuse",
	.family = FAMILY_WIRE,
	.aims = AIM_EDGE,
	.summary = "new connections over an edge are refused, upstream does not see them",
	.example = "refuse: { edge: order -> payment, share: 50% }",
	.keys = refuse_keys,
	.wire = &refuse_ops,
};
