/* What people get wrong in scenarios, and what they are told. One row per mistake. */
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/scenario.h"
#include "lib/file.h"

#define TARGET "target: http://127.0.0.1:8080\n"
#define LOAD "load: { p: { rate: 20/s, for: 1m } }\n"
#define JOURNEY "journeys: { a: [ { get: / } ] }\n"
#define REST LOAD JOURNEY

struct mistake {
	const char *name, *text, *complaint;
};

static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;
static char folder[64] = "/tmp/test_scenario.XXXXXX";

static const char *told(void)
{
	buffer_clear(&said);
	buffer_add_string(&said, "");
	complaints_write(&complaints, &said);
	return said.data;
}

static struct scenario *read_text(const char *text)
{
	complaints_release(&complaints);
	return scenario_load_text("t.yaml", text_of(text), NULL, &complaints);
}

static const char *told_about(const char *text)
{
	struct scenario *scenario = read_text(text);

	if (scenario && complaints.errors)
		printf("# a scenario with errors was accepted\n");
	scenario_free(scenario);
	return told();
}

static void check_mistakes(const struct mistake *mistakes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TEST(mistakes[i].name)
			CHECK_TEXT(told_about(mistakes[i].text), mistakes[i].complaint);
}

static const struct mistake top_mistakes[] = {
	{ "no target", REST,
	  "t.yaml:1:1: missing key 'target': where do requests go? (or give --target URL)\n" },
	{ "no load", TARGET JOURNEY, "t.yaml:1:1: missing key 'load': how much, and for how "
		"long?\n" },
	{ "no journeys", TARGET LOAD, "t.yaml:1:1: missing key 'journeys': what do visitors "
		"do?\n" },
	{ "a misspelt section", "laod: {}\n" TARGET REST,
	  "t.yaml:1:1: unknown key 'laod' (did you mean 'load'?)\n" },
	{ "a section of another tool", "scenarios: {}\n" TARGET REST,
	  "t.yaml:1:1: unknown key 'scenarios' (there are: name, about, seed, use, vars, target, "
	  "http, generator, data, load, mix, journeys)\n" },
	{ "a section twice", TARGET TARGET REST, "t.yaml:2:1: duplicate key 'target' (first at "
		"1:1)\n" },
	{ "a list for a scenario", "- a\n", "t.yaml:1:1: a scenario is a map, not a list\n" },
	{ "a word for a scenario", "hello\n", "t.yaml:1:1: a scenario is a map, not a string\n" },
	{ "an empty file", "", "t.yaml: the file is empty\n" },
	{ "a seed that is no number", "seed: abc\n" TARGET REST,
	  "t.yaml:1:7: 'seed': 'abc' is no whole number\n" },
	{ "a negative seed", "seed: -1\n" TARGET REST,
	  "t.yaml:1:7: 'seed': '-1' is too little, the least is 0\n" },
	{ "a target without a scheme", "target: 127.0.0.1:8080\n" REST,
	  "t.yaml:1:9: '127.0.0.1:8080' is no URL such as http://127.0.0.1:8080\n" },
	{ "a target with a path", "target: http://shop/api\n" REST,
	  "t.yaml:1:9: 'http://shop/api' has a path; paths belong in the requests\n" },
	{ "a target with a bad port", "target: http://shop:99999\n" REST,
	  "t.yaml:1:9: '99999' is no port (1 to 65535)\n" },
	{ "a target with a password", "target: http://me:secret@shop\n" REST,
	  "t.yaml:1:9: a URL can't carry a user and a password (use 'auth' in journeys)\n" },
	{ "a target without a host", "target: http://\n" REST,
	  "t.yaml:1:9: 'http://' has no valid host\n" },
	{ "a used file that is not there", "use: [nowhere.yaml]\n" TARGET REST,
	  "t.yaml:1:7: cannot use 'nowhere.yaml': No such file or directory\n" },
	{ "a tab", "load:\n\tp: x\n", "t.yaml:2:1: not YAML: found character that cannot start "
		"any token while scanning for the next token\n" },
};

