/* Many lanes of the libcurl transport on one multi handle: none gets another's connection. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/transfer_curl.h"
#include "tests/unit/asking.h"
#include "tests/unit/tap.h"

enum { LANES = 100, ROUNDS = 60, SAME_TIME_MOST = 40 };

static const struct hostile *server;

static void begin(struct asker *asker, const char *proxy, uint32_t hub_room)
{
	struct transfer_settings settings = hostile_settings(server);

	settings.proxy = proxy;
	settings.connect_timeout_us = 10 * US_PER_S;
	CHECK(asker_init(asker, TRANSPORT_CURL, &settings));
	if (hub_room)
		((struct curl *)asker->transport)->hub_room = hub_room;
}

static uint32_t count_hubs(const struct asker *asker)
{
	uint32_t count = 0;

	for (struct hub *hub = ((struct curl *)asker->transport)->hubs; hub; hub = hub->next)
		count++;
	return count;
}

/* --- whose connection --- */

struct party;

struct guest {
	struct party *party;
	struct lane *lane;
	struct exchange_request request;
	int asked; /* on this connection, as far as we know */
	bool busy;
};

struct party {
	struct asker *asker;
	struct guest guests[LANES];
	int under_way, failed, wrong, ended;
	unsigned draw;
};

static unsigned draw(struct party *party, unsigned below)
{
	party->draw = party->draw * 1664525 + 1013904223;
	return (party->draw >> 8) % below;
}

/* The server counts the requests on each connection: it must count as we do. */
static void answered(void *context, const struct exchange_result *result)
{
	struct guest *guest = context;
	struct party *party = guest->party;
	char expected[16];

	snprintf(expected, sizeof(expected), "%d", ++guest->asked);
	party->failed += result->failure != FAILURE_NONE;
	if (!result->failure && text_is(guest->request.path, "/count"))
		party->wrong += !text_is(result->body, expected);
	if (result->failure)
		printf("# %s: %s\n", failure_name(result->failure), result->detail);
	if (result->closes)
		guest->asked = 0;
	guest->busy = false;
	if (!--party->under_way)
		loop_stop(party->asker->loop);
}

static void send_by(struct guest *guest)
{
	struct party *party = guest->party;
	bool ends = draw(party, 20) == 0;

	party->ended += ends;
	guest->request =
		(struct exchange_request){ .path = text_of(ends ? "/said-close" : "/count"),
					   .want_body = true,
					   .timeout_us = 20 * US_PER_S };
	guest->busy = true;
	party->under_way++;
	lane_send(guest->lane, &guest->request, answered, guest);
}

static void leave_one(struct party *party, int origin)
{
	struct guest *guest = &party->guests[draw(party, LANES)];

	if (draw(party, 2)) {
		lane_disconnect(guest->lane);
	} else {
		lane_free(guest->lane);
		guest->lane = lane_new(party->asker->transport, (uint16_t)origin);
	}
	guest->asked = 0;
}

static void hold_round(struct party *party, int origin)
{
	unsigned many = draw(party, 4) ? SAME_TIME_MOST : 2;

	for (unsigned i = 0; i < many; i++) {
		struct guest *guest = &party->guests[draw(party, LANES)];

		if (!guest->busy)
			send_by(guest);
	}
	asker_wait(party->asker, 30 * US_PER_S);
	CHECK_INT(party->under_way, 0);
	for (unsigned i = 0; i < 3; i++)
		leave_one(party, origin);
}

static void hold_party(struct asker *asker, int origin)
{
	struct party *party = memory_new(sizeof(*party));

	party->asker = asker;
	party->draw = 7;
	for (int i = 0; i < LANES; i++) {
		party->guests[i].party = party;
		party->guests[i].lane = lane_new(asker->transport, (uint16_t)origin);
	}
	for (int i = 0; i < ROUNDS; i++)
		hold_round(party, origin);
	CHECK(party->ended > 10);
	CHECK_INT(party->failed, 0);
	CHECK_INT(party->wrong, 0);
	for (int i = 0; i < LANES; i++)
		lane_free(party->guests[i].lane);
	CHECK_INT(transport_connections(asker->transport), 0);
	free(party);
}

