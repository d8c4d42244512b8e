/* The language of gates and of the steady state: what is meant; every mistake with its place. */
#include "lib/condition.h"

#include "lib/sample.h"
#include "tests/unit/tap.h"

static const char *const journeys[] = { "browse", "checkout", "place order" };
static const char *const requests[] = { "GET /api/v1.2/products", "place order", "a < b", "p99" };
static const char *const phases[] = { "warmup", "sale", "climb 1", "climb 2", "after" };
static const char *const faults[] = { "payment dies", "latency order -> payment", "kill (twice)" };
static const char *const sagas[] = { "order" };

static const struct condition_names names = { .journeys = journeys,
					      .requests = requests,
					      .phases = phases,
					      .faults = faults,
					      .sagas = sagas,
					      .journey_count = 3,
					      .request_count = 4,
					      .phase_count = 5,
					      .fault_count = 3,
					      .saga_count = 1 };
static const struct condition_names bare = { .journeys = journeys, .journey_count = 3,
					     .phases = phases, .phase_count = 5 };

static struct arena arena;
static const struct place at = { "sale.yaml", 3, 5 };

/* Zeroed, with a bound that no test has, when it could not be compiled. */
static struct condition compile(const char *text, enum condition_use use)
{
	struct condition condition;
	struct error err;

	if (condition_compile(text_of(text), &names, use, at, &arena, &condition, &err))
		return condition;
	printf("# '%s': %s\n", text, err.text);
	CHECK(false);
	return (struct condition){ .bound = -1, .text = "", .scope_text = "", .bound_text = "" };
}

static struct condition gate(const char *text)
{
	return compile(text, CONDITION_GATE);
}

static void check_error(const char *text, const struct condition_names *known,
			enum condition_use use, const char *wanted)
{
	struct condition condition;
	struct error err = { "" };

	if (CHECK(!condition_compile(text_of(text), known, use, at, &arena, &condition, &err)))
		CHECK_TEXT(err.text, wanted);
	else
		printf("# '%s' was accepted\n", text);
}

static void test_subjects(void)
{
	TEST("without a subject it is the run") {
		CHECK_INT(gate("errors < 2%").subject, SUBJECT_RUN);
		CHECK_INT(gate("errors < 2%").metric, METRIC_ERRORS);
		CHECK(gate("errors < 2%").bound == 0.02);
		CHECK_NEAR(gate("p99.9 < 1s").quantile, 0.999, 1e-9);
	}
	TEST("a journey comes before a request of the same name, unless it is said") {
		CHECK_INT(gate("checkout.p99 < 800ms").subject, SUBJECT_JOURNEY);
		CHECK_INT(gate("checkout.p99 < 800ms").number, 1);
		CHECK_INT(gate("place order.p95 < 1s").subject, SUBJECT_JOURNEY);
		CHECK_INT(gate("request place order.p95 < 1s").subject, SUBJECT_REQUEST);
		CHECK_INT(gate("request \"place order\".p95 < 1s").number, 1);
		CHECK_INT(gate("journey 'place order'.p95 < 1s").number, 2);
	}
	TEST("names may have points, slashes and blanks, with or without quotes") {
		CHECK_INT(gate("GET /api/v1.2/products.p99.9 < 1s").number, 0);
		CHECK_NEAR(gate("GET /api/v1.2/products.p99.9 < 1s").quantile, 0.999, 1e-9);
		CHECK_INT(gate("\"GET /api/v1.2/products\".errors(timeout) < 1%").failure,
			  FAILURE_TIMEOUT);
		CHECK_INT(gate("'a < b'.ok > 0").number, 2);
		CHECK_INT(gate("p99.ok > 0").number, 3);
	}
	TEST("p999 is p99.9, and p5 is no p50") {
		CHECK(gate("p999 < 1s").quantile == gate("p99.9 < 1s").quantile);
		CHECK_NEAR(gate("p9999 < 1s").quantile, 0.9999, 1e-9);
		CHECK(gate("p5 < 1s").quantile == 0.05);
		CHECK(gate("p50 < 1s").quantile == 0.5);
	}
	TEST("sagas, all or one") {
		CHECK_INT(gate("sagas.violations == 0").subject, SUBJECT_SAGAS);
		CHECK_INT(gate("sagas.violations == 0").number, SAGAS_ALL);
		CHECK_INT(gate("sagas.order.stuck == 0").number, 0);
		CHECK_INT(gate("verified_goodput > 150/s").metric, METRIC_VERIFIED_GOODPUT);
		CHECK(gate("sagas.order.verified_goodput >= 150/s").bound == 150);
	}
	TEST("faults by name") {
		CHECK_INT(gate("hits(latency order -> payment) > 0").fault, 1);
		CHECK_INT(gate("hits('kill (twice)') > 0").fault, 2);
		CHECK_INT(gate("recovery < 10s").fault, FAULT_ANY);
		CHECK(gate("recovery(payment dies) < 1m30s").bound == 90e6);
	}
}

