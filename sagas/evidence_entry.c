/* One entry and the rules of its source -> records. What is not as the contract says is counted. */
#include <jansson.h>
#include <stdio.h>

#include "lib/saga_key.h"
#include "sagas/evidence_parts.h"

static uint64_t mix_all(const uint64_t *parts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = evidence_mix(sum, parts[i]);
	return sum;
}

#define SUM(...) mix_all((const uint64_t[]){ __VA_ARGS__ },                                        \
			 sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Conditions see the entry. */

static struct text get_document(void *context)
{
	return *(const struct text *)context;
}

static struct value get_nothing(void *context, uint16_t ref)
{
	(void)context;
	(void)ref;
	return (struct value){ VALUE_ABSENT, { "", 0 } };
}

static bool holds(struct evidence *evidence, const struct expression *condition, struct text entry)
{
	struct expression_source source = { .get = get_nothing,
					    .document = get_document,
					    .context = &entry,
					    .scratch = &evidence->scratch };

	return expression_true(condition, &source);
}

/* Whose entry it is. */

static bool saga_by_key(const struct source_reading *reading, struct text key, uint32_t *saga)
{
	uint8_t contract;

	return saga_key_read(key, reading->evidence->settings.run, &contract, saga) &&
	       contract == reading->contract->number &&
	       (reading->evidence->settings.live ||
		known_saga(&reading->evidence->known, *saga, contract));
}

/* Of a mail: names of headers have no case. */
static bool saga_by_header(struct source_reading *reading, const char *name, struct text entry,
			   uint32_t *saga)
{
	json_t *json = json_loadb(entry.data, entry.length, 0, NULL);
	bool found = false;
	const char *header;
	json_t *value;

	json_object_foreach(json_object_get(json, "headers"), header, value)
		if (!found && text_is_nocase(text_of(header), name) && json_is_string(value))
			found = saga_by_key(reading, text_trim(text_of(json_string_value(value))),
					    saga);
	json_decref(json);
	return found;
}

static uint32_t whose(struct source_reading *reading, const struct source_rule *rule,
		      struct text entry, uint32_t asked)
{
	struct evidence *evidence = reading->evidence;
	struct value key;
	uint32_t saga;
	uint64_t id;

	if (rule->key_header)
		return saga_by_header(reading, rule->key_header, entry, &saga) ? saga : SAGA_NONE;
	key = entry_value(evidence, &rule->key, entry);
	if (key.kind == VALUE_STRING && saga_by_key(reading, key.text, &saga))
		return saga;
	id = entry_hash(evidence, &rule->id, entry);
	if (id && hash_map_find(&evidence->known.by_id[reading->contract->number], id, &saga))
		return saga;
	return pointer_given(&rule->key) || pointer_given(&rule->id) ? SAGA_NONE : asked;
}

/* When. False: it should say, and does not. */
static bool when(struct source_reading *reading, const struct source_rule *rule, struct text entry,
		 int64_t *at_us)
{
	struct evidence *evidence = reading->evidence;
	int64_t wall_us;

	*at_us = INT64_MIN;
	if (!pointer_given(&rule->time))
		return true;
	if (!evidence_time(entry_value(evidence, &rule->time, entry), &wall_us))
		return false;
	*at_us = wall_us - evidence->settings.wall_start_us;
	return true;
}

/* Roles. Each returns whether the entry was as the contract says. */

static uint8_t outcome_of(struct evidence *evidence, const struct source_rule *rule,
			  struct text entry)
{
	if (rule->succeeded && holds(evidence, rule->succeeded, entry))
		return 1;
	return rule->compensated && holds(evidence, rule->compensated, entry) ? 2 : 0;
}

static bool read_effect(struct source_reading *reading, const struct source_rule *rule,
			struct text entry, uint32_t saga)
{
	struct evidence *evidence = reading->evidence;
	const struct saga_step *step = &reading->contract->steps[rule->step];
	unsigned decimals =
		step->counts == COUNTS_MONEY ? (unsigned)reading->contract->decimals : 0;
	struct record_effect record = {
		.saga = saga,
		.contract = reading->contract->number,
		.step = rule->step,
		.undo = rule->undo,
		.source = reading->number,
		.amount = 1,
		.snapshot = reading->snapshot,
		.item = entry_hash(evidence, &rule->item, entry),
		.identity = entry_hash(evidence, &rule->identity, entry),
		.cause = entry_hash(evidence, &rule->cause, entry),
	};

