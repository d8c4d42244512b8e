#include "lib/expression.h"

#include <stdlib.h>

#include "lib/random.h"
#include "tests/unit/tap.h"

/* Refs: words from 0, headers at 10, variables at 20. */
static struct value values[32];
static struct text document_text;
static struct arena arena = ARENA_EMPTY;
static struct buffer scratch = BUFFER_EMPTY;
static struct error err;
static struct place resolved_at;

static const char *const words[] = { "status", "body", "latency", "header", NULL };
static const char *const with_argument[] = { "header", NULL };
static const char *const numbers[] = { "status", "latency", NULL };

static bool resolve(void *context, struct text name, uint16_t *ref, struct error *why)
{
	(void)context;
	if (name.length != 1 || name.data[0] < 'a' || name.data[0] > 'd')
		return error_set(why, "undefined '%.*s'", TEXT_ARG(name));
	*ref = (uint16_t)(20 + name.data[0] - 'a');
	return true;
}

static bool fixed(void *context, struct text name, struct value *out, struct error *why)
{
	(void)context;
	if (text_is(name, "secret"))
		return error_set(why, "no such secret");
	*out = (struct value){ VALUE_NUMBER, text_of("5") };
	return text_is(name, "five");
}

static bool word(void *context, struct text name, struct text argument, uint16_t *ref,
		 struct error *why)
{
	(void)context;
	*ref = 10;
	if (argument.length)
		return text_is(argument, "X-A") || error_set(why, "only X-A");
	for (*ref = 0; !text_is(name, words[*ref]); (*ref)++)
		;
	return true;
}

static struct value get(void *context, uint16_t ref)
{
	(void)context;
	return values[ref];
}

static struct text document(void *context)
{
	(void)context;
	return document_text;
}

static struct expression *compile(const char *text, bool pointers)
{
	struct expression_names names = {
		.resolve = resolve,
		.word = word,
		.words = words,
		.words_with_argument = with_argument,
		.pointers = pointers,
		.fixed = fixed,
		.numbers = numbers,
		.at = &resolved_at,
	};

	err.text[0] = '\0';
	return expression_compile(text_of(text), &names, (struct place){ "f", 2, 5 }, &arena, &err);
}

/* 1, 0, or -1 after a mistake, which is printed. */
static int truth(const char *text)
{
	struct expression *expression = compile(text, true);
	struct expression_source source = { get, document, NULL, &scratch };

	if (!expression) {
		printf("# %s\n", err.text);
		return -1;
	}
	return expression_true(expression, &source);
}

#define HOLDS(text) CHECK_INT(truth(text), 1)
#define FAILS(text) CHECK_INT(truth(text), 0)
#define WRONG(source, why)                                                                         \
	do {                                                                                       \
		CHECK(!compile(source, true));                                                     \
		CHECK_TEXT(err.text, why);                                                         \
	} while (0)

static void set(int ref, enum value_kind kind, const char *text)
{
	values[ref] = (struct value){ kind, text_of(text) };
}

static void begin(void)
{
	memset(values, 0, sizeof(values));
	set(0, VALUE_NUMBER, "200");
	set(1, VALUE_STRING, "hello world, order-4711");
	set(2, VALUE_NUMBER, "120");
	set(10, VALUE_STRING, "application/json");
	set(20, VALUE_STRING, "abc");
	set(21, VALUE_NUMBER, "7");
	set(22, VALUE_BOOL, "false");
	document_text = text_of(
		"{\"status\":\"CONFIRMED\",\"total\":10.50,\"n\":null,\"yes\":true,"
		"\"no\":false,\"zero\":0,\"empty\":\"\",\"q\":\"a\\\"b\",\"r\":\"a\\\"b\","
		"\"tags\":[\"presale\",\"a\\\"b\",3],\"o\":{\"k\":\"v\"},\"big\":9007199254740993,"
		"\"list\":[{\"sku\":\"A\"},{\"sku\":\"B\"}]}");
}

static void test_equality(void)
{
	TEST("numbers are equal by amount, everything else by text") {
		HOLDS("status == 200");
		HOLDS("status == 200.0");
		HOLDS("status == 2e2");
		FAILS("status == 201");
		HOLDS("status != 201");
		FAILS("status != 200");
		HOLDS("/total == 10.5");
		HOLDS("/total == 10.50");
		HOLDS("/total == \"10.5\"");
		HOLDS("/status == CONFIRMED");
		FAILS("/status == confirmed");
		HOLDS("${b} == 7");
		FAILS("/big == 9007199254740992");
		HOLDS("/big == 9007199254740993");
		FAILS("${a} == 0");
	}
	TEST("true, false and null are what they spell") {
		HOLDS("/yes == true");
		HOLDS("/no == false");
		HOLDS("/n == null");
		FAILS("/yes == null");
		HOLDS("${c} == false");
	}
	TEST("both sides may vary, with escapes on both") {
		HOLDS("/q == /r");
		HOLDS("/q == \"a\\\"b\"");
		FAILS("/q != /r");
		HOLDS("/q in [x, /r]");
		HOLDS("\"${a}\" == abc");
		HOLDS("/q == \"a\\\"b\" and \"${a}-${b}\" == \"abc-7\"");
		HOLDS("${a} == 'abc'");
		HOLDS("5 == ${five}");
	}
	TEST("a leading zero makes a text of it") {
		set(20, VALUE_STRING, "007");
		FAILS("${a} == 7");
		HOLDS("${a} == \"007\"");
		begin();
	}
}

