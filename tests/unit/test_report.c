/*
 * Every figure of report.json, against a history that was written with known values. Latencies stay
 * below 2048 us where histograms are exact, so the figures must be too.
 */
#include "reports/report.h"

#include <stdlib.h>

#include "tests/unit/made_run.h"
#include "tests/unit/tap.h"

static const char meta[] =
	"{ \"schema\": \"sagastorm/meta/1\", \"name\": \"flash-sale\", \"about\": \"A sale.\","
	"  \"seed\": \"18446744073709551615\", \"started\": \"2025-11-20T10:00:00.250Z\","
	"  \"scenario\": \"sale.yaml\", \"version\": \"9.9\", \"workers\": 1,"
	"  \"transport\": \"direct\", \"target\": \"http://127.0.0.1:8080\","
	"  \"phases\": ["
	"    { \"name\": \"warmup\", \"kind\": \"rate\", \"start_us\": 0, \"duration_us\": 1000000,"
	"      \"rate_from\": 10, \"rate_to\": 10, \"measured\": false, \"planned\": 10 },"
	"    { \"name\": \"sale\", \"kind\": \"rate\", \"start_us\": 1000000,"
	"      \"duration_us\": 2000000, \"rate_from\": 10, \"rate_to\": 10, \"measured\": true,"
	"      \"planned\": 20 },"
	"    { \"name\": \"after\", \"kind\": \"rate\", \"start_us\": 3000000,"
	"      \"duration_us\": 1000000, \"rate_from\": 5, \"rate_to\": 5, \"measured\": true,"
	"      \"planned\": 5 } ],"
	"  \"journeys\": [ \"browse\", \"checkout\" ],"
	"  \"requests\": [ \"GET /products\", \"POST /orders\", \"never\" ],"
	"  \"limits\": { \"lag_us\": 5000, \"dropped\": 0.1, \"cpu\": 0.9, \"stall_us\": 100000 },"
	"  \"environment\": { \"cpus\": 2, \"kernel\": \"6.1\" } }";

enum { GET, POST, NEVER };
enum { WARMUP, SALE, AFTER };
enum { BROWSE, CHECKOUT };

/* 10 in the warm-up; 15 ok, 2 failed, 2 timed out, 1 dropped in the sale; 5 ok after it. */
static const uint64_t books[OUTCOME_COUNT] = { 30, 2, 2, 1 };

static void add_start(struct made_run *run, uint8_t phase, int64_t at_us, enum outcome outcome,
		      enum failure failure)
{
	static uint32_t number;

	made_start(run, &(struct record_start){ .intended_us = at_us,
						.duration_us = 2000,
						.start = number++,
						.requests = 1,
						.phase = phase,
						.outcome = (uint8_t)outcome,
						.failure = (uint8_t)failure,
						.measured = phase != WARMUP });
}

static void add_health(struct made_run *run, int64_t at_us, uint32_t cpu_us, uint32_t stall_us)
{
	struct record_health health = {
		.at_us = at_us, .cpu_us = cpu_us, .stall_us = stall_us, .memory_kib = 4096
	};

	history_put(run->worker, RECORD_HEALTH, 0, &health, sizeof(health));
}

/* GET i of the sale: 10 us late, 100 i us long, on a new connection if i is 1. */
static void add_get(struct made_run *run, uint32_t i)
{
	uint16_t flags = REQUEST_MEASURED | (i == 1 ? REQUEST_NEW_CONNECTION : 0);

	made_request(run,
		     &(struct record_request){ .intended_us = 1000000 + i * 100000,
					       .lag_us = 10,
					       .service_us = 100 * i,
					       .connect_us = 44,
					       .first_byte_us = 90 * i,
					       .bytes_in = 1000,
					       .bytes_out = 100,
					       .status = 200,
					       .name = GET,
					       .phase = SALE },
		     flags);
}

static void add_failure(struct made_run *run, enum failure failure, uint32_t service_us,
			uint16_t flags)
{
	made_request(run,
		     &(struct record_request){ .intended_us = 2600000,
					       .lag_us = 30,
					       .service_us = service_us,
					       .status = failure == FAILURE_HTTP ? 503 : 0,
					       .name = POST,
					       .journey = CHECKOUT,
					       .phase = SALE,
					       .failure = (uint8_t)failure },
		     (uint16_t)(REQUEST_MEASURED | flags));
}

