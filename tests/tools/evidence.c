/*
 * evidence SCENARIO TARGET HISTORY [PSP [MAIL]]: settles the sagas of a finished run and takes its
 * snapshots, as the engine does at the end of one. PSP and MAIL are ledgers, or URLs.
 * EVIDENCE_MOST_US and EVIDENCE_TIMEOUT_US bound a source and a request.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/scenario.h"
#include "lib/clock.h"
#include "sagas/settle.h"

static uint64_t run_of(const char *directory, int64_t *wall_start_us)
{
	char path[4096];
	json_t *meta;
	uint64_t run;

	snprintf(path, sizeof(path), "%s/meta.json", directory);
	meta = json_load_file(path, 0, NULL);
	*wall_start_us = json_integer_value(json_object_get(meta, "started_us"));
	run = strtoull(json_string_value(json_object_get(meta, "run")), NULL, 16);
	json_decref(meta);
	return run;
}

static int64_t number_of(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoll(value, NULL, 10) : 0;
}

static const char *if_url(const char *place)
{
	return place && strncmp(place, "http", 4) == 0 ? place : NULL;
}

static const char *if_file(const char *place)
{
	return place && *place && !if_url(place) ? place : NULL;
}

static bool read_all(struct evidence *evidence, struct error *err)
{
	int64_t since_us = clock_now_us();
	struct patience patience = { .owes = NULL };
	struct settled settled;
	bool quiet = false;

	if (!sagas_settle(evidence, since_us, &settled, err))
		return false;
	printf("settled: %" PRIu64 " succeeded, %" PRIu64 " compensated, %" PRIu64
	       " absent, %" PRIu64 " open, %" PRIu64 " unreadable in %.2f s, %" PRIu64
	       " requests\n",
	       settled.succeeded, settled.compensated, settled.absent, settled.open,
	       settled.unreadable, (double)settled.took_us / 1e6, evidence_requests(evidence));
	since_us = clock_now_us();
	patience.rest_by_us = since_us + 20 * US_PER_S;
	if (!sagas_snapshots(evidence, &patience, &quiet, err))
		return false;
	printf("snapshots: %s in %.2f s, %" PRIu64 " requests\n", quiet ? "equal" : "not equal",
	       (double)(clock_now_us() - since_us) / 1e6, evidence_requests(evidence));
	return true;
}

int main(int argc, char **argv)
{
	struct complaints complaints = COMPLAINTS_EMPTY;
	struct scenario_overrides overrides = { .target = argv[2], .transport = -1 };
	struct scenario *scenario =
		argc > 3 ? scenario_load(argv[1], &overrides, &complaints) : NULL;
	struct evidence_settings settings = { .target = argv[2], .directory = argv[3] };
	struct evidence *evidence = NULL;
	struct error err = { "" };
	struct buffer text = BUFFER_EMPTY;
	bool good = false;

	complaints_write(&complaints, &text);
	fputs(text.data ? text.data : "", stderr);
	if (scenario) {
		settings.contracts = scenario->contracts;
		settings.contract_count = scenario->contract_count;
		settings.run = run_of(settings.directory, &settings.wall_start_us);
		settings.start_us = clock_now_us() - (clock_wall_us() - settings.wall_start_us);
		settings.timeout_us = number_of("EVIDENCE_TIMEOUT_US");
		settings.most_us = number_of("EVIDENCE_MOST_US");
		settings.psp_ledger = if_file(argc > 4 ? argv[4] : NULL);
		settings.psp_url = if_url(argc > 4 ? argv[4] : NULL);
		settings.mail_ledger = if_file(argc > 5 ? argv[5] : NULL);
		settings.mail_url = if_url(argc > 5 ? argv[5] : NULL);
		settings.history = history_create(settings.directory, "evidence", &err);
		evidence = settings.history ? evidence_new(&settings, &err) : NULL;
		good = evidence && read_all(evidence, &err);
	}
	if (!good)
		fprintf(stderr, "evidence: %s\n", err.text);
	evidence_free(evidence);
	history_close(settings.history);
	buffer_release(&text);
	complaints_release(&complaints);
	scenario_free(scenario);
	return good ? 0 : 1;
}
