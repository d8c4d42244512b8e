/* options_help: the rows as people read them, on a terminal and in the manual. */
#include "lib/options.h"

#include <ctype.h>

#include "lib/fold.h"

enum { HELP_COLUMN = 28, HELP_WIDTH = 92, MAN_WIDTH = 78 };

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
	fold_text(help.data, HELP_COLUMN, HELP_WIDTH, out);
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

static void write_man_item(const struct option *option, struct buffer *out)
{
	buffer_add_string(out, ".It");
	if (option->letter)
		buffer_format(out, " Fl %c ,", option->letter);
	buffer_format(out, " Fl Fl %s%s", is_on_by_itself(option) ? "no-" : "", option->name);
	if (option->argument) {
		buffer_add_string(out, " Ar ");
		write_argument(option, out);
	}
	buffer_add_char(out, '\n');
}

/* The help of an option never begins with a dot and holds no backslash: nothing to escape. */
static void write_man_help(const struct option *option, struct buffer *out)
{
	struct buffer help = BUFFER_EMPTY;

	buffer_add_string(&help, option->help);
	help.data[0] = (char)toupper((unsigned char)help.data[0]);
	if (shows_default(option))
		buffer_format(&help, "\n(default: %s)", option->initial);
	fold_text(help.data, 0, MAN_WIDTH, out);
	buffer_add_char(out, '\n');
	buffer_release(&help);
}

void options_write_man(const struct option *options, struct buffer *out)
{
	if (!options || !options->name)
		return;
	buffer_add_string(out, ".Bl -tag -width Ds\n");
	for (; options->name; options++) {
		write_man_item(options, out);
		write_man_help(options, out);
	}
	buffer_add_string(out, ".El\n");
}