static void add_sale(struct made_run *run)
{
	for (uint32_t i = 1; i <= 15; i++) {
		add_get(run, i);
		add_start(run, SALE, 1000000 + i * 100000, OUTCOME_OK, FAILURE_NONE);
	}
	add_failure(run, FAILURE_HTTP, 300, REQUEST_WILL_RETRY);
	add_failure(run, FAILURE_HTTP, 300, 0);
	add_failure(run, FAILURE_HTTP, 500, 0);
	history_add_text(
		run->worker, RECORD_TEXT, text_subject(FAILURE_HTTP, POST),
		text_of("POST /orders: status 503; body: \"sold <out>\"\xff and \x1b[31mred and "
			"long enough for two records"));
	history_add_text(run->worker, RECORD_TEXT, text_subject(FAILURE_HTTP, POST),
			 text_of("a later sample is not kept"));
	add_start(run, SALE, 2600000, OUTCOME_FAILED, FAILURE_HTTP);
	add_start(run, SALE, 2600000, OUTCOME_FAILED, FAILURE_HTTP);
	add_failure(run, FAILURE_TIMEOUT, 1970, 0);
	add_failure(run, FAILURE_TIMEOUT, 1970, 0);
	add_start(run, SALE, 2700000, OUTCOME_TIMED_OUT, FAILURE_TIMEOUT);
	add_start(run, SALE, 2700000, OUTCOME_TIMED_OUT, FAILURE_TIMEOUT);
	add_start(run, SALE, 2800000, OUTCOME_DROPPED, FAILURE_NONE);
	add_failure(run, FAILURE_INTERRUPTED, 7, 0);
}

static void add_all(struct made_run *run)
{
	for (uint32_t i = 0; i < 10; i++) {
		made_request(run,
			     &(struct record_request){ .intended_us = i * 100000,
						       .lag_us = 900,
						       .service_us = 50000,
						       .failure = FAILURE_RESET },
			     0);
		add_start(run, WARMUP, i * 100000, OUTCOME_OK, FAILURE_NONE);
	}
	add_health(run, 1000000, 999999, 400000);
	add_sale(run);
	add_health(run, 2000000, 200000, 1000);
	add_health(run, 3000000, 400000, 3000);
	for (uint32_t i = 0; i < 5; i++)
		add_start(run, AFTER, 3000000 + i * 200000, OUTCOME_OK, FAILURE_NONE);
	add_health(run, 4000000, 300000, 2000);
}

static void test_head(const json_t *report)
{
	TEST("the head says which run this was") {
		CHECK_TEXT(string_at(report, "schema"), "sagastorm/report/1");
		CHECK_TEXT(string_at(report, "name"), "flash-sale");
		CHECK_TEXT(string_at(report, "seed"), "18446744073709551615");
		CHECK_TEXT(string_at(report, "started"), "2025-11-20T10:00:00.250Z");
		CHECK(number_at(report, "duration_s") == 3.987);
		CHECK_INT(number_at(report, "environment.cpus"), 2);
		CHECK_TEXT(string_at(report, "environment.target"), "http://127.0.0.1:8080");
		CHECK(json_is_null(json_at(report, "interrupted")));
	}
	TEST("a run without findings is valid and passes") {
		CHECK_TEXT(string_at(report, "verdict"), "pass");
		CHECK_INT(number_at(report, "exit_code"), 0);
		CHECK(json_is_true(json_at(report, "validity.valid")));
		CHECK_INT(json_array_size(json_at(report, "validity.reasons")), 0);
		CHECK_TEXT(string_at(report, "gates.0.verdict"), "pass");
		CHECK_INT(number_at(report, "gates.0.actual"), 15);
	}
}

static void test_load(const json_t *report)
{
	TEST("scheduled = ok + failed + timed out + dropped, as recorded") {
		CHECK_INT(number_at(report, "load.scheduled"), 35);
		CHECK_INT(number_at(report, "load.ok"), 30);
		CHECK_INT(number_at(report, "load.failed"), 2);
		CHECK_INT(number_at(report, "load.timed_out"), 2);
		CHECK_INT(number_at(report, "load.dropped"), 1);
	}
	TEST("rates are of measured phases: 25 planned and 24 made in 3 s") {
		CHECK(number_at(report, "load.target_rate") == 8.333);
		CHECK(number_at(report, "load.achieved_rate") == 8.0);
		CHECK(number_at(report, "load.measured_s") == 3.0);
	}
	TEST("lag is that of measured requests") {
		/* 15 of 10 us, 6 of 30: those that were retried or interrupted were sent too. */
		CHECK_INT(number_at(report, "load.lag_us.p50"), 10);
		CHECK_INT(number_at(report, "load.lag_us.p99"), 30);
		CHECK_INT(number_at(report, "load.lag_us.max"), 30);
	}
	TEST("the generator's health is that of measured seconds: median CPU, longest stall") {
		CHECK_NEAR(number_at(report, "load.generator.cpu"), 0.3, 0.001);
		CHECK_INT(number_at(report, "load.generator.stall_us"), 3000);
		CHECK_INT(number_at(report, "load.generator.memory_kib"), 4096);
		CHECK_INT(number_at(report, "load.generator.workers"), 1);
		CHECK_TEXT(string_at(report, "load.generator.transport"), "direct");
	}
	TEST("phases have their own books") {
		CHECK_TEXT(string_at(report, "phases.1.name"), "sale");
		CHECK_INT(number_at(report, "phases.1.planned"), 20);
		CHECK_INT(number_at(report, "phases.1.scheduled"), 20);
		CHECK_INT(number_at(report, "phases.1.ok"), 15);
		CHECK_INT(number_at(report, "phases.1.timed_out"), 2);
		CHECK_INT(number_at(report, "phases.0.ok"), 10);
		CHECK(json_is_false(json_at(report, "phases.0.measured")));
		CHECK(number_at(report, "phases.2.duration_s") == 1.0);
	}
}

