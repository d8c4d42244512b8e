#include "sagas/anytime.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "sagas/evidence_parts.h"

enum {
	TALLIES_MAX = 8 * 1024 * 1024, /* beyond it, what is new is not followed */
	SAMPLES_MAX = 1024 * 1024,     /* readings in the history */
	OUTCOMES = 3,
};

/* What was seen of one step of one saga. */
struct tally {
	int64_t given, taken;
	uint32_t did;
	uint8_t told[OUTCOMES];
	uint8_t said; /* a bit for each enum wrong_what */
};

/* A source, followed. */
struct follower {
	struct source_reading reading;
	const char *path;      /* a file; NULL: polled */
	const char *url;       /* of a witness */
	off_t offset;          /* how far the file was read */
	struct buffer pending; /* a line without its end; of a poll: the cursor */
	bool over;             /* it can't be followed */
	int64_t due_us;
};

struct anytime {
	struct evidence *evidence;
	struct follower *followers;
	size_t count;
	struct follower *now; /* whose entries come */
	struct hash_map places, seen;
	struct tally *tallies;
	size_t tally_count, tally_room;
	uint64_t samples;
};

/* Facts. */

int64_t wrong_fact_pack(const struct wrong_fact *fact)
{
	return (int64_t)fact->contract | (int64_t)fact->step << 8 | (int64_t)fact->what << 16;
}

bool wrong_fact_unpack(uint32_t number, int64_t value, struct wrong_fact *fact)
{
	uint64_t bits = (uint64_t)value;

	*fact = (struct wrong_fact){ .saga = number,
				     .contract = (uint8_t)bits,
				     .step = (uint8_t)(bits >> 8),
				     .what = (enum wrong_what)(bits >> 16 & 255) };
	return bits >> 24 == 0 && fact->what < WRONG_COUNT && fact->contract < CONTRACTS_MAX &&
	       fact->step < SAGA_STEPS_MAX;
}

void wrong_fact_explain(const struct wrong_fact *fact, const struct contract *contract,
			struct buffer *out)
{
	const struct saga_step *step = &contract->steps[fact->step];

	switch (fact->what) {
	case WRONG_TWICE:
		buffer_format(out, "'%s' happened more often than it may", step->name);
		break;
	case WRONG_BACK:
		buffer_format(out, "'%s' gave back more than '%s' took",
			      step->undo ? step->undo : "an undo", step->name);
		break;
	case WRONG_TOLD:
		buffer_format(out, "the customer was told the same too often ('%s')", step->name);
		break;
	case WRONG_BOTH:
		buffer_format(out, "the customer was told both outcomes ('%s')", step->name);
		break;
	case WRONG_COUNT:
		break;
	}
}

static void say(struct anytime *anytime, struct tally *tally, const struct record_effect *effect,
		enum wrong_what what)
{
	const struct wrong_fact fact = { effect->saga, effect->contract, effect->step, what };
	const struct record_event event = {
		.at_us = evidence_now_us(anytime->evidence),
		.event = EVENT_WRONG,
		.number = effect->saga,
		.value = wrong_fact_pack(&fact),
	};

	if (tally->said >> what & 1)
		return;
	tally->said |= (uint8_t)(1U << what);
	history_put(anytime->evidence->out, RECORD_EVENT, 0, &event, sizeof(event));
}

/* Judging. */

static bool follows_from(const struct contract *contract, uint8_t from, uint32_t *seen)
{
	if (contract->states[from].class == STATE_COMPENSATED)
		return true;
	if (*seen >> from & 1)
		return false;
	*seen |= 1U << from;
	for (uint8_t to = 0; to < contract->state_count; to++)
		if (contract->states[from].moves >> to & 1 && follows_from(contract, to, seen))
			return true;
	return false;
}

/* What is confirmed can be cancelled: then to be told both is right. */
static bool both_can_be(const struct contract *contract)
{
	for (uint8_t i = 0; i < contract->state_count; i++) {
		uint32_t seen = 0;

		if (contract->states[i].class == STATE_SUCCEEDED &&
		    follows_from(contract, i, &seen))
			return true;
	}
	return false;
}

