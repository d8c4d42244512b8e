/*
 * Gates, faults and the steady state in reports: each verdict, and the exit code that follows, from
 * histories with known figures.
 */
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/random.h"
#include "tests/unit/made_run.h"
#include "tests/unit/tap.h"

/* 5 s of warm-up, 40 s of sale, in which 100 requests per second take 1 ms. */
#define META                                                                                       \
	"{ \"schema\": \"sagastorm/meta/1\", \"name\": \"r\", \"seed\": \"1\", \"workers\": 1,"             \
	"  \"started\": \"2025-11-20T10:00:00Z\", \"journeys\": [ \"browse\", \"checkout\" ],"           \
	"  \"requests\": [ \"list\", \"order\" ], \"phases\": ["                                         \
	"  { \"name\": \"warmup\", \"kind\": \"rate\", \"start_us\": 0, \"duration_us\": 5000000,"         \
	"    \"measured\": false },"                                                               \
	"  { \"name\": \"sale\", \"kind\": \"rate\", \"start_us\": 5000000,"                               \
	"    \"duration_us\": 40000000, \"measured\": true } ]"

enum { WARMUP_S = 5, END_S = 45, PER_S = 100 };

/* What differs from a good run: these seconds, for requests done then. */
struct trouble {
	int64_t from_s, to_s; /* excluded */
	uint32_t latency_us;
	int failing;          /* of each hundred */
};

static uint64_t books[OUTCOME_COUNT];

static void add_one(struct made_run *run, int64_t done_us, int i, const struct trouble *trouble)
{
	int64_t second = done_us / US_PER_S;
	bool troubled = second >= trouble->from_s && second < trouble->to_s;
	bool measured = second >= WARMUP_S, fails = troubled && i % 100 < trouble->failing;
	uint32_t latency_us = troubled && trouble->latency_us ? trouble->latency_us : 1000;
	bool checkout = i % 2;

	made_request(run,
		     &(struct record_request){ .intended_us = done_us - latency_us,
					       .service_us = latency_us,
					       .name = checkout,
					       .journey = checkout,
					       .phase = measured,
					       .failure = fails ? FAILURE_TIMEOUT : FAILURE_NONE },
		     measured ? REQUEST_MEASURED : 0);
	made_start(run, &(struct record_start){ .intended_us = done_us - latency_us,
						.duration_us = latency_us,
						.journey = checkout,
						.phase = measured,
						.outcome = fails ? OUTCOME_TIMED_OUT : OUTCOME_OK,
						.measured = measured });
	books[fails ? OUTCOME_TIMED_OUT : OUTCOME_OK]++;
}

static void begin(struct made_run *run, const char *more, const struct trouble *trouble)
{
	struct buffer meta = BUFFER_EMPTY;

	buffer_format(&meta, "%s%s }", META, more);
	made_run_begin(run, meta.data);
	buffer_release(&meta);
	memset(books, 0, sizeof(books));
	for (int64_t second = 0; second < END_S; second++)
		for (int i = 0; i < PER_S; i++)
			add_one(run, second * US_PER_S + i * (US_PER_S / PER_S) + 5000, i, trouble);
}

static void finish(struct made_run *run)
{
	made_run_end(run, END_S * US_PER_S + 500000, books);
}

static const struct trouble none = { 0, 0, 0, 0 };

/* The report of a run with one gate; its verdict, and the exit code. */
static json_t *run_gate(const char *gate, const struct trouble *trouble, int *exit_code)
{
	char more[300];
	struct made_run run;
	json_t *report;

	snprintf(more, sizeof(more), ", \"gates\": [ { \"gate\": \"%s\" } ]", gate);
	begin(&run, more, trouble);
	finish(&run);
	report = made_run_report(&run);
	*exit_code = run.exit_code;
	made_run_remove(&run);
	return report;
}

static void check_gate(const char *gate, const struct trouble *trouble, const char *verdict,
		       double actual, int exit_code)
{
	int code;
	json_t *report = run_gate(gate, trouble, &code);

	if (!CHECK(report != NULL))
		return;
	printf("# %s: %s, %s %s\n", gate, string_at(report, "gates.1.verdict"),
	       string_at(report, "gates.1.shown"), string_at(report, "gates.1.reason"));
	CHECK_TEXT(string_at(report, "gates.0.gate"), "ok > 0");
	CHECK_TEXT(string_at(report, "gates.1.gate"), gate);
	CHECK_TEXT(string_at(report, "gates.1.verdict"), verdict);
	if (!isnan(actual))
		CHECK_NEAR(number_at(report, "gates.1.actual"), actual, actual * 0.01 + 1e-9);
	CHECK_INT(code, exit_code);
	CHECK_INT(number_at(report, "exit_code"), exit_code);
	json_decref(report);
}

