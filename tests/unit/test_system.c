#include "tests/unit/tap.h"

#include <unistd.h>

#include "chaos/system.h"
#include "engine/shop_system.h"

static struct arena arena = ARENA_EMPTY;
static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;

static bool read_system(const char *text, struct system *system)
{
	struct reading reading = { &arena, &complaints, NULL, NULL };
	struct yaml *root;
	bool good;

	complaints_release(&complaints);
	buffer_release(&said);
	root = yaml_read_text(&arena, "s.yaml", text_of(text), &complaints);
	good = root && system_read(root, &reading, system);
	complaints_write(&complaints, &said);
	return good;
}

static bool complains(const char *text, const char *expected)
{
	struct system system;

	if (read_system(text, &system) || strcmp(said.data ? said.data : "", expected) != 0) {
		printf("# it said: %s# and not:  %s", said.data ? said.data : "nothing\n",
		       expected);
		return false;
	}
	return true;
}

static bool warns(const char *text, const char *expected)
{
	struct system system;
	bool good = read_system(text, &system);

	if (!good || strcmp(said.data ? said.data : "", expected) != 0) {
		printf("# it said: %s# and not:  %s", said.data ? said.data : "nothing\n",
		       expected);
		return false;
	}
	return true;
}

#define HEALTHY "health: 'http://127.0.0.1:9/h'"

static const char shop[] =
	"name: shop\n"
	"allow: [10.0.3.0/24, Staging.example]\n"
	"launcher: 4711\n"
	"services:\n"
	"  order: { url: 'http://127.0.0.1:7003', health: 'http://127.0.0.1:7003/health',\n"
	"           pid: 4712, data: /var/lib/order }\n"
	"  payment:\n"
	"    url: http://10.0.3.7:7004\n"
	"    health: http://10.0.3.7:7004/health\n"
	"    instances: [ { container: pay-1 }, { container: pay-2 } ]\n"
	"    start: [systemctl, start, payment]\n"
	"  mail: { smtp: 127.0.0.1:2525, " HEALTHY " }\n"
	"edges:\n"
	"  - { from: visitors, to: order }\n"
	"  - { from: order, to: payment, listen: 127.0.0.1:9004 }\n"
	"  - { from: payment, to: mail, url: 127.0.0.1:2525 }\n"
	"  - { from: payment, to: order, events: yes }\n"
	"regions: { eu: [order, payment] }\n";

static bool allows(const char *allow, const char *host)
{
	char *items[] = { (char *)(uintptr_t)allow, NULL };
	struct system system = { .allow = { items, NULL, allow ? 1 : 0 } };

	return system_allows(&system, text_of(host));
}

static bool address_is(const char *text, const char *host, unsigned port,
		       enum edge_protocol protocol)
{
	struct address address;

	return address_read(text_of(text), &address, NULL) && text_is(address.host, host) &&
	       address.port == port && address.protocol == protocol;
}

static bool no_address(const char *text)
{
	struct address address;

	return !address_read(text_of(text), &address, NULL);
}

static void test_good(void)
{
	struct system system;

	TEST("a system is read as it is written") {
		CHECK(read_system(shop, &system) && said.length == 0);
		CHECK_TEXT(system.name, "shop");
		CHECK_INT(system.service_count, 3);
		CHECK_INT(system.edge_count, 4);
		CHECK_INT(system.launcher, 4711);
		CHECK_INT(system_service(&system, text_of("order"))->instances[0].pid, 4712);
		CHECK_INT(system_service(&system, text_of("payment"))->instance_count, 2);
		CHECK_TEXT(system_service(&system, text_of("payment"))->instances[1].container,
			   "pay-2");
		CHECK_TEXT(system_service(&system, text_of("order"))->region, "eu");
		CHECK(!system_service(&system, text_of("mail"))->region);
		CHECK(!system_service(&system, text_of("orde")));
	}
	TEST("an edge leads where its service is, unless it says otherwise") {
		CHECK_TEXT(system_edge(&system, text_of("order->payment"))->url,
			   "http://10.0.3.7:7004");
		CHECK_TEXT(system_edge(&system, text_of(" order ->  payment "))->name,
			   "order -> payment");
		CHECK_INT(system_edge(&system, text_of("payment -> mail"))->protocol, EDGE_TCP);
		CHECK_INT(system_edge(&system, text_of("visitors -> order"))->protocol, EDGE_HTTP);
		CHECK(!system_edge(&system, text_of("payment")));
		CHECK(!system_edge(&system, text_of("mail -> payment")));
	}
}

