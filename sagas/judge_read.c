/*
 * The pass over the records. Files of workers come first: what the visitor saw is then in order,
 * and what was read after the load comes after it. The others are looked at once before, for which
 * readings there are: only the last good one is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/saga_key.h"
#include "sagas/judge_parts.h"

enum { READINGS_MAX = 16 * 1024 * 1024, HITS_MAX = 16 * 1024 * 1024, SECONDS_MAX = 7 * 86400 };

#define TIME_MAX_US INT64_C(1000000000000000)

static struct saga *saga_make(struct judge *judge, uint32_t number)
{
	size_t chunk = number / SAGA_CHUNK;

	if (number >= JUDGE_SAGAS_MAX)
		return NULL;
	if (chunk >= judge->chunk_count) {
		judge->chunks = memory_resize(judge->chunks, chunk + 1, sizeof(*judge->chunks));
		while (judge->chunk_count <= chunk)
			judge->chunks[judge->chunk_count++] = NULL;
	}
	if (!judge->chunks[chunk]) {
		struct saga *sagas = memory_array(SAGA_CHUNK, sizeof(*sagas));

		for (size_t i = 0; i < SAGA_CHUNK; i++)
			sagas[i] = (struct saga){ .shown = -1,
						  .told = -1,
						  .priced = -1,
						  .first = ENTRY_NONE,
						  .contract = UINT8_MAX,
						  .is = STATE_NONE,
						  .seen = STATE_NONE };
		judge->chunks[chunk] = sagas;
	}
	if (number >= judge->highest)
		judge->highest = number + 1;
	return &judge->chunks[chunk][number % SAGA_CHUNK];
}

/* NULL: the record is about no contract that there is, or about one that the saga is not of. */
static struct saga *saga_of(struct judge *judge, uint32_t number, uint8_t contract)
{
	struct saga *saga = contract < judge->contract_count ? saga_make(judge, number) : NULL;

	if (saga && saga->contract == UINT8_MAX) {
		saga->contract = contract;
		judge->saga_count++;
	}
	if (!saga || saga->contract != contract) {
		judge->strange++;
		return NULL;
	}
	return saga;
}

static struct contract_judge *contract_of(struct judge *judge, uint8_t number)
{
	return number < judge->contract_count ? &judge->contracts[number] : NULL;
}

static int64_t bounded(int64_t value)
{
	return value < -AMOUNT_MAX ? -AMOUNT_MAX : value > AMOUNT_MAX ? AMOUNT_MAX : value;
}

static uint8_t snapshot_of(uint16_t snapshot)
{
	return snapshot < SNAPSHOTS ? (uint8_t)snapshot : SNAPSHOTS - 1;
}

static uint32_t ms_of(int64_t at_us)
{
	return at_us <= 0 ? 0 : at_us / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(at_us / 1000);
}

static void count_up(uint8_t *count)
{
	if (*count < UINT8_MAX)
		++*count;
}

static void add_entry(struct judge *judge, struct saga *saga, const struct entry *entry)
{
	if (judge->entry_count == ENTRY_NONE - 1) {
		judge->strange++;
		return;
	}
	judge->entries = memory_grow(judge->entries, judge->entry_count, &judge->entry_room,
				     sizeof(*judge->entries));
	judge->entries[judge->entry_count] = *entry;
	judge->entries[judge->entry_count].next = saga->first;
	saga->first = (uint32_t)judge->entry_count++;
}

/* Somebody saw it in that state. Of an outcome only declared moves lead to another one. */
static void observe(struct judge *judge, struct saga *saga, uint8_t state)
{
	const struct contract_judge *of = &judge->contracts[saga->contract];

	if (state >= of->contract->state_count)
		return;
	if (of->contract->states[state].class == STATE_SUCCEEDED)
		saga->flags |= SAGA_WAS_SUCCEEDED;
	else if (of->contract->states[state].class == STATE_COMPENSATED)
		saga->flags |= SAGA_WAS_COMPENSATED;
	if (saga->seen != STATE_NONE && saga->seen != state &&
	    of->contract->states[saga->seen].class != STATE_MOVING &&
	    !(of->reach[saga->seen] & UINT32_C(1) << state) && !(saga->flags & SAGA_WENT_BACK)) {
		saga->flags |= SAGA_WENT_BACK;
		saga->from = saga->seen;
		saga->to = state;
	}
	saga->seen = state;
}

