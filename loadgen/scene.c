/* What templates and expressions can see: the user's variables and rows, and the answer at hand. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/http1.h"
#include "loadgen/crew.h"

/* An expression may hold several of these at a time, never more than there is room for. */
static struct value number(struct worker *worker, int64_t amount)
{
	char *at;
	int length;

	if (worker->numbers_at + 24 > sizeof(worker->numbers))
		worker->numbers_at = 0;
	at = worker->numbers + worker->numbers_at;
	length = snprintf(at, 24, "%" PRId64, amount);
	worker->numbers_at += (size_t)length;
	return (struct value){ VALUE_NUMBER, { at, (size_t)length } };
}

static struct value get_cell(const struct user *user, struct cell cell)
{
	uint32_t row = user->rows[cell.source];

	if (row == NO_ROW)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	return data_value(&user->worker->load->sources[cell.source], row, cell.column);
}

static struct value get_version(int minor)
{
	static const char *const names[] = { "1.0", "1.1", "2" };

	return (struct value){ VALUE_NUMBER, text_of(names[minor < 0 || minor > 2 ? 1 : minor]) };
}

static struct value get_of_answer(const struct scene *scene, enum builtin builtin)
{
	const struct answer *answer = scene->answer;
	struct worker *worker = scene->user->worker;

	if (!answer)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	switch (builtin) {
	case BUILTIN_BODY:
		return value_string(answer->body);
	case BUILTIN_LATENCY_MS:
		return number(worker, answer->service_us / US_PER_MS);
	case BUILTIN_SIZE:
		return number(worker, (int64_t)answer->body.length);
	default:
		return get_version(answer->minor);
	}
}

static struct value get_builtin(const struct scene *scene, enum builtin builtin)
{
	struct user *user = scene->user;

	switch (builtin) {
	case BUILTIN_USER:
		return number(user->worker, user->number);
	case BUILTIN_REQUEST_KEY:
		return value_string(text_of(scene->request_key ? scene->request_key : ""));
	case BUILTIN_STATUS:
		return number(user->worker,
			      scene->answer ? scene->answer->status : user->last_status);
	default:
		return get_of_answer(scene, builtin);
	}
}

static struct value get_header(const struct scene *scene, const char *name)
{
	struct text found;

	if (!scene->answer || !http1_header(scene->answer->headers, name, &found))
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	return value_string(found);
}

static struct value get(void *context, uint16_t ref)
{
	const struct scene *scene = context;
	const struct user *user = scene->user;
	const struct journey *journey = user->journey;

	switch ((enum ref_kind)REF_KIND(ref)) {
	case REF_SLOT:
		return user->slots[REF_NUMBER(ref)].value;
	case REF_CELL:
		return get_cell(user, journey->cells[REF_NUMBER(ref)]);
	case REF_BUILTIN:
		return get_builtin(scene, (enum builtin)REF_NUMBER(ref));
	case REF_HEADER:
		return get_header(scene, journey->headers[REF_NUMBER(ref)]);
	case REF_COOKIE:
		return cookies_get(&user->cookies, journey->cookies[REF_NUMBER(ref)]);
	case REF_LOOP:
		return number(user->worker, user->loops[REF_NUMBER(ref)].turn);
	}
	return (struct value){ VALUE_ABSENT, { "", 0 } };
}

static struct text document(void *context)
{
	const struct scene *scene = context;

	return scene->answer ? scene->answer->body : text_of("");
}

struct template_source scene_templates(struct scene *scene)
{
	return (struct template_source){ .get = get,
					 .context = scene,
					 .random = &scene->user->random,
					 .wall_us = scene->user->worker->wall_us };
}

struct expression_source scene_expressions(struct scene *scene)
{
	return (struct expression_source){ .get = get,
					   .document = document,
					   .context = scene,
					   .scratch = &scene->user->worker->scratch };
}
