/*
 * Which evidence can be taken for all there is: read in full, and twice the same. What was read
 * once, or changed between two readings, may lack what is on its way.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/visible.h"
#include "sagas/judge_parts.h"

uint64_t sources_mix(uint64_t a, uint64_t b)
{
	uint64_t sum = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);

	return (sum ^ sum >> 29) * UINT64_C(0x94d049bb133111eb);
}

/* A witness knows better than the system, whose word about itself comes last. */
static int rank_of(enum source_from from)
{
	return from == FROM_PSP || from == FROM_MAIL ? 2 : from == FROM_FILE ? 1 : 0;
}

static uint32_t best_sources(const struct contract *contract, uint8_t step, bool undo)
{
	uint32_t best = 0;
	int rank = -1;

	for (size_t i = 0; i < contract->source_count && i < SAGA_SOURCES_MAX; i++) {
		const struct source *source = &contract->sources[i];

		for (size_t k = 0; k < source->rule_count; k++) {
			const struct source_rule *rule = &source->rules[k];

			if (rule->role != ROLE_EFFECT || rule->step != step || rule->undo != undo ||
			    rank_of(source->from) < rank)
				continue;
			if (rank_of(source->from) > rank)
				best = 0;
			rank = rank_of(source->from);
			best |= UINT32_C(1) << i;
		}
	}
	return best;
}

static bool has_role(const struct source *source, enum reading_role role)
{
	for (size_t i = 0; i < source->rule_count; i++)
		if (source->rules[i].role == role)
			return true;
	return false;
}

static uint8_t first_with(const struct contract *contract, enum reading_role role)
{
	for (size_t i = 0; i < contract->source_count; i++)
		if (has_role(&contract->sources[i], role))
			return (uint8_t)i;
	return NO_SOURCE;
}

/* What a mail says, or a step that has bounds and nothing that takes it back. */
static int find_messages(const struct contract *contract)
{
	for (size_t i = 0; i < contract->source_count; i++)
		for (size_t k = 0; k < contract->sources[i].rule_count; k++) {
			const struct source_rule *rule = &contract->sources[i].rules[k];

			if (rule->role == ROLE_EFFECT && (contract->sources[i].from == FROM_MAIL ||
							  rule->succeeded || rule->compensated))
				return rule->step;
		}
	return -1;
}

void sources_prepare(struct contract_judge *of)
{
	const struct contract *contract = of->contract;

	for (uint8_t i = 0; i < contract->step_count; i++)
		for (int undo = 0; undo < 2; undo++)
			of->authority[i][undo] = best_sources(contract, i, undo);
	of->was_source = first_with(contract, ROLE_STATE);
	of->told_source = first_with(contract, ROLE_TOLD);
	of->messages = find_messages(contract);
}

void sources_note(struct source_judge *source, const struct record_source *record)
{
	uint8_t snapshot = (uint8_t)record->snapshot;

	if (snapshot > source->told)
		source->told = snapshot;
	if (record->complete != 1) {
		memcpy(source->why, record->why, sizeof(record->why));
	} else if (snapshot > source->complete) {
		source->before = source->complete && source->complete + 1 == snapshot;
		source->complete = snapshot;
		source->strange = record->strange;
	}
}

/* The last reading that is complete, else the last one that there is. */
void sources_choose(struct contract_judge *of)
{
	for (size_t i = 0; i < 256; i++) {
		struct source_judge *source = &of->sources[i];
		uint8_t last = source->told > source->seen ? source->told : source->seen;

		source->use = source->complete ? source->complete : last;
	}
}

void sources_add(struct source_judge *source, uint8_t snapshot, uint64_t sum)
{
	if (snapshot == source->use)
		source->sum += sum;
	else if (snapshot + 1 == source->use)
		source->sum_before += sum;
}

static bool read_twice(const struct source_judge *source)
{
	return source->before;
}

/* One reading cannot know whether something was still on its way. */
static bool anything_twice(const struct contract_judge *of)
{
	for (size_t i = 0; i < 256; i++)
		if (read_twice(&of->sources[i]))
			return true;
	return false;
}

static const char *name_of(const struct contract *contract, size_t source)
{
	if (source < contract->source_count && contract->sources[source].name)
		return contract->sources[source].name;
	return source == SOURCE_STOCK ? "the stock" : "the outcome by key";
}

static bool is_not_whole(const struct contract_judge *of, size_t number, struct buffer *why)
{
	const struct source_judge *source = &of->sources[number];
	const char *name = name_of(of->contract, number);
	char shown[VISIBLE_MAX];

	if (!source->complete) {
		buffer_format(why, "'%s' was not read in full", name);
		if (source->why[0])
			buffer_format(why, ": %s", visible(shown, text_of(source->why)));
	} else if (source->strange) {
		buffer_format(why, "'%s' has entries that are not as the contract says", name);
	} else if (read_twice(source) && source->sum != source->sum_before) {
		buffer_format(why, "'%s' changed between two readings", name);
	} else {
		return false;
	}
	return true;
}

static uint32_t step_reads(const struct contract_judge *of, uint8_t step)
{
	const struct saga_step *rule = &of->contract->steps[step];
	uint32_t reads = READS_ALL_EFFECTS;

	if (rule->undo)
		reads |= READS_EFFECTS;
	if (rule->counts == COUNTS_MONEY)
		reads |= READS_MONEY;
	if (rule->counts == COUNTS_QUANTITY)
		reads |= READS_QUANTITY;
	if (step == of->messages)
		reads |= READS_MESSAGES;
	return reads;
}

static uint32_t role_reads(enum reading_role role)
{
	static const uint32_t reads[] = {
		[ROLE_STATE] = READS_WAS,   [ROLE_TOLD] = READS_TOLD,
		[ROLE_DEAD] = READS_DEAD,   [ROLE_LEDGER] = READS_LEDGER,
		[ROLE_COUNTS] = READS_COUNTS, [ROLE_BREAKER] = READS_BREAKER,
		[ROLE_REGION] = READS_REGIONS, [ROLE_OUTCOME] = 0,
	};

	return (size_t)role < sizeof(reads) / sizeof(*reads) ? reads[role] : 0;
}

/* What this source is read for. */
static uint32_t source_reads(const struct contract_judge *of, size_t number)
{
	const struct source *source = &of->contract->sources[number];
	uint32_t reads = 0;

	for (size_t i = 0; i < source->rule_count; i++) {
		const struct source_rule *rule = &source->rules[i];

		if (rule->role == ROLE_EFFECT &&
		    (of->authority[rule->step][rule->undo] & UINT32_C(1) << number))
			reads |= step_reads(of, rule->step);
		reads |= role_reads(rule->role);
	}
	return reads;
}

char *sources_incomplete(const struct judge *judge, const struct contract_judge *of, uint32_t reads)
{
	struct buffer why = BUFFER_EMPTY;

	if (judge->damage) {
		buffer_format(&why, "a part of the history is missing: %s", judge->damage);
		return why.data;
	}
	for (size_t i = 0; i < of->contract->source_count && i < SAGA_SOURCES_MAX; i++)
		if (source_reads(of, i) & reads && is_not_whole(of, i, &why))
			return why.data;
	if (reads & READS_STOCK && is_not_whole(of, SOURCE_STOCK, &why))
		return why.data;
	if (reads && !anything_twice(of)) {
		buffer_format(&why, "nothing was read twice: something may still be on its way");
		return why.data;
	}
	return NULL;
}
