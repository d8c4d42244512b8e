/* Requests: alone, again and again until something holds, and several at once. */
#include "loadgen/journey_compile.h"

enum { RETRIES_MAX = 20, REDIRECTS_MAX = 20 };

struct request_keys {
	const struct yaml *target, *name, *headers, *auth, *expect, *save, *retry, *until, *saga;
	struct body_keys body;
	int64_t timeout_us, redirects, every_us, within_us;
	int on_fail;
	bool idempotent;
};

struct retry_keys {
	int64_t times;
	struct strings on;
	const struct yaml *backoff;
	double jitter;
};

static const char *const retry_reasons[] = { "timeout", "reset", "connect", "5xx", "429",
					     "expectation", NULL };
static const uint8_t retry_bits[] = { RETRY_TIMEOUT, RETRY_RESET, RETRY_CONNECT, RETRY_5XX,
				      RETRY_429, RETRY_EXPECTATION };

static const struct shape text_shape = { .kind = SHAPE_STRING };

static const struct key retry_keys[] = {
	{ "times", KEY_INTEGER, offsetof(struct retry_keys, times), .required = true, .minimum = 1,
	  .maximum = RETRIES_MAX, .help = "how often to try again after the first attempt" },
	{ "on", KEY_STRINGS, offsetof(struct retry_keys, on),
	  .help = "what is worth another attempt: timeout, reset, connect, 5xx, 429, expectation; "
		  "without this timeout, reset, connect and 5xx",
	  .example = "on: [timeout, 5xx]" },
	{ "backoff", KEY_NODE, offsetof(struct retry_keys, backoff), .shape = &text_shape,
	  .help = "how long to wait before the next attempt, and by how much that grows each time",
	  .example = "backoff: 100ms x2" },
	{ "jitter", KEY_SHARE, offsetof(struct retry_keys, jitter), .maximum = 1, .initial = "0%",
	  .help = "how far the wait may be off, both ways, so that visitors do not come back at once" },
	KEYS_END
};

static const struct shape retry_shape = {
	.kind = SHAPE_KEYS, .name = "retry", .keys = retry_keys,
	.help = "when and how to try again; a retry is the same request, with the same ${request.key}",
};

#define REQUEST_KEYS                                                                               \
	{ "name", KEY_NODE, offsetof(struct request_keys, name), .shape = &text_shape,             \
	  .help = "what reports call it; without this the method and the path, every ${x} as {x}", \
	  .example = "name: list products" },                                                      \
	{ "headers", KEY_NODE, offsetof(struct request_keys, headers),                             \
	  .shape = &journey_headers_shape,                                                         \
	  .help = "header lines, on top of those of `http: headers`",                              \
	  .example = "headers: { Accept-Language: de }" },                                         \
	{ "auth", KEY_NODE, offsetof(struct request_keys, auth), .shape = &text_shape,             \
	  .help = "`bearer TOKEN` or `basic USER:PASSWORD`", .example = "auth: bearer ${token}" }, \
	{ "json", KEY_NODE, offsetof(struct request_keys, body.json),                              \
	  .shape = &journey_json_shape,                                                            \
	  .help = "the body, a JSON document written as YAML",                                     \
	  .example = "json: { sku: \"${products.sku}\", qty: ${fn.int(1,3)} }" },                  \
	{ "form", KEY_NODE, offsetof(struct request_keys, body.form),                              \
	  .shape = &journey_form_shape,                                                            \
	  .help = "the body, fields of a form", .example = "form: { q: ${term} }" },               \
	{ "body", KEY_NODE, offsetof(struct request_keys, body.body), .shape = &text_shape,        \
	  .help = "the body, a text with ${names} in it", .example = "body: \"hello ${name}\"" },  \
	{ "body-file", KEY_NODE, offsetof(struct request_keys, body.file), .shape = &text_shape,   \
	  .help = "the body, a file as it is; its path starts where the scenario is",              \
	  .example = "body-file: data/photo.jpg" },                                                \
	{ "expect", KEY_NODE, offsetof(struct request_keys, expect),                               \
	  .shape = &journey_expect_shape,                                                          \
	  .help = "what the answer must be like; without this, any status below 400 will do",      \
	  .example = "expect: { status: 200, json: { /state: open } }" },                          \
	{ "save", KEY_NODE, offsetof(struct request_keys, save),                                   \
	  .shape = &journey_save_shape,                                                            \
	  .help = "variables to keep from the answer", .example = "save: { token: /token }" },     \
	{ "retry", KEY_NODE, offsetof(struct request_keys, retry), .shape = &retry_shape,          \
	  .help = "when and how to try again",                                                     \
	  .example = "retry: { times: 3, on: [timeout, 5xx], backoff: 100ms x2 }" },               \
	{ "timeout", KEY_DURATION, offsetof(struct request_keys, timeout_us), .minimum = 1000,     \
	  .maximum = 3600e6, .help = "give up after this long; without this what `http:` says" },  \
	{ "redirects", KEY_INTEGER, offsetof(struct request_keys, redirects),                      \
	  .maximum = REDIRECTS_MAX,                                                                \
	  .help = "how many redirects to follow; without this what `http:` says" },                \
	{ "on-fail", KEY_CHOICE, offsetof(struct request_keys, on_fail),                           \
	  .choices = (const char *const[]){ "leave", "continue", NULL }, .initial = "leave",       \
	  .help = "whether a failure ends the journey" },                                          \
	{ "idempotent", KEY_BOOL, offsetof(struct request_keys, idempotent), .initial = "no",      \
	  .help = "mint ${request.key} and send it as Idempotency-Key; retries keep it" },         \
	{ "saga", KEY_NODE, offsetof(struct request_keys, saga), .shape = &journey_saga_shape,     \
	  .help = "the saga that it places, or what else it does to one; ${NAME.key} and "         \
		  "${NAME.id} are known from then on",                                             \
	  .example = "saga: order" }

