#include <jansson.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "sagas/contract.h"
#include "tests/unit/tap.h"

/* A contract in which one line is replaced: what is wrong then, in full. */

static const char base[] =
	"order:\n"
	"  as: { post: /login, json: { email: a, n: 1 }, save: { token: /t } }\n"
	"  read: GET /orders/by-key/${order.key}\n"
	"  state: /status\n"
	"  undoing: /undoing\n"
	"  id: /id\n"
	"  amount: /total\n"
	"  adds-up: [/goods, -/discount]\n"
	"  budget: { item: /coupon }\n"
	"  moves:\n"
	"    NEW: [PAID, FAILED]\n"
	"    PAID: [DONE, FAILED]\n"
	"    DONE: [GONE, CANCELLED]\n"
	"  succeeded: [DONE, GONE]\n"
	"  compensated: [FAILED, CANCELLED]\n"
	"  steps:\n"
	"    reserve: { undo: release, counts: quantity per item }\n"
	"    charge: { undo: refund, counts: money, at-most: 1 }\n"
	"    confirm: { pivot: yes }\n"
	"  evidence:\n"
	"    - from: psp\n"
	"      charge: { where: /kind == charge, amount: /a, key: /k, at: /at }\n"
	"      refund: { where: /kind == refund, amount: /a, key: /k, at: /at }\n"
	"    - read: GET /moves?after=${cursor}\n"
	"      each: /items\n"
	"      cursor: /n\n"
	"      reserve: { id: /order, item: /sku, amount: /qty, at: /at }\n"
	"      release: { id: /order, item: /sku, amount: /qty, at: /at }\n"
	"  stock: { read: GET /stock?page=${page}, item: /sku, available: /left }\n";

static struct arena arena;
static struct contract *contracts;
static size_t count;

/* ${vars} of a scenario: one. */
static bool substitute(void *context, struct yaml *scalar, struct complaints *complaints)
{
	char *found = strstr(scalar->text.data, "${var}");

	(void)context;
	if (found)
		scalar->text = text_of(arena_format(&arena, "%.*svalue%s",
						    (int)(found - scalar->text.data),
						    scalar->text.data, found + 6));
	else if (strstr(scalar->text.data, "${"))
		return complain(complaints, scalar->at, "unknown variable in '%s'",
				scalar->text.data);
	return true;
}

static const char *read_text(const char *text)
{
	static struct buffer said;
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct reading reading = { &arena, &complaints, substitute, NULL };
	struct yaml *tree;

	arena_release(&arena);
	buffer_clear(&said);
	buffer_add_string(&said, "");
	tree = yaml_read_text(&arena, "c", text_of(text), &complaints);
	if (sagas_section_read(tree, &reading, &contracts, &count) != (complaints.errors == 0))
		buffer_add_string(&said, "(errors and result differ) ");
	complaints_write(&complaints, &said);
	complaints_release(&complaints);
	return said.data ? said.data : "";
}

/* The base with every line that starts with `old` (after blanks) made `new`. */
static const char *with(const char *old, const char *new)
{
	static struct buffer text;
	const char *line = base;

	buffer_clear(&text);
	while (*line) {
		size_t length = strcspn(line, "\n") + 1, indent = strspn(line, " -");

		if (strncmp(line + indent, old, strlen(old)) == 0)
			buffer_format(&text, "%.*s%s\n", (int)indent, line, new);
		else
			buffer_add(&text, line, length);
		line += length;
	}
	return read_text(text.data);
}

struct mistake {
	const char *old, *new, *said;
};