static void test_allowed(void)
{
	TEST("the loopback is allowed, and nothing that only looks like it") {
		CHECK(allows(NULL, "127.0.0.1") && allows(NULL, "127.9.9.9"));
		CHECK(allows(NULL, "::1") && allows(NULL, "[::1]") && allows(NULL, "LocalHost"));
		CHECK(allows(NULL, "::ffff:127.0.0.1") && allows(NULL, "/run/x.sock"));
		CHECK(!allows(NULL, "127.0.0.1.example") && !allows(NULL, "localhost.example"));
		CHECK(!allows(NULL, "128.0.0.1") && !allows(NULL, "::2") && !allows(NULL, ""));
		CHECK(!allows(NULL, "0.0.0.0") && !allows(NULL, "2130706433"));
	}
	TEST("a network allows what is in it, to the bit") {
		CHECK(allows("10.0.3.0/24", "10.0.3.255") && !allows("10.0.3.0/24", "10.0.4.0"));
		CHECK(allows("10.0.2.0/23", "10.0.3.1") && !allows("10.0.2.0/23", "10.0.4.1"));
		CHECK(allows("10.0.3.7", "10.0.3.7") && !allows("10.0.3.7", "10.0.3.70"));
		CHECK(allows("fd00::/8", "fd12::1") && !allows("fd00::/8", "fe00::1"));
		CHECK(allows("10.0.3.0/24", "::ffff:10.0.3.4"));
		CHECK(!allows("::ffff:0:0/96", "8.8.8.8"));
		CHECK(!allows("0.0.0.0/0", "8.8.8.8") && !allows("10.0.3.0/33", "10.0.3.0"));
	}
	TEST("a name is allowed by being listed") {
		CHECK(allows("staging.example", "STAGING.example"));
		CHECK(!allows("staging.example", "www.staging.example"));
		CHECK(!allows("staging.example", "10.0.0.1"));
	}
	TEST("what would allow everything is refused") {
		CHECK(complains("allow: [0.0.0.0/0]",
				"s.yaml:1:9: 'allow': '0.0.0.0/0' would allow everything: name the "
				"hosts that you mean\n"));
		CHECK(complains("allow: ['*']",
				"s.yaml:1:9: 'allow': '*' would allow everything: name the hosts "
				"that you mean\n"));
		CHECK(complains("allow: [10.0.3.0/33]",
				"s.yaml:1:9: 'allow': '10.0.3.0/33' is no host, address or network "
				"such as 10.0.3.0/24\n"));
	}
	TEST("a host that is not allowed is an error wherever it stands") {
		CHECK(complains("services: { a: { url: 'http://8.8.8.8:80', " HEALTHY " } }",
				"s.yaml:1:16: 'url': '8.8.8.8' is not allowed (only the loopback "
				"is, and what 'allow:' lists)\n"));
		CHECK(complains("services:\n  a:\n    health: http://shop.example/h",
				"s.yaml:3:5: 'health': 'shop.example' is not allowed (only the "
				"loopback is, and what 'allow:' lists)\n"));
		CHECK(complains("services: { a: { " HEALTHY " } }\n"
				"edges: [ { from: visitors, to: a, url: 'tcp://8.8.8.8:53' } ]",
				"s.yaml:2:40: 'url': '8.8.8.8' is not allowed (only the loopback "
				"is, and what 'allow:' lists)\n"));
		CHECK(complains("services: { a: { " HEALTHY " } }\n"
				"edges: [ { from: visitors, to: a, url: '127.0.0.1:53', "
				"listen: '0.0.0.0:53' } ]",
				"s.yaml:2:64: 'listen': '0.0.0.0' is not allowed (only the "
				"loopback is, and what 'allow:' lists)\n"));
	}
}

