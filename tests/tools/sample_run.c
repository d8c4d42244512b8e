/*
 * sample_run DIR REQUESTS [SECONDS]: the history of a run with so many requests, of several
 * workers, with errors, retries and dropped starts; then its report. Says on standard error how
 * long that took, and in what memory. The run took a minute if SECONDS is not said.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/random.h"
#include "lib/record.h"
#include "reports/report.h"

enum { WORKERS = 3, NAMES = 6, PHASES = 3 };

static const char *const names[NAMES] = {
	"list products", "view product", "GET /api/search?q=${products.name}&limit=20",
	"log in",	 "add to cart",	 "place order",
};

struct sample {
	struct history *workers[WORKERS];
	struct random random;
	uint64_t books[OUTCOME_COUNT];
	uint64_t planned[PHASES];
	uint32_t starts;
	int seconds;
	bool told[NAMES][FAILURE_COUNT];
};

static uint8_t phase_of(uint32_t start, uint32_t starts)
{
	return start < starts / 10 ? 0 : start < starts - starts / 10 ? 1 : 2;
}

static void tell(struct sample *sample, struct history *history, enum failure failure,
		 uint16_t name)
{
	const char *text = failure == FAILURE_HTTP ?
				   "POST /api/orders: status 503, expected 201; body: "
				   "{\"error\":\"payment provider is \xe2\x80\xae slow\"}" :
				   "no answer within 5 s";

	if (sample->told[name][failure])
		return;
	sample->told[name][failure] = true;
	history_add_text(history, RECORD_TEXT, text_subject(failure, name), text_of(text));
}

static enum failure add_request(struct sample *sample, struct history *history, int64_t at_us,
				uint16_t name, uint8_t phase)
{
	bool new_connection = random_below(&sample->random, 50) == 0;
	uint64_t dice = random_below(&sample->random, 2000);
	enum failure failure = dice < 8	 ? FAILURE_HTTP :
			       dice < 10 ? FAILURE_TIMEOUT :
			       dice < 11 ? FAILURE_RESET :
					   FAILURE_NONE;
	struct record_request request = {
		.intended_us = at_us,
		.lag_us = (uint32_t)random_exponential(&sample->random, 20),
		.service_us = (uint32_t)exp(random_normal(&sample->random, 7.5 + name * 0.3, 0.6)),
		.first_byte_us = 400,
		.connect_us = new_connection ? 120 : 0,
		.bytes_in = 1500,
		.bytes_out = 200,
		.status = failure == FAILURE_HTTP ? 503 : 200,
		.name = name,
		.journey = name > 2,
		.phase = phase,
		.failure = (uint8_t)failure,
	};
	uint16_t flags = (uint16_t)((phase ? REQUEST_MEASURED : 0) |
				    (new_connection ? REQUEST_NEW_CONNECTION : 0));

	if (dice == 7) /* it goes well the second time */
		flags |= REQUEST_WILL_RETRY;
	history_put(history, RECORD_REQUEST, flags, &request, sizeof(request));
	if (failure != FAILURE_NONE)
		tell(sample, history, failure, name);
	return dice == 7 ? FAILURE_NONE : failure;
}

static void add_start(struct sample *sample, uint32_t number)
{
	struct history *history = sample->workers[number % WORKERS];
	int64_t at_us = (int64_t)number * sample->seconds * US_PER_S / sample->starts;
	uint8_t phase = phase_of(number, sample->starts);
	uint16_t first = number % 3 ? 0 : 3;
	enum failure failure = FAILURE_NONE;
	struct record_start start = { .intended_us = at_us,
				      .duration_us = 9000,
				      .start = number,
				      .journey = first > 0,
				      .phase = phase,
				      .measured = phase > 0 };

	if (random_below(&sample->random, 1000) == 0)
		start.outcome = OUTCOME_DROPPED;
	for (uint16_t i = 0; i < 3 && start.outcome != OUTCOME_DROPPED && !failure; i++)
		failure = add_request(sample, history, at_us + i * 3000, (uint16_t)(first + i),
				      phase);
	if (failure)
		start.outcome = failure == FAILURE_TIMEOUT ? OUTCOME_TIMED_OUT : OUTCOME_FAILED;
	start.failure = (uint8_t)failure;
	history_put(history, RECORD_START, 0, &start, sizeof(start));
	sample->books[start.outcome]++;
	sample->planned[phase]++;
}

static void add_health(struct sample *sample, int64_t second)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct record_health health = { .at_us = second * US_PER_S,
						.worker = i,
						.cpu_us = 300000 + 20000 * i,
						.stall_us = 1500,
						.memory_kib = 9000 };

		history_put(sample->workers[i], RECORD_HEALTH, 0, &health, sizeof(health));
	}
}

