#include "tests/unit/journeys.h"

static void test_graphs(void)
{
	TEST("a graph is branches") {
		CHECK_TEXT(
			read_all(
				"g:\n  graph:\n    start: home\n    home: { steps: [ get: /h ], next: { "
				"search: 60%, leave: 40% } }\n    search: { steps: [ get: /s ], next: home }\n"),
			"");
		CHECK_TEXT(shown(), "g: 6 instructions, 0 variables\n"
				    "      0  to 1\n"
				    "      1  GET /h  as 'GET /h', timeout 10 s\n"
				    "      2  branch 60% to 3, 40% to 5\n"
				    "      3  GET /s  as 'GET /s', timeout 10 s\n"
				    "      4  branch 100% to 1\n"
				    "      5  leave\n");
	}
	TEST("at-most bounds the states of a walk") {
		CHECK_TEXT(
			read_all(
				"g:\n  graph:\n    start: a\n    at-most: 7\n    a: { steps: [ get: / ], "
				"next: a }\n"),
			"");
		CHECK_TEXT(shown(), "g: 7 instructions, 0 variables\n"
				    "      0  loop 0: 7 turns, at most 7; if none: to 6\n"
				    "      1  to 2\n"
				    "      2  GET /  as 'GET /', timeout 10 s\n"
				    "      3  next turn of loop 0: to 5\n"
				    "      4  leave\n"
				    "      5  branch 100% to 2\n"
				    "      6  leave\n");
	}
	TEST("states that are never reached or never leave are mistakes") {
		CHECK_TEXT(
			read_all(
				"g:\n  graph:\n    start: a\n    a: { next: { b: 1, c: 0, leave: 1 } }\n"
				"    b: { next: b }\n    c: { next: leave }\n"),
			"j:5:5: from state 'b' a visitor never leaves (add 'leave' to a 'next', or "
			"'at-most' to the graph)\nj:6:5: state 'c' is never reached from 'a'\n");
		CHECK_TEXT(
			read_all(
				"g:\n  graph:\n    start: a\n    a: { steps: [ leave ], next: a }\n"),
			"");
	}
	TEST("names and weights are checked") {
		CHECK_TEXT(
			read_all(
				"g:\n  graph:\n    start: hom\n    home: { next: { hime: 1, leave: -1 } }\n"),
			"j:3:12: unknown state 'hom' (did you mean 'home'?)\n"
			"j:4:21: unknown state 'hime' (did you mean 'home'?)\n"
			"j:4:37: a weight is between 0 and 1000000000\n");
		CHECK_TEXT(read_all("g:\n  graph:\n    start: a\n    a: { next: { leave: 0 } }\n"),
			   "j:4:16: all weights are 0, so nothing comes next\n");
		CHECK_TEXT(read_all("g:\n  graph: { start: a }\n"),
			   "j:2:10: a graph without states\n");
	}
	TEST("a variable must be set on every way through the graph") {
		CHECK_TEXT(
			read_all("g:\n  graph:\n    start: a\n    a: { next: { b: 1, c: 1 } }\n"
				 "    b: { steps: [ set: { t: 1 } ], next: c }\n"
				 "    c: { steps: [ get: \"/${t}\" ], next: leave }\n"),
			"j:6:26: 't' may have no value here: it gets one (line 5) only on some of the ways "
			"that lead here\n");
	}
}

static void test_mistakes(void)
{
	TEST("all mistakes are told at once") {
		SAYS("  - gett: /x\n  - get: /a\n    think: 2s\n  - get: /b\n    nme: x\n  - [ a ]\n  - ~\n"
		     "  - get: /${a}\n",
		     "j:2:5: unknown step 'gett' (did you mean 'get'?)\n"
		     "j:4:5: one step does one thing, not both 'get' and 'think'\n"
		     "j:6:5: unknown key 'nme' (did you mean 'name'?)\n"
		     "j:7:5: a step is a map, such as `get: /path`, not a list\n"
		     "j:8:5: unknown step '~' (there are: get, post, put, patch, delete, head, options, poll, "
		     "think, set, if, repeat)\n"
		     "j:9:11: undefined variable 'a'\n");
	}
	TEST("what is no journey is refused") {
		CHECK_TEXT(read_all("[]"),
			   "j:1:1: 'journeys' wants a map of journeys, not a list\n");
		CHECK_TEXT(read_all("{}"),
			   "j:1:1: 'journeys' wants a map of journeys, not an empty one\n");
		CHECK_TEXT(read_all("a: []"),
			   "j:1:4: a list of steps is wanted here, not an empty one\n");
		CHECK_TEXT(read_all("a: x"),
			   "j:1:4: a list of steps is wanted here, not a string\n");
		CHECK_TEXT(read_all("a: { steps: [ leave ], graph: {} }"),
			   "j:1:4: a journey has either 'steps' or 'graph'\n");
		CHECK_TEXT(
			read_all("\"a b\": [ leave ]"),
			"j:1:1: 'a b' can't name a journey (letters, digits, '_' and '-', at most 64)\n");
	}
	TEST("nesting is bounded") {
		struct buffer yaml = BUFFER_EMPTY;

		buffer_add_string(&yaml, "a: [ ");
		for (int i = 0; i < 8; i++)
			buffer_add_string(&yaml, "repeat: { times: 2, do: [ ");
		buffer_add_string(&yaml, "get: /");
		for (int i = 0; i < 8; i++)
			buffer_add_string(&yaml, " ] }");
		buffer_add_string(&yaml, " ]");
		CHECK(strstr(read_all(yaml.data), "more than 6 loops inside each other"));
		buffer_release(&yaml);
	}
	TEST("more variables than there is room for are refused") {
		struct buffer yaml = BUFFER_EMPTY;

		buffer_add_string(&yaml, "a:\n");
		for (int i = 0; i < 70; i++)
			buffer_format(&yaml, "  - set: { v%d: 1 }\n", i);
		CHECK(strstr(read_all(yaml.data), "more than 64 variables in one journey"));
		buffer_release(&yaml);
	}
}

