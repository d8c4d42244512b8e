/* One exchange with each kind of manners, the same by both transports. */
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "tests/unit/asking.h"
#include "tests/unit/tap.h"

struct example {
	const char *name;
	const char *path;
	enum http_method method;
	const char *body_sent; /* NULL: none */
	int64_t timeout_us;
	enum failure failure;
	int status;
	const char *body;      /* NULL: not looked at */
	const char *header;    /* among the headers; NULL: not looked at */
	bool unwanted;         /* the body is not wanted */
	bool closes;
};

#define QUICK (150 * US_PER_MS)

static const struct example examples[] = {
	{ "a small body", "/small", .status = 200, .body = "hello", .header = "X-Mood: fine\r\n" },
	{ "a body nobody wants", "/small", .status = 200, .body = "", .unwanted = true },
	{ "a chunked body", "/chunked", .status = 200, .body = "hello" },
	{ "chunks cut anywhere", "/chunked-slowly", .status = 200, .body = "hello" },
	{ "trailers", "/trailers", .status = 200, .body = "hello", .header = "Trailer: X-Sum\r\n" },
	{ "a body that ends with the connection", "/until-close", .status = 200, .body = "hello",
	  .closes = true },
	{ "the same, all at once", "/until-close-at-once", .status = 200, .body = "hello",
	  .closes = true },
	{ "HTTP/1.0", "/http10", .status = 200, .body = "hello", .closes = true },
	{ "gzip is passed on", "/gzip", .status = 200, .header = "Content-Encoding: gzip\r\n" },
	{ "HEAD", "/small", METHOD_HEAD, .status = 200, .body = "", .header = "Content-Length: 5\r\n" },
	{ "100 and 103 before the answer", "/interim", .status = 200, .body = "hello" },
	{ "204", "/no-content", .status = 204, .body = "" },
	{ "304 with a length", "/not-modified", .status = 304, .body = "" },
	{ "a redirect is not followed", "/redirect", .status = 302, .body = "there",
	  .header = "Location: /small\r\n" },
	{ "a status of 400 and above is no failure here", "/teapot", .status = 418,
	  .body = "short and stout" },
	{ "an answer byte by byte", "/byte-by-byte", .status = 200, .body = "hello" },
	{ "a path that is not there", "/nowhere", .status = 404, .body = "?" },
	{ "no path at all", "", .status = 404, .body = "?" },
	{ "Connection: close", "/said-close", .status = 200, .body = "hello", .closes = true },
	{ "an early answer to a large request", "/early-answer", METHOD_POST, "body", .status = 413,
	  .body = "too much", .closes = true },
	{ "POST", "/measure", METHOD_POST, "abc", .status = 200, .body = "3 294" },
	{ "POST of nothing", "/measure", METHOD_POST, "", .status = 200, .body = "0 0" },
	{ "POST without a body", "/measure", METHOD_POST, .status = 200, .body = "0 0" },
	{ "PUT", "/measure", METHOD_PUT, "abc", .status = 200, .body = "3 294" },
	{ "PATCH", "/measure", METHOD_PATCH, "abc", .status = 200, .body = "3 294" },
	{ "DELETE with a body", "/measure", METHOD_DELETE, "abc", .status = 200, .body = "3 294" },
	{ "DELETE without", "/measure", METHOD_DELETE, .status = 200, .body = "0 0" },
	{ "GET with a body", "/measure", METHOD_GET, "abc", .status = 200, .body = "3 294" },
	{ "OPTIONS", "/small", METHOD_OPTIONS, .status = 200, .body = "hello" },
	{ "125 MB that nobody wants", "/huge", .status = 200, .body = "", .unwanted = true,
	  .timeout_us = 15 * US_PER_S },
	{ "endless chunks that nobody wants", "/endless", .status = 200, .unwanted = true,
	  .timeout_us = 300 * US_PER_MS, .failure = FAILURE_TIMEOUT },

	{ "125 MB that somebody wants", "/huge", .failure = FAILURE_PROTOCOL, .status = 200 },
	{ "endless chunks", "/endless", .failure = FAILURE_PROTOCOL, .status = 200 },
	{ "no answer", "/hang", .timeout_us = QUICK, .failure = FAILURE_TIMEOUT },
	{ "no end of the head", "/hang-in-head", .timeout_us = QUICK, .failure = FAILURE_TIMEOUT },
	{ "no end of the body", "/hang-in-body", .timeout_us = QUICK, .failure = FAILURE_TIMEOUT,
	  .status = 200 },
	{ "closed without an answer", "/drops-all", .failure = FAILURE_RESET },
	{ "closed without an answer to POST", "/drops-all", METHOD_POST, "x",
	  .failure = FAILURE_RESET },
	{ "reset", "/reset", .failure = FAILURE_RESET },
	{ "closed in the head", "/cut-in-head", .failure = FAILURE_RESET },
	{ "closed in the body", "/cut-in-body", .failure = FAILURE_RESET, .status = 200 },
	{ "reset in the body", "/reset-in-body", .failure = FAILURE_RESET, .status = 200 },
	{ "closed in a chunk", "/cut-in-chunk", .failure = FAILURE_RESET, .status = 200 },
	{ "closed between chunks", "/cut-between-chunks", .failure = FAILURE_RESET, .status = 200 },
	{ "closed in a body nobody wants", "/cut-in-body", .failure = FAILURE_RESET, .status = 200,
	  .unwanted = true },
	{ "garbage", "/garbage", .failure = FAILURE_PROTOCOL },
	{ "prose", "/prose", .failure = FAILURE_PROTOCOL },
	{ "HTTP/0.9", "/old-protocol", .failure = FAILURE_PROTOCOL },
	{ "SSH", "/other-protocol", .failure = FAILURE_PROTOCOL },
	{ "two lengths", "/two-lengths", .failure = FAILURE_PROTOCOL },
	{ "a length, and chunked", "/length-and-chunked", .failure = FAILURE_PROTOCOL },
	{ "a length that is no number", "/bad-length", .failure = FAILURE_PROTOCOL },
	{ "a negative length", "/negative-length", .failure = FAILURE_PROTOCOL },
	{ "a length beyond numbers", "/vast-length", .failure = FAILURE_PROTOCOL },
	{ "a bad chunk size", "/bad-chunk", .failure = FAILURE_PROTOCOL, .status = 200 },
	{ "a chunk longer than it said", "/bad-chunk-end", .failure = FAILURE_PROTOCOL,
	  .status = 200 },
	{ "a folded header", "/folded", .failure = FAILURE_PROTOCOL },
	{ "lines that end without CR", "/bare-lf", .failure = FAILURE_PROTOCOL },
	{ "a zero byte in a header", "/zero-byte", .failure = FAILURE_PROTOCOL },
	{ "a header without a colon", "/no-colon", .failure = FAILURE_PROTOCOL },
	{ "a status of five digits", "/status-99999", .failure = FAILURE_PROTOCOL },
	{ "another protocol, unasked", "/switch", .failure = FAILURE_PROTOCOL },
	{ "no end of 103", "/interim-flood", .failure = FAILURE_PROTOCOL },
	{ "a header of 1 MB", "/big-header", .failure = FAILURE_PROTOCOL },
	{ "20,000 headers", "/many-headers", .failure = FAILURE_PROTOCOL },
};

