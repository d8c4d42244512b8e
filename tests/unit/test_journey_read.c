#include "loadgen/journey_read.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "tests/unit/tap.h"

/* Everything that one reading needs and gives. */
static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;
static struct name_table names;
static struct data_source sources[2];
static struct journey *journeys;
static size_t journey_count;
static struct request_defaults defaults;

static bool variable(void *context, struct text name, struct value *out, struct error *err)
{
	(void)context;
	if (text_is(name, "base"))
		*out = value_string(text_of("http://other:81/api"));
	else if (text_is(name, "prefix"))
		*out = value_string(text_of("/v1"));
	else if (text_is(name, "three"))
		*out = (struct value){ VALUE_NUMBER, text_of("3") };
	else if (text_is(name, "env:NOPE"))
		return error_set(err, "environment variable 'NOPE' is not set");
	else
		return false;
	return true;
}

static bool origin(void *context, struct text url, uint16_t *number, struct error *err)
{
	(void)context;
	if (!text_is(url, "http://other:81"))
		return error_set(err, "'%.*s' is not allowed", TEXT_ARG(url));
	*number = 1;
	return true;
}

static void reset(void)
{
	static struct value row[2];

	complaints_release(&complaints);
	name_table_release(&names);
	arena_release(&arena);
	buffer_clear(&said);
	journeys = NULL;
	row[0] = value_string(text_of("a@b"));
	row[1] = value_string(text_of("pw"));
	sources[0] = (struct data_source){ .name = arena_string(&arena, text_of("products")),
					   .origin = DATA_ENDPOINT };
	sources[1] = (struct data_source){ .name = arena_string(&arena, text_of("customers")),
					   .number = 1,
					   .origin = DATA_CSV,
					   .row_count = 1,
					   .values = row,
					   .column_count = 2 };
	sources[1].columns = arena_array(&arena, 2, sizeof(char *));
	sources[1].columns[0] = arena_string(&arena, text_of("email"));
	sources[1].columns[1] = arena_string(&arena, text_of("password"));
	defaults = (struct request_defaults){ .timeout_us = 10 * US_PER_S, .redirects = 5 };
}

/* All complaints, a line each; "" when there are none. */
static const char *read_again(const char *yaml)
{
	struct journey_context context = {
		.reading = { .arena = &arena, .complaints = &complaints },
		.variable = variable,
		.sources = sources,
		.source_count = 2,
		.defaults = defaults,
		.request_names = &names,
		.origin = origin,
	};
	const struct yaml *root = yaml_read_text(&arena, "j", text_of(yaml), &complaints);
	size_t before = complaints.errors;

	if (root)
		CHECK(journeys_read(root, &context, &journeys, &journey_count) ==
		      (complaints.errors == before));
	buffer_clear(&said);
	complaints_write(&complaints, &said);
	buffer_add(&said, "", 0);
	return said.data;
}

static const char *read_all(const char *yaml)
{
	reset();
	return read_again(yaml);
}

/* The steps of a journey, each line indented as they are below. */
static const char *read_steps(const char *steps)
{
	static char yaml[8192];

	snprintf(yaml, sizeof(yaml), "a:\n%s", steps);
	return read_all(yaml);
}

static const char *shown(void)
{
	buffer_clear(&said);
	for (size_t i = 0; i < journey_count; i++)
		journey_show(&journeys[i], &names, sources, &said);
	return said.data;
}

static const struct request_step *request(uint32_t i)
{
	static const struct request_step none;

	if (!CHECK(journeys && i < journeys[0].length &&
		   journeys[0].program[i].operation == OP_REQUEST))
		return &none;
	return journeys[0].program[i].request;
}

/* Slots hold "S0", "S1"; cells "C0"; builtins "B0"; whatever the kind. */
static struct value get(void *context, uint16_t ref)
{
	static char text[8];

	(void)context;
	snprintf(text, sizeof(text), "%c%d", "SCBHKL"[REF_KIND(ref) >> 8], REF_NUMBER(ref));
	return value_string(text_of(text));
}

static const char *rendered(const struct template *template)
{
	static struct random random;
	struct template_source source = { get, NULL, &random, 0 };

	random = random_stream(1, "x", 0);
	buffer_clear(&said);
	template_render(template, &source, &said);
	buffer_add(&said, "", 0);
	return said.data;
}

