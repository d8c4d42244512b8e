/*
 * page_run DIR [SECONDS NAMES]: a run that has everything report.html can show, much of it, and
 * every word of it hostile: names, samples, keys of sagas, words of faults. Then its reports. With
 * fewer than ten names there is only some of everything.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/random.h"
#include "lib/record.h"
#include "reports/report.h"

enum {
	PER_S = 60,
	PHASES = 4,
	JOURNEYS = 20,
};

struct amounts {
	int faults, gates, invariants, witnesses, lines;
};
static const struct amounts much = { 30, 60, 30, 20, 40 }, little = { 3, 5, 6, 2, 5 };

/* What would do something if it were not escaped, or would show what is not there. */
static const char *const hostile[] = {
	"<script>window.stolen=1</script>",
	"\"><img src=x onerror=\"window.stolen=1\">",
	"' onmouseover='window.stolen=1' x='",
	"</title></style></script><h1>PASS</h1>",
	"&lt;b&gt; &amp; <!-- --> ]]> {{7*7}}",
	"\xe2\x80\xae" "ssap \xe2\x81\xa6 turned",
	"line\nbreak\r\n\ttab \x1b[31mred\x07",
	"javascript:window.stolen=1//http://example.invalid/x.png",
	"a name that goes on and on and on and on and on and on and on and on and on and on and on",
	"\xc3\x9c" "berpr\xc3\xbc" "fung \xe8\xb4\xad\xe7\x89\xa9\xe8\xbd\xa6",
};
enum { HOSTILE = sizeof(hostile) / sizeof(*hostile) };

struct run {
	const char *directory;
	int seconds, names;
	const struct amounts *amounts;
	struct history *worker, *chaos;
	struct random random;
	uint64_t books[OUTCOME_COUNT];
	uint32_t start;
};

static json_t *words(const char *what, int number)
{
	return json_sprintf("%s %d %s", what, number, hostile[number % HOSTILE]);
}

static int phase_at(const struct run *run, int second)
{
	return second * PHASES / run->seconds;
}

static enum failure failure_of(struct run *run, bool broken)
{
	uint64_t dice = random_below(&run->random, broken ? 40 : 2000);

	return dice > 0 && dice < FAILURE_INTERRUPTED ? (enum failure)dice : FAILURE_NONE;
}

static void add_request(struct run *run, int second, bool broken)
{
	double slow = broken ? 2 : 0;
	enum failure failure = failure_of(run, broken);
	struct record_request request = {
		.intended_us = second * US_PER_S + (int64_t)random_below(&run->random, 900000),
		.lag_us = (uint32_t)random_exponential(&run->random, 30),
		.service_us = (uint32_t)exp(random_normal(&run->random, 8 + slow, 0.8)),
		.first_byte_us = 700,
		.connect_us = 90,
		.tls_us = 800,
		.dns_us = 30,
		.start = run->start,
		.name = (uint16_t)(run->start % (uint32_t)run->names),
		.journey = (uint16_t)(run->start % JOURNEYS),
		.phase = (uint8_t)phase_at(run, second),
		.failure = (uint8_t)failure,
	};
	struct record_start start = { .intended_us = request.intended_us,
				      .duration_us = request.service_us,
				      .start = run->start++,
				      .journey = request.journey,
				      .phase = request.phase,
				      .outcome = failure ? OUTCOME_FAILED : OUTCOME_OK,
				      .failure = request.failure,
				      .measured = request.phase > 0 };
	char sample[1100];

	history_put(run->worker, RECORD_REQUEST,
		    (uint16_t)((request.phase ? REQUEST_MEASURED : 0) | REQUEST_NEW_CONNECTION),
		    &request, sizeof(request));
	history_put(run->worker, RECORD_START, 0, &start, sizeof(start));
	run->books[start.outcome]++;
	if (!failure)
		return;
	snprintf(sample, sizeof(sample), "%s %01000d", hostile[run->start % HOSTILE], 7);
	history_add_text(run->worker, RECORD_TEXT, text_subject(failure, request.name),
			 text_of(sample));
}

static void add_second(struct run *run, int second)
{
	struct record_health health = { .at_us = (second + 1) * US_PER_S,
					.cpu_us = 200000,
					.stall_us = 900,
					.memory_kib = 9000,
					.in_flight = (uint32_t)(second % 17) };
	struct record_saga saga = { .at_us = second * US_PER_S + 500, .event = SAGA_OK };

	for (int i = 0; i < PER_S; i++)
		add_request(run, second, second % 40 > 30);
	for (int i = 0; i < 9; i++)
		history_put(run->worker, RECORD_SAGA, 0, &saga, sizeof(saga));
	history_put(run->worker, RECORD_HEALTH, 0, &health, sizeof(health));
}

