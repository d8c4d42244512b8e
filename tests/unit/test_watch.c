/*
 * A run is seen while its history is written, by another process, in pieces; and its steady state
 * is seen where it is, and nowhere else.
 */
#include "engine/watch.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/steady.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "sagas/contract.h"
#include "tests/unit/tap.h"

static const char *const journeys[] = { "browse", "checkout" };
static const char *const requests[] = { "list", "place order" };
static const struct condition_names names = { .journeys = journeys,
					      .requests = requests,
					      .journey_count = 2,
					      .request_count = 2 };

static struct arena arena;
static char directory[64];

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static void begin(void)
{
	strcpy(directory, "/tmp/test_watch_XXXXXX");
	if (!mkdtemp(directory))
		abort();
}

static void end(void)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct history *writer(const char *name)
{
	struct history *history = history_create(directory, name, NULL);

	if (!history)
		abort();
	return history;
}

static void request(struct history *history, int64_t done_us, uint32_t latency_us, uint16_t name,
		    enum failure failure)
{
	const struct record_request record = { .intended_us = done_us - latency_us,
					       .service_us = latency_us,
					       .name = name,
					       .journey = name,
					       .failure = (uint8_t)failure };

	history_put(history, RECORD_REQUEST, REQUEST_MEASURED, &record, sizeof(record));
}

/* `per_s` of one kind in each of the seconds from first to last. */
static void seconds(struct history *history, int64_t first, int64_t last, int per_s,
		    uint32_t latency_us, enum failure failure)
{
	for (int64_t second = first; second <= last; second++)
		for (int i = 0; i < per_s; i++)
			request(history, second * US_PER_S + i * US_PER_S / per_s, latency_us, 0,
				failure);
}

static struct condition condition(const char *text)
{
	struct condition compiled;
	struct error err;

