#include "cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/record.h"
#include "lib/visible.h"

static const struct option trail_options[] = {
	OPTIONS_END
};

/* A fault's change of state, and then the words about it, in as many records as they take. */
struct trail {
	struct record_fault fault;
	struct buffer words;
	uint64_t changes;
};

/* What a kind or a system says about itself may be anything, and lines are for people. */
static void print_words(const struct trail *trail)
{
	struct buffer shown = BUFFER_EMPTY;

	visible_add(&shown, buffer_text(&trail->words));
	print_buffer(&shown);
	buffer_release(&shown);
}

static void print_change(struct trail *trail)
{
	const struct record_fault *fault = &trail->fault;

	printf("%10.3f s  fault %" PRIu32 "  ", (double)fault->at_us / (double)US_PER_S,
	       fault->fault);
	print_words(trail);
	if (fault->hits > 0)
		printf("; %" PRId64 " hits so far", fault->hits);
	printf("%s\n", fault->by_heal ? " (not by its supervisor)" : "");
	buffer_clear(&trail->words);
	trail->changes++;
}

static void take(const struct record *record, struct trail *trail)
{
	struct record_text text;

	if (record->kind == RECORD_FAULT)
		memcpy(&trail->fault, record->payload, sizeof(trail->fault));
	if (record->kind != RECORD_FAULT_TEXT)
		return;
	memcpy(&text, record->payload, sizeof(text));
	if (text.length <= sizeof(text.bytes))
		buffer_add(&trail->words, text.bytes, text.length);
	if (!(record->flags & 1))
		print_change(trail);
}

static bool print_trail(const char *path, struct trail *trail, struct error *err)
{
	struct history_reader *reader = history_open(path, err);
	const struct record *record;

	if (!reader)
		return false;
	while ((record = history_read(reader)))
		take(record, trail);
	if (history_torn(reader))
		printf("(here it was torn off)\n");
	history_reader_free(reader);
	return true;
}

static int trail_run(struct invocation *invocation)
{
	const char *directory = invocation->arguments.items[0];
	char *path = arena_format(invocation->arena, "%s/history/chaos.history", directory);
	struct trail trail = { .changes = 0 };
	struct error err;
	bool good;

	if (access(path, F_OK) != 0)
		path = arena_format(invocation->arena, "%s/chaos.history", directory);
	good = print_trail(path, &trail, &err);
	buffer_release(&trail.words);
	if (!good)
		return command_fail(invocation, EXIT_USAGE, &err);
	if (!trail.changes)
		printf("nothing was broken\n");
	return EXIT_PASS;
}

const struct command command_chaos_trail = {
	.name = "chaos trail",
	.summary = "say who broke what, when, what it hit, and how it was put back",
	.usage = "DIR",
	.about = "Prints the audit trail of a run, or of a game day, from its history: every fault, "
		 "from being armed (by whom, from which machine, on which real target) to having "
		 "been seen to be gone. DIR is a run directory, or one with a chaos.history.",
	.options = trail_options,
	.arguments_min = 1, .arguments_max = 1,
	.run = trail_run,
};