static void test_addresses(void)
{
	TEST("an address is a URL, or a host and a port") {
		CHECK(address_is("http://127.0.0.1:7004/x", "127.0.0.1", 7004, EDGE_HTTP));
		CHECK(address_is("http://shop.example", "shop.example", 80, EDGE_HTTP));
		CHECK(address_is("https://[::1]/", "::1", 443, EDGE_TLS));
		CHECK(address_is("[::1]:25", "::1", 25, EDGE_TCP));
		CHECK(address_is("tcp://127.0.0.1:5432", "127.0.0.1", 5432, EDGE_TCP));
		CHECK(address_is("127.0.0.1:2525", "127.0.0.1", 2525, EDGE_TCP));
		CHECK(no_address("127.0.0.1") && no_address("tcp://127.0.0.1") && no_address(""));
		CHECK(no_address("ftp://a:1") && no_address("http://") && no_address("http://a:0"));
		CHECK(no_address("http://a:65536") && no_address("http://me@a:1"));
		CHECK(no_address("http://[::1") && no_address("http://a b:1"));
	}
}

static void test_mistakes(void)
{
	TEST("unknown services, keys and schemes are found, with what was meant") {
		CHECK(complains("services: { payment: { " HEALTHY " } }\n"
				"edges: [ { from: visitors, to: paymnet, url: '127.0.0.1:1' } ]",
				"s.yaml:1:13: warning: no edge leads to 'payment'\n"
				"s.yaml:2:32: unknown service 'paymnet' (did you mean "
				"'payment'?)\n"));
		CHECK(complains("services: { a: { urll: x, " HEALTHY " } }",
				"s.yaml:1:18: unknown key 'urll' (did you mean 'url'?)\n"));
		CHECK(complains("services: { a: { url: 'gopher://127.0.0.1:1', " HEALTHY " } }",
				"s.yaml:1:16: 'url': unknown scheme 'gopher' (http, https, tcp or "
				"tls)\n"));
		CHECK(complains("services: { 'a b': { " HEALTHY " } }",
				"s.yaml:1:13: 'a b' is no name for a service (letters, digits, "
				"'.', '_', '-')\n"));
		CHECK(complains("services: { visitors: { " HEALTHY " } }",
				"s.yaml:1:13: 'visitors' is the load itself, and no service\n"));
	}
	TEST("a process is found in one way") {
		CHECK(complains("services: { a: { pid: 77, pidfile: /x, " HEALTHY " } }",
				"s.yaml:1:16: a process is found in one way: pid, pidfile, command "
				"or container\n"));
		CHECK(complains("services: { a: { pid: 1, " HEALTHY " } }",
				"s.yaml:1:23: 'pid': '1' is too little, the least is 2\n"));
		CHECK(complains("services: { a: { command: ' ', " HEALTHY " } }",
				"s.yaml:1:16: 'command' is empty: it would be everyone's\n"));
		CHECK(complains("services: { a: { pid: 77, instances: [ { pid: 78 } ], " HEALTHY
				" } }",
				"s.yaml:1:38: with 'instances', each of them says how its process "
				"is found\n"));
	}
	TEST("two on one host and port are found") {
		CHECK(complains("services:\n"
				"  a: { url: 'http://127.0.0.1:80', " HEALTHY " }\n"
				"  b: { url: 'http://127.0.0.1', " HEALTHY " }\n",
				"s.yaml:3:3: 'b' and 'a' (line 2) are both at 127.0.0.1:80\n"));
		CHECK(complains("services:\n"
				"  a: { url: 'http://127.0.0.1:80', " HEALTHY " }\n"
				"edges: [ { from: visitors, to: a, listen: '127.0.0.1:80' } ]\n",
				"s.yaml:3:10: 'visitors -> a' and 'a' (line 2) are both at "
				"127.0.0.1:80\n"));
	}
	TEST("an edge that leads nowhere, to itself, or is there twice is found") {
		CHECK(complains("services: { a: { " HEALTHY " } }\n"
				"edges: [ { from: visitors, to: a } ]",
				"s.yaml:2:10: where does 'visitors -> a' lead? (missing key 'url', "
				"as 'a' has none)\n"));
		CHECK(complains("services: { a: { url: 'http://127.0.0.1:80', " HEALTHY " } }\n"
				"edges: [ { from: a, to: a } ]",
				"s.yaml:2:10: an edge from 'a' to itself\n"));
		CHECK(complains("services: { a: { url: 'http://127.0.0.1:80', " HEALTHY " } }\n"
				"edges: [ { from: visitors, to: a }, { from: visitors, to: a } ]",
				"s.yaml:2:37: edge 'visitors -> a' is there twice (line 2)\n"));
		CHECK(complains(
			"services: { a: { url: 'https://127.0.0.1:80', " HEALTHY " } }\n"
			"edges: [ { from: visitors, to: a, protocol: http } ]",
			"s.yaml:2:45: 'https://127.0.0.1:80' is encrypted: the proxy passes "
			"it through, and sees no calls\n"));
	}
	TEST("a service is in one region") {
		CHECK(complains("services: { a: { " HEALTHY " } }\nregions: { x: [a], y: [a, b] }",
				"s.yaml:2:24: 'a' is in region 'x' already\n"
				"s.yaml:2:27: unknown service 'b' (there are: a)\n"));
	}
}

