/*
 * many_sagas: a history of any number of sagas, ten records each, with violations planted in some,
 * and which invariants have to find how many of them.
 */
#ifndef TESTS_BENCH_MANY_SAGAS_H
#define TESTS_BENCH_MANY_SAGAS_H

#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "lib/record.h"
#include "lib/saga_key.h"

enum plant {
	PLANT_NONE,
	PLANT_CHARGED_TWICE,
	PLANT_NOT_CHARGED,
	PLANT_NOT_RELEASED,
	PLANT_PRICE_OFF,
	PLANT_NOT_TOLD,
	PLANT_LOST,
	PLANT_STUCK,
	PLANTS
};

/* Who has to find each, exactly as often as it was planted; -1: nobody else. */
static const char *const plant_found_by[PLANTS][4] = {
	[PLANT_CHARGED_TWICE] = { "charge-once" },
	[PLANT_NOT_CHARGED] = { "order-has-charge", "atomic" },
	[PLANT_NOT_RELEASED] = { "undo-full", "atomic" },
	[PLANT_PRICE_OFF] = { "price-intact" },
	[PLANT_NOT_TOLD] = { "notify" },
	[PLANT_LOST] = { "durable", "charge-has-order", "notify" },
	[PLANT_STUCK] = { "terminal" },
};

struct many {
	char directory[256];
	uint32_t sagas;
	uint64_t planted[PLANTS];
	uint64_t records;
	struct history *worker, *evidence;
};

static const char many_contract[] =
	"{'name': 'order', 'read': 'GET /by-key/${order.key}', 'state': '/status',"
	" 'amount': '/total', 'settles-within': '10s',"
	" 'moves': {'PENDING': ['CONFIRMED', 'FAILED'], 'CONFIRMED': [], 'FAILED': []},"
	" 'succeeded': ['CONFIRMED'], 'compensated': ['FAILED'],"
	" 'steps': {'reserve': {'undo': 'release', 'counts': 'quantity per item'},"
	"  'charge': {'undo': 'refund', 'counts': 'money'}, 'confirm': {'pivot': true},"
	"  'mail': {'at-least': 1, 'at-most': 1}},"
	" 'evidence': [{'from': 'psp', 'charge': {'key': '/k', 'amount': '/a', 'at': '/t'},"
	"   'refund': {'key': '/k', 'amount': '/a', 'at': '/t'}},"
	"  {'read': 'GET /moves', 'each': '/items',"
	"   'reserve': {'key': '/k', 'amount': '/a', 'item': '/i', 'at': '/t'},"
	"   'release': {'key': '/k', 'amount': '/a', 'item': '/i', 'at': '/t'}},"
	"  {'from': 'mail', 'mail': {'key': '/k', 'at': '/t', 'succeeded': '/x == 1',"
	"   'compensated': '/x == 2'}},"
	"  {'read': 'GET /log', 'each': '/items', 'states': {'key': '/k', 'state': '/s',"
	"   'position': '/p'}}]}";

enum { MANY_SOURCES = 4, STEP_RESERVE = 0, STEP_CHARGE, STEP_CONFIRM, STEP_MAIL };
enum { STATE_PENDING, STATE_CONFIRMED, STATE_FAILED };

static inline void many_saga(struct many *many, uint32_t saga, enum saga_event event, int64_t at_us,
			     uint8_t state, int64_t amount)
{
	struct record_saga record = { .at_us = at_us, .saga = saga, .event = (uint8_t)event,
				      .state = state, .amount = amount };

	if (event == SAGA_WAS) {
		record.value = at_us;
		record.snapshot = 1;
	}
	history_put(event >= SAGA_IS ? many->evidence : many->worker, RECORD_SAGA, 0, &record,
		    sizeof(record));
	many->records++;
}

static inline void many_effect(struct many *many, uint32_t saga, int64_t at_us, uint8_t step,
			       bool undo, int64_t amount)
{
	struct record_effect record = { .at_us = at_us, .saga = saga, .step = step, .undo = undo,
					.amount = amount, .snapshot = 1,
					.identity = many->records + 1 };

	record.source = step == STEP_CHARGE ? 0 : step == STEP_RESERVE ? 1 : 2;
	record.item = step == STEP_RESERVE ? 1 + saga % 1000 : 0;
	if (step == STEP_MAIL)
		record.outcome = (uint8_t)amount;
	history_put(many->evidence, RECORD_EFFECT, 0, &record, sizeof(record));
	many->records++;
}

static inline void many_confirmed(struct many *many, uint32_t saga, int64_t at_us, enum plant plant)
{
	int64_t price = 1000 + saga % 9000;

	many_effect(many, saga, at_us + 3000, STEP_RESERVE, false, 1 + saga % 3);
	if (plant != PLANT_NOT_CHARGED)
		many_effect(many, saga, at_us + 6000, STEP_CHARGE, false,
			    price + (plant == PLANT_PRICE_OFF));
	if (plant == PLANT_CHARGED_TWICE)
		many_effect(many, saga, at_us + 9000, STEP_CHARGE, false, price);
	if (plant != PLANT_STUCK)
		many_saga(many, saga, SAGA_WAS, at_us + 12000, STATE_CONFIRMED, -1);
	if (plant != PLANT_NOT_TOLD && plant != PLANT_STUCK)
		many_effect(many, saga, at_us + 15000, STEP_MAIL, false, 1);
}

