/*
 * expect: what an answer must be like. Every form of it becomes a condition, written out as a
 * person would have, so that what failed reads well: `header Content-Type contains json`.
 */
#include "loadgen/journey_compile.h"

static const struct shape any_shape = { .kind = SHAPE_ANY };
static const struct shape conditions_shape = {
	.kind = SHAPE_ONE_OF,
	.options = (const struct shape *const[]){
		&(const struct shape){ .kind = SHAPE_STRING },
		&(const struct shape){ .kind = SHAPE_LIST_OF,
				       .of = &(const struct shape){ .kind = SHAPE_STRING } },
		NULL },
};
static const struct shape by_name_shape = { .kind = SHAPE_MAP_OF, .of = &any_shape };

struct expect_keys {
	const struct yaml *status, *header, *body, *json, *that;
	int64_t max_latency_us;
};

static const struct key expect_keys[] = {
	{ "status", KEY_NODE, offsetof(struct expect_keys, status),
	  .help = "a status, a list of them, a class (2xx) or a range (200..299); without this any status "
		  "below 400 will do",
	  .example = "status: [200, 201]" },
	{ "header", KEY_NODE, offsetof(struct expect_keys, header), .shape = &by_name_shape,
	  .help = "by name: a value, a /pattern/, or a comparison such as `contains json`",
	  .example = "header: { Content-Type: contains json }" },
	{ "body", KEY_NODE, offsetof(struct expect_keys, body), .shape = &conditions_shape,
	  .help = "one or more comparisons of the whole body",
	  .example = "body: [contains hello, not contains error]" },
	{ "json", KEY_NODE, offsetof(struct expect_keys, json), .shape = &by_name_shape,
	  .help = "by JSON Pointer: a value, a list of values, a /pattern/, or a comparison",
	  .example = "json: { /items/0/sku: ${sku}, /total: \"> 0\", /items/#: 3 }" },
	{ "max-latency", KEY_DURATION, offsetof(struct expect_keys, max_latency_us), .minimum = 1000,
	  .help = "longest service time", .example = "max-latency: 500ms" },
	{ "that", KEY_NODE, offsetof(struct expect_keys, that), .shape = &conditions_shape,
	  .help = "conditions about anything in the answer",
	  .example = "that: /status in [CONFIRMED, PENDING] and latency < 500ms" },
	KEYS_END
};

const struct shape journey_expect_shape = {
	.kind = SHAPE_ONE_OF,
	.name = "expect",
	.help = "what the answer must be like: a status, a condition, a list of conditions, or a map",
	.options = (const struct shape *const[]){
		&(const struct shape){ .kind = SHAPE_KEYS, .keys = expect_keys }, &conditions_shape,
		NULL },
};

static bool add_condition(struct compiler *compiler, struct request_step *step, struct text source,
			  struct place at, struct place column_at)
{
	struct expectation *added;
	struct expression *condition;

	compiler->asked_status = compiler->asked_body = false;
	condition = compiler_condition(compiler, source, column_at, SIGHT_ANSWER);
	if (!condition)
		return false;
	step->expectations = arena_grow(compiler->arena, step->expectations,
					step->expectation_count, sizeof(*added));
	added = &step->expectations[step->expectation_count++];
	*added = (struct expectation){ at, condition, compiler->asked_status };
	step->status_expected |= compiler->asked_status;
	step->reads_body |= compiler->asked_body;
	return true;
}

/* A condition that is made of `prefix` and what a person wrote at `value`. */
static bool add_prefixed(struct compiler *compiler, struct request_step *step, const char *prefix,
			 const struct yaml *value)
{
	struct place at = scalar_place(value);
	struct text written = text_trim(value->text);
	char *source = arena_format(compiler->arena, "%s %.*s", prefix, TEXT_ARG(written));

	at.column -= (int)strlen(prefix) + 1;
	return add_condition(compiler, step, text_of(source), value->at, at);
}

/* Status. */

static bool is_status(struct text text, int *status)
{
	if (text.length != 3 || text.data[0] < '1' || text.data[0] > '5')
		return false;
	*status = 0;
	for (size_t i = 0; i < 3; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*status = 10 * *status + text.data[i] - '0';
	}
	return true;
}

