/* Bodies: a JSON document from a YAML tree, a form, a text, a file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/file.h"
#include "lib/json_pointer.h"
#include "loadgen/journey_compile.h"

const struct shape journey_json_shape = {
	.kind = SHAPE_ANY,
	.help = "a JSON document, written as YAML: an unquoted ${x} becomes a value of its own type, a "
		"quoted \"${x}\" a string",
};

const struct shape journey_form_shape = {
	.kind = SHAPE_MAP_OF,
	.of = &(const struct shape){ .kind = SHAPE_ANY },
	.help = "fields of a form; a list repeats its field",
};

/* JSON. Depth is bounded by the YAML reader. */

static bool is_digits(struct text text, const char *digits)
{
	for (size_t i = 0; i < text.length; i++)
		if (!strchr(digits, text.data[i]))
			return false;
	return text.length > 0;
}

/* What YAML 1.2 core reads as a number: decimal, 0x, 0o, .5, +1, 1e3; no infinities. */
static bool is_yaml_number(struct text text, double *number)
{
	struct text rest;
	char *end;

	if (text.length > 2 && text.data[0] == '0' &&
	    (text.data[1] == 'x' || text.data[1] == 'o')) {
		bool hex = text.data[1] == 'x';

		rest = (struct text){ text.data + 2, text.length - 2 };
		*number = (double)strtoull(rest.data, NULL, hex ? 16 : 8);
		return is_digits(rest, hex ? "0123456789abcdefABCDEF" : "01234567") &&
		       rest.length < 13;
	}
	if (!is_digits(text, "0123456789+-.eE"))
		return false;
	*number = strtod(text.data, &end);
	return end == text.data + text.length && isfinite(*number);
}

/* Whether it can stand in JSON as it is, so that no digit is lost. */
static bool is_json_number(struct text text)
{
	struct text rest = text;
	bool point = false;

	if (rest.length && rest.data[0] == '-')
		rest = (struct text){ rest.data + 1, rest.length - 1 };
	if (!rest.length || rest.data[0] == '.' || rest.data[rest.length - 1] == '.')
		return false;
	if (rest.length > 1 && rest.data[0] == '0' && rest.data[1] != '.')
		return false;
	for (size_t i = 0; i < rest.length; i++) {
		if (rest.data[i] == '.' ? point : rest.data[i] < '0' || rest.data[i] > '9')
			return false;
		point |= rest.data[i] == '.';
	}
	return true;
}

static bool is_one_of(struct text text, const char *a, const char *b, const char *c)
{
	return text_is(text, a) || text_is(text, b) || text_is(text, c);
}

/* A plain scalar that is not a string; false when it is one. */
static bool add_plain(struct template_builder *builder, const struct yaml *scalar)
{
	char shortest[40];
	double number;

	if (yaml_is_null(scalar)) {
		template_add_literal(builder, text_of("null"));
	} else if (is_one_of(scalar->text, "true", "True", "TRUE")) {
		template_add_literal(builder, text_of("true"));
	} else if (is_one_of(scalar->text, "false", "False", "FALSE")) {
		template_add_literal(builder, text_of("false"));
	} else if (is_json_number(scalar->text)) {
		template_add_literal(builder, scalar->text);
	} else if (is_yaml_number(scalar->text, &number)) {
		snprintf(shortest, sizeof(shortest), "%.17g", number);
		template_add_literal(builder, text_of(shortest));
	} else {
		return false;
	}
	return true;
}

static bool add_source(struct compiler *compiler, struct template_builder *builder,
		       const struct yaml *scalar, enum escape escape)
{
	struct error err;

	if (escape == ESCAPE_JSON_VALUE ?
		    template_add(builder, scalar->text, escape, scalar_place(scalar), &err) :
		    template_add_escaped(builder, scalar->text, escape, scalar_place(scalar), &err))
		return true;
	return complain_error(compiler->complaints, &err);
}

static bool add_json_string(struct compiler *compiler, struct template_builder *builder,
			    const struct yaml *scalar)
{
	bool good;

	template_add_literal(builder, text_of("\""));
	good = add_source(compiler, builder, scalar, ESCAPE_JSON_STRING);
	template_add_literal(builder, text_of("\""));
	return good;
}

static bool add_json_scalar(struct compiler *compiler, struct template_builder *builder,
			    const struct yaml *scalar)
{
	if (scalar->quoted)
		return add_json_string(compiler, builder, scalar);
	if (template_is_whole(scalar->text))
		return add_source(compiler, builder, scalar, ESCAPE_JSON_VALUE);
	if (is_one_of(scalar->text, ".nan", ".NaN", ".NAN") ||
	    is_one_of(scalar->text, ".inf", ".Inf", ".INF") || text_is(scalar->text, "-.inf"))
		return complain(compiler->complaints, scalar->at,
				"JSON has no '%s' (quote it if it is a text)", scalar->text.data);
	return add_plain(builder, scalar) || add_json_string(compiler, builder, scalar);
}

