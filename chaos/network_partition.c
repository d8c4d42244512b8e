/*
 * partition: no packet gets through, either way. Connections stay, and learn nothing: the one who
 * sends tries again until it gives up.
 */
#include "chaos/kinds.h"
#include "chaos/network.h"

struct partition {
	int64_t port;
	int direction;
};

static const char *const directions[] = { "requests", "answers", "both", NULL };
enum { ONLY_REQUESTS, ONLY_ANSWERS };

static const struct key partition_keys[] = {
	{ "direction", KEY_CHOICE, offsetof(struct partition, direction), .choices = directions,
	  .initial = "both", .help = "which packets are lost: those to the callee, those from it, or both" },
	{ "port", KEY_INTEGER, offsetof(struct partition, port), .minimum = 1, .maximum = 65535,
	  .help = "the port as packets have it, where it is not that of the URL" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct partition *settings = fault->settings;
	const char *drop = "counter name hits drop";
	struct network_way way = {
		.what = "lose every packet",
		.requests = settings->direction == ONLY_ANSWERS ? NULL : drop,
		.answers = settings->direction == ONLY_REQUESTS ? NULL : drop,
		.port = settings->port,
		.isolates = true,
	};

	return network_plan(fault, &way, plan, err);
}

const struct fault_kind network_partition = {
	.name = "partition",
	.family = FAMILY_NETWORK,
	.aims = AIM_EDGE | AIM_SERVICE | AIM_REGION,
	.summary = "loses every packet between two services, or between one and all others",
	.example = "partition: { edge: order -> payment }",
	.keys = partition_keys,
	.settings_bytes = sizeof(struct partition),
	.possible = network_possible,
	.plan = plan,
	.arm = network_arm,
	.heal = network_heal,
	.look = network_look,
	.hits = network_hits,
};