static const json_t *request_in(const json_t *report, const char *name, const char *phase)
{
	const json_t *list = json_at(report, "requests"), *request;
	size_t i;

	json_array_foreach(list, i, request) {
		if (strcmp(string_at(request, "name"), name) == 0 &&
		    strcmp(string_at(request, "phase"), phase) == 0)
			return request;
	}
	return NULL;
}

static void test_gets(const json_t *report)
{
	const json_t *all = request_in(report, "GET /products", "all");

	TEST("a name's total holds measured phases only, to the microsecond") {
		CHECK_INT(number_at(all, "count"), 15);
		CHECK_INT(number_at(all, "errors"), 0);
		CHECK_TEXT(string_at(all, "journey"), "browse");
		CHECK(number_at(all, "rate") == 5.0);
		CHECK_INT(number_at(all, "latency_us.p50"), 810);
		CHECK_INT(number_at(all, "latency_us.p90"), 1410);
		CHECK_INT(number_at(all, "latency_us.p95"), 1510);
		CHECK_INT(number_at(all, "latency_us.p99"), 1510);
		CHECK_INT(number_at(all, "latency_us.p999"), 1510);
		CHECK_INT(number_at(all, "latency_us.max"), 1510);
		CHECK(number_at(all, "latency_us.mean") == 810);
		CHECK_INT(number_at(all, "service_us.p50"), 800);
		CHECK_INT(number_at(all, "service_us.max"), 1500);
		CHECK_INT(number_at(all, "bytes_in"), 15000);
		CHECK_INT(number_at(all, "bytes_out"), 1500);
	}
	TEST("connection times are those of new connections, absent ones are null") {
		CHECK_INT(number_at(all, "timing_us.connect.count"), 1);
		CHECK_INT(number_at(all, "timing_us.connect.max"), 44);
		CHECK(json_is_null(json_at(all, "timing_us.dns")));
		CHECK(json_is_null(json_at(all, "timing_us.tls")));
		CHECK_INT(number_at(all, "timing_us.first_byte.count"), 15);
		CHECK_INT(number_at(all, "timing_us.first_byte.max"), 1350);
	}
	TEST("each phase has its own row, also one that is not measured") {
		const json_t *warmup = request_in(report, "GET /products", "warmup");

		CHECK_INT(number_at(warmup, "count"), 10);
		CHECK_INT(number_at(warmup, "errors"), 10);
		CHECK(json_is_false(json_at(warmup, "measured")));
		CHECK_INT(number_at(warmup, "latency_us.max"), 50900);
		CHECK_INT(number_at(request_in(report, "GET /products", "sale"), "count"), 15);
		CHECK(!request_in(report, "GET /products", "after"));
	}
}