static const struct mistake mistakes[] = {
	{ "state: ", "stat: /status",
	  "c:2:3: missing key 'state'\nc:4:3: unknown key 'stat' (did you mean 'state'?)\n" },
	{ "read: GET /orders", "read: GET /orders/${order.kye}",
	  "c:3:21: unknown name 'order.kye' (did you mean 'order.key'?)\n" },
	{ "read: GET /orders", "read: GET /orders/by-key",
	  "c:3:9: 'read' asks for no saga: ${order.key} must stand in it\n" },
	{ "read: GET /orders", "read: orders/${order.key}",
	  "c:3:9: 'read' wants a path of the target such as 'GET /api/orders', not "
	  "'orders/${order.key}'\n" },
	{ "read: GET /orders", "read: GET /orders/${order.key} or so",
	  "c:3:9: 'read': a path has no blanks and no fragment ('/orders/${order.key} or so')\n" },
	{ "read: GET /orders", "read: GET /${nothing}/${order.key}",
	  "c:3:14: unknown variable in '${nothing}'\n" },
	{ "state: ", "state: status",
	  "c:4:10: 'state': bad JSON Pointer 'status': it must start with '/'\n" },
	{ "adds-up", "adds-up: [goods]",
	  "c:8:13: 'adds-up': bad JSON Pointer 'goods': it must start with '/'\n" },
	{ "amount: /total", "minimum: 2",
	  "c:8:13: 'adds-up' without 'amount': what do they add up to?\n" },
	{ "budget", "budget: { uses: 2 }",
	  "c:9:11: 'budget' without 'item': what may be spent only so often?\n" },
	{ "as: ", "as: { json: { a: 1 } }",
	  "c:2:7: 'as' wants either 'post', a login, or 'bearer', a token\n" },
	{ "NEW: ", "NEW: [PAIDD, FAILED]",
	  "c:11:11: unknown state 'PAIDD' (did you mean 'PAID'?)\n" },
	{ "NEW: ", "NEW: [FAILED]",
	  "c:11:5: state 'GONE' is never reached from 'NEW'\n"
	  "c:11:5: state 'CANCELLED' is never reached from 'NEW'\n"
	  "c:12:5: state 'PAID' is never reached from 'NEW'\n"
	  "c:13:5: state 'DONE' is never reached from 'NEW'\n" },
	{ "PAID: ", "PAID: [PAID, DONE, FAILED, STUCK]\n    STUCK: [STUCK]",
	  "c:13:5: from state 'STUCK' nothing leads to a final one\n" },
	{ "DONE: [", "DONE: [GONE, CANCELLED, NEW]",
	  "c:13:29: 'DONE' has succeeded: it can't become 'NEW', which is not final\n" },
	{ "DONE: [", "DONE: [GONE, CANCELLED]\n    FAILED: [DONE]",
	  "c:14:14: 'FAILED' is compensated: nothing comes after that\n" },
	{ "compensated", "compensated: [FAILED, CANCELLED, DONE]",
	  "c:15:36: state 'DONE' is final already\n" },
	{ "succeeded", "succeeded: [NEW, DONE, GONE]",
	  "c:11:5: 'NEW' stands first, so sagas begin there: it can't be final\n" },
	{ "confirm", "confirm: {}",
	  "c:17:5: warning: no step is the pivot: 'undo-order' can't say what may not be undone "
	  "any more\n"
	  "c:21:5: warning: no evidence of step 'confirm': what it did will be unknown\n" },
	{ "charge: { undo", "charge: { pivot: yes, counts: money }",
	  "c:19:14: 'charge' and 'confirm': a saga has one pivot\n" },
	{ "confirm", "confirm: { pivot: yes }\n    pack: { undo: unpack }",
	  "c:20:11: 'pack' can be undone, but comes after the pivot 'confirm'\n" },
	{ "confirm", "confirm: { pivot: yes, undo: unconfirm }",
	  "c:19:34: 'confirm' is the pivot: it can't be undone\n" },
	{ "confirm", "refund: { pivot: yes }", "c:19:5: 'refund' is a step or an undo already\n" },
	{ "confirm", "states: { pivot: yes }",
	  "c:19:5: a step can't be called 'states', it has a meaning\n" },
	{ "confirm", "confirm: { pivot: yes, at-least: 2, at-most: 1 }",
	  "c:19:38: 'at-least' is more than 'at-most'\n" },
	{ "charge: { undo", "charge: { undo: refund, counts: mony }",
	  "c:18:37: 'counts': 'mony' is none of times, money, quantity per item (did you mean "
	  "'money'?)\n" },
	{ "from: psp", "from: pspp", "c:21:13: unknown witness 'pspp' (did you mean 'psp'?)\n" },
	{ "from: psp", "from: psp\n      file: x.jsonl",
	  "c:21:7: a source is exactly one of 'from', 'read' and 'file'\n" },
	{ "charge: { where", "chrge: { amount: /a, key: /k }",
	  "c:22:7: unknown step 'chrge' (did you mean 'charge'?)\n" },
	{ "charge: { where", "charge: { key: /k }",
	  "c:22:7: 'amount' is missing: the step counts money\n" },
	{ "charge: { where", "charge: { amount: /a }",
	  "c:22:7: whose is it? 'key' or 'id' must say, as the source is not asked about one "
	  "saga\n" },
	{ "charge: { where", "charge: { where: kind == charge, amount: /a, key: /k }",
	  "c:22:24: unknown name 'kind' (variables are written ${kind}, JSON Pointers /kind)\n" },
	{ "charge: { where", "charge: { amount: /a, key: header X-Key }",
	  "c:22:34: 'key': only mails have headers\n" },
	{ "reserve: { id", "reserve: { id: /order, amount: /qty }",
	  "c:27:7: 'item' is missing: quantities are counted per item\n" },
	{ "cursor: /n", "name: moves",
	  "c:24:13: ${cursor} without 'cursor': where does an entry have it?\n" },
	{ "read: GET /moves", "read: GET /moves?page=${page}",
	  "c:26:15: 'cursor' is for a 'read' with ${cursor} in it\n" },
	{ "read: GET /moves", "read: GET /moves?page=${page}&c=${cursor}",
	  "c:24:13: pages come by ${cursor} or by ${page}, not by both\n" },
	{ "each: /items", "target: 127.0.0.1:80",
	  "c:25:15: '127.0.0.1:80' is neither a service nor a URL: bad URL '127.0.0.1:80': it "
	  "must start with 'http://' or 'https://'\n" },
	{ "each: /items", "every: 1s", "c:25:14: 'every' goes with `breaker`\n" },
	{ "charge: { where", "every: 1s\n      charge: { where: /kind == charge, amount: /a, key: /k }",
	  "c:22:14: 'every' goes with 'read'\n" },
	{ "stock", "stock: { read: GET /stock }",
	  "c:29:10: 'stock' wants 'read', 'item' and 'available' at least\n" },
	{ "read: GET /moves", "read: GET /moves?after=${cursor}&order=${order.idd}",
	  "c:24:46: unknown name 'order.idd' (did you mean 'order.id'?)\n" },
	{ "evidence", "evidence: {}\n  x-evidence:",
	  "c:20:13: 'evidence' wants a list of sources, not a map\n"
	  "c:21:3: unknown key 'x-evidence' (did you mean 'evidence'?)\n" },
};