static void test_order(void)
{
	TEST("more and less want numbers, and are false otherwise") {
		HOLDS("/total > 10");
		HOLDS("/total >= 10.5");
		FAILS("/total > 10.5");
		HOLDS("/total < 11");
		HOLDS("/total <= 10.5");
		HOLDS("status >= 200 and status < 300");
		FAILS("/status > 1");
		FAILS("/status < 1");
		FAILS("/empty < 1");
		FAILS("${a} <= ${b}");
		HOLDS("${b} < /total");
		HOLDS("${b} > -1");
		FAILS("/n < 1");
		FAILS("/tags < 1");
	}
	TEST("beside a number, times and sizes may have units") {
		HOLDS("latency < 500ms");
		HOLDS("latency < 1s");
		FAILS("latency < 100ms");
		HOLDS("latency > 119999us");
		HOLDS("status < 1kB");
	}
}

static void test_texts(void)
{
	TEST("in") {
		HOLDS("/status in [CONFIRMED, FAILED]");
		HOLDS("/status in [\"CONFIRMED\"]");
		FAILS("/status in [FAILED, CANCELLED]");
		HOLDS("status in [200, 201]");
		HOLDS("/total in [10.5, x]");
		HOLDS("${a} in [${b}, abc]");
		HOLDS("/status not in [FAILED]");
	}
	TEST("contains, starts-with, ends-with") {
		HOLDS("body contains world");
		HOLDS("body contains \"hello world\"");
		FAILS("body contains moon");
		HOLDS("body starts-with hello");
		FAILS("body starts-with ello");
		HOLDS("body ends-with 4711");
		FAILS("body ends-with 471");
		HOLDS("header X-A contains json");
		HOLDS("header \"X-A\" starts-with \"application/\"");
		HOLDS("body not contains moon");
		FAILS("${a} starts-with abcd");
	}
	TEST("in an array, contains wants an element") {
		HOLDS("/tags contains presale");
		FAILS("/tags contains sale");
		HOLDS("/tags contains 3");
		HOLDS("/tags contains /q");
		HOLDS("/o contains k");
	}
	TEST("matches") {
		HOLDS("body matches /order-[0-9]+/");
		FAILS("body matches /order-[a-z]+/");
		HOLDS("body matches /HELLO/i");
		FAILS("body matches /HELLO/");
		HOLDS("header X-A matches /application\\/json/");
		HOLDS("body matches \"^hello\"");
		HOLDS("body not matches /moon/ and status == 200");
	}
	TEST("pointers walk") {
		HOLDS("/list/1/sku == B");
		HOLDS("/list/# == 2");
		HOLDS("/o/k exists");
		FAILS("/o/x exists");
	}
}

static void test_truth(void)
{
	TEST("a value alone is true unless absent, null, false, 0 or empty") {
		HOLDS("/status");
		HOLDS("/yes");
		HOLDS("/o");
		FAILS("/n");
		FAILS("/no");
		FAILS("/zero");
		FAILS("/empty");
		FAILS("/nowhere");
		FAILS("${c}");
		FAILS("${d}");
		HOLDS("not ${d}");
		HOLDS("true");
		FAILS("false");
		HOLDS("${five}");
	}
	TEST("an absent value fails every comparison but !=") {
		FAILS("/x == 1");
		FAILS("/x == \"\"");
		FAILS("/x == null");
		FAILS("/x == ${d}");
		HOLDS("/x != 1");
		HOLDS("1 != /x");
		HOLDS("/x != ${d}");
		FAILS("/x < 1");
		FAILS("/x > 1");
		FAILS("1 < /x");
		FAILS("/x in [1]");
		FAILS("/x contains a");
		FAILS("body contains ${d}");
		FAILS("/x starts-with a");
		FAILS("/x matches /./");
		FAILS("/x exists");
		HOLDS("not /x exists");
		HOLDS("/x not in [1]");
	}
	TEST("a body that is no JSON has nothing in it") {
		document_text = text_of("<html>{\"status\":1}");
		FAILS("/status exists");
		FAILS("/status == 1");
		document_text = text_of("{\"status\":");
		FAILS("/status exists");
		document_text = text_of("");
		FAILS("/status exists");
		begin();
	}
}

