/* options_help: the rows as people read them, on a terminal and in the manual. */
#include "lib/options.h"

#include <ctype.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 92 };

static void write_choices(const struct option *option, const char *between, struct buffer *out)
{
	for (int i = 0; option->choices[i]; i++)
		buffer_format(out, "%s%s", i ? between : "", option->choices[i]);
}

static void write_argument(const struct option *option, struct buffer *out)
{
	if (option->type == KEY_CHOICE)
		write_choices(option, "|", out);
	else
		buffer_add_string(out, option->argument);
}

static bool is_on_by_itself(const struct option *option)
{
	return !option->argument && option->initial;
}

static bool shows_default(const struct option *option)
{
	return option->initial && option->argument;
}

/* Words of `help`, folded at HELP_WIDTH, each further line indented to HELP_COLUMN. */
static void write_folded(const char *help, struct buffer *out)
{
	size_t column = HELP_COLUMN;

	while (*help) {
		size_t word = strcspn(help, " ");

		if (column + word > HELP_WIDTH && column > HELP_COLUMN) {
			buffer_format(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		}
		buffer_add(out, help, word);
		column += word;
		help += word;
		if (*help == ' ') {
			buffer_add_char(out, ' ');
			column++;
			help++;
		}
	}
}

static void write_row(const struct option *option, struct buffer *out)
{
	struct buffer left = BUFFER_EMPTY, help = BUFFER_EMPTY;

	if (option->letter)
		buffer_format(&left, "  -%c, --%s", option->letter, option->name);
	else
		buffer_format(&left, "      --%s%s", is_on_by_itself(option) ? "no-" : "",
			      option->name);
	if (option->argument) {
		buffer_add_char(&left, ' ');
		write_argument(option, &left);
	}
	buffer_add_string(&help, option->help);
	if (shows_default(option))
		buffer_format(&help, " (default: %s)", option->initial);
	buffer_add_text(out, buffer_text(&left));
	if (left.length + 2 > HELP_COLUMN)
		buffer_format(out, "\n%*s", HELP_COLUMN, "");
	else
		buffer_format(out, "%*s", (int)(HELP_COLUMN - left.length), "");
	write_folded(help.data, out);
	buffer_add_char(out, '\n');
	buffer_release(&left);
	buffer_release(&help);
}

void options_write_help(const struct option *options, struct buffer *out)
{
	static const struct option help = { "help", 'h', NULL, KEY_BOOL, .help = "show this" };

	for (; options && options->name; options++)
		write_row(options, out);
	write_row(&help, out);
}

/* A backslash is an escape in mdoc; the first letter of a line is never a dot here. */
static void write_man_text(const char *text, struct buffer *out)
{
	for (; *text; text++) {
		if (*text == '\\')
			buffer_add_string(out, "\\e");
		else
			buffer_add_char(out, *text);
	}
	buffer_add_char(out, '\n');
}

void options_write_man(const struct option *options, struct buffer *out)
{
	if (!options || !options->name)
		return;
	buffer_add_string(out, ".Bl -tag -width Ds\n");
	for (; options->name; options++) {
		buffer_add_string(out, ".It");
		if (options->letter)
			buffer_format(out, " Fl %c ,", options->letter);
		buffer_format(out, " Fl Fl %s%s", is_on_by_itself(options) ? "no-" : "",
			      options->name);
		if (options->argument) {
			buffer_add_string(out, " Ar ");
			write_argument(options, out);
		}
		buffer_add_char(out, '\n');
		buffer_add_char(out, (char)toupper((unsigned char)options->help[0]));
		write_man_text(options->help + 1, out);
		if (shows_default(options))
			buffer_format(out, "(default: %s)\n", options->initial);
	}
	buffer_add_string(out, ".El\n");
}
