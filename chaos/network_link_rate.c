/*
 * link-rate: a queue in front of the device, like a thin line: packets wait, then are lost. What
 * leaves the namespace is held to the rate, to the callee and back each on its own; over the
 * loopback both ways leave, over a real device only one does.
 */
#include "chaos/kinds.h"
#include "chaos/network.h"
#include "chaos/tc.h"

struct link_rate {
	int64_t rate_bytes, port, queue_packets;
	char *device;
};

static const struct key link_rate_keys[] = {
	{ "rate", KEY_SIZE, offsetof(struct link_rate, rate_bytes), .minimum = 1000,
	  .maximum = 1e11, .required = true, .help = "bytes per second, with all headers",
	  .example = "125kB" },
	{ "queue", KEY_INTEGER, offsetof(struct link_rate, queue_packets), .minimum = 1,
	  .maximum = 100000, .initial = "1000", .help = "packets that may wait; more are lost" },
	{ "device", KEY_STRING, offsetof(struct link_rate, device),
	  .help = "the network device; found by the address if it isn't given", .example = "eth0" },
	{ "port", KEY_INTEGER, offsetof(struct link_rate, port), .minimum = 1, .maximum = 65535,
	  .help = "the port as packets have it, where it is not that of the URL" },
	KEYS_END
};

static void add_class(struct buffer *lines, const struct link_rate *settings, int number)
{
	/* What may leave at once after a pause: a hundredth of a second, or one packet. */
	int64_t burst = settings->rate_bytes / 100 < 2000 ? 2000 : settings->rate_bytes / 100;

	buffer_format(lines,
		      "class add dev @ parent # classid #%d htb rate %lldbps burst %lld "
		      "cburst %lld quantum 60000\n"
		      "qdisc add dev @ parent #%d pfifo limit %lld\n",
		      number, (long long)settings->rate_bytes, (long long)burst, (long long)burst,
		      number, (long long)settings->queue_packets);
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct link_rate *settings = fault->settings;
	struct buffer queues = BUFFER_EMPTY, what = BUFFER_EMPTY;
	struct network_way way = {
		.requests = "counter name hits meta priority set #1",
		.answers = "counter name hits meta priority set #2",
		.device = settings->device,
		.port = settings->port,
	};
	bool ok;

	add_class(&queues, settings, 1);
	add_class(&queues, settings, 2);
	buffer_format(&what, "let %lld bytes per second through, each way that leaves here",
		      (long long)settings->rate_bytes);
	way.queues = queues.data;
	way.what = what.data;
	ok = network_plan(fault, &way, plan, err);
	buffer_release(&queues);
	buffer_release(&what);
	return ok;
}

static bool possible(struct error *err)
{
	return network_possible(err) && tc_possible_htb(err);
}

const struct fault_kind network_link_rate = {
	.name = "link-rate",
	.family = FAMILY_NETWORK,
	.aims = AIM_EDGE | AIM_SERVICE | AIM_REGION,
	.summary = "makes the line thin: packets of a service or an edge leave at a rate",
	.example = "link-rate: { edge: order -> payment, rate: 125kB }",
	.keys = link_rate_keys,
	.settings_bytes = sizeof(struct link_rate),
	.possible = possible,
	.plan = plan,
	.arm = network_arm,
	.heal = network_heal,
	.look = network_look,
	.hits = network_hits,
};
