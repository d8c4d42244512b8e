/* delay: a call goes on later; the calls of other connections do not wait. */
#include "chaos/call_parts.h"

struct delay {
	int64_t delay_us, jitter_us;
};

static const struct key delay_keys[] = {
	{ "delay", KEY_DURATION, offsetof(struct delay, delay_us), .maximum = 600e6,
	  .required = true, .help = "how much later the call goes on" },
	{ "jitter", KEY_DURATION, offsetof(struct delay, jitter_us), .initial = "0",
	  .maximum = 600e6, .help = "it may be so much less or more, any of it as likely" },
	KEYS_END
};

/* Counted when it begins: a caller that gives up meanwhile has met it, too. */
static enum call_verdict delay_asked(struct call_treatment *treatment, int64_t now_us)
{
	const struct delay *settings = treatment->armed->fault.settings;
	int64_t delay_us = settings->delay_us;

	if (treatment->waited)
		return CALL_PASS;
	delay_us += random_between(&treatment->random, -settings->jitter_us, settings->jitter_us);
	delay_us = delay_us > 0 ? delay_us : 0;
	if (!call_hit(treatment, HIT_CHANGED, delay_us))
		return CALL_PASS;
	treatment->wait_until_us = now_us + delay_us;
	return CALL_WAIT;
}

static const struct call_ops delay_ops = { .asked = delay_asked };

const struct fault_kind call_delay = {
	.name = "delay",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "calls over an edge go on later",
	.example = "delay: { edge: order -> payment, call: POST /internal/charge, delay: 800ms }",
	.keys = delay_keys,
	.settings_bytes = sizeof(struct delay),
	.call = &delay_ops,
};