static void test_scopes(void)
{
	struct condition condition;

	TEST("without a scope, it is what was measured") {
		CHECK_INT(gate("errors < 2%").scope, SCOPE_MEASURED);
		CHECK_TEXT(gate("errors < 2%").scope_text, "all");
	}
	TEST("phases, one or several, unfolded ones as a whole") {
		condition = gate("errors < 2% in sale");
		CHECK(condition_has_phase(&condition, 1) && !condition_has_phase(&condition, 0));
		CHECK_TEXT(condition.scope_text, "sale");
		condition = gate("errors < 2% in warmup, climb");
		CHECK(condition_has_phase(&condition, 0) && condition_has_phase(&condition, 2) &&
		      condition_has_phase(&condition, 3) && !condition_has_phase(&condition, 4));
		condition = gate("errors < 2% in 'climb 2'");
		CHECK(condition_has_phase(&condition, 3) && !condition_has_phase(&condition, 2));
	}
	TEST("around faults") {
		condition = gate("browse.p99 < 1s during payment dies");
		CHECK_INT(condition.scope, SCOPE_DURING);
		CHECK_INT(condition.fault, 0);
		CHECK_TEXT(condition.scope_text, "during payment dies");
		CHECK_INT(gate("errors < 1% after any fault").fault, FAULT_ANY);
		CHECK_INT(gate("errors < 1% before \"kill (twice)\"").scope, SCOPE_BEFORE);
	}
	TEST("stretches of seconds") {
		condition = gate("any 10s of browse.p95 < 1s in sale");
		CHECK_INT(condition.form, FORM_ANY);
		CHECK_INT(condition.window_us, 10000000);
		CHECK_INT(gate("every 1m of throughput > 100/s").window_us, 60000000);
		CHECK_TEXT(gate("any  10s of\tbrowse.p95   < 1s").text,
			   "any 10s of browse.p95 < 1s");
		CHECK_TEXT(gate("errors<=0.5%").bound_text, "<= 0.5%");
	}
}