static void judge_money(struct anytime *anytime, const struct saga_step *step, struct tally *tally,
			const struct record_effect *effect)
{
	const struct follower *now = anytime->now;
	bool in_order = now->path && now->reading.source->from == FROM_PSP;

	if (tally->did > (step->at_most > 1 ? (uint32_t)step->at_most : 1))
		say(anytime, tally, effect, WRONG_TWICE);
	if (in_order && effect->undo && tally->taken > tally->given)
		say(anytime, tally, effect, WRONG_BACK);
}

static void judge_messages(struct anytime *anytime, const struct contract *contract,
			   struct tally *tally, const struct record_effect *effect)
{
	int64_t most = contract->steps[effect->step].at_most;

	for (int i = 0; i < OUTCOMES; i++)
		if (most >= 0 && tally->told[i] > most)
			say(anytime, tally, effect, WRONG_TOLD);
	if (tally->told[1] && tally->told[2] && !both_can_be(contract))
		say(anytime, tally, effect, WRONG_BOTH);
}

static struct tally *tally_of(struct anytime *anytime, const struct record_effect *effect)
{
	uint64_t key = evidence_mix(evidence_mix(effect->saga, effect->contract), effect->step) | 1;
	uint32_t at;

	if (hash_map_find(&anytime->places, key, &at))
		return &anytime->tallies[at];
	if (anytime->tally_count == TALLIES_MAX)
		return NULL;
	hash_map_add(&anytime->places, key, (uint32_t)anytime->tally_count);
	anytime->tallies = memory_grow(anytime->tallies, anytime->tally_count, &anytime->tally_room,
				       sizeof(*anytime->tallies));
	anytime->tallies[anytime->tally_count] = (struct tally){ .did = 0 };
	return &anytime->tallies[anytime->tally_count++];
}

/* One that was read before, or that nobody can tell from another. */
static bool is_new(struct anytime *anytime, const struct record_effect *effect)
{
	uint32_t of = (uint32_t)effect->source << 16 | (uint32_t)effect->step << 8 | effect->undo;
	uint64_t key = evidence_mix(effect->identity, of);

	return effect->identity && anytime->seen.count < TALLIES_MAX &&
	       hash_map_add(&anytime->seen, key | 1, 0);
}

/* Which of the followed sources speaks for a step: the first that knows of it. */
static bool speaks(const struct anytime *anytime, const struct record_effect *effect)
{
	for (size_t i = 0; i < anytime->count; i++) {
		const struct source_reading *reading = &anytime->followers[i].reading;

		if (reading->contract->number != effect->contract)
			continue;
		for (size_t k = 0; k < reading->source->rule_count; k++) {
			const struct source_rule *rule = &reading->source->rules[k];

			if (rule->role == ROLE_EFFECT && rule->step == effect->step)
				return reading->number == effect->source;
		}
	}
	return false;
}

static void take_effect(struct anytime *anytime, const struct record_effect *effect)
{
	const struct contract *contract = anytime->now->reading.contract;
	const struct saga_step *step = &contract->steps[effect->step];
	struct tally *tally;

	if (effect->saga == SAGA_NONE || !speaks(anytime, effect) || !is_new(anytime, effect))
		return;
	tally = tally_of(anytime, effect);
	if (!tally)
		return;
	tally->did += !effect->undo;
	if (__builtin_add_overflow(effect->undo ? tally->taken : tally->given, effect->amount,
				   effect->undo ? &tally->taken : &tally->given))
		return;
	if (!effect->undo && effect->outcome < OUTCOMES && tally->told[effect->outcome] < 255)
		tally->told[effect->outcome]++;
	if (step->counts == COUNTS_MONEY)
		judge_money(anytime, step, tally, effect);
	else if (anytime->now->reading.source->from == FROM_MAIL && !effect->undo)
		judge_messages(anytime, contract, tally, effect);
}