static void add_fault(struct run *run, uint32_t number)
{
	int64_t from_us =
		run->seconds * US_PER_S / (run->amounts->faults + 1) * (int64_t)(number + 1);
	static const enum fault_state states[] = { FAULT_ARMING, FAULT_ARMED, FAULT_HEALING,
						   FAULT_HEALED };

	for (int i = 0; i < 4; i++) {
		struct record_fault fault = { .at_us = from_us + i * US_PER_S,
					      .fault = number,
					      .state = (uint8_t)states[i],
					      .hits = number };

		history_put(run->chaos, RECORD_FAULT, 0, &fault, sizeof(fault));
		history_add_text(run->chaos, RECORD_FAULT_TEXT, number,
				 text_of(hostile[number % HOSTILE]));
	}
}

static void write_json(const struct run *run, const char *name, json_t *json)
{
	char path[4096], *text = json_dumps(json, JSON_INDENT(1));

	snprintf(path, sizeof(path), "%s/history/%s", run->directory, name);
	if (!text || !file_write(path, text_of(text), NULL))
		abort();
	free(text);
	json_decref(json);
}

static json_t *phases(const struct run *run)
{
	json_t *list = json_array();

	for (int i = 0; i < PHASES; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:s, s:I, s:I, s:f, s:f, s:b, s:i}", "name",
						words("phase", i), "kind", "rate", "start_us",
						(json_int_t)(i * run->seconds / PHASES * US_PER_S),
						"duration_us",
						(json_int_t)(run->seconds / PHASES * US_PER_S),
						"rate_from", (double)PER_S, "rate_to",
						(double)PER_S, "measured", i > 0, "planned",
						PER_S * run->seconds / PHASES));
	return list;
}

static void write_meta(const struct run *run)
{
	json_t *journeys = json_array(), *requests = json_array(), *faults = json_array();
	json_t *gates = json_array();

	for (int i = 0; i < JOURNEYS; i++)
		json_array_append_new(journeys, words("journey", i));
	for (int i = 0; i < run->names; i++)
		json_array_append_new(requests, words("GET", i));
	for (int i = 0; i < run->amounts->faults; i++)
		json_array_append_new(faults,
				      json_pack("{s:o, s:s, s:o}", "name", words("fault", i),
						"kind", "latency", "target", words("edge", i)));
	for (int i = 0; i < run->amounts->gates; i++)
		json_array_append_new(gates, json_pack("{s:s, s:o}", "gate",
						       i % 3 ? "p99 < 10ms" : "errors < 50%",
						       "name", words("gate", i)));
	write_json(run, "meta.json",
		   json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o, "
			     "s:o, s:{s:o}}",
			     "schema", "sagastorm/meta/1", "name", words("run", 0), "about",
			     words("about", 3), "seed", "42", "started", "2026-01-02T03:04:05.000Z",
			     "scenario", words("scenario", 1), "target", words("target", 7),
			     "transport", "direct", "workers", 1, "phases", phases(run), "journeys",
			     journeys, "requests", requests, "faults", faults, "gates", gates,
			     "environment", "host", words("host", 2)));
}

static json_t *witness(const struct run *run, int number)
{
	json_t *timeline = json_array(), *faults = json_array();

	for (int i = 0; i < run->amounts->lines; i++)
		json_array_append_new(timeline,
				      json_pack("{s:f, s:o, s:o, s:o, s:b}", "at_s", i * 0.75,
						"source", words("source", i), "what",
						words("what", i), "detail", words("detail", i),
						"contradicts", i == run->amounts->lines - 2));
	json_array_append_new(faults,
			      json_pack("{s:o, s:s}", "name", words("fault", 1), "met", "exactly"));
	return json_pack("{s:o, s:o, s:f, s:s, s:o, s:o}", "saga", words("saga", number), "reason",
			 words("reason", number), "at_s", 3.25, "seed", "42", "timeline", timeline,
			 "faults", faults);
}