static const struct mistake variable_mistakes[] = {
	{ "an unknown variable", "vars: { rate: 5/s }\n" TARGET JOURNEY
				 "load: { p: { rate: \"${rat}\", for: \"1s${rate}\" } }\n",
	  "t.yaml:4:20: unknown variable 'rat' (did you mean 'rate'?)\n"
	  "t.yaml:4:35: 'for': '1s5/s' is no duration (write 250ms, 1.5s, 2m, 1h30m)\n" },
	{ "a variable that is a list", "vars: { a: [1] }\n" TARGET REST,
	  "t.yaml:1:12: variable 'a' wants a single value, not a list\n" },
	{ "variables that define each other", "vars: { a: \"${b}\", b: \"${a}\" }\n" TARGET REST,
	  "t.yaml:1:12: variable 'a' is defined by itself\n"
	  "t.yaml:1:23: variable 'b' has a mistake of its own\n" },
	{ "a variable with a bad name", "vars: { a.b: 1 }\n" TARGET REST,
	  "t.yaml:1:9: 'a.b' is no name of a variable (letters, digits, - and _)\n" },
	{ "vars that are no map", "vars: 5\n" TARGET REST, "t.yaml:1:7: 'vars' wants a map, not a "
		"number\n" },
	{ "an environment variable that is not set", "about: "
		"${env:SAGASTORM_NO_SUCH}\n" TARGET REST,
	  "t.yaml:1:8: environment variable 'SAGASTORM_NO_SUCH' is not set (a default: "
	  "${env:X:-value})\n" },
	{ "a secret that is not set", "about: ${secret:SAGASTORM_NO_SUCH}\n" TARGET REST,
	  "t.yaml:1:8: secret 'SAGASTORM_NO_SUCH' is not set (it is taken from the "
	  "environment)\n" },
	{ "a bad name in the environment", "about: ${env:A B}\n" TARGET REST,
	  "t.yaml:1:8: 'A B' is no name of an environment variable\n" },
	{ "a substitution without its end", "about: a ${b\n" TARGET REST,
	  "t.yaml:1:8: '${' without its '}'\n" },
	{ "a function outside of a journey", "about: ${fn.uuid}\n" TARGET REST,
	  "t.yaml:1:8: '${fn.uuid}' is only known while a journey runs\n" },
	{ "a variable that nothing uses", "vars: { a: 1 }\n" TARGET REST,
	  "t.yaml:1:12: warning: variable 'a' is never used\n" },
};

static const struct mistake http_mistakes[] = {
	{ "a misspelt setting", "http: { timout: 5s }\n" TARGET REST,
	  "t.yaml:1:9: unknown key 'timout' (did you mean 'timeout'?)\n" },
	{ "a timeout without a unit", "http: { timeout: 5 }\n" TARGET REST,
	  "t.yaml:1:18: 'timeout': '5' has no unit (write 10s, 250ms, 5m)\n" },
	{ "a version that is not", "http: { version: 3 }\n" TARGET REST,
	  "t.yaml:1:18: 'version': '3' is none of auto, 1.1, 2\n" },
	{ "a yes that is neither", "http: { verify: maybe }\n" TARGET REST,
	  "t.yaml:1:17: 'verify': 'maybe' is neither yes nor no\n" },
	{ "a certificate that is not there", "http: { ca: nowhere.pem }\n" TARGET REST,
	  "t.yaml:1:13: 'ca': cannot open 'nowhere.pem': No such file or directory\n" },
	{ "a key without its certificate", "http: { key: /dev/null }\n" TARGET REST,
	  "t.yaml:1:14: 'key' without its 'certificate'\n" },
	{ "a pin that is none", "http: { resolve: [shop:443] }\n" TARGET REST,
	  "t.yaml:1:19: 'shop:443' is not host:port:address\n" },
	{ "a local address that is none", "http: { from: [localhost] }\n" TARGET REST,
	  "t.yaml:1:16: 'localhost' is no address\n" },
	{ "a proxy that is none", "http: { proxy: localhost }\n" TARGET REST,
	  "t.yaml:1:16: 'localhost' is no URL of a proxy (http://, https://, socks5://)\n" },
	{ "a header that is ours", "http: { headers: { Host: x } }\n" TARGET REST,
	  "t.yaml:1:20: 'Host' follows from the request and can't be set\n" },
	{ "a header with a blank", "http: { headers: { X Y: x } }\n" TARGET REST,
	  "t.yaml:1:20: 'X Y' can't name a header\n" },
	{ "too many redirects", "http: { redirects: 21 }\n" TARGET REST,
	  "t.yaml:1:20: 'redirects': '21' is too much, the most is 20\n" },
	{ "an allowed host that is none", "http: { allow: [\"a b\"] }\n" TARGET REST,
	  "t.yaml:1:17: 'http://a b' has no valid host\n" },
	{ "a share of more than everything", "generator: { dropped-limit: 110% }\n" TARGET REST,
	  "t.yaml:1:29: 'dropped-limit': '110%' is more than everything (100% or 1)\n" },
	{ "an unknown transport", "generator: { transport: curll }\n" TARGET REST,
	  "t.yaml:1:25: 'transport': 'curll' is none of auto, direct, curl (did you mean "
	  "'curl'?)\n" },
};

