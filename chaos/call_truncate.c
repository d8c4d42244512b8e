/* truncate: only the beginning of an answer arrives. */
#include "chaos/call_parts.h"

struct truncate {
	int64_t after_bytes;
	double after_share;
	int ending;
};

#define FIELD(name) offsetof(struct truncate, name)

static const struct key truncate_keys[] = {
	{ "after", KEY_SIZE, FIELD(after_bytes), .initial = "0", .maximum = 1e15,
	  .help = "so much of its body, as it is sent, still arrives; its head does, too" },
	{ "after-share", KEY_SHARE, FIELD(after_share), .maximum = 0.999999,
	  .help = "instead, such a share of its body does", .example = "50%" },
	{ "caller-gets", KEY_CHOICE, FIELD(ending), .choices = call_endings, .initial = "reset",
	  .help = "then: a reset, or an orderly end of its connection" },
	KEYS_END
};

static bool truncate_check(const struct fault *fault, struct complaints *complaints)
{
	const struct truncate *settings = fault->settings;

	if (settings->after_bytes && settings->after_share > 0)
		return complain(complaints, fault->at,
				"'truncate' has either an 'after' or an 'after-share'");
	return true;
}

/* An answer that ends before it would be cut is left alone. */
static enum call_verdict truncate_at(struct call_treatment *treatment, int64_t body_bytes)
{
	const struct truncate *settings = treatment->armed->fault.settings;
	struct call *call = treatment->call;
	int64_t cut = settings->after_bytes;

	if (settings->after_share > 0)
		cut = (int64_t)((double)body_bytes * settings->after_share);
	if (cut >= body_bytes || !call_hit(treatment, HIT_CHANGED, 0))
		return CALL_PASS;
	call->cut_bytes = cut;
	call->caller_ending = call_ending(settings->ending);
	return CALL_CUT;
}

/* Where its length is known it need not be kept, however large it is. */
static enum call_verdict truncate_answering(struct call_treatment *treatment, int64_t now_us)
{
	(void)now_us;
	if (treatment->call->answer_bytes < 0)
		return CALL_KEEP;
	return truncate_at(treatment, treatment->call->answer_bytes);
}

static enum call_verdict truncate_answered(struct call_treatment *treatment, int64_t now_us)
{
	(void)now_us;
	return truncate_at(treatment, treatment->call->answer_raw_bytes);
}

static const struct call_ops truncate_ops = {
	.answering = truncate_answering,
	.answered = truncate_answered,
};

const struct fault_kind call_truncate = {
	.name = "truncate",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "answers over an edge are cut short",
	.example = "truncate: { edge: gateway -> catalog, call: GET /products, after-share: 50% }",
	.keys = truncate_keys,
	.settings_bytes = sizeof(struct truncate),
	.check = truncate_check,
	.call = &truncate_ops,
};
