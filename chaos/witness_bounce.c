/* bounce: the mail server refuses mail. */
#include "chaos/kinds.h"
#include "chaos/witness.h"

struct bounce {
	int64_t status;
	int at;
};

static const char *const places[] = { "rcpt", "data", NULL };

static const struct key bounce_keys[] = {
	{ "status", KEY_INTEGER, offsetof(struct bounce, status), .initial = "451", .minimum = 400,
	  .maximum = 599, .help = "4xx: try again later; 5xx: never" },
	{ "at", KEY_CHOICE, offsetof(struct bounce, at), .choices = places, .initial = "data",
	  .help = "at the recipient, or after the whole mail" },
	KEYS_END
};

static bool plan(const struct fault *fault, struct fault_plan *plan, struct error *err)
{
	return witness_plan(fault, "mail", "of mails are refused", plan, err);
}

static bool arm(const struct fault *fault, const json_t *undo, struct error *err)
{
	const struct bounce *settings = fault->settings;

	return witness_arm(fault, "bounce",
			   json_pack("{s:I, s:s}", "status", (json_int_t)settings->status, "at",
				     places[settings->at]),
			   undo, err);
}

const struct fault_kind witness_bounce = {
	.name = "bounce",
	.family = FAMILY_WITNESS,
	.aims = AIM_WITNESS,
	.summary = "the mail server refuses mail",
	.example = "bounce: { witness: mail, share: 20%, status: 451 }",
	.keys = bounce_keys,
	.settings_bytes = sizeof(struct bounce),
	.plan = plan,
	.arm = arm,
	.heal = witness_heal,
	.look = witness_look,
	.hits = witness_hits,
};
