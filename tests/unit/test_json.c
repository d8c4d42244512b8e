#include "lib/json_pointer.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/random.h"
#include "lib/utf8.h"
#include "tests/unit/tap.h"

static struct arena arena;
static struct buffer scratch;

static struct json_pointer pointer_to(const char *source)
{
	struct json_pointer pointer;
	struct error err;

	if (!json_pointer_compile(&pointer, text_of(source), &arena, &err))
		printf("# %s\n", err.text);
	return pointer;
}

/* What is found there, as "kind text"; or "missing", "malformed". */
static const char *at(const char *document, const char *source)
{
	static struct buffer out;
	struct json_pointer pointer = pointer_to(source);
	struct json_found found;
	struct value value;
	size_t length = strlen(document);
	char *exact = malloc(length + !length);
	enum json_result result;

	memcpy(exact, document, length + !length);
	result = json_find(&pointer, (struct text){ exact, length }, &found);
	buffer_clear(&out);
	if (result == JSON_FOUND) {
		buffer_clear(&scratch);
		value = json_value(&found, &scratch);
		buffer_format(&out, "%s: %.*s", value_kind_name(value.kind), TEXT_ARG(value.text));
	} else {
		buffer_add_string(&out, result == JSON_MISSING ? "missing" : "malformed");
	}
	free(exact);
	return out.data;
}

static bool refuses(const char *source)
{
	struct json_pointer pointer;
	struct error err;

	return !json_pointer_compile(&pointer, text_of(source), &arena, &err);
}

static void test_rfc(void)
{
	static const char document[] =
		"{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
		"\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";

	TEST("the examples of RFC 6901 come out right") {
		CHECK_TEXT(at(document, "/foo"), "JSON: [\"bar\",\"baz\"]");
		CHECK_TEXT(at(document, "/foo/0"), "a string: bar");
		CHECK_TEXT(at(document, "/"), "a number: 0");
		CHECK_TEXT(at(document, "/a~1b"), "a number: 1");
		CHECK_TEXT(at(document, "/c%d"), "a number: 2");
		CHECK_TEXT(at(document, "/e^f"), "a number: 3");
		CHECK_TEXT(at(document, "/g|h"), "a number: 4");
		CHECK_TEXT(at(document, "/i\\j"), "a number: 5");
		CHECK_TEXT(at(document, "/k\"l"), "a number: 6");
		CHECK_TEXT(at(document, "/ "), "a number: 7");
		CHECK_TEXT(at(document, "/m~0n"), "a number: 8");
		CHECK(strlen(at(document, "")) == strlen("JSON: ") + strlen(document));
	}
	TEST("bad pointers are refused") {
		CHECK(refuses("foo"));
		CHECK(refuses("/a~"));
		CHECK(refuses("/a~2"));
		CHECK(refuses("/~/b"));
		CHECK(!refuses("/a/~01"));
	}
}

static void test_places(void)
{
	TEST("every kind of value is told apart") {
		CHECK_TEXT(at("[true]", "/0"), "a boolean: true");
		CHECK_TEXT(at("[ false , null ]", "/0"), "a boolean: false");
		CHECK_TEXT(at("[ false , null ]", "/1"), "null: null");
		CHECK_TEXT(at("[-0.10e+5]", "/0"), "a number: -0.10e+5");
		CHECK_TEXT(at(" { \"a\" : { } } ", "/a"), "JSON: { }");
		CHECK_TEXT(at(" \"x\" ", ""), "a string: x");
		CHECK_TEXT(at("12", ""), "a number: 12");
	}
	TEST("indices are plain numbers inside the array") {
		CHECK_TEXT(at("[[1,2],[3]]", "/1/0"), "a number: 3");
		CHECK_TEXT(at("[1]", "/1"), "missing");
		CHECK_TEXT(at("[1]", "/00"), "missing");
		CHECK_TEXT(at("[1]", "/-"), "missing");
		CHECK_TEXT(at("[1]", "/-1"), "missing");
		CHECK_TEXT(at("[1]", "/a"), "missing");
		CHECK_TEXT(at("[1]", "/4294967296"), "missing");
		CHECK_TEXT(at("{\"0\":9}", "/0"), "a number: 9");
	}
	TEST("# counts an array and is a name elsewhere") {
		CHECK_TEXT(at("{\"a\":[1,[2,3],{}]}", "/a/#"), "a number: 3");
		CHECK_TEXT(at("[]", "/#"), "a number: 0");
		CHECK_TEXT(at("{\"#\":5}", "/#"), "a number: 5");
		CHECK_TEXT(at("[{\"#\":5}]", "/#/0"), "missing");
		CHECK_TEXT(at("[1,]", "/#"), "malformed");
	}
	TEST("nothing is inside a scalar") {
		CHECK_TEXT(at("{\"a\":1}", "/a/b"), "missing");
		CHECK_TEXT(at("\"a\"", "/a"), "missing");
		CHECK_TEXT(at("{}", "/a"), "missing");
	}
	TEST("of two members with one name the first counts") {
		CHECK_TEXT(at("{\"a\":1,\"a\":2}", "/a"), "a number: 1");
	}
}

