#include "tests/unit/tap.h"

#include <jansson.h>

#include "lib/schema.h"

struct tls {
	char *ca;
	bool verify;
	int64_t timeout_us;
};

struct shop {
	char *name, *motto;
	int64_t size, doors;
	double rate, share, weight;
	int kind;
	struct strings tags;
	struct tls tls;
	const struct yaml *rest;
};

static const char *const kinds[] = { "small", "large", "1.1", NULL };

static const struct key tls_keys[] = {
	{ "ca", KEY_STRING, offsetof(struct tls, ca), .help = "trusted certificates" },
	{ "verify", KEY_BOOL, offsetof(struct tls, verify), .initial = "yes", .help = "look "
		"closely" },
	{ "timeout", KEY_DURATION, offsetof(struct tls, timeout_us), .initial = "10s",
	  .minimum = 1000 },
	KEYS_END
};

static const struct shape tree_shape;
static const struct key tree_keys[] = {
	{ "left", KEY_NODE, 0, .shape = &tree_shape },
	{ "right", KEY_NODE, 0, .shape = &tree_shape },
	KEYS_END
};
static const struct shape tree_shape = {
	.kind = SHAPE_KEYS, .name = "tree", .help = "grows", .keys = tree_keys
};

static const struct key shop_keys[] = {
	{ "name", KEY_STRING, offsetof(struct shop, name), .required = true, .help = "its | name" },
	{ "motto", KEY_STRING, offsetof(struct shop, motto), .substituted = true },
	{ "size", KEY_SIZE, offsetof(struct shop, size), .initial = "1KiB", .maximum = 1048576 },
	{ "doors", KEY_INTEGER, offsetof(struct shop, doors), .minimum = 1, .maximum = 10,
	  .initial = "2" },
	{ "rate", KEY_RATE, offsetof(struct shop, rate), .help = "speed" },
	{ "share", KEY_SHARE, offsetof(struct shop, share), .initial = "20%" },
	{ "weight", KEY_NUMBER, offsetof(struct shop, weight), .help = "kg" },
	{ "kind", KEY_CHOICE, offsetof(struct shop, kind), .choices = kinds, .initial = "large" },
	{ "tags", KEY_STRINGS, offsetof(struct shop, tags), .help = "words" },
	{ "tls", KEY_MAP, offsetof(struct shop, tls), .keys = tls_keys, .help = "how to hide" },
	{ "rest", KEY_NODE, offsetof(struct shop, rest), .shape = &tree_shape },
	KEYS_END
};

static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;

/* ${x} is "5", everything else is unknown. */
static bool substitute(void *context, struct yaml *scalar, struct complaints *about)
{
	(void)context;
	if (text_is(scalar->text, "${x}"))
		scalar->text = text_of("5");
	else if (text_starts_with(scalar->text, "${"))
		return complain(about, scalar->at, "unknown");
	return true;
}

static bool read_shop(const char *text, struct shop *shop)
{
	struct reading reading = { &arena, &complaints, substitute, NULL };
	struct yaml *root;

	complaints_release(&complaints);
	root = yaml_read_text(&arena, "t.yaml", text_of(text), &complaints);
	return root && schema_read(shop_keys, root, shop, &reading);
}

static const char *complaints_about(const char *text)
{
	struct shop shop;

	buffer_clear(&said);
	buffer_add_string(&said, "");
	read_shop(text, &shop);
	complaints_write(&complaints, &said);
	return said.data;
}

