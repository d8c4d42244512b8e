#include "chaos/call_parts.h"

const char *const call_endings[] = { "reset", "hang-up", NULL };
const char *const call_silent_endings[] = { "reset", "hang-up", "timeout", NULL };

bool call_hit(struct call_treatment *treatment, enum hit_kind kind, int64_t delay_us)
{
	const struct call *call = treatment->call;

	if (!armed_active(treatment->armed))
		return false;
	armed_hit(treatment->armed, &(struct hit){
					    .kind = kind,
					    .relay = call->relay,
					    .call = call->number,
					    .correlation = call->correlation,
					    .delay_us = delay_us,
					    .status = call->status,
				    });
	return true;
}

enum ending call_ending(int end)
{
	return end == CALL_END_RESET ? ENDING_RESET : ENDING_FLUSH;
}

enum call_verdict call_answer(struct call *call, int64_t status, const char *body, const char *kind)
{
	bool json = body && (body[0] == '{' || body[0] == '[');

	call->reply_status = (int)status;
	buffer_clear(&call->reply_headers);
	buffer_format(&call->reply_headers, "Content-Type: %s\r\nX-Sagastorm-Fault: %s\r\n",
		      json ? "application/json" : "text/plain", kind);
	buffer_clear(&call->reply_body);
	if (body)
		buffer_add_string(&call->reply_body, body);
	else
		buffer_format(&call->reply_body, "sagastorm: %s\n", kind);
	return CALL_ANSWER;
}
