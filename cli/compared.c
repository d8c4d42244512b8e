#include "cli/compared.h"

#include <stdio.h>

#include "cli/workflow.h"
#include "lib/file.h"
#include "reports/report.h"

static bool write_file(const struct invocation *invocation, const char *path,
		       const struct buffer *contents)
{
	struct error err;

	if (file_write(path, buffer_text(contents), &err))
		return true;
	command_fail(invocation, EXIT_INTERNAL, &err);
	return false;
}

static void write_html(const struct comparison *comparison, struct buffer *out)
{
	compare_write_html(comparison, out);
}

static void write_json(const struct comparison *comparison, struct buffer *out)
{
	compare_write_json(comparison, out);
}

static bool write_files(const struct invocation *invocation, const struct comparison *comparison,
			const struct compared_files *files)
{
	const struct {
		const char *path;
		void (*write)(const struct comparison *comparison, struct buffer *out);
	} all[] = { { files->json, write_json },
		    { files->html, write_html },
		    { files->markdown, compare_write_markdown } };
	bool good = true;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct buffer out = BUFFER_EMPTY;

		if (!all[i].path)
			continue;
		all[i].write(comparison, &out);
		good = write_file(invocation, all[i].path, &out) && good;
		buffer_release(&out);
	}
	return good;
}

/* Each on a line of its own: there may be several, and a script may want to read them. */
static void show_mismatches(const struct invocation *invocation,
			    const struct comparison *comparison)
{
	struct error err;

	for (size_t i = 0; i < comparison->mismatch_count; i++) {
		error_set(&err, "not alike: %s", comparison->mismatches[i]);
		command_fail(invocation, EXIT_USAGE, &err);
	}
}

int compared_show(const struct invocation *invocation, const struct comparison *comparison,
		  const struct compared_files *files, bool as_markdown)
{
	bool refused = comparison->mismatch_count && !comparison->options.force;
	struct buffer out = BUFFER_EMPTY;
	bool good = write_files(invocation, comparison, files);

	if (refused) {
		show_mismatches(invocation, comparison);
		return EXIT_USAGE;
	}
	if (as_markdown)
		compare_write_markdown(comparison, &out);
	else
		compare_write_text(comparison, report_wants_colour(stdout), &out);
	if (workflow_is_github() && !as_markdown)
		workflow_quote(&out);
	good = print_buffer(&out) && good;
	buffer_release(&out);
	if (comparison->verdict == COMPARE_REGRESSED)
		return EXIT_REGRESSION;
	return good ? EXIT_PASS : EXIT_INTERNAL;
}

int compared_with_baseline(const struct invocation *invocation, const char *baseline,
			   const char *directory, double tolerance)
{
	const struct compare_options options = { .tolerance = tolerance,
						 .least_us = COMPARE_LEAST_US,
						 .errors = COMPARE_ERRORS };
	const struct compare_side base = { &baseline, 1 }, new = { &directory, 1 };
	const struct compared_files files = {
		arena_format(invocation->arena, "%s/compare.json", directory),
		arena_format(invocation->arena, "%s/compare.html", directory),
		arena_format(invocation->arena, "%s/compare.md", directory),
	};
	struct comparison *comparison;
	struct error err;
	int code;

	comparison = compare(&base, &new, &options, &err);
	if (!comparison)
		return command_fail(invocation, EXIT_USAGE, &err);
	printf("\n");
	code = compared_show(invocation, comparison, &files, false);
	comparison_free(comparison);
	return code;
}
