#include "tests/unit/tap.h"

#include "chaos/chaos_read.h"
#include "chaos/fault_keys.h"

static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;
static struct system shop;

/* Has what examples of kinds are aimed at. */
static const char shop_text[] =
	"services:\n"
	"  order: { url: 'http://127.0.0.1:1', health: 'http://127.0.0.1:1' }\n"
	"  payment: { url: 'http://127.0.0.1:2', health: 'http://127.0.0.1:2' }\n"
	"  stock: { url: 'http://127.0.0.1:3', health: 'http://127.0.0.1:3' }\n"
	"  psp: { url: 'http://127.0.0.1:4', health: 'http://127.0.0.1:4' }\n"
	"  bank: { url: 'https://127.0.0.1:5', health: 'https://127.0.0.1:5' }\n"
	"  gateway: { url: 'http://127.0.0.1:6', health: 'http://127.0.0.1:6' }\n"
	"  inventory: { url: 'http://127.0.0.1:7', health: 'http://127.0.0.1:7' }\n"
	"  catalog: { url: 'http://127.0.0.1:8', health: 'http://127.0.0.1:8' }\n"
	"  notification: { url: 'http://127.0.0.1:9', health: 'http://127.0.0.1:9' }\n"
	"  mail: { smtp: '127.0.0.1:10', health: 'http://127.0.0.1:10' }\n"
	"  bus: { url: 'http://127.0.0.1:11', health: 'http://127.0.0.1:11' }\n"
	"edges:\n"
	"  - { from: visitors, to: order }\n"
	"  - { from: order, to: payment }\n"
	"  - { from: order, to: stock }\n"
	"  - { from: payment, to: psp }\n"
	"  - { from: payment, to: bank }\n"
	"  - { from: visitors, to: gateway }\n"
	"  - { from: gateway, to: order }\n"
	"  - { from: gateway, to: catalog }\n"
	"  - { from: order, to: inventory }\n"
	"  - { from: order, to: catalog }\n"
	"  - { from: order, to: bus }\n"
	"  - { from: notification, to: mail, url: '127.0.0.1:10' }\n"
	"  - { from: bus, to: order, events: yes }\n"
	"regions: { eu: [order, stock] }\n";

/* ${x} is "payment", everything else is unknown. */
static bool substitute(void *context, struct yaml *scalar, struct complaints *about)
{
	(void)context;
	if (text_is(scalar->text, "${x}"))
		scalar->text = text_of("payment");
	else if (text_starts_with(scalar->text, "${"))
		return complain(about, scalar->at, "unknown");
	return true;
}

static bool find_phase(void *context, struct text name, int64_t *start_us, int64_t *end_us)
{
	bool sale = text_is(name, "sale"), odd = text_is(name, "the-sale end");

	(void)context;
	*start_us = sale ? 20000000 : 80000000;
	*end_us = sale ? 80000000 : 100000000;
	return sale || odd;
}

static const char *const *phase_names(void *context)
{
	static const char *const names[] = { "sale", "the-sale end", NULL };

	(void)context;
	return names;
}

static bool find_state(void *context, struct text saga, struct text state, struct error *err)
{
	(void)context;
	if (!text_is(saga, "order"))
		return error_set(err, "unknown saga '%.*s'", TEXT_ARG(saga));
	return text_is(state, "PAID") || error_set(err, "unknown state '%.*s'", TEXT_ARG(state));
}

static bool read_section(const char *text, struct chaos_section *section, bool with_load)
{
	struct reading reading = { &arena, &complaints, substitute, NULL };
	struct chaos_context context = { .reading = &reading, .system = &shop, .seed = 42 };
	struct yaml *root;
	bool good;

	if (with_load) {
		context.end_us = 100000000;
		context.phase = find_phase;
		context.phase_names = phase_names;
		context.saga_state = find_state;
	}
	complaints_release(&complaints);
	buffer_release(&said);
	buffer_add_string(&said, "");
	root = yaml_read_text(&arena, "c.yaml", text_of(text), &complaints);
	good = root && chaos_section_read(root, &context, section);
	complaints_write(&complaints, &said);
	return good;
}

