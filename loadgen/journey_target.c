/* Where a request goes, and what it is called. */
#include "loadgen/journey_compile.h"

enum { TARGET_MAX = 8000 };

/*
 * A target is a path, or an absolute URL whose origin is fixed. A fixed value that begins it
 * (`${shop}/api`) is taken as written, any other value is percent-encoded.
 */
struct target {
	struct text head;   /* fixed text before `rest`, of the value that began it */
	struct text rest;   /* as written */
	struct place at;    /* of `rest` */
};

static size_t find(struct text text, const char *wanted)
{
	const char *found = memmem(text.data, text.length, wanted, strlen(wanted));

	return found ? (size_t)(found - text.data) : text.length;
}

static struct text after(struct text text, size_t offset)
{
	return (struct text){ text.data + offset, text.length - offset };
}

/* The end of the `${...}` that stands at `i`, or 0. */
static size_t reference_end(struct text text, size_t i)
{
	return text_starts_with(after(text, i), "${") ? template_reference_end(text, i) : 0;
}

/* Takes a fixed value off the front. */
static bool split_head(struct compiler *compiler, struct text text, struct place at,
		       struct target *target)
{
	size_t end = reference_end(text, 0);
	struct error err = { "" };
	struct value value;
	struct text name;

	*target = (struct target){ { "", 0 }, text, at };
	if (!end)
		return true;
	name = text_trim((struct text){ text.data + 2, end - 3 });
	if (name_is_fixed(compiler, name, &value, &err)) {
		*target = (struct target){ value.text, after(text, end),
					   template_place(at, text, end) };
		return true;
	}
	return !err.text[0] || complain(compiler->complaints, at, "%s", err.text);
}

/* "http://host:port" at the front of `text`: its length, or 0. */
static size_t origin_length(struct text text)
{
	size_t length;

	if (!text_starts_with(text, "http://") && !text_starts_with(text, "https://"))
		return 0;
	length = find(text, "://") + 3;
	while (length < text.length && !strchr("/?#", text.data[length]))
		length++;
	return length;
}

static bool set_origin(struct compiler *compiler, struct text origin, struct place at,
		       struct request_step *step)
{
	struct journey_context *context = compiler->context;
	struct error err = { "" };

	if (find(origin, "${") < origin.length)
		return complain(
			compiler->complaints, at,
			"the origin of a URL must be known before the run: no '${...}' before its path");
	if (!context->origin)
		return complain(compiler->complaints, at, "only paths are allowed here");
	if (context->origin(context->origin_context, origin, &step->origin, &err))
		return true;
	return complain(compiler->complaints, at, "%s", err.text);
}

/* Takes the origin off, wherever it ends. */
static bool split_origin(struct compiler *compiler, struct target *target, struct text *origin,
			 struct request_step *step)
{
	struct text whole =
		target->head.length ?
			text_of(arena_format(compiler->arena, "%.*s%.*s", TEXT_ARG(target->head),
					     TEXT_ARG(target->rest))) :
			target->rest;
	size_t length = origin_length(whole);

	*origin = (struct text){ whole.data, length };
	step->origin = 0;
	if (!length)
		return true;
	if (!set_origin(compiler, *origin, target->at, step))
		return false;
	if (length < target->head.length) {
		target->head = after(target->head, length);
		return true;
	}
	length -= target->head.length;
	target->head.length = 0;
	target->at = template_place(target->at, target->rest, length);
	target->rest = after(target->rest, length);
	return true;
}

/* Every character outside of ${...}; complains about what can't be sent. */
static bool check_characters(struct compiler *compiler, const struct target *target)
{
	for (size_t i = 0; i < target->rest.length; i++) {
		unsigned char c = (unsigned char)target->rest.data[i];
		size_t end = reference_end(target->rest, i);
		const char *problem = c == ' '		     ? "a blank in a path is written %20" :
				      c < 0x20 || c == 0x7f ? "a control character in a path" :
				      c == '#' ? "what follows a '#' is never sent (write %23)" :
						 NULL;

		if (end)
			i = end - 1;
		else if (problem)
			return complain(compiler->complaints,
					template_place(target->at, target->rest, i), "%s", problem);
	}
	return true;
}

/* Letters beyond ASCII are percent-encoded, as browsers do. */
static struct text encode_letters(struct compiler *compiler, struct text text)
{
	struct buffer out = BUFFER_EMPTY;
	struct text encoded;