static const struct {
	const char *text, *wanted;
} mistakes[] = {
	{ "", "sale.yaml:3:5: an empty condition (write one like 'errors < 2%')" },
	{ "chekout.p99 < 1s", "sale.yaml:3:5: unknown journey or request 'chekout' (did you mean "
			      "'checkout'?)" },
	{ "checkout.p99x < 1s", "sale.yaml:3:14: unknown metric 'p99x' (did you mean 'p99'?)" },
	{ "checkout.eror < 1%", "sale.yaml:3:14: unknown metric 'eror' (did you mean 'errors'?)" },
	{ "checkout < 1s",
	  "sale.yaml:3:5: unknown metric 'checkout' (there are: p50, p90, p95, p99, p99.9, "
	  "errors, retries, mean, max, ok, count, throughput, goodput, failed, dropped, "
	  "starts, achieved_rate, lag, recovery, hits, verified_goodput, started, "
	  "succeeded, compensated)" },
	{ "errors(timout) < 1%",
	  "sale.yaml:3:12: unknown class of errors 'timout' (did you mean 'timeout'?)" },
	{ "errors(timeout < 1%", "sale.yaml:3:11: '(' is never closed" },
	{ "ok(200) > 1", "sale.yaml:3:8: 'ok' takes no argument" },
	{ "p99 < 1", "sale.yaml:3:11: '1' has no unit (write 10s, 250ms, 5m)" },
	{ "p99 < 5%", "sale.yaml:3:11: '5%' is no duration (write 250ms, 1.5s, 2m, 1h30m)" },
	{ "errors < 5", "sale.yaml:3:14: '5' is more than everything (100% or 1)" },
	{ "p100 < 1s",
	  "sale.yaml:3:5: unknown metric 'p100' (there are: p50, p90, p95, p99, p99.9, "
	  "errors, retries, mean, max, ok, count, throughput, goodput, failed, dropped, "
	  "starts, achieved_rate, lag, recovery, hits, verified_goodput, started, "
	  "succeeded, compensated)" },
	{ "throughput > 5", "sale.yaml:3:18: '5' has no unit (write 5/s, or /m, /h)" },
	{ "ok > 1.5", "sale.yaml:3:10: '1.5' is no whole number" },
	{ "ok > -1", "sale.yaml:3:10: '-1' is less than nothing" },
	{ "errors 2%", "sale.yaml:3:5: unknown metric 'errors 2%' (did you mean 'errors'?)" },
	{ "errors", "sale.yaml:3:11: 'errors' is compared with nothing (write '< 800ms', "
		    "'< 2%', '> 0')" },
	{ "errors <", "sale.yaml:3:13: the bound is missing" },
	{ "errors = 2%", "sale.yaml:3:12: unknown comparison '=' (did you mean '=='?)" },
	{ "< 2%", "sale.yaml:3:5: nothing is compared (write 'checkout.p99 < 800ms')" },
	{ "errors < 2% in sael", "sale.yaml:3:20: unknown phase 'sael' (did you mean 'sale'?)" },
	{ "errors < 2% in sale, aftr",
	  "sale.yaml:3:26: unknown phase 'aftr' (did you mean 'after'?)" },
	{ "errors < 2% on sale",
	  "sale.yaml:3:17: unknown word behind the bound 'on' (there are: in, before, "
	  "during, after)" },
	{ "errors < 2% durin payment dies",
	  "sale.yaml:3:17: unknown word behind the bound 'durin' (did you mean "
	  "'during'?)" },
	{ "errors < 2% in", "sale.yaml:3:17: 'in' what?" },
	{ "errors < 2% during payment died",
	  "sale.yaml:3:24: unknown fault 'payment died' (did you mean 'payment dies'?)" },
	{ "hits(all) > 0",
	  "sale.yaml:3:10: unknown fault 'all' (there are: payment dies, latency order -> "
	  "payment, kill (twice))" },
	{ "any 10 of errors < 2%", "sale.yaml:3:9: '10' has no unit (write 10s, 250ms, 5m)" },
	{ "any 90s of errors < 2%", "sale.yaml:3:9: '90s' must be whole seconds, from 1s to 60s" },
	{ "any 10s errors < 2%", "sale.yaml:3:13: 'any' wants a time and 'of' (any 10s of "
				 "browse.p95 < 1s)" },
	{ "any 10s of lag < 5ms",
	  "sale.yaml:3:5: 'lag' is of the run or a phase, not of some seconds" },
	{ "starts > 5 during payment dies",
	  "sale.yaml:3:16: 'starts' is of the run or a phase, not of the time of a fault" },
	{ "recovery < 5s in sale",
	  "sale.yaml:3:19: 'recovery' is of the whole run: leave out 'in ...'" },
	{ "browse.lag < 5ms", "sale.yaml:3:12: 'lag' is asked of the run, not of a journey" },
	{ "GET /api/v1.2/products.failed < 1%",
	  "sale.yaml:3:28: 'failed' is asked of the run or a journey, not of a request" },
	{ "sagas.ordr.stuck == 0", "sale.yaml:3:11: unknown saga 'ordr' (did you mean 'order'?)" },
	{ "sagas.p99 < 1s",
	  "sale.yaml:3:11: 'p99' is asked of the run or a journey or a request, not of "
	  "sagas" },
	{ "stuck == 0", "sale.yaml:3:5: 'stuck' is asked of sagas, not of the run" },
	{ "p99(servce) < 1s", "sale.yaml:3:9: unknown time 'servce' (did you mean 'service'?)" },
};