	if (!when(reading, rule, entry, &record.at_us))
		return false;
	if (pointer_given(&rule->amount) &&
	    (!entry_integer(evidence, &rule->amount, entry, decimals, &record.amount) ||
	     record.amount < 0))
		return false;
	if ((pointer_given(&rule->item) && !record.item) ||
	    (pointer_given(&rule->identity) && !record.identity))
		return false;
	record.outcome = outcome_of(evidence, rule, entry);
	evidence_put(evidence, RECORD_EFFECT, &record, sizeof(record),
		     SUM(1, record.saga, record.step, record.undo, (uint64_t)record.amount,
			 record.item, record.identity, (uint64_t)record.at_us, record.outcome));
	return true;
}

static uint8_t state_of(struct source_reading *reading, const struct json_pointer *pointer,
			struct text entry)
{
	struct value value = entry_value(reading->evidence, pointer, entry);

	if (value.kind == VALUE_ABSENT)
		return STATE_NONE;
	return contract_state(reading->contract, value.text);
}

static struct record_saga fact(const struct source_reading *reading, uint32_t saga,
			       enum saga_event event)
{
	return (struct record_saga){
		.at_us = evidence_now_us(reading->evidence),
		.saga = saga,
		.contract = reading->contract->number,
		.event = (uint8_t)event,
		.state = STATE_NONE,
		.snapshot = reading->snapshot,
		.amount = -1,
	};
}

static void put_fact(struct evidence *evidence, const struct record_saga *record, int64_t at_us)
{
	evidence_put(evidence, RECORD_SAGA, record, sizeof(*record),
		     SUM(2, record->saga, record->event, record->state, (uint64_t)record->amount,
			 record->item, (uint64_t)record->value, (uint64_t)at_us));
}

/* Others use the system, too: what their sagas went through is not ours to judge. */
static bool read_state(struct source_reading *reading, const struct source_rule *rule,
		       struct text entry, uint32_t saga)
{
	struct record_saga record =
		fact(reading, saga, rule->role == ROLE_STATE ? SAGA_WAS : SAGA_TOLD);

	if (saga == SAGA_NONE)
		return true;
	record.value = reading->position;
	if (!when(reading, rule, entry, &record.at_us) ||
	    (pointer_given(&rule->position) &&
	     !entry_integer(reading->evidence, &rule->position, entry, 0, &record.value)))
		return false;
	record.state = state_of(reading, &rule->state, entry);
	put_fact(reading->evidence, &record, record.at_us);
	return true;
}

static bool read_dead(struct source_reading *reading, const struct source_rule *rule,
		      struct text entry, uint32_t saga)
{
	struct record_saga record = fact(reading, saga, SAGA_DEAD);

	if (saga == SAGA_NONE)
		return true;
	if (!when(reading, rule, entry, &record.at_us))
		return false;
	put_fact(reading->evidence, &record, record.at_us);
	return true;
}

/* Numbers of the whole system. */

static void put_reading_of(struct source_reading *reading, enum reading_what what, struct text item,
			   int64_t value, int64_t at_us)
{
	struct record_reading record = {
		.at_us = at_us,
		.item = item.length ? text_hash(item) : 0,
		.value = value,
		.contract = reading->contract->number,
		.what = (uint8_t)what,
		.snapshot = reading->snapshot,
		.source = reading->number,
	};

	snprintf(record.name, sizeof(record.name), "%.*s",
		 item.length < sizeof(record.name) ? (int)item.length : (int)sizeof(record.name),
		 item.data);
	evidence_put(reading->evidence, RECORD_READING, &record, sizeof(record),
		     SUM(3, record.item, (uint64_t)value, record.contract, (uint64_t)what,
			 record.source));
}

static void put_reading(struct source_reading *reading, enum reading_what what, struct text item,
			int64_t value)
{
	put_reading_of(reading, what, item, value, evidence_now_us(reading->evidence));
}

/* The item's name outlives the scratch, which the next value takes. */
struct item {
	char bytes[200];
	struct text text;
};

static bool read_item(struct evidence *evidence, const struct json_pointer *pointer,
		      struct text entry, struct item *item)
{
	struct value value = entry_value(evidence, pointer, entry);

	if ((value.kind != VALUE_STRING && value.kind != VALUE_NUMBER) || !value.text.length ||
	    value.text.length > sizeof(item->bytes))
		return false;
	memcpy(item->bytes, value.text.data, value.text.length);
	item->text = (struct text){ item->bytes, value.text.length };
	return true;
}

struct number_rule {
	const struct json_pointer *pointer;
	enum reading_what what;
	unsigned decimals;
	bool optional;
};

