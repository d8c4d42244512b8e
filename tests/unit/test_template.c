#include "lib/template.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

/* Names: a b c are refs 0 1 2; fixed is known now; anything else is unknown. */
static struct value values[3];
static struct place resolved_at;

static bool resolve(void *context, struct text name, struct template_name *out, struct error *err)
{
	(void)context;
	if (text_is(name, "fixed")) {
		out->fixed = true;
		out->value = value_string(text_of("x y"));
		return true;
	}
	if (text_is(name, "five")) {
		out->fixed = true;
		out->value = (struct value){ VALUE_NUMBER, text_of("5") };
		return true;
	}
	if (name.length != 1 || name.data[0] < 'a' || name.data[0] > 'c')
		return error_set(err, "unknown '%.*s'", TEXT_ARG(name));
	out->ref = (uint16_t)(name.data[0] - 'a');
	return true;
}

static struct value get(void *context, uint16_t ref)
{
	(void)context;
	return values[ref];
}

static struct random random_numbers;
static struct arena arena = ARENA_EMPTY;
static struct buffer rendered = BUFFER_EMPTY;
static struct error err;
static const struct template_names names = { resolve, NULL, &resolved_at };
static int64_t wall_us = INT64_C(1700000000123456);

static struct template_source source(void)
{
	return (struct template_source){ get, NULL, &random_numbers, wall_us };
}

static const char *render(const char *text, enum escape escape)
{
	struct template template;
	struct template_source from = source();

	err.text[0] = '\0';
	if (!template_compile(&template, text_of(text), escape, &names,
			      (struct place){ "f", 3, 10 }, &arena, &err))
		return err.text;
	buffer_clear(&rendered);
	template_render(&template, &from, &rendered);
	buffer_add(&rendered, "", 0);
	return rendered.data;
}

static const char *with(const char *value, enum value_kind kind, const char *text,
			enum escape escape)
{
	values[0] = (struct value){ kind, text_of(value) };
	return render(text, escape);
}

static bool only(const char *text, const char *letters, size_t length)
{
	return strlen(text) == length && strspn(text, letters) == length;
}

static void test_text(void)
{
	TEST("text without names is itself") {
		CHECK_TEXT(render("", ESCAPE_NONE), "");
		CHECK_TEXT(render("a b/ä \"$\" {x} $", ESCAPE_URL), "a b/ä \"$\" {x} $");
		CHECK_TEXT(render("$x $$ $$$ 5$", ESCAPE_NONE), "$x $$ $$$ 5$");
	}
	TEST("$${ is a literal ${") {
		CHECK_TEXT(render("$${a}", ESCAPE_NONE), "${a}");
		CHECK_TEXT(with("1", VALUE_STRING, "x$${a}${a}$${", ESCAPE_NONE), "x${a}1${");
		CHECK_TEXT(with("1", VALUE_STRING, "$$${a}", ESCAPE_NONE), "$${a}");
	}
	TEST("names become their values") {
		values[1] = value_string(text_of("B"));
		CHECK_TEXT(with("A", VALUE_STRING, "<${a}|${ b }|${a}>", ESCAPE_NONE), "<A|B|A>");
		CHECK_TEXT(with("A", VALUE_STRING, "${a}", ESCAPE_NONE), "A");
	}
	TEST("fixed values are folded, escaped for where they land") {
		struct template template;

		CHECK_TEXT(render("q=${fixed}&n=${five}", ESCAPE_URL), "q=x%20y&n=5");
		CHECK(template_compile(&template, text_of("a ${fixed} b"), ESCAPE_NONE, &names,
				       (struct place){ "f", 1, 1 }, &arena, &err));
		CHECK(template.constant);
		CHECK_INT(template.fixed.length, 7);
	}
	TEST("an absent value is nothing, and null as a JSON value") {
		CHECK_TEXT(with("", VALUE_ABSENT, "<${a}>", ESCAPE_NONE), "<>");
		CHECK_TEXT(with("", VALUE_ABSENT, "<${a}>", ESCAPE_URL), "<>");
		CHECK_TEXT(with("", VALUE_ABSENT, "<${a}>", ESCAPE_HEADER), "<>");
		CHECK_TEXT(with("", VALUE_ABSENT, "<${a}>", ESCAPE_JSON_VALUE), "<null>");
	}
}