/* One fault, written on the second line from column 5 on. */
static const char *told(const char *fault)
{
	struct chaos_section section;
	struct buffer text = BUFFER_EMPTY;

	buffer_format(&text, "faults:\n  - %s\n", fault);
	if (read_section(text.data, &section, true) && complaints.errors)
		printf("# a section with errors was accepted\n");
	buffer_release(&text);
	return said.data;
}

/* NULL after an error. */
static const struct fault *one(const char *text)
{
	static struct chaos_section section;

	told(text);
	if (complaints.errors) {
		printf("# %s", said.data);
		return NULL;
	}
	buffer_release(&said);
	buffer_format(&said, "faults:\n  - %s\n", text);
	read_section(arena_string(&arena, buffer_text(&said)), &section, true);
	return section.fault_count ? &section.faults[0] : NULL;
}

static int64_t starts_at(const char *at)
{
	const struct fault *fault =
		one(arena_format(&arena, "{ at: %s, kill: { service: order } }", at));

	return fault ? fault->trigger.at_us : -1;
}

static void test_times(void)
{
	TEST("a time is since the start of the run or of a phase, or before its end") {
		CHECK_INT(starts_at("30s"), 30000000);
		CHECK_INT(starts_at("0"), 0);
		CHECK_INT(starts_at("sale"), 20000000);
		CHECK_INT(starts_at("sale + 10s"), 30000000);
		CHECK_INT(starts_at("sale+1.5s"), 21500000);
		CHECK_INT(starts_at("sale - 5s"), 15000000);
		CHECK_INT(starts_at("sale end - 5s"), 75000000);
		CHECK_INT(starts_at("sale end + 250ms"), 80250000);
	}
	TEST("a phase's own name goes first, whatever it looks like") {
		CHECK_INT(starts_at("the-sale end"), 80000000);
		CHECK_INT(starts_at("the-sale end + 1s"), 81000000);
		CHECK_INT(starts_at("the-sale end end - 1s"), 99000000);
	}
	TEST("a time that can't be is a mistake") {
		CHECK_TEXT(told("{ at: sake + 1s, kill: { service: order } }"),
			   "c.yaml:2:11: unknown phase 'sake' (did you mean 'sale'?)\n");
		CHECK_TEXT(told("{ at: 100s, kill: { service: order } }"),
			   "c.yaml:2:11: 'at': '100s' is not before the end of the run, which ends "
			   "after 100 s\n");
		CHECK_TEXT(told("{ at: sale - 21s, kill: { service: order } }"),
			   "c.yaml:2:11: 'at': 'sale - 21s' is before the run, by 1 s\n");
		CHECK_TEXT(told("{ at: sale + 10, kill: { service: order } }"),
			   "c.yaml:2:11: 'at': '10' has no unit (write 10s, 250ms, 5m)\n");
		CHECK_TEXT(told("{ at: '+ 10s', kill: { service: order } }"),
			   "c.yaml:2:11: 'at': no time such as 30s or 'sale + 10s'\n");
	}
}

