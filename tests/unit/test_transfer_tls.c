/* Whom the transports trust, the same by both. */
#include "lib/clock.h"
#include "tests/unit/asking.h"
#include "tests/unit/tap.h"

struct trust {
	const char *name;
	int origin;
	enum failure failure;
	bool other_ca;      /* trust that one instead */
	bool system_ca;     /* trust what the system does */
	bool no_check;
	bool own;           /* show a client certificate */
	bool late;          /* refused after the handshake, and the reason may get lost with the
			     * connection */
	const char *sni;
	const char *body;   /* of /server-name; NULL: not looked at */
};

static const struct trust trusts[] = {
	{ "a good certificate", ORIGIN_GOOD, .body = "localhost" },
	{ "a good certificate for an address", ORIGIN_ADDRESS, .body = "none" },
	{ "an authority that is not ours", ORIGIN_GOOD, .failure = FAILURE_TLS, .other_ca = true },
	{ "an authority that the system does not know", ORIGIN_GOOD, .failure = FAILURE_TLS, .system_ca = true },
	{ "an authority that is not ours, unchecked", ORIGIN_GOOD, .other_ca = true,
	  .no_check = true, .body = "localhost" },
	{ "another host's certificate", ORIGIN_STRANGER, .failure = FAILURE_TLS },
	{ "another host's certificate, unchecked", ORIGIN_STRANGER, .no_check = true },
	{ "another host's certificate, asked for by its name", ORIGIN_STRANGER,
	  .sni = "stranger.test", .body = "stranger.test" },
	{ "a name that the certificate lacks", ORIGIN_GOOD, .failure = FAILURE_TLS, .sni = "stranger.test" },
	{ "a borrowed name", ORIGIN_ADDRESS, .sni = "shop.test", .body = "shop.test" },
	{ "an expired certificate", ORIGIN_EXPIRED, .failure = FAILURE_TLS },
	{ "a client certificate that is wanted", ORIGIN_MUTUAL, .own = true },
	{ "a client certificate that is missing", ORIGIN_MUTUAL, .failure = FAILURE_TLS,
	  .late = true },
	{ "a client certificate that nobody wants", ORIGIN_GOOD, .own = true },
	{ "a server that speaks no TLS", ORIGIN_CONFUSED, .failure = FAILURE_TLS },
	{ "a server that never shakes hands", ORIGIN_SILENT, .failure = FAILURE_TLS },
};

static void try_trust(const struct hostile *hostile, int kind, const struct trust *trust)
{
	struct transfer_settings settings = hostile_settings(hostile);
	const struct exchange_result *saw;
	struct asker asker;

	settings.ca = trust->system_ca ? NULL : trust->other_ca ? hostile->other_ca : hostile->ca;
	settings.verify = !trust->no_check;
	settings.sni = trust->sni;
	settings.certificate = trust->own ? hostile->certificate : NULL;
	settings.key = trust->own ? hostile->key : NULL;
	if (!CHECK(asker_init(&asker, both_kinds[kind], &settings))) {
		printf("#   %s\n", asker.error.text);
		return;
	}
	for (int i = 0; i < 2; i++) {
		saw = get(&asker, trust->origin, "/server-name");
		CHECK_INT(asker.saw.times, 1);
		if (!(trust->late && saw->failure == FAILURE_RESET))
			CHECK_TEXT(failure_name(saw->failure), failure_name(trust->failure));
		if (saw->detail)
			printf("#   %s\n", saw->detail);
		if (trust->body && !saw->failure)
			CHECK_TEXT(saw_body(&asker), trust->body);
		if (saw->failure)
			continue;
		CHECK_INT(saw->new_connection, i == 0);
		CHECK_INT(saw->tls_us > 0, i == 0);
		printf("#   dns %u us, connect %u us, tls %u us\n", saw->dns_us, saw->connect_us,
		       saw->tls_us);
	}
	CHECK_INT(transport_connections(asker.transport), trust->failure ? 0 : 1);
	asker_release(&asker);
}

struct ending {
	const char *name, *path;
	enum failure failure;
	const char *body;
	bool unwanted;
};

static const struct ending endings[] = {
	{ "a small body", "/small", FAILURE_NONE, "hello", false },
	{ "an answer byte by byte", "/byte-by-byte", FAILURE_NONE, "hello", false },
	{ "125 MB that nobody wants", "/huge", FAILURE_NONE, "", true },
	{ "125 MB that somebody wants", "/huge", FAILURE_PROTOCOL, "", false },
	{ "an orderly end of TLS in the body", "/goodbye-in-body", FAILURE_RESET, NULL, false },
	{ "no orderly end of TLS in the body", "/cut-in-body", FAILURE_RESET, NULL, false },
	{ "a body that ends with the connection", "/until-close", FAILURE_NONE, "hello", false },
	{ "the same, all at once", "/until-close-at-once", FAILURE_NONE, "hello", false },
	{ "reset in the body", "/reset-in-body", FAILURE_RESET, NULL, false },
	{ "closed without an answer", "/drops-all", FAILURE_RESET, NULL, false },
	{ "garbage", "/garbage", FAILURE_PROTOCOL, NULL, false },
};