static void test_escapes(void)
{
	TEST("names and strings with escapes are decoded") {
		CHECK_TEXT(at("{\"\\u0061\\/\\n\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "/a~1\n"),
			   "a string: \"\\/\b\f\n\r\t");
		CHECK_TEXT(at("[\"\\u00e9\\u20ac\\ud83d\\ude00\"]", "/0"),
			   "a string: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
		CHECK_TEXT(at("[\"\\ud83d x \\ude00 \\ud83d\\ud83d\"]", "/0"),
			   "a string: \xef\xbf\xbd x \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
		CHECK_TEXT(at("{\"\\u0061b\":1,\"ab\\u0063\":2}", "/abc"), "a number: 2");
		CHECK_TEXT(at("{\"a\\u0062c\":1}", "/ab"), "missing");
	}
}

static const char *const malformed[] = {
	"", " ", "[", "{", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1{}]", "[{}{}]", "[[]1]",
	"{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "[01]", "[-]",
	"[+1]", "[.5]", "[1.]", "[1.e5]", "[1e]", "[1e+]", "[0x1]", "[NaN]", "[tru]", "[True]",
	"[nul", "[\"a]", "[\"a\\\"]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u12g4\"]", "[\"\n\"]",
	"[\"\t\"]", "['a']", "[1}", "{\"a\":[}]", "[1]]", "[1] x",
	"[\"a long string with a tab\tin it\"]", "[\"a long string that never ends \\",
	"\xef\xbb\xbf{}", "[1,/**/2]", "{\"a\":1,,\"b\":2}", "[1:2]", "[\"a\":2]", "{\"a\",1}",
	"[1}]", "[{\"a\":1]}", "[[1,{\"a\":[2}]]",
};

static void test_malformed(void)
{
	TEST("what is not JSON is malformed, at once or inside") {
		for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
			struct buffer outer = BUFFER_EMPTY;

			if (!CHECK(strcmp(at(malformed[i], ""), "malformed") == 0))
				printf("# %s\n", malformed[i]);
			buffer_format(&outer, "{\"x\":%s,\"y\":1}", malformed[i]);
			if (!CHECK(strcmp(at(outer.data, "/y"), "malformed") == 0))
				printf("# %s\n", outer.data);
			buffer_release(&outer);
		}
	}
	TEST("nothing may follow a document") {
		CHECK_TEXT(at("{\"a\":1}}", ""), "malformed");
		CHECK_TEXT(at("1 2", ""), "malformed");
		CHECK_TEXT(at("{} \n", ""), "JSON: {}");
	}
	TEST("a document that was cut does not pass for a shorter one") {
		static const char whole[] = "{\"a\":{\"b\":[1234,\"x\",true]},\"c\":-1.5e3}";

		for (size_t cut = 0; cut + 1 < sizeof(whole); cut++) {
			struct json_pointer pointer = pointer_to("/c");
			struct json_found found;

			CHECK_INT(json_find(&pointer, (struct text){ whole, cut }, &found),
				  JSON_MALFORMED);
		}
		CHECK_TEXT(at("{\"a\":12", "/a"), "malformed");
		CHECK_TEXT(at("{\"a\":12 ", "/a"), "malformed");
	}
}

static void test_depth(void)
{
	TEST("depth is bounded") {
		for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 2; depth++) {
			struct buffer deep = BUFFER_EMPTY;

			for (int i = 0; i < depth; i++)
				buffer_add_string(&deep, i % 3 ? "[" : "{\"a\":");
			buffer_add_string(&deep, "1");
			for (int i = depth - 1; i >= 0; i--)
				buffer_add_string(&deep, i % 3 ? "]" : "}");
			CHECK_INT(strcmp(at(deep.data, ""), "malformed") == 0,
				  depth > JSON_DEPTH_MAX);
			CHECK_INT(strcmp(at(deep.data, "/b"), "malformed") == 0,
				  depth > JSON_DEPTH_MAX);
			CHECK_INT(strcmp(at(deep.data, "/a/0/0/a"), "malformed") == 0,
				  depth > JSON_DEPTH_MAX);
			buffer_release(&deep);
		}
	}
}