static void test_triggers(void)
{
	const struct fault *fault;

	TEST("a call can start it") {
		fault = one("{ on: { edge: order->payment, call: POST /charge/*, nth: 3, "
			    "hold: yes }, kill: { service: payment } }");
		CHECK_INT(fault->trigger.kind, TRIGGER_ON);
		CHECK_TEXT(fault->trigger.edge->name, "order -> payment");
		CHECK_TEXT(fault->trigger.match.method, "POST");
		CHECK_TEXT(fault->trigger.match.path, "/charge/*");
		CHECK_INT(fault->trigger.match.nth, 3);
		CHECK(fault->trigger.hold);
	}
	TEST("and so can a saga") {
		fault = one("{ when: { saga: order, reaches: PAID, nth: 10 }, kill: { service: "
			    "payment } }");
		CHECK_INT(fault->trigger.kind, TRIGGER_WHEN);
		CHECK_TEXT(fault->trigger.saga, "order");
		CHECK_TEXT(fault->trigger.state, "PAID");
		CHECK_INT(fault->trigger.nth, 10);
	}
	TEST("something has to start it, and one thing only") {
		CHECK_TEXT(told("{ kill: { service: order } }"),
			   "c.yaml:2:5: when does it start? ('at: 30s', 'on: { edge: ... }' or "
			   "'when: { saga: ... }')\n");
		CHECK_TEXT(told("{ at: 1s, when: { saga: order, reaches: PAID }, "
				"kill: { service: order } }"),
			   "c.yaml:2:5: a fault starts in one way: 'at', 'on' or 'when'\n");
	}
	TEST("what it waits for has to be there") {
		CHECK_TEXT(told("{ on: { edge: order -> paymnet }, kill: { service: order } }"),
			   "c.yaml:2:19: unknown edge 'order -> paymnet' (did you mean 'order -> "
			   "payment'?)\n");
		CHECK_TEXT(told("{ on: { edge: payment -> bank }, kill: { service: order } }"),
			   "c.yaml:2:19: no calls can be seen on 'payment -> bank', which is no "
			   "HTTP edge\n");
		CHECK_TEXT(told("{ on: { edge: order -> payment, call: get /x }, "
				"kill: { service: order } }"),
			   "c.yaml:2:43: 'call': a call is a method in capitals, a path, or both "
			   "('POST /v1/charges'), not 'get /x'\n");
		CHECK_TEXT(
			told("{ when: { saga: oder, reaches: PAID }, kill: { service: order } }"),
			"c.yaml:2:36: 'when': unknown saga 'oder'\n");
		CHECK_TEXT(told("{ when: { saga: order, reaches: PIAD }, "
				"kill: { service: order } }"),
			   "c.yaml:2:37: 'when': unknown state 'PIAD'\n");
		CHECK_TEXT(told("{ when: { saga: order }, kill: { service: order } }"),
			   "c.yaml:2:13: missing key 'reaches'\n");
	}
}

static void test_without_load(void)
{
	struct chaos_section section;

	TEST("without a load there are times, but no phases and no sagas") {
		CHECK(read_section("faults: [ { at: 1h, stop: { service: order } } ]", &section,
				   false));
		CHECK_INT(section.faults[0].duration_us, 600000000);
		CHECK(!read_section("faults: [ { at: sale, stop: { service: order } } ]", &section,
				    false));
		CHECK_TEXT(
			said.data,
			"c.yaml:1:17: there are no phases here, as there is no load: times count "
			"from the start, such as 30s\n");
		CHECK(!read_section("faults: [ { when: { saga: a, reaches: B }, "
				    "stop: { service: order } } ]",
				    &section, false));
		CHECK_TEXT(said.data,
			   "c.yaml:1:19: 'when' wants a saga, and there are none here\n");
	}
}

static void test_ends(void)
{
	TEST("every fault has an end") {
		CHECK_INT(one("{ at: 10s, for: 15s, stop: { service: order } }")->duration_us,
			  15000000);
		CHECK_INT(one("{ at: 10s, stop: { service: order } }")->duration_us, 90000000);
		CHECK_INT(one("{ at: 10s, kill: { service: order, back-after: 3s } }")->duration_us,
			  3000000);
	}
	TEST("an end beyond the run's is doubtful") {
		CHECK_TEXT(told("{ at: sale end, for: 1m, stop: { service: order } }"),
			   "c.yaml:2:26: warning: 'for' goes 40 s beyond the end of the run, where "
			   "everything is healed\n");
	}
	TEST("hits are counted where they can be") {
		CHECK_TEXT(told("{ at: 1s, times: 0, stop: { service: order } }"),
			   "c.yaml:2:22: 'times': '0' is too little, the least is 1\n");
	}
	TEST("twice the same at the same time is doubtful") {
		struct chaos_section section;

		read_section("faults:\n"
			     "  - { at: 1s, for: 10s, stop: { service: order } }\n"
			     "  - { at: 5s, for: 10s, stop: { service: [stock, order] } }\n"
			     "  - { at: 5s, for: 10s, stop: { service: payment } }\n"
			     "  - { at: 15s, for: 1s, stop: { service: order } }\n",
			     &section, true);
		CHECK_TEXT(said.data,
			   "c.yaml:3:5: warning: 'stop stock and 1 more' and 'stop order' (line 2) "
			   "are in effect at the same time\n");
	}
}