#define GOOD(yaml) CHECK_TEXT(read_steps(yaml), "")
#define BODY(yaml, expected)                                                                       \
	do {                                                                                       \
		GOOD("  - post: /\n    " yaml "\n");                                               \
		CHECK_TEXT(rendered(&request(0)->body), expected);                                 \
	} while (0)
#define SAYS(yaml, text) CHECK_TEXT(read_steps(yaml), text)

static void test_targets(void)
{
	TEST ("each method is a step") {
		GOOD("  - get: /\n  - post: /\n  - put: /\n  - patch: /\n  - delete: /\n  - head: /\n"
		     "  - options: /\n");
		CHECK_INT(journeys[0].length, 7);
		CHECK_INT(request(0)->method, METHOD_GET);
		CHECK_INT(request(4)->method, METHOD_DELETE);
		CHECK_INT(request(6)->method, METHOD_OPTIONS);
		CHECK_INT(request(0)->timeout_us, 10 * US_PER_S);
		CHECK_INT(request(0)->redirects, 5);
		CHECK(!request(0)->reads_body);
	}
	TEST ("values in a path are percent-encoded, a fixed one that begins it is not") {
		GOOD("  - set: { v: 1 }\n  - get: /p/${v}?q=${prefix}&e=ä\n  - get: ${prefix}/x/${v}\n");
		CHECK_TEXT(rendered(&request(1)->path), "/p/S0?q=%2Fv1&e=%C3%A4");
		CHECK_TEXT(rendered(&request(2)->path), "/v1/x/S0");
	}
	TEST ("an absolute URL goes to its origin") {
		GOOD("  - set: { v: 1 }\n  - get: http://other:81/x/${v}\n  - get: ${base}/y\n"
		     "  - get: http://other:81?a=${v}\n  - get: /z\n");
		CHECK_TEXT(rendered(&request(1)->path), "/x/S0");
		CHECK_INT(request(1)->origin, 1);
		CHECK_TEXT(rendered(&request(2)->path), "/api/y");
		CHECK_INT(request(2)->origin, 1);
		CHECK_TEXT(rendered(&request(3)->path), "/?a=S0");
		CHECK_INT(request(4)->origin, 0);
	}
	TEST ("a target that can't be is refused") {
		SAYS("  - get: relative\n", "j:2:10: a path starts with '/'\n");
		SAYS("  - get: /a b\n", "j:2:12: a blank in a path is written %20\n");
		SAYS("  - get: \"/a#b\"\n",
		     "j:2:13: what follows a '#' is never sent (write %23)\n");
		SAYS("  - get: http://evil/\n", "j:2:10: 'http://evil' is not allowed\n");
		SAYS("  - get: http://x${three}/\n",
		     "j:2:10: the origin of a URL must be known before the run: no '${...}' before its "
		     "path\n");
		SAYS("  - get: ${env:NOPE}/\n", "j:2:10: environment variable 'NOPE' is not set\n");
		SAYS("  - get: [ /a ]\n", "j:2:10: a path is wanted here, not a list\n");
		SAYS("  - get:\n", "j:2:9: a path is missing here\n");
	}
	TEST ("names are routes unless they are given") {
		GOOD("  - set: { v: 1 }\n  - get: /p/${v}/${products.sku}?q=1\n"
		     "  - get: /p/${fn.int(1,2)}\n  - get: /x\n    name: list ${three}\n");
		CHECK_TEXT(names.items[request(1)->name], "GET /p/{v}/{products.sku}");
		CHECK_TEXT(names.items[request(2)->name], "GET /p/{int}");
		CHECK_TEXT(names.items[request(3)->name], "list 3");
		SAYS("  - set: { v: 1 }\n  - get: /\n    name: a ${v}\n",
		     "j:4:11: a name can't hold '${...}': each value would be a series of its own\n");
	}
}

