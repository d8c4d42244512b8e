/* duplicate: a call arrives twice, as when something on its way sends it again. */
#include "chaos/call_parts.h"

struct duplicate {
	int64_t gap_us;
	int answer;
};

#define FIELD(name) offsetof(struct duplicate, name)

enum { ANSWER_FIRST, ANSWER_SECOND };
static const char *const answers[] = { "first", "second", NULL };

static const struct key duplicate_keys[] = {
	{ "gap", KEY_DURATION, FIELD(gap_us), .initial = "0", .maximum = 600e6,
	  .help = "so much later the second is sent, over a connection of its own" },
	{ "answer", KEY_CHOICE, FIELD(answer), .choices = answers, .initial = "first",
	  .help = "which one the caller gets; the other is read and dropped" },
	KEYS_END
};

static enum call_verdict duplicate_asked(struct call_treatment *treatment, int64_t now_us)
{
	const struct duplicate *settings = treatment->armed->fault.settings;

	(void)now_us;
	if (!armed_active(treatment->armed))
		return CALL_PASS;
	treatment->call->twice_gap_us = settings->gap_us;
	treatment->call->twice_second = settings->answer == ANSWER_SECOND;
	return CALL_TWICE;
}

static const struct call_ops duplicate_ops = { .asked = duplicate_asked };

const struct fault_kind call_duplicate = {
	.name = "duplicate",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "calls over an edge arrive twice; the caller gets one of the answers",
	.example = "duplicate: { edge: order -> payment, call: POST /internal/charge, every: 5 }",
	.keys = duplicate_keys,
	.settings_bytes = sizeof(struct duplicate),
	.call = &duplicate_ops,
};
