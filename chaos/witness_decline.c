/* decline: the payment provider declines cards that would pay. */
#include "chaos/kinds.h"
#include "chaos/witness.h"

struct decline {
	int code;
};

static const char *const codes[] = { "card_declined", "insufficient_funds", "lost_card",
				     "expired_card",  "processing_error",   NULL };

static const struct key decline_keys[] = {
	{ "code", KEY_CHOICE, offsetof(struct decline, code), .choices = codes,
	  .initial = "card_declined", .help = "what is said to be wrong with the card" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	return witness_plan(fault, "psp", "of good cards are declined", plan, err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct decline *settings = fault->settings;

	return witness_arm(fault, "decline", json_pack("{s:s}", "code", codes[settings->code]),
			   undo, err);
}

const struct fault_kind witness_decline = {
	.name = "decline",
	.family = FAMILY_WITNESS,
	.aims = AIM_WITNESS,
	.summary = "the payment provider declines good cards",
	.example = "decline: { witness: psp, share: 10%, code: insufficient_funds }",
	.keys = decline_keys,
	.settings_bytes = sizeof(struct decline),
	.plan = plan,
	.arm = arm,
	.heal = witness_heal,
	.look = witness_look,
	.hits = witness_hits,
};