static void test_headers(void)
{
	TEST ("header lines: ours, the defaults, the step's own, each name once") {
		reset();
		defaults.user_agent = "storm/1";
		defaults.compressed = true;
		defaults.headers =
			yaml_read_text(&arena, "h", text_of("{X-A: 1, X-B: 2, Accept: x}"),
				       &complaints);
		CHECK_TEXT(read_again(
				   "a:\n  - post: /\n    json: {}\n    headers: { x-a: 9, X-B: ~, "
				   "X-C: \"${customers.email}\", content-type: text/x }\n"),
			   "");
		CHECK_TEXT(rendered(&request(0)->headers),
			   "User-Agent: storm/1\r\nAccept-Encoding: gzip\r\nx-a: 9\r\nAccept: x\r\n"
			   "content-type: text/x\r\nX-C: C0\r\n");
	}
	TEST ("authorization") {
		GOOD("  - get: /\n    auth: basic ann:pa ss\n  - get: /\n    auth: bearer tok\n"
		     "  - get: /\n    auth: basic ${customers.email}:x\n"
		     "  - get: /\n    auth: bearer ${customers.email}\n");
		CHECK_TEXT(rendered(&request(0)->headers), "Authorization: Basic YW5uOnBhIHNz\r\n");
		CHECK(request(0)->headers.constant);
		CHECK_TEXT(rendered(&request(1)->headers), "Authorization: Bearer tok\r\n");
		CHECK_TEXT(rendered(&request(2)->headers), "Authorization: Basic QzA6eA==\r\n");
		CHECK_TEXT(rendered(&request(3)->headers), "Authorization: Bearer C0\r\n");
		SAYS("  - get: /\n    auth: digest x\n",
		     "j:3:11: 'auth' wants 'bearer TOKEN' or 'basic USER:PASSWORD'\n");
		SAYS("  - get: /\n    auth: basic x\n", "j:3:17: 'basic' wants USER:PASSWORD\n");
		SAYS("  - get: /\n    auth: bearer ${tok}\n", "j:3:18: undefined variable 'tok'\n");
	}
	TEST ("a key is minted once per visit, when asked for") {
		GOOD("  - post: /\n    idempotent: yes\n  - post: /\n    headers: { K: \"${request.key}\" }\n"
		     "  - post: /\n");
		CHECK(request(0)->mints_key && request(1)->mints_key && !request(2)->mints_key);
		CHECK_TEXT(rendered(&request(0)->headers), "Idempotency-Key: B1\r\n");
	}
	TEST ("headers that can't be set, or would add a line, are refused") {
		SAYS("  - get: /\n    headers: { Host: x }\n",
		     "j:3:16: 'Host' follows from the request and can't be set\n");
		SAYS("  - get: /\n    headers: { \"a b\": x }\n",
		     "j:3:16: 'a b' can't name a header\n");
		SAYS("  - get: /\n    headers: { A: \"x\\r\\nB: y\" }\n",
		     "j:3:19: a header's value is one line without control characters\n");
		SAYS("  - get: /\n    headers: { A: [ x ] }\n",
		     "j:3:19: a header's value is a text, not a list\n");
	}
}

static void test_bodies(void)
{
	TEST ("a YAML tree becomes JSON, scalars with their YAML 1.2 types") {
		BODY("json: { s: x, q: \"5\", i: 5, neg: -1, f: 10.50, t: true, n: null, e: }",
		     "{\"s\":\"x\",\"q\":\"5\",\"i\":5,\"neg\":-1,\"f\":10.50,\"t\":true,\"n\":null,\"e\":null}");
		BODY("json: { hex: 0x1F, oct: 0o17, plus: +5, dot: .5, exp: 1e3, big: 123456789012345678901 }",
		     "{\"hex\":31,\"oct\":15,\"plus\":5,\"dot\":0.5,\"exp\":1000,\"big\":123456789012345678901}");
		BODY("json: { a: yes, b: no, v: 1.2.3, d: 2024-01-01, z: 007x, bs: 'a\\b\"' }",
		     "{\"a\":\"yes\",\"b\":\"no\",\"v\":\"1.2.3\",\"d\":\"2024-01-01\",\"z\":\"007x\","
		     "\"bs\":\"a\\\\b\\\"\"}");
		BODY("json: [ [], {}, [ 1, [ 2 ] ] ]", "[[],{},[1,[2]]]");
		BODY("json: ${three}", "3");
	}
	TEST ("an unquoted name keeps its type, a quoted one is a string") {
		BODY("json: { a: ${three}, b: \"${three}\", c: n ${three}, ${three}: 1 }",
		     "{\"a\":3,\"b\":\"3\",\"c\":\"n 3\",\"3\":1}");
		BODY("json: { a: ${fn.int(4,4)}, b: \"${fn.int(4,4)}\", c: ${products.sku} }",
		     "{\"a\":4,\"b\":\"4\",\"c\":\"C0\"}");
	}
	TEST ("infinities have no place in JSON") {
		SAYS("  - post: /\n    json: { a: .inf }\n",
		     "j:3:16: JSON has no '.inf' (quote it if it is a text)\n");
	}
	TEST ("forms, texts, files") {
		BODY("form: { a: x y, \"b&\": \"${products.sku}\", c: [ 1, 2 ], d: }",
		     "a=x%20y&b%26=C0&c=1&c=2&d=");
		BODY("body: \"hi \\\"${products.sku}\\\"\"", "hi \"C0\"");
		CHECK_INT(request(0)->body_kind, BODY_TEXT);
		CHECK_TEXT(rendered(&request(0)->headers),
			   "Content-Type: text/plain; charset=utf-8\r\n");
		CHECK(strstr(read_steps("  - post: /\n    body-file: /does/not/exist\n"),
			     "j:3:16: "));
		SAYS("  - post: /\n    json: 1\n    body: x\n",
		     "j:4:11: a request has one body, not both 'json' and 'body'\n");
	}
}