static bool collect(void *context, struct json_found *element)
{
	struct buffer *out = context;

	buffer_format(out, "<%.*s>", TEXT_ARG(element->raw));
	return element->kind != VALUE_NULL;
}

static enum json_result walk(const char *array, struct buffer *out)
{
	buffer_clear(out);
	buffer_add(out, "", 0);
	return json_each(text_of(array), collect, out);
}

static void test_each(void)
{
	struct buffer seen = BUFFER_EMPTY;

	TEST("the elements of an array are walked until told to stop") {
		CHECK_INT(walk(" [ 1 , \"b\" , [ 2 ] ] ", &seen), JSON_FOUND);
		CHECK_TEXT(seen.data, "<1><b><[ 2 ]>");
		CHECK_INT(walk("[1,null,2,bad", &seen), JSON_FOUND);
		CHECK_TEXT(seen.data, "<1><null>");
		CHECK_INT(walk("[]", &seen), JSON_FOUND);
		CHECK_TEXT(seen.data, "");
		CHECK_INT(walk("[1,2", &seen), JSON_MALFORMED);
		CHECK_INT(walk("[1] 2", &seen), JSON_MALFORMED);
		CHECK_INT(walk("{\"a\":1}", &seen), JSON_MISSING);
		CHECK_INT(walk("12", &seen), JSON_MISSING);
		CHECK_INT(walk("", &seen), JSON_MALFORMED);
	}
	buffer_release(&seen);
}

static const char *escaped(const char *bytes, size_t length)
{
	static struct buffer out;

	buffer_clear(&out);
	buffer_add(&out, "", 0);
	json_escape(&out, (struct text){ bytes, length });
	return out.data;
}

