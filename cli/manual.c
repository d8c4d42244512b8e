/* manual: what the tables say, as mdoc. */
#include "cli/command.h"

#include <string.h>

static const char head[] =
	".Dd " SAGASTORM_RELEASED "\n"
	".Dt SAGASTORM 1\n"
	".Os\n"
	".Sh NAME\n"
	".Nm sagastorm\n"
	".Nd replay a shop's traffic against a system under test\n"
	".Sh SYNOPSIS\n"
	".Nm\n"
	".Ar command\n"
	".Op Ar options\n"
	".Op Ar arguments\n"
	".Sh DESCRIPTION\n"
	".Nm\n"
	"sends the load that a scenario describes to a system, keeps a history of every\n"
	"request, and judges the run by it.\n"
	"Latency is measured from the time at which a request was meant to be sent, so\n"
	"that a slow system can't hide behind a generator that waits for it.\n"
	".Pp\n"
	"A scenario is a YAML file; see\n"
	".Xr sagastorm-scenario 5 .\n"
	"Results go to standard output, progress and complaints to standard error.\n"
	".Sh COMMANDS\n";

static const char tail[] =
	".Sh SEE ALSO\n"
	".Xr sagastorm-scenario 5\n";

/* Text in which no line may look like a macro, and each sentence has its own line. */
static void write_prose(const char *text, struct buffer *out)
{
	for (; *text; text++) {
		bool starts = !out->length || out->data[out->length - 1] == '\n';

		if (text[0] == '\n' && text[1] == '\n') {
			buffer_add_string(out, "\n.Pp\n");
			text++;
		} else if (text[0] == '\\') {
			buffer_add_string(out, "\\e");
		} else if (starts && text[0] == ' ') {
			continue;
		} else if ((text[0] == '.' || text[0] == '\'') && starts) {
			buffer_format(out, "\\&%c", text[0]);
		} else if ((text[0] == '.' || text[0] == '?') && text[1] == ' ') {
			buffer_format(out, "%c\n", text[0]);
		} else {
			buffer_add_char(out, text[0]);
		}
	}
	buffer_add_char(out, '\n');
}

static void write_command(const struct command *command, struct buffer *out)
{
	buffer_format(out, ".Ss sagastorm %s %s\n", command->name, command->usage);
	write_prose(command->about, out);
	options_write_man(command->options, out);
	if (!command->examples)
		return;
	buffer_add_string(out, ".Pp\n.Bd -literal -offset indent -compact\n");
	for (size_t i = 0; command->examples[i]; i++) {
		buffer_add_string(out, "sagastorm ");
		write_prose(command->examples[i], out);
	}
	buffer_add_string(out, ".Ed\n");
}

void commands_write_man(struct buffer *out)
{
	buffer_add_string(out, head);
	for (size_t i = 0; commands[i]; i++)
		write_command(commands[i], out);
	buffer_add_string(out, ".Sh EXIT STATUS\nWhen several apply, the first from the top wins.\n"
			       ".Bl -tag -width Ds\n");
	for (size_t i = 0; exit_codes[i].meaning; i++) {
		buffer_format(out, ".It %d\n", exit_codes[i].code);
		write_prose(exit_codes[i].meaning, out);
	}
	buffer_add_string(out, ".El\n");
	buffer_add_string(out, tail);
}