static void test_escapes(void)
{
	TEST("in a URL all but unreserved characters are percent-encoded") {
		CHECK_TEXT(with("aZ09-._~", VALUE_STRING, "${a}", ESCAPE_URL), "aZ09-._~");
		CHECK_TEXT(with("a/b?c&d=e f+%", VALUE_STRING, "/${a}", ESCAPE_URL),
			   "/a%2Fb%3Fc%26d%3De%20f%2B%25");
		CHECK_TEXT(with("ä\r\n\x01", VALUE_STRING, "${a}", ESCAPE_URL), "%C3%A4%0D%0A%01");
	}
	TEST("inside a JSON string quotes and controls are escaped") {
		CHECK_TEXT(with("say \"hi\"\\\n", VALUE_STRING, "\"${a}\"", ESCAPE_JSON_STRING),
			   "\"say \\\"hi\\\"\\\\\\n\"");
	}
	TEST("a JSON value keeps its type") {
		CHECK_TEXT(with("0.10", VALUE_NUMBER, "${a}", ESCAPE_JSON_VALUE), "0.10");
		CHECK_TEXT(with("true", VALUE_BOOL, "${a}", ESCAPE_JSON_VALUE), "true");
		CHECK_TEXT(with("null", VALUE_NULL, "${a}", ESCAPE_JSON_VALUE), "null");
		CHECK_TEXT(with("{\"x\":[1]}", VALUE_JSON, "${a}", ESCAPE_JSON_VALUE),
			   "{\"x\":[1]}");
		CHECK_TEXT(with("5", VALUE_STRING, "${a}", ESCAPE_JSON_VALUE), "\"5\"");
		CHECK_TEXT(with("a\"b", VALUE_STRING, "${a}", ESCAPE_JSON_VALUE), "\"a\\\"b\"");
	}
	TEST("what JSON does not take for a number is quoted") {
		CHECK_TEXT(with("007", VALUE_NUMBER, "${a}", ESCAPE_JSON_VALUE), "\"007\"");
		CHECK_TEXT(with("+1", VALUE_NUMBER, "${a}", ESCAPE_JSON_VALUE), "\"+1\"");
		CHECK_TEXT(with("1.", VALUE_NUMBER, "${a}", ESCAPE_JSON_VALUE), "\"1.\"");
		CHECK_TEXT(with("-1.5e+3", VALUE_NUMBER, "${a}", ESCAPE_JSON_VALUE), "-1.5e+3");
	}
	TEST("a value can't add a header line") {
		CHECK_TEXT(with("a\r\nX: y\n", VALUE_STRING, "${a}", ESCAPE_HEADER), "aX: y");
		CHECK_TEXT(with("\r", VALUE_STRING, "<${a}>", ESCAPE_HEADER), "<>");
		values[0] = value_string((struct text){ "a\0b", 3 });
		CHECK_TEXT(render("${a}", ESCAPE_HEADER), "ab");
	}
}

