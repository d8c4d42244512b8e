/* What handlers ask of their requests, and say in their replies. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/schema.h"
#include "lib/server.h"
#include "shop/frame.h"

void reply_json(struct reply *reply, int status, json_t *json)
{
	json_decref(reply->json);
	reply->status = json ? status : 500;
	reply->json = json;
}

static json_t *error_json(const char *code, const char *message, const char *correlation)
{
	return json_pack("{s:{s:s, s:s, s:s}}", "error", "code", code, "message", message,
			 "correlation_id", correlation);
}

void reply_error(struct request *request, struct reply *reply, int status, const char *code,
		 const char *format, ...)
{
	char message[256];
	va_list arguments;
	json_t *json;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	json = error_json(code, message, request->correlation);
	if (!json) /* cut off in the middle of a character */
		json = error_json(code, code, request->correlation);
	reply_json(reply, status, json);
}

const char *request_query(struct request *request, const char *name, const char *otherwise)
{
	struct buffer value = BUFFER_EMPTY;
	const char *result = otherwise;

	if (server_parameter(request->query, name, &value))
		result = arena_string(request->arena, buffer_text(&value));
	buffer_release(&value);
	return result;
}

static bool bad(struct request *request, struct reply *reply, const char *name, const char *what)
{
	reply_error(request, reply, 400, "bad_input", "'%s' must be %s", name, what);
	return false;
}

bool request_query_int(struct request *request, struct reply *reply, const char *name,
		       int64_t otherwise, int64_t low, int64_t high, int64_t *out)
{
	const char *text = request_query(request, name, NULL);

	*out = otherwise;
	if (!text)
		return true;
	if (!unit_integer(text_of(text), out, NULL))
		return bad(request, reply, name, "a whole number");
	*out = *out < low ? low : *out > high ? high : *out;
	return true;
}

bool request_string(struct request *request, struct reply *reply, const char *name, size_t longest,
		    const char **out)
{
	const json_t *member = json_object_get(request->json, name);
	char what[64];

	snprintf(what, sizeof(what), "a string of 1 to %zu bytes", longest);
	if (!json_is_string(member) || json_string_length(member) == 0 ||
	    json_string_length(member) > longest)
		return bad(request, reply, name, what);
	*out = json_string_value(member);
	if (strlen(*out) != json_string_length(member))
		return bad(request, reply, name, "a string without NUL");
	return true;
}

bool request_int(struct request *request, struct reply *reply, const char *name, int64_t low,
		 int64_t high, int64_t *out)
{
	const json_t *member = json_object_get(request->json, name);
	char what[96];

	snprintf(what, sizeof(what), "a whole number from %" PRId64 " to %" PRId64, low, high);
	if (!json_is_integer(member) || json_integer_value(member) < low ||
	    json_integer_value(member) > high)
		return bad(request, reply, name, what);
	*out = json_integer_value(member);
	return true;
}

char *make_id(struct service *service, struct arena *arena, const char *prefix)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t high = random_next(&service->random), low = random_next(&service->random);
	char id[21];

	for (size_t i = 0; i < 10; i++) {
		id[i] = letters[high >> (5 * i) & 31];
		id[10 + i] = letters[low >> (5 * i) & 31];
	}
	id[20] = '\0';
	return arena_format(arena, "%s%s", prefix, id);
}

const char *time_now_iso(struct arena *arena)
{
	int64_t now_us = clock_wall_us();
	time_t now_s = (time_t)(now_us / US_PER_S);
	char date[32];
	struct tm parts;

	gmtime_r(&now_s, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	return arena_format(arena, "%s.%06" PRId64 "Z", date, now_us % US_PER_S);
}