static void test_mistakes(void)
{
	TEST("every mistake has its place, its cause and, if there is one near, the right word") {
		for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
			const char *said = with(mistakes[i].old, mistakes[i].new);

			CHECK_TEXT(said, mistakes[i].said);
		}
	}
}

static void test_meaning(void)
{
	const struct contract *contract;

	read_text(base);
	contract = contracts;
	TEST("what is not known yet stays in a path; everything else is filled in") {
		CHECK_TEXT(contract->read, "/orders/by-key/${order.key}");
		CHECK_TEXT(contract->sources[1].read, "/moves?after=${cursor}");
		CHECK_TEXT(with("read: GET /moves", "read: GET /${var}?after=${cursor}"), "");
		CHECK_TEXT(contracts->sources[1].read, "/value?after=${cursor}");
	}
	read_text(base);
	contract = contracts;
	TEST("states keep the order of the file, and their moves") {
		CHECK_INT(contract->state_count, 6);
		CHECK_TEXT(contract->states[contract->initial].name, "NEW");
		CHECK_INT(contract_state(contract, text_of("CANCELLED")), 5);
		CHECK_INT(contract_state(contract, text_of("cancelled")), 255);
		CHECK_INT(contract->states[2].moves, 1 << 3 | 1 << 5);
		CHECK_INT(contract->states[2].class, STATE_SUCCEEDED);
		CHECK_INT(contract->states[4].class, STATE_COMPENSATED);
	}
	TEST("steps, sources and bounds are what was written") {
		CHECK_INT(contract->steps[0].counts, COUNTS_QUANTITY);
		CHECK_INT(contract->steps[1].at_most, 1);
		CHECK_INT(contract->steps[1].at_least, -1);
		CHECK(contract->steps[2].pivot);
		CHECK_INT(contract->sources[0].from, FROM_PSP);
		CHECK_INT(contract->sources[1].paging, PAGING_CURSOR);
		CHECK_TEXT(contract->sources[1].name, "GET /moves");
		CHECK_INT(contract->stock.paging, PAGING_NUMBER);
		CHECK_INT(contract->budget_uses, 1);
		CHECK_INT(contract->settles_within_us, 10000000);
		CHECK(contract->adds_up[1].minus);
		CHECK_TEXT(contract->login.body, "{\"email\":\"a\",\"n\":1}");
		CHECK_TEXT(contract->key_header, "Idempotency-Key");
	}
	TEST("a source with the saga's name in its path is asked about each saga") {
		CHECK_TEXT(with("read: GET /moves",
				"read: GET /moves?order=${order.id}&after=${cursor}"),
			   "");
		CHECK(contracts->sources[1].per_saga);
	}
}