static void test_whole(void)
{
	static const struct trouble warm = { 0, 5, 900000, 100 }, late = { 40, 45, 50000, 10 };

	TEST("a gate that holds passes, one that does not is exit code 20") {
		check_gate("p99 < 2ms", &none, "pass", 1000, 0);
		check_gate("checkout.p99 < 900us", &none, "fail", 1000, 20);
		check_gate("request order.max <= 1ms in sale", &none, "pass", 1000, 0);
		check_gate("throughput > 99/s", &none, "pass", 100, 0);
		check_gate("checkout.throughput >= 51/s", &none, "fail", 50, 20);
		check_gate("browse.achieved_rate > 49/s", &none, "pass", 50, 0);
	}
	TEST("the warm-up is left out, unless it is named") {
		check_gate("errors == 0", &warm, "pass", 0, 0);
		check_gate("max < 2ms", &warm, "pass", 1000, 0);
		check_gate("errors(timeout) < 50% in warmup", &warm, "fail", 1, 20);
		check_gate("p90 < 1s in warmup, sale", &warm, "pass", 900000, 0);
	}
	TEST("errors are shares, by class and by journey") {
		check_gate("errors < 2%", &late, "pass", 10.0 * 5 / 4000, 0);
		check_gate("errors(timeout) < 1%", &late, "fail", 10.0 * 5 / 4000, 20);
		check_gate("errors(reset) < 1%", &late, "pass", 0, 0);
		check_gate("failed < 2%", &late, "pass", 10.0 * 5 / 4000, 0);
	}
	TEST("what too few requests say is unknown, and exit code 10") {
		check_gate("p99.99 < 1s", &none, "unknown", 1000, 10);
		check_gate("errors < 0.01%", &none, "unknown", 0, 10);
	}
	TEST("a text that is no condition is unknown, not a pass") {
		check_gate("p99 < fast", &none, "unknown", (double)NAN, 10);
		check_gate("p99 < 1s in nowhere", &none, "unknown", (double)NAN, 10);
	}
}

static void test_stretches(void)
{
	static const struct trouble short_dip = { 20, 23, 300000, 0 }, warm = { 0, 5, 900000, 0 };
	int code;
	json_t *report;

	TEST("any 5 s means wherever they begin; the worst is told") {
		check_gate("any 5s of browse.p95 < 100ms", &short_dip, "fail", 300000, 20);
		check_gate("any 5s of browse.p95 < 100ms", &none, "pass", 1000, 0);
		check_gate("p90 < 100ms", &short_dip, "pass", 1000, 0);
		report =
			run_gate("any 3s of errors < 1%", &(struct trouble){ 30, 31, 0, 9 }, &code);
		CHECK_TEXT(string_at(report, "gates.1.reason"), "the worst 3 s began at 28 s");
		CHECK_NEAR(number_at(report, "gates.1.actual"), 0.03, 1e-6);
		json_decref(report);
	}
	TEST("every 10 s means one after another") {
		/* 5..15, 15..25, ...: three bad seconds are never more than 3 of 10 */
		check_gate("every 10s of p60 < 100ms", &short_dip, "pass", 1000, 0);
		check_gate("any 8s of p60 < 100ms", &short_dip, "pass", 1000, 0);
		check_gate("any 5s of p60 < 100ms", &short_dip, "fail", 300000, 20);
	}
	TEST("stretches lie in what is measured") {
		check_gate("any 5s of max < 100ms", &warm, "pass", 1000, 0);
		check_gate("any 5s of max < 100ms in warmup", &warm, "fail", 900000, 20);
		check_gate("any 50s of p95 < 1s", &none, "unknown", (double)NAN, 10);
	}
	TEST("a second without any request has a throughput of 0") {
		struct made_run run;

		made_run_begin(&run, META ", \"gates\": [ { \"gate\": \"any 2s of throughput > "
					  "10/s\" } ] }");
		memset(books, 0, sizeof(books));
		for (int i = 0; i < 4500; i++)
			if (i < 2000 || i >= 2500)
				add_one(&run, i * INT64_C(10000) + 5000, i, &none);
		finish(&run);
		report = made_run_report(&run);
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "fail");
		CHECK(number_at(report, "gates.1.actual") == 0);
		CHECK_INT(run.exit_code, 20);
		json_decref(report);
		made_run_remove(&run);
	}
}