/* Trees put together from words of the language: nothing crashes, and good means no complaints. */
static void add_noise(struct buffer *out, struct random *noise, int depth)
{
	static const char *const words[] = {
		"get",
		"post",
		"poll",
		"until",
		"think",
		"set",
		"if",
		"then",
		"else",
		"repeat",
		"times",
		"while",
		"at-most",
		"do",
		"for-each",
		"in",
		"as",
		"together",
		"lanes",
		"meet",
		"users",
		"pick",
		"leave",
		"fail",
		"graph",
		"start",
		"next",
		"steps",
		"expect",
		"status",
		"json",
		"save",
		"from",
		"default",
		"retry",
		"on",
		"backoff",
		"headers",
		"auth",
		"form",
		"body",
		"header",
		"name",
		"a",
		"b",
		"/x",
		"/x/${a}",
		"${a}",
		"${products.x}",
		"1",
		"200",
		"2xx",
		"1s",
		"1s to 2s",
		"5",
		"products",
		"bearer ${a}",
		"basic a:b",
		"\"${b}\"",
		"~",
		"true",
		"/a == 1",
		"status == 200",
		"contains x",
		"http://other:81/x",
		"${base}/x",
		"regex /a/",
		"${fn.int(1,2)}",
		"${fn.uuid}",
		"that",
		"max-latency",
		"idempotent",
		"timeout",
		"on-fail",
	};
	uint64_t kind = random_below(noise, depth > 5 ? 1 : 4);
	uint64_t count = random_below(noise, 4);

	if (kind < 2) {
		buffer_add_string(out,
				  words[random_below(noise, sizeof(words) / sizeof(words[0]))]);
		return;
	}
	buffer_add_string(out, kind == 2 ? "[ " : "{ ");
	for (uint64_t i = 0; i < count; i++) {
		if (kind == 3)
			buffer_format(out, "%s: ", words[random_below(noise, 45)]);
		add_noise(out, noise, depth + 1);
		buffer_add_string(out, i + 1 < count ? ", " : " ");
	}
	buffer_add_string(out, kind == 2 ? "]" : "}");
}

static void test_noise(void)
{
	static const char *const starts[] = { "get: ",
					      "post: /x, json: ",
					      "set: { a: 1 }, x: ",
					      "get: /, expect: ",
					      "get: /, save: ",
					      "repeat: ",
					      "if: ",
					      "for-each: ",
					      "together: ",
					      "poll: /, until: ",
					      "think: ",
					      "get: /, retry: ",
					      "get: /, headers: ",
					      "meet: " };
	struct random noise = random_stream(3, "noise", 0);
	int good = 0;

	TEST("no tree crashes the reader, and what it takes it can show") {
		for (int i = 0; i < 6000; i++) {
			struct buffer yaml = BUFFER_EMPTY;

			buffer_add_string(&yaml,
					  random_below(&noise, 6) ?
						  "a: [ set: { a: 1, b: 2 }" :
						  "a: { graph: { start: a, a: { next: leave }");
			for (uint64_t n = 1 + random_below(&noise, 3); n; n--) {
				if (yaml.data[3] == '{')
					buffer_add_string(&yaml, ", b: ");
				else
					buffer_format(&yaml, ", { %s",
						      starts[random_below(&noise, 14)]);
				add_noise(&yaml, &noise, 0);
				buffer_add_string(&yaml, yaml.data[3] == '{' ? "" : " }");
			}
			buffer_add_string(&yaml, yaml.data[3] == '{' ? " } }" : " ]");
			read_all(yaml.data);
			if (!complaints.errors) {
				good++;
				shown();
			}
			buffer_release(&yaml);
		}
		printf("# %d of 6000 were journeys\n", good);
		CHECK(good > 50);
	}
}

static void test_shapes(void)
{
	static const struct key keys[] = { { "journeys", KEY_NODE, 0, .shape = &journeys_shape,
					     .help = "what visitors do" },
					   KEYS_END };

	TEST("the JSON Schema names every step and ends") {
		static const char *const wanted[] = { "get-step",      "post-step",	"poll-step",
						      "for-each-step", "together-step", "graph",
						      "steps",	       "expect",	NULL };

		buffer_clear(&said);
		schema_write_json(keys, "journeys", &said);
		for (size_t i = 0; wanted[i]; i++) {
			char name[40];

			snprintf(name, sizeof(name), "\"%s\": {", wanted[i]);
			CHECK(strstr(said.data, name));
		}
	}
}

int main(void)
{
	test_graphs();
	test_mistakes();
	test_noise();
	test_shapes();
	return journeys_done();
}
