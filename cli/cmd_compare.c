#include "cli/compared.h"

struct compare_command_options {
	struct strings base, new;
	double tolerance, errors;
	int64_t least_us, seed;
	bool force, strict, markdown;
	char *json, *html;
};

static const struct option compare_options_table[] = {
	{ "base", 'b', "DIR", KEY_STRINGS, offsetof(struct compare_command_options, base),
	  .many = true,
	  .help = "the runs of the one side; three or more are better than one" },
	{ "errors", 0, "SHARE", KEY_SHARE, offsetof(struct compare_command_options, errors),
	  .initial = "1%", .minimum = 0, .maximum = 1,
	  .help = "by how much the share of errors may grow, in points" },
	{ "force", 'f', NULL, KEY_BOOL, offsetof(struct compare_command_options, force),
	  .help = "compare runs that are not alike, and say so" },
	{ "html", 0, "FILE", KEY_STRING, offsetof(struct compare_command_options, html),
	  .help = "write a page with a shift plot per request" },
	{ "json", 0, "FILE", KEY_STRING, offsetof(struct compare_command_options, json),
	  .help = "write everything, for other programs" },
	{ "least", 0, "TIME", KEY_DURATION, offsetof(struct compare_command_options, least_us),
	  .initial = "1ms", .minimum = 0, .maximum = 3600e6,
	  .help = "a latency that moved by less than this did not move" },
	{ "markdown", 'm', NULL, KEY_BOOL, offsetof(struct compare_command_options, markdown),
	  .help = "print Markdown, for a pull request" },
	{ "new", 'n', "DIR", KEY_STRINGS, offsetof(struct compare_command_options, new),
	  .many = true,
	  .help = "the runs of the other side" },
	{ "seed", 0, "N", KEY_INTEGER, offsetof(struct compare_command_options, seed),
	  .initial = "1", .minimum = 0, .maximum = 9e15,
	  .help = "of the resampling" },
	{ "strict", 0, NULL, KEY_BOOL, offsetof(struct compare_command_options, strict),
	  .help = "exit code 23 also when a regression can't be ruled out" },
	{ "tolerance", 't', "SHARE", KEY_SHARE,
	  offsetof(struct compare_command_options, tolerance),
	  .initial = "5%", .minimum = 0, .maximum = 1,
	  .help = "by how much a latency may grow" },
	OPTIONS_END
};

static bool take_sides(const struct invocation *invocation, struct compare_side *base,
		       struct compare_side *new)
{
	const struct compare_command_options *options = invocation->options;
	const struct strings *arguments = &invocation->arguments;

	*base = (struct compare_side){ (const char *const *)options->base.items,
				       options->base.count };
	*new = (struct compare_side){ (const char *const *)options->new.items, options->new.count };
	if (arguments->count == 0)
		return base->count && new->count;
	if (base->count || new->count || arguments->count != 2)
		return false;
	*base = (struct compare_side){ (const char *const *)arguments->items, 1 };
	*new = (struct compare_side){ (const char *const *)arguments->items + 1, 1 };
	return true;
}

static int compare_run_command(struct invocation *invocation)
{
	const struct compare_command_options *options = invocation->options;
	const struct compare_options how = { options->tolerance, options->least_us, options->errors,
					     (uint64_t)options->seed, options->force };
	const struct compared_files files = { .json = options->json, .html = options->html };
	struct compare_side base, new;
	struct comparison *comparison;
	struct error err;
	int code;

	if (!take_sides(invocation, &base, &new))
		return command_usage(invocation,
				     "it takes two runs, BASE and NEW, or --base DIR... "
				     "and --new DIR...");
	comparison = compare(&base, &new, &how, &err);
	if (!comparison)
		return command_fail(invocation, EXIT_USAGE, &err);
	code = compared_show(invocation, comparison, &files, options->markdown);
	if (code == EXIT_PASS && options->strict && comparison->verdict == COMPARE_INCONCLUSIVE)
		code = EXIT_REGRESSION;
	comparison_free(comparison);
	return code;
}

static const char *const compare_examples[] = {
	"compare runs/before runs/after",
	"compare --base runs/before-* --new runs/after-* --html shift.html",
	"compare runs/main runs/branch --tolerance 10% --markdown >> $GITHUB_STEP_SUMMARY",
	NULL
};

const struct command command_compare = {
	.name = "compare",
	.summary = "did it become slower, and how sure is that",
	.usage = "[options] BASE NEW",
	.about = "Compares runs of the same scenario by what they measured: per request name the "
		 "quantiles of latency and the share of errors, each with a 90% interval and a "
		 "verdict: regressed, improved, same or inconclusive. Runs that are not alike "
		 "(another scenario, load, seed, machine or version) are refused.\n\n"
		 "With one run a side, seconds are resampled in blocks. What differs between runs "
		 "of the same build, and not within one, can't be seen in that way: give three or "
		 "more runs a side for a verdict that does not depend on it. Over all rows "
		 "together, a comparison of equals finds a regression in at most one of twenty.\n\n"
		 "The exit code is 23 when anything regressed by more than the tolerance.",
	.examples = compare_examples,
	.options = compare_options_table,
	.options_bytes = sizeof(struct compare_command_options),
	.arguments_min = 0,
	.arguments_max = 2,
	.run = compare_run_command,
};
