#include "tests/unit/canned.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "lib/saga_key.h"

const char canned_contract[] =
	"{'name': 'order', 'number': 0, 'read': 'GET /by-key/${order.key}', 'state': '/status',"
	" 'undoing': '/undoing', 'id': '/id', 'amount': '/total', 'adds-up': ['/a', '-/b'],"
	" 'budget': {'item': '/coupon', 'uses': 1}, 'settles-within': '10s',"
	" 'limit': {'rate': '10/s', 'burst': 5},"
	" 'moves': {'PENDING': ['RESERVED', 'FAILED', 'CANCELLED'],"
	"  'RESERVED': ['PAID', 'FAILED', 'CANCELLED'],"
	"  'PAID': ['CONFIRMED', 'FAILED', 'CANCELLED'], 'CONFIRMED': ['SHIPPED', 'CANCELLED'],"
	"  'SHIPPED': [], 'FAILED': [], 'CANCELLED': []},"
	" 'succeeded': ['CONFIRMED', 'SHIPPED'], 'compensated': ['FAILED', 'CANCELLED'],"
	" 'steps': {'reserve': {'undo': 'release', 'counts': 'quantity per item'},"
	"  'charge': {'undo': 'refund', 'counts': 'money'}, 'confirm': {'pivot': true},"
	"  'sell': {'counts': 'quantity per item'}, 'mail': {'at-least': 1, 'at-most': 1}},"
	" 'evidence': ["
	"  {'name': 'psp', 'from': 'psp', 'charge': {'key': '/k', 'amount': '/a', 'at': '/t'},"
	"   'refund': {'key': '/k', 'amount': '/a', 'at': '/t'}},"
	"  {'name': 'movements', 'read': 'GET /movements', 'each': '/items',"
	"   'reserve': {'key': '/k', 'amount': '/a', 'item': '/i', 'at': '/t'},"
	"   'release': {'key': '/k', 'amount': '/a', 'item': '/i', 'at': '/t'},"
	"   'sell': {'key': '/k', 'amount': '/a', 'item': '/i', 'at': '/t'}},"
	"  {'name': 'mails', 'from': 'mail', 'mail': {'key': 'header X-Key', 'at': '/t',"
	"   'succeeded': '/x == 1', 'compensated': '/x == 2'}},"
	"  {'name': 'log', 'read': 'GET /log', 'each': '/items',"
	"   'states': {'key': '/k', 'state': '/s', 'at': '/t', 'position': '/p'}},"
	"  {'name': 'events', 'read': 'GET /events', 'each': '/items',"
	"   'told': {'key': '/k', 'state': '/s', 'position': '/p'}},"
	"  {'name': 'letters', 'read': 'GET /dead', 'each': '/items', 'dead': {'key': '/k'}},"
	"  {'name': 'queues', 'read': 'GET /queues', 'each': '/items', 'counts': {'item': '/q',"
	"   'published': '/p', 'consumed': '/c', 'dead': '/d'}},"
	"  {'name': 'ledger', 'read': 'GET /ledger', 'each': '/items',"
	"   'ledger': {'item': '/x', 'debit': '/d', 'credit': '/c'}},"
	"  {'name': 'breakers', 'read': 'GET /breakers', 'each': '/items',"
	"   'breaker': {'item': '/n', 'value': '/s'}},"
	"  {'name': 'us', 'read': 'GET /us', 'each': '/items', 'region': {'item': '/n',"
	"   'value': '/v'}},"
	"  {'name': 'eu', 'read': 'GET /eu', 'each': '/items', 'region': {'item': '/n',"
	"   'value': '/v'}},"
	"  {'name': 'books', 'read': 'GET /books', 'each': '/items',"
	"   'charge': {'key': '/k', 'amount': '/a', 'at': '/t'},"
	"   'refund': {'key': '/k', 'amount': '/a', 'at': '/t'}}],"
	" 'stock': {'read': 'GET /stock', 'each': '/items', 'item': '/i', 'available': '/a',"
	"  'reserved': '/r', 'sold': '/s', 'initial': '/n', 'restocked': '/e'}}";

