/*
 * What becomes of calls in the proxy, byte for byte, without sockets: framing, order, every kind of
 * call fault, and what happens when faults come and go in the middle of it.
 */
#include "tests/unit/fake_relay.h"
#include "tests/unit/tap.h"

#define GET_A "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_B "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_C "GET /c HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_A "POST /a HTTP/1.1\r\nX-Correlation-Id: c1\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED_HEAD "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OK_1 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"
#define OK_2 "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\ntwo"
#define OK_CHUNKED                                                                                 \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

#define CHECK_UP(bytes) CHECK_TEXT(fake_passed(FLOW_REQUESTS), bytes)
#define CHECK_DOWN(bytes) CHECK_TEXT(fake_passed(FLOW_ANSWERS), bytes)

static void ask(const char *bytes)
{
	fake_says(FLOW_REQUESTS, bytes);
}

static void answer(const char *bytes)
{
	fake_says(FLOW_ANSWERS, bytes);
}

static bool left_with(enum ending caller)
{
	return fake.relay.ended && fake.ending[FLOW_REQUESTS] == caller;
}

static struct armed *only(struct armed *armed, const char *path)
{
	armed->fault.match.path = arena_string(&fake.arena, text_of(path));
	armed->fault.trigger.match = armed->fault.match;
	return armed;
}

/* The connection is as good as new: a call goes there and back. */
static void check_goes_on(void)
{
	CHECK(!fake.relay.ended && fake.relay.http);
	ask(GET_C);
	CHECK_UP(GET_C);
	answer(OK_2);
	CHECK_DOWN(OK_2);
	CHECK(!fake.paused[FLOW_REQUESTS] && !fake.paused[FLOW_ANSWERS]);
}

static void say_in_pieces(enum flow flow, const char *bytes)
{
	for (const char *at = bytes; *at; at++)
		fake_says(flow, (char[]){ *at, '\0' });
}

