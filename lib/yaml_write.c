#include "lib/yaml.h"

#include <ctype.h>

#include "lib/schema.h"

/* A null is known by yaml_is_null(), and what else looks special was read as plain before. */
static const char *const reserved[] = { "<<", "---", "...", NULL };

/* Letters, digits and what never means anything to YAML, whatever stands around it. */
static bool is_plain(struct text text)
{
	if (!text.length || text.length > 200)
		return false;
	for (const char *const *word = reserved; *word; word++)
		if (text_is_nocase(text, *word))
			return false;
	if (!isalnum((unsigned char)text.data[0]) && !strchr("/_.$", text.data[0]))
		return false;
	for (size_t i = 0; i < text.length;) {
		size_t hidden =
			yaml_substitution_length((struct text){ text.data + i, text.length - i });
		char c = text.data[i];

		if (!hidden && !isalnum((unsigned char)c) &&
		    (!c || !strchr(" /_.-+=?&%()<>*;^$", c)))
			return false;
		i += hidden ? hidden : 1;
	}
	return text.data[text.length - 1] != ' ';
}

/* Writes one character and returns its bytes. What YAML would refuse or fold becomes a code. */
static size_t write_character(struct text text, struct buffer *out)
{
	size_t length;
	int32_t code;
	bool refused = yaml_character(text, &code, &length) != NULL;

	if (code == '"' || code == '\\')
		buffer_format(out, "\\%c", (int)code);
	else if (code == '\n')
		buffer_add_string(out, "\\n");
	else if (code == '\t')
		buffer_add_string(out, "\\t");
	else if (code < 0)
		buffer_add_string(out, "\\uFFFD");
	else if (refused || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029)
		buffer_format(out, "\\U%08X", (unsigned int)code);
	else
		buffer_add(out, text.data, length);
	return code < 0 ? 1 : length;
}

/*
 * A `${...}` stands as it is, since nothing in it is YAML; a `${` that has no end must not find one
 * in what is written on the same line, so its dollar is spelt as a code.
 */
static void write_quoted(struct text text, struct buffer *out)
{
	buffer_add_char(out, '"');
	for (size_t i = 0; i < text.length;) {
		struct text rest = { text.data + i, text.length - i };
		size_t hidden = yaml_substitution_length(rest);

		if (hidden) {
			buffer_add(out, rest.data, hidden);
			i += hidden;
		} else if (text_starts_with(rest, "${")) {
			buffer_add_string(out, "\\x24");
			i++;
		} else {
			i += write_character(rest, out);
		}
	}
	buffer_add_char(out, '"');
}

/* Written without its quotes, it would still be a string, to us and to others. */
static bool is_plain_string(const struct yaml *node)
{
	struct yaml plain = { .kind = YAML_SCALAR, .text = node->text };
	bool yes;

	return is_plain(node->text) && !strchr("+-.0123456789", node->text.data[0]) &&
	       yaml_value(&plain).kind == VALUE_STRING && !unit_bool(node->text, &yes, NULL);
}

static void write_scalar(const struct yaml *node, struct buffer *out)
{
	if (yaml_is_null(node))
		buffer_add_string(out, "null");
	else if (node->quoted ? is_plain_string(node) : is_plain(node->text))
		buffer_add_text(out, node->text);
	else if (node->quoted || strcmp(yaml_kind_name(node), "a number") != 0)
		write_quoted(node->text, out);
	else
		buffer_add_text(out, node->text);
}

static void write_indent(int depth, struct buffer *out)
{
	buffer_format(out, "%*s", depth * 2, "");
}

static void write_node(const struct yaml *node, int depth, struct buffer *out);

/* What follows "key:" or "-": on the same line if it is short, else on lines of its own. */
static void write_value(const struct yaml *node, int depth, struct buffer *out)
{
	if (node->kind == YAML_SCALAR || !node->first) {
		buffer_add_char(out, ' ');
		write_node(node, depth, out);
		return;
	}
	buffer_add_char(out, '\n');
	write_node(node, depth + 1, out);
}

static void write_map(const struct yaml *map, int depth, struct buffer *out)
{
	for (const struct yaml *key = map->first; key; key = key->next) {
		write_indent(depth, out);
		write_scalar(key, out);
		buffer_add_char(out, ':');
		write_value(key->value, depth, out);
	}
}

/* "- get: /x", the first key on the line of the dash; nested lists get a line of their own. */
static void write_list(const struct yaml *list, int depth, struct buffer *out)
{
	for (const struct yaml *item = list->first; item; item = item->next) {
		size_t start = out->length;

		if (item->kind != YAML_MAP || !item->first) {
			write_indent(depth, out);
			buffer_add_char(out, '-');
			write_value(item, depth, out);
			continue;
		}
		write_map(item, depth + 1, out);
		out->data[start + (size_t)depth * 2] = '-';
	}
}

static void write_node(const struct yaml *node, int depth, struct buffer *out)
{
	if (node->kind == YAML_MAP && node->first)
		write_map(node, depth, out);
	else if (node->kind == YAML_LIST && node->first)
		write_list(node, depth, out);
	else if (node->kind == YAML_SCALAR)
		write_scalar(node, out);
	else
		buffer_add_string(out, node->kind == YAML_MAP ? "{}" : "[]");
	if (node->kind == YAML_SCALAR || !node->first)
		buffer_add_char(out, '\n');
}

void yaml_write(const struct yaml *root, struct buffer *out)
{
	if (root)
		write_node(root, 0, out);
}

void yaml_write_flow(const struct yaml *root, struct buffer *out)
{
	bool map = root->kind == YAML_MAP;

	if (root->kind == YAML_SCALAR) {
		write_scalar(root, out);
		return;
	}
	buffer_add_char(out, map ? '{' : '[');
	for (const struct yaml *child = root->first; child; child = child->next) {
		buffer_add_string(out, child == root->first ? " " : ", ");
		if (map) {
			write_scalar(child, out);
			buffer_add_string(out, ": ");
		}
		yaml_write_flow(map ? child->value : child, out);
	}
	buffer_add_string(out, map ? " }" : " ]");
}