static void note_item(struct saga *saga, uint64_t item)
{
	if (item)
		saga->item = item;
}

static void refused(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	const struct rate_limit *limit = &judge->contracts[saga->contract].contract->limit;

	count_up(&saga->failed);
	if (record->status == 409)
		saga->flags |= SAGA_REFUSED_409;
	if (record->status == (limit->given ? limit->status : 429))
		count_up(&saga->limited);
}

static void unknown(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	const struct rate_limit *limit = &judge->contracts[saga->contract].contract->limit;

	if (record->status == (limit->given ? limit->status : 429))
		count_up(&saga->limited);
	saga->flags |= SAGA_HAS_INFO;
}

static void acknowledged(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	if (!(saga->flags & SAGA_HAS_OK)) {
		saga->ok_ms = ms_of(record->at_us);
		saga->told = bounded(record->amount);
	}
	saga->flags |= SAGA_HAS_OK;
	note_item(saga, record->item);
	observe(judge, saga, record->state);
}

/* Asked by its key: what was said last counts. */
static void asked(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	uint32_t at_ms = ms_of(record->at_us);

	if (record->event == SAGA_UNREADABLE) {
		saga->flags |= SAGA_HAS_UNREADABLE;
		return;
	}
	if (at_ms < saga->asked_ms)
		return;
	saga->asked_ms = at_ms;
	saga->flags &= ~(uint32_t)(SAGA_HAS_ABSENT | SAGA_IS_UNDOING);
	if (record->event == SAGA_ABSENT) {
		saga->flags |= SAGA_HAS_ABSENT;
		return;
	}
	saga->flags |= SAGA_HAS_IS | (record->value == 1 ? SAGA_IS_UNDOING : 0);
	saga->is = record->state;
	note_item(saga, record->item);
	if (record->amount >= 0)
		saga->priced = bounded(record->amount);
	observe(judge, saga, record->state);
}

static void add_state(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	struct contract_judge *of = &judge->contracts[saga->contract];
	bool told = record->event == SAGA_TOLD;
	uint8_t source = told ? of->told_source : of->was_source;
	uint8_t snapshot = snapshot_of(record->snapshot);
	struct entry entry = { .at_us = record->at_us,
			       .amount = bounded(record->value),
			       .kind = told ? ENTRY_TOLD : ENTRY_WAS,
			       .state = record->state,
			       .source = source,
			       .snapshot = snapshot };

	if (told && record->state == STATE_NONE)
		return; /* an event about something else */
	sources_add(&of->sources[source], snapshot,
		    sources_mix(sources_mix(record->saga, (uint64_t)record->value),
				(uint64_t)record->state << 1 | told));
	if (snapshot == of->sources[source].use)
		add_entry(judge, saga, &entry);
}

static void add_price(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	struct entry entry = { .at_us = record->at_us,
			       .amount = bounded(record->value),
			       .identity = (uint64_t)bounded(record->amount),
			       .kind = ENTRY_PRICED };

	saga->flags |= SAGA_HAS_PRICE;
	if (record->amount >= 0)
		saga->priced = bounded(record->amount);
	if (record->amount != record->value)
		add_entry(judge, saga, &entry);
}