static void test_functions(void)
{
	TEST("fn.int draws both ends and nothing else") {
		bool seen[3] = { false };

		for (int i = 0; i < 200; i++) {
			const char *drawn = render("${fn.int(-1, 1)}", ESCAPE_NONE);
			int number = atoi(drawn);

			CHECK(number >= -1 && number <= 1);
			if (number >= -1 && number <= 1)
				seen[number + 1] = true;
		}
		CHECK(seen[0] && seen[1] && seen[2]);
	}
	TEST("fn.float has as many decimals as its arguments, at least two") {
		for (int i = 0; i < 100; i++) {
			const char *drawn = render("${fn.float(-0.5,0.125)}", ESCAPE_NONE);
			double number = atof(drawn);

			CHECK(number >= -0.5 && number <= 0.125);
			CHECK_INT(strlen(strchr(drawn, '.')), 4);
		}
		CHECK_TEXT(render("${fn.float(3,3)}", ESCAPE_NONE), "3.00");
		CHECK_TEXT(render("${fn.float(-0.05,-0.05)}", ESCAPE_NONE), "-0.05");
	}
	TEST("fn.uuid is a version 4 UUID, and a string in JSON") {
		const char *uuid = render("${fn.uuid}", ESCAPE_NONE);

		CHECK_INT(strlen(uuid), 36);
		CHECK(uuid[14] == '4' && strchr("89ab", uuid[19]));
		uuid = render("${fn.uuid}", ESCAPE_JSON_VALUE);
		CHECK(uuid[0] == '"' && uuid[37] == '"');
		CHECK_INT(strlen(render("${fn.uuid()}", ESCAPE_NONE)), 36);
	}
	TEST("fn.choice gives each of its arguments, with its type") {
		bool one = false, two = false, text = false;

		for (int i = 0; i < 200; i++) {
			const char *drawn =
				render("${fn.choice(1, \"2\", a b)}", ESCAPE_JSON_VALUE);

			one |= strcmp(drawn, "1") == 0;
			two |= strcmp(drawn, "\"2\"") == 0;
			text |= strcmp(drawn, "\"a b\"") == 0;
		}
		CHECK(one && two && text);
		CHECK_TEXT(render("${fn.choice('a, }b')}", ESCAPE_URL), "a%2C%20%7Db");
		CHECK_TEXT(render("${fn.choice(true)}", ESCAPE_JSON_VALUE), "true");
	}
	TEST("fn.string, fn.hex and fn.digits have their length and letters") {
		CHECK(only(render("${fn.hex(33)}", ESCAPE_NONE), "0123456789abcdef", 33));
		CHECK(only(render("${fn.digits(16)}", ESCAPE_NONE), "0123456789", 16));
		CHECK(only(render("${fn.string(100)}", ESCAPE_NONE),
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 100));
		CHECK_INT(strlen(render("${fn.string(65536)}", ESCAPE_NONE)), 65536);
	}
	TEST("times are those of the source") {
		CHECK_TEXT(render("${fn.timestamp}", ESCAPE_NONE), "1700000000");
		CHECK_TEXT(render("${fn.timestamp_ms}", ESCAPE_JSON_VALUE), "1700000000123");
		CHECK_TEXT(render("${fn.date}", ESCAPE_NONE), "2023-11-14");
		CHECK_TEXT(render("${fn.date(1)}", ESCAPE_JSON_VALUE), "\"2023-11-15\"");
		CHECK_TEXT(render("${fn.date(107)}", ESCAPE_NONE), "2024-02-29");
		CHECK_TEXT(render("${fn.date(-19676)}", ESCAPE_NONE), "1969-12-31");
		CHECK_TEXT(render("${fn.date(-265000)}", ESCAPE_NONE), "1298-04-28");
	}
	TEST("the same stream draws the same") {
		char first[64];

		random_numbers = random_stream(7, "x", 1);
		snprintf(first, sizeof(first), "%s", render("${fn.uuid}", ESCAPE_NONE));
		random_numbers = random_stream(7, "x", 1);
		CHECK_TEXT(render("${fn.uuid}", ESCAPE_NONE), first);
	}
	TEST("an argument may be a fixed name") {
		CHECK_TEXT(render("${fn.int(${five}, 5)}", ESCAPE_NONE), "5");
		CHECK_TEXT(
			render("${fn.int(1,${a})}", ESCAPE_NONE),
			"f:3:21: '${a}' is not known before the run, as arguments of functions must be");
	}
	TEST("every function has a row in the help") {
		const char *help;
		size_t count = 0;

		while (template_function_help(count, &help)) {
			CHECK(help && *help);
			count++;
		}
		CHECK(count >= 10);
	}
}