enum { FIELDS_MAX = 8, SOURCE_COUNT_MAX = 16 };

struct writer {
	struct canned *canned;
	struct history *worker, *evidence, *engine;
	int64_t now_us;
	uint32_t saga;  /* the current one */
	uint32_t sagas; /* so far */
	uint8_t attempt;
	int64_t position, identity;
	bool incomplete[SOURCE_COUNT_MAX], differs[SOURCE_COUNT_MAX], once, damaged;
	char *fields[FIELDS_MAX];
	size_t field_count;
};

static void fail(const char *what, const char *word)
{
	fprintf(stderr, "canned: %s '%s'\n", what, word);
	abort();
}

static const char *field(const struct writer *writer, size_t i)
{
	const char *word = i < writer->field_count ? writer->fields[i] : NULL;

	return word ? word : "";
}

static int64_t number(const struct writer *writer, size_t i, int64_t otherwise)
{
	return *field(writer, i) ? strtoll(field(writer, i), NULL, 10) : otherwise;
}

static bool is(const struct writer *writer, const char *word)
{
	return strcmp(field(writer, 0), word) == 0;
}

static uint64_t hash(const char *name)
{
	return *name ? text_hash(text_of(name)) : 0;
}

static uint8_t state_at(const struct writer *writer, size_t i)
{
	const char *name = field(writer, i);
	uint8_t state = contract_state(&writer->canned->contract, text_of(name));

	if (*name && state == STATE_NONE && strcmp(name, "ODD") != 0)
		fail("no state", name);
	return state;
}

static uint8_t source_at(const struct writer *writer, const char *name)
{
	const struct contract *contract = &writer->canned->contract;

	for (size_t i = 0; i < contract->source_count; i++)
		if (strcmp(contract->sources[i].name, name) == 0)
			return (uint8_t)i;
	return 200; /* the case at hand is without it */
}

/* What visitors do. */

struct visitor_word {
	const char *word;
	enum saga_event event;
};

static const struct visitor_word visitor_words[] = {
	{ "sent", SAGA_SENT },	     { "ok", SAGA_OK },		  { "fail", SAGA_FAIL },
	{ "info", SAGA_INFO },	     { "saw", SAGA_SAW },	  { "missed", SAGA_MISSED },
	{ "again", SAGA_AGAIN },     { "misused", SAGA_MISUSED }, { "cancel", SAGA_CANCEL_SENT },
	{ "cancel-ok", SAGA_CANCEL_OK }, { "cancel-no", SAGA_CANCEL_NO },
};

static struct record_saga record_of(const struct writer *writer, enum saga_event event)
{
	return (struct record_saga){ .at_us = writer->now_us,
				     .saga = writer->saga,
				     .event = (uint8_t)event,
				     .state = STATE_NONE,
				     .amount = -1 };
}

static bool visitor_word(struct writer *writer)
{
	const struct visitor_word *found = NULL;
	struct record_saga record;

	for (size_t i = 0; i < sizeof(visitor_words) / sizeof(*visitor_words); i++)
		if (is(writer, visitor_words[i].word))
			found = &visitor_words[i];
	if (!found)
		return false;
	record = record_of(writer, found->event);
	if (found->event == SAGA_OK || found->event == SAGA_SAW)
		record.state = state_at(writer, 1);
	if (found->event == SAGA_OK)
		record.amount = number(writer, 2, -1);
	if (found->event == SAGA_FAIL || found->event == SAGA_INFO)
		record.status = (uint16_t)number(writer, 1, 0);
	if (found->event == SAGA_AGAIN || found->event == SAGA_MISUSED)
		record.value = number(writer, 1, 0);
	if (found->event == SAGA_SENT)
		record.attempt = writer->attempt++;
	history_put(writer->worker, RECORD_SAGA, 0, &record, sizeof(record));
	return true;
}

