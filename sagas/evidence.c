#include "sagas/evidence.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "sagas/evidence_parts.h"

enum { TIMEOUT_US = 10 * 1000 * 1000, MOST_US = 300 * 1000 * 1000 };

uint64_t evidence_mix(uint64_t a, uint64_t b)
{
	uint64_t sum = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);

	return (sum ^ sum >> 29) * UINT64_C(0x94d049bb133111eb);
}

int64_t evidence_now_us(const struct evidence *evidence)
{
	return clock_now_us() - evidence->settings.start_us;
}

/* Sums are added, so that the order of entries does not matter. */
void evidence_put(struct evidence *evidence, enum record_kind kind, const void *payload,
		  size_t bytes, uint64_t sum)
{
	if (evidence->tap) {
		evidence->tap(evidence->tap_context, kind, payload);
		return;
	}
	evidence->sum += sum;
	if (!history_put(evidence->out, (uint16_t)kind, 0, payload, bytes))
		evidence->full = true;
}

void source_begin(struct source_reading *reading)
{
	int64_t most_us = reading->evidence->settings.most_us;

	reading->broken = false;
	reading->read = reading->strange = 0;
	reading->position = 0;
	reading->until_us = clock_now_us() + (most_us ? most_us : MOST_US);
	memset(reading->why, 0, sizeof(reading->why));
}

void source_breaks(struct source_reading *reading, const char *why)
{
	size_t length = strlen(why);

	if (reading->broken)
		return;
	reading->broken = true;
	memcpy(reading->why, why,
	       length < sizeof(reading->why) - 1 ? length : sizeof(reading->why) - 1);
}

void source_end(struct source_reading *reading)
{
	struct evidence *evidence = reading->evidence;
	struct record_source record = {
		.at_us = evidence_now_us(evidence),
		.contract = reading->contract->number,
		.source = reading->number,
		.snapshot = reading->snapshot,
		.complete = !reading->broken,
		.read = reading->read,
		.strange = reading->strange,
	};

	memcpy(record.why, reading->why, sizeof(record.why));
	evidence->incomplete |= reading->broken;
	evidence_put(evidence, RECORD_SOURCE, &record, sizeof(record), 0);
}

/* Making and freeing. */

struct evidence *evidence_new(const struct evidence_settings *settings, struct error *err)
{
	struct evidence *evidence = memory_new(sizeof(*evidence));
	const struct fetcher_settings fetching = {
		.connections = EVIDENCE_CONNECTIONS,
		.timeout_us = settings->timeout_us ? settings->timeout_us : TIMEOUT_US,
		.body_max = EVIDENCE_BODY_MAX,
		.rate_per_s = settings->rate_per_s,
		.ca = settings->ca,
		.trust_anyone = settings->trust_anyone,
		.interrupted = settings->interrupted,
		.context = settings->context,
	};

	evidence->settings = *settings;
	evidence->out = settings->history;
	evidence->fetcher = fetcher_new(&fetching, err);
	if (evidence->fetcher && settings->live)
		return evidence;
	if (evidence->fetcher && known_read(&evidence->known, settings, err))
		return evidence;
	evidence_free(evidence);
	return NULL;
}

void evidence_free(struct evidence *evidence)
{
	if (!evidence)
		return;
	fetcher_free(evidence->fetcher);
	known_release(&evidence->known);
	for (size_t i = 0; i < CONTRACTS_MAX; i++)
		free(evidence->tokens[i]);
	buffer_release(&evidence->scratch);
	free(evidence);
}

uint64_t evidence_sagas(const struct evidence *evidence)
{
	return evidence->known.minted;
}

uint64_t evidence_requests(const struct evidence *evidence)
{
	return fetcher_requests(evidence->fetcher);
}

uint64_t evidence_digest(const struct evidence *evidence)
{
	if (evidence->incomplete || evidence->full)
		return 0;
	return evidence->sum ? evidence->sum : 1;
}

/* Reading. */

static bool read_witness(struct source_reading *reading, struct error *err)
{
	const struct evidence_settings *settings = &reading->evidence->settings;
	bool psp = reading->source->from == FROM_PSP;
	const char *ledger = psp ? settings->psp_ledger : settings->mail_ledger;
	const char *url = psp ? settings->psp_url : settings->mail_url;

	if (ledger)
		lines_read(reading, ledger);
	else if (url)
		return witness_pages_read(reading, url, err);
	else
		source_breaks(reading, "no such witness here");
	return true;
}

const char *evidence_token(const struct evidence *evidence, const struct contract *contract)
{
	return contract->login.bearer ? contract->login.bearer : evidence->tokens[contract->number];
}

bool evidence_read_source(struct source_reading *reading, struct error *err)
{
	bool good = true;

	source_begin(reading);
	switch (reading->source->from) {
	case FROM_READ:
		good = pages_read(reading, err);
		break;
	case FROM_PSP:
	case FROM_MAIL:
		good = read_witness(reading, err);
		break;
	case FROM_FILE:
		lines_read(reading, reading->source->read);
		break;
	}
	if (!good)
		source_breaks(reading, "interrupted");
	source_end(reading);
	return good;
}

static bool read_stock(struct source_reading *reading, struct error *err)
{
	bool good;

	source_begin(reading);
	good = stock_pages_read(reading, err);
	if (!good)
		source_breaks(reading, "interrupted");
	source_end(reading);
	return good;
}

static bool read_contract(struct evidence *evidence, const struct contract *contract,
			  uint16_t snapshot, struct error *err)
{
	struct source_reading reading = { .evidence = evidence,
					  .contract = contract,
					  .snapshot = snapshot };
	bool good = true;

	/* Outcomes first: they say what sagas are called, for those who are asked by that. */
	for (int outcomes = 1; outcomes >= 0; outcomes--)
		for (size_t i = 0; i < contract->source_count && good; i++) {
			if (source_has(&contract->sources[i], ROLE_OUTCOME) != outcomes)
				continue;
			reading.source = &contract->sources[i];
			reading.number = (uint8_t)i;
			good = evidence_read_source(&reading, err);
		}
	reading.source = NULL;
	reading.number = SOURCE_STOCK;
	return good && (!contract->stock.given || read_stock(&reading, err));
}

bool evidence_read(struct evidence *evidence, uint16_t snapshot, struct error *err)
{
	bool good = true;

	evidence->sum = 0;
	evidence->incomplete = false;
	for (size_t i = 0; i < evidence->settings.contract_count && good; i++)
		good = read_contract(evidence, &evidence->settings.contracts[i], snapshot, err);
	if (good && evidence->full)
		return error_set(err, "no room for evidence: %s", history_problem(evidence->out));
	return good;
}