static void test_needs(void)
{
	struct buffer missing = BUFFER_EMPTY;

	TEST("what a contract gives is what it has") {
		read_text(base);
		CHECK_INT(contract_has(contracts),
			  NEED_OUTCOME | NEED_MOVES | NEED_EFFECTS | NEED_MONEY | NEED_QUANTITY |
				  NEED_UNDO | NEED_ORDER | NEED_PIVOT | NEED_STOCK | NEED_AMOUNT |
				  NEED_ADDS_UP | NEED_BUDGET | NEED_TIMES);
		contract_missing(contracts, NEED_MONEY | NEED_LEDGER | NEED_LIMIT, &missing);
		CHECK_TEXT(missing.data, "no evidence has `ledger`, the postings; no `limit`");
	}
	TEST("without its evidence nothing is known of the money") {
		with("charge: { where", "charge: { amount: /a, key: /k }");
		CHECK(!(contract_has(contracts) & NEED_ORDER)); /* it does not say when */
		with("refund: { where", "");
		CHECK(contract_has(contracts) & NEED_MONEY);
		CHECK(contract_has(contracts) & NEED_UNDO); /* of the other step */
	}
	buffer_release(&missing);
}

static char *dumped(const struct contract *contract)
{
	json_t *json = contract_to_json(contract);
	char *text = json_dumps(json, JSON_INDENT(1));

	json_decref(json);
	return text;
}

static void test_json(void)
{
	struct arena other = ARENA_EMPTY;
	struct contract again;
	struct error err = { "" };
	char *first, *second = NULL;
	json_t *json;

	read_text(base);
	first = dumped(contracts);
	json = contract_to_json(contracts);
	TEST("a contract comes back from JSON as it went there") {
		if (CHECK(contract_from_json(json, &other, &again, &err)))
			second = dumped(&again);
		CHECK_TEXT(second, first);
		CHECK_TEXT(err.text, "");
		CHECK_INT(contract_has(&again), contract_has(contracts));
	}
	TEST("nobody's password is in it") {
		CHECK(!strstr(first, "email"));
	}
	TEST("JSON that is no contract is refused, with the reason") {
		json_object_del(json, "moves");
		CHECK(!contract_from_json(json, &other, &again, &err));
		CHECK_TEXT(err.text, "the contract in meta.json: missing key 'moves'");
		CHECK(!contract_from_json(NULL, &other, &again, &err));
		json_object_set_new(json, "name", json_integer(3));
		CHECK(!contract_from_json(json, &other, &again, &err));
	}
	json_decref(json);
	arena_release(&other);
	free(first);
	free(second);
}

int main(void)
{
	TEST("the contract in this test is without mistakes") {
		CHECK_TEXT(read_text(base), "");
		CHECK_INT(count, 1);
	}
	test_mistakes();
	test_meaning();
	test_needs();
	test_json();
	return tap_done();
}
