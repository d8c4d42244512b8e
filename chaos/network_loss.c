/* loss: each packet is lost with the same chance, whatever became of the one before. */
#include <math.h>

#include "chaos/kinds.h"
#include "chaos/network.h"

struct loss {
	double share;
	int64_t port;
	int direction;
};

static const char *const directions[] = { "requests", "answers", "both", NULL };
enum { ONLY_REQUESTS, ONLY_ANSWERS, PARTS = 100000 };

static const struct key loss_keys[] = {
	{ "share", KEY_SHARE, offsetof(struct loss, share), .minimum = 1e-5, .maximum = 1,
	  .required = true, .help = "of packets that are lost", .example = "5%" },
	{ "direction", KEY_CHOICE, offsetof(struct loss, direction), .choices = directions,
	  .initial = "both", .help = "which packets are lost: those to the callee, those from it, or both" },
	{ "port", KEY_INTEGER, offsetof(struct loss, port), .minimum = 1, .maximum = 65535,
	  .help = "the port as packets have it, where it is not that of the URL" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct loss *settings = fault->settings;
	struct buffer drop = BUFFER_EMPTY, what = BUFFER_EMPTY;
	struct network_way way = { .port = settings->port, .all_instances = true };
	bool ok;

	buffer_format(&drop, "numgen random mod %d < %ld counter name hits drop", PARTS,
		      lround(settings->share * PARTS));
	buffer_format(&what, "lose %g%% of the packets", settings->share * 100);
	way.what = what.data;
	way.requests = settings->direction == ONLY_ANSWERS ? NULL : drop.data;
	way.answers = settings->direction == ONLY_REQUESTS ? NULL : drop.data;
	ok = network_plan(fault, &way, plan, err);
	buffer_release(&drop);
	buffer_release(&what);
	return ok;
}

const struct fault_kind network_loss = {
	.name = "loss",
	.family = FAMILY_NETWORK,
	.aims = AIM_EDGE | AIM_SERVICE | AIM_REGION,
	.summary = "loses a share of the packets, each with the same chance",
	.example = "loss: { edge: order -> payment, share: 5% }",
	.keys = loss_keys,
	.settings_bytes = sizeof(struct loss),
	.possible = network_possible,
	.plan = plan,
	.arm = network_arm,
	.heal = network_heal,
	.look = network_look,
	.hits = network_hits,
};