#define METHOD_KEYS(method, text)                                                                  \
	static const struct key method##_keys[] = {                                                \
		{ #method, KEY_NODE, offsetof(struct request_keys, target), .shape = &text_shape,  \
		  .required = true, .help = text " a path of the target, or a URL in `allow`",     \
		  .example = #method ": /api/products/${products.sku}" },                          \
		REQUEST_KEYS,                                                                      \
		KEYS_END                                                                           \
	};                                                                                         \
	const struct shape step_##method##_shape = { .kind = SHAPE_KEYS,                           \
						     .name = #method "-step",                      \
						     .keys = method##_keys,                        \
						     .help = "a request" }

METHOD_KEYS(get, "GET");
METHOD_KEYS(post, "POST to");
METHOD_KEYS(put, "PUT to");
METHOD_KEYS(patch, "PATCH");
METHOD_KEYS(delete, "DELETE");
METHOD_KEYS(head, "HEAD of");
METHOD_KEYS(options, "OPTIONS of");

static const struct key poll_keys[] = {
	{ "poll", KEY_NODE, offsetof(struct request_keys, target), .shape = &text_shape,
	  .required = true, .help = "what to ask again and again: a path, or a method and a path",
	  .example = "poll: GET /api/orders/${order_id}" },
	{ "until", KEY_NODE, offsetof(struct request_keys, until), .shape = &text_shape,
	  .required = true, .help = "the condition that ends it, about the answer",
	  .example = "until: /status in [CONFIRMED, FAILED]" },
	{ "every", KEY_DURATION, offsetof(struct request_keys, every_us), .initial = "1s",
	  .minimum = 1000, .maximum = 3600e6, .help = "how long to wait between two answers" },
	{ "within", KEY_DURATION, offsetof(struct request_keys, within_us), .initial = "30s",
	  .minimum = 1000, .maximum = 86400e6, .help = "when the condition must hold at last" },
	REQUEST_KEYS,
	KEYS_END
};

const struct shape step_poll_shape = { .kind = SHAPE_KEYS, .name = "poll-step", .keys = poll_keys,
				  .help = "the same request until something holds" };

static const struct {
	const char *name;
	enum http_method method;
	const struct key *keys;
} methods[] = {
	{ "get", METHOD_GET, get_keys },
	{ "post", METHOD_POST, post_keys },
	{ "put", METHOD_PUT, put_keys },
	{ "patch", METHOD_PATCH, patch_keys },
	{ "delete", METHOD_DELETE, delete_keys },
	{ "head", METHOD_HEAD, head_keys },
	{ "options", METHOD_OPTIONS, options_keys },
};

enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

/* Retries. */

/* "100ms" or "100ms x2" */
static bool read_backoff(struct compiler *compiler, const struct yaml *node, struct retry *retry)
{
	struct text text, wait, growth = { "", 0 };
	struct error err;
	const char *cross;

	if (!compiler_fixed(compiler, node, "backoff", &text))
		return false;
	wait = text = text_trim(text);
	cross = memchr(text.data, ' ', text.length);
	if (cross) {
		wait.length = (size_t)(cross - text.data);
		growth = text_trim((struct text){ cross, text.length - wait.length });
	}
	if (!unit_duration(wait, &retry->backoff_us, &err))
		return complain(compiler->complaints, node->at, "'backoff': %s", err.text);
	if (!cross)
		return true;
	if (growth.length > 1 && growth.data[0] == 'x' &&
	    unit_number((struct text){ growth.data + 1, growth.length - 1 }, &retry->factor,
			&err) &&
	    retry->factor >= 1 && retry->factor <= 100)
		return true;
	return complain(compiler->complaints, node->at,
			"'backoff' is a duration and how it grows (1 to 100 times): 100ms x2");
}

static bool read_reasons(struct compiler *compiler, const struct strings *on, struct retry *retry)
{
	bool good = true;

	for (size_t i = 0; i < on->count; i++) {
		size_t reason = 0;

		while (retry_reasons[reason] && strcmp(on->items[i], retry_reasons[reason]) != 0)
			reason++;
		if (retry_reasons[reason]) {
			retry->on |= retry_bits[reason];
			continue;
		}
		complain_unknown(compiler->complaints, on->places[i], "reason to retry",
				 text_of(on->items[i]), retry_reasons);
		good = false;
	}
	return good;
}

static bool read_retry(struct compiler *compiler, const struct yaml *node, struct retry *retry)
{
	struct retry_keys keys;
	bool good = schema_read(retry_keys, node, &keys, &compiler->context->reading);

	*retry = (struct retry){ .times = (uint8_t)keys.times, .factor = 1, .jitter = keys.jitter };
	if (keys.on.count)
		good = read_reasons(compiler, &keys.on, retry) && good;
	else
		retry->on = RETRY_TIMEOUT | RETRY_RESET | RETRY_CONNECT | RETRY_5XX;
	if (keys.backoff)
		good = read_backoff(compiler, keys.backoff, retry) && good;
	return good;
}

static void warn_of_double_effects(struct compiler *compiler, const struct request_step *step,
				   const struct yaml *retry)
{
	bool repeats =
		step->retry.on & (RETRY_TIMEOUT | RETRY_RESET | RETRY_5XX | RETRY_EXPECTATION);

	if ((step->method == METHOD_POST || step->method == METHOD_PATCH) && !step->mints_key &&
	    !step->saga && repeats)
		complain_warning(
			compiler->complaints, retry->at,
			"a retried %s may take effect twice: say 'idempotent: yes' to send a key",
			http_method_name(step->method));
}

/* The request itself. */

static bool read_poll_keys(struct compiler *compiler, const struct request_keys *keys,
			   struct request_step *step)
{
	if (!keys->until)
		return true; /* missing, and complained about */
	step->poll.every_us = keys->every_us;
	step->poll.within_us = keys->within_us;
	if (keys->until->kind != YAML_SCALAR)
		return complain(compiler->complaints, keys->until->at,
				"'until' wants a condition, not %s", yaml_kind_name(keys->until));
	compiler->asked_body = compiler->asked_status = false;
	step->poll.until = compiler_condition(compiler, keys->until->text,
					      scalar_place(keys->until), SIGHT_ANSWER);
	step->reads_body |= compiler->asked_body;
	step->status_expected |= compiler->asked_status;
	return step->poll.until;
}

