/* chaos: what is below it is one file each, cli/chaos_NAME.c, with a row here. */
#include "cli/command.h"

static const struct command *const parts[] = {
	&command_chaos_arm,
	&command_chaos_heal,
	&command_chaos_kinds,
	&command_chaos_proxy,
	&command_chaos_status,
	&command_chaos_trail,
	NULL,
};

const struct command command_chaos = {
	.name = "chaos",
	.summary = "break things on purpose, see what is broken, and put it back",
	.usage = "COMMAND [options] [arguments]",
	.about = "Faults without a load, and what to do when something went wrong with them. "
		 "What is armed stands in a journal, on the disk, before it is armed; journals are "
		 "in $SAGASTORM_STATE, else $XDG_STATE_HOME/sagastorm, else "
		 "~/.local/state/sagastorm.",
	.parts = parts,
};