static void take(void *context, enum record_kind kind, const void *payload)
{
	struct anytime *anytime = context;
	struct record_effect effect;
	struct record_reading reading;

	if (kind == RECORD_EFFECT) {
		memcpy(&effect, payload, sizeof(effect));
		take_effect(anytime, &effect);
	} else if (kind == RECORD_READING && anytime->samples < SAMPLES_MAX) {
		memcpy(&reading, payload, sizeof(reading));
		if (reading.what != READING_BREAKER)
			return;
		anytime->samples++;
		history_put(anytime->evidence->out, RECORD_READING, 0, &reading, sizeof(reading));
	}
}

/* Following. */

static void follow_file(struct follower *follower)
{
	FILE *file = fopen(follower->path, "re");

	if (!file)
		return; /* not yet */
	if (fseeko(file, follower->offset, SEEK_SET) == 0) {
		lines_follow(&follower->reading, file, &follower->pending);
		follower->offset = ftello(file);
		follower->over = follower->reading.broken || follower->offset < 0;
	}
	fclose(file);
}

static void follow(struct anytime *anytime, struct follower *follower)
{
	int64_t now_us = clock_now_us();
	struct error ignored;

	if (follower->over || now_us < follower->due_us)
		return;
	follower->due_us = now_us + follower->reading.source->every_us;
	anytime->now = follower;
	source_begin(&follower->reading);
	if (follower->path)
		follow_file(follower);
	else if (follower->url)
		witness_poll(&follower->reading, follower->url, &follower->pending, &ignored);
	else
		pages_read(&follower->reading, &ignored);
}

void anytime_turn(struct anytime *anytime)
{
	for (size_t i = 0; i < anytime->count; i++)
		follow(anytime, &anytime->followers[i]);
}

/* Making and freeing. */

static bool can_follow(const struct evidence_settings *settings, const struct source *source,
		       struct follower *follower)
{
	switch (source->from) {
	case FROM_PSP:
		follower->path = settings->psp_ledger;
		follower->url = settings->psp_url;
		break;
	case FROM_MAIL:
		follower->path = settings->mail_ledger;
		follower->url = settings->mail_url;
		break;
	case FROM_FILE:
		follower->path = source->read;
		break;
	case FROM_READ:
		return source->every_us > 0;
	}
	return follower->path || follower->url;
}

static void add_sources(struct anytime *anytime, const struct evidence_settings *settings,
			const struct contract *contract)
{
	for (size_t i = 0; i < contract->source_count; i++) {
		struct follower *follower = &anytime->followers[anytime->count];

		*follower = (struct follower){
			.reading = { .evidence = anytime->evidence,
				     .contract = contract,
				     .source = &contract->sources[i],
				     .number = (uint8_t)i },
		};
		anytime->count += can_follow(settings, &contract->sources[i], follower);
	}
}

struct anytime *anytime_new(const struct evidence_settings *settings, struct error *err)
{
	struct anytime *anytime = memory_new(sizeof(*anytime));
	size_t most = 1;

	err->text[0] = '\0';
	for (size_t i = 0; i < settings->contract_count; i++)
		most += settings->contracts[i].source_count;
	anytime->followers = memory_array(most, sizeof(*anytime->followers));
	anytime->evidence = evidence_new(settings, err);
	for (size_t i = 0; anytime->evidence && i < settings->contract_count; i++)
		add_sources(anytime, settings, &settings->contracts[i]);
	if (anytime->count) {
		anytime->evidence->tap = take;
		anytime->evidence->tap_context = anytime;
		return anytime;
	}
	anytime_free(anytime);
	return NULL;
}

void anytime_free(struct anytime *anytime)
{
	if (!anytime)
		return;
	for (size_t i = 0; i < anytime->count; i++)
		buffer_release(&anytime->followers[i].pending);
	evidence_free(anytime->evidence);
	hash_map_release(&anytime->places);
	hash_map_release(&anytime->seen);
	free(anytime->tallies);
	free(anytime->followers);
	free(anytime);
}
