/*
 * The witnesses' timelines: all records about their sagas, in one more pass, in order of time and
 * in words. What contradicts is marked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"
#include "lib/visible.h"
#include "sagas/judge_parts.h"

enum { RECORDS_MAX = 400, LINES_MAX = 60 };

/* The records about one saga. */
struct story {
	uint32_t saga;
	struct record *records;
	size_t count, room;
};

struct stories {
	struct judge *judge;
	struct story *items;
	size_t count;
	uint8_t *wanted; /* a bit per saga */
};

struct line {
	int64_t at_us;
	size_t written; /* the order among equals */
	const char *source;
	char what[80];
	char detail[120];
	bool contradicts;
};

static int by_saga(const void *a, const void *b)
{
	const struct story *x = a, *y = b;

	return (x->saga > y->saga) - (x->saga < y->saga);
}

static void want(struct stories *stories, size_t *room, uint32_t saga)
{
	if (saga == SAGA_NONE || saga >= stories->judge->highest ||
	    stories->wanted[saga / 8] & 1u << saga % 8)
		return;
	stories->wanted[saga / 8] |= (uint8_t)(1u << saga % 8);
	stories->items = memory_grow(stories->items, stories->count, room, sizeof(struct story));
	stories->items[stories->count++] = (struct story){ .saga = saga };
}

static void collect_wanted(struct stories *stories)
{
	size_t room = 0;

	stories->wanted = memory_array(stories->judge->highest / 8 + 1, 1);
	for (size_t c = 0; c < stories->judge->contract_count; c++)
		for (size_t i = 0; invariants[i]; i++) {
			const struct judgement *judgement =
				&stories->judge->contracts[c].judgements[i];

			for (size_t k = 0; k < judgement->witness_count; k++)
				want(stories, &room, judgement->witnesses[k].saga);
		}
	if (stories->count)
		qsort(stories->items, stories->count, sizeof(struct story), by_saga);
}

/* Saga number of a record; SAGA_NONE: it is about none. Effects have it behind the same time. */
static uint32_t saga_of(const struct record *record)
{
	struct record_saga saga;

	memcpy(&saga, record->payload, sizeof(saga));
	return record->kind == RECORD_SAGA || record->kind == RECORD_EFFECT ? saga.saga : SAGA_NONE;
}

_Static_assert(offsetof(struct record_saga, saga) == offsetof(struct record_effect, saga),
	       "saga_of() reads both");

static bool is_of_use(const struct stories *stories, const struct record *record)
{
	const struct contract_judge *of;
	struct record_effect effect;

	memcpy(&effect, record->payload, sizeof(effect));
	if (record->kind != RECORD_EFFECT)
		return true;
	if (effect.contract >= stories->judge->contract_count)
		return false;
	of = &stories->judge->contracts[effect.contract];
	return effect.step < of->contract->step_count &&
	       effect.snapshot == of->sources[effect.source].use;
}

static void take(struct stories *stories, const struct record *record)
{
	struct story key = { .saga = saga_of(record) }, *story;

	if (key.saga >= stories->judge->highest ||
	    !(stories->wanted[key.saga / 8] & 1u << key.saga % 8) || !is_of_use(stories, record))
		return;
	story = bsearch(&key, stories->items, stories->count, sizeof(key), by_saga);
	if (!story || story->count == RECORDS_MAX)
		return;
	story->records =
		memory_grow(story->records, story->count, &story->room, sizeof(*story->records));
	story->records[story->count++] = *record;
}

static bool read_again(struct stories *stories, struct error *err)
{
	char **paths;
	size_t count = history_list(stories->judge->directory, &paths, err);

	for (size_t i = 0; i < count; i++) {
		struct history_reader *reader = history_open(paths[i], NULL);
		const struct record *record;

		while (reader && (record = history_read(reader)))
			take(stories, record);
		history_reader_free(reader);
	}
	history_list_free(paths, count);
	return count > 0;
}

/* Words. */

static void with_amount(char *out, size_t room, int64_t amount)
{
	if (amount >= 0)
		snprintf(out + strlen(out), room - strlen(out), "%s%" PRId64, *out ? ", " : "",
			 amount);
}

static void with_state(char *out, size_t room, const struct contract *contract, uint8_t state)
{
	if (state != STATE_NONE)
		snprintf(out + strlen(out), room - strlen(out), "%s%.40s", *out ? ", " : "",
			 judge_state_name(contract, state));
}

static void answer_words(struct line *line, const struct contract *contract,
			 const struct record_saga *record)
{
	if (record->status)
		snprintf(line->detail, sizeof(line->detail), "HTTP %d", record->status);
	with_state(line->detail, sizeof(line->detail), contract, record->state);
	with_amount(line->detail, sizeof(line->detail), record->amount);
}