static void try_example(struct asker *asker, const struct example *example)
{
	struct exchange_request request = {
		.method = example->method,
		.path = text_of(example->path),
		.body = text_of(example->body_sent),
		.has_body = example->body_sent != NULL,
		.want_body = !example->unwanted,
		.timeout_us = example->timeout_us,
	};
	const struct exchange_result *saw = ask(asker, ORIGIN_PLAIN, &request);

	CHECK_INT(asker->saw.times, 1);
	CHECK_TEXT(failure_name(saw->failure), failure_name(example->failure));
	if (saw->failure != example->failure || example->failure)
		printf("#   %s\n", saw->detail ? saw->detail : "(no detail)");
	CHECK_INT(saw->status, example->status);
	CHECK(!saw->failure == !saw->detail);
	CHECK(saw->done_us >= saw->sent_us);
	if (example->failure)
		return;
	CHECK(saw->first_byte_us >= saw->sent_us && saw->first_byte_us <= saw->done_us);
	CHECK(saw->bytes_in > 0 && saw->bytes_out > 0);
	CHECK_INT(saw->closes, example->closes);
	CHECK_INT(lane_connected(asker->lanes[ORIGIN_PLAIN]), !example->closes);
	if (example->body)
		CHECK_TEXT(saw_body(asker), example->body);
	if (example->header)
		CHECK(strstr(asker->saw.headers.data, example->header));
}

static void test_examples(const struct hostile *hostile, int kind, bool kept)
{
	struct transfer_settings settings = hostile_settings(hostile);
	struct asker asker;
	char name[128];

	CHECK(asker_init(&asker, both_kinds[kind], &settings));
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		snprintf(name, sizeof(name), "%s%s: %s", kind_names[kind],
			 kept ? ", on a kept connection" : "", examples[i].name);
		if (kept)
			get(&asker, ORIGIN_PLAIN, "/small");
		TEST(name)
			try_example(&asker, &examples[i]);
		if (!kept)
			lane_disconnect(asker.lanes[ORIGIN_PLAIN]);
		tap_close();
	}
	asker_release(&asker);
}

