/*
 * command: one subcommand is one file with one of these, and a row in cli/main.c.
 *
 *	struct frob_options { bool hard; };
 *	static const struct option frob_options[] = { ... OPTIONS_END };
 *
 *	static int frob_run(struct invocation *invocation)
 *	{
 *		const struct frob_options *options = invocation->options;
 *
 *		if (!frob(invocation->arguments.items[0], options->hard, &err))
 *			return command_fail(invocation, EXIT_USAGE, &err);
 *		return EXIT_PASS;
 *	}
 *
 *	const struct command command_frob = {
 *		.name = "frob",
 *		.summary = "frob a file",
 *		.usage = "[options] FILE",
 *		.about = "Frobs the file, as often as needed.",
 *		.options = frob_options,
 *		.options_bytes = sizeof(struct frob_options),
 *		.arguments_min = 1, .arguments_max = 1,
 *		.run = frob_run,
 *	};
 *
 * Results go to stdout, progress and complaints to stderr. What run() returns is the exit code.
 * --help and -h are everyone's and need no row.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/exit_codes.h"
#include "lib/options.h"
#include "lib/version.h"

struct command;

struct invocation {
	const struct command *command;
	void *options;            /* options_bytes, filled from the table; may be changed */
	struct strings arguments; /* what was no option; items end with a NULL */
	struct arena *arena;      /* lives until the process ends */
};

enum { ARGUMENTS_ANY = -1 };

struct command {
	const char *name;
	const char *summary; /* one line, lower case, no full stop */
	const char *usage;   /* what comes after the name */
	const char *about;   /* paragraphs, separated by an empty line; for --help and the manual */
	const char *const *examples; /* NULL-ended, without "sagastorm "; may be NULL */
	const struct option *options;
	size_t options_bytes;
	int arguments_min, arguments_max; /* ARGUMENTS_ANY: no limit */
	int (*run)(struct invocation *invocation);
	/*
	 * Instead of all of that from options on: commands below this one, NULL-ended, each with
	 * its whole name ("chaos heal").
	 */
	const struct command *const *parts;
};

/* Sorted by name, ended by NULL. */
extern const struct command *const commands[];

const struct command *command_find(const char *name);

/* The part whose last word is `word`; NULL: there is none. */
const struct command *command_part(const struct command *command, const char *word);

/* "sagastorm run: text" on stderr; returns the code. */
int command_fail(const struct invocation *invocation, int code, const struct error *err);

/* The same with "try 'sagastorm run --help'" below; returns EXIT_USAGE. */
int command_usage(const struct invocation *invocation, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Builds the reports of a run, prints its summary, returns its exit code (cli/cmd_report.c). */
int command_report_on(const struct invocation *invocation, const char *directory);

/* Prints complaints as they are ("file:line:col: ..."), without a prefix, on stderr. */
void command_complain(struct complaints *complaints);

/* What `sagastorm COMMAND --help` shows (cli/help.c). */
void command_write_help(const struct command *command, struct buffer *out);

/* The overview (cli/help.c); sagastorm(1) and sagastorm-scenario(5) as mdoc (cli/manual*.c). */
void commands_write_help(struct buffer *out);
void commands_write_man(struct buffer *out);
void scenario_write_man(struct buffer *out);
void exit_codes_write(struct buffer *out);

/* stdout; false when it can't be written (a full disk, a closed pipe). */
bool print_buffer(const struct buffer *buffer);

/* Below `chaos`: cli/chaos_NAME.c, with a row in cli/cmd_chaos.c. */
extern const struct command command_chaos_arm;
extern const struct command command_chaos_heal;
extern const struct command command_chaos_kinds;
extern const struct command command_chaos_proxy;
extern const struct command command_chaos_status;
extern const struct command command_chaos_trail;

extern const struct command command_chaos;
extern const struct command command_check;
extern const struct command command_compare;
extern const struct command command_doctor;
extern const struct command command_help;
extern const struct command command_report;
extern const struct command command_run;
extern const struct command command_schema;
extern const struct command command_shop;
extern const struct command command_version;
extern const struct command command_witness;

#endif