/* Of events whose words depend on nothing else. */
static const struct {
	const char *what, *detail;
} plain[] = {
	[SAGA_FAIL] = { "is refused", "" },
	[SAGA_MISSED] = { "reads it", "not there" },
	[SAGA_CANCEL_SENT] = { "sends a cancel", "" },
	[SAGA_CANCEL_OK] = { "is told that it is cancelled", "" },
	[SAGA_CANCEL_NO] = { "is told that it can't be cancelled", "" },
	[SAGA_CANCEL_INFO] = { "does not know whether it is cancelled", "" },
	[SAGA_ABSENT] = { "asked by its key", "there is none" },
	[SAGA_UNREADABLE] = { "asked by its key", "no answer" },
	[SAGA_DEAD] = { "a dead letter is about it", "" },
};

static void visitor_words(struct line *line, const struct contract *contract,
			  const struct record_saga *record)
{
	switch (record->event) {
	case SAGA_MINTED:
		snprintf(line->what, sizeof(line->what), "has a key");
		if (record->amount >= 0)
			snprintf(line->detail, sizeof(line->detail), "was shown %" PRId64,
				 record->amount);
		break;
	case SAGA_SENT:
		snprintf(line->what, sizeof(line->what), "sends it");
		snprintf(line->detail, sizeof(line->detail), "attempt %d", record->attempt + 1);
		break;
	case SAGA_OK:
		snprintf(line->what, sizeof(line->what), "is acknowledged");
		answer_words(line, contract, record);
		break;
	case SAGA_INFO:
		snprintf(line->what, sizeof(line->what), "does not know what became of it");
		if (record->status)
			answer_words(line, contract, record);
		else
			snprintf(line->detail, sizeof(line->detail), "no answer");
		break;
	case SAGA_SAW:
		snprintf(line->what, sizeof(line->what), "reads it");
		with_state(line->detail, sizeof(line->detail), contract, record->state);
		break;
	case SAGA_AGAIN:
		snprintf(line->what, sizeof(line->what), "sends it once more");
		snprintf(line->detail, sizeof(line->detail),
			 record->value == 1 ? "the same answer" : "another answer");
		break;
	case SAGA_MISUSED:
		snprintf(line->what, sizeof(line->what), "sends another body with its key");
		snprintf(line->detail, sizeof(line->detail),
			 record->value == 1 ? "refused" : "accepted");
		break;
	default:
		break;
	}
}

static void system_words(struct line *line, const struct contract *contract,
			 const struct record_saga *record)
{
	switch (record->event) {
	case SAGA_IS:
		snprintf(line->what, sizeof(line->what), "asked by its key");
		with_state(line->detail, sizeof(line->detail), contract, record->state);
		if (record->value == 1)
			strncat(line->detail, ", being undone",
				sizeof(line->detail) - strlen(line->detail) - 1);
		break;
	case SAGA_WAS:
		snprintf(line->what, sizeof(line->what), "it becomes");
		with_state(line->detail, sizeof(line->detail), contract, record->state);
		break;
	case SAGA_TOLD:
		snprintf(line->what, sizeof(line->what), "an event says");
		with_state(line->detail, sizeof(line->detail), contract, record->state);
		break;
	case SAGA_PRICED:
		snprintf(line->what, sizeof(line->what), "its price");
		snprintf(line->detail, sizeof(line->detail),
			 "%" PRId64 ", the parts add up to %" PRId64, record->amount,
			 record->value);
		break;
	default:
		break;
	}
}

static const char *source_name(const struct contract *contract, uint8_t source)
{
	return source < contract->source_count && contract->sources[source].name ?
		       contract->sources[source].name :
		       "the system";
}

static void saga_words(struct line *line, const struct contract_judge *of,
		       const struct record_saga *record)
{
	const struct contract *contract = of->contract;

	line->at_us = record->at_us;
	line->source = record->event < SAGA_IS	    ? "visitor" :
		       record->event == SAGA_WAS    ? source_name(contract, of->was_source) :
		       record->event == SAGA_TOLD   ? source_name(contract, of->told_source) :
						    "the system";
	if (record->event < sizeof(plain) / sizeof(*plain) && plain[record->event].what) {
		snprintf(line->what, sizeof(line->what), "%s", plain[record->event].what);
		snprintf(line->detail, sizeof(line->detail), "%s", plain[record->event].detail);
		if (record->event == SAGA_FAIL)
			answer_words(line, contract, record);
	} else {
		visitor_words(line, contract, record);
		system_words(line, contract, record);
	}
}