static void visitor_event(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	struct entry cancel = { .at_us = record->at_us, .kind = ENTRY_CANCEL };

	switch (record->event) {
	case SAGA_SAW:
		saga->flags |= SAGA_HAS_SAW;
		observe(judge, saga, record->state);
		break;
	case SAGA_MISSED:
		saga->flags |= SAGA_HAS_MISSED;
		break;
	case SAGA_AGAIN:
		saga->flags |= record->value == 1 ? SAGA_AGAIN_SAME : SAGA_AGAIN_OTHER;
		break;
	case SAGA_MISUSED:
		saga->flags |= record->value == 1 ? SAGA_MISUSE_REFUSED : SAGA_MISUSE_ACCEPTED;
		break;
	case SAGA_CANCEL_SENT:
		saga->flags |= SAGA_CANCEL_TRIED;
		add_entry(judge, saga, &cancel);
		break;
	case SAGA_CANCEL_OK:
		saga->flags |= SAGA_CANCEL_TRIED | SAGA_CANCEL_DONE;
		break;
	default:
		break; /* a cancel that was refused, or whose answer is not known */
	}
}

static void minted(struct judge *judge, struct saga *saga, const struct record_saga *record)
{
	saga->flags |= SAGA_HAS_MINT;
	saga->minted_ms = ms_of(record->at_us);
	saga->shown = bounded(record->amount);
	note_item(saga, record->item);
	if (judge->first_mint_us < 0 || record->at_us < judge->first_mint_us)
		judge->first_mint_us = record->at_us;
}

static void add_saga(struct judge *judge, const struct record_saga *record)
{
	struct saga *saga = saga_of(judge, record->saga, record->contract);

	if (!saga)
		return;
	switch (record->event) {
	case SAGA_MINTED:
		minted(judge, saga, record);
		break;
	case SAGA_SENT:
		count_up(&saga->sent);
		note_item(saga, record->item);
		break;
	case SAGA_OK:
		acknowledged(judge, saga, record);
		break;
	case SAGA_FAIL:
		refused(judge, saga, record);
		break;
	case SAGA_INFO:
		unknown(judge, saga, record);
		break;
	case SAGA_IS:
	case SAGA_ABSENT:
	case SAGA_UNREADABLE:
		asked(judge, saga, record);
		break;
	case SAGA_WAS:
	case SAGA_TOLD:
		add_state(judge, saga, record);
		break;
	case SAGA_DEAD:
		saga->flags |= SAGA_HAS_DEAD;
		break;
	case SAGA_PRICED:
		add_price(judge, saga, record);
		break;
	default:
		visitor_event(judge, saga, record);
	}
}

static void add_id(struct judge *judge, const struct record_saga_id *record)
{
	struct saga *saga = saga_of(judge, record->saga, record->contract);
	size_t length = record->length < sizeof(record->id) ? record->length : sizeof(record->id);
	uint32_t id = (uint32_t)text_hash((struct text){ record->id, length }) | 1;

	if (!saga || !length)
		return;
	if (saga->id && saga->id != id)
		saga->flags |= SAGA_TWO_IDS;
	saga->id = id;
}

static uint64_t effect_sum(const struct record_effect *record)
{
	uint64_t sum = sources_mix(record->saga, (uint64_t)record->amount);

	sum = sources_mix(sum, record->item);
	sum = sources_mix(sum, record->identity);
	return sources_mix(sum, (uint64_t)record->step << 1 | (record->undo & 1));
}

static void add_effect(struct judge *judge, const struct record_effect *record)
{
	struct contract_judge *of = contract_of(judge, record->contract);
	uint8_t snapshot = snapshot_of(record->snapshot);
	struct entry entry = { .at_us = record->at_us,
			       .amount = bounded(record->amount),
			       .item = record->item,
			       .identity = record->identity,
			       .cause = (uint32_t)record->cause,
			       .kind = ENTRY_EFFECT,
			       .step = record->step,
			       .undo = record->undo & 1,
			       .source = record->source,
			       .outcome = record->outcome,
			       .snapshot = snapshot };
	struct saga *saga;

	if (!of || record->step >= of->contract->step_count) {
		judge->strange++;
		return;
	}
	sources_add(&of->sources[record->source], snapshot, effect_sum(record));
	if (snapshot != of->sources[record->source].use)
		return;
	if (record->saga == SAGA_NONE) {
		of->foreign++;
		if (record->item && of->contract->steps[record->step].counts == COUNTS_QUANTITY)
			items_at(&judge->items, record->contract, record->item, true)->foreign++;
		return;
	}
	saga = saga_of(judge, record->saga, record->contract);
	if (saga)
		add_entry(judge, saga, &entry);
}