static void try_ending(struct asker *asker, const struct ending *ending)
{
	const struct exchange_result *saw =
		ask(asker, ORIGIN_GOOD,
		    &(struct exchange_request){ .path = text_of(ending->path),
						.want_body = !ending->unwanted,
						.timeout_us = 15 * US_PER_S });

	CHECK_TEXT(failure_name(saw->failure), failure_name(ending->failure));
	if (saw->detail)
		printf("#   %s\n", saw->detail);
	if (ending->body && !ending->failure)
		CHECK_TEXT(saw_body(asker), ending->body);
}

static void test_endings(const struct hostile *hostile, int kind)
{
	struct transfer_settings settings = hostile_settings(hostile);
	struct asker asker;
	char name[128];

	CHECK(asker_init(&asker, both_kinds[kind], &settings));
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		snprintf(name, sizeof(name), "%s over TLS: %s", kind_names[kind], endings[i].name);
		TEST(name)
			try_ending(&asker, &endings[i]);
		tap_close();
	}
	asker_release(&asker);
}

static void test_bad_files(const struct hostile *hostile, int kind)
{
	struct transfer_settings settings = hostile_settings(hostile);
	struct asker asker;

	settings.ca = "/nonexistent/ca.pem";
	CHECK(!asker_init(&asker, both_kinds[kind], &settings));
	CHECK(strstr(asker.error.text, "/nonexistent/ca.pem"));
	asker_release(&asker);
	settings = hostile_settings(hostile);
	settings.certificate = hostile->certificate;
	settings.key = hostile->ca; /* no key in there */
	CHECK(!asker_init(&asker, both_kinds[kind], &settings));
	CHECK(strstr(asker.error.text, "ca.pem"));
	asker_release(&asker);
}

/* Loading the system's certificates for each connection would take seconds here. */
static void test_cheap_handshakes(const struct hostile *hostile, int kind)
{
	struct transfer_settings settings = hostile_settings(hostile);
	int64_t cpu_us = clock_cpu_us();
	struct asker asker;
	int failures = 0;

	CHECK(asker_init(&asker, both_kinds[kind], &settings));
	for (int i = 0; i < 20; i++) {
		get(&asker, ORIGIN_GOOD, "/small");
		failures += asker.saw.result.failure != FAILURE_NONE;
		lane_disconnect(asker.lanes[ORIGIN_GOOD]);
	}
	cpu_us = clock_cpu_us() - cpu_us;
	CHECK_INT(failures, 0);
	printf("#   %d us of CPU for a connection, a handshake and a request\n", (int)cpu_us / 20);
	CHECK(cpu_us / 20 < 20000);
	asker_release(&asker);
}

static void test_http2(const struct hostile *hostile)
{
	struct transfer_settings settings = hostile_settings(hostile);
	struct asker asker;
	const char *why;

	settings.version = HTTP_2;
	CHECK_INT(transport_choose(&settings, &why), TRANSPORT_CURL);
	CHECK_TEXT(why, "HTTP/2 is asked for");
	CHECK(!asker_init(&asker, TRANSPORT_DIRECT, &settings));
	asker_release(&asker);
	CHECK(asker_init(&asker, TRANSPORT_CURL, &settings));
	get(&asker, ORIGIN_GOOD,
	    "/small"); /* the server knows only HTTP/1.1, which is then taken */
	CHECK_INT(asker.saw.result.failure, FAILURE_NONE);
	CHECK_INT(asker.saw.result.minor, 1);
	asker_release(&asker);
}

int main(void)
{
	struct hostile hostile;
	char name[128];

	if (!hostile_start(&hostile))
		return 1;
	for (int kind = 0; kind < 2; kind++) {
		for (size_t i = 0; i < sizeof(trusts) / sizeof(*trusts); i++) {
			snprintf(name, sizeof(name), "%s: %s", kind_names[kind], trusts[i].name);
			TEST(name)
				try_trust(&hostile, kind, &trusts[i]);
			tap_close();
		}
		test_endings(&hostile, kind);
		snprintf(name, sizeof(name), "%s: unreadable certificates are named",
			 kind_names[kind]);
		TEST(name)
			test_bad_files(&hostile, kind);
		tap_close();
		snprintf(name, sizeof(name), "%s: certificates are loaded once", kind_names[kind]);
		TEST(name)
			test_cheap_handshakes(&hostile, kind);
		tap_close();
	}
	TEST("HTTP/2 is libcurl's, and falls back to HTTP/1.1")
		test_http2(&hostile);
	tap_close();
	hostile_stop(&hostile);
	return tap_done();
}
