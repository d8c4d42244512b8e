/* What an answer must be like, and what is kept of it. See crew.h. */
#include <stdio.h>

#include "lib/http1.h"
#include "lib/memory.h"
#include "lib/regex.h"
#include "loadgen/crew.h"

static bool judge_one(struct scene *scene, const struct expectation *expectation, struct error *why)
{
	struct expression_source source = scene_expressions(scene);
	struct text text;

	if (expression_true(expectation->condition, &source))
		return true;
	text = expression_text(expectation->condition);
	return error_set(why, "expected %.*s, got status %d", TEXT_ARG(text),
			 scene->answer->status);
}

enum failure answer_judge(struct scene *scene, const struct request_step *step, struct error *why)
{
	if (!step->status_expected && scene->answer->status >= 400) {
		error_set(why, "status %d", scene->answer->status);
		return FAILURE_HTTP;
	}
	for (size_t i = 0; i < step->expectation_count; i++)
		if (!judge_one(scene, &step->expectations[i], why))
			return step->expectations[i].about_status ? FAILURE_HTTP :
								    FAILURE_EXPECTATION;
	return FAILURE_NONE;
}

bool answer_until(struct scene *scene, const struct request_step *step)
{
	struct expression_source source = scene_expressions(scene);

	return expression_true(step->poll.until, &source);
}

/* Saving. */

static struct value find_pointer(const struct scene *scene, const struct save *save)
{
	struct buffer *scratch = &scene->user->worker->scratch;
	struct json_found found;

	if (json_find(&save->pointer, scene->answer->body, &found) != JSON_FOUND)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	buffer_clear(scratch);
	return json_value(&found, scratch);
}

static struct value find_regex(const struct scene *scene, const struct save *save)
{
	struct regex_found found;

	if (regex_find(save->regex, scene->answer->body, &found) != REGEX_FOUND)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	return value_string(found.group);
}

static struct value find_header(const struct scene *scene, const struct save *save)
{
	struct text found;

	if (!http1_header(scene->answer->headers, save->name, &found))
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	return value_string(found);
}

static struct value find_status(const struct scene *scene)
{
	struct buffer *scratch = &scene->user->worker->scratch;

	buffer_clear(scratch);
	buffer_add_number(scratch, scene->answer->status);
	return (struct value){ VALUE_NUMBER, buffer_text(scratch) };
}

static struct value find(const struct scene *scene, const struct save *save)
{
	switch (save->from) {
	case SAVE_POINTER:
		return find_pointer(scene, save);
	case SAVE_HEADER:
		return find_header(scene, save);
	case SAVE_REGEX:
		return find_regex(scene, save);
	case SAVE_COOKIE:
		return cookies_get(&scene->user->cookies, save->name);
	case SAVE_STATUS:
		return find_status(scene);
	case SAVE_BODY:
		return value_string(scene->answer->body);
	}
	return (struct value){ VALUE_ABSENT, { "", 0 } };
}

static const char *what_is_missing(const struct save *save, char *room, size_t size)
{
	if (save->from == SAVE_POINTER)
		snprintf(room, size, "nothing at %.*s", TEXT_ARG(save->pointer.source));
	else if (save->from == SAVE_HEADER || save->from == SAVE_COOKIE)
		snprintf(room, size, "no %s '%s'", save->from == SAVE_HEADER ? "header" : "cookie",
			 save->name);
	else
		snprintf(room, size, "no match of the regular expression");
	return room;
}

enum failure answer_save(struct scene *scene, const struct request_step *step, struct error *why)
{
	char room[200];

	for (size_t i = 0; i < step->save_count; i++) {
		const struct save *save = &step->saves[i];
		struct value value = find(scene, save);

		if (value.kind == VALUE_ABSENT && !save->optional) {
			error_set(why, "%s to save as '%s'",
				  what_is_missing(save, room, sizeof(room)),
				  scene->user->journey->slot_names[save->slot]);
			return FAILURE_EXPECTATION;
		}
		if (value.kind == VALUE_ABSENT)
			value = value_string(save->otherwise);
		user_set_slot(scene->user, save->slot, value);
	}
	return FAILURE_NONE;
}