	if (!condition_compile(text_of(text), &names, CONDITION_STEADY, (struct place){ "x", 1, 1 },
			       &arena, &compiled, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	return compiled;
}

static struct judgement judge(const struct watch *watch, const char *text, int64_t from_s,
			      int64_t to_s)
{
	struct condition compiled = condition(text);
	struct judgement judgement;

	watch_judge(watch, &compiled, from_s * US_PER_S, to_s * US_PER_S, &judgement);
	return judgement;
}

static void test_tail(void)
{
	struct watch *watch;
	struct history *history;

	begin();
	watch = watch_new(directory, &names);
	TEST("a run that has not begun is no mistake") {
		CHECK(watch_turn(watch, 0));
		CHECK_INT(watch_records(watch), 0);
	}
	history = writer("worker-0");
	TEST("files are found when they come, records as they are written") {
		request(history, 100000, 1000, 0, FAILURE_NONE);
		CHECK(watch_turn(watch, 600000));
		CHECK_INT(watch_records(watch), 1);
		request(history, 200000, 1000, 0, FAILURE_NONE);
		CHECK(watch_turn(watch, 610000));
		CHECK(watch_turn(watch, 620000));
		CHECK_INT(watch_records(watch), 2);
	}
	TEST("a turn is bounded, and nothing is lost by that") {
		for (int i = 0; i < 70000; i++)
			request(history, 300000, 1000, 1, i % 10 ? FAILURE_NONE : FAILURE_HTTP);
		CHECK(!watch_turn(watch, 700000));
		for (int i = 0; i < 10 && !watch_turn(watch, 700000);)
			i++;
		CHECK_INT(watch_records(watch), 70002);
		CHECK_INT(watch_totals(watch)->requests, 70002);
		CHECK_INT(watch_totals(watch)->by_failure[FAILURE_HTTP], 7000);
	}
	TEST("a second is complete when it has settled, and only then looked at") {
		CHECK_INT(watch_complete(watch), 0);
		CHECK_INT(judge(watch, "errors < 20%", 0, 10).holding, NOT_KNOWN);
		watch_turn(watch, 1100000);
		CHECK_INT(watch_complete(watch), 0);
		watch_turn(watch, 1150000);
		CHECK_INT(watch_complete(watch), 1);
		CHECK_NEAR(judge(watch, "errors < 20%", 0, 10).actual, 7000.0 / 70002, 1e-9);
		CHECK_NEAR(judge(watch, "checkout.errors(http) < 20%", 0, 10).actual, 0.1, 1e-9);
		CHECK_INT(judge(watch, "browse.errors < 20%", 0, 10).holding, NOT_KNOWN);
		CHECK_INT(judge(watch, "checkout.p99 < 2ms", 0, 1).holding, HOLDS);
	}
	history_close(history);
	watch_free(watch);
	end();
}

static void test_process(void)
{
	struct watch *watch;
	int status, told[2];
	pid_t child;
	char byte;

	begin();
	if (pipe(told) != 0)
		abort();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		struct history *history = history_create(directory, "worker-7", NULL);

		for (int i = 0; i < 30000; i++) {
			request(history, i * 30, 500, 0, FAILURE_NONE);
			if (i == 10000 && write(told[1], "x", 1) != 1)
				_exit(1);
		}
		_exit(0); /* without closing: as one that was killed */
	}
	watch = watch_new(directory, &names);
	TEST("another process is followed while it writes, and to where it died") {
		CHECK(read(told[0], &byte, 1) == 1);
		watch_turn(watch, 0);
		CHECK(watch_records(watch) > 0);
		waitpid(child, &status, 0);
		for (int i = 0; i < 20; i++)
			watch_turn(watch, 1000000 + i);
		CHECK_INT(watch_records(watch), 30000);
	}
	watch_free(watch);
	close(told[0]);
	close(told[1]);
	end();
}

static void test_hostile(void)
{
	struct watch *watch;
	struct history *history;
	char path[128];

	begin();
	history = writer("worker-0");
	TEST("what makes no sense is left out") {
		unsigned char rubbish[RECORD_PAYLOAD];

		snprintf(path, sizeof(path), "%s/other.history", directory);
		CHECK(file_write(path, text_of("no history"), NULL));
		for (int kind = 1; kind < 16; kind++) {
			memset(rubbish, kind * 37, sizeof(rubbish));
			history_put(history, (uint16_t)kind, 0xffff, rubbish, sizeof(rubbish));
			memset(rubbish, 0xff, sizeof(rubbish));
			history_put(history, (uint16_t)kind, 0xffff, rubbish, sizeof(rubbish));
		}
		request(history, INT64_MIN / 2, 5, 0, FAILURE_NONE);
		request(history, -5, 5, 0, FAILURE_NONE);
		request(history, 500000, 5, 0, FAILURE_NONE);
		request(history, 500000, 5, 9, FAILURE_NONE);
		watch = watch_new(directory, &names);
		CHECK(watch_turn(watch, 3000000));
		CHECK_INT(judge(watch, "ok > 0", 0, 10).samples, 1);
		watch_free(watch);
	}
	history_close(history);
	end();
}

static void test_faults(void)
{
	struct record_fault fault = { .at_us = 5000000, .fault = 2, .state = FAULT_ARMED };
	struct record_hit hit = { .at_us = 5500000, .fault = 2 };
	struct history *history;
	struct watch *watch;

	begin();
	history = writer("chaos");
	watch = watch_new(directory, &names);
	TEST("faults: armed, hit, healed") {
		history_put(history, RECORD_FAULT, 0, &fault, sizeof(fault));
		for (int i = 0; i < 3; i++)
			history_put(history, RECORD_HIT, 0, &hit, sizeof(hit));
		watch_turn(watch, 6000000);
		CHECK(!watch_fault(watch, 3));
		CHECK_INT(watch_fault(watch, 0)->state, FAULT_PLANNED);
		CHECK_INT(watch_fault(watch, 2)->state, FAULT_ARMED);
		CHECK_INT(watch_fault(watch, 2)->hits, 3);
		CHECK_INT(watch_fault(watch, 2)->healed_us, -1);
		fault = (struct record_fault){
			.at_us = 8000000, .fault = 2, .state = FAULT_HEALED, .hits = 3
		};
		history_put(history, RECORD_FAULT, 0, &fault, sizeof(fault));
		watch_turn(watch, 9000000);
		CHECK_INT(watch_fault(watch, 2)->hits, 3);
		CHECK_INT(watch_fault(watch, 2)->armed_us, 5000000);
		CHECK_INT(watch_fault(watch, 2)->healed_us, 8000000);
	}
	watch_free(watch);
	history_close(history);
	end();
}

/* The steady state. */

struct stage {
	struct history *history, *engine;
	struct watch *watch;
	struct steady *steady;
	struct condition conditions[2];
	int64_t second; /* everything before it was played */
};

static void stage_begin(struct stage *stage)
{
	struct steady_settings settings = { .conditions = stage->conditions,
					    .count = 2,
					    .for_us = 3 * US_PER_S };

	begin();
	stage->second = 0;
	stage->history = writer("worker-0");
	stage->engine = settings.history = writer("engine");
	stage->conditions[0] = condition("p99 < 100ms");
	stage->conditions[1] = condition("errors < 10%");
	stage->watch = watch_new(directory, &names);
	stage->steady = steady_new(&settings);
}

static void stage_end(struct stage *stage)
{
	steady_free(stage->steady);
	watch_free(stage->watch);
	history_close(stage->history);
	history_close(stage->engine);
	end();
}

/* So many seconds go by; what the last look said. */
static enum steady_state play(struct stage *stage, int count, int per_s, uint32_t latency_us,
			      enum failure failure)
{
	enum steady_state state = steady_state(stage->steady);

