/*
 * What makes a run invalid, which exit code wins, and that a report can be built of the remains of
 * any run.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/history_file.h"
#include "lib/random.h"
#include "reports/findings.h"
#include "reports/report.h"
#include "tests/unit/made_run.h"
#include "tests/unit/tap.h"

#define META(limits)                                                                               \
	"{ \"schema\": \"sagastorm/meta/1\", \"name\": \"r\", \"about\": null, \"seed\": \"1\","   \
	"  \"started\": \"2025-11-20T10:00:00Z\", \"workers\": 1, \"phases\": [ { \"name\": "      \
	"\"main\", \"kind\": \"rate\", \"start_us\": 0, \"duration_us\": 10000000, "               \
	"\"rate_from\": 10, \"rate_to\": 10, \"measured\": true, \"planned\": 100 } ], "           \
	"\"journeys\": [ \"j\" ], \"requests\": [ \"q\" ]" limits " }"

#define LIMITS                                                                                     \
	", \"limits\": { \"lag_us\": 5000, \"dropped\": 0.01, \"cpu\": 0.9, \"stall_us\": 100000 }"

/* A run of 100 starts with one request each; what differs from a good one is said here. */
struct made {
	uint32_t starts;  /* default 100 */
	uint32_t late;	  /* so many requests are sent 20 ms late */
	uint32_t dropped; /* of the starts */
	uint32_t failed;
	uint32_t cpu_us, stall_us;
	int64_t ok_in_books; /* more or less than there are */
	uint32_t lost_workers;
	int signal;
	int64_t paused_s, went_on_s; /* 0: not */
	bool endless; /* no RUN_ENDED */
	bool no_limits;
};

static void make_start(struct made_run *run, uint32_t i, const struct made *made)
{
	bool dropped = i < made->dropped;
	bool failed = !dropped && i < made->dropped + made->failed;
	enum failure failure = failed ? FAILURE_CONNECT : FAILURE_NONE;

	made_start(run, &(struct record_start){ .intended_us = i * 100000,
						.start = i,
						.outcome = dropped ? OUTCOME_DROPPED :
							   failed  ? OUTCOME_FAILED :
								     OUTCOME_OK,
						.failure = (uint8_t)failure,
						.measured = 1 });
	if (dropped)
		return;
	made_request(run,
		     &(struct record_request){ .intended_us = i * 100000,
					       .lag_us = i < made->late ? 20000 : 100,
					       .service_us = 1000,
					       .failure = (uint8_t)failure },
		     REQUEST_MEASURED);
}

static void make(struct made_run *run, const struct made *made)
{
	uint32_t starts = made->starts ? made->starts : 100;
	uint64_t books[OUTCOME_COUNT] = { starts - made->dropped - made->failed, made->failed, 0,
					  made->dropped };

	made_run_begin(run, made->no_limits ? META("") : META(LIMITS));
	for (uint32_t i = 0; i < starts; i++)
		make_start(run, i, made);
	for (uint32_t second = 1; second <= 10; second++) {
		struct record_health health = { .at_us = second * 1000000,
						.cpu_us = made->cpu_us,
						.stall_us = second == 5 ? made->stall_us : 0 };

		history_put(run->worker, RECORD_HEALTH, 0, &health, sizeof(health));
	}
	for (uint32_t i = 0; i < made->lost_workers; i++)
		made_event(run, EVENT_WORKER_LOST, 5000000, i);
	if (made->signal)
		made_event(run, EVENT_STOP_REQUESTED, 5000000, (uint32_t)made->signal);
	if (made->paused_s)
		made_event(run, EVENT_PAUSED, made->paused_s * 1000000, 1);
	if (made->went_on_s)
		made_event(run, EVENT_PAUSED, made->went_on_s * 1000000, 0);
	books[OUTCOME_OK] += (uint64_t)made->ok_in_books;
	if (!made->endless)
		made_run_end(run, 10000000, books);
}

