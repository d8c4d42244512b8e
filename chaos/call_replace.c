/* replace: the call takes place, and its answer says something else. */
#include "chaos/call_parts.h"

#include <strings.h>

#include "chaos/call_match.h"

struct replace {
	int64_t status;
	char *body;
	struct strings headers;
};

#define FIELD(name) offsetof(struct replace, name)

static const struct key replace_keys[] = {
	{ "status", KEY_INTEGER, FIELD(status), .minimum = 200, .maximum = 599,
	  .help = "of the answer; otherwise as it was", .example = "500" },
	{ "body", KEY_STRING, FIELD(body), .help = "of the answer; otherwise as it was",
	  .example = "'{\"error\": \"busy\"}'" },
	{ "headers", KEY_STRINGS, FIELD(headers),
	  .help = "lines of the answer's head; each takes the place of what had its name",
	  .example = "[ \"Retry-After: 120\" ]" },
	KEYS_END
};

static struct text name_of(const char *line)
{
	return (struct text){ line, strcspn(line, ":") };
}

static bool is_framing(struct text name)
{
	return text_is_nocase(name, "Content-Length") || text_is_nocase(name, "Transfer-Encoding");
}

static bool replace_check_header(const struct strings *headers, size_t i,
				 struct complaints *complaints)
{
	const char *line = headers->items[i];
	struct error err;

	if (!call_match_header_check(text_of(line), &err))
		return complain(complaints, headers->places[i], "%s", err.text);
	if (!strchr(line, ':'))
		return complain(complaints, headers->places[i],
				"a header to answer with is 'Name: value', not '%s'", line);
	if (is_framing(name_of(line)))
		return complain(complaints, headers->places[i],
				"'%.*s' follows from the body, and can't be replaced",
				TEXT_ARG(name_of(line)));
	return true;
}

static bool replace_check(const struct fault *fault, struct complaints *complaints)
{
	const struct replace *settings = fault->settings;
	bool good = true;

	if (!settings->status && !settings->body && !settings->headers.count)
		return complain(complaints, fault->at,
				"'replace' needs a 'status', a 'body' or 'headers'");
	for (size_t i = 0; i < settings->headers.count; i++)
		good = replace_check_header(&settings->headers, i, complaints) && good;
	return good;
}

static bool has_header(const struct strings *headers, struct text name)
{
	for (size_t i = 0; i < headers->count; i++) {
		struct text ours = name_of(headers->items[i]);

		if (ours.length == name.length &&
		    strncasecmp(ours.data, name.data, name.length) == 0)
			return true;
	}
	return false;
}

/* What says how the body was packed goes where that body goes. */
static bool stays(const struct replace *settings, struct text name)
{
	if (is_framing(name) || has_header(&settings->headers, name))
		return false;
	return !settings->body ||
	       !(text_is_nocase(name, "Content-Encoding") || text_is_nocase(name, "Content-Type") ||
		 text_is_nocase(name, "ETag"));
}

static void add_headers(const struct replace *settings, struct text from, struct buffer *out)
{
	struct text name, value;

	while (http1_next_header(&from, &name, &value))
		if (stays(settings, name))
			buffer_format(out, "%.*s: %.*s\r\n", TEXT_ARG(name), TEXT_ARG(value));
	for (size_t i = 0; i < settings->headers.count; i++) {
		buffer_add_string(out, settings->headers.items[i]);
		buffer_add_string(out, "\r\n");
	}
}

static enum call_verdict replace_answering(struct call_treatment *treatment, int64_t now_us)
{
	(void)treatment;
	(void)now_us;
	return CALL_KEEP;
}

static enum call_verdict replace_answered(struct call_treatment *treatment, int64_t now_us)
{
	const struct replace *settings = treatment->armed->fault.settings;
	struct call *call = treatment->call;
	struct buffer headers = BUFFER_EMPTY;

	(void)now_us;
	if (!call_hit(treatment, HIT_CHANGED, 0))
		return CALL_PASS;
	add_headers(settings, call->answer_headers, &headers);
	if (settings->body) {
		call_answer(call, 0, settings->body, "replace");
		if (has_header(&settings->headers, text_of("Content-Type")))
			buffer_clear(&call->reply_headers);
	} else {
		buffer_clear(&call->reply_headers);
		buffer_clear(&call->reply_body);
		buffer_add_text(&call->reply_body, call->answer_body);
	}
	buffer_add_text(&call->reply_headers, buffer_text(&headers));
	buffer_release(&headers);
	call->reply_status = settings->status ? (int)settings->status : call->answer_status;
	return CALL_ANSWER;
}

static const struct call_ops replace_ops = {
	.answering = replace_answering,
	.answered = replace_answered,
};

const struct fault_kind call_replace = {
	.name = "replace",
	.family = FAMILY_CALL,
	.aims = AIM_EDGE,
	.summary = "calls over an edge take place, and are answered with something else",
	.example = "replace: { edge: order -> payment, status: 500, body: \"{}\" }",
	.keys = replace_keys,
	.settings_bytes = sizeof(struct replace),
	.check = replace_check,
	.call = &replace_ops,
};
