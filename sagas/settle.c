#include "sagas/settle.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/saga_key.h"
#include "sagas/evidence_parts.h"

enum {
	ASK_EVERY_US = 1000 * 1000,
	APART_US = 500 * 1000,     /* two readings */
	NAP_US = 50 * 1000,
	ASKS_PER_S = 200,
};

/* One contract's sagas, asked for round by round. */
struct round {
	struct source_reading reading;
	int64_t began_us;
	uint32_t next;
	uint64_t open;         /* after this round */
	bool unauthorized;
};

static bool interrupted(const struct evidence *evidence)
{
	const struct evidence_settings *settings = &evidence->settings;

	return settings->interrupted && settings->interrupted(settings->context);
}

static bool nap_until(const struct evidence *evidence, int64_t until_us, struct error *err)
{
	const struct timespec nap = { 0, NAP_US * 1000L };

	while (clock_now_us() < until_us) {
		if (interrupted(evidence))
			return error_set(err, "interrupted");
		nanosleep(&nap, NULL);
	}
	return true;
}

static void settle_one(const struct contract *contract, struct known_saga *saga)
{
	if (saga->state == STATE_NONE)
		return;
	saga->settled = contract->states[saga->state].class != STATE_MOVING && !saga->undoing ?
				KNOWN_SETTLED :
				KNOWN_OPEN;
}

static bool is_open(const struct known_saga *saga)
{
	return saga->settled == KNOWN_OPEN || saga->settled == KNOWN_ABSENT_ONCE;
}

static bool ask_next(void *context, struct buffer *url, uint64_t *tag)
{
	struct round *round = context;
	struct evidence *evidence = round->reading.evidence;
	const struct contract *contract = round->reading.contract;
	char key[SAGA_KEY_BYTES];

	for (; round->next < evidence->known.count; round->next++) {
		struct known_saga *saga =
			known_saga(&evidence->known, round->next, contract->number);

		if (!saga || !is_open(saga))
			continue;
		saga->heard = false;
		saga_key_write(evidence->settings.run, contract->number, round->next, key);
		buffer_add_string(url, evidence->settings.target);
		path_fill(url, contract, contract->read, key, known_id(&evidence->known, saga),
			  text_of(""));
		*tag = round->next++;
		return true;
	}
	return false;
}

static void tell(const struct round *round, uint32_t saga, enum saga_event event, int status)
{
	const struct record_saga record = {
		.at_us = evidence_now_us(round->reading.evidence),
		.saga = saga,
		.contract = round->reading.contract->number,
		.event = (uint8_t)event,
		.state = STATE_NONE,
		.status = (uint16_t)status,
		.amount = -1,
	};

	evidence_put(round->reading.evidence, RECORD_SAGA, &record, sizeof(record), 0);
}

/* What was never sent is nowhere. Anything else may still be under way the first time. */
static void absent(struct round *round, struct known_saga *saga, uint32_t number)
{
	saga->heard = true;
	if (saga->settled == KNOWN_OPEN && saga->tried) {
		saga->settled = KNOWN_ABSENT_ONCE;
		return;
	}
	saga->settled = KNOWN_ABSENT;
	tell(round, number, SAGA_ABSENT, 404);
}

static void take_answer(void *context, uint64_t tag, const struct fetched *fetched)
{
	struct round *round = context;
	struct source_reading *reading = &round->reading;
	struct known_saga *saga =
		known_saga(&reading->evidence->known, (uint32_t)tag, reading->contract->number);

	reading->read++;
	round->unauthorized |= fetched->status == 401;
	if (!fetched->problem && (fetched->status == 404 || fetched->status == 410)) {
		absent(round, saga, (uint32_t)tag);
	} else if (!fetched->problem && fetched->status == 200) {
		outcome_read(reading, fetched->body, (uint32_t)tag);
		if (saga->state == STATE_NONE)
			reading->strange++;
		settle_one(reading->contract, saga);
	}
	round->open += is_open(saga);
}

static bool ask_round(struct round *round, struct error *err)
{
	struct evidence *evidence = round->reading.evidence;
	const struct contract *contract = round->reading.contract;
	const struct fetch_plan plan = { .rate_per_s = ASKS_PER_S,
					 .tries = 3,
					 .bearer = evidence_token(evidence, contract),
					 .next = ask_next,
					 .done = take_answer,
					 .context = round };

	round->next = 0;
	round->open = 0;
	round->began_us = clock_now_us();
	round->unauthorized = false;
	return fetcher_run(evidence->fetcher, &plan, err);
}

/* A system that lets nobody in for now may do so later. */
static void log_in(struct round *round, bool anew)
{
	struct error why;

	evidence_login(round->reading.evidence, round->reading.contract, anew, &why);
}

static bool ask_until(struct round *round, int64_t deadline_us, struct error *err)
{
	log_in(round, false);
	for (;;) {
		int64_t again_us;

		if (!ask_round(round, err))
			return false;
		again_us = round->began_us + ASK_EVERY_US;
		/* What was absent once is asked for a second time, however late it is. */
		if (!round->open ||
		    (clock_now_us() >= deadline_us && round->began_us >= deadline_us))
			return true;
		if (round->unauthorized)
			log_in(round, true);
		if (!nap_until(round->reading.evidence, again_us, err))
			return false;
	}
}