static void test_passing(void)
{
	TEST("without a fault bytes pass as they came, however they were cut") {
		fake_begin();
		ask(GET_A POST_A);
		say_in_pieces(FLOW_REQUESTS,
			      CHUNKED_HEAD "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" GET_A);
		CHECK_UP(GET_A POST_A CHUNKED_HEAD "3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" GET_A);
		say_in_pieces(FLOW_ANSWERS, OK_1 OK_CHUNKED);
		answer("HTTP/1.1 100 Continue\r\n\r\n" OK_1 "HTTP/1.1 204 No Content\r\n\r\n");
		CHECK_DOWN(OK_1 OK_CHUNKED "HTTP/1.1 100 Continue\r\n\r\n" OK_1
					   "HTTP/1.1 204 No Content\r\n\r\n");
		CHECK_INT(fake.edge.stats.calls, 4);
		CHECK_INT(fake.edge.not_http, 0);
		fake_end();
	}
	TEST("an answer to HEAD has no body, whatever its head says") {
		fake_begin();
		fake_arm(&call_abort, "{ status: 503 }")->fault.match.nth = 2;
		ask("HEAD /a HTTP/1.1\r\n\r\n");
		answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
		ask(GET_A);
		CHECK_INT(fake.hit_count, 1);
		fake_end();
	}
	TEST("an end is passed on after all bytes, those of a torn message too") {
		fake_begin();
		ask(GET_A "GET /torn HTT");
		CHECK_UP(GET_A);
		http_end(fake.relay.http, FLOW_REQUESTS);
		CHECK_UP("GET /torn HTT");
		CHECK_INT(fake.ends[FLOW_REQUESTS], 1);
		answer("HTTP/1.1 200 OK\r\n\r\nuntil the end");
		http_end(fake.relay.http, FLOW_ANSWERS);
		CHECK_DOWN("HTTP/1.1 200 OK\r\n\r\nuntil the end");
		CHECK_INT(fake.ends[FLOW_ANSWERS], 1);
		fake_end();
	}
	TEST("what is not HTTP passes as bytes, and call faults leave it alone") {
		fake_begin();
		fake_arm(&call_abort, "{}");
		ask("SSH-2.0-OpenSSH\r\n");
		ask(GET_A);
		CHECK_UP("SSH-2.0-OpenSSH\r\n" GET_A);
		answer("any\0thing");
		CHECK_DOWN("any");
		CHECK_INT(fake.edge.not_http, 1);
		CHECK_INT(fake.hit_count, 0);
		fake_end();
	}
	TEST("after 101 the connection is plain in both directions") {
		fake_begin();
		ask("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n");
		fake_arm(&call_abort, "{}");
		ask("\x81\x05hello");
		answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: ws\r\n\r\n\x81\x02hi");
		CHECK_UP(
			"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n\x81\x05hello");
		CHECK_DOWN("HTTP/1.1 101 Switching Protocols\r\nUpgrade: ws\r\n\r\n\x81\x02hi");
		ask(GET_A);
		CHECK_UP(GET_A);
		CHECK_INT(fake.edge.not_http + fake.hit_count, 0);
		fake_end();
	}
	TEST("an upgrade that is declined is a call like any other") {
		fake_begin();
		ask("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" GET_A);
		CHECK_UP("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
		answer(OK_1);
		CHECK_UP(GET_A);
		fake_end();
	}
}

static void test_abort(void)
{
	TEST("abort: upstream sees nothing of the call, the caller a reset") {
		fake_begin();
		fake_arm(&call_abort, "{}");
		ask(POST_A);
		CHECK_UP("");
		CHECK_DOWN("");
		CHECK(left_with(ENDING_RESET));
		CHECK_INT(fake.hit_count, 1);
		CHECK_INT(fake.hits[0].kind, HIT_BEFORE);
		CHECK_INT(fake.hits[0].status, 0);
		fake_end();
	}
	TEST("abort with a status: the caller is answered and stays connected") {
		fake_begin();
		only(fake_arm(&call_abort, "{ status: 503, body: '{}' }"), "/a");
		say_in_pieces(FLOW_REQUESTS, POST_A);
		CHECK_UP("");
		CHECK_DOWN("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
			   "X-Sagastorm-Fault: abort\r\nContent-Length: 2\r\n\r\n{}");
		check_goes_on();
		fake_end();
	}
	TEST("abort: who waits for 100-continue is answered at once, and closed") {
		fake_begin();
		fake_arm(&call_abort, "{ status: 503 }");
		ask("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
		CHECK(strstr(fake_passed(FLOW_ANSWERS), "\r\nConnection: close\r\n"));
		CHECK(left_with(ENDING_FLUSH));
		CHECK_UP("");
		fake_end();
	}
	TEST("abort in a pipeline: order is kept, the others pass") {
		fake_begin();
		only(fake_arm(&call_abort, "{ status: 503, body: b }"), "/b");
		ask(GET_A GET_B GET_C);
		CHECK_UP(GET_A);
		CHECK_DOWN("");
		answer(OK_1);
		CHECK_DOWN(OK_1 "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
				"X-Sagastorm-Fault: abort\r\nContent-Length: 1\r\n\r\nb");
		CHECK_UP(GET_C);
		answer(OK_2);
		CHECK_DOWN(OK_2);
		fake_end();
	}
}

static void test_lose_reply(void)
{
	TEST("lose-reply: upstream gets the call; with its last byte the caller is reset") {
		fake_begin();
		fake_arm(&call_lose_reply, "{}");
		ask(POST_A);
		CHECK_UP(POST_A);
		answer("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\ntw");
		CHECK(!fake.relay.ended);
		CHECK_INT(fake.hit_count, 0);
		answer("o");
		CHECK(left_with(ENDING_RESET));
		CHECK_DOWN("");
		CHECK_INT(fake.hit_count, 1);
		CHECK_INT(fake.hits[0].kind, HIT_AFTER);
		CHECK_INT(fake.hits[0].status, 201);
		fake_end();
	}
	TEST("lose-reply is no hit when the answer never came whole, and passes what came") {
		fake_begin();
		fake_arm(&call_lose_reply, "{}");
		ask(GET_A);
		answer("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nhalf");
		CHECK_DOWN("");
		http_end(fake.relay.http, FLOW_ANSWERS);
		CHECK_DOWN("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nhalf");
		CHECK_INT(fake.ends[FLOW_ANSWERS], 1);
		CHECK_INT(fake.hit_count, 0);
		fake_end();
	}
	TEST("lose-reply knows the end of chunks, and of an answer without a length") {
		fake_begin();
		fake_arm(&call_lose_reply, "{ status: 502, body: b }");
		ask(GET_A);
		say_in_pieces(FLOW_ANSWERS, OK_CHUNKED);
		CHECK_DOWN("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n"
			   "X-Sagastorm-Fault: lose-reply\r\nContent-Length: 1\r\n\r\nb");
		ask(GET_A);
		answer("HTTP/1.1 200 OK\r\n\r\nall of it");
		CHECK_INT(fake.hit_count, 1);
		http_end(fake.relay.http, FLOW_ANSWERS);
		CHECK_INT(fake.hit_count, 2);
		CHECK(strstr(fake_passed(FLOW_ANSWERS), "\r\nConnection: close\r\n"));
		CHECK_INT(fake.ends[FLOW_ANSWERS], 1);
		fake_end();
	}
}

static void test_lost_in_silence(void)
{
	TEST("lose-reply by timeout: silence, also when healed, until the caller gives up") {
		fake_begin();
		struct armed *armed = fake_arm(&call_lose_reply, "{ caller-gets: timeout }");

		ask(GET_A);
		answer(OK_1);
		CHECK_INT(fake.hit_count, 1);
		fake_heal(armed);
		ask(GET_B);
		http_end(fake.relay.http, FLOW_ANSWERS);
		CHECK(!fake.relay.ended && !fake.ends[FLOW_ANSWERS]);
		CHECK_DOWN("");
		CHECK_UP(GET_A);
		http_end(fake.relay.http, FLOW_REQUESTS);
		CHECK(left_with(ENDING_CLOSE));
		fake_end();
	}
	TEST("lose-reply by timeout: who never gives up is reset in the end") {
		fake_begin();
		fake_arm(&call_lose_reply, "{ caller-gets: timeout, silence: 1s }");
		ask(GET_A);
		answer(OK_1);
		CHECK(!fake.relay.ended && fake_ring());
		CHECK(left_with(ENDING_RESET));
		fake_end();
	}
	TEST("lose-reply: an interim answer passes, it is not the answer") {
		fake_begin();
		fake_arm(&call_lose_reply, "{}");
		ask("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
		answer("HTTP/1.1 100 Continue\r\n\r\n");
		CHECK_DOWN("HTTP/1.1 100 Continue\r\n\r\n");
		ask("xy");
		CHECK_INT(fake.hit_count, 0);
		answer(OK_1);
		CHECK_INT(fake.hit_count, 1);
		fake_end();
	}
	TEST("an answer too large to be kept passes, and is counted as such") {
		fake_begin();
		struct armed *armed = fake_arm(&call_lose_reply, "{}");
		char *big = memory_new(CALL_KEEP_MAX);

		memset(big, 'x', CALL_KEEP_MAX - 1);
		ask(GET_A);
		answer("HTTP/1.1 200 OK\r\nContent-Length: 1048578\r\n\r\n");
		answer(big);
		CHECK_INT(fake.passed[FLOW_ANSWERS].length, CALL_KEEP_MAX - 1 + 44);
		answer("yyy");
		CHECK_INT(fake.passed[FLOW_ANSWERS].length, CALL_KEEP_MAX + 2 + 44);
		CHECK_INT(armed->too_large, 1);
		CHECK_INT(armed->hits, 0);
		fake_passed(FLOW_ANSWERS);
		fake_passed(FLOW_REQUESTS);
		only(armed, "/a");
		check_goes_on();
		free(big);
		fake_end();
	}
}

static void test_delay(void)
{
	TEST("delay: the call goes on when its time has come, and others behind it wait") {
		fake_begin();
		only(fake_arm(&call_delay, "{ delay: 800ms }"), "/a");
		ask(POST_A GET_B);
		CHECK_UP("");
		CHECK_INT(fake.hits[0].kind, HIT_CHANGED);
		CHECK_INT(fake.hits[0].delay_us, 800000);
		CHECK(fake_ring());
		CHECK_UP(POST_A);
		answer(OK_1);
		CHECK_UP(GET_B);
		answer(OK_2);
		CHECK_DOWN(OK_1 OK_2);
		check_goes_on();
		fake_end();
	}
	TEST("delay: jitter is drawn for each call, on both sides") {
		int64_t low = INT64_MAX, high = 0;

		fake_begin();
		fake_arm(&call_delay, "{ delay: 100ms, jitter: 50ms }");
		for (int i = 0; i < 60; i++) {
			ask(GET_A);
			low = fake.hits[i].delay_us < low ? fake.hits[i].delay_us : low;
			high = fake.hits[i].delay_us > high ? fake.hits[i].delay_us : high;
			fake_ring();
			answer(OK_1);
		}
		CHECK(low >= 50000 && low < 60000 && high > 140000 && high <= 150000);
		fake_end();
	}
	TEST("delay: healed, the call goes on at once") {
		fake_begin();
		fake_heal((ask(""), fake_arm(&call_delay, "{ delay: 9s }")));
		struct armed *armed = fake_arm(&call_delay, "{ delay: 9s }");

		ask(GET_A);
		CHECK_UP("");
		fake_heal(armed);
		CHECK_UP(GET_A);
		answer(OK_1);
		CHECK_DOWN(OK_1);
		check_goes_on();
		fake_end();
	}
	TEST("delay: the call of a caller that has left takes place all the same") {
		fake_begin();
		fake_arm(&call_delay, "{ delay: 1s }");
		ask(POST_A);
		http_end(fake.relay.http, FLOW_REQUESTS);
		CHECK_INT(fake.ends[FLOW_REQUESTS], 0);
		fake_ring();
		CHECK_UP(POST_A);
		answer(OK_1);
		CHECK_INT(fake.ends[FLOW_REQUESTS], 1);
		fake_end();
	}
}

static void test_replace_and_truncate(void)
{
	TEST("replace: status, body and headers, each alone or together") {
		fake_begin();
		struct armed *armed = fake_arm(&call_replace, "{ status: 500 }");

		ask(GET_A);
		answer("HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "3\r\nabc\r\n0\r\n\r\n");
		CHECK_DOWN(
			"HTTP/1.1 500 Internal Server Error\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabc");
		fake_settings(&armed->fault, "{ headers: [ 'x-a: 2', 'B: c' ] }");
		ask(GET_A);
		answer("HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 3\r\n\r\nabc");
		CHECK_DOWN("HTTP/1.1 200 OK\r\nx-a: 2\r\nB: c\r\nContent-Length: 3\r\n\r\nabc");
		fake_settings(&armed->fault, "{ status: 404, body: gone }");
		ask("HEAD /a HTTP/1.1\r\n\r\n");
		answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n");
		CHECK_DOWN("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
			   "X-Sagastorm-Fault: replace\r\nContent-Length: 4\r\n\r\n");
		CHECK_INT(fake.hits[2].status, 200);
		CHECK_INT(fake.hits[2].kind, HIT_CHANGED);
		fake_end();
	}
	TEST("truncate: after so many bytes, or a share, the connection ends") {
		fake_begin();
		fake_arm(&call_truncate, "{ after: 2 }");
		ask(GET_A);
		say_in_pieces(FLOW_ANSWERS, OK_1);
		CHECK_DOWN("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\non");
		CHECK(left_with(ENDING_RESET));
		fake_end();
		fake_begin();
		fake_arm(&call_truncate, "{ after-share: 50%, caller-gets: hang-up }");
		ask(GET_A);
		answer(OK_CHUNKED);
		CHECK_DOWN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r");
		CHECK(left_with(ENDING_FLUSH));
		CHECK_INT(fake.hit_count, 1);
		fake_end();
	}
	TEST("truncate leaves an answer alone that is over before") {
		fake_begin();
		fake_arm(&call_truncate, "{ after: 3 }");
		ask(GET_A);
		answer(OK_1);
		CHECK_DOWN(OK_1);
		fake_passed(FLOW_REQUESTS);
		check_goes_on();
		CHECK_INT(fake.hit_count, 0);
		fake_end();
	}
}

static void test_duplicate(void)
{
	TEST("duplicate: the call is sent when it is whole; no hit where the second can't be") {
		fake_begin();
		struct armed *armed = fake_arm(&call_duplicate, "{}");

		ask("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel");
		CHECK_UP("");
		CHECK_INT(armed->promised, 1);
		ask("lo");
		CHECK_UP("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
		CHECK(fake_ring());
		CHECK_INT(fake.dials, 1);
		answer(OK_1);
		CHECK_DOWN(OK_1);
		CHECK_INT(armed->promised + armed->hits, 0);
		only(armed, "/a");
		check_goes_on();
		fake_end();
	}
	TEST("duplicate: who waits for 100-continue is told to go on, once") {
		fake_begin();
		fake_arm(&call_duplicate, "{}");
		ask("PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
		CHECK_DOWN("HTTP/1.1 100 Continue\r\n\r\n");
		ask("xy");
		answer("HTTP/1.1 100 Continue\r\n\r\n" OK_1);
		CHECK_DOWN(OK_1);
		fake_end();
	}
	TEST("duplicate: a call too large to be kept is sent once") {
		fake_begin();
		struct armed *armed = fake_arm(&call_duplicate, "{}");
		char *big = memory_new(CALL_KEEP_MAX + 1);

		memset(big, 'x', CALL_KEEP_MAX);
		ask("POST /a HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n");
		ask(big);
		CHECK_INT(fake.passed[FLOW_REQUESTS].length, CALL_KEEP_MAX + 45);
		ask("y");
		answer(OK_1);
		CHECK_DOWN(OK_1);
		CHECK_INT(armed->too_large, 1);
		CHECK_INT(armed->promised + armed->hits + fake.dials, 0);
		free(big);
		fake_end();
	}
	TEST("duplicate: where the second fails, its caller gets the answer to the first") {
		fake_begin();
		fake_arm(&call_duplicate, "{ answer: second }");
		ask(GET_A);
		answer(OK_1);
		CHECK_DOWN("");
		CHECK(fake_ring());
		CHECK_DOWN(OK_1);
		fake_end();
	}
}

static void test_several(void)
{
	TEST("delay, then replace, then lose-reply: each in turn, on one call") {
		fake_begin();
		fake_arm(&call_delay, "{ delay: 1s }");
		fake_arm(&call_replace, "{ status: 500 }");
		fake_arm(&call_lose_reply, "{}");
		ask(GET_A);
		CHECK_UP("");
		fake_ring();
		CHECK_UP(GET_A);
		answer(OK_1);
		CHECK(left_with(ENDING_RESET));
		CHECK_INT(fake.hit_count, 3);
		fake_end();
	}
	TEST("replace, then truncate: what is cut is what was written") {
		fake_begin();
		fake_arm(&call_replace, "{ body: '0123456789', headers: [ 'Content-Type: a' ] }");
		fake_arm(&call_truncate, "{ after-share: 40% }");
		ask(GET_A);
		answer(OK_1);
		CHECK_DOWN("HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 10\r\n\r\n0123");
		CHECK_INT(fake.hit_count, 2);
		fake_end();
	}
	TEST("times: never more hits than that, also with calls under way") {
		fake_begin();
		struct armed *armed = fake_arm(&call_duplicate, "{}");

		armed->fault.times = 1;
		ask(GET_A GET_B);
		answer(OK_1);
		CHECK_INT(armed->promised, 1);
		CHECK_UP(GET_A GET_B);
		fake_end();
	}
	TEST("nth and share count calls over the life of the fault") {
		int hit = 0;

		fake_begin();
		struct armed *armed = fake_arm(&call_replace, "{ status: 500 }");

		armed->fault.match.nth = 3;
		for (int i = 1; i <= 5; i++) {
			ask(GET_A);
			answer(OK_1);
			CHECK_INT(armed->hits, i >= 3);
		}
		armed->fault.match.nth = 0;
		armed->fault.share = 0.3;
		for (int i = 0; i < 400; i++) {
			ask(GET_A);
			answer(OK_1);
		}
		hit = (int)armed->hits - 1;
		CHECK_NEAR(hit, 120, 30);
		CHECK_INT(armed->matched, 405);
		fake_end();
	}
}

static void test_watches(void)
{
	TEST("a watch tells of the nth call, once, and holds nothing unless asked to") {
		fake_begin();
		fake_arm(NULL, NULL)->fault.trigger.match.nth = 2;
		ask(GET_A);
		CHECK_INT(fake.told, 0);
		ask(GET_B GET_C);
		CHECK_INT(fake.told, 1);
		CHECK_UP(GET_A GET_B GET_C);
		fake_end();
	}
	TEST("a watch for every third counts on while it has told and is not set again") {
		fake_begin();
		struct armed *watch = fake_arm(NULL, NULL);

		watch->fault.trigger.match.every = 3;
		ask(GET_A GET_A GET_A GET_A);
		CHECK_INT(fake.told, 1);
		watch->told = false;
		ask(GET_A);
		CHECK_INT(fake.told, 1);
		ask(GET_A);
		CHECK_INT(fake.told, 2);
		fake_end();
	}
	TEST("a held call meets what is armed while it waits") {
		fake_begin();
		struct armed *watch = fake_arm(NULL, NULL);

		watch->fault.trigger.hold = true;
		ask(POST_A);
		CHECK_INT(fake.told, 1);
		CHECK_UP("");
		fake_arm(&call_abort, "{}");
		watch->released = true;
		http_changed(fake.relay.http, watch);
		CHECK_INT(fake.hit_count, 1);
		CHECK(left_with(ENDING_RESET));
		CHECK_UP("");
		fake_end();
	}
	TEST("a held call goes on after a second, or when the watch goes") {
		fake_begin();
		fake_arm(NULL, NULL)->fault.trigger.hold = true;
		ask(POST_A);
		CHECK(fake_ring());
		CHECK_UP(POST_A);
		fake_end();
		fake_begin();
		struct armed *watch = fake_arm(NULL, NULL);

		watch->fault.trigger.hold = true;
		ask(POST_A);
		fake_heal(watch);
		CHECK_UP(POST_A);
		fake_end();
	}
}

static void test_back_pressure(void)
{
	TEST("what waits behind a treated call is bounded: its source is paused") {
		char many[66000];

		fake_begin();
		only(fake_arm(&call_delay, "{ delay: 1s }"), "/a");
		memset(many, 'x', sizeof(many) - 1);
		many[sizeof(many) - 1] = '\0';
		ask("POST /a HTTP/1.1\r\nContent-Length: 65999\r\n\r\n");
		CHECK(!fake.paused[FLOW_REQUESTS]);
		ask(many);
		CHECK(fake.paused[FLOW_REQUESTS]);
		fake_ring();
		CHECK(!fake.paused[FLOW_REQUESTS]);
		CHECK_INT(strlen(fake_passed(FLOW_REQUESTS)), 65999 + 43);
		answer(OK_1);
		CHECK_DOWN(OK_1);
		check_goes_on();
		fake_end();
	}
	TEST("a pipeline without end waits in its lane, and goes on with the answers") {
		fake_begin();
		for (int i = 0; i < 100; i++)
			ask(GET_A);
		CHECK_INT(strlen(fake_passed(FLOW_REQUESTS)), 32 * strlen(GET_A));
		for (int i = 0; i < 100; i++)
			answer(OK_1);
		CHECK_INT(strlen(fake_passed(FLOW_REQUESTS)), 68 * strlen(GET_A));
		CHECK_INT(strlen(fake_passed(FLOW_ANSWERS)), 100 * strlen(OK_1));
		fake_end();
	}
}

int main(void)
{
	test_passing();
	test_abort();
	test_lose_reply();
	test_lost_in_silence();
	test_delay();
	test_replace_and_truncate();
	test_duplicate();
	test_several();
	test_watches();
	test_back_pressure();
	return tap_done();
}