static void test_aims(void)
{
	const struct fault *fault;

	TEST("services are found by name, each once") {
		fault = one("{ at: 1s, stop: { service: [order, \"${x}\", order], share: 50%, "
			    "most: 1 } }");
		CHECK_INT(fault->service_count, 2);
		CHECK_TEXT(fault->services[1]->name, "payment");
		CHECK_NEAR(fault->share, 0.5, 0);
		CHECK_INT(fault->most, 1);
		CHECK_TEXT(fault->name, "stop order and 1 more");
		CHECK_TEXT(fault->settings_yaml,
			   "{ service: [ order, payment, order ], share: 50%, most: 1 }");
	}
	TEST("what isn't there can't be aimed at") {
		CHECK_TEXT(told("{ at: 1s, stop: { service: ordre } }"),
			   "c.yaml:2:32: unknown service 'ordre' (did you mean 'order'?)\n");
		CHECK_TEXT(told("{ at: 1s, stop: {} }"),
			   "c.yaml:2:21: 'stop' is aimed at nothing (missing key 'service')\n");
		CHECK_TEXT(told("{ at: 1s, stop: { service: [] } }"),
			   "c.yaml:2:21: 'stop' is aimed at nothing (missing key 'service')\n");
		CHECK_TEXT(told("{ at: 1s, stop: { service: order, share: 0 } }"),
			   "c.yaml:2:46: 'share': '0' is too little, the least is 0.0001%\n");
	}
	TEST("nor what a kind has no use for") {
		CHECK_TEXT(told("{ at: 1s, stop: { edge: order -> payment } }"),
			   "c.yaml:2:23: 'stop' can't be aimed at 'edge', only at a service\n");
		CHECK_TEXT(
			told("{ at: 1s, stop: { service: order, direction: both } }"),
			"c.yaml:2:39: 'stop' has no 'direction', which is for faults of bytes\n");
		CHECK_TEXT(told("{ at: 1s, stop: { service: order, call: GET / } }"),
			   "c.yaml:2:39: 'stop' has no 'call', which is for faults of calls\n");
	}
}

static void test_edges(void)
{
	const struct fault *fault;

	TEST("edges are found by name, whatever the blanks, or by either end") {
		fault = one("{ at: 1s, latency: { edge: [order->payment, payment -> bank], "
			    "delay: 1s } }");
		CHECK_INT(fault->edge_count, 2);
		CHECK_TEXT(fault->edges[1]->name, "payment -> bank");
		CHECK_INT(one("{ at: 1s, reset: { edge: \"order -> *\" } }")->edge_count, 5);
		CHECK_INT(one("{ at: 1s, reset: { edge: \"* -> order\" } }")->edge_count, 3);
		CHECK_INT(one("{ at: 1s, reset: { edge: [\"* -> order\", gateway -> order] } }")
				  ->edge_count,
			  3);
	}
	TEST("edges that aren't there are mistakes") {
		CHECK_TEXT(told("{ at: 1s, latency: { edge: payment -> order, delay: 1s } }"),
			   "c.yaml:2:32: unknown edge 'payment -> order' (there are: visitors -> "
			   "order, order -> payment, order -> stock, payment -> psp, payment -> "
			   "bank, visitors -> gateway, gateway -> order, gateway -> catalog, "
			   "order -> inventory, order -> catalog)\n");
		CHECK_TEXT(told("{ at: 1s, latency: { edge: payment, delay: 1s } }"),
			   "c.yaml:2:32: 'payment' is no edge (write 'order -> payment')\n");
		CHECK_TEXT(told("{ at: 1s, latency: { edge: \"mail -> *\", delay: 1s } }"),
			   "c.yaml:2:32: no edge is like 'mail -> *'\n");
		CHECK_TEXT(told("{ at: 1s, latency: { service: order, delay: 1s } }"),
			   "c.yaml:2:26: 'latency' can't be aimed at 'service', only at an edge\n");
	}
	TEST("bytes have a direction") {
		CHECK_INT(one("{ at: 1s, reset: { edge: order -> payment, direction: requests } }")
				  ->direction,
			  DIRECTION_REQUESTS);
		CHECK_TEXT(told("{ at: 1s, reset: { edge: order -> payment, direction: up } }"),
			   "c.yaml:2:59: 'direction': 'up' is none of requests, answers, both\n");
	}
	TEST("a fault may end after so many hits") {
		CHECK_INT(one("{ at: 1s, times: 3, reset: { edge: order -> payment } }")->times, 3);
	}
}

