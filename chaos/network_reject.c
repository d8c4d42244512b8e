/*
 * reject: the caller is told at once that nobody is there. With `reset` also connections that exist
 * end at their next packet; with `unreachable` only new ones are refused.
 */
#include "chaos/kinds.h"
#include "chaos/network.h"

struct reject {
	int64_t port;
	int with;
};

static const char *const answers[] = { "reset", "unreachable", NULL };
enum { WITH_RESET, WITH_UNREACHABLE };

static const struct key reject_keys[] = {
	{ "with", KEY_CHOICE, offsetof(struct reject, with), .choices = answers, .initial = "reset",
	  .help = "a TCP reset, or an ICMP message for who opens a connection" },
	{ "port", KEY_INTEGER, offsetof(struct reject, port), .minimum = 1, .maximum = 65535,
	  .help = "the port as packets have it, where it is not that of the URL" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct reject *settings = fault->settings;
	struct network_way way = {
		.what = "answer every packet with a reset",
		.requests = "counter name hits reject with tcp reset",
		.port = settings->port,
	};

	if (settings->with == WITH_UNREACHABLE) {
		way.what = "answer every new connection with 'administratively prohibited'";
		way.requests = "tcp flags & (syn | ack) == syn counter name hits "
			       "reject with icmpx type admin-prohibited";
	}
	return network_plan(fault, &way, plan, err);
}

const struct fault_kind network_reject = {
	.name = "reject",
	.family = FAMILY_NETWORK,
	.aims = AIM_EDGE | AIM_SERVICE | AIM_REGION,
	.summary = "answers packets with a reset, or with 'unreachable', in the callee's stead",
	.example = "reject: { edge: order -> payment, with: unreachable }",
	.keys = reject_keys,
	.settings_bytes = sizeof(struct reject),
	.possible = network_possible,
	.plan = plan,
	.arm = network_arm,
	.heal = network_heal,
	.look = network_look,
	.hits = network_hits,
};