/* All of an entry's numbers or none: half an entry would not add up. */
static bool read_numbers(struct source_reading *reading, const struct number_rule *rules,
			 size_t count, const struct json_pointer *name, struct text entry)
{
	struct evidence *evidence = reading->evidence;
	int64_t values[8];
	bool there[8];
	struct item item;

	if (!read_item(evidence, name, entry, &item))
		return false;
	for (size_t i = 0; i < count; i++) {
		there[i] = pointer_given(rules[i].pointer);
		if (rules[i].optional && there[i])
			there[i] =
				entry_value(evidence, rules[i].pointer, entry).kind != VALUE_ABSENT;
		if (there[i] && !entry_integer(evidence, rules[i].pointer, entry, rules[i].decimals,
					       &values[i]))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (there[i])
			put_reading(reading, rules[i].what, item.text, values[i]);
	return true;
}

static bool read_ledger(struct source_reading *reading, const struct source_rule *rule,
			struct text entry)
{
	unsigned decimals = (unsigned)reading->contract->decimals;
	const struct number_rule rules[] = {
		{ &rule->debit, READING_DEBIT, decimals, true },
		{ &rule->credit, READING_CREDIT, decimals, true },
	};

	return read_numbers(reading, rules, 2, &rule->item, entry);
}

static bool read_counts(struct source_reading *reading, const struct source_rule *rule,
			struct text entry)
{
	const struct number_rule rules[] = {
		{ &rule->published, READING_PUBLISHED, 0, false },
		{ &rule->consumed, READING_CONSUMED, 0, false },
		{ &rule->dead, READING_DEAD, 0, false },
	};

	return read_numbers(reading, rules, 3, &rule->item, entry);
}

static void add_stock(struct source_reading *reading, struct text entry)
{
	const struct stock_source *stock = &reading->contract->stock;
	const struct number_rule rules[] = {
		{ &stock->available, READING_AVAILABLE, 0, false },
		{ &stock->reserved, READING_RESERVED, 0, false },
		{ &stock->sold, READING_SOLD, 0, false },
		{ &stock->initial, READING_INITIAL, 0, false },
		{ &stock->restocked, READING_RESTOCKED, 0, false },
	};

	if (!read_numbers(reading, rules, 5, &stock->item, entry))
		reading->strange++;
}

void stock_read(struct source_reading *reading, struct text entry)
{
	reading->read++;
	add_stock(reading, entry);
}

/* 0: closed, 1: open, 2: half open, whatever the system calls that. */
static bool read_breaker_state(struct value value, int64_t *state)
{
	static const char *const words[][5] = { { "closed", "ok", "0", "false", NULL },
						{ "open", "1", "true", "tripped", NULL },
						{ "half-open", "half_open", "halfopen", "2",
						  NULL } };

	for (*state = 0; *state < 3; (*state)++)
		for (const char *const *word = words[*state]; *word; word++)
			if (value.kind != VALUE_ABSENT && text_is_nocase(value.text, *word))
				return true;
	return false;
}

enum { BREAKER_OPEN = 1 };

/* One that is closed again was open before, if the system says so: that comes first. */
static bool read_breaker(struct source_reading *reading, const struct source_rule *rule,
			 struct text entry, struct text item)
{
	struct evidence *evidence = reading->evidence;
	int64_t state, opened = 0, now_us = evidence_now_us(evidence);

	if (!read_breaker_state(entry_value(evidence, &rule->value, entry), &state))
		return false;
	if (pointer_given(&rule->amount) &&
	    !value_decimal(entry_value(evidence, &rule->amount, entry), 0, &opened))
		return false;
	if (opened > 0)
		put_reading_of(reading, READING_BREAKER, item, BREAKER_OPEN, now_us - 1);
	put_reading_of(reading, READING_BREAKER, item, state, now_us);
	return true;
}

static bool read_word(struct source_reading *reading, const struct source_rule *rule,
		      struct text entry)
{
	struct evidence *evidence = reading->evidence;
	struct value value;
	struct item item;

	if (!read_item(evidence, &rule->item, entry, &item))
		return false;
	if (rule->role == ROLE_BREAKER)
		return read_breaker(reading, rule, entry, item.text);
	value = entry_value(evidence, &rule->value, entry);
	if (value.kind == VALUE_ABSENT)
		return false;
	put_reading(reading, READING_REGION, item.text, (int64_t)text_hash(value.text));
	return true;
}

/* Outcomes. */

static void name_saga(struct source_reading *reading, struct text entry, uint32_t saga)
{
	struct evidence *evidence = reading->evidence;
	struct value id = entry_value(evidence, &reading->contract->id, entry);
	struct record_saga_id record = { .saga = saga, .contract = reading->contract->number };

	if ((id.kind != VALUE_STRING && id.kind != VALUE_NUMBER) || !id.text.length ||
	    id.text.length > sizeof(record.id))
		return;
	record.length = (uint8_t)id.text.length;
	memcpy(record.id, id.text.data, id.text.length);
	evidence_put(evidence, RECORD_SAGA_ID, &record, sizeof(record),
		     SUM(4, saga, text_hash(id.text)));
	known_name(&evidence->known, saga, record.contract,
		   (struct text){ record.id, record.length });
}

/* What its parts add up to; false when one of them is no number. */
static bool add_up(struct evidence *evidence, const struct contract *contract, struct text entry,
		   int64_t *sum)
{
	*sum = 0;
	for (uint8_t i = 0; i < contract->adds_up_count; i++) {
		int64_t part;

		if (!entry_integer(evidence, &contract->adds_up[i].pointer, entry,
				   (unsigned)contract->decimals, &part))
			return false;
		if (contract->adds_up[i].minus ? __builtin_sub_overflow(*sum, part, sum) :
						 __builtin_add_overflow(*sum, part, sum))
			return false;
	}
	return true;
}

static void price(struct source_reading *reading, struct text entry, uint32_t saga, int64_t amount)
{
	struct record_saga record = fact(reading, saga, SAGA_PRICED);

	if (!reading->contract->adds_up_count)
		return;
	if (amount < 0 || !add_up(reading->evidence, reading->contract, entry, &record.value)) {
		reading->strange++;
		return;
	}
	record.amount = amount;
	put_fact(reading->evidence, &record, 0);
}

static void remember(struct known_saga *known, uint8_t state, bool undoing, int64_t now_us)
{
	known->state = state;
	known->undoing = undoing;
	known->heard = true;
	known->asked_us = now_us;
}

void outcome_read(struct source_reading *reading, struct text entry, uint32_t saga)
{
	struct evidence *evidence = reading->evidence;
	const struct contract *contract = reading->contract;
	struct record_saga record = fact(reading, saga, SAGA_IS);
	struct known_saga *known = known_saga(&evidence->known, saga, contract->number);

	if (!known)
		return;
	record.state = state_of(reading, &contract->state, entry);
	record.value = value_true(entry_value(evidence, &contract->undoing, entry));
	if (pointer_given(&contract->amount) &&
	    (!entry_integer(evidence, &contract->amount, entry, (unsigned)contract->decimals,
			    &record.amount) ||
	     record.amount < 0)) {
		reading->strange++;
		record.amount = -1;
	}
	if (!contract->budget_where || holds(evidence, contract->budget_where, entry))
		record.item = entry_hash(evidence, &contract->budget_item, entry);
	put_fact(evidence, &record, 0);
	remember(known, record.state, record.value, record.at_us);
	name_saga(reading, entry, saga);
	price(reading, entry, saga, record.amount);
}

static bool read_outcome(struct source_reading *reading, struct text entry, uint32_t saga)
{
	if (saga != SAGA_NONE)
		outcome_read(reading, entry, saga);
	return true;
}

static bool apply(struct source_reading *reading, const struct source_rule *rule, struct text entry,
		  uint32_t asked)
{
	switch (rule->role) {
	case ROLE_EFFECT:
		return read_effect(reading, rule, entry, whose(reading, rule, entry, asked));
	case ROLE_STATE:
	case ROLE_TOLD:
		return read_state(reading, rule, entry, whose(reading, rule, entry, asked));
	case ROLE_DEAD:
		return read_dead(reading, rule, entry, whose(reading, rule, entry, asked));
	case ROLE_OUTCOME:
		return read_outcome(reading, entry, whose(reading, rule, entry, asked));
	case ROLE_LEDGER:
		return read_ledger(reading, rule, entry);
	case ROLE_COUNTS:
		return read_counts(reading, rule, entry);
	case ROLE_BREAKER:
	case ROLE_REGION:
		return read_word(reading, rule, entry);
	}
	return false;
}

void entry_read(struct source_reading *reading, struct text entry, uint32_t saga)
{
	const struct source *source = reading->source;

	reading->read++;
	reading->position++;
	for (size_t i = 0; i < source->rule_count; i++) {
		const struct source_rule *rule = &source->rules[i];

		if (rule->where && !holds(reading->evidence, rule->where, entry))
			continue;
		if (!apply(reading, rule, entry, saga))
			reading->strange++;
	}
}
