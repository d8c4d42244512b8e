/*
 * Rates of phases that do not simply last as long as planned, and the names of files.
 */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/made_run.h"
#include "tests/unit/tap.h"

#define HEAD                                                                                       \
	"{ \"schema\": \"sagastorm/meta/1\", \"name\": \"r\", \"seed\": \"1\", \"journeys\": "     \
	"[ \"j\", \"k\" ], "

static const char ramp[] =
	HEAD "\"requests\": [ \"q\" ], \"phases\": [ { \"name\": \"ramp\", \"kind\": \"rate\", "
	     "\"start_us\": 0, \"duration_us\": 10000000, \"rate_from\": 0, \"rate_to\": 20, "
	     "\"measured\": true, \"planned\": 100 }, { \"name\": \"never\", \"kind\": \"rate\", "
	     "\"start_us\": 10000000, \"duration_us\": 10000000, \"rate_from\": 20, \"rate_to\": 20, "
	     "\"measured\": true, \"planned\": 200 } ] }";

static const char work[] =
	HEAD "\"requests\": [ \"a/b\", \"a b\", \"A%B\", \"../../etc/x\", \"\\u00e9\", \"-\" ], "
	     "\"phases\": [ { \"name\": \"work\", \"kind\": \"iterations\", \"start_us\": 0, "
	     "\"duration_us\": 60000000, \"measured\": true, \"planned\": 0 } ] }";

static void add_starts(struct made_run *run, uint32_t count, int64_t every_us)
{
	for (uint32_t i = 0; i < count; i++)
		made_start(run, &(struct record_start){ .intended_us = i * every_us,
							.duration_us = 100000,
							.start = i,
							.measured = 1 });
}

static void test_stopped_ramp(void)
{
	struct made_run run;
	json_t *report;

	made_run_begin(&run, ramp);
	add_starts(&run, 24, 200000);
	made_event(&run, EVENT_STOP_REQUESTED, 5000000, SIGINT);
	made_run_end(&run, 5500000, (const uint64_t[OUTCOME_COUNT]){ 24 });
	report = made_run_report(&run);
	TEST("half way up a ramp from 0, a quarter of it was planned") {
		CHECK(number_at(report, "load.target_rate") == 5.0);
		CHECK(number_at(report, "load.achieved_rate") == 4.8);
		CHECK(number_at(report, "load.measured_s") == 5.0);
		CHECK(number_at(report, "phases.1.duration_s") == 0.0);
		CHECK_TEXT(string_at(report, "interrupted"), "SIGINT");
		CHECK_INT(run.exit_code, 130);
	}
	json_decref(report);
	made_run_remove(&run);
}

static void test_work(void)
{
	static const char *const tables[] = { "a-b",   "a-b-2",	  "A-B-3",
					      "etc-x", "request", "request-2" };
	struct made_run run;
	json_t *report;

	made_run_begin(&run, work);
	add_starts(&run, 40, 100000);
	made_run_end(&run, 60000000, (const uint64_t[OUTCOME_COUNT]){ 40 });
	report = made_run_report(&run);
	TEST("a phase of so many iterations lasts until the last one is done") {
		CHECK(json_is_null(json_at(report, "load.target_rate")));
		CHECK(number_at(report, "load.achieved_rate") == 10.0);
		CHECK(json_is_null(json_at(report, "phases.0.planned")));
		CHECK_INT(run.exit_code, 0);
	}
	TEST("journeys without requests cannot fail the gate: nothing is known of it") {
		CHECK_TEXT(string_at(report, "gates.0.verdict"), "unknown");
	}
	TEST("every name has a file of its own, in the directory where it belongs") {
		for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
			char path[64];
			char *contents;

			snprintf(path, sizeof(path), "histograms/%s.hgrm", tables[i]);
			contents = made_run_file(&run, path);
			if (!CHECK(strstr(contents, "#[Max") != NULL))
				printf("# %s\n", path);
			free(contents);
		}
	}
	json_decref(report);
	made_run_remove(&run);
}

int main(void)
{
	test_stopped_ramp();
	test_work();
	return tap_done();
}
