/* abort: a call is kept from its effect: nothing of it is ever sent on. */
#include "chaos/call_parts.h"

struct abort_settings {
	int64_t status;
	char *body;
	int ending;
};

#define FIELD(name) offsetof(struct abort_settings, name)

static const struct key abort_keys[] = {
	{ "caller-gets", KEY_CHOICE, FIELD(ending), .choices = call_endings, .initial = "reset",
	  .help = "what becomes of the caller's connection: a reset, or an orderly end without an "
		  "answer" },
	{ "status", KEY_INTEGER, FIELD(status), .minimum = 200, .maximum = 599,
	  .help = "the caller gets an answer with this status instead, and stays connected",
	  .example = "503" },
	{ "body", KEY_STRING, FIELD(body), .help = "of that answer" },
	KEYS_END
};

static bool abort_check(const struct fault *fault, struct complaints *complaints)
{
	const struct abort_settings *settings = fault->settings;

	if (settings->body && !settings->status)
		return complain(complaints, fault->at,
				"'abort' with a 'body' needs the 'status' of that answer");
	return true;
}

static enum call_verdict abort_asked(struct call_treatment *treatment, int64_t now_us)
{
	const struct abort_settings *settings = treatment->armed->fault.settings;
	struct call *call = treatment->call;

	(void)now_us;
	if (!call_hit(treatment, HIT_BEFORE, 0))
		return CALL_PASS;
	if (settings->status)
		return call_answer(call, settings->status, settings->body, "abort");
	call->caller_ending = call_ending(settings->ending);
	return CALL_END;
}

static const struct call_ops abort_ops = { .asked = abort_asked };

const struct fault_kind call_abort = {
	.name = "abort",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "calls over an edge fail before their effect: who is called never sees them",
	.example = "abort: { edge: order -> payment, share: 10%, status: 503 }",
	.keys = abort_keys,
	.settings_bytes = sizeof(struct abort_settings),
	.check = abort_check,
	.call = &abort_ops,
};