static bool new_saga(struct writer *writer)
{
	struct record_saga record;

	if (!is(writer, "saga") && !is(writer, "ghost"))
		return false;
	writer->saga = writer->sagas++;
	writer->attempt = 0;
	record = record_of(writer, SAGA_MINTED);
	record.amount = number(writer, 1, -1);
	record.item = hash(field(writer, 2));
	if (is(writer, "saga"))
		history_put(writer->worker, RECORD_SAGA, 0, &record, sizeof(record));
	return true;
}

static bool id_word(struct writer *writer)
{
	struct record_saga_id record = { .saga = writer->saga };

	if (!is(writer, "id"))
		return false;
	record.length = (uint8_t)snprintf(record.id, sizeof(record.id), "%s", field(writer, 1));
	history_put(writer->worker, RECORD_SAGA_ID, 0, &record, sizeof(record));
	return true;
}

/* What the system says afterwards. */

static void put_twice(struct writer *writer, struct record_saga *record)
{
	for (int snapshot = 1; snapshot <= (writer->once ? 1 : 2); snapshot++) {
		record->snapshot = (uint16_t)snapshot;
		history_put(writer->evidence, RECORD_SAGA, 0, record, sizeof(*record));
	}
}

static bool asked_word(struct writer *writer)
{
	struct record_saga record = record_of(writer, SAGA_IS);

	if (is(writer, "absent"))
		record.event = SAGA_ABSENT;
	else if (is(writer, "unreadable"))
		record.event = SAGA_UNREADABLE;
	else if (!is(writer, "is") && !is(writer, "undoing"))
		return false;
	record.value = is(writer, "undoing");
	record.state = state_at(writer, 1);
	record.amount = number(writer, 2, -1);
	history_put(writer->evidence, RECORD_SAGA, 0, &record, sizeof(record));
	return true;
}

static bool log_word(struct writer *writer)
{
	struct record_saga record = record_of(writer, SAGA_WAS);

	if (is(writer, "told"))
		record.event = SAGA_TOLD;
	else if (is(writer, "dead"))
		record.event = SAGA_DEAD;
	else if (is(writer, "priced"))
		record.event = SAGA_PRICED;
	else if (!is(writer, "was"))
		return false;
	record.state = record.event == SAGA_PRICED ? STATE_NONE : state_at(writer, 1);
	record.amount = record.event == SAGA_PRICED ? number(writer, 1, -1) : -1;
	record.value = record.event == SAGA_PRICED ? number(writer, 2, -1) : ++writer->position;
	put_twice(writer, &record);
	return true;
}

struct effect_word {
	const char *word, *step, *source;
	bool undo;
};

static const struct effect_word effect_words[] = {
	{ "charge", "charge", "psp", false },	      { "refund", "charge", "psp", true },
	{ "book", "charge", "books", false },	      { "unbook", "charge", "books", true },
	{ "reserve", "reserve", "movements", false }, { "release", "reserve", "movements", true },
	{ "sell", "sell", "movements", false },	      { "mail", "mail", "mails", false },
	{ "foreign-charge", "charge", "psp", false },
};

static uint8_t step_called(const struct contract *contract, const char *name)
{
	for (uint8_t i = 0; i < contract->step_count; i++)
		if (strcmp(contract->steps[i].name, name) == 0)
			return i;
	return 0;
}

/* Things of different identities, unless the word names one. */
static uint64_t identity_of(struct writer *writer, size_t i)
{
	return *field(writer, i) ? hash(field(writer, i)) : (uint64_t)++writer->identity << 32 | 7;
}

static void fill_effect(struct writer *writer, struct record_effect *record)
{
	const char *said = field(writer, 1);

	if (is(writer, "mail")) {
		record->outcome = strcmp(said, "ok") == 0 ? 1 : strcmp(said, "failed") == 0 ? 2 : 0;
		record->identity = identity_of(writer, 2);
		return;
	}
	record->amount = number(writer, 1, 0);
	if (is(writer, "reserve") || is(writer, "release") || is(writer, "sell")) {
		record->item = hash(field(writer, 2));
		record->identity = identity_of(writer, 3);
		return;
	}
	record->identity = identity_of(writer, 2);
	record->cause = hash(field(writer, 3));
}

