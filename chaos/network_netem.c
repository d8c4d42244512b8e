/*
 * netem: what the kernel's network emulator does to packets: delay, loss, duplicates, damage, a
 * changed order. Only packets that are meant pass through it. Many kernels come without it.
 */
#include "chaos/kinds.h"
#include "chaos/network.h"
#include "chaos/tc.h"

struct netem {
	int64_t delay_us, jitter_us, port;
	double lost, doubled, damaged, reordered;
	char *device;
};

static const struct key netem_keys[] = {
	{ "delay", KEY_DURATION, offsetof(struct netem, delay_us), .maximum = 60e6,
	  .help = "each packet leaves so much later" },
	{ "jitter", KEY_DURATION, offsetof(struct netem, jitter_us), .maximum = 60e6,
	  .help = "give or take" },
	{ "loss", KEY_SHARE, offsetof(struct netem, lost), .maximum = 1, .help = "of packets that are lost" },
	{ "duplicate", KEY_SHARE, offsetof(struct netem, doubled), .maximum = 1,
	  .help = "of packets that are sent twice" },
	{ "corrupt", KEY_SHARE, offsetof(struct netem, damaged), .maximum = 1,
	  .help = "of packets with a flipped bit: a bad checksum, so that they are lost" },
	{ "reorder", KEY_SHARE, offsetof(struct netem, reordered), .maximum = 1,
	  .help = "of packets that overtake the delayed ones" },
	{ "device", KEY_STRING, offsetof(struct netem, device),
	  .help = "the network device; found by the address if it isn't given", .example = "eth0" },
	{ "port", KEY_INTEGER, offsetof(struct netem, port), .minimum = 1, .maximum = 65535,
	  .help = "the port as packets have it, where it is not that of the URL" },
	KEYS_END
};

static bool check(const struct fault *fault, struct complaints *complaints)
{
	const struct netem *settings = fault->settings;

	if (settings->jitter_us > settings->delay_us)
		return complain(complaints, fault->at,
				"the jitter of 'netem' is larger than its delay");
	if (settings->reordered > 0 && settings->delay_us == 0)
		return complain(complaints, fault->at,
				"'reorder' needs a 'delay' that packets can be spared");
	if (settings->delay_us == 0 && settings->lost <= 0 && settings->doubled <= 0 &&
	    settings->damaged <= 0)
		return complain(complaints, fault->at,
				"'netem' does nothing without delay, loss, duplicate or corrupt");
	return true;
}

static void add_share(struct buffer *lines, const char *word, double share)
{
	if (share > 0)
		buffer_format(lines, " %s %.5f%%", word, share * 100);
}

static void add_class(struct buffer *lines, const struct netem *settings, int number)
{
	buffer_format(lines,
		      "class add dev @ parent # classid #%d htb rate 100gbit burst 1m quantum "
		      "60000\nqdisc add dev @ parent #%d netem limit 100000",
		      number, number);
	if (settings->delay_us)
		buffer_format(lines, " delay %lldus", (long long)settings->delay_us);
	if (settings->delay_us && settings->jitter_us)
		buffer_format(lines, " %lldus", (long long)settings->jitter_us);
	add_share(lines, "loss", settings->lost);
	add_share(lines, "duplicate", settings->doubled);
	add_share(lines, "corrupt", settings->damaged);
	add_share(lines, "reorder", settings->reordered);
	buffer_add_char(lines, '\n');
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	const struct netem *settings = fault->settings;
	struct buffer queues = BUFFER_EMPTY;
	struct network_way way = {
		.what = "send packets through the kernel's network emulator",
		.requests = "counter name hits meta priority set #1",
		.answers = "counter name hits meta priority set #2",
		.device = settings->device,
		.port = settings->port,
	};
	bool ok;

	add_class(&queues, settings, 1);
	add_class(&queues, settings, 2);
	way.queues = queues.data;
	ok = network_plan(fault, &way, plan, err);
	buffer_release(&queues);
	return ok;
}

static bool possible(struct error *err)
{
	return network_possible(err) && tc_possible_htb(err) && tc_possible_netem(err);
}

const struct fault_kind network_netem = {
	.name = "netem",
	.family = FAMILY_NETWORK,
	.aims = AIM_EDGE | AIM_SERVICE | AIM_REGION,
	.summary = "delays, loses, doubles, damages or reorders packets, where the kernel can",
	.example = "netem: { edge: order -> payment, delay: 50ms, jitter: 10ms }",
	.keys = netem_keys,
	.settings_bytes = sizeof(struct netem),
	.check = check,
	.possible = possible,
	.plan = plan,
	.arm = network_arm,
	.heal = network_heal,
	.look = network_look,
	.hits = network_hits,
};