static const struct mistake data_mistakes[] = {
	{ "data from nowhere", "data: { d: { pick: random } }\n" TARGET REST,
	  "t.yaml:1:9: data 'd' says not where its rows come from (csv, json, read or rows)\n" },
	{ "data from two places", "data: { d: { csv: a.csv, json: b.json } }\n" TARGET REST,
	  "t.yaml:1:32: 'csv' and 'json': rows come from one place\n" },
	{ "a CSV that is not there", "data: { d: { csv: nowhere.csv } }\n" TARGET REST,
	  "t.yaml:1:19: cannot open 'nowhere.csv': No such file or directory\n" },
	{ "an unknown way to pick", "data: { d: { rows: [1], pick: uniqe } }\n" TARGET REST,
	  "t.yaml:1:31: 'pick': unknown way 'uniqe' (did you mean 'unique'?)\n" },
	{ "a zipf without sense", "data: { d: { rows: [1], pick: zipf -1 } }\n" TARGET REST,
	  "t.yaml:1:31: 'pick': the exponent of zipf is above 0 and at most 10\n" },
	{ "a number for a way without one", "data: { d: { rows: [1], pick: random 5 } "
		"}\n" TARGET REST,
	  "t.yaml:1:31: 'pick': only 'zipf' takes a number\n" },
	{ "an endpoint that is a URL", "data: { d: { read: http://x/y } }\n" TARGET REST,
	  "t.yaml:1:20: 'read' wants a path of the target such as 'GET /api/products', not "
	  "'http://x/y'\n" },
	{ "an endpoint that is posted to", "data: { d: { read: POST /y } }\n" TARGET REST,
	  "t.yaml:1:20: 'read' wants a path of the target such as 'GET /api/products', not 'POST "
	  "/y'\n" },
	{ "a pointer without its slash", "data: { d: { read: /y, each: items } }\n" TARGET REST,
	  "t.yaml:1:30: 'each': bad JSON Pointer 'items': it must start with '/'\n" },
	{ "an each beside rows", "data: { d: { rows: [1], each: /x } }\n" TARGET REST,
	  "t.yaml:1:31: 'each' goes with 'json' or 'read'\n" },
	{ "rows that are none", "data: { d: { rows: [] } }\n" TARGET REST,
	  "t.yaml:1:20: 'rows' wants a list of rows, not an empty one\n" },
	{ "a column that comes late", "data: { d: { rows: [ { a: 1 }, { b: 2 } ] } }\n" TARGET REST,
	  "t.yaml:1:37: column 'b' is not in the first row\n" },
	{ "a name that has a meaning", "data: { env: { rows: [1] } }\n" TARGET REST,
	  "t.yaml:1:9: data can't be called 'env', ${env...} has a meaning\n" },
	{ "too few unique rows", TARGET LOAD "data: { d: { rows: [1, 2], pick: unique } }\n"
			       "journeys: { a: [ { get: \"/${d.value}\" } ] }\n",
	  "t.yaml:3:9: warning: data 'd' has 2 unique rows for about 1200 planned starts\n" },
};