	while (count--) {
		int64_t now_us = (stage->second + 1) * US_PER_S + WATCH_SETTLE_US;

		seconds(stage->history, stage->second, stage->second, per_s, latency_us, failure);
		stage->second++;
		while (!watch_turn(stage->watch, now_us))
			;
		state = steady_turn(stage->steady, stage->watch, now_us);
	}
	return state;
}

static char *explanation(const struct stage *stage)
{
	struct buffer out = BUFFER_EMPTY;
	char *copy;

	buffer_add_string(&out, "");
	steady_explain(stage->steady, &out);
	copy = arena_string(&arena, buffer_text(&out));
	buffer_release(&out);
	return copy;
}

static void saga(struct history *history, uint32_t number, int64_t at_s, enum saga_event event,
		 uint8_t state)
{
	const struct record_saga record = {
		.at_us = at_s * US_PER_S, .saga = number, .event = (uint8_t)event, .state = state
	};

	history_put(history, RECORD_SAGA, 0, &record, sizeof(record));
}

static struct watch_sagas sagas_at(struct watch *watch, int64_t second)
{
	while (!watch_turn(watch, second * US_PER_S + WATCH_SETTLE_US))
		continue;
	return watch_sagas(watch);
}

static void test_sagas(void)
{
	static const struct contract contract = {
		.settles_within_us = 5 * US_PER_S,
		.state_count = 4,
		.states = { { NULL, STATE_MOVING, 0 },
			    { NULL, STATE_SUCCEEDED, 0 },
			    { NULL, STATE_COMPENSATED, 0 },
			    { NULL, STATE_SUCCEEDED, 0 } },
	};
	struct history *history;
	struct watch_sagas seen;
	struct watch *watch;

	begin();
	watch = watch_new(directory, &names);
	watch_know_contract(watch, &contract);
	history = writer("worker-0");
	TEST("sagas: each ends once, however often and in how many ways it is read") {
		for (uint32_t i = 0; i < 6; i++)
			saga(history, i, 1, SAGA_MINTED, STATE_NONE);
		saga(history, 0, 1, SAGA_SAW, 0);
		saga(history, 0, 2, SAGA_SAW, 1);
		saga(history, 0, 2, SAGA_SAW, 1);
		saga(history, 0, 3, SAGA_SAW, 3);
		saga(history, 1, 2, SAGA_SAW, 2);
		saga(history, 2, 2, SAGA_SAW, 1);
		saga(history, 2, 3, SAGA_SAW, 2);
		seen = sagas_at(watch, 3);
		CHECK_INT(seen.minted, 6);
		CHECK_INT(seen.succeeded, 1);
		CHECK_INT(seen.compensated, 2);
		CHECK_INT(seen.late, 0);
		CHECK_INT(seen.wrong, 0);
	}
	TEST("one that was refused has ended, unless it is tried again") {
		saga(history, 3, 3, SAGA_FAIL, STATE_NONE);
		saga(history, 4, 3, SAGA_FAIL, STATE_NONE);
		CHECK_INT(sagas_at(watch, 4).refused, 2);
		saga(history, 4, 4, SAGA_SENT, STATE_NONE);
		CHECK_INT(sagas_at(watch, 4).refused, 1);
	}
	TEST("one not seen to end in its time is late, until it is") {
		CHECK_INT(sagas_at(watch, 6).late, 0);
		CHECK_INT(sagas_at(watch, 8).late, 2); /* 4 and 5 */
		saga(history, 5, 8, SAGA_SAW, 1);
		saga(history, 6, 1, SAGA_MINTED, STATE_NONE);
		CHECK_INT(sagas_at(watch, 9).late, 2);
		CHECK_INT(watch_sagas(watch).succeeded, 2);
	}
	TEST("what contradicts itself is counted as it is seen") {
		saga(history, 0, 9, SAGA_MISSED, STATE_NONE);
		saga(history, 1, 9, SAGA_AGAIN, STATE_NONE);
		CHECK_INT(sagas_at(watch, 10).wrong, 2);
	}
	TEST("numbers and times that no run has are left out") {
		saga(history, UINT32_MAX, 9, SAGA_MINTED, STATE_NONE);
		saga(history, UINT32_MAX, 9, SAGA_SAW, 1);
		saga(history, 7, INT64_MAX / US_PER_S, SAGA_MINTED, STATE_NONE);
		saga(history, 8, -5, SAGA_MINTED, STATE_NONE);
		saga(history, 9000, 9, SAGA_FAIL, STATE_NONE);
		saga(history, 0, 9, SAGA_SAW, 31);
		CHECK_INT(sagas_at(watch, 20).late, 3); /* 4, 6 and 8 */
	}
	watch_free(watch);
	history_close(history);
	end();
}

static void test_before(void)
{
	struct stage stage;

	stage_begin(&stage);
	steady_begin(stage.steady, STEADY_BEFORE, 0);
	TEST("before a fault, it holds when it has held long enough") {
		CHECK_INT(play(&stage, 2, 200, 1000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_INT(play(&stage, 1, 200, 1000, FAILURE_NONE), STEADY_HELD);
		CHECK_TEXT(explanation(&stage), "");
	}
	TEST("a sick system does not hold, and it is said why") {
		CHECK_INT(play(&stage, 1, 200, 500000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_TEXT(explanation(&stage), "p99 < 100ms: it is 500 ms");
		CHECK_INT(steady_since_us(stage.steady), -1);
		CHECK_INT(play(&stage, 2, 200, 1000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_INT(play(&stage, 1, 200, 1000, FAILURE_NONE), STEADY_HELD);
	}
	stage_end(&stage);
	stage_begin(&stage);
	steady_begin(stage.steady, STEADY_BEFORE, 0);
	TEST("few requests are looked at for longer; none are never steady") {
		CHECK_INT(play(&stage, 5, 10, 1000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_TEXT(explanation(&stage),
			   "p99 < 100ms: too few requests: 50, and it takes 100");
		CHECK_INT(play(&stage, 5, 10, 1000, FAILURE_NONE), STEADY_HELD);
		CHECK_INT(play(&stage, 70, 0, 0, FAILURE_NONE), STEADY_LOOKING);
	}
	stage_end(&stage);
}

static void test_during(void)
{
	struct stage stage;

	stage_begin(&stage);
	play(&stage, 4, 200, 500000, FAILURE_NONE);
	steady_begin(stage.steady, STEADY_DURING, 4 * US_PER_S + 300000);
	TEST("during a fault, what was before it does not count") {
		CHECK_INT(play(&stage, 5, 200, 1000, FAILURE_NONE), STEADY_HELD);
	}
	TEST("a bad second is no breach while all three of them are good enough") {
		CHECK_INT(play(&stage, 1, 20, 1000, FAILURE_HTTP), STEADY_HELD);
		CHECK_INT(play(&stage, 2, 200, 1000, FAILURE_NONE), STEADY_HELD);
	}
	TEST("broken in two looks after another is a breach, and stays one") {
		CHECK_INT(play(&stage, 1, 200, 1000, FAILURE_HTTP), STEADY_LOOKING);
		CHECK_INT(play(&stage, 1, 200, 1000, FAILURE_HTTP), STEADY_BREACHED);
		CHECK(strstr(explanation(&stage), "errors < 10%: it is ") != NULL);
		CHECK_INT(play(&stage, 9, 200, 1000, FAILURE_NONE), STEADY_BREACHED);
	}
	stage_end(&stage);
}

static void test_after(void)
{
	struct stage stage;
	struct history_reader *reader;
	const struct record *record;
	uint64_t looks = 0, broken = 0;
	char path[128];

	stage_begin(&stage);
	play(&stage, 5, 200, 1000, FAILURE_NONE);
	steady_begin(stage.steady, STEADY_AFTER, 5 * US_PER_S + 500000);
	TEST("after a heal, only what came after it counts") {
		CHECK_INT(play(&stage, 4, 200, 500000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_INT(play(&stage, 2, 200, 1000, FAILURE_NONE), STEADY_LOOKING);
		CHECK_INT(play(&stage, 1, 200, 1000, FAILURE_NONE), STEADY_HELD);
		CHECK_INT(steady_since_us(stage.steady), 9 * US_PER_S);
	}
	steady_write_broken(stage.steady, 13 * US_PER_S);
	watch_turn(stage.watch, 13 * US_PER_S);
	snprintf(path, sizeof(path), "%s/engine.history", directory);
	reader = history_open(path, NULL);
	while ((record = history_read(reader))) {
		looks += record->kind == RECORD_STEADY;
		broken += record->kind == RECORD_EVENT;
	}
	history_reader_free(reader);
	TEST("every look is in the history, a line per condition") {
		CHECK_INT(looks, 2 * 12);
		CHECK_INT(broken, 1);
	}
	stage_end(&stage);
}

int main(void)
{
	test_tail();
	test_process();
	test_hostile();
	test_faults();
	test_sagas();
	test_before();
	test_during();
	test_after();
	arena_release(&arena);
	return tap_done();
}
