#include "tests/unit/tap.h"

#include <stdlib.h>

#include "lib/options.h"

static const char *const colours[] = { "red", "green", "blue", NULL };

struct chosen {
	char *target;
	bool quiet, colour_on, plan;
	int64_t count, time_us, size_bytes;
	double rate, share;
	int colour;
	struct strings set;
};

static const struct option options[] = {
	{ "target", 't', "URL", KEY_STRING, offsetof(struct chosen, target), .help = "where" },
	{ "quiet", 'q', NULL, KEY_BOOL, offsetof(struct chosen, quiet), .help = "say nothing" },
	{ "plan", 'p', NULL, KEY_BOOL, offsetof(struct chosen, plan), .help = "the plan" },
	{ "tint", 0, NULL, KEY_BOOL, offsetof(struct chosen, colour_on), .initial = "yes",
	  .help = "in colour" },
	{ "count", 'n', "N", KEY_INTEGER, offsetof(struct chosen, count), .initial = "3",
	  .minimum = 1, .maximum = 10, .help = "how many" },
	{ "time", 0, "TIME", KEY_DURATION, offsetof(struct chosen, time_us), .help = "how long" },
	{ "size", 0, "SIZE", KEY_SIZE, offsetof(struct chosen, size_bytes), .help = "how big" },
	{ "rate", 0, "RATE", KEY_RATE, offsetof(struct chosen, rate), .help = "how fast" },
	{ "share", 0, "SHARE", KEY_SHARE, offsetof(struct chosen, share), .help = "how much" },
	{ "colour", 0, "COLOUR", KEY_CHOICE, offsetof(struct chosen, colour), .choices = colours,
	  .initial = "green", .help = "which" },
	{ "set", 's', "K=V", KEY_STRINGS, offsetof(struct chosen, set), .help = "variables" },
	OPTIONS_END
};

static struct arena arena = ARENA_EMPTY;
static struct error err;
static struct chosen chosen;
static struct command_line line;