static const char *expectation(size_t i)
{
	struct text text = { "", 0 };

	CHECK(i < request(0)->expectation_count);
	if (i < request(0)->expectation_count)
		text = expression_text(request(0)->expectations[i].condition);
	return arena_string(&arena, text);
}

static void test_answers(void)
{
	TEST ("every form of a status") {
		GOOD("  - get: /\n    expect: 200\n");
		CHECK_TEXT(expectation(0), "status == 200");
		CHECK(request(0)->status_expected && request(0)->expectations[0].about_status);
		CHECK(!request(0)->reads_body);
		GOOD("  - get: /\n    expect: { status: [ 200, 4xx, 500..503 ] }\n");
		CHECK_TEXT(expectation(0), "status == 200 or status >= 400 and status <= 499 or "
					   "status >= 500 and status <= 503");
		SAYS("  - get: /\n    expect: { status: 20O }\n",
		     "j:3:23: '20O' is no status (write 200, 2xx or 200..299)\n");
		SAYS("  - get: /\n    expect: { status: 299..200 }\n",
		     "j:3:23: '299..200' is no status (write 200, 2xx or 200..299)\n");
	}
	TEST ("headers, JSON, bodies, latencies and conditions") {
		GOOD("  - get: /\n    expect:\n      header: { A: json, B: contains x, C: \"/v[0-9]/i\" }\n"
		     "      json: { /a: 1, /b: [ X, \"2\" ], /c: \"> 0\", /d: ~, /e/#: 3, /f: \"a\\\"b\" }\n"
		     "      body: [ contains ok, /x+/ ]\n      max-latency: 1.5s\n"
		     "      that: /a == 1 or status == 404\n");
		CHECK_TEXT(expectation(0), "header A == \"json\"");
		CHECK_TEXT(expectation(1), "header B contains x");
		CHECK_TEXT(expectation(2), "header C matches /v[0-9]/i");
		CHECK_TEXT(expectation(3), "/a == 1");
		CHECK_TEXT(expectation(4), "/b in [\"X\", \"2\"]");
		CHECK_TEXT(expectation(5), "/c > 0");
		CHECK_TEXT(expectation(6), "/d == null");
		CHECK_TEXT(expectation(7), "/e/# == 3");
		CHECK_TEXT(expectation(8), "/f == \"a\\\"b\"");
		CHECK_TEXT(expectation(9), "body contains ok");
		CHECK_TEXT(expectation(10), "body matches /x+/");
		CHECK_TEXT(expectation(11), "/a == 1 or status == 404");
		CHECK_TEXT(expectation(12), "latency <= 1500ms");
		CHECK(request(0)->reads_body && request(0)->status_expected);
		CHECK(!request(0)->expectations[0].about_status);
	}
	TEST ("mistakes in conditions carry their own column") {
		SAYS("  - get: /\n    expect: { json: { /b: \"> x\" } }\n",
		     "j:3:30: this compares numbers, and 'x' is none\n");
		SAYS("  - get: /\n    expect: statsu == 200\n",
		     "j:3:13: unknown name 'statsu' (did you mean 'status'?)\n");
		SAYS("  - get: /\n    expect: { body: ok }\n",
		     "j:3:21: 'body' wants a comparison, such as: contains ok\n");
		SAYS("  - get: /\n    expect: { sttus: 200 }\n",
		     "j:3:15: unknown key 'sttus' (did you mean 'status'?)\n");
		SAYS("  - get: /\n    expect: [ \"/a == ${x}\" ]\n",
		     "j:3:22: undefined variable 'x'\n");
	}
	TEST ("saves of every kind") {
		GOOD("  - get: /\n    save: { a: /x/0, b: header ETag, c: regex /id=(.)/i, d: cookie sid, "
		     "e: status, f: body, g: { from: /y, default: none }, h: { from: /z, optional: yes } }\n"
		     "  - get: /${a}${b}${c}${d}${e}${f}${g}${h}\n");
		CHECK_INT(request(0)->save_count, 8);
		CHECK_INT(request(0)->saves[2].from, SAVE_REGEX);
		CHECK_TEXT(request(0)->saves[3].name, "sid");
		CHECK(request(0)->saves[6].optional &&
		      text_is(request(0)->saves[6].otherwise, "none"));
		CHECK(request(0)->saves[7].optional && !request(0)->saves[0].optional);
		CHECK(request(0)->reads_body);
		CHECK_TEXT(rendered(&request(1)->path), "/S0S1S2S3S4S5S6S7");
	}
	TEST ("saves that can't be") {
		SAYS("  - get: /\n    save: { a: nowhere }\n  - get: /${a}\n",
		     "j:3:16: unknown place to save from 'nowhere' (there are: header NAME, regex /.../, "
		     "cookie NAME, status, body, /pointer)\n");
		CHECK(strstr(read_steps("  - get: /\n    save: { a: regex /(/ }\n  - get: /${a}\n"),
			     "j:3:16: "));
		SAYS("  - get: /\n    save: { user: /a }\n",
		     "j:3:13: 'user' is a name that is always there already\n");
		SAYS("  - get: /\n    save: { three: /a }\n",
		     "j:3:13: 'three' is one of the vars already\n");
		SAYS("  - get: /\n    save: { \"a b\": /a }\n",
		     "j:3:13: 'a b' can't name a variable (letters, digits, '_' and '-', at most 64)\n");
	}
	TEST ("a condition about a body needs it, one about a header does not") {
		GOOD("  - get: /\n    expect: [ header A exists, latency < 1s, version == 1.1 ]\n");
		CHECK(!request(0)->reads_body);
		GOOD("  - get: /\n    expect: [ size < 10kB ]\n");
		CHECK(request(0)->reads_body);
	}
}

