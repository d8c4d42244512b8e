/*
 * saga_run DIR SAGAS PLANTED_EVERY: the history of a run of many sagas (tests/bench/many_sagas.h),
 * as `sagastorm report DIR` judges it.
 */
#include "tests/bench/many_sagas.h"

/* What makes it a run that came to its end: a visitor, a request, and the books. */
static bool end_run(const char *history)
{
	struct history *engine = history_create(history, "engine", NULL);
	struct history *worker = history_create(history, "worker-1", NULL);
	struct record_request request = { .service_us = 2000,
					  .status = 201,
					  .first_byte_us = 1000 };
	struct record_start start = { .duration_us = 2000, .measured = 1, .requests = 1 };
	struct record_event begun = { .event = EVENT_RUN_STARTED };
	struct record_event ended = { .event = EVENT_RUN_ENDED,
				      .at_us = 1000000,
				      .books = { [OUTCOME_OK] = 1 } };

	if (!engine || !worker)
		return false;
	history_put(worker, RECORD_REQUEST, REQUEST_MEASURED, &request, sizeof(request));
	history_put(worker, RECORD_START, 0, &start, sizeof(start));
	history_put(engine, RECORD_EVENT, 0, &begun, sizeof(begun));
	history_put(engine, RECORD_EVENT, 0, &ended, sizeof(ended));
	history_close(engine);
	history_close(worker);
	return true;
}

int main(int argc, char **argv)
{
	struct many many;
	char history[200];

	if (argc != 4) {
		fprintf(stderr, "usage: saga_run DIR SAGAS PLANTED_EVERY\n");
		return 2;
	}
	snprintf(history, sizeof(history), "%s/history", argv[1]);
	many_write_in(&many, history, (uint32_t)strtoul(argv[2], NULL, 10),
		      (uint32_t)strtoul(argv[3], NULL, 10));
	return end_run(history) ? 0 : 1;
}
