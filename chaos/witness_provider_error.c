/* provider-error: the payment provider fails, before a charge or a refund happens, or after. */
#include "chaos/kinds.h"
#include "chaos/witness.h"

struct provider_error {
	int64_t status;
	int moment, of;
};

static const char *const moments[] = { "before", "after", NULL };
static const char *const subjects[] = { "both", "charges", "refunds", NULL };

static const struct key error_keys[] = {
	{ "status", KEY_INTEGER, offsetof(struct provider_error, status), .initial = "500",
	  .minimum = 429, .maximum = 599, .help = "429, or 500 to 599" },
	{ "when", KEY_CHOICE, offsetof(struct provider_error, moment), .choices = moments,
	  .initial = "before",
	  .help = "before it takes effect; or after that: then its key keeps the error" },
	{ "of", KEY_CHOICE, offsetof(struct provider_error, of), .choices = subjects,
	  .initial = "both", .help = "only to charges, or only to refunds" },
	KEYS_END
};

static bool check(const struct fault *fault, struct complaints *complaints)
{
	const struct provider_error *settings = fault->settings;

	if (settings->status > 429 && settings->status < 500)
		return complain(complaints, fault->at, "'status' is 429, or 500 to 599");
	return settings->status != 429 || settings->moment == 0 ||
	       complain(complaints, fault->at, "a 429 comes before: what it answers has no effect");
}

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	return witness_plan(fault, "psp", "of payments are answered with an error", plan, err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct provider_error *settings = fault->settings;

	return witness_arm(fault, "error",
			   json_pack("{s:I, s:s, s:s}", "status", (json_int_t)settings->status,
				     "when", moments[settings->moment], "of",
				     subjects[settings->of]),
			   undo, err);
}

const struct fault_kind witness_provider_error = {
	.name = "provider-error",
	.family = FAMILY_WITNESS,
	.aims = AIM_WITNESS,
	.summary = "the payment provider fails, before the effect or after it",
	.example = "provider-error: { witness: psp, share: 5%, status: 500, when: after }",
	.keys = error_keys,
	.settings_bytes = sizeof(struct provider_error),
	.check = check,
	.plan = plan,
	.arm = arm,
	.heal = witness_heal,
	.look = witness_look,
	.hits = witness_hits,
};