static void test_items(void)
{
	struct chaos_section section;

	TEST("an item is one fault") {
		CHECK_TEXT(told("{ at: 1s }"),
			   "c.yaml:2:5: what is broken? (such as 'kill: { service: payment }'; "
			   "`sagastorm chaos kinds` lists all)\n");
		CHECK_TEXT(told("{ at: 1s, kill: { service: order }, stop: { service: order } }"),
			   "c.yaml:2:47: 'kill' and 'stop': one item is one fault\n");
		CHECK_TEXT(told("{ at: 1s, kil: { service: order } }"),
			   "c.yaml:2:15: unknown key 'kil' (did you mean 'kill'?)\n");
		CHECK_TEXT(told("{ at: 1s, kill: order }"),
			   "c.yaml:2:21: 'kill' wants a map, not a string\n");
		CHECK_TEXT(told("kill"), "c.yaml:2:5: a fault is a map, not a string\n");
	}
	TEST("all mistakes are told in one pass") {
		read_section("steady: x\nfaults:\n"
			     "  - { at: sake, kill: { servic: order } }\n"
			     "  - { kill: { service: odrer, back-after: 3 } }\n",
			     &section, true);
		CHECK_TEXT(said.data,
			   "c.yaml:1:9: 'steady' wants a list, not a string\n"
			   "c.yaml:3:11: unknown phase 'sake' (did you mean 'sale'?)\n"
			   "c.yaml:3:25: unknown key 'servic' (did you mean 'service'?)\n"
			   "c.yaml:4:5: when does it start? ('at: 30s', 'on: { edge: ... }' or "
			   "'when: { saga: ... }')\n"
			   "c.yaml:4:24: unknown service 'odrer' (did you mean 'order'?)\n"
			   "c.yaml:4:43: 'back-after': '3' has no unit (write 10s, 250ms, 5m)\n");
	}
	TEST("names tell faults apart") {
		CHECK(read_section("faults:\n"
				   "  - { at: 1s, kill: { service: order } }\n"
				   "  - { at: 2s, kill: { service: order } }\n"
				   "  - { at: 3s, name: last, kill: { service: order } }\n",
				   &section, true));
		CHECK_TEXT(section.faults[0].name, "kill order");
		CHECK_TEXT(section.faults[1].name, "kill order #2");
		CHECK_TEXT(section.faults[2].name, "last");
		CHECK_INT(section.faults[2].number, 2);
		CHECK(!read_section("faults:\n"
				    "  - { at: 1s, name: a, kill: { service: order } }\n"
				    "  - { at: 2s, name: a, kill: { service: order } }\n",
				    &section, true));
		CHECK_TEXT(said.data,
			   "c.yaml:3:21: two faults are called 'a' (the other at line 2)\n");
	}
	TEST("what a section says beside its faults has its defaults") {
		CHECK(read_section("steady: [ 'errors < 1%' ]\nabort-on-breach: yes", &section,
				   true));
		CHECK_INT(section.steady_for_us, 3000000);
		CHECK_INT(section.recovers_within_us, 30000000);
		CHECK(section.abort_on_breach && section.steady && section.fault_count == 0);
	}
	TEST("the plan says when what happens") {
		struct buffer plan = BUFFER_EMPTY;

		read_section("faults:\n"
			     "  - { at: sale + 2s, for: 15s, stop: { service: \"${x}\" } }\n"
			     "  - { on: { edge: order -> payment, call: POST /charge, nth: 3 },\n"
			     "      for: 1s, stop: { service: payment } }\n"
			     "  - { when: { saga: order, reaches: PAID }, for: 1s,\n"
			     "      stop: { service: stock } }\n",
			     &section, true);
		chaos_show_plan(&section, &plan);
		CHECK_TEXT(plan.data,
			   "at 22.000 s for 15 s: stop payment: stop { service: payment }\n"
			   "on order -> payment: POST /charge, number 3 for 1 s: stop payment #2: "
			   "stop { service: payment }\n"
			   "when saga 'order' number 1 reaches PAID for 1 s: stop stock: stop { "
			   "service: stock }\n");
		buffer_release(&plan);
	}
}