static void test_own_connections(int origin, const char *proxy, uint32_t hub_room)
{
	struct asker asker;
	int before = open_descriptors();

	begin(&asker, proxy, hub_room);
	hold_party(&asker, origin);
	CHECK(hub_room == 1 ? count_hubs(&asker) > 20 : count_hubs(&asker) <= 4);
	asker_release(&asker);
	CHECK_INT(open_descriptors(), before);
}

/* --- what it takes --- */

static void connect_all(struct asker *asker, struct lane **lanes, int count)
{
	for (int i = 0; i < count; i++) {
		lanes[i] = lane_new(asker->transport, ORIGIN_PLAIN);
		asker->lanes[ORIGIN_PLAIN] = lanes[i];
		get(asker, ORIGIN_PLAIN, "/count");
		CHECK_TEXT(saw_body(asker), "1");
	}
}

static void test_descriptors(uint32_t hub_room, int most)
{
	struct lane *lanes[64], *first;
	struct asker asker;
	int before, full;

	begin(&asker, NULL, hub_room);
	first = asker.lanes[ORIGIN_PLAIN];
	before = open_descriptors();
	connect_all(&asker, lanes, 64);
	full = open_descriptors();
	CHECK(full - before >= 64);
	CHECK(full - before <= most);
	for (int i = 0; i < 64; i++) {
		lane_disconnect(lanes[i]);
		CHECK_INT(open_descriptors(), full - i - 1);
	}
	for (int i = 0; i < 64; i++)
		lane_free(lanes[i]);
	asker.lanes[ORIGIN_PLAIN] = first;
	asker_release(&asker);
}

/* --- connections that end while nobody looks --- */

/* Once a second libcurl looks after idle connections itself, those of other lanes too. */
static void test_found_dead(void)
{
	struct lane *lanes[8], *first;
	struct asker asker;

	begin(&asker, NULL, 0);
	first = asker.lanes[ORIGIN_PLAIN];
	connect_all(&asker, lanes, 8);
	for (int i = 0; i < 7; i++) {
		asker.lanes[ORIGIN_PLAIN] = lanes[i];
		get(&asker, ORIGIN_PLAIN, "/closed-later");
	}
	usleep(1100000);
	for (int i = 7; i >= 0; i--) {
		asker.lanes[ORIGIN_PLAIN] = lanes[i];
		get(&asker, ORIGIN_PLAIN, "/count");
		CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
		CHECK_TEXT(saw_body(&asker), i == 7 ? "2" : "1");
	}
	CHECK_INT(transport_connections(asker.transport), 8);
	for (int i = 0; i < 8; i++)
		lane_free(lanes[i]);
	CHECK_INT(transport_connections(asker.transport), 0);
	asker.lanes[ORIGIN_PLAIN] = first;
	asker_release(&asker);
}

/* --- given up under way --- */

static void must_not_be_called(void *context, const struct exchange_result *result)
{
	(void)context, (void)result;
	CHECK(false);
}

/* Before the loop had a turn, and later. */
static void test_freed_before_begun(void)
{
	struct exchange_request request = { .path = text_of("/hang"), .timeout_us = US_PER_S };
	struct lane *lanes[40];
	struct asker asker;

	begin(&asker, NULL, 0);
	for (int i = 0; i < 40; i++) {
		lanes[i] = lane_new(asker.transport, ORIGIN_PLAIN);
		lane_send(lanes[i], &request, must_not_be_called, NULL);
	}
	for (int i = 0; i < 40; i += 2)
		lane_free(lanes[i]);
	get(&asker, ORIGIN_GOOD, "/count"); /* who is left begins meanwhile */
	for (int i = 1; i < 40; i += 2)
		lane_free(lanes[i]);
	CHECK_INT(transport_connections(asker.transport), 1); /* the one to ORIGIN_GOOD */
	asker_release(&asker);
}

/* --- where scopes are not for us --- */

static void test_versions(void)
{
	CHECK_INT(hub_room_of(0x075200), 1);
	CHECK(hub_room_of(0x075300) > 1);
	CHECK(hub_room_of(0x075801) > 1);
	CHECK(hub_room_of(0x081300) > 1);
	CHECK_INT(hub_room_of(0x081400), 1);
}