static void test_mistakes(void)
{
	TEST("mistakes carry the exact column") {
		CHECK_TEXT(render("ab${nope}", ESCAPE_NONE), "f:3:12: unknown 'nope'");
		CHECK_TEXT(render("äb${nope}", ESCAPE_NONE), "f:3:12: unknown 'nope'");
		CHECK_TEXT(render("a\nbc${nope}", ESCAPE_NONE), "f:4:3: unknown 'nope'");
		CHECK_TEXT(render("a${a", ESCAPE_NONE), "f:3:11: '${' is never closed");
		CHECK_TEXT(render("${}", ESCAPE_NONE), "f:3:10: '${}' names nothing");
		CHECK_TEXT(render("${  }", ESCAPE_NONE), "f:3:10: '${}' names nothing");
	}
	TEST("resolvers are told where a name stands") {
		render("ab${a}", ESCAPE_NONE);
		CHECK_INT(resolved_at.line, 3);
		CHECK_INT(resolved_at.column, 12);
	}
	TEST("functions check their arguments when compiled") {
		CHECK_TEXT(render("${fn.uid}", ESCAPE_NONE),
			   "f:3:15: unknown function 'fn.uid' (did you mean 'fn.uuid'?)");
		CHECK_TEXT(render("${fn.}", ESCAPE_NONE), "f:3:15: unknown function 'fn.'");
		CHECK_TEXT(
			render("${fn.int(1)}", ESCAPE_NONE),
			"f:3:15: 'fn.int' is called with 1 argument (it is written ${fn.int(low, high)})");
		CHECK_TEXT(
			render("${fn.int}", ESCAPE_NONE),
			"f:3:15: 'fn.int' is called with 0 arguments (it is written ${fn.int(low, high)})");
		CHECK_TEXT(render("${fn.int(1,x)}", ESCAPE_NONE),
			   "f:3:21: 'x' is not a whole number");
		CHECK_TEXT(render("${fn.int(1,2.5)}", ESCAPE_NONE),
			   "f:3:21: '2.5' is not a whole number");
		CHECK_TEXT(render("${fn.int(5,1)}", ESCAPE_NONE),
			   "f:3:19: nothing lies between 5 and 1: the low end comes first");
		CHECK_TEXT(render("${fn.int(1,,2)}", ESCAPE_NONE),
			   "f:3:21: an argument is missing here");
		CHECK_TEXT(render("${fn.int(1,2}", ESCAPE_NONE), "f:3:18: '(' is never closed");
		CHECK_TEXT(render("${fn.float(1,b)}", ESCAPE_NONE), "f:3:23: 'b' is not a number");
		CHECK_TEXT(render("${fn.string(0)}", ESCAPE_NONE),
			   "f:3:22: a length is between 1 and 65536, not 0");
		CHECK_TEXT(render("${fn.string(65537)}", ESCAPE_NONE),
			   "f:3:22: a length is between 1 and 65536, not 65537");
		CHECK_TEXT(render("${fn.choice()}", ESCAPE_NONE),
			   "f:3:15: 'fn.choice' is called with 0 arguments (it is written "
			   "${fn.choice(a, b, ...)})");
		CHECK_TEXT(render("${fn.int(1,99999999999999999999)}", ESCAPE_NONE),
			   "f:3:21: '99999999999999999999' is not a whole number");
	}
}