/* Words end with a NULL. */
static bool parse(const char *const *words)
{
	char **copies = arena_array(&arena, 16, sizeof(*copies));

	chosen = (struct chosen){ .count = -1 };
	line = (struct command_line){ .words = copies };
	for (; words[line.count]; line.count++)
		copies[line.count] = arena_string(&arena, text_of(words[line.count]));
	err.text[0] = '\0';
	return options_parse(options, &line, &chosen, &arena, &err);
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void check_refused(const char *word, const char *why)
{
	CHECK(!PARSE(word));
	CHECK_TEXT(err.text, why);
}

static void test_values(void)
{
	TEST("every form of a value is understood") {
		CHECK(PARSE("--target=a", "-n", "4"));
		CHECK_TEXT(chosen.target, "a");
		CHECK_INT(chosen.count, 4);
		CHECK(PARSE("--target", "b", "-n5"));
		CHECK_TEXT(chosen.target, "b");
		CHECK_INT(chosen.count, 5);
		CHECK(PARSE("--target="));
		CHECK_TEXT(chosen.target, "");
		CHECK(PARSE("--target=a=b"));
		CHECK_TEXT(chosen.target, "a=b");
	}
	TEST("units are those of the scenario") {
		CHECK(PARSE("--time", "1.5s", "--size=2KiB", "--rate", "120/m", "--share", "5%"));
		CHECK_INT(chosen.time_us, 1500000);
		CHECK_INT(chosen.size_bytes, 2048);
		CHECK_NEAR(chosen.rate, 2, 1e-9);
		CHECK_NEAR(chosen.share, 0.05, 1e-9);
	}
	TEST("defaults hold until something else is said, and the last one wins") {
		CHECK(PARSE("x"));
		CHECK_INT(chosen.count, 3);
		CHECK_INT(chosen.colour, 1);
		CHECK(chosen.colour_on);
		CHECK(!chosen.target);
		CHECK(PARSE("-n1", "-n2", "--colour", "blue"));
		CHECK_INT(chosen.count, 2);
		CHECK_INT(chosen.colour, 2);
	}
	TEST("an option may be collected") {
		CHECK(PARSE("--set", "a=1", "-sb=2", "-s", "c=3"));
		CHECK_INT(chosen.set.count, 3);
		CHECK_TEXT(chosen.set.items[0], "a=1");
		CHECK_TEXT(chosen.set.items[2], "c=3");
		CHECK(!chosen.set.items[3]);
		CHECK(PARSE("x"));
		CHECK_INT(chosen.set.count, 0);
		CHECK(chosen.set.items && !chosen.set.items[0]);
	}
}

static void test_flags(void)
{
	TEST("flags can be bundled, the last letter may take a value") {
		CHECK(PARSE("-qpn7"));
		CHECK(chosen.quiet && chosen.plan);
		CHECK_INT(chosen.count, 7);
		CHECK(PARSE("-qn", "8"));
		CHECK_INT(chosen.count, 8);
	}
	TEST("a flag that is on can be turned off") {
		CHECK(PARSE("--no-tint"));
		CHECK(!chosen.colour_on);
		CHECK(PARSE("--tint=no", "--quiet=yes"));
		CHECK(!chosen.colour_on && chosen.quiet);
		CHECK(!PARSE("--no-quiet"));
		CHECK(!PARSE("--no-target"));
	}
}

static void test_arguments(void)
{
	TEST("arguments and options mix; after -- nothing is an option; - is an argument") {
		CHECK(PARSE("one", "-q", "-", "--", "--plan", "-q"));
		CHECK_INT(line.arguments.count, 4);
		CHECK_TEXT(line.arguments.items[0], "one");
		CHECK_TEXT(line.arguments.items[1], "-");
		CHECK_TEXT(line.arguments.items[2], "--plan");
		CHECK(!line.arguments.items[4]);
		CHECK(!chosen.plan);
	}
}

static void test_mistakes(void)
{
	TEST("every mistake is named, with a suggestion where one is near") {
		check_refused("--taget", "unknown option '--taget' (did you mean '--target'?)");
		check_refused("--taget=x", "unknown option '--taget' (did you mean '--target'?)");
		check_refused("--zzzzzz", "unknown option '--zzzzzz'");
		check_refused("-x", "unknown option '-x'");
		check_refused("-qx", "unknown option '-x'");
		check_refused("--target", "option '--target' needs URL");
		check_refused("-n", "option '--count' needs N");
		check_refused("--count=0", "--count: '0' is too small");
		check_refused("--count=11", "--count: '11' is too large");
		check_refused("--colour=pink", "--colour: 'pink' is none of red, green, blue");
	}
	TEST("values of the wrong kind are refused") {
		CHECK(!PARSE("--count=many"));
		CHECK(!PARSE("--count="));
		CHECK(!PARSE("--time=5"));
		CHECK(!PARSE("--rate=5s"));
		CHECK(!PARSE("--quiet=maybe"));
		CHECK(!PARSE("--=x"));
	}
}

static void test_help(void)
{
	struct buffer out = BUFFER_EMPTY;

	TEST("the help names every option, what it takes and its default") {
		options_write_help(options, &out);
		CHECK(strstr(out.data, "  -t, --target URL          where\n") != NULL);
		CHECK(strstr(out.data, "      --no-tint             in colour\n") != NULL);
		CHECK(strstr(out.data, "      --colour red|green|blue\n") != NULL);
		CHECK(strstr(out.data, "which (default: green)\n") != NULL);
		CHECK(strstr(out.data, "  -h, --help ") != NULL);
	}
	buffer_release(&out);
}

int main(void)
{
	test_values();
	test_flags();
	test_arguments();
	test_mistakes();
	test_help();
	arena_release(&arena);
	return tap_done();
}
