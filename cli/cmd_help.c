#include "cli/command.h"

#include <string.h>

#include "engine/scenario.h"

struct help_options {
	bool man;
};

static const struct option help_options[] = {
	{ "man", 0, NULL, KEY_BOOL, offsetof(struct help_options, man),
	  .help = "print the manual page (mdoc) of sagastorm, or of the topic 'scenario'" },
	OPTIONS_END
};

static void write_everything(bool man, struct buffer *out)
{
	if (man)
		commands_write_man(out);
	else
		commands_write_help(out);
}

static void write_codes(bool man, struct buffer *out)
{
	(void)man;
	exit_codes_write(out);
}

static void write_scenario(bool man, struct buffer *out)
{
	if (man)
		scenario_write_man(out);
	else
		schema_write_manual(scenario_keys, false, out);
}

static const struct topic {
	const char *name;
	void (*write)(bool man, struct buffer *out);
} topics[] = {
	{ "exit-codes", write_codes },
	{ "scenario", write_scenario },
};

enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

/* "run", or "chaos" and "heal". */
static const struct command *find_command(const struct strings *words)
{
	const struct command *command = command_find(words->items[0]);

	return command && words->count > 1 ? command_part(command, words->items[1]) : command;
}

static bool write_topic(const struct strings *words, bool man, struct buffer *out)
{
	const struct command *command = find_command(words);
	const char *name = words->items[0];

	if (command) {
		command_write_help(command, out);
		return true;
	}
	for (size_t i = 0; i < TOPICS && words->count == 1; i++) {
		if (strcmp(topics[i].name, name) == 0) {
			topics[i].write(man, out);
			return true;
		}
	}
	return false;
}

static int help_unknown(const struct invocation *invocation, const struct strings *words)
{
	const char *name = words->items[0];
	const char *known[64];
	size_t count = 0;
	const char *near;

	for (size_t i = 0; commands[i] && count < 64 - TOPICS - 1; i++)
		known[count++] = commands[i]->name;
	for (size_t i = 0; i < TOPICS; i++)
		known[count++] = topics[i].name;
	known[count] = NULL;
	if (words->count > 1 && command_find(name))
		return command_usage(invocation, "nothing about '%s %s'", name, words->items[1]);
	near = suggest(text_of(name), known);
	if (near)
		return command_usage(invocation, "nothing about '%s' (did you mean '%s'?)", name,
				     near);
	return command_usage(invocation, "nothing about '%s'", name);
}

static int help_run(struct invocation *invocation)
{
	const struct help_options *options = invocation->options;
	struct buffer out = BUFFER_EMPTY;
	int code = EXIT_PASS;

	if (invocation->arguments.count == 0)
		write_everything(options->man, &out);
	else if (!write_topic(&invocation->arguments, options->man, &out))
		code = help_unknown(invocation, &invocation->arguments);
	if (code == EXIT_PASS && !print_buffer(&out))
		code = EXIT_INTERNAL;
	buffer_release(&out);
	return code;
}

const struct command command_help = {
	.name = "help",
	.summary = "explain a command, the scenario language or the exit codes",
	.usage = "[--man] [COMMAND... | scenario | exit-codes]",
	.about = "Without an argument, lists the commands.",
	.options = help_options,
	.options_bytes = sizeof(struct help_options),
	.arguments_max = 2,
	.run = help_run,
};
