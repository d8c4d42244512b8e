/* help: what the tables say, for a terminal. */
#include "cli/command.h"

#include "lib/fold.h"

enum { HELP_WIDTH = 92 };

static void write_parts(const struct command *command, struct buffer *out)
{
	buffer_add_string(out, "\n\ncommands:\n");
	for (size_t i = 0; command->parts[i]; i++)
		buffer_format(out, "  %-16s %s\n", command->parts[i]->name,
			      command->parts[i]->summary);
	buffer_format(out, "\n'sagastorm %s COMMAND --help' tells about one.\n", command->name);
}

void command_write_help(const struct command *command, struct buffer *out)
{
	buffer_format(out, "usage: sagastorm %s %s\n\n", command->name, command->usage);
	fold_text(command->about, 0, HELP_WIDTH, out);
	if (command->parts) {
		write_parts(command, out);
	} else {
		buffer_add_string(out, "\n\noptions:\n");
		options_write_help(command->options, out);
	}
	if (!command->examples)
		return;
	buffer_add_string(out, "\nexamples:\n");
	for (size_t i = 0; command->examples[i]; i++)
		buffer_format(out, "  sagastorm %s\n", command->examples[i]);
}

void commands_write_help(struct buffer *out)
{
	buffer_add_string(out,
			  "usage: sagastorm COMMAND [options] [arguments]\n\n"
			  "Replays a shop's traffic against a system while things break, and says\n"
			  "how fast it was, and whether every order came out right.\n\n"
			  "commands:\n");
	for (size_t i = 0; commands[i]; i++)
		buffer_format(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	buffer_add_string(out, "\n"
			       "sagastorm help COMMAND      about one command (or COMMAND --help)\n"
			       "sagastorm help scenario     every key of a scenario\n"
			       "sagastorm help exit-codes   what scripts can rely on\n");
}

void exit_codes_write(struct buffer *out)
{
	buffer_add_string(out, "When several apply, the first from the top wins.\n\n");
	for (size_t i = 0; exit_codes[i].meaning; i++)
		buffer_format(out, "%5d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
}