/* Exactly this reason (NULL: none) and this exit code. */
static void check_report(struct made_run *run, const char *reason, int exit_code)
{
	json_t *report = made_run_report(run);
	const json_t *reasons = json_at(report, "validity.reasons");

	if (!CHECK(report != NULL)) {
		printf("# %s\n", run->err.text);
		return;
	}
	CHECK_INT(json_array_size(reasons), reason ? 1 : 0);
	for (size_t i = 0; i < json_array_size(reasons); i++)
		printf("# %s\n", json_string_value(json_array_get(reasons, i)));
	if (reason && json_array_size(reasons) == 1) {
		CHECK(strstr(json_string_value(json_array_get(reasons, 0)), reason) != NULL);
		CHECK(strstr(run->terminal.data, "  ! ") != NULL);
	}
	CHECK(json_is_true(json_at(report, "validity.valid")) == !reason);
	CHECK_INT(run->exit_code, exit_code);
	CHECK_INT(number_at(report, "exit_code"), exit_code);
	CHECK_TEXT(string_at(report, "verdict"), exit_code == 0	 ? "pass" :
						 exit_code == 20 ? "fail" :
								   "unknown");
	json_decref(report);
}

static void check_made(const struct made *made, const char *reason, int exit_code)
{
	struct made_run run;

	make(&run, made);
	check_report(&run, reason, exit_code);
	made_run_remove(&run);
}

static void test_limits(void)
{
	TEST("a run within its limits is valid")
		check_made(&(struct made){ .late = 1,
					   .dropped = 1,
					   .cpu_us = 890000,
					   .stall_us = 99000 },
			   NULL, 0);
	TEST("lag above its limit makes the run invalid")
		check_made(&(struct made){ .late = 2 }, "lag p99 is 20.0 ms, the limit is 5.00 ms",
			   10);
	TEST("too many dropped starts make the run invalid")
		check_made(&(struct made){ .dropped = 2 }, "2.0% of the starts found no room", 10);
	TEST("a busy generator makes the run invalid")
		check_made(&(struct made){ .cpu_us = 950000 }, "95% of a core", 10);
	TEST("a stall makes the run invalid")
		check_made(&(struct made){ .stall_us = 150000 }, "stood still for 150 ms", 10);
	TEST("without limits nothing is too much")
		check_made(&(struct made){ .late = 50,
					   .dropped = 50,
					   .cpu_us = 999999,
					   .stall_us = 999999,
					   .no_limits = true },
			   NULL, 0);
}

static void test_books(void)
{
	TEST("what the workers counted must be what they wrote")
		check_made(&(struct made){ .ok_in_books = 1 },
			   "the workers counted 101 starts ok, the history has 100", 10);
	TEST("every planned start must have been made")
		check_made(&(struct made){ .starts = 99 }, "planned 100 starts and has 99", 10);
	TEST("a lost worker makes the run invalid")
		check_made(&(struct made){ .lost_workers = 1, .ok_in_books = -7 }, "worker 0 died",
			   10);
	TEST("several are counted")
		check_made(&(struct made){ .lost_workers = 3, .ok_in_books = -7 },
			   "worker 0 died, and 2 more", 10);
	TEST("a run without an end did not finish")
		check_made(&(struct made){ .endless = true }, "the run did not finish", 10);
	TEST("when everything was dropped, too little was tested")
		check_made(&(struct made){ .dropped = 100, .no_limits = true },
			   "too little was tested", 10);
}

static void test_outcomes(void)
{
	TEST("a system that answers nothing does not pass")
		check_made(&(struct made){ .failed = 100 }, NULL, 20);
	TEST("one that answers something passes, as long as no gate says more")
		check_made(&(struct made){ .failed = 99 }, NULL, 0);
	TEST("a run stopped by SIGINT ends with 130, and is not blamed for being short")
		check_made(&(struct made){ .signal = SIGINT, .starts = 50 }, NULL, 130);
	TEST("a run stopped by SIGTERM ends with 143")
		check_made(&(struct made){ .signal = SIGTERM, .starts = 50, .endless = true }, NULL,
			   143);
	TEST("a stopped run whose generator was the limit is invalid first")
		check_made(&(struct made){ .signal = SIGINT, .starts = 50, .late = 10 }, "lag p99",
			   10);
}