static bool effect_word(struct writer *writer)
{
	const struct effect_word *found = NULL;
	struct record_effect record = { .at_us = writer->now_us, .saga = writer->saga };

	for (size_t i = 0; i < sizeof(effect_words) / sizeof(*effect_words); i++)
		if (is(writer, effect_words[i].word))
			found = &effect_words[i];
	if (!found)
		return false;
	if (is(writer, "foreign-charge"))
		record.saga = SAGA_NONE;
	record.step = step_called(&writer->canned->contract, found->step);
	record.undo = found->undo;
	record.source = source_at(writer, found->source);
	fill_effect(writer, &record);
	for (int snapshot = 1; snapshot <= (writer->once ? 1 : 2); snapshot++) {
		record.snapshot = (uint16_t)snapshot;
		history_put(writer->evidence, RECORD_EFFECT, 0, &record, sizeof(record));
	}
	return true;
}

/* Readings. */

static void put_reading(struct writer *writer, enum reading_what what, uint8_t source,
			const char *item, int64_t value, bool live)
{
	struct record_reading record = { .at_us = writer->now_us,
					 .item = hash(item),
					 .value = value,
					 .what = (uint8_t)what,
					 .source = source };

	snprintf(record.name, sizeof(record.name), "%s", item);
	for (int snapshot = live ? 0 : 1; snapshot <= (live	 ? 0 :
						       writer->once ? 1 :
								      2);
	     snapshot++) {
		record.snapshot = (uint16_t)snapshot;
		history_put(writer->evidence, RECORD_READING, 0, &record, sizeof(record));
	}
}

static void put_readings(struct writer *writer, const char *source, enum reading_what first,
			 size_t count)
{
	uint8_t from = strcmp(source, "stock") == 0 ? SOURCE_STOCK : source_at(writer, source);

	for (size_t i = 0; i < count; i++)
		if (*field(writer, 2 + i))
			put_reading(writer, (enum reading_what)(first + i), from, field(writer, 1),
				    number(writer, 2 + i, 0), false);
}

static bool reading_word(struct writer *writer)
{
	static const char *const words[] = { "CLOSED", "OPEN", "HALF_OPEN" };

	if (is(writer, "stock"))
		put_readings(writer, "stock", READING_AVAILABLE, 5);
	else if (is(writer, "posting"))
		put_readings(writer, "ledger", READING_DEBIT, 2);
	else if (is(writer, "queue"))
		put_readings(writer, "queues", READING_PUBLISHED, 3);
	else if (is(writer, "region"))
		put_reading(writer, READING_REGION, source_at(writer, field(writer, 1)),
			    field(writer, 2), (int64_t)hash(field(writer, 3)), false);
	else if (!is(writer, "breaker"))
		return false;
	for (int i = 0; is(writer, "breaker") && i < 3; i++)
		if (strcmp(words[i], field(writer, 2)) == 0)
			put_reading(writer, READING_BREAKER, source_at(writer, "breakers"),
				    field(writer, 1), i, true);
	return true;
}

/* Faults, requests, and how the reading went. */

static bool fault_word(struct writer *writer)
{
	struct record_fault record = { .at_us = writer->now_us,
				       .fault = (uint32_t)number(writer, 1, 0),
				       .hits = 1 };

	if (is(writer, "armed"))
		record.state = FAULT_ARMED;
	else if (is(writer, "healed"))
		record.state = FAULT_HEALED;
	else if (is(writer, "unmet"))
		record.hits = 0, record.state = FAULT_HEALED;
	else
		return false;
	record.hits = record.state == FAULT_ARMED ? 0 : record.hits;
	history_put(writer->engine, RECORD_FAULT, 0, &record, sizeof(record));
	return true;
}