	for (size_t i = 0, end = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (i >= end)
			end = reference_end(text, i);
		if (c & 0x80 && i >= end)
			buffer_format(&out, "%%%02X", c);
		else
			buffer_add_char(&out, (char)c);
	}
	encoded = arena_text(compiler->arena, buffer_text(&out));
	buffer_release(&out);
	return encoded;
}

static bool check_start(struct compiler *compiler, const struct target *target, struct text origin)
{
	char first = target->head.length ? target->head.data[0] :
		     target->rest.length ? target->rest.data[0] :
					   '\0';

	if (first == '/' || (origin.length && (first == '?' || first == '\0')))
		return true;
	if (text_starts_with(target->rest, "${"))
		return complain(
			compiler->complaints, target->at,
			"a path starts with '/', or with a value that is known before the run");
	return complain(compiler->complaints, target->at, "a path starts with '/'");
}

bool target_read(struct compiler *compiler, const struct yaml *node, struct text text,
		 struct place at, struct request_step *step)
{
	struct template_builder builder;
	struct target target;
	struct text origin;
	struct error err;

	if (!text.length || text.length > TARGET_MAX)
		return complain(compiler->complaints, node->at, "%s",
				text.length ? "a path this long fits no server" :
					      "a path is missing here");
	if (!split_head(compiler, text, at, &target) ||
	    !split_origin(compiler, &target, &origin, step) ||
	    !check_start(compiler, &target, origin) || !check_characters(compiler, &target))
		return false;
	template_begin(&builder, &compiler->names, compiler->arena);
	if (origin.length &&
	    (target.head.length ? target.head.data[0] != '/' : !text_starts_with(target.rest, "/")))
		template_add_literal(&builder, text_of("/"));
	template_add_literal(&builder, target.head);
	target.rest = encode_letters(compiler, target.rest);
	if (!template_add(&builder, target.rest, ESCAPE_URL, target.at, &err))
		return complain_error(compiler->complaints, &err);
	template_finish(&builder, &step->path);
	return true;
}

/* Names. */

/* ${fn.int(1,20)} is {int}, ${products.sku} is {products.sku}, ${env:X:-y} is {env:X}. */
static void add_reference(struct text reference, struct buffer *out)
{
	struct text name = text_trim((struct text){ reference.data + 2, reference.length - 3 });
	size_t prefix = text_starts_with(name, "fn.") ? 3 : 0;

	name.data += prefix;
	name.length -= prefix;
	name.length = find(name, "(");
	name.length = find(name, ":-");
	buffer_add_char(out, '{');
	buffer_add_text(out, name);
	buffer_add_char(out, '}');
}

/* The path as a route: without its query, every ${x} as {x}. */
static void add_route(struct text target, struct buffer *out)
{
	for (size_t i = 0; i < target.length && target.data[i] != '?';) {
		size_t end = reference_end(target, i);

		if (!end) {
			buffer_add_char(out, target.data[i++]);
			continue;
		}
		add_reference((struct text){ target.data + i, end - i }, out);
		i = end;
	}
}

static bool own_name(struct compiler *compiler, const struct yaml *name, struct buffer *out)
{
	struct text text;

	if (name->kind == YAML_SCALAR && memmem(name->text.data, name->text.length, "${", 2)) {
		struct error err = { "" };
		struct template template;

		if (!template_compile(&template, name->text, ESCAPE_NONE, &compiler->names,
				      scalar_place(name), compiler->arena, &err))
			return complain_error(compiler->complaints, &err);
		if (!template.constant)
			return complain(
				compiler->complaints, name->at,
				"a name can't hold '${...}': each value would be a series of its own");
	}
	if (!compiler_fixed(compiler, name, "name", &text))
		return false;
	text = text_trim(text);
	if (!text.length || text.length > 120 || memchr(text.data, '\n', text.length))
		return complain(compiler->complaints, name->at,
				"a name is one line of 1 to 120 characters");
	buffer_add_text(out, text);
	return true;
}

bool target_name(struct compiler *compiler, const struct yaml *name, struct text target,
		 struct request_step *step)
{
	struct buffer text = BUFFER_EMPTY;
	bool good = true;

	if (name) {
		good = own_name(compiler, name, &text);
	} else {
		buffer_format(&text, "%s ", http_method_name(step->method));
		add_route((struct text){ target.data,
					 target.length < TARGET_MAX ? target.length : TARGET_MAX },
			  &text);
	}
	if (good)
		step->name =
			name_table_intern(compiler->context->request_names, buffer_text(&text));
	buffer_release(&text);
	return good;
}