static const struct mistake load_mistakes[] = {
	{ "a load that is a rate", TARGET JOURNEY "load: 20/s\n",
	  "t.yaml:3:7: 'load' wants a map of phases, not a string\n" },
	{ "a load without phases", TARGET JOURNEY "load: {}\n",
	  "t.yaml:3:7: 'load' wants a map of phases, not an empty one\n" },
	{ "a phase that is a rate", TARGET JOURNEY "load: { p: 20/s }\n",
	  "t.yaml:3:12: phase 'p' wants a map such as { rate: 20/s, for: 1m }, not a string\n" },
	{ "a phase without load", TARGET JOURNEY "load: { p: { for: 5s } }\n",
	  "t.yaml:3:9: phase 'p' has no load (rate, users, steps, spike, curve or pause)\n" },
	{ "a phase with two loads", TARGET JOURNEY "load: { p: { rate: 5/s, users: 5, for: 5s } "
		"}\n",
	  "t.yaml:3:32: 'rate' and 'users': a phase has one kind of load\n" },
	{ "a rate without a time", TARGET JOURNEY "load: { p: { rate: 5/s } }\n",
	  "t.yaml:3:9: phase 'p' says not how long it is ('for')\n" },
	{ "a rate without a unit", TARGET JOURNEY "load: { p: { rate: 20, for: 5s } }\n",
	  "t.yaml:3:20: 'rate': '20' has no unit (write 20/s, or /m, /h)\n" },
	{ "a rate of zero", TARGET JOURNEY "load: { p: { rate: 0/s, for: 5s } }\n",
	  "t.yaml:3:20: a rate of 0 sends nothing (use 'pause' for silence)\n" },
	{ "a negative rate", TARGET JOURNEY "load: { p: { rate: -5/s, for: 5s } }\n",
	  "t.yaml:3:20: 'rate': a rate can't be negative, as '-5/s' is\n" },
	{ "an impossible rate", TARGET JOURNEY "load: { p: { rate: 2000000/s, for: 5s } }\n",
	  "t.yaml:3:20: a rate is at most 1,000,000/s\n" },
	{ "a rate that starts nobody", TARGET JOURNEY "load: { p: { rate: 1/h, for: 5s } }\n",
	  "t.yaml:3:20: phase 'p' would make no start at all\n" },
	{ "a ramp with half a rate", TARGET JOURNEY "load: { p: { rate: 5/s to 10, for: 5s } }\n",
	  "t.yaml:3:20: 'rate': '10' has no unit (write 10/s, or /m, /h)\n" },
	{ "a phase of a month", TARGET JOURNEY "load: { p: { rate: 5/s, for: 30d } }\n",
	  "t.yaml:3:30: 'for': '30d' is too much, the most is 168 h\n" },
	{ "phases of a month", TARGET JOURNEY
	  "load: { p: { rate: 1/m, for: 6d }, q: { rate: 1/m, for: 6d } }\n",
	  "t.yaml:3:7: all phases together take more than 7 days\n" },
	{ "more starts than can be counted", TARGET JOURNEY "load: { p: { rate: 900000/s, for: 2h "
		"} }\n",
	  "t.yaml:3:7: more than 4,294,967,294 starts are planned\n" },
	{ "nothing is measured", TARGET JOURNEY "load: { p: { rate: 5/s, for: 5s, measure: no } "
		"}\n",
	  "t.yaml:3:7: no phase is measured, so there would be nothing to report\n" },
	{ "arrivals of users", TARGET JOURNEY "load: { p: { users: 5, for: 5s, arrivals: poisson "
		"} }\n",
	  "t.yaml:3:33: 'arrivals' means nothing beside 'users'\n" },
	{ "iterations of a rate", TARGET JOURNEY "load: { p: { rate: 5/s, for: 5s, iterations: 5 "
		"} }\n",
	  "t.yaml:3:34: 'iterations' means nothing beside 'rate'\n" },
	{ "no users", TARGET JOURNEY "load: { p: { users: 0, for: 5s } }\n",
	  "t.yaml:3:21: no users start nothing (use 'pause' for silence)\n" },
	{ "half a user", TARGET JOURNEY "load: { p: { users: 1.5, for: 5s } }\n",
	  "t.yaml:3:21: 'users': '1.5' is no whole number\n" },
	{ "more users than there may be", TARGET JOURNEY
	  "generator: { max-users: 10 }\nload: { p: { users: 1 to 50, for: 5s } }\n",
	  "t.yaml:4:12: phase 'p' wants 50 users, but 'generator: max-users' is 10\n" },
	{ "a ramp that is counted", TARGET JOURNEY "load: { p: { users: 1 to 5, iterations: 9 } "
		"}\n",
	  "t.yaml:3:21: a ramp of users needs a time, not 'iterations'\n" },
	{ "unknown arrivals", TARGET JOURNEY "load: { p: { rate: 5/s, for: 5s, arrivals: poison } "
		"}\n",
	  "t.yaml:3:44: 'arrivals': 'poison' is none of even, poisson (did you mean "
	  "'poisson'?)\n" },
	{ "steps that lack a key", TARGET JOURNEY "load: { p: { steps: { from: 5/s, to: 9/s, by: "
		"1/s } } }\n",
	  "t.yaml:3:21: missing key 'each'\n" },
	{ "steps of nothing", TARGET JOURNEY
	  "load: { p: { steps: { from: 5/s, to: 9/s, by: 0/s, each: 1s } } }\n",
	  "t.yaml:3:21: 'by': steps of 0 never get anywhere\n" },
	{ "too many steps", TARGET JOURNEY
	  "load: { p: { steps: { from: 1/s, to: 900/s, by: 1/s, each: 1s } } }\n",
	  "t.yaml:3:21: 900 steps; at most 200\n" },
	{ "a spike downwards", TARGET JOURNEY
	  "load: { p: { spike: { base: 9/s, peak: 5/s, hold: 1s } } }\n",
	  "t.yaml:3:21: 'peak' of a spike is above its 'base'\n" },
	{ "a curve that is not there", TARGET JOURNEY "load: { p: { curve: { file: nowhere.csv } "
		"} }\n",
	  "t.yaml:3:21: cannot open 'nowhere.csv': No such file or directory\n" },
	{ "a pause with a rate", TARGET JOURNEY "load: { p: { pause: 5s, rate: 5/s } }\n",
	  "t.yaml:3:21: 'rate' and 'pause': a phase has one kind of load\n" },
	{ "a misspelt phase key", TARGET JOURNEY "load: { p: { rate: 5/s, fro: 5s } }\n",
	  "t.yaml:3:25: unknown key 'fro' (did you mean 'for'?)\n" },
};

