#include "tests/unit/journeys.h"

#include <stdlib.h>

#define BODY(yaml, expected)                                                                       \
	do {                                                                                       \
		GOOD("  - post: /\n    " yaml "\n");                                               \
		CHECK_TEXT(rendered(&request(0)->body), expected);                                 \
	} while (0)

static void test_targets(void)
{
	TEST("each method is a step") {
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
	TEST("values in a path are percent-encoded, a fixed one that begins it is not") {
		GOOD("  - set: { v: 1 }\n  - get: /p/${v}?q=${prefix}&e=ä\n  - get: ${prefix}/x/${v}\n");
		CHECK_TEXT(rendered(&request(1)->path), "/p/S0?q=%2Fv1&e=%C3%A4");
		CHECK_TEXT(rendered(&request(2)->path), "/v1/x/S0");
	}
	TEST("an absolute URL goes to its origin") {
		GOOD("  - set: { v: 1 }\n  - get: http://other:81/x/${v}\n  - get: ${base}/y\n"
		     "  - get: http://other:81?a=${v}\n  - get: /z\n");
		CHECK_TEXT(rendered(&request(1)->path), "/x/S0");
		CHECK_INT(request(1)->origin, 1);
		CHECK_TEXT(rendered(&request(2)->path), "/api/y");
		CHECK_INT(request(2)->origin, 1);
		CHECK_TEXT(rendered(&request(3)->path), "/?a=S0");
		CHECK_INT(request(4)->origin, 0);
	}
	TEST("a target that can't be is refused") {
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
	TEST("names are routes unless they are given") {
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
	TEST("header lines: ours, the defaults, the step's own, each name once") {
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
	TEST("authorization") {
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
	TEST("a key is minted once per visit, when asked for") {
		GOOD("  - post: /\n    idempotent: yes\n  - post: /\n    headers: { K: \"${request.key}\" }\n"
		     "  - post: /\n");
		CHECK(request(0)->mints_key && request(1)->mints_key && !request(2)->mints_key);
		CHECK_TEXT(rendered(&request(0)->headers), "Idempotency-Key: B1\r\n");
	}
	TEST("headers that can't be set, or would add a line, are refused") {
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
	TEST("a YAML tree becomes JSON, scalars with their YAML 1.2 types") {
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
	TEST("an unquoted name keeps its type, a quoted one is a string") {
		BODY("json: { a: ${three}, b: \"${three}\", c: n ${three}, ${three}: 1 }",
		     "{\"a\":3,\"b\":\"3\",\"c\":\"n 3\",\"3\":1}");
		BODY("json: { a: ${fn.int(4,4)}, b: \"${fn.int(4,4)}\", c: ${products.sku} }",
		     "{\"a\":4,\"b\":\"4\",\"c\":\"C0\"}");
	}
	TEST("infinities have no place in JSON") {
		SAYS("  - post: /\n    json: { a: .inf }\n",
		     "j:3:16: JSON has no '.inf' (quote it if it is a text)\n");
	}
	TEST("forms, texts, files") {
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
	TEST("every form of a status") {
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
	TEST("headers, JSON, bodies, latencies and conditions") {
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
	TEST("mistakes in conditions carry their own column") {
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
	TEST("saves of every kind") {
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
	TEST("saves that can't be") {
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
	TEST("a condition about a body needs it, one about a header does not") {
		GOOD("  - get: /\n    expect: [ header A exists, latency < 1s, version == 1.1 ]\n");
		CHECK(!request(0)->reads_body);
		GOOD("  - get: /\n    expect: [ size < 10kB ]\n");
		CHECK(request(0)->reads_body);
	}
}

static void test_options(void)
{
	TEST("retries") {
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
	TEST("a retried POST without a key is worth a warning") {
		SAYS("  - post: /\n    retry: { times: 1 }\n",
		     "j:3:12: warning: a retried POST may take effect twice: say 'idempotent: yes' to send "
		     "a key\n");
		GOOD("  - post: /\n    retry: { times: 1 }\n    idempotent: yes\n");
		GOOD("  - post: /\n    retry: { times: 1, on: connect }\n");
	}
	TEST("retries that can't be") {
		SAYS("  - get: /\n    retry: { times: 0, on: [ 5xy ], backoff: 100 }\n",
		     "j:3:21: 'times': '0' is too little, the least is 1\n"
		     "j:3:30: unknown reason to retry '5xy' (did you mean '5xx'?)\n"
		     "j:3:46: 'backoff': '100' has no unit (write 10s, 250ms, 5m)\n");
		SAYS("  - get: /\n    retry: { times: 1, backoff: 1s y2 }\n",
		     "j:3:33: 'backoff' is a duration and how it grows (1 to 100 times): 100ms x2\n");
	}
	TEST("polls") {
		GOOD("  - poll: GET /o/${user}\n    until: /status in [A, B]\n    every: 250ms\n"
		     "    within: 10s\n  - poll: /x\n    until: status == 200\n");
		CHECK_TEXT(rendered(&request(0)->path), "/o/B0");
		CHECK_INT(request(0)->poll.every_us, 250000);
		CHECK_INT(request(0)->poll.within_us, 10000000);
		CHECK(request(0)->reads_body && request(0)->poll.until);
		CHECK(!request(0)->status_expected && request(1)->status_expected);
		SAYS("  - poll: GET /x\n", "j:2:5: missing key 'until'\n");
	}
	TEST("together") {
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
	TEST("think times") {
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
	TEST("if and else are jumps") {
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
	TEST("loops are jumps with a counter each") {
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
	TEST("${loop} is that of the loop it stands in, also behind an inner one") {
		GOOD("  - repeat: { times: 2, do: [ repeat: { times: 2, do: [ get: \"/${loop}\" ] }, "
		     "get: \"/o/${loop}\" ] }\n");
		CHECK_TEXT(rendered(&request(2)->path), "/L1");
		CHECK_TEXT(rendered(&request(4)->path), "/o/L0");
	}
	TEST("for-each can look into the answer just before") {
		GOOD("  - get: /list\n  - for-each: { in: /items, as: e, do: [ get: \"/${e}\" ] }\n");
		CHECK_INT(request(0)->save_count, 1);
		CHECK_INT(journeys[0].program[2].list, request(0)->saves[0].slot);
		SAYS("  - get: /list\n  - think: 1s\n  - for-each: { in: /i, as: e, do: [ get: \"/${e}\" ] }\n",
		     "j:4:21: a JSON Pointer looks into the answer of the step just before, and that is no "
		     "request: save the list to a variable\n");
	}
	TEST("loops end") {
		SAYS("  - repeat: { while: ${three} == 3, do: [ get: / ] }\n",
		     "j:2:22: 'while' without 'at-most' may never end\n");
		SAYS("  - repeat: { do: [ get: / ] }\n",
		     "j:2:13: a loop needs 'times', or 'while' and 'at-most'\n");
		SAYS("  - repeat: { times: 9999999, do: [ get: / ] }\n",
		     "j:2:22: 'times' is between 0 and 1000000\n");
		SAYS("  - get: /${loop}\n",
		     "j:2:11: '${loop}' counts turns, and there is no loop around it\n");
	}
	TEST("meet, pick, leave and fail") {
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
	TEST("conditions between answers see variables, cookies and the last status") {
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
	TEST("columns of a CSV are known, an endpoint's are learned") {
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
	TEST("an undefined variable is named with its place and a suggestion") {
		SAYS("  - get: /\n    save: { token: /t }\n  - get: /${tokn}\n  - get: /${token}\n",
		     "j:4:11: undefined variable 'tokn' (did you mean 'token'?)\n");
	}
	TEST("a variable that is saved later has no value yet") {
		SAYS("  - get: /${t}\n    save: { t: /t }\n",
		     "j:2:11: 't' has no value yet: it gets one only later, in line 3\n");
		SAYS("  - get: /${t}\n  - set: { t: 1 }\n",
		     "j:2:11: 't' has no value yet: it gets one only later, in line 3\n");
	}
	TEST("a variable of one branch may have no value") {
		SAYS("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n  - get: /${t}\n",
		     "j:4:11: 't' may have no value here: it gets one (line 3) only on some of the ways that "
		     "lead here\n");
		GOOD("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n    else: [ set: { t: 2 } ]\n"
		     "  - get: /${t}\n");
		GOOD("  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n    else: [ leave ]\n"
		     "  - get: /${t}\n");
		GOOD("  - set: { t: 0 }\n  - if: ${user} == 1\n    then: [ set: { t: 1 } ]\n  - get: /${t}\n");
	}
	TEST("a loop that surely turns gives values, one that may not does not") {
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
	TEST("what fails and goes on may have saved nothing") {
		SAYS("  - get: /\n    on-fail: continue\n    save: { t: /t }\n  - get: /${t}\n",
		     "j:5:11: 't' may have no value here: it gets one (line 4) only on some of the ways that "
		     "lead here\n");
	}
	TEST("a save that nothing uses is worth a warning") {
		SAYS("  - get: /\n    save: { t: /t }\n", "j:3:13: warning: nothing uses 't'\n");
		GOOD("  - get: /\n    save: { t: /t }\n    expect: [ \"true\" ]\n"
		     "  - get: /\n    expect: [ \"/a == ${t}\" ]\n");
		GOOD("  - get: /\n    save: { t: /t }\n  - get: /\n    expect: { json: { /a: \"${t}\" } }\n");
	}
	TEST("a step that is never reached is worth a warning") {
		SAYS("  - leave\n  - get: /a\n  - get: /b\n",
		     "j:3:5: warning: this step is never reached\n");
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
	return journeys_done();
}