/* What a server sees must not depend on the transport. */
static void test_wire(const struct hostile *hostile)
{
	static const struct {
		enum http_method method;
		const char *path, *headers, *body;
	} requests[] = {
		{ METHOD_GET, "/echo?a=b%20c", "Accept: text/plain\r\nX-A: b\r\n", NULL },
		{ METHOD_GET, "/echo", "X-Empty:\r\nCookie: a=b; c=d\r\n", NULL },
		{ METHOD_POST, "/echo", "Content-Type: text/plain\r\n", "abc" },
		{ METHOD_POST, "/echo", "", "" },
		{ METHOD_PUT, "/echo", "", "abc" },
		{ METHOD_DELETE, "/echo", "", NULL },
	};
	struct transfer_settings settings = hostile_settings(hostile);

	for (int keep = 0; keep < 2; keep++) {
		settings.keep_alive = keep;
		for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
			struct exchange_request request = {
				.method = requests[i].method,
				.path = text_of(requests[i].path),
				.headers = text_of(requests[i].headers),
				.body = text_of(requests[i].body),
				.has_body = requests[i].body != NULL,
				.want_body = true,
			};
			struct asker direct, curl;

			asker_init(&direct, TRANSPORT_DIRECT, &settings);
			asker_init(&curl, TRANSPORT_CURL, &settings);
			ask(&direct, ORIGIN_PLAIN, &request);
			ask(&curl, ORIGIN_PLAIN, &request);
			CHECK(direct.saw.body.length > 0);
			CHECK_TEXT(saw_body(&curl), saw_body(&direct));
			CHECK_INT(curl.saw.result.bytes_in, direct.saw.result.bytes_in);
			CHECK_INT(curl.saw.result.bytes_out, direct.saw.result.bytes_out);
			CHECK_INT(curl.saw.result.closes, direct.saw.result.closes);
			asker_release(&direct);
			asker_release(&curl);
		}
	}
}

static void test_large_post(const struct hostile *hostile, int kind, int origin)
{
	struct transfer_settings settings = hostile_settings(hostile);
	size_t length = 1 << 20;
	char *body = memory_new(length + 1), expected[64];
	struct asker asker;
	uint64_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		body[i] = (char)('a' + i % 23);
		sum += (unsigned char)body[i];
	}
	snprintf(expected, sizeof(expected), "%zu %" PRIu64, length, sum);
	CHECK(asker_init(&asker, both_kinds[kind], &settings));
	for (int i = 0; i < 2; i++) {
		ask(&asker, origin,
		    &(struct exchange_request){
			    .method = METHOD_POST,
			    .path = text_of("/slow-reader"),
			    .body = { body, length },
			    .has_body = true,
			    .want_body = true,
			    .timeout_us = 10 * US_PER_S,
		    });
		CHECK_INT(asker.saw.result.failure, FAILURE_NONE);
		CHECK_TEXT(saw_body(&asker), expected);
		CHECK(asker.saw.result.bytes_out > length);
		CHECK_INT(asker.saw.result.new_connection, i == 0);
	}
	asker_release(&asker);
	free(body);
}

static void test_large_answer(const struct hostile *hostile, int kind, int origin)
{
	struct transfer_settings settings = hostile_settings(hostile);
	struct asker asker;
	int wrong = 0;

	CHECK(asker_init(&asker, both_kinds[kind], &settings));
	for (int i = 0; i < 3; i++) {
		get(&asker, origin, "/large");
		CHECK_INT(asker.saw.result.failure, FAILURE_NONE);
		CHECK_INT(asker.saw.body.length, 1 << 20);
		for (size_t at = 0; at < asker.saw.body.length; at++)
			wrong += (unsigned char)asker.saw.body.data[at] != at % 256;
		CHECK_INT(wrong, 0);
	}
	asker_release(&asker);
}

int main(void)
{
	struct hostile hostile;
	char name[96];

	if (!hostile_start(&hostile))
		return 1;
	for (int kind = 0; kind < 2; kind++) {
		test_examples(&hostile, kind, false);
		test_examples(&hostile, kind, true);
		for (int origin = ORIGIN_PLAIN; origin <= ORIGIN_GOOD; origin++) {
			const char *over = origin == ORIGIN_GOOD ? " over TLS" : "";

			snprintf(name, sizeof(name), "%s: 1 MB to a slow reader%s",
				 kind_names[kind], over);
			TEST(name)
				test_large_post(&hostile, kind, origin);
			tap_close();
			snprintf(name, sizeof(name), "%s: 1 MB comes whole%s", kind_names[kind],
				 over);
			TEST(name)
				test_large_answer(&hostile, kind, origin);
			tap_close();
		}
	}
	TEST("both transports send the same bytes")
		test_wire(&hostile);
	tap_close();
	hostile_stop(&hostile);
	return tap_done();
}