static void test_logic(void)
{
	TEST("or binds looser than and, and looser than not") {
		HOLDS("true or true and false");
		FAILS("(true or true) and false");
		HOLDS("false and false or true");
		FAILS("not true or false");
		FAILS("not true and true");
		HOLDS("not (true and false)");
		HOLDS("not not true");
		HOLDS("not status == 404");
		FAILS("not status == 200");
		HOLDS("not status == 404 and not status == 500");
		HOLDS("true and true and true or false");
		FAILS("false or false or false");
		HOLDS("((((status == 200))))");
	}
	TEST("every combination of two follows the rules") {
		static const char *const names[] = { "false", "true" };

		for (int a = 0; a < 2; a++) {
			for (int b = 0; b < 2; b++) {
				for (int c = 0; c < 2; c++) {
					char text[80];

					snprintf(text, sizeof(text), "%s or not %s and %s",
						 names[a], names[b], names[c]);
					CHECK_INT(truth(text), a || (!b && c));
					snprintf(text, sizeof(text), "%s and not %s or %s",
						 names[a], names[b], names[c]);
					CHECK_INT(truth(text), (a && !b) || c);
				}
			}
		}
	}
	TEST("blanks and lines are free") {
		HOLDS("  status==200\n  and\t/total>10 ");
		HOLDS("(status==200)and(/total>1)");
		HOLDS("/status in[CONFIRMED,FAILED]");
	}
}

static void test_mistakes(void)
{
	TEST("a typing mistake never passes") {
		WRONG("statsu == 200", "f:2:5: unknown name 'statsu' (did you mean 'status'?)");
		WRONG("token != x",
		      "f:2:5: unknown name 'token' (variables are written ${token}, JSON Pointers /token)");
		WRONG("status == 20O", "f:2:15: '20O' is not a number (quote it if it is a text)");
		WRONG("status != OK", "f:2:15: this compares numbers, and 'OK' is none");
		WRONG("status in [200, OK]", "f:2:15: this compares numbers, and 'OK' is none");
		WRONG("status != \"\"", "f:2:15: this compares numbers, and '' is none");
		WRONG("/total > ten", "f:2:14: this compares numbers, and 'ten' is none");
		WRONG("/a == 5ms", "f:2:11: '5ms' is not a number (quote it if it is a text)");
		WRONG("status = 200", "f:2:12: '=' is written '==' here");
		WRONG("status == 200 && true", "f:2:19: '&&' is written 'and' here");
		WRONG("status == 200 || true", "f:2:19: '||' is written 'or' here");
		WRONG("/status == CONFIRMED or FAILED",
		      "f:2:29: unknown name 'FAILED' (variables are written ${FAILED}, JSON Pointers /FAILED)");
		WRONG("/status == NOT FOUND",
		      "f:2:20: 'FOUND' is not expected here (texts of more than one word need quotes)");
		WRONG("\"abc\"", "f:2:5: a comparison is missing after this");
		WRONG("200", "f:2:5: a comparison is missing after this");
		WRONG("body contains \"\"", "f:2:19: the empty text is part of every text");
		WRONG("body matches //", "f:2:18: the empty pattern matches everything");
		WRONG("abc < 5",
		      "f:2:5: unknown name 'abc' (variables are written ${abc}, JSON Pointers /abc)");
		WRONG("\"abc\" < /x",
		      "f:2:13: 'abc' is not a number, so nothing is more or less than it");
	}
	TEST("what is missing is named where it is missing") {
		WRONG("", "f:2:5: a condition is missing here");
		WRONG("   ", "f:2:5: a condition is missing here");
		WRONG("status ==", "f:2:14: a value is missing at the end");
		WRONG("== 200", "f:2:5: a value is missing before '='");
		WRONG("status == 200 and", "f:2:22: a value is missing at the end");
		WRONG("status == and",
		      "f:2:15: a value is missing before 'and' (quote it if it is a text)");
		WRONG("(status == 200", "f:2:5: '(' is never closed");
		WRONG("status == 200)",
		      "f:2:18: ')' is not expected here (texts of more than one word need quotes)");
		WRONG("/a in CONFIRMED", "f:2:11: 'in' wants a list: in [A, B]");
		WRONG("/a in []", "f:2:12: a value is missing here");
		WRONG("/a in [b,]", "f:2:14: a value is missing here");
		WRONG("/a in [b", "f:2:11: '[' is never closed");
		WRONG("/a in [b c]", "f:2:14: a comma is missing here");
		WRONG("/a == \"b", "f:2:11: the quote is never closed");
		WRONG("/a == 'b\\x'", "f:2:13: a backslash is written \\\\");
		WRONG("${a == 1", "f:2:5: '${' is never closed");
		WRONG("${} == 1", "f:2:5: '${}' names nothing");
		WRONG("header == x", "f:2:12: 'header' wants a name: header NAME");
		WRONG("header exists", "f:2:12: 'header' wants a name: header NAME");
		WRONG("/a not == 1", "f:2:12: 'not' comes before what it negates");
		WRONG("/a matches b", "f:2:16: 'matches' wants a pattern: matches /[0-9]+/");
		WRONG("/a matches /b", "f:2:16: the pattern is never closed by '/'");
		WRONG("/a matches /b/g", "f:2:19: the only flag of a pattern is 'i'");
	}
	TEST("reasons of the resolver come with the place of the name") {
		WRONG("status == 200 and ${tokn} != x", "f:2:23: undefined 'tokn'");
		WRONG("header X-B exists", "f:2:5: only X-A");
		WRONG("${secret} == 1", "f:2:5: no such secret");
		WRONG("${fn.int(1,2)} == 1",
		      "f:2:5: functions are not for conditions: set a variable to it first");
		WRONG("/a == \"${fn.uuid}\"",
		      "f:2:11: functions are not for conditions: set a variable to it first");
		WRONG("/a == \"x${tokn}\"", "f:2:13: undefined 'tokn'");
		WRONG("/a/${a} == 1", "f:2:5: a JSON Pointer can't hold '${...}'");
		CHECK(compile("true and ${a} == 1", true));
		CHECK_INT(resolved_at.column, 14);
	}
	TEST("a pointer has no place where there is no answer") {
		CHECK(!compile("/a == 1", false));
		CHECK_TEXT(err.text,
			   "f:2:5: '/a' looks into an answer, and there is none here: save it "
			   "first (or quote it)");
		CHECK(compile("${a} == \"/a\"", false));
	}
	TEST("a bad pattern says why") {
		CHECK(!compile("body matches /(/", true));
		CHECK(strstr(err.text, "f:2:18: "));
	}
}