/* "200", "2xx" or "200..299" */
static bool read_status_range(struct text text, int *low, int *high)
{
	if (is_status(text, low)) {
		*high = *low;
		return true;
	}
	if (text.length == 3 && text.data[0] >= '1' && text.data[0] <= '5' &&
	    text_is_nocase((struct text){ text.data + 1, 2 }, "xx")) {
		*low = (text.data[0] - '0') * 100;
		*high = *low + 99;
		return true;
	}
	return text.length == 8 && memcmp(text.data + 3, "..", 2) == 0 &&
	       is_status((struct text){ text.data, 3 }, low) &&
	       is_status((struct text){ text.data + 5, 3 }, high) && *low <= *high;
}

static bool add_status_range(struct compiler *compiler, const struct yaml *node, struct buffer *out)
{
	struct text text;
	int low = 0, high = 0;

	if (!compiler_fixed(compiler, node, "status", &text))
		return false;
	if (!read_status_range(text_trim(text), &low, &high))
		return complain(compiler->complaints, node->at,
				"'%.*s' is no status (write 200, 2xx or 200..299)",
				text.length < 60 ? (int)text.length : 60, text.data);
	if (out->length)
		buffer_add_string(out, " or ");
	if (low == high)
		buffer_format(out, "status == %d", low);
	else
		buffer_format(out, "status >= %d and status <= %d", low, high);
	return true;
}

static bool read_status(struct compiler *compiler, const struct yaml *node,
			struct request_step *step)
{
	struct buffer source = BUFFER_EMPTY;
	bool good = true;

	if (node->kind == YAML_LIST && !node->first)
		return complain(compiler->complaints, node->at, "a status is missing here");
	if (node->kind == YAML_LIST)
		for (const struct yaml *item = node->first; item; item = item->next)
			good = add_status_range(compiler, item, &source) && good;
	else
		good = add_status_range(compiler, node, &source);
	if (good)
		good = add_condition(compiler, step, buffer_text(&source), node->at, node->at);
	buffer_release(&source);
	return good;
}

/* Values by name. */

/* "contains json", "!= x", "> 0", "exists": a comparison without its left side. */
static bool is_comparison(struct text text)
{
	static const char *const comparisons[] = {
		"==",	    "!=",  "<=",	  ">=",	       "<",	  ">",	    "in",
		"contains", "not", "starts-with", "ends-with", "matches", "exists", NULL
	};

	text = text_trim(text);
	for (size_t i = 0; comparisons[i]; i++) {
		size_t length = strlen(comparisons[i]);

		if (!text_starts_with(text, comparisons[i]))
			continue;
		if (comparisons[i][0] < 'a' || text.length == length || text.data[length] == ' ' ||
		    text.data[length] == '[')
			return true;
	}
	return false;
}

static bool is_pattern(struct text text)
{
	text = text_trim(text);
	if (text.length > 2 && text.data[text.length - 1] == 'i')
		text.length--;
	return text.length > 2 && text.data[0] == '/' && text.data[text.length - 1] == '/';
}

static void add_quoted(struct text text, struct buffer *out)
{
	buffer_add_char(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			buffer_add_char(out, '\\');
		if (text.data[i] == '\n')
			buffer_add_string(out, "\\n");
		else
			buffer_add_char(out, text.data[i]);
	}
	buffer_add_char(out, '"');
}

/* As the right side of a comparison: what is a number in YAML stays one. */
static bool add_value(struct compiler *compiler, const struct yaml *value, struct buffer *out)
{
	struct error err;
	double number;

	if (value->kind != YAML_SCALAR)
		return complain(compiler->complaints, value->at, "wants a value, not %s",
				yaml_kind_name(value));
	if (yaml_is_null(value))
		buffer_add_string(out, "null");
	else if (!value->quoted &&
		 (text_is(value->text, "true") || text_is(value->text, "false") ||
		  unit_number(value->text, &number, &err) || template_is_whole(value->text)))
		buffer_add_text(out, value->text);
	else
		add_quoted(value->text, out);
	return true;
}

static bool add_equality(struct compiler *compiler, struct request_step *step, const char *left,
			 const struct yaml *value)
{
	struct buffer source = BUFFER_EMPTY;
	bool good = true;

	buffer_format(&source, value->kind == YAML_LIST ? "%s in [" : "%s == ", left);
	if (value->kind == YAML_LIST) {
		for (const struct yaml *item = value->first; item; item = item->next) {
			good = add_value(compiler, item, &source) && good;
			buffer_add_string(&source, item->next ? ", " : "");
		}
		buffer_add_char(&source, ']');
	} else {
		good = add_value(compiler, value, &source);
	}
	if (good)
		good = add_condition(compiler, step, buffer_text(&source), value->at, value->at);
	buffer_release(&source);
	return good;
}