static bool add_json(struct compiler *compiler, struct template_builder *builder,
		     const struct yaml *node)
{
	bool good = true;

	if (node->kind == YAML_SCALAR)
		return add_json_scalar(compiler, builder, node);
	template_add_literal(builder, text_of(node->kind == YAML_MAP ? "{" : "["));
	for (const struct yaml *child = node->first; child; child = child->next) {
		if (child != node->first)
			template_add_literal(builder, text_of(","));
		if (node->kind == YAML_LIST) {
			good = add_json(compiler, builder, child) && good;
			continue;
		}
		good = add_json_string(compiler, builder, child) && good;
		template_add_literal(builder, text_of(":"));
		good = add_json(compiler, builder, child->value) && good;
	}
	template_add_literal(builder, text_of(node->kind == YAML_MAP ? "}" : "]"));
	return good;
}

/* Forms. */

static bool add_field(struct compiler *compiler, struct template_builder *builder,
		      const struct yaml *name, const struct yaml *value)
{
	bool good;

	if (value->kind != YAML_SCALAR)
		return complain(compiler->complaints, value->at, "a form's field is a text, not %s",
				yaml_kind_name(value));
	if (builder->count)
		template_add_literal(builder, text_of("&"));
	good = add_source(compiler, builder, name, ESCAPE_URL);
	template_add_literal(builder, text_of("="));
	return (yaml_is_null(value) || add_source(compiler, builder, value, ESCAPE_URL)) && good;
}

static bool add_form(struct compiler *compiler, struct template_builder *builder,
		     const struct yaml *form)
{
	bool good = true;

	if (form->kind != YAML_MAP)
		return complain(compiler->complaints, form->at,
				"'form' wants a map of fields, not %s", yaml_kind_name(form));
	for (const struct yaml *name = form->first; name; name = name->next) {
		if (name->value->kind != YAML_LIST) {
			good = add_field(compiler, builder, name, name->value) && good;
			continue;
		}
		for (const struct yaml *item = name->value->first; item; item = item->next)
			good = add_field(compiler, builder, name, item) && good;
	}
	return good;
}

static bool add_text(struct compiler *compiler, struct template_builder *builder,
		     const struct yaml *text)
{
	struct error err;

	if (text->kind != YAML_SCALAR)
		return complain(compiler->complaints, text->at,
				"'body' wants a text, not %s (for a JSON document use 'json')",
				yaml_kind_name(text));
	if (template_add(builder, text->text, ESCAPE_NONE, scalar_place(text), &err))
		return true;
	return complain_error(compiler->complaints, &err);
}

/* Files are sent as they are; a relative path starts where the scenario's file is. */
static bool add_file(struct compiler *compiler, struct template_builder *builder,
		     const struct yaml *node)
{
	const char *slash = node->at.file ? strrchr(node->at.file, '/') : NULL;
	struct buffer bytes = BUFFER_EMPTY;
	struct error err;
	struct text name;
	char *path;
	bool good;

	if (!compiler_fixed(compiler, node, "body-file", &name))
		return false;
	path = arena_string(compiler->arena, name);
	if (name.length && name.data[0] != '/' && slash)
		path = arena_format(compiler->arena, "%.*s/%.*s", (int)(slash - node->at.file),
				    node->at.file, TEXT_ARG(name));
	good = file_read(path, &bytes, &err) ||
	       complain(compiler->complaints, node->at, "%s", err.text);
	if (good)
		template_add_literal(builder, buffer_text(&bytes));
	buffer_release(&bytes);
	return good;
}

static const struct body_form {
	const char *name;
	enum body_kind kind;
	const char *content_type;
	bool (*add)(struct compiler *, struct template_builder *, const struct yaml *);
} forms[] = {
	{ "json", BODY_JSON, "application/json", add_json },
	{ "form", BODY_FORM, "application/x-www-form-urlencoded", add_form },
	{ "body", BODY_TEXT, "text/plain; charset=utf-8", add_text },
	{ "body-file", BODY_TEXT, "application/octet-stream", add_file },
};

bool body_read(struct compiler *compiler, const struct body_keys *keys, struct request_step *step,
	       const char **content_type)
{
	const struct yaml *nodes[] = { keys->json, keys->form, keys->body, keys->file };
	const struct body_form *form = NULL;
	struct template_builder builder;
	bool good = true;

	*content_type = NULL;
	template_begin(&builder, &compiler->names, compiler->arena);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (!nodes[i])
			continue;
		if (form)
			return complain(compiler->complaints, nodes[i]->at,
					"a request has one body, not both '%s' and '%s'",
					form->name, forms[i].name);
		form = &forms[i];
		good = form->add(compiler, &builder, nodes[i]);
	}
	if (form) {
		*content_type = form->content_type;
		step->body_kind = form->kind;
	}
	template_finish(&builder, &step->body);
	return good;
}