/* For the proxy and the journal: what was written is read as the same. */
static bool survives(const struct fault *fault)
{
	struct reading reading = { &arena, &complaints, NULL, NULL };
	struct fault again = { .system = fault->system, .seed = fault->seed };
	const struct yaml *map =
		yaml_read_text(&arena, "again", text_of(fault->settings_yaml), &complaints);

	return map && fault_settings_read(fault->kind, map, &reading, &again) &&
	       strcmp(again.settings_yaml, fault->settings_yaml) == 0 &&
	       again.edge_count == fault->edge_count &&
	       again.service_count == fault->service_count && again.direction == fault->direction;
}

/* Names in examples are not of this system; what is aimed at is replaced. */
static const struct fault *example_of(const struct fault_kind *kind)
{
	static struct chaos_section section;
	struct buffer text = BUFFER_EMPTY;
	bool good;

	buffer_format(&text, "faults:\n  - { at: 1s, for: 1s, %s }\n", kind->example);
	good = read_section(arena_string(&arena, buffer_text(&text)), &section, true);
	buffer_release(&text);
	if (!good)
		printf("# %s: %s", kind->example, said.data);
	return good ? &section.faults[0] : NULL;
}

static void test_kinds(void)
{
	TEST("every kind has a name of its own, a summary, keys, and an example that works") {
		for (size_t i = 0; fault_kinds[i]; i++) {
			const struct fault_kind *kind = fault_kinds[i];
			const struct fault *fault = example_of(kind);

			CHECK(fault_kind_find(text_of(kind->name)) == kind);
			CHECK(kind->summary && kind->example && kind->aims);
			CHECK(fault && fault->kind == kind);
			CHECK(fault && survives(fault));
		}
	}
	TEST("and its row is where it belongs: by family, then by name") {
		for (size_t i = 1; fault_kinds[0] && fault_kinds[i]; i++) {
			const struct fault_kind *a = fault_kinds[i - 1], *b = fault_kinds[i];

			CHECK(a->family < b->family ||
			      (a->family == b->family && strcmp(a->name, b->name) < 0));
		}
	}
	TEST("its own keys take no common name but on purpose") {
		for (size_t i = 0; fault_kinds[i]; i++) {
			const struct key *keys = fault_kind_keys(fault_kinds[i]);

			for (const struct key *key = keys; key->name; key++)
				for (const struct key *other = keys; other < key; other++)
					CHECK(strcmp(key->name, other->name) != 0);
		}
	}
	TEST("those of the proxy are done by it, the others by themselves") {
		for (size_t i = 0; fault_kinds[i]; i++) {
			const struct fault_kind *kind = fault_kinds[i];

			if (kind->family == FAMILY_WIRE)
				CHECK(kind->wire && kind->aims == AIM_EDGE);
			else if (kind->family == FAMILY_CALL)
				CHECK(kind->call && kind->aims == AIM_EDGE);
			else
				CHECK(kind->plan && kind->arm && kind->heal && kind->look);
		}
	}
}

int main(void)
{
	struct reading reading = { &arena, &complaints, NULL, NULL };
	struct yaml *root = yaml_read_text(&arena, "shop", text_of(shop_text), &complaints);

	system_read(root, &reading, &shop);
	test_times();
	test_triggers();
	test_without_load();
	test_ends();
	test_aims();
	test_edges();
	test_items();
	test_kinds();
	complaints_release(&complaints);
	buffer_release(&said);
	arena_release(&arena);
	return tap_done();
}
