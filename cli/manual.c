/* manual: what the tables say, as mdoc. */
#include "cli/command.h"

#include <string.h>

#include "lib/fold.h"

enum { MAN_WIDTH = 78 };

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

/* A line that begins with a dot or a quote would be a macro; a backslash would be an escape. */
static void write_escaped(const char *text, struct buffer *out)
{
	for (bool starts = true; *text; starts = *text++ == '\n') {
		if (starts && (*text == '.' || *text == '\''))
			buffer_add_string(out, "\\&");
		if (*text == '\\')
			buffer_add_string(out, "\\e");
		else
			buffer_add_char(out, *text);
	}
	buffer_add_char(out, '\n');
}

/* mdoc wants a new line for a new sentence. */
static void break_sentences(struct text text, struct buffer *out)
{
	for (size_t i = 0; i < text.length; i++) {
		bool ends = i > 0 && strchr(".?!", text.data[i - 1]) && text.data[i] == ' ';

		buffer_add_char(out, ends ? '\n' : text.data[i]);
	}
}

static void write_paragraph(struct text text, struct buffer *out)
{
	struct buffer sentences = BUFFER_EMPTY, folded = BUFFER_EMPTY;

	break_sentences(text, &sentences);
	fold_text(sentences.data ? sentences.data : "", 0, MAN_WIDTH, &folded);
	write_escaped(folded.data ? folded.data : "", out);
	buffer_release(&sentences);
	buffer_release(&folded);
}

static void write_prose(const char *text, struct buffer *out)
{
	const char *end;

	while ((end = strstr(text, "\n\n"))) {
		write_paragraph((struct text){ text, (size_t)(end - text) }, out);
		buffer_add_string(out, ".Pp\n");
		text = end + 2;
	}
	write_paragraph(text_of(text), out);
}

static void write_heading(const struct command *command, struct buffer *out)
{
	buffer_format(out, ".Ss %s\n.Dl sagastorm %s%s%s\n.Pp\n", command->name, command->name,
		      command->usage[0] ? " " : "", command->usage);
}

static void write_command(const struct command *command, struct buffer *out)
{
	write_heading(command, out);
	write_prose(command->about, out);
	for (size_t i = 0; command->parts && command->parts[i]; i++)
		write_command(command->parts[i], out);
	if (command->options)
		options_write_man(command->options, out);
	if (!command->examples)
		return;
	buffer_add_string(out, ".Pp\n.Bd -literal -offset indent -compact\n");
	for (size_t i = 0; command->examples[i]; i++) {
		buffer_add_string(out, "sagastorm ");
		write_escaped(command->examples[i], out);
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