static void test_posts(const json_t *report)
{
	const json_t *all = request_in(report, "POST /orders", "all");
	const json_t *never = request_in(report, "never", "all");

	TEST("attempts that are tried again are errors, but not in the name's totals") {
		CHECK_INT(number_at(all, "count"), 4);
		CHECK_INT(number_at(all, "errors"), 4);
		CHECK_INT(number_at(all, "retries"), 1);
		CHECK_INT(number_at(all, "interrupted"), 1);
		CHECK_INT(number_at(all, "latency_us.p50"), 530);
		CHECK_INT(number_at(all, "latency_us.max"), 2000);
		CHECK_INT(number_at(all, "failed_us.count"), 4);
		CHECK(json_is_null(json_at(all, "ok_us")));
		CHECK_TEXT(string_at(all, "journey"), "checkout");
	}
	TEST("a request that was never made is there, with nothing instead of zeros") {
		CHECK_INT(number_at(never, "count"), 0);
		CHECK(json_is_null(json_at(never, "latency_us")));
		CHECK_TEXT(string_at(never, "journey"), "");
	}
	TEST("errors are counted by class and name in measured phases, our own stop is none") {
		CHECK_INT(json_array_size(json_at(report, "errors")), 2);
		CHECK_TEXT(string_at(report, "errors.0.class"), "timeout");
		CHECK_INT(number_at(report, "errors.0.count"), 2);
		CHECK(json_is_null(json_at(report, "errors.0.sample")));
		CHECK_TEXT(string_at(report, "errors.1.class"), "http");
		CHECK_TEXT(string_at(report, "errors.1.name"), "POST /orders");
		CHECK_INT(number_at(report, "errors.1.count"), 3);
	}
	TEST("the sample is the first, whole, and valid UTF-8") {
		CHECK_TEXT(string_at(report, "errors.1.sample"),
			   "POST /orders: status 503; body: \"sold <out>\"\xef\xbf\xbd and "
			   "\x1b[31mred and long enough for two records");
	}
	TEST("the totals are those of all names") {
		CHECK_INT(number_at(report, "totals.count"), 19);
		CHECK_INT(number_at(report, "totals.errors"), 4);
		CHECK_INT(number_at(report, "totals.latency_us.max"), 2000);
	}
}

static void test_files(struct made_run *run)
{
	char *table = made_run_file(run, "histograms/GET-products.hgrm");
	char *log = made_run_file(run, "histograms/latency.hlog");
	const char *line = log;
	int lines = 0;

	TEST("each name has its percentile table, under a plain file name") {
		CHECK(strstr(table, "Total count    =           15]") != NULL);
		free(table);
		table = made_run_file(run, "histograms/never.hgrm");
		CHECK(strstr(table, "Total count    =            0]") != NULL);
	}
	TEST("the log has a line per second and name") {
		while ((line = strstr(line, "\nTag="))) {
			line++;
			lines++;
		}
		/* GET in seconds 0, 1 and 2, POST in second 2. */
		CHECK_INT(lines, 4);
		CHECK(strstr(log, "\nTag=GET_/products,0.000,1.000,50.900,") != NULL);
		CHECK(strstr(log, "\nTag=POST_/orders,2.000,1.000,2.000,") != NULL);
		CHECK(strstr(log, "#[StartTime: 1763632800.250 ") != NULL);
	}
	free(table);
	free(log);
}

static void test_terminal(const struct made_run *run)
{
	const char *text = run->terminal.data;
	size_t widest = 0;

	printf("%s", "# the summary:\n");
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		printf("#   %.*s\n", (int)strcspn(line, "\n"), line);
		widest = strcspn(line, "\n") > widest ? strcspn(line, "\n") : widest;
	}
	TEST("the summary says it in 80 columns") {
		CHECK(strncmp(text, "PASS  flash-sale", 16) == 0);
		CHECK(strstr(text, "35 = 30 ok + 2 failed + 2 timed out + 1 dropped") != NULL);
		CHECK(strstr(text, "8.0/s of 8.3/s planned (96.0%)") != NULL);
		CHECK(strstr(text, "1.51 ms") != NULL);
		CHECK(widest <= 82); /* bytes */
	}
	TEST("what the system sent cannot steer the terminal") {
		CHECK(strchr(text, '\x1b') == NULL);
		CHECK(strstr(text, "\\x1b[31mred") != NULL);
	}
}

static void test_again(struct made_run *run)
{
	char *before = made_run_file(run, "report.json"), *after;
	json_t *report = made_run_report(run);

	TEST("built again from the history, the report is the same") {
		after = made_run_file(run, "report.json");
		CHECK(report != NULL);
		CHECK_TEXT(after, before);
		free(after);
	}
	json_decref(report);
	free(before);
}

int main(void)
{
	struct made_run run;
	json_t *report;

	made_run_begin(&run, meta);
	add_all(&run);
	made_run_end(&run, 3987000, books);
	report = made_run_report(&run);
	TEST("the report is built") {
		if (!CHECK(report != NULL))
			printf("# %s\n", run.err.text);
		CHECK_INT(run.exit_code, 0);
	}
	if (report) {
		test_head(report);
		test_load(report);
		test_gets(report);
		test_posts(report);
		test_files(&run);
		test_terminal(&run);
		json_decref(report);
		test_again(&run);
	}
	made_run_remove(&run);
	return tap_done();
}