static void test_options(void)
{
	TEST ("retries") {
		GOOD("  - get: /\n    retry: { times: 3, on: [ timeout, 5xx ], backoff: 100ms x2, jitter: 10% }\n"
		     "    timeout: 2s\n    redirects: 0\n    on-fail: continue\n");
		CHECK_INT(request(0)->retry.times, 3);
		CHECK_INT(request(0)->retry.on, RETRY_TIMEOUT | RETRY_5XX);
		CHECK_INT(request(0)->retry.backoff_us, 100000);
		CHECK(request(0)->retry.factor > 1.9 && request(0)->retry.factor < 2.1);
		CHECK_INT(request(0)->timeout_us, 2000000);
		CHECK_INT(request(0)->redirects, 0);
		CHECK(request(0)->goes_on);
	}
	TEST ("a retried POST without a key is worth a warning") {
		SAYS("  - post: /\n    retry: { times: 1 }\n",
		     "j:3:12: warning: a retried POST may take effect twice: say 'idempotent: yes' to send "
		     "a key\n");
		GOOD("  - post: /\n    retry: { times: 1 }\n    idempotent: yes\n");
		GOOD("  - post: /\n    retry: { times: 1, on: connect }\n");
	}
	TEST ("retries that can't be") {
		SAYS("  - get: /\n    retry: { times: 0, on: [ 5xy ], backoff: 100 }\n",
		     "j:3:21: 'times': '0' is too little, the least is 1\n"
		     "j:3:30: unknown reason to retry '5xy' (did you mean '5xx'?)\n"
		     "j:3:46: 'backoff': '100' has no unit (write 10s, 250ms, 5m)\n");
		SAYS("  - get: /\n    retry: { times: 1, backoff: 1s y2 }\n",
		     "j:3:33: 'backoff' is a duration and how it grows (1 to 100 times): 100ms x2\n");
	}
	TEST ("polls") {
		GOOD("  - poll: GET /o/${user}\n    until: /status in [A, B]\n    every: 250ms\n"
		     "    within: 10s\n  - poll: /x\n    until: status == 200\n");
		CHECK_TEXT(rendered(&request(0)->path), "/o/B0");
		CHECK_INT(request(0)->poll.every_us, 250000);
		CHECK_INT(request(0)->poll.within_us, 10000000);
		CHECK(request(0)->reads_body && request(0)->poll.until);
		CHECK(!request(0)->status_expected && request(1)->status_expected);
		SAYS("  - poll: GET /x\n", "j:2:5: missing key 'until'\n");
	}
	TEST ("together") {
		GOOD("  - together: [ /a, get: /b, { post: /c, json: 1 } ]\n    lanes: 2\n  - get: /\n");
		CHECK_INT(journeys[0].program[0].part_count, 3);
		CHECK_INT(journeys[0].program[0].lanes, 2);
		CHECK_INT(journeys[0].lanes, 2);
		SAYS("  - together: [ think: 1s ]\n",
		     "j:2:17: only requests can be made together (get, post, put, patch, delete, head, "
		     "options)\n");
		SAYS("  - together: []\n", "j:2:15: 'together' wants a list of 1 to 64 requests\n");
	}
}