static void test_doubts(void)
{
	TEST("circles are doubtful, unless they are events") {
		const char *circle = "services:\n"
				     "  a: { url: 'http://127.0.0.1:1', " HEALTHY " }\n"
				     "  b: { url: 'http://127.0.0.1:2', " HEALTHY " }\n"
				     "edges:\n"
				     "  - { from: a, to: b }\n"
				     "  - { from: b, to: a }\n";
		const char *events = "services:\n"
				     "  a: { url: 'http://127.0.0.1:1', " HEALTHY " }\n"
				     "  b: { url: 'http://127.0.0.1:2', " HEALTHY " }\n"
				     "edges:\n"
				     "  - { from: a, to: b }\n"
				     "  - { from: b, to: a, events: yes }\n";

		CHECK(warns(circle,
			    "s.yaml:6:5: warning: services depend on each other in a circle: "
			    "a -> b -> a (if some of it is events: 'events: yes')\n"));
		CHECK(warns(events, ""));
	}
	TEST("so are services that nothing reaches, and those without a health check") {
		CHECK(warns("services:\n"
			    "  a: { url: 'http://127.0.0.1:1' }\n"
			    "  b: { " HEALTHY " }\n"
			    "edges: [ { from: visitors, to: a } ]\n",
			    "s.yaml:2:3: warning: 'a' has no health check, so that it can't be "
			    "seen whether it is well again\n"
			    "s.yaml:3:3: warning: no edge leads to 'b'\n"));
	}
}

static bool reads_file(const char *path, struct system *system)
{
	struct reading reading = { &arena, &complaints, NULL, NULL };
	bool good;

	complaints_release(&complaints);
	buffer_release(&said);
	good = system_read_file(path, &reading, system);
	complaints_write(&complaints, &said);
	if (said.length)
		printf("# %s", said.data);
	return good;
}

