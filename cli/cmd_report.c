#include <stdio.h>

#include "cli/command.h"
#include "reports/report.h"

static int report_run(struct invocation *invocation)
{
	struct report_options options = { .colour = report_wants_colour(stdout) };
	struct buffer summary = BUFFER_EMPTY;
	int code = EXIT_PASS;
	struct error err;

	if (!report_build(invocation->arguments.items[0], &options, &summary, &code, &err))
		code = command_fail(invocation, EXIT_USAGE, &err);
	else if (!print_buffer(&summary))
		code = EXIT_INTERNAL;
	buffer_release(&summary);
	return code;
}

const struct command command_report = {
	.name = "report",
	.summary = "rebuild every report of a run from its history",
	.usage = "DIR",
	.about = "Reads the history in DIR, which may be of a run that was killed, writes the reports "
		 "again and prints the summary. The exit code is that of the run.",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = report_run,
};