static void test_mistakes(void)
{
	TEST("every mistake has its place, and a way out")
		for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
			check_error(mistakes[i].text, &names, CONDITION_GATE, mistakes[i].wanted);
	TEST("a scenario without faults or sagas says so") {
		check_error("recovery < 1s", &bare, CONDITION_GATE,
			    "sale.yaml:3:5: this scenario has no faults");
		check_error("errors < 1% during x", &bare, CONDITION_GATE,
			    "sale.yaml:3:24: this scenario has no faults");
		check_error("sagas.stuck == 0", &bare, CONDITION_GATE,
			    "sale.yaml:3:5: this scenario has no sagas");
		check_error("verified_goodput > 1/s", &bare, CONDITION_GATE,
			    "sale.yaml:3:5: this scenario has no sagas");
	}
	TEST("the steady state is of now") {
		CHECK_INT(compile("checkout.errors < 1%", CONDITION_STEADY).number, 1);
		check_error("errors < 1% in sale", &names, CONDITION_STEADY,
			    "sale.yaml:3:17: the steady state is always of now: leave out 'in "
			    "...'");
		check_error("any 5s of errors < 1%", &names, CONDITION_STEADY,
			    "sale.yaml:3:5: the steady state is always of the last seconds: leave "
			    "out 'any 5s of'");
		check_error("sagas.stuck == 0", &names, CONDITION_STEADY,
			    "sale.yaml:3:5: 'stuck' can't be seen from some seconds, so it is no "
			    "part of a steady state");
	}
}

/* Judging. */

static void add(struct sample *sample, uint32_t count, uint32_t service_us, enum failure failure,
		uint16_t flags)
{
	const struct record_request request = { .service_us = service_us,
						.failure = (uint8_t)failure };

	while (count--)
		sample_add_request(sample, &request, flags, SAMPLE_LATENCY, 3);
}

static struct judgement judge(const char *text, const struct sample *sample, enum rigour rigour)
{
	struct condition condition = gate(text);
	struct judgement judgement;

	condition_judge(&condition, sample, 10000000, rigour, &judgement);
	return judgement;
}

