/* The tables for people: Markdown, or mdoc for the manual page. */
#include "lib/schema.h"

enum { SECTIONS_MAX = 300 };

/* A table of keys, or a named choice of shapes, still to be written. */
struct section {
	const struct key *keys;
	const struct shape *shape;
	const char *name;
	const char *help;
};

struct manual {
	struct section sections[SECTIONS_MAX];
	size_t count, done;
	bool mdoc;
	struct buffer *out;
};

static const char *const type_names[] = {
	[KEY_STRING] = "string",   [KEY_BOOL] = "yes or no", [KEY_INTEGER] = "integer",
	[KEY_NUMBER] = "number",   [KEY_DURATION] = "duration", [KEY_RATE] = "rate",
	[KEY_SIZE] = "size",	   [KEY_SHARE] = "share",    [KEY_CHOICE] = "choice",
	[KEY_STRINGS] = "strings", [KEY_MAP] = "map",	     [KEY_NODE] = "anything",
};

static void add_section(struct manual *manual, struct section new)
{
	for (size_t i = 0; i < manual->count; i++)
		if (manual->sections[i].keys == new.keys && manual->sections[i].shape == new.shape)
			return;
	if (manual->count < SECTIONS_MAX)
		manual->sections[manual->count++] = new;
}

/* A word that leads to the section of that name. */
static void refer(const struct manual *manual, const char *name, struct buffer *out)
{
	if (manual->mdoc)
		buffer_format(out, "'%s'", name);
	else
		buffer_format(out, "[%s](#%s)", name, name);
}

static void describe_shape(struct manual *manual, const struct shape *shape, const char *name,
			   int depth, struct buffer *out);

static void describe_options(struct manual *manual, const struct shape *shape, const char *name,
			     int depth, struct buffer *out)
{
	for (const struct shape *const *option = shape->options; *option; option++) {
		if (option != shape->options)
			buffer_add_string(out, ", or ");
		describe_shape(manual, *option, name, depth + 1, out);
	}
}

/* Says what it is; tables of keys inside get sections of their own. */
static void describe_shape(struct manual *manual, const struct shape *shape, const char *name,
			   int depth, struct buffer *out)
{
	const char *title = shape->name ? shape->name : name;

	if (depth > 8)
		return;
	if (depth && shape->name && shape->kind != SHAPE_KEYS) {
		add_section(manual, (struct section){ NULL, shape, shape->name, shape->help });
		refer(manual, shape->name, out);
		return;
	}
	switch (shape->kind) {
	case SHAPE_ANY:
		buffer_add_string(out, shape->help ? shape->help : "anything");
		break;
	case SHAPE_STRING:
		buffer_add_string(out, shape->help ? shape->help : "string");
		break;
	case SHAPE_MAP_OF:
		buffer_add_string(out, "map of ");
		describe_shape(manual, shape->of, title, depth + 1, out);
		break;
	case SHAPE_LIST_OF:
		buffer_add_string(out, "list of ");
		describe_shape(manual, shape->of, title, depth + 1, out);
		break;
	case SHAPE_KEYS:
		add_section(manual, (struct section){ shape->keys, NULL, title, shape->help });
		refer(manual, title, out);
		break;
	case SHAPE_ONE_OF:
		describe_options(manual, shape, title, depth, out);
		break;
	}
}

static void describe_type(struct manual *manual, const struct key *key, struct buffer *out)
{
	if (key->type == KEY_MAP) {
		add_section(manual, (struct section){ key->keys, NULL, key->name, key->help });
		refer(manual, key->name, out);
	} else if (key->type == KEY_NODE && key->shape) {
		describe_shape(manual, key->shape, key->name, 1, out);
	} else if (key->type == KEY_CHOICE) {
		for (size_t i = 0; key->choices[i]; i++)
			buffer_format(out, "%s%s", i ? ", " : "", key->choices[i]);
	} else {
		buffer_add_string(out, type_names[key->type]);
	}
}