/* What the system calls an item, if it was in its list of stock. */
static void item_words(char *out, size_t room, const struct judge *judge, uint64_t item)
{
	char name[32];

	for (size_t i = 0; item && i < judge->reading_count; i++) {
		if (judge->readings[i].item != item || judge->readings[i].what > READING_RESTOCKED)
			continue;
		snprintf(out + strlen(out), room - strlen(out), " of %s",
			 reading_name(&judge->readings[i], name));
		return;
	}
}

static void effect_words(struct line *line, const struct judge *judge,
			 const struct contract_judge *of, const struct record_effect *record)
{
	static const char *const outcomes[] = { "", "says that all is well",
						"says that it failed" };
	const struct saga_step *step = &of->contract->steps[record->step];
	const char *name = record->undo && step->undo ? step->undo : step->name;

	line->at_us = record->at_us;
	line->source = source_name(of->contract, record->source);
	snprintf(line->what, sizeof(line->what), "%.70s", name);
	if (step->counts != COUNTS_TIMES) {
		with_amount(line->detail, sizeof(line->detail), record->amount);
		item_words(line->detail, sizeof(line->detail), judge, record->item);
	}
	if (record->outcome && record->outcome < 3)
		snprintf(line->detail, sizeof(line->detail), "%s", outcomes[record->outcome]);
}

static void hit_words(struct line *line, const struct judge *judge, const struct judge_hit *hit)
{
	static const char *const kinds[] = {
		[HIT_CONNECTION] = "its connection was treated",
		[HIT_BEFORE] = "the call was kept from its effect",
		[HIT_AFTER] = "it happened, and the caller did not learn of it",
		[HIT_CHANGED] = "the call was delayed, doubled or altered",
	};

	line->at_us = hit->at_us;
	line->source = "fault";
	snprintf(line->what, sizeof(line->what), "%.70s",
		 hit->fault < judge->fault_count ? judge->faults[hit->fault].name : "a fault");
	snprintf(line->detail, sizeof(line->detail), "%s%s%.50s",
		 hit->kind <= HIT_CHANGED ? kinds[hit->kind] : "",
		 hit->edge < judge->edge_count ? ", on " : "",
		 hit->edge < judge->edge_count ? judge->edges[hit->edge] : "");
}

/* Lines. */

/* Of many askings only the last one is of interest. */
static bool is_stale(const struct story *story, size_t at)
{
	struct record_saga record, later;

	memcpy(&record, story->records[at].payload, sizeof(record));
	if (story->records[at].kind != RECORD_SAGA)
		return false;
	for (size_t i = at + 1; i < story->count; i++) {
		memcpy(&later, story->records[i].payload, sizeof(later));
		if (story->records[i].kind != RECORD_SAGA)
			continue;
		if (record.event >= SAGA_IS && record.event <= SAGA_UNREADABLE &&
		    later.event >= SAGA_IS && later.event <= SAGA_UNREADABLE)
			return true;
		if ((record.event == SAGA_WAS || record.event == SAGA_TOLD ||
		     record.event == SAGA_PRICED) &&
		    later.event == record.event && later.snapshot > record.snapshot)
			return true;
	}
	return false;
}

/* Times of the visitor's records are kept in whole milliseconds. */
static bool contradicts(const struct violation *witness, const struct invariant *invariant,
			const struct record *record, int64_t at_us)
{
	struct record_saga saga;

	memcpy(&saga, record->payload, sizeof(saga));
	if (witness->at_us >= 0)
		return at_us == witness->at_us ||
		       (witness->at_us % 1000 == 0 && at_us / 1000 == witness->at_us / 1000 &&
			record->kind == RECORD_SAGA);
	return record->kind == RECORD_SAGA && invariant->marks & UINT32_C(1) << saga.event % 32;
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return (x->written > y->written) - (x->written < y->written);
}

static size_t record_lines(const struct judge *judge, const struct contract_judge *of,
			   const struct story *story, const struct violation *witness,
			   const struct invariant *invariant, struct line *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < story->count; i++) {
		struct record_saga saga;
		struct record_effect effect;
		struct line *line = &lines[count];

		if (is_stale(story, i))
			continue;
		*line = (struct line){ .written = i };
		memcpy(&saga, story->records[i].payload, sizeof(saga));
		memcpy(&effect, story->records[i].payload, sizeof(effect));
		if (story->records[i].kind == RECORD_SAGA)
			saga_words(line, of, &saga);
		else
			effect_words(line, judge, of, &effect);
		line->contradicts =
			contradicts(witness, invariant, &story->records[i], line->at_us);
		count += line->what[0] != '\0';
	}
	return count;
}

static json_t *clean(const char *words)
{
	char shown[VISIBLE_MAX];

	return json_string(visible(shown, text_of(words)));
}

