#include "tests/unit/tap.h"

#include <stdlib.h>

#include "lib/random.h"
#include "lib/yaml.h"

static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;

static struct yaml *read_bytes(const char *text, size_t length)
{
	complaints_release(&complaints);
	return yaml_read_text(&arena, "t.yaml", (struct text){ text, length }, &complaints);
}

static struct yaml *read_string(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const char *all_complaints(void)
{
	buffer_clear(&said);
	buffer_add_string(&said, "");
	complaints_write(&complaints, &said);
	return said.data;
}

static const char *complaint_about(const char *text)
{
	read_string(text);
	return all_complaints();
}

static void test_tree(void)
{
	TEST("every node knows its place") {
		struct yaml *root = read_string("name: sale\nload:\n  warm: { rate: 20/s }\n");
		struct yaml *rate = yaml_get(yaml_get(yaml_get(root, "load"), "warm"), "rate");

		CHECK_TEXT(rate->text.data, "20/s");
		CHECK_INT(rate->at.line, 3);
		CHECK_INT(rate->at.column, 17);
		CHECK_TEXT(rate->at.file, "t.yaml");
		CHECK_INT(root->count, 2);
		CHECK(yaml_get(root, "nothing") == NULL);
	}
	TEST("quoted scalars are strings, plain ones are not") {
		struct yaml *root = read_string("a: \"1\"\nb: 1\nc: |\n  x\nd:\ne: ''\n");

		CHECK(yaml_get(root, "a")->quoted);
		CHECK(!yaml_get(root, "b")->quoted);
		CHECK(yaml_get(root, "c")->quoted);
		CHECK(yaml_is_null(yaml_get(root, "d")));
		CHECK(!yaml_is_null(yaml_get(root, "e")));
		CHECK_TEXT(yaml_kind_name(yaml_get(root, "a")), "a string");
		CHECK_TEXT(yaml_kind_name(yaml_get(root, "b")), "a number");
	}
	TEST("a byte order mark is not part of the first key") {
		CHECK(yaml_get(read_string("\357\273\277a: 1\n"), "a") != NULL);
	}
}

static void test_substitutions(void)
{
	TEST("nothing between ${ and } is YAML") {
		struct yaml *root = read_string("j: { qty: ${fn.int(1,3)}, sku: ${a[0]: \"#x\"} "
						"}\n");

		CHECK_TEXT(yaml_get(yaml_get(root, "j"), "qty")->text.data, "${fn.int(1,3)}");
		CHECK_TEXT(yaml_get(yaml_get(root, "j"), "sku")->text.data, "${a[0]: \"#x\"}");
	}
	TEST("columns after a hidden part are those of the file") {
		struct yaml *root = read_string("j: { a: ${fn.int(1,3)}, b: 2 }\n");

		CHECK_INT(yaml_get(yaml_get(root, "j"), "b")->at.column, 28);
	}
	TEST("substitutions nest, and $${ is hidden the same way") {
		struct yaml *root = read_string("[ ${env:X:-${b, c}}, a$${x: y} ]\n");

		CHECK_TEXT(root->first->text.data, "${env:X:-${b, c}}");
		CHECK_TEXT(root->first->next->text.data, "a$${x: y}");
	}
	TEST("an unclosed ${ is left alone") {
		CHECK_TEXT(yaml_get(read_string("a: \"x ${b\"\nc: }\n"), "a") ?
				   yaml_get(read_string("a: \"x ${b\"\nc: d\n"), "a")->text.data :
				   "x ${b",
			   "x ${b");
	}
	TEST("a line of nothing but ${ does not take its square") {
		size_t length = 1 << 20;
		char *text = malloc(length + 1);

		for (size_t i = 0; i < length; i++)
			text[i] = "${"[i % 2];
		text[length] = '\0';
		CHECK_INT(read_bytes(text, length)->text.length, length);
		free(text);
	}
	TEST("a file can't smuggle in what we hide with") {
		CHECK_TEXT(complaint_about("a: \xf3\xb0\x81\x81\n"),
			   "t.yaml:1:4: private-use characters U+F0000 to U+F00FF are not "
			   "allowed\n");
	}
}

static void test_anchors(void)
{
	TEST("aliases repeat, and each repetition is a tree of its own") {
		struct yaml *root = read_string("a: &x { b: [1, 2] }\nc: *x\n");
		struct yaml *copy = yaml_get(yaml_get(root, "c"), "b");

		CHECK_INT(copy->count, 2);
		CHECK(copy != yaml_get(yaml_get(root, "a"), "b"));
	}
	TEST("merge keys fill in what is missing") {
		struct yaml *root = read_string("a: &x { b: 1, c: 2 }\nd: { c: 3, <<: *x }\n"
						"e: { <<: [ { b: 7 }, *x ] }\n");

		CHECK_TEXT(yaml_get(yaml_get(root, "d"), "b")->text.data, "1");
		CHECK_TEXT(yaml_get(yaml_get(root, "d"), "c")->text.data, "3");
		CHECK_INT(yaml_get(root, "d")->count, 2);
		CHECK_TEXT(yaml_get(yaml_get(root, "e"), "b")->text.data, "7");
		CHECK_TEXT(yaml_get(yaml_get(root, "e"), "c")->text.data, "2");
	}
	TEST("a billion laughs are not funny") {
		struct buffer bomb = BUFFER_EMPTY;

		buffer_add_string(&bomb, "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
		for (int i = 1; i < 10; i++)
			buffer_format(&bomb,
				      "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
				      i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
		CHECK(read_bytes(bomb.data, bomb.length) == NULL);
		CHECK(strstr(all_complaints(), "more than 200000 parts") != NULL);
		buffer_release(&bomb);
	}
	TEST("aliases can't build depth beyond the bound") {
		struct buffer deep = BUFFER_EMPTY;

		buffer_add_string(&deep, "a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n");
		for (int i = 1; i < 10; i++)
			buffer_format(&deep, "a%d: &a%d [[[[[[[[[[*a%d]]]]]]]]]]\n", i, i, i - 1);
		CHECK(read_bytes(deep.data, deep.length) == NULL);
		CHECK(strstr(all_complaints(), "nested deeper than 64 levels") != NULL);
		buffer_release(&deep);
	}
}

static void test_complaints(void)
{
	static const struct {
		const char *name, *text, *complaint;
	} cases[] = {
		{ "duplicate keys", "a: 1\nb: 2\n\na: 3\n",
		  "t.yaml:4:1: duplicate key 'a' (first at 1:1)\n" },
		{ "duplicate keys inside", "x: { b: 1, b: 2 }\n",
		  "t.yaml:1:12: duplicate key 'b' (first at 1:6)\n" },
		{ "an unknown alias", "a: *b\n",
		  "t.yaml:1:4: alias '*b' has no anchor '&b' before it\n" },
		{ "an alias inside of itself", "a: &b [ *b ]\n",
		  "t.yaml:1:9: alias '*b' stands inside of what it repeats\n" },
		{ "two documents", "a: 1\n---\nb: 1\n",
		  "t.yaml:2:1: a second document starts here; one file is one document\n" },
		{ "nothing", "", "t.yaml: the file is empty\n" },
		{ "only comments", "# hello\n", "t.yaml: the file is empty\n" },
		{ "bad UTF-8", "a: b\nc: \xff\n", "t.yaml:2:4: this is not UTF-8\n" },
		{ "a control character", "a: \x01\n",
		  "t.yaml:1:4: control characters are not allowed\n" },
		{ "a key that is a list", "[a, b]: 1\n",
		  "t.yaml:1:1: a key must be a word, not a list\n" },
		{ "a merge of a scalar", "a: { <<: b }\n",
		  "t.yaml:1:10: '<<' wants a map, not a string\n" },
		{ "a NUL in a string", "a: \"x\\0y\"\n",
		  "t.yaml:1:4: a NUL character is not allowed\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		TEST(cases[i].name)
			CHECK_TEXT(complaint_about(cases[i].text), cases[i].complaint);
	TEST("a NUL byte has a place") {
		read_bytes("a: b\nc\0d", 8);
		CHECK_TEXT(all_complaints(), "t.yaml:2:2: a NUL byte is not allowed\n");
	}
	TEST("broken YAML has a place") {
		CHECK(strncmp(complaint_about("a: [1, 2\nb: 3\n"), "t.yaml:2:", 9) == 0);
		CHECK(strncmp(complaint_about("a: b: c\n"), "t.yaml:1:5: not YAML", 20) == 0);
		CHECK(strncmp(complaint_about("a:\n\t- b\n"), "t.yaml:2:1: not YAML", 20) == 0);
	}
	TEST("a missing file and a directory are complaints") {
		complaints_release(&complaints);
		CHECK(yaml_read_file(&arena, "/nonexistent/x.yaml", &complaints) == NULL);
		CHECK_TEXT(all_complaints(),
			   "cannot open '/nonexistent/x.yaml': No such file or directory\n");
		complaints_release(&complaints);
		CHECK(yaml_read_file(&arena, "/tmp", &complaints) == NULL);
		CHECK_TEXT(all_complaints(), "cannot read '/tmp': it is a directory\n");
	}
}

static bool same_tree(const struct yaml *a, const struct yaml *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->count != b->count || yaml_is_null(a) != yaml_is_null(b))
		return false;
	if (!yaml_is_null(a) && !text_equal(a->text, b->text))
		return false;
	return same_tree(a->first, b->first) && same_tree(a->value, b->value) &&
	       same_tree(a->next, b->next);
}

static bool survives(const char *text)
{
	struct yaml *root = read_string(text);
	struct buffer out = BUFFER_EMPTY;
	struct yaml *again;
	bool same;

	if (!root)
		printf("# cannot read: %s", all_complaints());
	yaml_write(root, &out);
	again = read_bytes(out.data, out.length);
	same = root && same_tree(root, again);
	if (!same)
		printf("# written: %s# complaints: %s\n", out.data, all_complaints());
	buffer_release(&out);
	return same;
}

static void test_writing(void)
{
	TEST("what is written reads as the same tree") {
		CHECK(survives("a: 1\nb: [x, [y, [z]], {}, []]\nc: { d: { e: f } }\n"));
		CHECK(survives("- a: 1\n  b: 2\n- - x\n  - y: z\n- \n"));
		CHECK(survives("a: \"\\n tab\\t \\\" \\\\ \\x01 \\u2028 \\x85 \\uFEFF\"\n"));
		CHECK(survives("a: 'null'\nb: ~\nc: 'yes'\nd: '- x'\ne: 'a: b #c'\nf: ' x '\n"));
		CHECK(survives("a: { q: ${fn.choice(\"a\\b\", c)}, r: \"$${x}\" }\ns: 'x${'\n"));
		CHECK(survives("a: |\n  ${x\n  }\n"));
		CHECK(survives("\xc3\xa4: \xe2\x82\xac\n'a b': '1'\n"));
		CHECK(survives("- get: /a?b=${c}&d=1\n  expect: { status: 200 }\n- think: 1s to "
			       "4s\n"));
		CHECK(survives("plain\n"));
	}
	TEST("random strings survive writing and reading") {
		static const char letters[] = "ab ${}\\\"'\n\t:#,[]-%&*!|>@`~0.=<?/";
		struct random random = random_stream(7, "yaml", 0);
		size_t bad = 0;

		for (int turn = 0; turn < 20000; turn++) {
			struct yaml key = { .kind = YAML_SCALAR,
					    .text = { "k", 1 },
					    .quoted = true };
			struct yaml value = { .kind = YAML_SCALAR, .quoted = turn % 2 == 0 };
			struct yaml map = { .kind = YAML_MAP, .first = &key, .count = 1 };
			char text[20];
			size_t length = 1 + random_below(&random, sizeof(text) - 2);
			struct buffer out = BUFFER_EMPTY;
			struct yaml *again;

			for (size_t i = 0; i < length; i++)
				text[i] = letters[random_below(&random, sizeof(letters) - 1)];
			text[length] = '\0';
			value.text = (struct text){ text, length };
			key.value = &value;
			yaml_write(&map, &out);
			again = yaml_get(read_bytes(out.data, out.length), "k");
			if (!again ||
			    (!text_equal(again->text, value.text) && !yaml_is_null(&value))) {
				printf("# '%s' written as %s", text, out.data);
				bad++;
			}
			buffer_release(&out);
			arena_release(&arena);
		}
		CHECK_INT(bad, 0);
	}
}

int main(void)
{
	test_tree();
	test_substitutions();
	test_anchors();
	test_complaints();
	test_writing();
	complaints_release(&complaints);
	buffer_release(&said);
	arena_release(&arena);
	return tap_done();
}
