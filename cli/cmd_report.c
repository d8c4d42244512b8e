#include <stdio.h>

#include "cli/command.h"
#include "cli/judged.h"
#include "cli/workflow.h"
#include "reports/report.h"

/* The summary is shown even when the reports could not be written, on a full disk for one. */
int command_report_on(const struct invocation *invocation, const char *directory)
{
	struct report_options options = { .colour = report_wants_colour(stdout) };
	struct buffer summary = BUFFER_EMPTY, annotations = BUFFER_EMPTY;
	int code = EXIT_PASS;
	struct error err;

	if (workflow_is_github())
		options.annotations = &annotations;
	if (!judge_directory(directory, &err))
		command_fail(invocation, EXIT_INTERNAL, &err);
	if (!report_build(directory, &options, &summary, &code, &err)) {
		code = code ? code : summary.length ? EXIT_INTERNAL : EXIT_USAGE;
		command_fail(invocation, code, &err);
	}
	if (options.annotations && summary.length)
		workflow_quote(&summary);
	buffer_add_text(&summary, buffer_text(&annotations));
	if (!print_buffer(&summary) && code == EXIT_PASS)
		code = EXIT_INTERNAL;
	buffer_release(&summary);
	buffer_release(&annotations);
	return code;
}

static int report_run(struct invocation *invocation)
{
	return command_report_on(invocation, invocation->arguments.items[0]);
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