static bool write_meta(const struct sample *sample, const char *history, struct error *err)
{
	static const char *const phases[PHASES] = { "warmup", "sale", "after" };
	static const int starts[PHASES] = { 0, 1, 9 }, lengths[PHASES] = { 1, 8, 1 }; /* tenths */
	struct buffer meta = BUFFER_EMPTY, path = BUFFER_EMPTY;
	bool good;

	buffer_add_string(&meta,
			  "{\"schema\":\"sagastorm/meta/1\",\"name\":\"flash-sale\","
			  "\"about\":\"The minute a sale opens, while the payment provider "
			  "slows down and a payment worker dies.\",\"seed\":\"42\","
			  "\"started\":\"2025-11-20T10:00:00.000Z\",\"version\":\"0\","
			  "\"scenario\":\"scenarios/flash-sale.yaml\",\"workers\":3,"
			  "\"transport\":\"direct\",\"target\":\"http://127.0.0.1:8080\","
			  "\"journeys\":[\"browse\",\"checkout\"],\"limits\":{\"lag_us\":5000,"
			  "\"dropped\":0.01,\"cpu\":0.9,\"stall_us\":100000},"
			  "\"environment\":{\"cpus\":2},\"phases\":[");
	for (int i = 0; i < PHASES; i++)
		buffer_format(&meta,
			      "%s{\"name\":\"%s\",\"kind\":\"rate\",\"start_us\":%de6,"
			      "\"duration_us\":%de6,\"rate_from\":1,\"rate_to\":1,"
			      "\"measured\":%s,\"planned\":%" PRIu64 "}",
			      i ? "," : "", phases[i], starts[i] * sample->seconds / 10,
			      lengths[i] * sample->seconds / 10, i ? "true" : "false",
			      sample->planned[i]);
	buffer_add_string(&meta, "],\"requests\":[");
	for (int i = 0; i < NAMES; i++)
		buffer_format(&meta, "%s\"%s\"", i ? "," : "", names[i]);
	buffer_add_string(&meta, "],\"faults\":[{\"name\":\"slow provider\",\"kind\":\"latency\","
				 "\"target\":\"payment -> psp\"}],\"gates\":["
				 "{\"gate\":\"checkout.p95 < 10s in sale\",\"name\":\"\"},"
				 "{\"gate\":\"errors < 5%\",\"name\":\"few errors\"},"
				 "{\"gate\":\"any 10s of throughput > 1/s\",\"name\":\"\"},"
				 "{\"gate\":\"recovery(slow provider) < 30s\",\"name\":\"\"}]}");
	buffer_format(&path, "%s/meta.json", history);
	good = file_write(path.data, buffer_text(&meta), err);
	buffer_release(&meta);
	buffer_release(&path);
	return good;
}

/* Armed at 20 s, in effect for 5 s, met by 17 connections. */
static bool write_fault(const char *directory, struct error *err)
{
	static const enum fault_state states[] = { FAULT_ARMING, FAULT_ARMED, FAULT_HEALING,
						   FAULT_HEALED };
	struct history *history = history_create(directory, "chaos", err);

	if (!history)
		return false;
	for (int i = 0; i < 4; i++) {
		struct record_fault fault = { .at_us = (i < 2 ? 20 : 25) * US_PER_S + i * 1000,
					      .state = (uint8_t)states[i],
					      .hits = i < 2 ? 0 : 17 };

		history_put(history, RECORD_FAULT, 0, &fault, sizeof(fault));
	}
	history_add_text(history, RECORD_FAULT_TEXT, 0,
			 text_of("the proxy says that it is not armed any more"));
	for (int i = 0; i < 17; i++) {
		struct record_hit hit = { .at_us = 21 * US_PER_S + i, .kind = HIT_CONNECTION };

		history_put(history, RECORD_HIT, 0, &hit, sizeof(hit));
	}
	history_close(history);
	return true;
}

static bool write_history(struct sample *sample, const char *history, struct error *err)
{
	struct record_event ended = { .at_us = sample->seconds * US_PER_S + 123456,
				      .event = EVENT_RUN_ENDED };
	int64_t second = 1;

	for (int i = 0; i < WORKERS; i++) {
		char name[24];

		snprintf(name, sizeof(name), "worker-%d", i);
		sample->workers[i] = history_create(history, name, err);
		if (!sample->workers[i])
			return false;
	}
	for (uint32_t i = 0; i < sample->starts; i++) {
		for (; (int64_t)i * sample->seconds >= second * sample->starts; second++)
			add_health(sample, second);
		add_start(sample, i);
	}
	for (int i = 0; i < OUTCOME_COUNT; i++)
		ended.books[i] = sample->books[i];
	history_put(sample->workers[0], RECORD_EVENT, 0, &ended, sizeof(ended));
	for (int i = 0; i < WORKERS; i++)
		history_close(sample->workers[i]);
	return write_fault(history, err) && write_meta(sample, history, err);
}

static void say_cost(const char *what, int64_t since_us, uint64_t starts)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%s: %.2f s for about %" PRIu64 " requests, at most %ld MiB\n", what,
		(double)(clock_now_us() - since_us) / 1e6, starts * 3, usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
	struct report_options options = { .colour = report_wants_colour(stdout) };
	struct sample sample = { .random = random_stream(42, "sample", 0) };
	struct buffer terminal = BUFFER_EMPTY, history = BUFFER_EMPTY;
	int exit_code = 1;
	int64_t began_us = clock_now_us();
	struct error err;

	sample.seconds = argc > 3 ? atoi(argv[3]) : 60;
	if (argc < 3 || strtoul(argv[2], NULL, 10) < 300 || sample.seconds < 60) {
		fputs("usage: sample_run DIR REQUESTS [SECONDS]\n", stderr);
		return 2;
	}
	sample.starts = (uint32_t)(strtoul(argv[2], NULL, 10) / 3);
	buffer_format(&history, "%s/history", argv[1]);
	if (!write_history(&sample, history.data, &err)) {
		fprintf(stderr, "sample_run: %s\n", err.text);
		return 1;
	}
	say_cost("writing", began_us, sample.starts);
	began_us = clock_now_us();
	if (!report_build(argv[1], &options, &terminal, &exit_code, &err)) {
		fprintf(stderr, "sample_run: %s\n", err.text);
		return 1;
	}
	say_cost("reporting", began_us, sample.starts);
	fputs(terminal.data, stdout);
	buffer_release(&terminal);
	buffer_release(&history);
	return exit_code;
}