static void test_escape(void)
{
	TEST("escaping covers quotes, control characters and invalid UTF-8") {
		CHECK_TEXT(escaped("a\"b\\c/\b\f\n\r\t\v\x01\x7f\0z", 16),
			   "a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u000b\\u0001\x7f\\u0000z");
		CHECK_TEXT(escaped("\xc3\xa9\xf0\x9f\x98\x80", 6), "\xc3\xa9\xf0\x9f\x98\x80");
		CHECK_TEXT(escaped("\xc3(\xff\xed\xa0\x80\xc0\xaf", 8),
			   UTF8_REPLACEMENT "(" UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT
				   UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT);
		CHECK_TEXT(escaped("\xf0\x9f\x98", 3),
			   UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT);
	}
	TEST("any bytes, escaped, are a string that jansson reads, and UTF-8 comes back the same") {
		struct random random = random_stream(7, "escape", 0);

		for (int turn = 0; turn < 3000; turn++) {
			struct buffer bytes = BUFFER_EMPTY, quoted = BUFFER_EMPTY;
			uint64_t length = random_below(&random, 40);
			json_t *read;
			bool valid = true;

			for (uint64_t i = 0; i < length; i++)
				buffer_add_char(&bytes,
						(char)random_below(&random, turn % 2 ? 256 : 128));
			buffer_add_char(&quoted, '"');
			json_escape(&quoted, buffer_text(&bytes));
			buffer_add_char(&quoted, '"');
			read = json_loadb(quoted.data, quoted.length,
					  JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			CHECK(read != NULL);
			for (size_t i = 0; i < bytes.length; i++)
				valid = valid && (unsigned char)bytes.data[i] < 0x80;
			if (read && valid)
				CHECK(text_equal(buffer_text(&bytes),
						 (struct text){ json_string_value(read),
								json_string_length(read) }));
			json_decref(read);
			buffer_release(&bytes);
			buffer_release(&quoted);
		}
	}
}

/* Random documents: jansson and we must find the same. */

static const char *const names[] = { "a",   "b",    "",		"a/b",
				     "m~n", "k\"l", "\xc3\xa9", "long name of a member" };

static json_t *random_scalar(struct random *random)
{
	switch (random_below(random, 6)) {
	case 0:
		return json_integer(random_between(random, -1000000, 1000000));
	case 1:
		return json_real(random_normal(random, 0, 1e6));
	case 2:
		return json_boolean(random_below(random, 2));
	case 3:
		return json_null();
	case 4:
		return json_string(
			"line\nof \"text\" \xf0\x9f\x98\x80 \x01, long enough for two turns");
	default:
		return json_string(names[random_below(random, 8)]);
	}
}

static json_t *random_tree(struct random *random, int depth)
{
	uint64_t kind = random_below(random, depth > 5 ? 1 : 3), count = random_below(random, 5);
	json_t *tree;

	if (kind == 0 && depth)
		return random_scalar(random);
	tree = kind == 1 ? json_array() : json_object();
	for (uint64_t i = 0; i < count; i++) {
		if (kind == 1)
			json_array_append_new(tree, random_tree(random, depth + 1));
		else
			json_object_set_new(tree, names[random_below(random, 8)],
					    random_tree(random, depth + 1));
	}
	return tree;
}

static void add_segment(struct buffer *source, const char *name)
{
	buffer_add_char(source, '/');
	for (; *name; name++) {
		if (*name == '~' || *name == '/')
			buffer_add_string(source, *name == '~' ? "~0" : "~1");
		else
			buffer_add_char(source, *name);
	}
}

/* Goes down somewhere, perhaps where there is nothing; returns what jansson has there. */
static json_t *random_walk(json_t *tree, struct random *random, struct buffer *source)
{
	uint64_t steps = random_below(random, 6);

	buffer_clear(source);
	buffer_add(source, "", 0);
	for (uint64_t i = 0; i < steps; i++) {
		uint64_t pick = random_below(random, 8);
		char digits[24];

		if (json_is_array(tree)) {
			snprintf(digits, sizeof(digits), "%d", (int)(pick % 5));
			add_segment(source, digits);
			tree = json_array_get(tree, pick % 5);
		} else {
			add_segment(source, names[pick]);
			tree = json_object_get(tree, names[pick]);
		}
	}
	return tree;
}

static bool same(struct value value, json_t *wanted)
{
	json_t *read;
	bool equal;

	if (value.kind == VALUE_STRING)
		return json_is_string(wanted) &&
		       text_equal(value.text, (struct text){ json_string_value(wanted),
							     json_string_length(wanted) });
	read = json_loadb(value.text.data, value.text.length, JSON_DECODE_ANY, NULL);
	equal = read && json_equal(read, wanted);
	json_decref(read);
	return equal;
}

static void test_against_jansson(void)
{
	struct random random = random_stream(1, "trees", 0);
	struct buffer source = BUFFER_EMPTY;

	TEST("random documents hold what jansson says they hold") {
		int found_some = 0, missing_some = 0;

		for (int turn = 0; turn < 4000; turn++) {
			json_t *tree = random_tree(&random, 0), *wanted;
			size_t flags = (turn % 3 == 0 ? JSON_INDENT(2) : JSON_COMPACT) |
				       (turn % 2 ? JSON_ENSURE_ASCII : 0);
			char *document = json_dumps(tree, flags);
			struct json_found found;
			struct json_pointer pointer;
			enum json_result result;

			wanted = random_walk(tree, &random, &source);
			pointer = pointer_to(source.data);
			result = json_find(&pointer, text_of(document), &found);
			buffer_clear(&scratch);
			if (!CHECK(result == (wanted ? JSON_FOUND : JSON_MISSING)))
				printf("# %s in %s\n", source.data, document);
			if (result == JSON_FOUND && wanted)
				CHECK(same(json_value(&found, &scratch), wanted));
			found_some += result == JSON_FOUND;
			missing_some += result == JSON_MISSING;
			arena_release(&arena);
			free(document);
			json_decref(tree);
		}
		printf("#   %d found, %d missing\n", found_some, missing_some);
		CHECK(found_some > 500 && missing_some > 500);
	}
	buffer_release(&source);
}

int main(void)
{
	test_rfc();
	test_places();
	test_escapes();
	test_malformed();
	test_depth();
	test_each();
	test_escape();
	test_against_jansson();
	arena_release(&arena);
	buffer_release(&scratch);
	return tap_done();
}