static void test_pauses(void)
{
	TEST("a run that was paused is no measurement, and what was dropped is not for want of room")
		check_made(&(struct made){ .paused_s = 3, .went_on_s = 5, .dropped = 20 },
			   "it was paused by hand for 2.00 s", 10);
	TEST("a pause lasts to the end when nobody goes on")
		check_made(&(struct made){ .paused_s = 4, .dropped = 60 },
			   "it was paused by hand for 6.00 s", 10);
	TEST("or to where the run was stopped")
		check_made(&(struct made){ .paused_s = 4, .signal = SIGINT },
			   "it was paused by hand for 1.00 s", 10);
	TEST("to go on without a pause is nothing")
		check_made(&(struct made){ .went_on_s = 4 }, NULL, 0);
}

static void test_ranks(void)
{
	static const struct {
		unsigned findings;
		int exit_code;
	} cases[] = {
		{ 0, 0 },
		{ FOUND_NOT_HEALED | FOUND_INVALID | FOUND_GATE_FAILED, 30 },
		{ FOUND_INVALID | FOUND_SAGA_VIOLATED | FOUND_INTERRUPTED, 10 },
		{ FOUND_SAGA_VIOLATED | FOUND_UNSTEADY | FOUND_GATE_FAILED, 21 },
		{ FOUND_UNSTEADY | FOUND_GATE_FAILED, 22 },
		{ FOUND_GATE_FAILED | FOUND_REGRESSION | FOUND_TERMINATED, 20 },
		{ FOUND_REGRESSION | FOUND_NOT_READY, 23 },
		{ FOUND_NOT_READY | FOUND_INTERRUPTED, 3 },
		{ FOUND_INTERRUPTED, 130 },
		{ FOUND_TERMINATED, 143 },
	};

	TEST("the first exit code that applies wins")
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			CHECK_INT(verdict_of(cases[i].findings).exit_code, cases[i].exit_code);
}

static void path_in(const struct made_run *run, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", run->directory, name);
}

static void close_both(struct made_run *run)
{
	history_close(run->worker);
	history_close(run->engine);
	run->worker = run->engine = NULL;
}

static void test_damage(void)
{
	struct made_run run;
	char path[256];

	TEST("records that found no room are missed") {
		uint64_t lost = 12;
		FILE *file;

		make(&run, &(struct made){ 0 });
		close_both(&run);
		path_in(&run, "history/worker-0.history", path);
		file = fopen(path, "r+");
		fseek(file, offsetof(struct history_header, lost), SEEK_SET);
		fwrite(&lost, sizeof(lost), 1, file);
		fclose(file);
		check_report(&run, "12 records were lost", 10);
		made_run_remove(&run);
	}
	TEST("a file that is no history is told, and does not stop the report") {
		make(&run, &(struct made){ 0 });
		path_in(&run, "history/worker-1.history", path);
		CHECK(file_write(path, text_of("rubbish"), NULL));
		check_report(&run, "not a history", 10);
		made_run_remove(&run);
	}
	TEST("records about what meta.json does not know are counted and left alone") {
		make(&run, &(struct made){ 0 });
		made_request(&run, &(struct record_request){ .name = 1 }, REQUEST_MEASURED);
		made_request(&run, &(struct record_request){ .failure = 99 }, REQUEST_MEASURED);
		made_request(&run, &(struct record_request){ .phase = 7 }, REQUEST_MEASURED);
		made_start(&run, &(struct record_start){ .journey = 3, .measured = 1 });
		made_request(&run, &(struct record_request){ .name = 0 },
			     0); /* but it is measured */
		check_report(&run, "5 records name what", 10);
		made_run_remove(&run);
	}
}

static void test_torn_reason(void)
{
	struct made_run run;
	json_t *report;
	char path[256];

	make(&run, &(struct made){ 0 });
	close_both(&run);
	path_in(&run, "history/worker-0.history", path);
	truncate(path, 50 * RECORD_BYTES + 1);
	report = made_run_report(&run);
	TEST("a torn worker's file is named, and the books no longer fit") {
		CHECK(strstr(run.terminal.data, "'worker-0.history' is damaged at its end") !=
		      NULL);
		CHECK(strstr(run.terminal.data, "the workers counted 100 starts ok") != NULL);
		CHECK_INT(number_at(report, "load.ok"), 25);
		CHECK_INT(run.exit_code, 10);
	}
	json_decref(report);
	made_run_remove(&run);
}