/* All at once, where the system can say it. */
static bool read_outcomes(struct evidence *evidence, const struct contract *contract,
			  struct error *err)
{
	struct source_reading reading = { .evidence = evidence, .contract = contract };
	bool good = true;

	for (size_t i = 0; i < contract->source_count && good; i++) {
		reading.source = &contract->sources[i];
		reading.number = (uint8_t)i;
		if (source_has(reading.source, ROLE_OUTCOME))
			good = evidence_read_source(&reading, err);
	}
	for (uint32_t i = 0; i < evidence->known.count && good; i++) {
		struct known_saga *saga = known_saga(&evidence->known, i, contract->number);

		if (saga && saga->heard)
			settle_one(contract, saga);
	}
	return good;
}

static void count_one(const struct round *round, struct known_saga *saga, uint32_t number,
		      struct settled *settled)
{
	const struct contract *contract = round->reading.contract;

	if (saga->settled == KNOWN_ABSENT) {
		settled->absent++;
	} else if (saga->settled == KNOWN_SETTLED) {
		if (contract->states[saga->state].class == STATE_SUCCEEDED)
			settled->succeeded++;
		else
			settled->compensated++;
	} else if (!saga->heard) {
		settled->unreadable++;
		tell(round, number, SAGA_UNREADABLE, 0);
	} else if (saga->settled == KNOWN_ABSENT_ONCE) {
		settled->absent++;
		tell(round, number, SAGA_ABSENT, 404);
	} else {
		settled->open++;
	}
}

static void count_all(struct round *round, struct settled *settled)
{
	struct evidence *evidence = round->reading.evidence;
	uint64_t before = settled->unreadable;

	for (uint32_t i = 0; i < evidence->known.count; i++) {
		struct known_saga *saga =
			known_saga(&evidence->known, i, round->reading.contract->number);

		if (saga)
			count_one(round, saga, i, settled);
	}
	if (settled->unreadable != before)
		source_breaks(&round->reading, "some gave no answer");
}

static bool settle_contract(struct evidence *evidence, const struct contract *contract,
			    int64_t since_us, struct settled *settled, struct error *err)
{
	struct round round = {
		.reading = { .evidence = evidence, .contract = contract, .number = SOURCE_OUTCOME }
	};
	bool good = read_outcomes(evidence, contract, err);

	source_begin(&round.reading);
	good = good && ask_until(&round, since_us + contract->settles_within_us, err);
	if (!good)
		source_breaks(&round.reading, "interrupted");
	count_all(&round, settled);
	source_end(&round.reading);
	return good;
}

bool sagas_settle(struct evidence *evidence, int64_t since_us, struct settled *settled,
		  struct error *err)
{
	int64_t began_us = clock_now_us();
	bool good = true;

	*settled = (struct settled){ .took_us = 0 };
	for (size_t i = 0; i < evidence->settings.contract_count && good; i++)
		good = settle_contract(evidence, &evidence->settings.contracts[i], since_us,
				       settled, err);
	settled->took_us = clock_now_us() - began_us;
	if (good && evidence->full)
		return error_set(err, "no room for evidence: %s", history_problem(evidence->out));
	return good;
}

/*
 * Snapshots: each in a file of its own, so that one can be given up for a newer one. Their names
 * sort behind evidence.history, and in the order in which they were taken.
 */

enum { READINGS_MAX = 250 };

static void file_name(uint32_t reading, char name[32])
{
	snprintf(name, 32, "evidence%03u", reading);
}

static bool file_path(const struct evidence *evidence, uint32_t reading, char path[4096],
		      struct error *err)
{
	char name[32];

	file_name(reading, name);
	return snprintf(path, 4096, "%s/%s.history", evidence->settings.directory, name) < 4096 ||
	       error_set(err, "the name of the run directory is too long");
}

static bool take_snapshot(struct evidence *evidence, uint32_t reading, uint64_t *digest,
			  struct error *err)
{
	char name[32];
	bool good;

	file_name(reading, name);
	evidence->out = history_create(evidence->settings.directory, name, err);
	good = evidence->out && evidence_read(evidence, (uint16_t)reading, err);
	history_close(evidence->out);
	evidence->out = evidence->settings.history;
	*digest = evidence_digest(evidence);
	return good;
}

static bool is_worth_another(const struct patience *patience, bool quiet)
{
	int64_t now_us = clock_now_us();

	if (quiet)
		return now_us < patience->due_us && patience->owes &&
		       patience->owes(patience->context);
	return now_us < patience->rest_by_us;
}

bool sagas_snapshots(struct evidence *evidence, const struct patience *patience, bool *quiet,
		     struct error *err)
{
	uint64_t before, now;
	char path[4096];

	*quiet = false;
	if (!take_snapshot(evidence, 1, &before, err))
		return false;
	for (uint32_t reading = 2;; reading++) {
		if (!nap_until(evidence, clock_now_us() + APART_US, err) ||
		    !take_snapshot(evidence, reading, &now, err))
			return false;
		*quiet = before && before == now;
		/* What can't be read will not be read the third time. */
		if (!before || !now || reading == READINGS_MAX ||
		    !is_worth_another(patience, *quiet))
			return true;
		if (!file_path(evidence, reading - 1, path, err))
			return false;
		unlink(path);
		before = now;
	}
}