static void test_building(void)
{
	struct template_builder builder;
	struct template template, inner;
	struct template_source from = source();
	struct value value;

	TEST("pieces become one template, and neighbouring literals one part") {
		values[0] = value_string(text_of("\"1\""));
		template_begin(&builder, &names, &arena);
		template_add_literal(&builder, text_of("{"));
		template_add_literal(&builder, text_of("\"x\":"));
		CHECK(template_add(&builder, text_of("${a}"), ESCAPE_JSON_VALUE,
				   (struct place){ "f", 1, 1 }, &err));
		template_add_literal(&builder, text_of("}"));
		template_finish(&builder, &template);
		CHECK_INT(template.count, 3);
		CHECK(!template.constant);
		buffer_clear(&rendered);
		template_render(&template, &from, &rendered);
		CHECK_TEXT(rendered.data, "{\"x\":\"\\\"1\\\"\"}");
	}
	TEST("an added text is escaped with its literals") {
		template_begin(&builder, &names, &arena);
		CHECK(template_add_escaped(&builder, text_of("a \"${a}\" $${"), ESCAPE_URL,
					   (struct place){ "f", 1, 1 }, &err));
		template_finish(&builder, &template);
		buffer_clear(&rendered);
		template_render(&template, &from, &rendered);
		CHECK_TEXT(rendered.data, "a%20%22%221%22%22%20%24%7B");
	}
	TEST("base64 of what is rendered, for every length") {
		static const char *const expected[] = { "",	    "Zg==",	"Zm8=",	   "Zm9v",
							"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };

		CHECK(template_compile(&inner, text_of("${a}"), ESCAPE_NONE, &names,
				       (struct place){ "f", 1, 1 }, &arena, &err));
		template_begin(&builder, &names, &arena);
		template_add_literal(&builder, text_of("B "));
		template_add_base64(&builder, &inner);
		template_add_literal(&builder, text_of("!"));
		template_finish(&builder, &template);
		for (size_t length = 0; length <= 6; length++) {
			char wanted[32];

			values[0] = value_string((struct text){ "foobar", length });
			buffer_clear(&rendered);
			template_render(&template, &from, &rendered);
			snprintf(wanted, sizeof(wanted), "B %s!", expected[length]);
			CHECK_TEXT(rendered.data, wanted);
		}
	}
	TEST("a template that is one name gives its value with its kind") {
		values[0] = (struct value){ VALUE_NUMBER, text_of("7") };
		CHECK(template_compile(&template, text_of("${a}"), ESCAPE_NONE, &names,
				       (struct place){ "f", 1, 1 }, &arena, &err));
		CHECK(template_single(&template, &from, &value));
		CHECK_INT(value.kind, VALUE_NUMBER);
		CHECK(template_compile(&template, text_of("${a} "), ESCAPE_NONE, &names,
				       (struct place){ "f", 1, 1 }, &arena, &err));
		CHECK(!template_single(&template, &from, &value));
	}
	TEST("whole means one reference and nothing else") {
		CHECK(template_is_whole(text_of("${a}")));
		CHECK(template_is_whole(text_of("${fn.choice('}',2)}")));
		CHECK(!template_is_whole(text_of("${a}${b}")));
		CHECK(!template_is_whole(text_of("$${a}")));
		CHECK(!template_is_whole(text_of("${a")));
		CHECK(!template_is_whole(text_of("")));
	}
}

/* Whatever a person writes, compiling it ends well or with a reason. */
static void test_noise(void)
{
	static const char *const bits[] = { "$", "{",  "}",    "${", "fn.", "int(", "choice(",
					    ")", ",",  "1",    "\"", "'",   "$$",   "a",
					    " ", "\n", "hex(", "-",  ".",   "x" };
	struct random noise = random_stream(1, "noise", 0);

	TEST("noise compiles, or says why not") {
		for (int i = 0; i < 20000; i++) {
			char text[128] = "";
			const char *result;

			for (uint64_t n = random_below(&noise, 16); n; n--)
				strcat(text, bits[random_below(&noise, 20)]);
			result = render(text, (enum escape)random_below(&noise, 5));
			if (err.text[0])
				CHECK(strncmp(result, "f:", 2) == 0);
		}
	}
}

int main(void)
{
	random_numbers = random_stream(42, "test", 0);
	test_text();
	test_escapes();
	test_functions();
	test_mistakes();
	test_building();
	test_noise();
	buffer_release(&rendered);
	arena_release(&arena);
	return tap_done();
}