/* A bar would end a cell of a Markdown table; a leading dot or backslash would be a macro. */
static void write_escaped(const struct manual *manual, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		bool starts =
			!manual->out->length || manual->out->data[manual->out->length - 1] == '\n';

		if (!manual->mdoc && c == '|')
			buffer_add_string(manual->out, "\\|");
		else if (manual->mdoc && c == '\\')
			buffer_add_string(manual->out, "\\e");
		else if (manual->mdoc && starts && (c == '.' || c == '\''))
			buffer_format(manual->out, "\\&%c", c);
		else
			buffer_add_char(manual->out, c);
	}
}

static void write_string(const struct manual *manual, const char *string)
{
	write_escaped(manual, text_of(string));
}

static void write_key_markdown(struct manual *manual, const struct key *key, struct text type)
{
	buffer_format(manual->out, "| `%s` | ", key->name);
	write_escaped(manual, type);
	buffer_add_string(manual->out, " | ");
	if (key->required)
		buffer_add_string(manual->out, "required");
	else if (key->initial) {
		buffer_add_char(manual->out, '`');
		write_string(manual, key->initial);
		buffer_add_char(manual->out, '`');
	}
	buffer_add_string(manual->out, " | ");
	write_string(manual, key->help ? key->help : "");
	if (key->example) {
		buffer_add_string(manual->out, key->help ? ". Example: `" : "Example: `");
		write_string(manual, key->example);
		buffer_add_char(manual->out, '`');
	}
	buffer_add_string(manual->out, " |\n");
}

static void write_key_mdoc(struct manual *manual, const struct key *key, struct text type)
{
	buffer_format(manual->out, ".It Cm %s\n", key->name);
	write_string(manual, key->help ? key->help : "");
	buffer_add_string(manual->out, "\n(");
	write_escaped(manual, type);
	if (key->required)
		buffer_add_string(manual->out, "; required");
	if (key->initial) {
		buffer_add_string(manual->out, "; default ");
		write_string(manual, key->initial);
	}
	buffer_add_string(manual->out, ")\n");
	if (key->example) {
		buffer_add_string(manual->out, ".Dl ");
		write_string(manual, key->example);
		buffer_add_char(manual->out, '\n');
	}
}

static void write_heading(struct manual *manual, const struct section *section)
{
	if (section->name)
		buffer_format(manual->out, "%s%s%s", manual->mdoc ? ".Ss " : "\n### ",
			      section->name, manual->mdoc ? "\n" : "\n\n");
	if (section->name && section->help) {
		write_string(manual, section->help);
		buffer_add_string(manual->out, manual->mdoc ? "\n" : "\n\n");
	}
}

static void write_keys(struct manual *manual, const struct section *section)
{
	struct buffer type = BUFFER_EMPTY;

	buffer_add_string(manual->out, manual->mdoc ? ".Bl -tag -width Ds\n" :
						      "| key | takes | default | meaning |\n"
						      "| --- | --- | --- | --- |\n");
	for (const struct key *key = section->keys; key->name; key++) {
		buffer_clear(&type);
		describe_type(manual, key, &type);
		if (manual->mdoc)
			write_key_mdoc(manual, key, buffer_text(&type));
		else
			write_key_markdown(manual, key, buffer_text(&type));
	}
	if (manual->mdoc)
		buffer_add_string(manual->out, ".El\n");
	buffer_release(&type);
}

static void write_shape(struct manual *manual, const struct section *section)
{
	struct buffer text = BUFFER_EMPTY;

	describe_shape(manual, section->shape, section->name, 0, &text);
	buffer_add_string(manual->out, manual->mdoc ? "Takes " : "Takes: ");
	write_escaped(manual, buffer_text(&text));
	buffer_add_string(manual->out, "\n");
	buffer_release(&text);
}

static void write_section(struct manual *manual, struct section section)
{
	write_heading(manual, &section);
	if (section.keys)
		write_keys(manual, &section);
	else
		write_shape(manual, &section);
}

void schema_write_manual(const struct key *keys, bool mdoc, struct buffer *out)
{
	struct manual manual = { .mdoc = mdoc, .out = out };

	add_section(&manual, (struct section){ keys, NULL, NULL, NULL });
	while (manual.done < manual.count)
		write_section(&manual, manual.sections[manual.done++]);
}