static inline void many_failed(struct many *many, uint32_t saga, int64_t at_us, enum plant plant)
{
	many_effect(many, saga, at_us + 3000, STEP_RESERVE, false, 2);
	if (plant != PLANT_NOT_RELEASED)
		many_effect(many, saga, at_us + 6000, STEP_RESERVE, true, 2);
	many_saga(many, saga, SAGA_WAS, at_us + 12000, STATE_FAILED, -1);
	many_effect(many, saga, at_us + 15000, STEP_MAIL, false, 2);
}

static inline void many_one(struct many *many, uint32_t saga, enum plant plant)
{
	int64_t at_us = (int64_t)saga * 100, price = 1000 + saga % 9000;
	bool fails = plant == PLANT_NOT_RELEASED || (plant == PLANT_NONE && saga % 10 == 0);

	many->planted[plant]++;
	many_saga(many, saga, SAGA_MINTED, at_us, STATE_NONE, price);
	many_saga(many, saga, SAGA_SENT, at_us + 10, STATE_NONE, -1);
	many_saga(many, saga, SAGA_OK, at_us + 2000, STATE_PENDING, price);
	many_saga(many, saga, SAGA_SAW, at_us + 2500, STATE_PENDING, -1);
	many_saga(many, saga, SAGA_WAS, at_us + 1000, STATE_PENDING, -1);
	if (fails)
		many_failed(many, saga, at_us, plant);
	else
		many_confirmed(many, saga, at_us, plant);
	many_saga(many, saga, plant == PLANT_LOST ? SAGA_ABSENT : SAGA_IS,
		  (int64_t)many->sagas * 100 + 60000000,
		  fails		       ? STATE_FAILED :
		  plant == PLANT_STUCK ? STATE_PENDING :
					 STATE_CONFIRMED,
		  -1);
}

static inline void many_sources(struct many *many)
{
	for (uint8_t source = 0; source < MANY_SOURCES + 1; source++)
		for (uint16_t snapshot = 1; snapshot <= 2; snapshot++) {
			struct record_source record = { .source = source, .complete = 1,
							.snapshot = snapshot };

			/* One is read twice, which says that nothing was on its way any more. */
			if (source == MANY_SOURCES)
				record.source = SOURCE_STOCK;
			else if (snapshot == 2)
				continue;
			history_put(many->evidence, RECORD_SOURCE, 0, &record, sizeof(record));
		}
}

static inline void many_meta(const struct many *many)
{
	char *contract = memory_copy_string(many_contract), path[300];
	json_t *meta;

	for (char *c = contract; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	meta = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[o], s:[s], s:[s], s:i}", "schema",
			 "sagastorm/meta/1", "name", "many", "seed", "1", "started",
			 "2026-01-01T00:00:00.000Z", "run", "77", "sagas",
			 json_loads(contract, 0, NULL), "journeys", "buy", "requests",
			 "place order", "workers", 1);
	json_object_set_new(meta, "phases",
			    json_pack("[{s:s, s:s, s:b, s:i, s:I}]", "name", "all", "kind", "rate",
				      "measured", 1, "start_us", 0, "duration_us",
				      (json_int_t)many->sagas * 100));
	snprintf(path, sizeof(path), "%s/meta.json", many->directory);
	if (!meta || json_dump_file(meta, path, 0))
		abort();
	json_decref(meta);
	free(contract);
}

/* Every `planted_every`th is wrong, in turn in each way; 0: none is. */
static inline void many_write_in(struct many *many, const char *directory, uint32_t sagas,
				 uint32_t planted_every)
{
	*many = (struct many){ .sagas = sagas };
	snprintf(many->directory, sizeof(many->directory), "%s", directory);
	if (!file_make_directory(many->directory, NULL))
		abort();
	many_meta(many);
	many->worker = history_create(many->directory, "worker-0", NULL);
	many->evidence = history_create(many->directory, "evidence", NULL);
	if (!many->worker || !many->evidence)
		abort();
	for (uint32_t saga = 0; saga < sagas; saga++) {
		bool wrong = planted_every && saga % planted_every == planted_every - 1;

		many_one(many, saga,
			 wrong ? (enum plant)(1 + saga / planted_every % (PLANTS - 1)) :
				 PLANT_NONE);
	}
	many_sources(many);
	history_close(many->worker);
	history_close(many->evidence);
}

/* The same, in a directory of its own. */
static inline void many_write(struct many *many, uint32_t sagas, uint32_t planted_every)
{
	char directory[] = "/tmp/many_sagas_XXXXXX";

	if (!mkdtemp(directory))
		abort();
	many_write_in(many, directory, sagas, planted_every);
}

/* How many violations of it were planted. */
static inline uint64_t many_expected(const struct many *many, const char *invariant)
{
	uint64_t expected = 0;

	for (int plant = 0; plant < PLANTS; plant++)
		for (int i = 0; i < 4; i++)
			if (plant_found_by[plant][i] &&
			    strcmp(plant_found_by[plant][i], invariant) == 0)
				expected += many->planted[plant];
	return expected;
}

static inline int many_remove_one(const char *path, const struct stat *status, int kind,
				  struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

static inline void many_remove(const struct many *many)
{
	nftw(many->directory, many_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