static json_t *line_json(const struct line *line)
{
	json_t *json = json_object();

	json_object_set_new(json, "at_s",
			    line->at_us == TIME_NONE ? json_null() :
						       json_real((double)line->at_us / 1e6));
	json_object_set_new(json, "source", clean(line->source));
	json_object_set_new(json, "what", clean(line->what));
	json_object_set_new(json, "detail", clean(line->detail));
	json_object_set_new(json, "contradicts", json_boolean(line->contradicts));
	return json;
}

static bool is_same(const struct line *a, const struct line *b)
{
	return a->source == b->source && strcmp(a->what, b->what) == 0 &&
	       strcmp(a->detail, b->detail) == 0 && !a->contradicts && !b->contradicts;
}

/* Of who asks again and again and hears the same, the first and the last time are enough. */
static size_t without_repetitions(struct line *lines, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept > 1 && is_same(&lines[kept - 2], &lines[i]) &&
		    is_same(&lines[kept - 1], &lines[i]))
			kept--;
		lines[kept++] = lines[i];
	}
	return kept;
}

/* The beginning, the end and what contradicts; of very long stories the rest is left out. */
static json_t *lines_json(const struct line *lines, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (count <= LINES_MAX || i < LINES_MAX / 2 || i >= count - LINES_MAX / 2 ||
		    lines[i].contradicts)
			json_array_append_new(list, line_json(&lines[i]));
	return list;
}

static json_t *tell(const struct judge *judge, const struct contract_judge *of,
		    const struct story *story, const struct violation *witness,
		    const struct invariant *invariant)
{
	struct hit_range hits = faults_hits_of(judge, story->saga);
	size_t hit_count = hits.count < RECORDS_MAX ? hits.count : RECORDS_MAX, count;
	struct line *lines = memory_array(story->count + hit_count + 1, sizeof(*lines));
	json_t *json;

	count = record_lines(judge, of, story, witness, invariant, lines);
	for (size_t i = 0; i < hit_count; i++) {
		lines[count].written = count;
		hit_words(&lines[count++], judge, &hits.first[i]);
	}
	qsort(lines, count, sizeof(*lines), by_time);
	json = lines_json(lines, without_repetitions(lines, count));
	free(lines);
	return json;
}

static void add_fault(json_t *list, const struct judge *judge, size_t fault, const char *met)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "name", clean(judge->faults[fault].name));
	json_object_set_new(entry, "met", json_string(met));
	json_array_append_new(list, entry);
}

/* What is about no saga has all faults that were there when it was seen, or before. */
static bool was_there(const struct judge *judge, size_t fault, const struct violation *witness)
{
	if (witness->saga != SAGA_NONE)
		return fault_possibly(judge, fault, witness->saga);
	return judge->faults[fault].from_us >= 0 &&
	       (witness->at_us < 0 || judge->faults[fault].from_us <= witness->at_us);
}

static json_t *faults_of(const struct judge *judge, const struct violation *witness)
{
	struct hit_range hits = { NULL, 0 };
	json_t *list = json_array();

	if (witness->saga != SAGA_NONE)
		hits = faults_hits_of(judge, witness->saga);
	for (size_t i = 0; i < judge->fault_count; i++) {
		bool met = false;

		for (size_t k = 0; k < hits.count; k++)
			met = met || hits.first[k].fault == i;
		if (met)
			add_fault(list, judge, i, "exactly");
		else if (was_there(judge, i, witness))
			add_fault(list, judge, i, "possibly");
	}
	return list;
}

static void tell_witnesses(struct stories *stories, struct contract_judge *of,
			   struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->witness_count; i++) {
		struct violation *witness = &judgement->witnesses[i];
		struct story key = { .saga = witness->saga }, *story = NULL;

		if (stories->count)
			story = bsearch(&key, stories->items, stories->count, sizeof(key), by_saga);
		witness->timeline =
			story ? tell(stories->judge, of, story, witness, judgement->invariant) :
				json_array();
		witness->faults = faults_of(stories->judge, witness);
	}
}

bool timeline_tell(struct judge *judge, struct error *err)
{
	struct stories stories = { .judge = judge };
	bool good;

	collect_wanted(&stories);
	good = !stories.count || read_again(&stories, err);
	for (size_t c = 0; good && c < judge->contract_count; c++)
		for (size_t i = 0; invariants[i]; i++)
			tell_witnesses(&stories, &judge->contracts[c],
				       &judge->contracts[c].judgements[i]);
	for (size_t i = 0; i < stories.count; i++)
		free(stories.items[i].records);
	free(stories.items);
	free(stories.wanted);
	return good;
}