/* Faults. */

/* Lines of the summary are broken anywhere between words. */
static bool says(const struct made_run *run, const char *words)
{
	struct buffer flat = BUFFER_EMPTY;
	bool found;

	for (const char *c = run->terminal.data; *c; c++)
		if (!strchr(" \n", *c))
			buffer_add_char(&flat, *c);
		else if (flat.length && flat.data[flat.length - 1] != ' ')
			buffer_add_char(&flat, ' ');
	found = strstr(flat.data, words) != NULL;
	buffer_release(&flat);
	return found;
}

#define FAULTS                                                                                     \
	", \"faults\": [ { \"name\": \"payment dies\", \"kind\": \"kill\", \"target\": \"payment\" } ]"

static void state(struct made_run *run, int64_t at_us, enum fault_state state, int64_t hits)
{
	const struct record_fault record = { .at_us = at_us,
					     .state = (uint8_t)state,
					     .hits = hits };

	history_put(run->engine, RECORD_FAULT, 0, &record, sizeof(record));
}

static void arm_and_heal(struct made_run *run, int64_t hits)
{
	state(run, 19990000, FAULT_ARMING, 0);
	state(run, 20000000, FAULT_ARMED, 0);
	state(run, 24990000, FAULT_HEALING, hits);
	state(run, 25000000, FAULT_HEALED, hits);
	history_add_text(run->engine, RECORD_FAULT_TEXT, 0, text_of("pid 17 runs again"));
}

static json_t *run_fault(struct made_run *run, const char *gates, const struct trouble *trouble,
			 void (*what)(struct made_run *run))
{
	char more[700];

	snprintf(more, sizeof(more), FAULTS ", \"gates\": [ %s ]", gates);
	begin(run, more, trouble);
	what(run);
	finish(run);
	return made_run_report(run);
}

static void well(struct made_run *run)
{
	arm_and_heal(run, 12);
}

static void unmet(struct made_run *run)
{
	arm_and_heal(run, 0);
}

static void unproven(struct made_run *run)
{
	state(run, 20000000, FAULT_ARMED, 0);
	state(run, 25000000, FAULT_UNPROVEN, 3);
	history_add_text(run->engine, RECORD_FAULT_TEXT, 0, text_of("pid 17 is still stopped"));
}

static void left(struct made_run *run)
{
	state(run, 20000000, FAULT_ARMED, 0);
}

static void refused(struct made_run *run)
{
	state(run, 100, FAULT_REFUSED, 0);
	history_add_text(run->engine, RECORD_FAULT_TEXT, 0, text_of("10.0.0.1 is not in 'allow'"));
}

static void nothing(struct made_run *run)
{
	(void)run;
}

#define GATE(text) "{ \"gate\": \"" text "\" }"

static void test_faults(void)
{
	/* Slow and failing while it lasts, and for 4 s more. */
	static const struct trouble trouble = { 20, 29, 200000, 50 };
	struct made_run run;
	json_t *report;
	char *audit;

	report = run_fault(
		&run,
		GATE("hits(payment dies) > 0") "," GATE("recovery < 10s") "," GATE("recovery(payment dies) < 3s") "," GATE(
			"p95 < 10ms before payment dies") "," GATE("errors > 40% during payment dies") "," GATE("errors < 10% after any fault"),
		&trouble, well);
	TEST("a fault's times, hits and recovery are told") {
		CHECK_TEXT(string_at(report, "faults.0.name"), "payment dies");
		CHECK_TEXT(string_at(report, "faults.0.state"), "healed");
		CHECK(number_at(report, "faults.0.armed_at_s") == 20);
		CHECK(number_at(report, "faults.0.healed_at_s") == 25);
		CHECK_INT(number_at(report, "faults.0.hits"), 12);
		CHECK(json_is_true(json_at(report, "faults.0.confirmed")));
		CHECK(json_is_true(json_at(report, "faults.0.cleaned")));
		CHECK(number_at(report, "faults.0.recovery_s") == 4);
		CHECK_TEXT(string_at(report, "faults.0.words"), "pid 17 runs again");
		CHECK(says(&run, "payment dies kill payment 20.0 to 25.0 s 12 4.00 s"));
	}
	TEST("gates about faults") {
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "pass");
		CHECK_TEXT(string_at(report, "gates.2.verdict"), "pass");
		CHECK_TEXT(string_at(report, "gates.3.verdict"), "fail");
		CHECK_TEXT(string_at(report, "gates.3.shown"), "4 s");
		CHECK_TEXT(string_at(report, "gates.4.verdict"), "pass");
		CHECK_TEXT(string_at(report, "gates.5.verdict"), "pass");
		CHECK_NEAR(number_at(report, "gates.5.actual"), 0.5, 1e-6);
		CHECK_NEAR(number_at(report, "gates.6.actual"), 200.0 / 2000, 1e-3);
		CHECK_INT(run.exit_code, 20);
	}
	audit = made_run_file(&run, "audit.txt");
	TEST("the audit trail says who did what, and what it met") {
		CHECK(strstr(audit, "20.000 s  payment dies                      armed") != NULL);
		CHECK(strstr(audit, "healed     pid 17 runs again") != NULL);
		CHECK(strstr(audit, "payment dies: kill of payment; healed; 12 hits") != NULL);
	}
	free(audit);
	json_decref(report);
	made_run_remove(&run);
}