static bool add_wish(struct compiler *compiler, struct request_step *step, const char *left,
		     const struct yaml *value)
{
	if (value->kind == YAML_SCALAR && is_comparison(value->text))
		return add_prefixed(compiler, step, left, value);
	if (value->kind == YAML_SCALAR && is_pattern(value->text))
		return add_prefixed(compiler, step,
				    arena_format(compiler->arena, "%s matches", left), value);
	return add_equality(compiler, step, left, value);
}

static bool read_by_name(struct compiler *compiler, const struct yaml *map, bool json,
			 struct request_step *step)
{
	bool good = true;

	if (map->kind != YAML_MAP)
		return complain(compiler->complaints, map->at, "'%s' wants a map, not %s",
				json ? "json" : "header", yaml_kind_name(map));
	for (const struct yaml *name = map->first; name; name = name->next) {
		char *left = arena_format(compiler->arena, json ? "%.*s" : "header %.*s",
					  TEXT_ARG(name->text));

		if (json && (!name->text.length || name->text.data[0] != '/'))
			good = complain(compiler->complaints, name->at,
					"a JSON Pointer starts with '/': /%.*s",
					name->text.length < 60 ? (int)name->text.length : 60,
					name->text.data);
		else if (json || header_name_check(compiler, name->text, name->at))
			good = add_wish(compiler, step, left, name->value) && good;
		else
			good = false;
	}
	return good;
}

/* Conditions. */

static bool read_body_wish(struct compiler *compiler, const struct yaml *node,
			   struct request_step *step)
{
	if (is_comparison(node->text) || is_pattern(node->text))
		return add_wish(compiler, step, "body", node);
	return complain(compiler->complaints, node->at,
			"'body' wants a comparison, such as: contains %.*s",
			node->text.length < 60 ? (int)node->text.length : 60, node->text.data);
}

static bool read_condition(struct compiler *compiler, const struct yaml *node,
			   struct request_step *step)
{
	return add_condition(compiler, step, text_trim(node->text), node->at, scalar_place(node));
}

/* One, or a list of them. */
static bool read_each(struct compiler *compiler, const struct yaml *node, struct request_step *step,
		      bool (*read)(struct compiler *, const struct yaml *, struct request_step *))
{
	const struct yaml *item = node->kind == YAML_LIST ? node->first : node;
	size_t count = node->kind == YAML_LIST ? node->count : 1;
	bool good = true;

	for (; count; count--, item = item->next) {
		if (item->kind == YAML_SCALAR)
			good = read(compiler, item, step) && good;
		else
			good = complain(compiler->complaints, item->at, "wants a condition, not %s",
					yaml_kind_name(item));
	}
	return good;
}

static bool add_max_latency(struct compiler *compiler, const struct yaml *expect, int64_t us,
			    struct request_step *step)
{
	char *source = arena_format(compiler->arena, "latency <= %.15gms", (double)us / 1000);
	struct place at = yaml_get(expect, "max-latency")->at;

	return add_condition(compiler, step, text_of(source), at, at);
}

static bool read_map(struct compiler *compiler, const struct yaml *expect,
		     struct request_step *step)
{
	struct expect_keys keys;
	bool good = schema_read(expect_keys, expect, &keys, &compiler->context->reading);

	if (keys.status)
		good = read_status(compiler, keys.status, step) && good;
	if (keys.header)
		good = read_by_name(compiler, keys.header, false, step) && good;
	if (keys.json)
		good = read_by_name(compiler, keys.json, true, step) && good;
	if (keys.body)
		good = read_each(compiler, keys.body, step, read_body_wish) && good;
	if (keys.that)
		good = read_each(compiler, keys.that, step, read_condition) && good;
	if (keys.max_latency_us)
		good = add_max_latency(compiler, expect, keys.max_latency_us, step) && good;
	return good;
}

bool expect_read(struct compiler *compiler, const struct yaml *expect, struct request_step *step)
{
	int low, high;

	if (expect->kind == YAML_MAP)
		return read_map(compiler, expect, step);
	if (expect->kind == YAML_SCALAR && read_status_range(text_trim(expect->text), &low, &high))
		return read_status(compiler, expect, step);
	return read_each(compiler, expect, step, read_condition);
}
