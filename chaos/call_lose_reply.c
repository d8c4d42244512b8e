/*
 * lose-reply: the effect happens, the answer never arrives. The call goes to upstream as it is, its
 * whole answer is waited for, and only then the caller learns nothing. Where that answer does not
 * come or is broken, the caller gets what there is, and it is no hit.
 */
#include "chaos/call_parts.h"

struct lose_reply {
	int64_t status;
	char *body;
	int ending;
	int64_t silence_us;
};

#define FIELD(name) offsetof(struct lose_reply, name)

static const struct key lose_reply_keys[] = {
	{ "caller-gets", KEY_CHOICE, FIELD(ending), .choices = call_silent_endings,
	  .initial = "reset",
	  .help = "when the whole answer has come: a reset, an orderly end of its connection, or "
		  "silence until it gives up (timeout)" },
	{ "silence", KEY_DURATION, FIELD(silence_us), .initial = "60s", .minimum = 1000,
	  .maximum = 3600e6,
	  .help = "a caller that does not give up is reset after so long; also when the fault was "
		  "healed before" },
	{ "status", KEY_INTEGER, FIELD(status), .minimum = 400, .maximum = 599,
	  .help = "instead, the caller gets an answer with this status, as from a gateway that "
		  "lost its own",
	  .example = "502" },
	{ "body", KEY_STRING, FIELD(body), .help = "of that answer" },
	KEYS_END
};

static bool lose_reply_check(const struct fault *fault, struct complaints *complaints)
{
	const struct lose_reply *settings = fault->settings;

	if (settings->body && !settings->status)
		return complain(complaints, fault->at,
				"'lose-reply' with a 'body' needs the 'status' of that answer");
	if (settings->status && settings->ending != CALL_END_RESET)
		return complain(
			complaints, fault->at,
			"'lose-reply' has either a 'status' or something that 'caller-gets'");
	return true;
}

static enum call_verdict lose_reply_answering(struct call_treatment *treatment, int64_t now_us)
{
	(void)treatment;
	(void)now_us;
	return CALL_KEEP;
}

static enum call_verdict lose_reply_answered(struct call_treatment *treatment, int64_t now_us)
{
	const struct lose_reply *settings = treatment->armed->fault.settings;
	struct call *call = treatment->call;

	(void)now_us;
	if (!call_hit(treatment, HIT_AFTER, 0))
		return CALL_PASS;
	if (settings->status)
		return call_answer(call, settings->status, settings->body, "lose-reply");
	call->caller_ending = call_ending(settings->ending);
	call->silence_us = settings->silence_us;
	return settings->ending == CALL_END_TIMEOUT ? CALL_SWALLOW : CALL_END;
}

static const struct call_ops lose_reply_ops = {
	.answering = lose_reply_answering,
	.answered = lose_reply_answered,
};

const struct fault_kind call_lose_reply = {
	.name = "lose-reply",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "calls over an edge take effect, and their callers never learn of it",
	.example = "lose-reply: { edge: payment -> psp, call: POST /v1/payment_intents, share: 20% }",
	.keys = lose_reply_keys,
	.settings_bytes = sizeof(struct lose_reply),
	.check = lose_reply_check,
	.call = &lose_reply_ops,
};