static void test_reading(void)
{
	struct shop shop;

	TEST("what is not written is as the table says") {
		CHECK(read_shop("name: x\n", &shop));
		CHECK(shop.motto == NULL && shop.tags.count == 0 && shop.rest == NULL);
		CHECK_INT(shop.size, 1024);
		CHECK_INT(shop.doors, 2);
		CHECK_INT(shop.kind, 1);
		CHECK_NEAR(shop.share, 0.2, 1e-12);
		CHECK(shop.tls.verify);
		CHECK_INT(shop.tls.timeout_us, 10000000);
	}
	TEST("what is written lands in its field") {
		CHECK(read_shop("name: a b\nmotto: ${y}\nsize: 2KiB\ndoors: ${x}\nrate: "
				"20/s\nweight: -1.5\n"
				"kind: 1.1\ntags: [p, q]\ntls: { verify: no, timeout: 1ms, ca: z "
				"}\n"
				"rest: { left: }\n",
				&shop));
		CHECK_TEXT(shop.name, "a b");
		CHECK_TEXT(shop.motto, "${y}");
		CHECK_INT(shop.size, 2048);
		CHECK_INT(shop.doors, 5);
		CHECK_NEAR(shop.rate, 20, 0);
		CHECK_NEAR(shop.weight, -1.5, 0);
		CHECK_INT(shop.kind, 2);
		CHECK_TEXT(shop.tags.items[1], "q");
		CHECK_INT(shop.tags.places[1].column, 11);
		CHECK(!shop.tls.verify);
		CHECK_INT(shop.tls.timeout_us, 1000);
		CHECK(shop.rest && shop.rest->kind == YAML_MAP);
	}
	TEST("a single string is a list of one, and an empty map is as good as none") {
		CHECK(read_shop("name: x\ntags: p\ntls:\n", &shop));
		CHECK_INT(shop.tags.count, 1);
		CHECK_TEXT(shop.tags.items[0], "p");
	}
}