static void test_killed(void)
{
	struct made_run run;
	json_t *report;
	char path[256];
	pid_t child;
	int status;

	made_run_begin(&run, META(LIMITS));
	path_in(&run, "history", path);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		run.worker = history_create(path, "worker-1", NULL);
		for (uint32_t i = 0; i < 60; i++)
			make_start(&run, i, &(struct made){ 0 });
		kill(getpid(), SIGKILL);
	}
	waitpid(child, &status, 0);
	report = made_run_report(&run);
	TEST("of a run that was killed, everything that happened is reported") {
		CHECK(WIFSIGNALED(status));
		CHECK_INT(number_at(report, "load.scheduled"), 60);
		CHECK_INT(number_at(report, "totals.count"), 60);
		CHECK_INT(number_at(report, "totals.latency_us.max"), 1100);
		CHECK(number_at(report, "duration_s") == 5.901);
		CHECK(number_at(report, "load.target_rate") == 10.0);
		CHECK_TEXT(string_at(report, "validity.reasons.0"), "the run did not finish");
		CHECK_INT(run.exit_code, 10);
	}
	json_decref(report);
	made_run_remove(&run);
}

static void test_hostile(void)
{
	struct random random = random_stream(1, "hostile", 0);
	struct made_run run;
	json_t *report;

	make(&run, &(struct made){ 0 });
	for (int i = 0; i < 30000; i++) {
		unsigned char payload[RECORD_PAYLOAD];
		uint64_t bits = random_next(&random);

		for (size_t at = 0; at < sizeof(payload); at++)
			payload[at] =
				(unsigned char)(bits & 1 && at > 7 ? 0 : random_next(&random));
		if (bits & 2)
			memset(payload, bits & 4 ? 0xff : 0, 8);
		history_put(run.worker, (uint16_t)(1 + random_below(&random, 6)),
			    (uint16_t)random_next(&random), payload, sizeof(payload));
	}
	report = made_run_report(&run);
	TEST("random records with good checksums leave a report, and its identity") {
		CHECK(report != NULL);
		CHECK_INT(number_at(report, "load.scheduled"),
			  number_at(report, "load.ok") + number_at(report, "load.failed") +
				  number_at(report, "load.timed_out") +
				  number_at(report, "load.dropped"));
		CHECK_INT(run.exit_code, 10);
	}
	json_decref(report);
	made_run_remove(&run);
}

static void check_refused(const char *meta, const char *why)
{
	struct made_run run;

	made_run_begin(&run, meta);
	CHECK(!made_run_report(&run));
	printf("# %s\n", run.err.text);
	CHECK(strstr(run.err.text, why) != NULL);
	made_run_remove(&run);
}

static void test_no_run(void)
{
	const struct report_options options = { .colour = false };
	struct buffer terminal = BUFFER_EMPTY;
	struct error err;
	int exit_code;

	TEST("no run, no report, and the reason why") {
		CHECK(!report_build("/nonexistent", &options, &terminal, &exit_code, &err));
		CHECK(strstr(err.text, "/nonexistent/history/meta.json") != NULL);
		check_refused("", "meta.json:1");
		check_refused("[]", "schema");
		check_refused("{\"schema\":\"sagastorm/meta/2\"}", "sagastorm/meta/2");
		check_refused("{\"schema\":\"sagastorm/meta/1\"}", "no list 'phases'");
		check_refused("{\"schema\":\"sagastorm/meta/1\",\"phases\":[1],\"journeys\":[2]}",
			      "no name");
	}
	TEST("a directory that cannot be written is an error") {
		struct made_run run;
		char path[256];

		make(&run, &(struct made){ 0 });
		path_in(&run, "histograms", path);
		CHECK(file_write(path, text_of("in the way"), NULL));
		CHECK(!made_run_report(&run));
		printf("# %s\n", run.err.text);
		CHECK(strstr(run.err.text, "histograms") != NULL);
		made_run_remove(&run);
	}
	buffer_release(&terminal);
}

int main(void)
{
	test_limits();
	test_books();
	test_outcomes();
	test_pauses();
	test_ranks();
	test_damage();
	test_torn_reason();
	test_killed();
	test_hostile();
	test_no_run();
	return tap_done();
}