static void test_bounds(void)
{
	char text[20000];

	TEST("nesting is bounded") {
		memset(text, '(', 1000);
		strcpy(text + 1000, "true");
		CHECK(!compile(text, true));
		CHECK(strstr(err.text, "nested deeper than 64"));
		text[0] = '\0';
		for (int i = 0; i < 1000; i++)
			strcat(text, "not ");
		strcat(text, "true");
		CHECK(!compile(text, true));
	}
	TEST("length is bounded, and a long chain is no deep one") {
		strcpy(text, "true");
		for (int i = 0; i < 1000; i++)
			strcat(text, " and true");
		HOLDS(text);
		memset(text, ' ', 17000);
		strcpy(text + 17000, "true");
		CHECK(!compile(text, true));
	}
	TEST("the text of an expression is as written") {
		CHECK(text_is(expression_text(compile("status  == 200", true)), "status  == 200"));
		CHECK(!expression_reads_document(compile("status == 200", true)));
		CHECK(expression_reads_document(compile("status == 200 or /a", true)));
	}
}

static void test_noise(void)
{
	static const char *const bits[] = { "status", "==",  "!=", "/a",     "/tags",	 "${a}",
					    "${",     "}",   "\"", "'",	     "(",	 ")",
					    "[",      "]",   ",",  "in",     "and",	 "or",
					    "not",    "<",   ">=", "5",	     "x",	 "matches",
					    "/x/",    " ",   "\\", "exists", "contains", "header",
					    "X-A",    "true" };
	struct random noise = random_stream(1, "noise", 0);
	struct expression_source source = { get, document, NULL, &scratch };

	TEST("noise compiles and is judged, or says why not") {
		int good = 0;

		for (int i = 0; i < 30000; i++) {
			char text[256] = "";
			struct expression *expression;

			for (uint64_t n = 1 + random_below(&noise, 12); n; n--) {
				strcat(text, bits[random_below(&noise, 32)]);
				strcat(text, random_below(&noise, 3) ? " " : "");
			}
			expression = compile(text, random_below(&noise, 8) != 0);
			if (expression) {
				expression_true(expression, &source);
				good++;
			} else {
				CHECK(strncmp(err.text, "f:2:", 4) == 0);
			}
		}
		printf("# %d of 30000 compiled\n", good);
		CHECK(good > 100);
	}
}

int main(void)
{
	begin();
	test_equality();
	test_order();
	test_texts();
	test_truth();
	test_logic();
	test_mistakes();
	test_bounds();
	test_noise();
	buffer_release(&scratch);
	arena_release(&arena);
	return tap_done();
}