static void test_complaints(void)
{
	static const struct {
		const char *name, *text, *complaint;
	} cases[] = {
		{ "an unknown key has a suggestion", "name: x\ndors: 1\n",
		  "t.yaml:2:1: unknown key 'dors' (did you mean 'doors'?)\n" },
		{ "a far key gets the list", "name: x\nbanana: 1\n",
		  "t.yaml:2:1: unknown key 'banana' (there are: name, motto, size, doors, rate, "
		  "share, weight, kind, tags, tls, rest)\n" },
		{ "a missing key", "doors: 1\n", "t.yaml:1:1: missing key 'name'\n" },
		{ "too little", "name: x\ndoors: 0\n",
		  "t.yaml:2:8: 'doors': '0' is too little, the least is 1\n" },
		{ "too much", "name: x\ntls: { timeout: 5us }\nsize: 2MiB\ndoors: 11\n",
		  "t.yaml:2:17: 'timeout': '5us' is too little, the least is 1 ms\n"
		  "t.yaml:3:7: 'size': '2MiB' is too much, the most is 1048576 bytes\n"
		  "t.yaml:4:8: 'doors': '11' is too much, the most is 10\n" },
		{ "a list for a scalar", "name: [x]\n",
		  "t.yaml:1:7: 'name' wants a string, not a list\n" },
		{ "nothing for a scalar", "name:\n",
		  "t.yaml:1:6: 'name' wants a string, not nothing\n" },
		{ "a scalar for a map", "name: x\ntls: 5\n",
		  "t.yaml:2:6: 'tls' wants a map, not a number\n" },
		{ "a map for strings", "name: x\ntags: { a: b }\n",
		  "t.yaml:2:7: 'tags' wants a list of strings, not a map\n" },
		{ "a list inside of strings", "name: x\ntags: [a, [b]]\n",
		  "t.yaml:2:11: 'tags' wants a string, not a list\n" },
		{ "a choice has a suggestion", "name: x\nkind: lagre\n",
		  "t.yaml:2:7: 'kind': 'lagre' is none of small, large, 1.1 (did you mean "
		  "'large'?)\n" },
		{ "a unit is missing", "name: x\nrate: 20\n",
		  "t.yaml:2:7: 'rate': '20' has no unit (write 20/s, or /m, /h)\n" },
		{ "substitution can fail", "name: ${y}\n", "t.yaml:1:7: unknown\n" },
		{ "a root that is no map", "[a]\n", "t.yaml:1:1: wants a map, not a list\n" },
		{ "all at once, in the order of the file",
		  "rate: x\nname: y\nshare: 200%\ndors: 1\n",
		  "t.yaml:1:7: 'rate': 'x' is no rate (write 20/s, 300/m or 1000/h)\n"
		  "t.yaml:3:8: 'share': '200%' is more than everything (100% or 1)\n"
		  "t.yaml:4:1: unknown key 'dors' (did you mean 'doors'?)\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		TEST(cases[i].name)
			CHECK_TEXT(complaints_about(cases[i].text), cases[i].complaint);
}

static json_t *find(json_t *root, const char *a, const char *b, const char *c)
{
	json_t *found = json_object_get(root, a);

	found = b ? json_object_get(found, b) : found;
	return c ? json_object_get(found, c) : found;
}

static void test_json(void)
{
	struct buffer out = BUFFER_EMPTY;
	json_t *root;

	schema_write_json(shop_keys, "shop", &out);
	root = json_loads(out.data, 0, NULL);
	TEST("the JSON Schema is JSON, closed, and knows what is required") {
		CHECK(root != NULL);
		CHECK(json_is_false(json_object_get(root, "additionalProperties")));
		CHECK_TEXT(json_string_value(json_array_get(json_object_get(root, "required"), 0)),
			   "name");
		CHECK(json_is_true(find(find(root, "properties", "tls", "properties"), "verify",
					"default", NULL)));
	}
	TEST("a shape that nests in itself is defined once") {
		json_t *left = find(find(root, "definitions", "tree", "properties"), "left",
				    "allOf", NULL);

		CHECK_TEXT(json_string_value(json_object_get(json_array_get(left, 0), "$ref")),
			   "#/definitions/tree");
	}
	json_decref(root);
	buffer_release(&out);
}

static void test_manual(void)
{
	struct buffer out = BUFFER_EMPTY;

	TEST("the Markdown manual has a row per key, and escapes bars") {
		schema_write_manual(shop_keys, false, &out);
		CHECK(strstr(out.data, "| `name` | string | required | its \\| name |\n") != NULL);
		CHECK(strstr(out.data, "### tls\n\nhow to hide\n") != NULL);
		CHECK(strstr(out.data, "### tree\n") != NULL);
	}
	buffer_clear(&out);
	TEST("the mdoc manual has an item per key") {
		schema_write_manual(shop_keys, true, &out);
		CHECK(strstr(out.data, ".It Cm doors\n") != NULL);
		CHECK(strstr(out.data, ".Ss tls\n") != NULL);
	}
	buffer_release(&out);
}

static void test_list_of_complaints(void)
{
	struct place here = { "a.yaml", 3, 1 }, before = { "a.yaml", 2, 9 };
	struct error err;

	TEST("complaints are sorted, kept once, and tell warnings from errors") {
		complaints_release(&complaints);
		buffer_clear(&said);
		complain(&complaints, here, "b");
		complain_warning(&complaints, before, "a");
		complain(&complaints, here, "b");
		error_at(&err, (struct place){ "a.yaml", 1, 2 }, "from an error: %d", 7);
		complain_error(&complaints, &err);
		error_set(&err, "without a place");
		complain_error_at(&complaints, (struct place){ "a.yaml", 9, 9 }, &err);
		complaints_write(&complaints, &said);
		CHECK_TEXT(said.data, "a.yaml:1:2: from an error: 7\na.yaml:2:9: warning: a\n"
				      "a.yaml:3:1: b\na.yaml:9:9: without a place\n");
		CHECK_INT(complaints.errors, 3);
	}
	TEST("a secret is masked wherever it is quoted") {
		complaints_release(&complaints);
		buffer_clear(&said);
		complain(&complaints, here, "'hunter2' is no rate, hunter2hunter2");
		complaints_mask(&complaints, "hunter2");
		complaints_write(&complaints, &said);
		CHECK_TEXT(said.data, "a.yaml:3:1: '***' is no rate, ******\n");
	}
	TEST("too many complaints are counted") {
		complaints_release(&complaints);
		buffer_clear(&said);
		for (int i = 0; i < COMPLAINTS_MAX + 10; i++)
			complain(&complaints, (struct place){ "a.yaml", i + 1, 1 }, "x");
		complaints_write(&complaints, &said);
		CHECK_INT(complaints.errors, COMPLAINTS_MAX + 10);
		CHECK(strstr(said.data, "and 10 more\n") != NULL);
	}
}

int main(void)
{
	test_reading();
	test_complaints();
	test_json();
	test_manual();
	test_list_of_complaints();
	complaints_release(&complaints);
	buffer_release(&said);
	arena_release(&arena);
	return tap_done();
}