static void add_reading(struct judge *judge, const struct record_reading *record)
{
	uint8_t snapshot = snapshot_of(record->snapshot);
	struct source_judge *source;

	if (record->contract >= judge->contract_count || judge->reading_count == READINGS_MAX) {
		judge->strange++;
		return;
	}
	source = &judge->contracts[record->contract].sources[record->source];
	sources_add(source, snapshot,
		    sources_mix(sources_mix(record->item, (uint64_t)record->value), record->what));
	if (snapshot && snapshot != source->use && record->what != READING_BREAKER)
		return;
	judge->readings = memory_grow(judge->readings, judge->reading_count, &judge->reading_room,
				      sizeof(*judge->readings));
	judge->readings[judge->reading_count] = *record;
	judge->readings[judge->reading_count].snapshot = snapshot;
	if (record->what != READING_REGION) /* a hash */
		judge->readings[judge->reading_count].value = bounded(record->value);
	judge->reading_count++;
}

static void add_fault(struct judge *judge, const struct record_fault *record)
{
	struct judge_fault *fault = faults_at(judge, record->fault);

	if (!fault)
		return;
	fault->told = true;
	fault->state = (enum fault_state)record->state;
	if (record->state == FAULT_ARMING || record->state == FAULT_ARMED) {
		if (fault->from_us < 0)
			fault->from_us = record->at_us;
		fault->to_us = INT64_MAX;
	}
	if (record->state == FAULT_HEALED || record->state == FAULT_UNPROVEN) {
		fault->to_us = record->at_us;
		if (record->at_us > judge->healed_us)
			judge->healed_us = record->at_us;
	}
	if (record->hits > fault->hits || record->hits < 0)
		fault->hits = record->hits;
}

static void add_hit(struct judge *judge, const struct record_hit *record)
{
	struct judge_fault *fault = faults_at(judge, record->fault);

	if (fault && fault->hits >= 0)
		fault->hits += fault->hits == 0;
	if (!record->correlation || judge->hit_count == HITS_MAX)
		return;
	judge->hits =
		memory_grow(judge->hits, judge->hit_count, &judge->hit_room, sizeof(*judge->hits));
	judge->hits[judge->hit_count++] =
		(struct judge_hit){ record->correlation, record->at_us, record->fault, record->edge,
				    record->kind };
}

/* Answers that came within the second of their question: whatever the network did, not fewer. */
static void add_request(struct judge *judge, const struct record_request *record)
{
	int64_t sent_us = record->intended_us + record->lag_us;
	int64_t done_us = sent_us + record->service_us;
	size_t second = (size_t)(sent_us / US_PER_S);

	if (done_us > judge->load_ended_us)
		judge->load_ended_us = done_us;
	if (record->status == judge->refusal)
		judge->refusals++;
	if (!record->status || record->status == judge->refusal || sent_us < 0 ||
	    sent_us / US_PER_S != done_us / US_PER_S || second >= SECONDS_MAX)
		return;
	if (second >= judge->admitted_seconds) {
		judge->admitted =
			memory_resize(judge->admitted, second + 1, sizeof(*judge->admitted));
		while (judge->admitted_seconds <= second)
			judge->admitted[judge->admitted_seconds++] = 0;
	}
	judge->admitted[second]++;
}

static void add_event(struct judge *judge, const struct record_event *record)
{
	if (record->event == EVENT_RUN_ENDED && record->at_us > judge->load_ended_us)
		judge->load_ended_us = record->at_us;
}