static void check_alone(char *url, bool alone)
{
	struct origin origin = { .url = url, .host = url + 7, .name = url + 7, .port = 80 };
	struct transfer_settings settings = hostile_settings(server);
	struct asker asker;

	settings.origins = &origin;
	settings.origin_count = 1;
	CHECK(asker_init(&asker, TRANSPORT_CURL, &settings));
	CHECK_INT(((struct curl *)asker.transport)->targets[0].alone, alone);
	asker_release(&asker);
}

static void test_link_local(void)
{
	char link_local[] = "http://[fe80::1]:80", other[] = "http://[fd00::1]:80";
	char named[] = "http://feb.test:80";

	check_alone(link_local, true);
	check_alone(other, false);
	check_alone(named, false);
}

static void answer_one(int listener)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
	int fd = accept(listener, NULL, NULL);
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		if (write(fd, answer, strlen(answer)) < 0)
			break;
	_exit(0);
}

static int listen_on_ipv6(struct sockaddr_in6 *address)
{
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	if (listener >= 0 && bind(listener, (struct sockaddr *)address, length) == 0 &&
	    listen(listener, 4) == 0 &&
	    getsockname(listener, (struct sockaddr *)address, &length) == 0)
		return listener;
	if (listener >= 0)
		close(listener);
	return -1;
}

static void test_ipv6(int listener, uint16_t port)
{
	struct transfer_settings settings = hostile_settings(server);
	struct origin origin = { .port = port };
	char url[64], name[] = "::1";
	struct asker asker;
	int status, pid = fork();

	if (pid == 0)
		answer_one(listener);
	snprintf(url, sizeof(url), "http://[::1]:%d", port);
	origin.url = url;
	origin.host = url + 7;
	origin.name = name;
	settings.origins = &origin;
	settings.origin_count = 1;
	CHECK(asker_init(&asker, TRANSPORT_CURL, &settings));
	for (int i = 0; i < 3; i++) {
		get(&asker, 0, "/");
		CHECK_TEXT(failure_name(asker.saw.result.failure), "ok");
		CHECK_TEXT(saw_body(&asker), "hi");
		CHECK_INT(asker.saw.result.new_connection, i == 0);
	}
	asker_release(&asker);
	waitpid(pid, &status, 0);
}

static void ipv6(void)
{
	struct sockaddr_in6 address;
	int listener = listen_on_ipv6(&address);

	if (listener < 0)
		SKIP("an IPv6 address is reached whatever the scope", "no IPv6 here");
	else
		TEST("an IPv6 address is reached whatever the scope")
			test_ipv6(listener, ntohs(address.sin6_port));
	tap_close();
	if (listener >= 0)
		close(listener);
}

/* --- */

static void test_whose(void)
{
	const char *proxy = server->origins[ORIGIN_PLAIN].url;

	TEST("each lane travels on its own connection")
		test_own_connections(ORIGIN_PLAIN, NULL, 0);
	TEST("each lane travels on its own connection, over TLS")
		test_own_connections(ORIGIN_GOOD, NULL, 0);
	TEST("each lane travels on its own connection, told to a proxy")
		test_own_connections(ORIGIN_CLOSED, proxy, 0);
	TEST("each lane travels on its own connection, tunnelled")
		test_own_connections(ORIGIN_GOOD, proxy, 0);
	TEST("each lane travels on its own connection, with a multi handle of its own")
		test_own_connections(ORIGIN_PLAIN, NULL, 1);
}

int main(void)
{
	struct hostile hostile;

	if (!hostile_start(&hostile))
		return 1;
	server = &hostile;
	test_whose();
	TEST("a lane takes one descriptor, and gives it back")
		test_descriptors(0, 64 + 2 * 2);
	TEST("a lane with a multi handle of its own takes three")
		test_descriptors(1, 64 * 3);
	TEST("connections that libcurl finds dead")
		test_found_dead();
	TEST("lanes freed before their request began")
		test_freed_before_begun();
	TEST("versions of libcurl whose scopes keep connections apart")
		test_versions();
	TEST("link-local addresses keep their scopes")
		test_link_local();
	ipv6();
	hostile_stop(&hostile);
	return tap_done();
}