static void test_files(void)
{
	struct system system;

	TEST("the examples are good, without a doubt") {
		CHECK(reads_file("scenarios/systems/compose.yaml", &system) && said.length == 0);
		CHECK_TEXT(system.path, "scenarios/systems/compose.yaml");
		CHECK_INT(system_edge(&system, text_of("order->postgres"))->protocol, EDGE_TCP);
		CHECK(reads_file("scenarios/systems/nginx.yaml", &system) && said.length == 0);
		CHECK_INT(system_edge(&system, text_of("visitors->nginx"))->protocol, EDGE_TLS);
		CHECK_INT(system_edge(&system, text_of("nginx->app"))->protocol, EDGE_HTTP);
	}
	TEST("a file that isn't there or has no system is an error") {
		CHECK(!reads_file("scenarios/systems/none.yaml", &system));
		CHECK(!reads_file("scenarios/hello.yaml", &system));
		CHECK(strstr(said.data, "missing key 'system'"));
	}
}

static bool read_shop(const char *options, struct shop_system *settings, struct system *system)
{
	struct reading reading = { &arena, &complaints, NULL, NULL };
	struct yaml *root = yaml_read_text(&arena, "o.yaml", text_of(options), &complaints);

	return root && shop_system_read(root, &reading, settings, system);
}

static void test_shop(void)
{
	struct shop_system settings;
	struct system known, now;
	struct error err;

	TEST("a shop is started as the scenario says") {
		const char *const *words;

		CHECK(read_shop(
			"{ bugs: [no-dedupe, poison-dropped], regions: [us, eu], limits: no, "
			"stock: 7 }",
			&settings, &known));
		words = shop_system_arguments(&settings, &arena);
		CHECK_TEXT(words[0], "--saga=orchestrated");
		CHECK_TEXT(words[1], "--bug=no-dedupe");
		CHECK_TEXT(words[2], "--bug=poison-dropped");
		CHECK_TEXT(words[4], "--regions=eu");
		CHECK_TEXT(words[5], "--stock=7");
		CHECK_TEXT(words[7], "--no-limits");
		CHECK(system_edge(&known, text_of("sync.us -> sync.eu")));
		CHECK_INT(system_region(&known, text_of("eu"))->services.count, 9);
	}
	TEST("what was known of it learns where it is, and stays where it was") {
		const struct service *order;
		const struct edge *edge;

		CHECK(read_shop("{}", &settings, &known));
		CHECK(read_shop("{}", &settings, &now));
		order = system_service(&known, text_of("order"));
		edge = system_edge(&known, text_of("order -> payment"));
		now.services[order - known.services].url = (char[]){ "http://127.0.0.1:7" };
		now.services[order - known.services].instances[0].pid = 77;
		now.edges[edge - known.edges].url = (char[]){ "http://127.0.0.1:8" };
		now.path = (char[]){ "/x" };
		now.launcher = 76;
		CHECK(system_fill(&known, &now, &err));
		CHECK_TEXT(order->url, "http://127.0.0.1:7");
		CHECK_INT(order->instances[0].pid, 77);
		CHECK_TEXT(edge->url, "http://127.0.0.1:8");
		CHECK_TEXT(known.path, "/x");
		CHECK_INT(known.launcher, 76);
	}
	TEST("a shop that lacks what was known of it is not it") {
		CHECK(read_shop("{}", &settings, &now));
		now.edge_count--;
		CHECK(!system_fill(&known, &now, &err));
		CHECK_TEXT(err.text, "'shop' has no edge 'psp -> payment'");
		now.services[0].name = (char[]){ "other" };
		CHECK(!system_fill(&known, &now, &err));
		CHECK_TEXT(err.text, "'shop' has no service 'bus'");
	}
}

int main(void)
{
	test_good();
	test_allowed();
	test_addresses();
	test_mistakes();
	test_doubts();
	test_files();
	test_shop();
	complaints_release(&complaints);
	buffer_release(&said);
	arena_release(&arena);
	return tap_done();
}