static void check_fault(void (*what)(struct made_run *run), const char *gates, int exit_code,
			const char *said)
{
	struct made_run run;
	json_t *report = run_fault(&run, gates, &none, what);

	CHECK(report != NULL);
	CHECK_INT(run.exit_code, exit_code);
	if (!CHECK(says(&run, said)))
		printf("# %.700s\n", run.terminal.data);
	json_decref(report);
	made_run_remove(&run);
}

static void test_bad_faults(void)
{
	TEST("a fault that hit nothing is said to have hit nothing") {
		check_fault(unmet, "", 0, "NOTHING");
		check_fault(unmet, GATE("hits(payment dies) > 0"), 20, "hits(payment dies) > 0");
	}
	TEST("one that can't be proven to be gone is exit code 30, before all others")
		check_fault(unproven, GATE("p99 < 1us"), 30, "pid 17 is still stopped");
	TEST("one of which nothing more was heard is taken to be there still")
		check_fault(left, "", 30, "is not known to be gone");
	TEST("one that was refused, or never came, tested nothing") {
		check_fault(refused, "", 10, "it was refused: 10.0.0.1 is not in 'allow'");
		check_fault(nothing, "", 10, "fault 'payment dies' was never armed: its moment");
		check_fault(nothing, GATE("recovery < 1s"), 10, "it was never armed");
	}
}

static void test_recovery(void)
{
	static const struct trouble forever = { 20, END_S, 200000, 50 };
	struct made_run run;
	json_t *report =
		run_fault(&run, GATE("recovery < 10s") "," GATE("recovery < 1m"), &forever, well);

	TEST("what never recovered took longer than there was to see; that may be unknown") {
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "fail");
		CHECK_TEXT(string_at(report, "gates.1.shown"), "20 s");
		CHECK_TEXT(string_at(report, "gates.2.verdict"), "unknown");
		CHECK(json_is_null(json_at(report, "faults.0.recovery_s")));
		CHECK(says(&run, ">20.0 s"));
	}
	json_decref(report);
	made_run_remove(&run);
	begin(&run,
	      FAULTS ", \"steady\": { \"conditions\": [ \"checkout.p95 < 300ms\" ], \"for_us\": "
		     "2000000 }, \"gates\": [ " GATE("recovery < 1s") " ]",
	      &forever);
	well(&run);
	finish(&run);
	report = made_run_report(&run);
	TEST("recovered is what the scenario calls steady") {
		CHECK(number_at(report, "faults.0.recovery_s") == 0);
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "pass");
	}
	json_decref(report);
	made_run_remove(&run);
}

static void event(struct made_run *run, enum run_event kind, uint32_t number, int64_t value)
{
	const struct record_event record = {
		.at_us = 18000000, .event = kind, .number = number, .value = value
	};

	history_put(run->engine, RECORD_EVENT, 0, &record, sizeof(record));
}