static json_t *invariant(const struct run *run, int number)
{
	static const char *const verdicts[] = { "invalid", "valid", "unknown" };
	json_t *witnesses = json_array();

	for (int i = 0; i < run->amounts->witnesses && number % 3 == 0; i++)
		json_array_append_new(witnesses, witness(run, number + i));
	return json_pack("{s:o, s:o, s:s, s:i, s:i, s:i, s:o, s:o}", "name", words("rule", number),
			 "statement", words("statement", number), "verdict", verdicts[number % 3],
			 "checked", 1000, "violations", number % 3 ? 0 : 25, "unjudged", 0, "why",
			 words("why", number), "witnesses", witnesses);
}

static void write_verdicts(const struct run *run)
{
	json_t *invariants = json_array(), *verified = json_array(), *stuck = json_array();
	json_t *succeeded = json_array(), *risks = json_array(), *saga;

	for (int i = 0; i < run->amounts->invariants; i++)
		json_array_append_new(invariants, invariant(run, i));
	for (int i = 0; i < run->seconds; i++) {
		json_array_append_new(verified, json_integer(i % 40 > 30 ? 4 : 8));
		json_array_append_new(succeeded, json_integer(i % 40 > 30 ? 5 : 8));
		json_array_append_new(stuck, json_integer(i % 40 > 30 ? 3 : 0));
	}
	for (int i = 0; i < run->amounts->faults; i++)
		json_array_append_new(risks, json_pack("{s:o, s:i, s:i, s:i, s:i}", "fault",
						       words("fault", i), "sagas", 20, "exactly", 3,
						       "money", 12345, "quantity", 6));
	saga = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:o, s:o}", "verdict",
			 "invalid", "started", 5400, "succeeded", 5000, "compensated", 300, "stuck",
			 60, "unknown", 40, "acknowledged", 5300, "verified", 4900, "violations",
			 250, "verified_goodput", 8.2, "verified_per_s", verified, "invariants",
			 invariants);
	json_object_set_new(saga, "ended_per_s",
			    json_pack("{s:o, s:o, s:[], s:[]}", "succeeded", succeeded, "stuck",
				      stuck, "compensated", "unknown"));
	json_object_set_new(saga, "anomalies",
			    json_pack("{s:i, s:i, s:f, s:f, s:f}", "violated", 50, "judged", 5300,
				      "per_million", 9433.9, "low", 7160.0, "high", 12420.0));
	json_object_set_new(saga, "compensation_us",
			    json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:i}", "p50", 25000, "p90",
				      90000, "p95", 150000, "p99", 900000, "max", 2000000, "mean",
				      40000.0, "count", 300));
	json_object_set_new(saga, "at_risk", risks);
	write_json(run, "verdicts.json", json_pack("{s:{s:o}}", "sagas", hostile[0], saga));
}

static void write_run(struct run *run)
{
	struct record_event ended = { .at_us = run->seconds * US_PER_S + 250000,
				      .event = EVENT_RUN_ENDED };

	for (int second = 0; second < run->seconds; second++)
		add_second(run, second);
	for (int i = 0; i < run->amounts->faults; i++)
		add_fault(run, (uint32_t)i);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		ended.books[i] = run->books[i];
	history_put(run->worker, RECORD_EVENT, 0, &ended, sizeof(ended));
	history_close(run->worker);
	history_close(run->chaos);
	write_meta(run);
	write_verdicts(run);
}

int main(int argc, char **argv)
{
	const struct report_options options = { .colour = false };
	struct run run = { .seconds = argc > 2 ? atoi(argv[2]) : 600,
			   .names = argc > 3 ? atoi(argv[3]) : 500,
			   .random = random_stream(42, "page", 0) };
	struct buffer terminal = BUFFER_EMPTY, history = BUFFER_EMPTY;
	struct error err = { 0 };
	int exit_code;

	if (argc < 2 || run.seconds < 4 || run.names < 1 || run.names > 60000) {
		fputs("usage: page_run DIR [SECONDS NAMES]\n", stderr);
		return 2;
	}
	run.directory = argv[1];
	run.amounts = run.names < 10 ? &little : &much;
	buffer_format(&history, "%s/history", argv[1]);
	run.worker = history_create(history.data, "worker-0", &err);
	run.chaos = run.worker ? history_create(history.data, "chaos", &err) : NULL;
	if (!run.chaos) {
		fprintf(stderr, "page_run: %s\n", err.text);
		return 1;
	}
	write_run(&run);
	if (!report_build(run.directory, &options, &terminal, &exit_code, &err)) {
		fprintf(stderr, "page_run: %s\n", err.text);
		return 1;
	}
	buffer_release(&terminal);
	buffer_release(&history);
	return 0;
}
