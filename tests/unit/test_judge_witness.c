#include <stdlib.h>

#include "lib/saga_key.h"
#include "sagas/judge_parts.h"
#include "tests/unit/canned.h"
#include "tests/unit/tap.h"

static const json_t *witness_of(const struct canned *canned, const char *invariant, size_t i)
{
	return json_array_get(json_object_get(canned_invariant(canned, invariant), "witnesses"), i);
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static size_t contradicting(const json_t *witness, const char **what)
{
	const json_t *line;
	size_t i, count = 0;

	json_array_foreach(json_object_get(witness, "timeline"), i, line) {
		if (!json_is_true(json_object_get(line, "contradicts")))
			continue;
		*what = string_in(line, "what");
		count++;
	}
	return count;
}

static double number_in(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void judge(struct canned *canned, const char *words)
{
	if (!CHECK(canned_judge(canned, words, NULL)))
		printf("#   %s\n", canned->err.text);
}

static void test_story(void)
{
	struct canned canned;
	const json_t *witness, *faults;
	const char *what = "";
	char key[SAGA_KEY_BYTES];

	judge(&canned, "saga sent ok:PENDING is:CONFIRMED armed:0 @3 saga:1990 sent info "
		       "charge:1990:pi_1 hit:0 sent ok:PENDING:1990 @5.31 charge:1990:pi_2 "
		       "@9 healed:0 armed:1 @60 is:CONFIRMED");
	witness = witness_of(&canned, "charge-once", 0);
	saga_key_write(CANNED_RUN, 0, 1, key);
	CHECK_TEXT(string_in(witness, "saga"), key);
	CHECK_TEXT(string_in(witness, "reason"),
		   "'charge' happened 2 times for one purchase: 1990 at 3.040 s, 1990 at 5.320 s");
	CHECK_TEXT(string_in(witness, "seed"), "42");
	CHECK_INT(contradicting(witness, &what), 1);
	CHECK_TEXT(what, "charge");
	faults = json_object_get(witness, "faults");
	CHECK_INT(json_array_size(faults), 1);
	CHECK_TEXT(string_in(json_array_get(faults, 0), "name"), "slow provider");
	CHECK_TEXT(string_in(json_array_get(faults, 0), "met"), "exactly");
	canned_release(&canned);
}

static void test_printed(void)
{
	struct buffer out = BUFFER_EMPTY;
	struct canned canned;

	judge(&canned, "@3 saga:1990 sent info charge:1990:pi_1 hit:0 @60 absent");
	verdicts_print(canned.verdicts, &out);
	CHECK(out.data && strstr(out.data, "charge-has-order: no money without an order"));
	CHECK(out.data && strstr(out.data, "visitor                   sends it: attempt 1\n"));
	CHECK(out.data &&
	      strstr(out.data, "  >>      3.040 s  psp                       charge: 1990\n"));
	CHECK(out.data && strstr(out.data, "it happened, and the caller did not learn of it"));
	CHECK(out.data && strstr(out.data, "faults: slow provider (exactly)"));
	CHECK(out.data && strstr(out.data, "seed: 42"));
	buffer_release(&out);
	canned_release(&canned);
	judge(&canned, "saga sent ok:PENDING charge:5 is:CONFIRMED");
	verdicts_print(canned.verdicts, &out);
	CHECK(!out.data || !strstr(out.data, "charge-has-order"));
	buffer_release(&out);
	canned_release(&canned);
}

static void test_repetitions(void)
{
	struct canned canned;
	const json_t *line;
	size_t i, reads = 0;

	judge(&canned, "saga sent ok:PENDING saw:PENDING saw:PENDING saw:PENDING saw:PENDING "
		       "saw:RESERVED charge:1 charge:1 is:CONFIRMED");
	json_array_foreach(json_object_get(witness_of(&canned, "charge-once", 0), "timeline"), i,
			   line) {
		reads += strcmp(string_in(line, "what"), "reads it") == 0;
	}
	CHECK_INT(reads, 3);
	canned_release(&canned);
}

static void test_smallest(void)
{
	struct buffer words = BUFFER_EMPTY;
	struct canned canned;
	char key[SAGA_KEY_BYTES];

	for (int i = 0; i < 30; i++)
		buffer_add_string(&words,
				  "saga sent ok:PENDING reserve:1:A was:PENDING was:RESERVED "
				  "charge:5 charge:5 is:CONFIRMED ");
	buffer_add_string(&words, "saga sent ok:PENDING charge:5 charge:5 is:CONFIRMED");
	judge(&canned, words.data);
	CHECK_INT(json_array_size(
			  json_object_get(canned_invariant(&canned, "charge-once"), "witnesses")),
		  WITNESSES_MAX);
	CHECK_INT(number_in(canned_invariant(&canned, "charge-once"), "violations"), 31);
	saga_key_write(CANNED_RUN, 0, 30, key);
	CHECK_TEXT(string_in(witness_of(&canned, "charge-once", 0), "saga"), key);
	buffer_release(&words);
	canned_release(&canned);
}

static void test_figures(void)
{
	struct canned canned;
	const json_t *saga, *risk;

	judge(&canned, "@1 saga sent ok:PENDING reserve:1:A charge:10 mail:ok is:CONFIRMED "
		       "@2 saga sent ok:PENDING reserve:1:A charge:10 mail:ok is:CONFIRMED "
		       "@2.5 saga sent ok:PENDING reserve:1:A charge:10 is:CONFIRMED "
		       "saga sent fail:409 absent saga sent info absent saga "
		       "@4 saga:50 sent ok:PENDING:50 armed:0 charge:50 hit:0 @6 was:FAILED "
		       "@7 is:FAILED healed:0 "
		       "@20 saga sent ok:PENDING charge:7 cancel @21 refund:7 was:CANCELLED "
		       "mail:failed is:CANCELLED saga sent ok:PENDING @60 is:PENDING "
		       "saga sent ok:PENDING unreadable");
	saga = canned_saga(&canned);
	CHECK_INT(number_in(saga, "minted"), 10);
	CHECK_INT(number_in(saga, "started"), 7);
	CHECK_INT(number_in(saga, "succeeded"), 3);
	CHECK_INT(number_in(saga, "compensated"), 2);
	CHECK_INT(number_in(saga, "stuck"), 1);
	CHECK_INT(number_in(saga, "unknown"), 1);
	CHECK_INT(number_in(saga, "refused"), 1);
	CHECK_INT(number_in(saga, "absent"), 1);
	CHECK_INT(number_in(saga, "unsent"), 1);
	/* The third was not told: acknowledged, confirmed, and not right. All took 100 s. */
	CHECK_INT(number_in(saga, "verified"), 2);
	CHECK_NEAR(number_in(saga, "verified_goodput"), 0.02, 0.0001);
	CHECK_INT(json_integer_value(json_array_get(json_object_get(saga, "verified_per_s"), 1)),
		  1);
	CHECK_INT(json_integer_value(json_array_get(json_object_get(saga, "verified_per_s"), 2)),
		  1);
	CHECK_INT(number_in(json_object_get(saga, "compensation_us"), "count"), 2);
	CHECK_NEAR(number_in(json_object_get(saga, "compensation_us"), "max"), 1970000, 20000);
	risk = json_array_get(json_object_get(saga, "at_risk"), 0);
	CHECK_TEXT(string_in(risk, "fault"), "slow provider");
	CHECK_INT(number_in(risk, "exactly"), 1);
	CHECK_INT(number_in(risk, "money"), 50);
	canned_release(&canned);
}

static void test_interval(void)
{
	struct interval none = wilson(0, 1000), some = wilson(10, 1000), all = wilson(5, 5);

	CHECK_NEAR(none.low, 0, 0);
	CHECK_NEAR(none.high, 0.003827, 0.00001);
	CHECK_NEAR(some.low, 0.005443, 0.00001);
	CHECK_NEAR(some.high, 0.018312, 0.00001);
	CHECK_NEAR(all.high, 1, 0);
	CHECK_NEAR(wilson(0, 0).high, 1, 0);
}

/* Records that no run writes: numbers beyond everything, states and steps that are not there. */
static void test_hostile(void)
{
	struct canned canned;
	struct record_saga saga = { .saga = 0xfffffff0, .event = SAGA_WAS, .state = 99 };
	struct record_effect effect = { .contract = 200, .step = 99 };
	struct record_reading reading = { .contract = 0, .value = INT64_MIN, .what = 77 };
	struct record_hit hit = { .fault = UINT32_MAX, .correlation = 1, .kind = 99 };
	struct record_fault fault = { .fault = UINT32_MAX, .state = 200 };
	struct record_source source = { .contract = 9, .source = 250, .snapshot = 60000 };
	struct history *history;
	struct verdicts *verdicts;
	json_t *json;

	judge(&canned, "saga sent ok:PENDING charge:5 charge:5 is:CONFIRMED");
	history = history_create(canned.directory, "snapshot-2", NULL);
	history_put(history, RECORD_SAGA, 0, &saga, sizeof(saga));
	saga.saga = 0;
	history_put(history, RECORD_SAGA, 0, &saga, sizeof(saga));
	saga = (struct record_saga){ .event = 250, .contract = 3, .at_us = INT64_MAX };
	history_put(history, RECORD_SAGA, 0, &saga, sizeof(saga));
	history_put(history, RECORD_EFFECT, 0, &effect, sizeof(effect));
	effect = (struct record_effect){
		.step = 1, .amount = INT64_MIN, .source = 255, .snapshot = 65535, .outcome = 200
	};
	history_put(history, RECORD_EFFECT, 0, &effect, sizeof(effect));
	effect.amount = INT64_MAX;
	effect.at_us = TIME_NONE;
	history_put(history, RECORD_EFFECT, 0, &effect, sizeof(effect));
	history_put(history, RECORD_READING, 0, &reading, sizeof(reading));
	history_put(history, RECORD_HIT, 0, &hit, sizeof(hit));
	history_put(history, RECORD_FAULT, 0, &fault, sizeof(fault));
	history_put(history, RECORD_SOURCE, 0, &source, sizeof(source));
	for (int i = 0; i < CASE_ENTRIES_MAX + 10; i++) {
		effect = (struct record_effect){
			.step = 1, .amount = 1, .snapshot = 2, .identity = 100 + (uint64_t)i
		};
		history_put(history, RECORD_EFFECT, 0, &effect, sizeof(effect));
	}
	history_close(history);
	verdicts = judge_history(canned.directory, &canned.err);
	CHECK(verdicts);
	json = verdicts_to_json(verdicts);
	CHECK(json_integer_value(json_object_get(json, "strange_records")) >= 4);
	CHECK(verdicts_any_invalid(verdicts));
	json_decref(json);
	verdicts_free(verdicts);
	canned_release(&canned);
}

int main(void)
{
	TEST("a witness tells its saga's story, with what contradicts and the faults that it met") {
		test_story();
	}
	TEST("people can read it") {
		test_printed();
	}
	TEST("who hears the same again and again is told of twice") {
		test_repetitions();
	}
	TEST("the smallest witnesses are kept, and all are counted") {
		test_smallest();
	}
	TEST("started = succeeded + compensated + stuck + unknown; goodput is of what was proven") {
		test_figures();
	}
	TEST("anomalies have the interval that Wilson says") {
		test_interval();
	}
	TEST("records that make no sense are counted, not believed") {
		test_hostile();
	}
	return tap_done();
}
