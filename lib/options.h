/*
 * options: a command line is a table.
 *
 * One row per option: its name, what it takes, where it goes, its default, its help. Parsing, its
 * complaints, `--help` and the manual page come from the rows.
 *
 *	struct run_options { char *target; struct strings set; int progress; bool quiet; };
 *
 *	static const struct option run_options[] = {
 *		{ "target", 't', "URL", KEY_STRING, offsetof(struct run_options, target),
 *		  .help = "send requests here instead of where the scenario says" },
 *		{ "set", 0, "K=V", KEY_STRINGS, offsetof(struct run_options, set),
 *		  .help = "override a variable; may be repeated" },
 *		{ "quiet", 'q', NULL, KEY_BOOL, offsetof(struct run_options, quiet),
 *		  .help = "no progress" },
 *		OPTIONS_END
 *	};
 *	struct command_line line = { .count = argc, .words = argv };
 *	options_parse(run_options, &line, &chosen, &arena, err);
 *
 * Understood: --x=y, --x y, -xy, -x y, -abc for flags, and -- after which nothing is an option.
 * Options and arguments may be mixed. A lone - is an argument. A flag whose default is `yes` is
 * turned off by --no-x. The last one wins, except that KEY_STRINGS collects.
 * An option with `many` takes all words up to the next one that begins with a dash, so that a shell
 * may spell out --base runs/base-*.
 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include "lib/arena.h"
#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/schema.h"

struct option {
	const char *name;
	char letter;                 /* 0: none */
	const char *argument;        /* what the help calls it: "URL"; NULL for flags (KEY_BOOL) */
	enum key_type type;          /* any scalar of schema.h, or KEY_STRINGS */
	size_t offset;               /* of a field of the type that schema.h gives for the key */
	const char *const *choices;  /* KEY_CHOICE: NULL-ended; the field is an int */
	const char *initial;         /* as it would be written; NULL: zero */
	double minimum, maximum;     /* both 0: no bounds */
	const char *help;
	bool many;                   /* KEY_STRINGS: `--x a b c`, up to the next option */
};

#define OPTIONS_END { .name = NULL }

struct command_line {
	int count; /* without the name of the program */
	char *const *words;
	struct strings arguments; /* what was no option */
};

/*
 * Sets the defaults, then what the command line says. The items of every struct strings end with a
 * NULL; their `places` are NULL. Everything lives in the arena.
 */
bool options_parse(const struct option *options, struct command_line *line, void *into,
		   struct arena *arena, struct error *err);

/* Lines such as "  -o, --output DIR      where the run is written (default: runs/)". */
void options_write_help(const struct option *options, struct buffer *out);

/* The same as an mdoc list. */
void options_write_man(const struct option *options, struct buffer *out);

#endif