static bool hit_word(struct writer *writer)
{
	struct record_hit record = { .at_us = writer->now_us,
				     .fault = (uint32_t)number(writer, 1, 0),
				     .kind = HIT_AFTER };
	char key[SAGA_KEY_BYTES];

	if (!is(writer, "hit"))
		return false;
	saga_key_write(CANNED_RUN, 0, writer->saga, key);
	record.correlation = text_hash(text_of(key));
	for (int64_t i = 0; i < number(writer, 2, 1); i++)
		history_put(writer->engine, RECORD_HIT, 0, &record, sizeof(record));
	return true;
}

static bool requests_word(struct writer *writer)
{
	struct record_request record = { .intended_us = writer->now_us,
					 .service_us = 1000,
					 .status = (uint16_t)number(writer, 1, 200) };

	if (!is(writer, "requests"))
		return false;
	for (int64_t i = 0; i < number(writer, 2, 1); i++)
		history_put(writer->worker, RECORD_REQUEST, 0, &record, sizeof(record));
	return true;
}

static bool source_word(struct writer *writer)
{
	uint8_t source = source_at(writer, field(writer, 1));

	if (strcmp(field(writer, 1), "stock") == 0)
		source = SOURCE_COUNT_MAX - 1;
	if (is(writer, "once"))
		writer->once = true;
	else if (is(writer, "damaged"))
		writer->damaged = true;
	else if (is(writer, "incomplete") && source < SOURCE_COUNT_MAX)
		writer->incomplete[source] = true;
	else if (is(writer, "differs") && source < SOURCE_COUNT_MAX)
		writer->differs[source] = true;
	else
		return false;
	return true;
}

static void split(struct writer *writer, char *word)
{
	char *rest;

	writer->field_count = 0;
	for (char *part = strtok_r(word, ":", &rest); part && writer->field_count < FIELDS_MAX;
	     part = strtok_r(NULL, ":", &rest))
		writer->fields[writer->field_count++] = part;
}

static void write_word(struct writer *writer, char *word)
{
	char *whole = memory_copy_string(word);

	if (word[0] == '@') {
		writer->now_us = (int64_t)(strtod(word + 1, NULL) * 1e6);
	} else {
		split(writer, word);
		writer->now_us += 10000;
		if (!new_saga(writer) && !visitor_word(writer) && !id_word(writer) &&
		    !asked_word(writer) && !log_word(writer) && !effect_word(writer) &&
		    !reading_word(writer) && !fault_word(writer) && !hit_word(writer) &&
		    !requests_word(writer) && !source_word(writer))
			fail("what is", whole);
	}
	free(whole);
}

static void put_source(struct writer *writer, uint8_t source, bool incomplete, bool differs)
{
	for (int snapshot = 1; snapshot <= (writer->once ? 1 : 2); snapshot++) {
		struct record_source record = { .source = source,
						.snapshot = (uint16_t)snapshot,
						.complete = !incomplete };
		struct record_effect stray = { .saga = SAGA_NONE,
					       .source = source,
					       .snapshot = (uint16_t)snapshot };

		if (incomplete)
			memcpy(record.why, "HTTP 503", 8);
		if (differs && snapshot == 2)
			history_put(writer->evidence, RECORD_EFFECT, 0, &stray, sizeof(stray));
		history_put(writer->evidence, RECORD_SOURCE, 0, &record, sizeof(record));
	}
}

static void end(struct writer *writer)
{
	for (size_t i = 0; i < writer->canned->contract.source_count; i++)
		put_source(writer, (uint8_t)i, writer->incomplete[i], writer->differs[i]);
	put_source(writer, SOURCE_STOCK, writer->incomplete[SOURCE_COUNT_MAX - 1],
		   writer->differs[SOURCE_COUNT_MAX - 1]);
	history_close(writer->worker);
	history_close(writer->evidence);
	history_close(writer->engine);
}

/* The whole. */