/* All but SAGA_ID begin with their time; not every source of effects says one. */
static bool is_sane(const struct record *record)
{
	int64_t at_us;

	if (record->kind == RECORD_SAGA_ID)
		return true;
	memcpy(&at_us, record->payload, sizeof(at_us));
	if (record->kind == RECORD_EFFECT && at_us == TIME_NONE)
		return true;
	return at_us > -TIME_MAX_US && at_us < TIME_MAX_US;
}

static void take(struct judge *judge, const struct record *record)
{
	union {
		struct record_saga saga;
		struct record_saga_id id;
		struct record_effect effect;
		struct record_reading reading;
		struct record_fault fault;
		struct record_hit hit;
		struct record_request request;
		struct record_event event;
		unsigned char payload[RECORD_PAYLOAD];
	} as;

	memcpy(as.payload, record->payload, sizeof(as.payload));
	if (!is_sane(record)) {
		judge->strange++;
		return;
	}
	switch (record->kind) {
	case RECORD_SAGA:
		add_saga(judge, &as.saga);
		break;
	case RECORD_SAGA_ID:
		add_id(judge, &as.id);
		break;
	case RECORD_EFFECT:
		add_effect(judge, &as.effect);
		break;
	case RECORD_READING:
		add_reading(judge, &as.reading);
		break;
	case RECORD_FAULT:
		add_fault(judge, &as.fault);
		break;
	case RECORD_HIT:
		add_hit(judge, &as.hit);
		break;
	case RECORD_REQUEST:
		add_request(judge, &as.request);
		break;
	case RECORD_EVENT:
		add_event(judge, &as.event);
		break;
	default:
		break;
	}
}

/* Which readings there are. */
static void foresee(struct judge *judge, const struct record *record)
{
	struct record_source source;
	struct record_effect effect;
	struct source_judge *of;

	memcpy(&source, record->payload, sizeof(source));
	memcpy(&effect, record->payload, sizeof(effect));
	if (record->kind == RECORD_SOURCE && source.contract < judge->contract_count &&
	    source.snapshot < SNAPSHOTS) {
		sources_note(&judge->contracts[source.contract].sources[source.source], &source);
	} else if (record->kind == RECORD_EFFECT && effect.contract < judge->contract_count) {
		of = &judge->contracts[effect.contract].sources[effect.source];
		if (snapshot_of(effect.snapshot) > of->seen)
			of->seen = snapshot_of(effect.snapshot);
	}
}

static void add_damage(struct judge *judge, const char *path, const char *what)
{
	struct buffer words = BUFFER_EMPTY;
	const char *slash = strrchr(path, '/');

	if (judge->damage)
		return;
	buffer_format(&words, "'%s' %s", slash ? slash + 1 : path, what);
	judge->damage = words.data;
}

static void read_file(struct judge *judge, const char *path,
		      void (*see)(struct judge *judge, const struct record *record))
{
	struct history_reader *reader = history_open(path, NULL);
	const struct record *record;

	if (!reader) {
		add_damage(judge, path, "is unreadable");
		return;
	}
	while ((record = history_read(reader)))
		see(judge, record);
	if (history_torn(reader))
		add_damage(judge, path, "is damaged at its end");
	if (history_reader_lost(reader))
		add_damage(judge, path, "lacks records that the disk had no room for");
	history_reader_free(reader);
}

static bool is_of_worker(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strncmp(slash ? slash + 1 : path, "worker-", 7) == 0;
}

bool judge_read(struct judge *judge, struct error *err)
{
	char **paths;
	size_t count = history_list(judge->directory, &paths, err);

	for (size_t i = 0; i < count; i++)
		if (!is_of_worker(paths[i]))
			read_file(judge, paths[i], foresee);
	for (size_t i = 0; i < judge->contract_count; i++)
		sources_choose(&judge->contracts[i]);
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; i < count; i++)
			if (is_of_worker(paths[i]) == !others)
				read_file(judge, paths[i], take);
	history_list_free(paths, count);
	return count > 0;
}