static void test_events(void)
{
	struct made_run run;
	json_t *report;

	begin(&run,
	      FAULTS ", \"steady\": { \"conditions\": [ \"errors < 1%\" ] }, \"gates\": [ " GATE(
		      "p99.99 < 2s") " ]",
	      &none);
	event(&run, EVENT_UNSTEADY, STEADY_BEFORE, 0);
	finish(&run);
	report = made_run_report(&run);
	TEST("a steady state that did not hold is exit code 22, and no reason to blame the fault") {
		CHECK_INT(run.exit_code, 22);
		CHECK(says(&run, "the steady state did not hold before any fault "
				 "was armed: errors < 1%"));
	}
	json_decref(report);
	made_run_remove(&run);
	begin(&run, ", \"gates\": [ " GATE("p99 < 1s") "," GATE("p99.99 < 2s") " ]", &none);
	event(&run, EVENT_GATE_BROKEN, 0, 0);
	event(&run, EVENT_CUT_SHORT, 0, 0);
	finish(&run);
	report = made_run_report(&run);
	TEST("the gate that stopped a run failed, whatever came later; the rest is not blamed") {
		CHECK_INT(run.exit_code, 20);
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "fail");
		CHECK_TEXT(string_at(report, "gates.1.reason"), "it stopped the run");
		CHECK_TEXT(string_at(report, "gates.2.verdict"), "unknown");
		CHECK_INT(json_array_size(json_at(report, "validity.reasons")), 0);
	}
	json_decref(report);
	made_run_remove(&run);
	begin(&run, ", \"gates\": [ " GATE("p99 < 1us") "," GATE("p99.99 < 2s") " ]", &none);
	finish(&run);
	report = made_run_report(&run);
	TEST("one gate that failed is enough: what others did not see does not hide it") {
		CHECK_INT(run.exit_code, 20);
		CHECK_TEXT(string_at(report, "gates.2.verdict"), "unknown");
	}
	json_decref(report);
	made_run_remove(&run);
}

static void rubbish(struct made_run *run)
{
	struct random random = random_stream(7, "rubbish", 0);

	for (int i = 0; i < 20000; i++) {
		unsigned char payload[RECORD_PAYLOAD];
		uint64_t bits = random_next(&random);

		for (size_t at = 0; at < sizeof(payload); at++)
			payload[at] =
				(unsigned char)(bits >> (at % 8) & 1 ? 0 : random_next(&random));
		if (bits & 256) /* a time that is one */
			memset(payload + 3, 0, 5);
		history_put(run->engine, (uint16_t)(4 + random_below(&random, 8)),
			    (uint16_t)random_next(&random), payload, sizeof(payload));
	}
}

static void test_hostile(void)
{
	struct made_run run;
	json_t *report = run_fault(&run, GATE("recovery < 10s") "," GATE("any 5s of p99 < 1s"),
				   &none, rubbish);
	char *audit = made_run_file(&run, "audit.txt");

	TEST("random records about faults leave a report, and a trail of bounded length") {
		CHECK(report != NULL);
		CHECK(strlen(audit) < 20000000);
		CHECK(strstr(audit, "\x1b") == NULL);
		CHECK(run.exit_code == 10 || run.exit_code == 30);
	}
	free(audit);
	json_decref(report);
	made_run_remove(&run);
}

static void test_sagas(void)
{
	static const char more[] =
		", \"sagas\": [ { \"name\": \"order\" }, { \"name\": \"refund\" } ], \"gates\": [ " GATE(
			"sagas.violations == 0") "," GATE("sagas.order.stuck == 0") "," GATE("verified_goodput > 10/s") " ]";
	struct made_run run;
	json_t *report;
	char path[256];

	begin(&run, more, &none);
	finish(&run);
	report = made_run_report(&run);
	TEST("sagas that nobody judged are unknown") {
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "unknown");
		CHECK_TEXT(string_at(report, "gates.1.reason"),
			   "the sagas of this run were not judged");
		CHECK_INT(run.exit_code, 10);
	}
	json_decref(report);
	snprintf(path, sizeof(path), "%s/history/verdicts.json", run.directory);
	CHECK(file_write(
		path,
		text_of("{ \"sagas\": { \"order\": { \"violations\": 2, \"stuck\": 0, "
			"\"verified_goodput\": 9.5 }, \"refund\": { \"violations\": 1 } } }"),
		NULL));
	report = made_run_report(&run);
	TEST("what the judge of sagas says is added up; what it does not say is unknown") {
		CHECK_TEXT(string_at(report, "gates.1.verdict"), "fail");
		CHECK(number_at(report, "gates.1.actual") == 3);
		CHECK_TEXT(string_at(report, "gates.2.verdict"), "pass");
		CHECK_TEXT(string_at(report, "gates.3.verdict"), "unknown");
	}
	json_decref(report);
	made_run_remove(&run);
}

int main(void)
{
	test_whole();
	test_stretches();
	test_faults();
	test_bad_faults();
	test_recovery();
	test_events();
	test_sagas();
	test_hostile();
	return tap_done();
}