static void take_out(json_t *contract, const char *what)
{
	json_t *evidence = json_object_get(contract, "evidence"), *source;
	size_t i;

	if (strncmp(what, "evidence.", 9) != 0) {
		json_object_del(contract, what);
		return;
	}
	json_array_foreach(evidence, i, source) {
		if (strcmp(json_string_value(json_object_get(source, "name")), what + 9) == 0) {
			json_array_remove(evidence, i);
			return;
		}
	}
}

static json_t *contract_json_of(const char *without)
{
	char *text = memory_copy_string(canned_contract), *words, *rest;
	json_error_t problem;
	json_t *contract;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	contract = json_loads(text, 0, &problem);
	if (!contract)
		fail(problem.text, problem.source);
	free(text);
	words = memory_copy_string(without ? without : "");
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "order") == 0)
			json_object_set_new(contract, "style", json_string("choreographed"));
		else
			take_out(contract, word);
	}
	free(words);
	return contract;
}

static bool write_meta(struct canned *canned, json_t *contract)
{
	json_t *meta =
		json_pack("{s:s, s:s, s:[o], s:[{s:s, s:s}, {s:s, s:s}], s:[{s:b, s:i, s:i}]}",
			  "seed", "42", "run", "5a6a", "sagas", contract, "faults", "name",
			  "slow provider", "kind", "delay", "name", "kill payment", "kind", "kill",
			  "phases", "measured", 1, "start_us", 0, "duration_us", 100000000);
	char *text = json_dumps(meta, JSON_INDENT(1));
	char path[128];
	bool good;

	snprintf(path, sizeof(path), "%s/meta.json", canned->directory);
	good = file_write(path, text_of(text), &canned->err);
	free(text);
	json_decref(meta);
	return good;
}

static struct history *create(const struct canned *canned, const char *name)
{
	struct history *history = history_create(canned->directory, name, NULL);

	if (!history)
		fail("cannot create", name);
	return history;
}

static void damage(const struct canned *canned)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/evidence.history", canned->directory);
	file = fopen(path, "ab");
	for (int i = 0; file && i < RECORD_BYTES; i++)
		if (fputc('x', file) == EOF)
			fail("cannot damage", path);
	if (!file || fclose(file))
		fail("cannot damage", path);
}

bool canned_judge(struct canned *canned, const char *words, const char *without)
{
	struct writer writer = { .canned = canned, .now_us = 1000000 };
	json_t *contract = contract_json_of(without);
	char *copy = memory_copy_string(words), *rest;

	*canned = (struct canned){ .directory = "/tmp/canned_XXXXXX" };
	if (!mkdtemp(canned->directory) ||
	    !contract_from_json(contract, &canned->arena, &canned->contract, &canned->err))
		fail("no contract:", canned->err.text);
	write_meta(canned, contract);
	writer.worker = create(canned, "worker-0");
	writer.evidence = create(canned, "evidence");
	writer.engine = create(canned, "engine");
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		write_word(&writer, word);
	free(copy);
	end(&writer);
	if (writer.damaged)
		damage(canned);
	canned->verdicts = judge_history(canned->directory, &canned->err);
	canned->json = canned->verdicts ? verdicts_to_json(canned->verdicts) : NULL;
	return canned->verdicts;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

void canned_release(struct canned *canned)
{
	json_decref(canned->json);
	verdicts_free(canned->verdicts);
	arena_release(&canned->arena);
	nftw(canned->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const json_t *canned_saga(const struct canned *canned)
{
	return json_object_get(json_object_get(canned->json, "sagas"), "order");
}

const json_t *canned_invariant(const struct canned *canned, const char *name)
{
	const json_t *list = json_object_get(canned_saga(canned), "invariants"), *invariant;
	size_t i;

	json_array_foreach(list, i, invariant) {
		if (strcmp(json_string_value(json_object_get(invariant, "name")), name) == 0)
			return invariant;
	}
	return NULL;
}

const char *canned_verdict(const struct canned *canned, const char *name)
{
	const char *verdict =
		json_string_value(json_object_get(canned_invariant(canned, name), "verdict"));

	return verdict ? verdict : "none";
}