/* Parts of one `together` may place the same saga: they race for it. */
static bool mint_once(struct compiler *compiler, const struct saga_role *role, struct place at,
		      const struct yaml *shown)
{
	uint8_t bit = (uint8_t)(1u << role->saga);

	if (compiler->together && compiler->minted & bit)
		return !shown || complain(compiler->complaints, shown->at,
					  "'shown' belongs to the first that places it");
	compiler->minted |= bit;
	return saga_use_mint(compiler, role, at, shown);
}

static bool read_parts(struct compiler *compiler, const struct request_keys *keys,
		       struct text target, struct place target_at, struct request_step *step)
{
	struct header_wishes wishes = { .own = keys->headers,
					.auth = keys->auth,
					.idempotent = keys->idempotent };
	const struct yaml *shown = NULL;
	bool good = !keys->saga || saga_use_read(compiler, keys->saga, &step->saga, &shown);

	wishes.saga = step->saga;
	if (step->saga && step->saga->verb == SAGA_PLACES)
		good = mint_once(compiler, step->saga, keys->saga->at, shown) && good;
	compiler->asked_key = false;
	good = target_name(compiler, keys->name, target, step) && good;
	good = target_read(compiler, keys->target, target, target_at, step) && good;
	good = body_read(compiler, &keys->body, step, &wishes.content_type) && good;
	good = headers_read(compiler, &wishes, &step->headers) && good;
	step->mints_key = compiler->asked_key;
	if (keys->expect)
		good = expect_read(compiler, keys->expect, step) && good;
	good = read_poll_keys(compiler, keys, step) && good;
	if (keys->save)
		good = saves_read(compiler, keys->save, step) && good;
	if (keys->saga)
		good = saga_use_finish(compiler, step, keys->saga->at) && good;
	if (keys->retry) {
		good = read_retry(compiler, keys->retry, &step->retry) && good;
		warn_of_double_effects(compiler, step, keys->retry);
	}
	return good;
}

/* The step, also when something is wrong with it, so that what it saves is known; NULL: nothing. */
static struct request_step *read_step(struct compiler *compiler, const struct yaml *node,
				      const struct key *keys, enum http_method method, bool *good)
{
	const struct request_defaults *defaults = &compiler->context->defaults;
	struct request_step *step = arena_new(compiler->arena, sizeof(*step));
	struct request_keys read = { .target = NULL };
	struct text target;
	struct place at;

	*good = schema_read(keys, node, &read, &compiler->context->reading);
	step->at = node->at;
	step->method = method;
	step->timeout_us = yaml_get(node, "timeout") ? read.timeout_us : defaults->timeout_us;
	step->redirects =
		yaml_get(node, "redirects") ? (uint8_t)read.redirects : defaults->redirects;
	step->goes_on = read.on_fail == 1;
	if (!read.target || read.target->kind != YAML_SCALAR) {
		if (read.target)
			complain(compiler->complaints, read.target->at,
				 "a path is wanted here, not %s", yaml_kind_name(read.target));
		*good = false;
		return NULL;
	}
	target = text_trim(read.target->text);
	at = scalar_place(read.target);
	if (keys == poll_keys) {
		size_t i = 0, word = 0;

		while (word < target.length && target.data[word] != ' ')
			word++;
		while (i < METHODS &&
		       !text_is_nocase((struct text){ target.data, word }, methods[i].name))
			i++;
		if (i < METHODS) {
			step->method = methods[i].method;
			target = text_trim(
				(struct text){ target.data + word, target.length - word });
			at = template_place(at, read.target->text,
					    (size_t)(target.data - read.target->text.data));
		}
	}
	*good = read_parts(compiler, &read, target, at, step) && *good;
	return step;
}

bool step_request(struct compiler *compiler, const struct yaml *node, const char *kind)
{
	struct request_step *step;
	size_t i = 0;
	bool good;

	while (strcmp(kind, methods[i].name) != 0)
		i++;
	step = read_step(compiler, node, methods[i].keys, methods[i].method, &good);
	if (step)
		program_add(compiler, OP_REQUEST, node->at)->request = step;
	compiler->last = step;
	return good;
}

bool step_poll(struct compiler *compiler, const struct yaml *node, const char *kind)
{
	struct request_step *step;
	bool good;

	(void)kind;
	step = read_step(compiler, node, poll_keys, METHOD_GET, &good);
	if (step)
		program_add(compiler, OP_REQUEST, node->at)->request = step;
	compiler->last = step;
	return good;
}