static const struct mistake mix_mistakes[] = {
	{ "an unknown journey", TARGET REST "mix: { a: 1, b: 2 }\n",
	  "t.yaml:4:14: unknown journey 'b' (there are: a)\n" },
	{ "a misspelt journey", TARGET LOAD "journeys: { browse: [ { get: / } ] }\nmix: { brwose: "
		"1 }\n",
	  "t.yaml:3:13: unreachable journey 'browse': it is not in 'mix'\n"
	  "t.yaml:4:8: unknown journey 'brwose' (did you mean 'browse'?)\n" },
	{ "a journey that nobody walks", TARGET LOAD
	  "journeys: { a: [ { get: / } ], b: [ { get: / } ] }\nmix: { a: 1 }\n",
	  "t.yaml:3:32: unreachable journey 'b': it is not in 'mix'\n" },
	{ "two journeys without a mix", TARGET LOAD
	  "journeys: { a: [ { get: / } ], b: [ { get: / } ] }\n",
	  "t.yaml:3:13: missing key 'mix': how often is each of the 2 journeys started?\n" },
	{ "a weight of zero", TARGET REST "mix: { a: 0 }\n",
	  "t.yaml:4:11: a weight is above 0 (leave out what should not happen)\n" },
	{ "a negative weight", TARGET REST "mix: { a: -5 }\n",
	  "t.yaml:4:11: a weight is above 0 (leave out what should not happen)\n" },
	{ "a weight that is a word", TARGET REST "mix: { a: often }\n",
	  "t.yaml:4:11: a weight is a number such as 20, not 'often'\n" },
	{ "an empty mix", TARGET REST "mix: {}\n",
	  "t.yaml:4:6: 'mix' wants a map of journey: weight, not an empty one\n" },
	{ "everything at once, in the order of the file",
	  "targte: x\nseed: x\nhttp: { timeout: 5 }\nload: { p: { rate: 20, for: 5 } }\n" JOURNEY
	  "mix: { b: 1 }\n",
	  "t.yaml:1:1: unknown key 'targte' (did you mean 'target'?)\n"
	  "t.yaml:1:1: missing key 'target': where do requests go? (or give --target URL)\n"
	  "t.yaml:2:7: 'seed': 'x' is no whole number\n"
	  "t.yaml:3:18: 'timeout': '5' has no unit (write 10s, 250ms, 5m)\n"
	  "t.yaml:4:20: 'rate': '20' has no unit (write 20/s, or /m, /h)\n"
	  "t.yaml:4:29: 'for': '5' has no unit (write 10s, 250ms, 5m)\n"
	  "t.yaml:5:13: unreachable journey 'a': it is not in 'mix'\n"
	  "t.yaml:6:8: unknown journey 'b' (there are: a)\n" },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Files. */

static char *in_folder(const char *name)
{
	static char path[4][128];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void write_text(const char *name, const char *text)
{
	struct error err;

	if (!file_write(in_folder(name), text_of(text), &err))
		printf("# %s\n", err.text);
}

static struct scenario *read_main(const char *text, const struct scenario_overrides *overrides)
{
	write_text("main.yaml", text);
	complaints_release(&complaints);
	return scenario_load(in_folder("main.yaml"), overrides, &complaints);
}

/* What is said about main.yaml, without the name of the folder. */
static const char *told_about_main(const char *text)
{
	static struct buffer clean = BUFFER_EMPTY;
	const char *from = said.data, *found;

	scenario_free(read_main(text, NULL));
	from = told();
	buffer_release(&clean);
	buffer_add_string(&clean, "");
	while ((found = strstr(from, folder))) {
		buffer_add(&clean, from, (size_t)(found - from));
		from = found + strlen(folder) + 1;
	}
	buffer_add_string(&clean, from);
	return clean.data;
}

static void test_use(void)
{
	TEST("a used file brings journeys, data and vars; the main file's vars win") {
		struct scenario *scenario;

		write_text("used.yaml", "vars: { path: /used, other: /o }\n"
					"journeys: { a: [ { get: \"${path}${other}\" } ] }\n");
		scenario = read_main("use: used.yaml\nvars: { path: /main }\n" TARGET LOAD, NULL);
		CHECK_TEXT(told(), "");
		CHECK(scenario && strstr(scenario->resolved, "- get: /main/o\n") != NULL);
		scenario_free(scenario);
	}
	TEST("files that use each other are told so") {
		write_text("one.yaml", "use: [two.yaml]\n");
		write_text("two.yaml", "use: [./one.yaml]\n");
		CHECK_TEXT(told_about_main("use: [one.yaml]\n" TARGET REST),
			   "two.yaml:1:7: './one.yaml' uses itself, by way of this\n");
	}
	TEST("two files may use the same third") {
		write_text("one.yaml", "use: [used.yaml]\n");
		write_text("two.yaml", "use: [used.yaml]\n");
		CHECK_TEXT(told_about_main("use: [one.yaml, two.yaml]\n" TARGET LOAD), "");
	}
	TEST("a used file can't say how much load there is") {
		write_text("one.yaml", "load: {}\njourneis: {}\n");
		CHECK_TEXT(told_about_main("use: [one.yaml]\n" TARGET REST),
			   "one.yaml:1:1: 'load' belongs in the main file, not in one that it "
			   "uses\n"
			   "one.yaml:2:1: unknown key 'journeis' (did you mean 'journeys'?)\n");
	}
	TEST("a journey can't be in two files") {
		CHECK_TEXT(told_about_main("use: [used.yaml]\n" TARGET REST),
			   "used.yaml:2:13: 'a' is in 'journeys' twice (first at "
			   "main.yaml:4:13)\n");
	}
	TEST("two used files can't give a variable different values") {
		write_text("one.yaml", "vars: { x: 1 }\n");
		write_text("two.yaml", "vars: { x: 2 }\n");
		CHECK_TEXT(told_about_main("use: [one.yaml, two.yaml]\n" TARGET REST),
			   "two.yaml:1:9: 'x' is in 'vars' twice (first at one.yaml:1:9)\n");
	}
	TEST("journeys of used files may be left out of the mix") {
		write_text("one.yaml", "journeys: { b: [ { get: / } ] }\n");
		CHECK_TEXT(told_about_main("use: [one.yaml]\nmix: { a: 1 }\n" TARGET REST), "");
	}
}

static void test_data_files(void)
{
	TEST("a column that the CSV does not have") {
		write_text("people.csv", "name,email\nann,a@x\n");
		CHECK_TEXT(told_about_main("data: { people: { csv: people.csv } }\n" TARGET LOAD
					   "journeys: { a: [ { get: \"/${people.mail}\" } ] }\n"),
			   "main.yaml:4:27: 'people' has no column 'mail' (did you mean "
			   "'email'?)\n");
	}
	TEST("curves: what is wrong, and in which line") {
		const char *text = TARGET JOURNEY "load: { p: { curve: { file: c.csv } } }\n";

		write_text("c.csv", "time,rate\n0,1\n");
		CHECK_TEXT(told_about_main(text), "c.csv:1:1: the first line of a curve is "
						  "'time_s,rate_per_s', not 'time,rate'\n");
		write_text("c.csv", "time_s,rate_per_s\n0,1\n10,x\n");
		CHECK_TEXT(told_about_main(text), "c.csv:3:1: 'x' is no number\n");
		write_text("c.csv", "time_s,rate_per_s\n0,1\n10,5\n5,5\n");
		CHECK_TEXT(told_about_main(text), "c.csv:4:1: times must go up\n");
		write_text("c.csv", "time_s,rate_per_s\n0,1\n10,-5\n");
		CHECK_TEXT(told_about_main(text),
			   "c.csv:3:1: a rate is between 0 and 1,000,000 per second\n");
		write_text("c.csv", "time_s,rate_per_s\n0,1\n");
		CHECK_TEXT(told_about_main(text), "c.csv:3:1: a curve has at least two points\n");
		write_text("c.csv", "");
		CHECK_TEXT(told_about_main(text), "c.csv:1:1: the file is empty\n");
		write_text("c.csv", "time_s,rate_per_s\r\n0,0\n\n10,0\n");
		CHECK_TEXT(told_about_main(text),
			   "main.yaml:3:21: phase 'p' would make no start at all\n");
	}
	TEST("a curve is scaled and played faster") {
		struct scenario *scenario;

		write_text("c.csv", "time_s,rate_per_s\n0,10\n60,30\n120,10\n");
		scenario = read_main(TARGET JOURNEY
				     "load: { p: { curve: { file: c.csv, scale: 2, speed: 4 } } "
				     "}\n",
				     NULL);
		CHECK_TEXT(told(), "");
		CHECK_INT(scenario->plan.phases[0].duration_us, 30000000);
		CHECK_NEAR(scenario->plan.phases[0].curve[1].rate, 60, 1e-9);
		CHECK_INT(plan_starts(&scenario->plan), 1200);
		scenario_free(scenario);
	}
}

static void test_secrets(void)
{
	setenv("SAGASTORM_TEST_SECRET", "hunter2", 1);
	TEST("secrets are known to the scenario and to nothing that is written") {
		struct scenario *scenario = read_text(
			"vars: { token: \"${secret:SAGASTORM_TEST_SECRET}\" }\n"
			"http: { headers: { Authorization: \"Bearer ${token}\" } }\n" TARGET LOAD
			"journeys: { a: [ { get: \"/x?t=${token}&u=hunter2\" } ] }\n");

		CHECK_TEXT(told(), "");
		CHECK_INT(scenario ? scenario->secrets.count : 0, 1);
		CHECK(scenario && strstr(scenario->resolved, "hunter2") == NULL);
		CHECK(scenario && strstr(scenario->resolved, "Bearer ***") != NULL);
		scenario_free(scenario);
	}
	TEST("a complaint does not quote a secret") {
		CHECK_TEXT(told_about("vars: { s: \"${secret:SAGASTORM_TEST_SECRET}\" "
				      "}\n" TARGET JOURNEY
				      "load: { p: { rate: \"${s}\", for: 5s } }\n"),
			   "t.yaml:4:20: 'rate': '***' is no rate (write 20/s, 300/m or 1000/h)\n");
	}
	unsetenv("SAGASTORM_TEST_SECRET");
}

static void test_overrides(void)
{
	static const char *const good_set[] = { "rate=7/s", NULL };
	static const char *const bad_set[] = { "rat=7/s", "rate", NULL };
	struct scenario_overrides overrides = { .target = "http://other:81",
						.seed = "9",
						.set = good_set,
						.transport = TRANSPORT_CURL };
	const char *text = "vars: { rate: 5/s }\n" TARGET JOURNEY
			   "load: { p: { rate: \"${rate}\", for: 10s } }\n";
	struct scenario *scenario;

	TEST("the command line overrides vars, seed, target and transport") {
		complaints_release(&complaints);
		scenario = scenario_load_text("t.yaml", text_of(text), &overrides, &complaints);
		CHECK_TEXT(told(), "");
		CHECK_INT(plan_starts(&scenario->plan), 70);
		CHECK_INT(scenario->plan.seed, 9);
		CHECK_TEXT(scenario->transfer.origins[0].url, "http://other:81");
		CHECK_INT(scenario->generator.transport, TRANSPORT_CURL);
		CHECK(strstr(scenario->resolved, "rate: 7/s") != NULL);
		scenario_free(scenario);
	}
	TEST("what is wrong on the command line is told with its option") {
		overrides = (struct scenario_overrides){
			.target = "other", .seed = "x", .set = bad_set, .transport = -1
		};
		complaints_release(&complaints);
		CHECK(scenario_load_text("t.yaml", text_of(text), &overrides, &complaints) == NULL);
		CHECK_TEXT(told(), "--set: unknown variable 'rat' (did you mean 'rate'?)\n"
				   "--set: 'rate' is not NAME=VALUE\n"
				   "--seed: 'x' is no seed (a whole number, not negative)\n"
				   "--target: 'other' is no URL such as http://127.0.0.1:8080\n");
	}
}

static void test_good(void)
{
	struct scenario *scenario;

	TEST("defaults are sensible") {
		scenario = read_text(TARGET REST);
		CHECK_TEXT(told(), "");
		CHECK_TEXT(scenario->name, "t");
		CHECK_INT(scenario->plan.seed, 1);
		CHECK(scenario->transfer.verify && scenario->transfer.keep_alive);
		CHECK_INT(scenario->generator.lag_limit_us, 10000);
		CHECK_INT(scenario->plan.mix_count, 1);
		CHECK_INT(scenario->plan.journey_count, 1);
		CHECK_TEXT(scenario->transfer.origins[0].host, "127.0.0.1:8080");
		scenario_free(scenario);
	}
	TEST("steps and spikes become phases that follow each other") {
		scenario = read_text(TARGET JOURNEY
				     "load:\n  s: { steps: { from: 10/s, to: 35/s, by: 10/s, "
				     "each: 2s } }\n"
				     "  k: { spike: { base: 1/s, peak: 9/s, rise: 1s, hold: 2s, "
				     "fall: 3s } }\n"
				     "  z: { pause: 4s }\n  u: { users: 5, iterations: 100 }\n");
		CHECK_TEXT(told(), "");
		CHECK_INT(scenario->plan.phase_count, 8);
		CHECK_TEXT(scenario->plan.phases[2].name, "s 3");
		CHECK_NEAR(scenario->plan.phases[2].rate_to, 30, 1e-9);
		CHECK_TEXT(scenario->plan.phases[3].name, "k rise");
		CHECK_INT(scenario->plan.phases[4].start_us, 7000000);
		CHECK_NEAR(scenario->plan.phases[5].rate_to, 1, 0);
		CHECK_INT(scenario->plan.phases[6].kind, PHASE_PAUSE);
		CHECK_INT(scenario->plan.phases[7].kind, PHASE_COUNT);
		CHECK_INT(scenario->plan.phases[7].iterations, 100);
		scenario_free(scenario);
	}
	TEST("allowed hosts are origins, with their usual port understood") {
		scenario = read_text("http: { allow: [CDN.example, \"https://[::1]:8443\"] "
				     "}\n" TARGET LOAD
				     "journeys: { a: [ { get: \"http://cdn.example:80/x\" } ] }\n");
		CHECK_TEXT(told(), "");
		CHECK_INT(scenario->transfer.origin_count, 3);
		CHECK_TEXT(scenario->transfer.origins[1].host, "cdn.example");
		CHECK_TEXT(scenario->transfer.origins[2].name, "::1");
		CHECK(scenario->transfer.origins[2].tls);
		scenario_free(scenario);
	}
}

static void test_resolved(void)
{
	struct scenario *scenario;

	TEST("what was resolved reads as a scenario with the same plan") {
		struct scenario *again;

		scenario = read_text("vars: { r: 20/s, lit: \"$${x}\" }\nname: n\nabout: "
				     "\"${lit}\"\n" TARGET JOURNEY
				     "load: { p: { rate: \"${r} to 40/s\", for: 9s } }\n");
		CHECK_TEXT(told(), "");
		again = read_text(scenario->resolved);
		CHECK(again != NULL);
		CHECK_TEXT(again->name, "n");
		CHECK_TEXT(again->about, "${x}");
		CHECK_INT(plan_starts(&again->plan), plan_starts(&scenario->plan));
		CHECK(again && strcmp(again->resolved, scenario->resolved) == 0);
		scenario_free(again);
		scenario_free(scenario);
	}
	TEST("variables that would grow without bound do not") {
		struct buffer bomb = BUFFER_EMPTY;

		buffer_add_string(&bomb, "vars:\n  a0: 0123456789\n");
		for (int i = 1; i < 12; i++)
			buffer_format(&bomb, "  a%d: \"${a%d}${a%d}${a%d}${a%d}${a%d}\"\n", i,
				      i - 1, i - 1, i - 1, i - 1, i - 1);
		buffer_add_string(&bomb, TARGET REST);
		CHECK(strstr(told_about(bomb.data), "longer than 64 KiB") != NULL);
		buffer_release(&bomb);
	}
}

static void remove_folder(void)
{
	static const char *const names[] = { "main.yaml", "used.yaml",	"one.yaml",
					     "two.yaml",  "people.csv", "c.csv" };

	for (size_t i = 0; i < COUNT(names); i++)
		unlink(in_folder(names[i]));
	rmdir(folder);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	check_mistakes(top_mistakes, COUNT(top_mistakes));
	check_mistakes(variable_mistakes, COUNT(variable_mistakes));
	check_mistakes(http_mistakes, COUNT(http_mistakes));
	check_mistakes(data_mistakes, COUNT(data_mistakes));
	check_mistakes(load_mistakes, COUNT(load_mistakes));
	check_mistakes(mix_mistakes, COUNT(mix_mistakes));
	test_use();
	test_data_files();
	test_secrets();
	test_overrides();
	test_good();
	test_resolved();
	complaints_release(&complaints);
	buffer_release(&said);
	remove_folder();
	return tap_done();
}