static void test_flow(void)
{
	TEST ("think times") {
		GOOD("  - think: 2s\n  - think: 1s to 4s\n  - think: exponential 2s\n  - think: normal 3s 1s\n");
		CHECK_INT(journeys[0].program[0].think.a_us, 2000000);
		CHECK_INT(journeys[0].program[1].think.kind, THINK_UNIFORM);
		CHECK_INT(journeys[0].program[1].think.b_us, 4000000);
		CHECK_INT(journeys[0].program[2].think.kind, THINK_EXPONENTIAL);
		CHECK_INT(journeys[0].program[3].think.b_us, 1000000);
		SAYS("  - think: 2\n", "j:2:12: 'think': '2' has no unit (write 10s, 250ms, 5m)\n");
		SAYS("  - think: 4s to 1s\n", "j:2:12: 'think': the shorter time comes first\n");
		SAYS("  - think: 1s or 2s\n",
		     "j:2:12: 'think': 'or' is not expected there (write 1s to 4s)\n");
		SAYS("  - think: 2d\n", "j:2:12: nobody thinks longer than a day\n");
	}
	TEST ("if and else are jumps") {
		GOOD("  - set: { x: 1 }\n  - if: ${x} > 0\n    then: [ get: /a ]\n    else: [ get: /b ]\n"
		     "  - get: /c\n");
		CHECK_TEXT(shown(), "a: 6 instructions, 1 variables\n"
				    "      0  set x to 1\n"
				    "      1  unless ${x} > 0: to 4\n"
				    "      2  GET /a  as 'GET /a', timeout 10 s\n"
				    "      3  to 5\n"
				    "      4  GET /b  as 'GET /b', timeout 10 s\n"
				    "      5  GET /c  as 'GET /c', timeout 10 s\n");
	}
	TEST ("loops are jumps with a counter each") {
		GOOD("  - set: { x: 1, l: \"[1]\" }\n"
		     "  - repeat:\n      times: 3\n      do:\n        - repeat: { while: ${x} == 1, at-most: 5, "
		     "do: [ get: \"/${loop}\" ] }\n"
		     "  - for-each: { in: \"${l}\", as: e, do: [ get: \"/${e}\" ] }\n"
		     "  - repeat: { times: \"${x}\", at-most: 9, do: [ think: 1s ] }\n");
		CHECK_TEXT(shown(), "a: 15 instructions, 3 variables\n"
				    "      0  set x to 1\n"
				    "      1  set l to [1]\n"
				    "      2  loop 0: 3 turns, at most 1000; if none: to 8\n"
				    "      3  loop 1: 5 turns, at most 5; if none: to 7\n"
				    "      4  unless ${x} == 1: to 7\n"
				    "      5  GET /${loop}  as 'GET /{loop}', timeout 10 s\n"
				    "      6  next turn of loop 1: to 4\n"
				    "      7  next turn of loop 0: to 3\n"
				    "      8  loop 0: 1 turns, at most 1; if none: to 9\n"
				    "      9  loop 0: next e of l, at most 1000; if none: to 12\n"
				    "     10  GET /${e}  as 'GET /{e}', timeout 10 s\n"
				    "     11  to 9\n"
				    "     12  loop 0: ${x} turns, at most 9; if none: to 15\n"
				    "     13  think 1 s\n"
				    "     14  next turn of loop 0: to 13\n");
	}
	TEST ("${loop} is that of the loop it stands in, also behind an inner one") {
		GOOD("  - repeat: { times: 2, do: [ repeat: { times: 2, do: [ get: \"/${loop}\" ] }, "
		     "get: \"/o/${loop}\" ] }\n");
		CHECK_TEXT(rendered(&request(2)->path), "/L1");
		CHECK_TEXT(rendered(&request(4)->path), "/o/L0");
	}
	TEST ("for-each can look into the answer just before") {
		GOOD("  - get: /list\n  - for-each: { in: /items, as: e, do: [ get: \"/${e}\" ] }\n");
		CHECK_INT(request(0)->save_count, 1);
		CHECK_INT(journeys[0].program[2].list, request(0)->saves[0].slot);
		SAYS("  - get: /list\n  - think: 1s\n  - for-each: { in: /i, as: e, do: [ get: \"/${e}\" ] }\n",
		     "j:4:21: a JSON Pointer looks into the answer of the step just before, and that is no "
		     "request: save the list to a variable\n");
	}
	TEST ("loops end") {
		SAYS("  - repeat: { while: ${three} == 3, do: [ get: / ] }\n",
		     "j:2:22: 'while' without 'at-most' may never end\n");
		SAYS("  - repeat: { do: [ get: / ] }\n",
		     "j:2:13: a loop needs 'times', or 'while' and 'at-most'\n");
		SAYS("  - repeat: { times: 9999999, do: [ get: / ] }\n",
		     "j:2:22: 'times' is between 0 and 1000000\n");
		SAYS("  - get: /${loop}\n",
		     "j:2:11: '${loop}' counts turns, and there is no loop around it\n");
	}
	TEST ("meet, pick, leave and fail") {
		GOOD("  - meet: { users: 10, within: 5s }\n  - pick: products\n  - get: /${products.sku}\n"
		     "  - if: ${products.sku} == x\n    then: [ fail: \"no ${products.sku}\" ]\n  - leave\n");
		CHECK_INT(journeys[0].meets, 10);
		CHECK_INT(journeys[0].program[0].wait_us, 5000000);
		CHECK_INT(journeys[0].sources, 1);
		CHECK_INT(journeys[0].program[1].number, 0);
		SAYS("  - meet: { users: 2 }\n  - meet: { users: 3 }\n",
		     "j:3:11: all meetings of a journey are of the same size: 2 before, 3 here\n");
		SAYS("  - pick: product\n",
		     "j:2:11: unknown data source 'product' (did you mean 'products'?)\n");
	}
	TEST ("conditions between answers see variables, cookies and the last status") {
		GOOD("  - get: /\n  - if: status == 404 and cookie sid exists\n    then: [ leave ]\n");
		SAYS("  - if: body contains x\n    then: [ leave ]\n",
		     "j:2:9: 'body' is known only in 'expect' and 'until': save it to use it here\n");
		SAYS("  - if: /a == 1\n    then: [ leave ]\n",
		     "j:2:9: '/a' looks into an answer, and there is none here: save it first (or quote "
		     "it)\n");
	}
}