/* Several at once. */

struct together_keys {
	const struct yaml *parts;
	int64_t lanes;
};

const struct shape journey_request_shape = {
	.kind = SHAPE_ONE_OF, .name = "request",
	.options = (const struct shape *const[]){
		&text_shape, &step_get_shape, &step_post_shape, &step_put_shape, &step_patch_shape,
		&step_delete_shape, &step_head_shape, &step_options_shape, NULL },
	.help = "a request, or just the path of a GET",
};

static const struct key together_keys[] = {
	{ "together", KEY_NODE, offsetof(struct together_keys, parts), .required = true,
	  .shape = &(const struct shape){ .kind = SHAPE_LIST_OF, .of = &journey_request_shape },
	  .help = "requests to send at once, as a browser loads a page",
	  .example = "together: [ /app.css, /app.js, get: /api/banner ]" },
	{ "lanes", KEY_INTEGER, offsetof(struct together_keys, lanes), .initial = "6", .minimum = 1,
	  .maximum = PARTS_MAX, .help = "how many connections to use at most" },
	KEYS_END
};

const struct shape step_together_shape = { .kind = SHAPE_KEYS, .name = "together-step",
				      .keys = together_keys, .help = "several requests at once" };

/* `/app.css` stands for `get: /app.css`. */
static struct yaml *as_get(struct compiler *compiler, const struct yaml *path)
{
	struct yaml *map = arena_new(compiler->arena, sizeof(*map));
	struct yaml *key = arena_new(compiler->arena, sizeof(*key));

	*key = (struct yaml){ .kind = YAML_SCALAR, .at = path->at, .text = text_of("get") };
	key->value = arena_new(compiler->arena, sizeof(*key));
	*key->value = *path;
	*map = (struct yaml){ .kind = YAML_MAP, .at = path->at, .first = key, .count = 1 };
	return map;
}

static struct request_step *read_part(struct compiler *compiler, const struct yaml *node,
				      bool *good)
{
	if (node->kind == YAML_SCALAR)
		node = as_get(compiler, node);
	if (node->kind == YAML_MAP)
		for (size_t i = 0; i < METHODS; i++)
			if (yaml_get(node, methods[i].name))
				return read_step(compiler, node, methods[i].keys, methods[i].method,
						 good);
	*good = complain(
		compiler->complaints, node->at,
		"only requests can be made together (get, post, put, patch, delete, head, options)");
	return NULL;
}

static void add_together(struct compiler *compiler, struct request_step **parts, uint16_t count,
			 int64_t lanes, struct place at)
{
	struct instruction *instruction = program_add(compiler, OP_TOGETHER, at);

	instruction->parts = parts;
	instruction->part_count = count;
	instruction->lanes = (uint16_t)(lanes < count ? lanes : count);
	if (instruction->lanes > compiler->journey->lanes)
		compiler->journey->lanes = (uint8_t)instruction->lanes;
}

bool step_together(struct compiler *compiler, const struct yaml *node, const char *kind)
{
	struct request_step *parts[PARTS_MAX], **kept;
	struct together_keys keys;
	bool good = schema_read(together_keys, node, &keys, &compiler->context->reading);
	uint16_t count = 0;

	(void)kind;
	compiler->last = NULL;
	if (!keys.parts)
		return false;
	if (keys.parts->kind != YAML_LIST || !keys.parts->first || keys.parts->count > PARTS_MAX)
		return complain(compiler->complaints, keys.parts->at,
				"'together' wants a list of 1 to %d requests", PARTS_MAX);
	compiler->together = true;
	compiler->minted = 0;
	for (const struct yaml *part = keys.parts->first; part; part = part->next) {
		bool part_good;
		struct request_step *step = read_part(compiler, part, &part_good);

		good = good && part_good;
		if (step)
			parts[count++] = step;
	}
	compiler->together = false;
	if (!count)
		return false;
	kept = arena_array(compiler->arena, count, sizeof(struct request_step *));
	memcpy(kept, parts, count * sizeof(struct request_step *));
	add_together(compiler, kept, count, keys.lanes, node->at);
	return good;
}