static void test_quantiles(void)
{
	struct sample sample = { 0 };
	struct judgement judgement;

	add(&sample, 999, 1000, FAILURE_NONE, 0);
	TEST("a p99 of 999 requests is unknown, of 1000 it is not") {
		judgement = judge("p99 < 2ms", &sample, RIGOUR_GATE);
		CHECK_INT(judgement.holding, NOT_KNOWN);
		CHECK_TEXT(judgement.why, "too few requests: 999, and it takes 1000");
		CHECK(judgement.measured && judgement.actual == 1000);
		add(&sample, 1, 1000, FAILURE_NONE, 0);
		CHECK_INT(judge("p99 < 2ms", &sample, RIGOUR_GATE).holding, HOLDS);
		CHECK_INT(judge("p99 < 1ms", &sample, RIGOUR_GATE).holding, DOES_NOT_HOLD);
		CHECK_INT(judge("p99 <= 1ms", &sample, RIGOUR_GATE).holding, HOLDS);
		CHECK_INT(judge("p99.9 < 2ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
	}
	sample_reset(&sample);
	add(&sample, 90, 1000, FAILURE_NONE, 0);
	TEST("what is broken by many is broken, even when too few were seen to pass") {
		add(&sample, 9, 5000, FAILURE_NONE, 0);
		CHECK_INT(judge("p99 < 2ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		add(&sample, 1, 5000, FAILURE_NONE, 0);
		CHECK_INT(judge("p99 < 2ms", &sample, RIGOUR_GATE).holding, DOES_NOT_HOLD);
	}
	TEST("of some seconds, one sample beyond the quantile is enough") {
		CHECK_INT(judge("p99 < 9ms", &sample, RIGOUR_WATCH).holding, HOLDS);
		CHECK_INT(judge("p99.9 < 9ms", &sample, RIGOUR_WATCH).holding, NOT_KNOWN);
		sample_reset(&sample);
		add(&sample, 19, 1000, FAILURE_NONE, 0);
		CHECK_INT(judge("p50 < 9ms", &sample, RIGOUR_WATCH).holding, NOT_KNOWN);
		CHECK_INT(judge("max < 9ms", &sample, RIGOUR_GATE).holding, HOLDS);
		CHECK_INT(judge("max < 1ms", &sample, RIGOUR_GATE).holding, DOES_NOT_HOLD);
	}
	TEST("of nothing, nothing is known") {
		sample_reset(&sample);
		CHECK_INT(judge("p50 < 9ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("mean < 9ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("max < 9ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("errors < 9%", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("errors == 0", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("ok > 0", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("failed < 9%", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("starts > 0", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("lag < 9ms", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		CHECK_INT(judge("throughput > 1/s", &sample, RIGOUR_GATE).holding, DOES_NOT_HOLD);
	}
	sample_release(&sample);
}

static void test_shares(void)
{
	struct sample sample = { 0 };
	struct judgement judgement;

	add(&sample, 49, 1000, FAILURE_NONE, 0);
	TEST("no error in 49 is not yet less than 2%, in 50 it is") {
		CHECK_INT(judge("errors < 2%", &sample, RIGOUR_GATE).holding, NOT_KNOWN);
		add(&sample, 1, 1000, FAILURE_NONE, 0);
		CHECK_INT(judge("errors < 2%", &sample, RIGOUR_GATE).holding, HOLDS);
		CHECK_INT(judge("errors == 0", &sample, RIGOUR_GATE).holding, HOLDS);
	}
	TEST("classes are told apart; what is tried again, or was cut short by us, is no error") {
		add(&sample, 49, 1000, FAILURE_HTTP, 0);
		add(&sample, 1, 1000, FAILURE_TIMEOUT, 0);
		add(&sample, 25, 1000, FAILURE_RESET, REQUEST_WILL_RETRY);
		add(&sample, 50, 1000, FAILURE_INTERRUPTED, 0);
		judgement = judge("errors < 50%", &sample, RIGOUR_GATE);
		CHECK(judgement.actual == 0.5 && judgement.holding == DOES_NOT_HOLD);
		CHECK_INT(judge("errors(timeout) <= 1%", &sample, RIGOUR_GATE).holding, HOLDS);
		CHECK_INT(judge("errors(timeout) < 1%", &sample, RIGOUR_GATE).holding,
			  DOES_NOT_HOLD);
		CHECK(judge("retries < 50%", &sample, RIGOUR_GATE).actual == 0.2);
		CHECK(judge("throughput > 1/s", &sample, RIGOUR_GATE).actual == 10);
		CHECK(judge("goodput > 1/s", &sample, RIGOUR_GATE).actual == 5);
		CHECK(judge("ok > 1", &sample, RIGOUR_GATE).actual == 50);
		CHECK(judge("count != 100", &sample, RIGOUR_GATE).holding == DOES_NOT_HOLD);
	}
	TEST("starts") {
		const struct record_start kinds[] = {
			{ .outcome = OUTCOME_OK },
			{ .outcome = OUTCOME_OK },
			{ .outcome = OUTCOME_FAILED },
			{ .outcome = OUTCOME_TIMED_OUT },
			{ .outcome = OUTCOME_DROPPED },
			{ .outcome = OUTCOME_FAILED, .failure = FAILURE_INTERRUPTED }
		};

		for (size_t i = 0; i < 6; i++)
			sample_add_start(&sample, &kinds[i]);
		CHECK(judge("failed <= 50%", &sample, RIGOUR_GATE).actual == 0.5);
		CHECK(judge("dropped < 90%", &sample, RIGOUR_GATE).actual == 0.2);
		CHECK(judge("starts > 0", &sample, RIGOUR_GATE).actual == 4);
		CHECK(judge("achieved_rate > 0.1/s", &sample, RIGOUR_GATE).actual == 0.4);
	}
	sample_release(&sample);
}

static const char *shown(const char *text, double actual)
{
	static struct buffer out;
	struct condition condition = gate(text);

	buffer_clear(&out);
	condition_show(&condition, actual, &out);
	return arena_string(&arena, buffer_text(&out));
}

static void test_figures(void)
{
	struct condition upper = gate("p99 < 1s"), lower = gate("throughput > 100/s");

	TEST("a margin is a share of the bound, and negative beyond it") {
		CHECK(condition_margin(&upper, 800000) == 0.2);
		CHECK(condition_margin(&upper, 1500000) == -0.5);
		CHECK(condition_margin(&lower, 150) == 0.5);
		upper = gate("errors == 0");
		CHECK(isnan(condition_margin(&upper, 0)));
	}
	TEST("figures are shown in their unit, and never rounded across the bound") {
		CHECK_TEXT(shown("p99 < 1s", 812000), "812 ms");
		CHECK_TEXT(shown("errors < 2%", 0.0201), "2.01%");
		CHECK_TEXT(shown("errors < 2%", 0.00004), "0.004%");
		CHECK_TEXT(shown("errors < 2%", 0), "0%");
		CHECK_TEXT(shown("throughput > 1/s", 1234.4), "1,234/s");
		CHECK_TEXT(shown("throughput > 1/s", 0.5), "0.50/s");
		CHECK_TEXT(shown("ok > 0", 12000), "12,000");
	}
}

int main(void)
{
	test_subjects();
	test_scopes();
	test_mistakes();
	test_quantiles();
	test_shares();
	test_figures();
	arena_release(&arena);
	return tap_done();
}
