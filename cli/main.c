/* main: finds the command, reads its options, runs it. */
#include "cli/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/memory.h"
#include "lib/visible.h"

const struct command *const commands[] = {
	&command_chaos,
	&command_check,
	&command_compare,
	&command_doctor,
	&command_help,
	&command_report,
	&command_run,
	&command_schema,
	&command_shop,
	&command_version,
	&command_witness,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

int command_fail(const struct invocation *invocation, int code, const struct error *err)
{
	struct buffer shown = BUFFER_EMPTY;

	visible_add(&shown, text_of(err->text));
	fprintf(stderr, "sagastorm %s: %s\n", invocation->command->name,
		shown.data ? shown.data : "");
	buffer_release(&shown);
	return code;
}

int command_usage(const struct invocation *invocation, const char *format, ...)
{
	const char *name = invocation->command->name;
	va_list arguments;

	fprintf(stderr, "sagastorm %s: ", name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\ntry 'sagastorm %s --help'\n", name);
	return EXIT_USAGE;
}

void command_complain(struct complaints *complaints)
{
	struct buffer text = BUFFER_EMPTY;

	complaints_write(complaints, &text);
	if (text.length)
		fwrite(text.data, 1, text.length, stderr);
	buffer_release(&text);
}

bool print_buffer(const struct buffer *buffer)
{
	if (buffer->length && fwrite(buffer->data, 1, buffer->length, stdout) != buffer->length)
		return false;
	return fflush(stdout) == 0;
}

static const char *last_word(const char *name)
{
	const char *blank = strrchr(name, ' ');

	return blank ? blank + 1 : name;
}

const struct command *command_part(const struct command *command, const char *word)
{
	for (size_t i = 0; command->parts && command->parts[i]; i++)
		if (strcmp(last_word(command->parts[i]->name), word) == 0)
			return command->parts[i];
	return NULL;
}

enum { COMMANDS_MAX = sizeof(commands) / sizeof(commands[0]) };

static const char *near_command(const struct command *const *among, const char *name)
{
	const char *known[COMMANDS_MAX] = { NULL };

	for (size_t i = 0; i < COMMANDS_MAX - 1 && among[i]; i++)
		known[i] = last_word(among[i]->name);
	return suggest(text_of(name), known);
}

static int unknown_command(const char *name)
{
	const char *near = near_command(commands, name);

	if (near)
		fprintf(stderr, "sagastorm: unknown command '%s' (did you mean '%s'?)\n", name,
			near);
	else
		fprintf(stderr, "sagastorm: unknown command '%s'\n", name);
	fprintf(stderr, "try 'sagastorm help'\n");
	return EXIT_USAGE;
}

static bool asks_for_help(int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int show_help(const struct command *command)
{
	struct buffer text = BUFFER_EMPTY;
	bool printed;

	command_write_help(command, &text);
	printed = print_buffer(&text);
	buffer_release(&text);
	return printed ? EXIT_PASS : EXIT_INTERNAL;
}

static int check_argument_count(const struct invocation *invocation)
{
	const struct command *command = invocation->command;
	const struct strings *arguments = &invocation->arguments;

	if (arguments->count < (size_t)command->arguments_min)
		return command_usage(invocation, "something is missing: %s", command->usage);
	if (command->arguments_max != ARGUMENTS_ANY &&
	    arguments->count > (size_t)command->arguments_max)
		return command_usage(invocation, "unexpected argument '%s'",
				     arguments->items[command->arguments_max]);
	return EXIT_PASS;
}

static int unknown_part(const struct invocation *invocation, const char *word)
{
	const char *near = near_command(invocation->command->parts, word);

	if (word[0] == '-')
		return command_usage(invocation, "unknown option '%s'", word);
	if (near)
		return command_usage(invocation, "unknown command '%s' (did you mean '%s'?)", word,
				     near);
	return command_usage(invocation, "unknown command '%s'", word);
}

static int command_start(struct invocation *invocation, int argc, char *const *argv);

static int start_part(struct invocation *invocation, int argc, char *const *argv)
{
	const struct command *part = argc ? command_part(invocation->command, argv[0]) : NULL;

	if (part) {
		invocation->command = part;
		return command_start(invocation, argc - 1, argv + 1);
	}
	if (asks_for_help(argc, argv))
		return show_help(invocation->command);
	if (!argc)
		return command_usage(invocation, "something is missing: %s",
				     invocation->command->usage);
	return unknown_part(invocation, argv[0]);
}

static int command_start(struct invocation *invocation, int argc, char *const *argv)
{
	const struct command *command = invocation->command;
	struct command_line line = { .count = argc, .words = argv };
	struct error err;
	int code;

	if (command->parts)
		return start_part(invocation, argc, argv);
	if (asks_for_help(argc, argv))
		return show_help(command);
	invocation->options = arena_new(invocation->arena, command->options_bytes + 1);
	if (!options_parse(command->options, &line, invocation->options, invocation->arena, &err))
		return command_usage(invocation, "%s", err.text);
	invocation->arguments = line.arguments;
	code = check_argument_count(invocation);
	return code == EXIT_PASS ? command->run(invocation) : code;
}

static const char *name_of_command(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return "help";
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return "version";
	return word;
}

/* A result that could not be written is a failure, whatever the command thought. */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "sagastorm: cannot write to standard output\n");
	return code == EXIT_PASS ? EXIT_INTERNAL : code;
}

/*
 * What is printed to a standard stream that is closed would go into the next file that we open. The
 * wrong way round, as here, it is an error, as it should be. And a file that grows too large is an
 * error to be told, not one to die of.
 */
static void prepare(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct arena arena = ARENA_EMPTY;
	struct invocation invocation = { .arena = &arena };
	const char *name = argc > 1 ? name_of_command(argv[1]) : NULL;
	int code;

	prepare();
	if (!name) {
		fprintf(stderr, "sagastorm: no command\ntry 'sagastorm help'\n");
		return EXIT_USAGE;
	}
	invocation.command = command_find(name);
	if (!invocation.command)
		return unknown_command(name);
	code = finish(command_start(&invocation, argc - 2, argv + 2));
	arena_release(&arena);
	return code;
}
