#include "cli/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "chaos/journal.h"
#include "chaos/supervisor.h"

static const struct option heal_options[] = {
	OPTIONS_END
};

struct tally {
	uint32_t healed, unproven, unread;
};

static void heal_one(const struct invocation *invocation, const char *path, struct tally *tally)
{
	struct buffer said = BUFFER_EMPTY;
	uint32_t healed, unproven;
	struct error err;

	if (!journal_heal(path, &healed, &unproven, &said, &err)) {
		command_fail(invocation, EXIT_NOT_HEALED, &err);
		tally->unread++;
	}
	tally->healed += healed;
	tally->unproven += unproven;
	print_buffer(&said);
	buffer_release(&said);
}

static bool heal_all(const struct invocation *invocation, struct tally *tally, struct error *err)
{
	struct buffer directory = BUFFER_EMPTY;
	char **paths = NULL;
	size_t count = 0;
	bool good = state_directory(&directory, err) &&
		    journal_list(directory.data, &paths, &count, err);

	for (size_t i = 0; i < count; i++)
		heal_one(invocation, paths[i], tally);
	journal_list_free(paths, count);
	buffer_release(&directory);
	return good;
}

static int heal_run(struct invocation *invocation)
{
	struct tally tally = { 0, 0, 0 };
	struct error err;

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < invocation->arguments.count; i++)
		heal_one(invocation, invocation->arguments.items[i], &tally);
	if (!invocation->arguments.count && !heal_all(invocation, &tally, &err))
		return command_fail(invocation, EXIT_NOT_HEALED, &err);
	if (tally.unproven + tally.unread)
		return EXIT_NOT_HEALED;
	if (!tally.healed)
		printf("nothing is broken by us\n");
	return EXIT_PASS;
}

static const char *const examples[] = {
	"chaos heal",
	"chaos status || sagastorm chaos heal",
	NULL
};

const struct command command_chaos_heal = {
	.name = "chaos heal",
	.summary = "put back everything that a run broke and did not put back",
	.usage = "[JOURNAL...]",
	.about = "Heals what the journals say is broken: a supervisor that lives is told to do it; "
		 "what is left of one that died is healed from its journal. Every fault is looked "
		 "at afterwards; the exit code is 30 when one could not be seen to be gone. Healing "
		 "twice is harmless, two at once as well.\n\n"
		 "Without an argument, all journals of the state directory are healed.",
	.examples = examples,
	.options = heal_options,
	.arguments_max = ARGUMENTS_ANY,
	.run = heal_run,
};