static void test_data(void)
{
	TEST ("columns of a CSV are known, an endpoint's are learned") {
		GOOD("  - get: /${customers.email}/${products.sku}/${products.price}/${products.sku}\n");
		CHECK_INT(sources[0].column_count, 2);
		CHECK_TEXT(sources[0].columns[1], "price");
		CHECK_INT(journeys[0].cell_count, 3);
		CHECK_INT(journeys[0].sources, 3);
		SAYS("  - get: /${customers.emial}\n",
		     "j:2:11: 'customers' has no column 'emial' (did you mean 'email'?)\n");
		SAYS("  - get: /${prodcts.sku}\n",
		     "j:2:11: unknown data source 'prodcts' (did you mean 'products'?)\n");
		SAYS("  - get: /${products}\n",
		     "j:2:11: 'products' is a data source: say which column, ${products.COLUMN}\n");
	}
}

static void test_variables(void)
{
	TEST ("an undefined variable is named with its place and a suggestion") {
		SAYS("  - get: /\n    save: { token: /t }\n  - get: /${tokn}\n  - get: /${token}\n",
		     "j:4:11: undefined variable 'tokn' (did you mean 'token'?)\n");
	}
	TEST ("a variable that is saved later has no value yet") {
		SAYS("  - get: /${t}\n    save: { t: /t }\n",
		     "j:2:11: 't' has no value yet: it gets one only later, in line 3\n");
		SAYS("  - get: /${t}\n  - set: { t: 1 }\n",
		     "j:2:11: 't' has no value yet: it gets one only later, in line 3\n");
	}
	TEST ("a variable of one branch may have no value") {
		SAYS("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n  - get: /${t}\n",
		     "j:4:11: 't' may have no value here: it gets one (line 3) only on some of the ways that "
		     "lead here\n");
		GOOD("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n    else: [ set: { t: 2 } ]\n"
		     "  - get: /${t}\n");
		GOOD("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n    else: [ leave ]\n"
		     "  - get: /${t}\n");
		GOOD("  - set: { t: 0 }\n  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n  - get: /${t}\n");
	}
	TEST ("a loop that surely turns gives values, one that may not does not") {
		GOOD("  - repeat: { times: 2, do: [ set: { t: 1 } ] }\n  - get: /${t}\n");
		SAYS("  - repeat: { times: 0, do: [ set: { t: 1 } ] }\n  - get: /${t}\n",
		     "j:3:11: 't' may have no value here: it gets one (line 2) only on some of the ways that "
		     "lead here\n");
		SAYS("  - repeat: { times: 2, do: [ get: \"/${t}\", set: { t: 1 } ] }\n",
		     "j:2:38: 't' may have no value here: it gets one (line 2) only on some of the ways that "
		     "lead here\n");
		SAYS("  - set: { l: x }\n  - for-each: { in: \"${l}\", as: e, do: [ get: / ] }\n  - get: /${e}\n",
		     "j:4:11: 'e' may have no value here: it gets one (line 3) only on some of the ways that "
		     "lead here\n");
	}
	TEST ("what fails and goes on may have saved nothing") {
		SAYS("  - get: /\n    on-fail: continue\n    save: { t: /t }\n  - get: /${t}\n",
		     "j:5:11: 't' may have no value here: it gets one (line 4) only on some of the ways that "
		     "lead here\n");
	}
	TEST ("a save that nothing uses is worth a warning") {
		SAYS("  - get: /\n    save: { t: /t }\n", "j:3:13: warning: nothing uses 't'\n");
		GOOD("  - get: /\n    save: { t: /t }\n    expect: [ \"true\" ]\n"
		     "  - get: /\n    expect: [ \"/a == ${t}\" ]\n");
		GOOD("  - get: /\n    save: { t: /t }\n  - get: /\n    expect: { json: { /a: \"${t}\" } }\n");
	}
	TEST ("a step that is never reached is worth a warning") {
		SAYS("  - leave\n  - get: /a\n  - get: /b\n",
		     "j:3:5: warning: this step is never reached\n");
	}
}

static void test_graphs(void)
{
	TEST ("a graph is branches") {
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
	TEST ("at-most bounds the states of a walk") {
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
	TEST ("states that are never reached or never leave are mistakes") {
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
	TEST ("names and weights are checked") {
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
	TEST ("a variable must be set on every way through the graph") {
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
	TEST ("all mistakes are told at once") {
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
	TEST ("what is no journey is refused") {
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
	TEST ("nesting is bounded") {
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
	TEST ("more variables than there is room for are refused") {
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

	TEST ("no tree crashes the reader, and what it takes it can show") {
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

	TEST ("the JSON Schema names every step and ends") {
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
	test_targets();
	test_headers();
	test_bodies();
	test_answers();
	test_options();
	test_flow();
	test_data();
	test_variables();
	test_graphs();
	test_mistakes();
	test_noise();
	test_shapes();
	reset();
	buffer_release(&said);
	complaints_release(&complaints);
	arena_release(&arena);
	return tap_done();
}
