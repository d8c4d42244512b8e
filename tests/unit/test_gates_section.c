/* `gates:` in scenarios: what is meant, what is said to mistakes, and what stops a run. */
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/gate_watch.h"
#include "engine/scenario.h"
#include "lib/clock.h"
#include "tests/unit/tap.h"

#define REST                                                                                       \
	"target: http://127.0.0.1:8080\n"                                                          \
	"load: { warmup: { rate: 20/s, for: 2s, measure: no }, sale: { rate: 20/s, for: 1m } }\n"  \
	"journeys: { browse: [ { get: /, name: front page } ] }\n"

static struct complaints complaints = COMPLAINTS_EMPTY;
static struct buffer said = BUFFER_EMPTY;

static struct scenario *load(const char *text)
{
	struct scenario *scenario;

	complaints_release(&complaints);
	buffer_clear(&said);
	buffer_add_string(&said, "");
	scenario = scenario_load_text("t.yaml", text_of(text), NULL, &complaints);
	complaints_write(&complaints, &said);
	return scenario;
}

static void check_told(const char *text, const char *wanted)
{
	struct scenario *scenario = load(text);

	CHECK(!scenario);
	CHECK_TEXT(said.data, wanted);
	scenario_free(scenario);
}

static void test_good(void)
{
	struct scenario *scenario =
		load(REST "vars: { most: 2% }\n"
			  "gates:\n"
			  "  - errors < ${most}\n"
			  "  - 'front page.p95 < 1s in sale'\n"
			  "  - { gate: any 5s of ok > 3, name: alive, abort: yes }\n");

	TEST("gates are conditions, with a name and a wish to stop") {
		if (!CHECK(scenario != NULL)) {
			printf("# %s\n", said.data);
			return;
		}
		CHECK_INT(scenario->gate_count, 3);
		CHECK(scenario->gates[0].condition.bound == 0.02 && !scenario->gates[0].abort);
		CHECK_TEXT(scenario->gates[0].name, "errors < 2%");
		CHECK_INT(scenario->gates[1].condition.subject, SUBJECT_REQUEST);
		CHECK_TEXT(scenario->gates[2].name, "alive");
		CHECK(scenario->gates[2].abort);
		CHECK(strstr(scenario->resolved, "gates:") != NULL);
	}
	scenario_free(scenario);
}

static void test_mistakes(void)
{
	TEST("every mistake in gates is told at once, at its place")
		check_told(
			REST "gates:\n"
			     "  - brows.p99 < 1s\n"
			     "  - \"errors < 1% in sael\"\n"
			     "  - { gate: p99 < 5%, abrt: yes }\n"
			     "  - [p99]\n"
			     "  -\n",
			"t.yaml:5:5: unknown journey or request 'brows' (did you mean "
			"'browse'?)\n"
			"t.yaml:6:21: unknown phase 'sael' (did you mean 'sale'?)\n"
			"t.yaml:7:23: unknown key 'abrt' (did you mean 'abort'?)\n"
			"t.yaml:8:5: a condition is a text such as 'errors < 2%', not a list\n"
			"t.yaml:9:4: a condition is a text such as 'errors < 2%', not nothing\n");
	TEST("a mistake elsewhere does not make what it hides unknown")
		check_told("target: http://127.0.0.1:8080\n"
			   "load: { sale: { rate: 20, for: 1m } }\n"
			   "journeys: { browse: [ { gte: /, name: front page } ] }\n"
			   "gates: [ front page.p95 < 1s in sale, p99 < fast ]\n",
			   "t.yaml:2:23: 'rate': '20' has no unit (write 20/s, or /m, /h)\n"
			   "t.yaml:3:25: unknown step 'gte' (did you mean 'get'?)\n"
			   "t.yaml:4:45: 'fast' is no duration (write 250ms, 1.5s, 2m, 1h30m)\n");
	TEST("what can't stop a run is said so")
		check_told(REST "gates:\n  - { gate: ok > 5, abort: yes }\n",
			   "t.yaml:5:13: 'ok > 5' would abort the run at its beginning (write "
			   "'any 10s of ok > 5')\n");
	TEST("gates are a list")
		check_told(REST "gates: { p99: 1s }\n",
			   "t.yaml:4:8: 'gates' wants a list of conditions, not a map\n");
}

/* Stopping. */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

