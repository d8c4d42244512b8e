/* webhooks: the payment provider's webhooks come late, twice, in another order, or never. */
#include "chaos/kinds.h"
#include "chaos/witness.h"

struct webhooks {
	int64_t delay_us, jitter_us;
	bool twice, reorder, drop;
};

#define FIELD(name) offsetof(struct webhooks, name)

static const struct key webhooks_keys[] = {
	{ "delay", KEY_DURATION, FIELD(delay_us), .initial = "0s", .maximum = 600e6,
	  .help = "so much later" },
	{ "jitter", KEY_DURATION, FIELD(jitter_us), .initial = "0s", .maximum = 600e6,
	  .help = "give or take up to this" },
	{ "twice", KEY_BOOL, FIELD(twice), .initial = "no", .help = "told again" },
	{ "reorder", KEY_BOOL, FIELD(reorder), .initial = "no",
	  .help = "held back until the next one has been told, at most a second" },
	{ "drop", KEY_BOOL, FIELD(drop), .initial = "no", .help = "never told" },
	KEYS_END
};

static bool check(const struct fault *fault, struct complaints *complaints)
{
	const struct webhooks *settings = fault->settings;

	return settings->delay_us || settings->jitter_us || settings->twice || settings->reorder ||
	       settings->drop ||
	       complain(complaints, fault->at,
			"'webhooks' does nothing (delay, twice, reorder or drop)");
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	return witness_plan(fault, "psp", "of webhooks are meddled with", plan, err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct webhooks *settings = fault->settings;

	return witness_arm(fault, "webhooks",
			   json_pack("{s:o, s:o, s:b, s:b, s:b}", "delay",
				     witness_duration(settings->delay_us), "jitter",
				     witness_duration(settings->jitter_us), "twice",
				     settings->twice, "reorder", settings->reorder, "drop",
				     settings->drop),
			   undo, err);
}

const struct fault_kind witness_webhooks = {
	.name = "webhooks",
	.family = FAMILY_WITNESS,
	.aims = AIM_WITNESS,
	.summary = "the payment provider's webhooks come late, twice, in another order, or never",
	.example = "webhooks: { witness: psp, share: 30%, delay: 2s, twice: yes }",
	.keys = webhooks_keys,
	.settings_bytes = sizeof(struct webhooks),
	.check = check,
	.plan = plan,
	.arm = arm,
	.heal = witness_heal,
	.look = witness_look,
	.hits = witness_hits,
};