struct stage {
	char directory[64];
	struct scenario *scenario;
	struct history *history;
	struct watch *watch;
	struct gate_watch *gates;
};

static void stage_begin_with(struct stage *stage, const char *text, bool all)
{
	*stage = (struct stage){ .directory = "/tmp/test_gates_XXXXXX", .scenario = load(text) };
	if (!stage->scenario || !mkdtemp(stage->directory))
		abort();
	stage->history = history_create(stage->directory, "worker-0", NULL);
	stage->watch = watch_new(stage->directory, &stage->scenario->names);
	stage->gates = gate_watch_new(stage->scenario, stage->watch, stage->history, all);
}

static void stage_begin(struct stage *stage, const char *text)
{
	stage_begin_with(stage, text, false);
}

static void stage_end(struct stage *stage)
{
	watch_free(stage->watch);
	gate_watch_free(stage->gates);
	history_close(stage->history);
	scenario_free(stage->scenario);
	nftw(stage->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A second with so many requests, of which some fail. */
static bool play(struct stage *stage, int64_t second, int count, int failing)
{
	int64_t now_us = (second + 1) * US_PER_S + WATCH_SETTLE_US;
	bool measured = second >= 2;

	for (int i = 0; i < count; i++) {
		const struct record_request request = {
			.intended_us = second * US_PER_S + i,
			.service_us = 1000,
			.phase = measured,
			.failure = i < failing ? FAILURE_HTTP : FAILURE_NONE,
		};

		history_put(stage->history, RECORD_REQUEST, measured ? REQUEST_MEASURED : 0,
			    &request, sizeof(request));
	}
	while (!watch_turn(stage->watch, now_us))
		;
	return gate_watch_turn(stage->gates, stage->watch, now_us);
}

static void test_stopping(void)
{
	struct stage stage;

	stage_begin(&stage, REST "gates: [ errors < 5%, { gate: errors < 5%, abort: yes } ]\n");
	TEST("a run is stopped when what was seen so far breaks a gate, and not by its warm-up") {
		CHECK(!play(&stage, 0, 100, 100));
		CHECK(!play(&stage, 1, 100, 100));
		CHECK(!play(&stage, 2, 5, 5));
		CHECK(!gate_watch_reason(stage.gates));
		CHECK(!play(&stage, 3, 60, 4));
		CHECK(play(&stage, 4, 60, 4));
		CHECK_TEXT(gate_watch_reason(stage.gates), "errors < 5%: it is 10.40%");
	}
	stage_end(&stage);
	stage_begin(&stage, REST "gates: [ { gate: any 3s of ok > 10, abort: yes } ]\n");
	TEST("or when a stretch does") {
		for (int64_t second = 0; second < 6; second++)
			CHECK(!play(&stage, second, 5, 0));
		CHECK(!play(&stage, 6, 5, 0));
		CHECK(!play(&stage, 7, 2, 0));
		CHECK(play(&stage, 8, 0, 0));
	}
	stage_end(&stage);
	stage_begin(&stage, REST "gates: [ errors < 5% ]\n");
	TEST("a gate that does not want to stop a run is not looked at") {
		CHECK(!stage.gates);
		CHECK(!play(&stage, 5, 100, 100));
	}
	stage_end(&stage);
}

static void test_watching(void)
{
	struct judgement judgement;
	struct stage stage;

	stage_begin_with(&stage, REST "gates: [ errors < 5%, ok > 10 ]\n", true);
	TEST("all gates that requests and starts decide can be looked at, and stop nothing") {
		CHECK(!play(&stage, 2, 100, 50));
		CHECK(gate_watch_judge(stage.gates, 0, &judgement));
		CHECK_INT(judgement.holding, DOES_NOT_HOLD);
		CHECK_INT((int)(judgement.actual * 100), 50);
		CHECK(gate_watch_judge(stage.gates, 1, &judgement));
		CHECK_INT(judgement.holding, HOLDS);
		CHECK(!gate_watch_judge(stage.gates, 2, &judgement));
		CHECK(!gate_watch_judge(NULL, 0, &judgement));
		CHECK(!gate_watch_reason(stage.gates));
	}
	stage_end(&stage);
}

int main(void)
{
	test_good();
	test_mistakes();
	test_stopping();
	test_watching();
	complaints_release(&complaints);
	buffer_release(&said);
	return tap_done();
}
