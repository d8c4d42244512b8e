#include "sagas/judge.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/memory.h"
#include "lib/saga_key.h"
#include "sagas/judge_parts.h"
#include "sagas/verdicts.h"

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = { "valid", "invalid", "unknown" };

	return (unsigned)verdict < 3 ? names[verdict] : "unknown";
}

struct saga *judge_saga(const struct judge *judge, uint32_t number)
{
	struct saga *chunk;

	if (number >= judge->highest || !(chunk = judge->chunks[number / SAGA_CHUNK]))
		return NULL;
	chunk += number % SAGA_CHUNK;
	return chunk->contract == UINT8_MAX ? NULL : chunk;
}

void judge_key(const struct judge *judge, uint32_t number, char key[])
{
	const struct saga *saga = judge_saga(judge, number);

	saga_key_write(judge->run, saga ? saga->contract : 0, number, key);
}

const char *judge_state_name(const struct contract *contract, uint8_t state)
{
	return state < contract->state_count ? contract->states[state].name :
					       "a state that the contract does not know";
}

/* Which states moves lead to from each, in one step or more. */
static void close_moves(struct contract_judge *of)
{
	uint8_t count = of->contract->state_count;

	for (uint8_t i = 0; i < count; i++)
		of->reach[i] = of->contract->states[i].moves;
	for (uint8_t via = 0; via < count; via++)
		for (uint8_t i = 0; i < count; i++)
			if (of->reach[i] & UINT32_C(1) << via)
				of->reach[i] |= of->reach[via];
}

static size_t invariant_count(void)
{
	size_t count = 0;

	while (invariants[count])
		count++;
	return count;
}

static void prepare(struct judge *judge, struct contract_judge *of, const struct contract *contract)
{
	of->contract = contract;
	of->has = contract_has(contract);
	close_moves(of);
	sources_prepare(of);
	of->compensation = hist_new(3);
	of->judgements = memory_array(invariant_count(), sizeof(*of->judgements));
	for (size_t i = 0; invariants[i]; i++)
		of->judgements[i] =
			(struct judgement){ .invariant = invariants[i], .judge = judge, .of = of };
}

static void look_at_needs(struct contract_judge *of, struct judgement *judgement)
{
	const struct invariant *invariant = judgement->invariant;
	struct buffer missing = BUFFER_EMPTY;

	judgement->missing = (of->has & invariant->needs) != invariant->needs;
	if (judgement->missing) {
		contract_missing(of->contract, invariant->needs, &missing);
		judgement->why =
			missing.data ? missing.data : memory_copy_string("the contract lacks it");
		return;
	}
	judgement->incomplete = sources_incomplete(judgement->judge, of, invariant->reads);
}

/* What no visitor placed has left traces all the same; what was minted and not sent has none. */
static void judge_one(struct judge *judge, uint32_t number)
{
	struct saga *saga = judge_saga(judge, number);
	struct contract_judge *of;
	struct saga_case about;

	if (!saga)
		return;
	of = &judge->contracts[saga->contract];
	case_make(judge, of, number, &about);
	for (size_t i = 0; invariants[i]; i++)
		judgement_saga(&of->judgements[i], &about);
	items_add(judge, &about);
	figures_count(judge, of, &about);
}

static void judge_all(struct judge *judge)
{
	for (size_t c = 0; c < judge->contract_count; c++) {
		for (size_t i = 0; invariants[i]; i++)
			look_at_needs(&judge->contracts[c], &judge->contracts[c].judgements[i]);
	}
	faults_sort_hits(judge);
	readings_sort(judge);
	for (uint32_t number = 0; number < judge->highest; number++)
		judge_one(judge, number);
	for (size_t c = 0; c < judge->contract_count; c++) {
		struct contract_judge *of = &judge->contracts[c];

		for (size_t i = 0; invariants[i]; i++)
			if (invariants[i]->all && !of->judgements[i].missing)
				invariants[i]->all(&of->judgements[i]);
		figures_verify(judge, of);
		faults_at_risk(judge, of);
	}
}

static void read_phases(struct judge *judge, const json_t *meta)
{
	const json_t *phases = json_object_get(meta, "phases"), *phase;
	size_t i;

	judge->measured = memory_array(json_array_size(phases) + 1, sizeof(*judge->measured));
	json_array_foreach(phases, i, phase) {
		double start_us = json_number_value(json_object_get(phase, "start_us"));
		double duration_us = json_number_value(json_object_get(phase, "duration_us"));

		if (!json_is_true(json_object_get(phase, "measured")) ||
		    !(start_us >= 0 && start_us < 1e15 && duration_us > 0 && duration_us < 1e15))
			continue;
		judge->measured[judge->measured_count].start_us = (int64_t)start_us;
		judge->measured[judge->measured_count++].duration_us = (int64_t)duration_us;
		judge->measured_us += (int64_t)duration_us;
	}
}

static struct judge *judge_new(const struct judge_input *input)
{
	struct judge *judge = memory_new(sizeof(*judge));
	const char *seed = json_string_value(json_object_get(input->meta, "seed"));

	judge->directory = input->directory;
	judge->run = input->run;
	judge->seed = memory_copy_string(seed ? seed : "");
	judge->first_mint_us = -1;
	judge->refusal = 429;
	judge->contracts = memory_array(input->contract_count + 1, sizeof(*judge->contracts));
	judge->contract_count = input->contract_count;
	for (size_t i = 0; i < input->contract_count; i++) {
		prepare(judge, &judge->contracts[i], input->contracts[i]);
		if (input->contracts[i]->limit.given)
			judge->refusal = input->contracts[i]->limit.status;
	}
	faults_from_meta(judge, input->meta);
	read_phases(judge, input->meta);
	return judge;
}

static void free_witness(struct violation *witness)
{
	free(witness->subject);
	free(witness->reason);
	json_decref(witness->timeline);
	json_decref(witness->faults);
}

static void free_contract(struct contract_judge *of)
{
	for (size_t i = 0; invariants[i]; i++) {
		struct judgement *judgement = &of->judgements[i];

		for (size_t k = 0; k < judgement->witness_count; k++)
			free_witness(&judgement->witnesses[k]);
		free(judgement->incomplete);
		free(judgement->why);
	}
	free(of->judgements);
	free(of->verified_per_s.counts);
	for (int end = 0; end < SAGA_ENDS; end++)
		free(of->ended_per_s[end].counts);
	free(of->at_risk);
	hist_free(of->compensation);
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	for (size_t i = 0; i < judge->contract_count; i++)
		free_contract(&judge->contracts[i]);
	for (size_t i = 0; i < judge->chunk_count; i++)
		free(judge->chunks[i]);
	for (size_t i = 0; i < judge->fault_count; i++)
		free(judge->faults[i].name);
	for (size_t i = 0; i < judge->edge_count; i++)
		free(judge->edges[i]);
	free(judge->contracts);
	free(judge->chunks);
	free(judge->entries);
	free(judge->readings);
	free(judge->hits);
	free(judge->faults);
	free(judge->edges);
	free(judge->items.slots);
	free(judge->measured);
	free(judge->admitted);
	free(judge->scratch);
	free(judge->others);
	free(judge->damage);
	free(judge->seed);
	free(judge);
}

struct verdicts *judge_run(const struct judge_input *input, struct error *err)
{
	struct judge *judge = judge_new(input);

	if (!judge_read(judge, err)) {
		judge_free(judge);
		return NULL;
	}
	judge_all(judge);
	if (!timeline_tell(judge, err)) {
		judge_free(judge);
		return NULL;
	}
	return verdicts_new(judge);
}

static json_t *load_meta(const char *directory, struct error *err)
{
	struct buffer path = BUFFER_EMPTY, text = BUFFER_EMPTY;
	json_error_t problem;
	json_t *meta = NULL;

	buffer_format(&path, "%s/meta.json", directory);
	if (file_read(path.data, &text, err)) {
		meta = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
		if (!json_is_object(meta))
			error_set(err, "%s:%d:%d: %s", path.data, problem.line, problem.column,
				  meta ? "not an object" : problem.text);
	}
	if (meta && !json_is_object(meta)) {
		json_decref(meta);
		meta = NULL;
	}
	buffer_release(&path);
	buffer_release(&text);
	return meta;
}

/* Their numbers are their places: records say them. */
static bool read_contracts(const json_t *list, struct arena *arena, struct contract **contracts,
			   struct error *err)
{
	size_t count = json_array_size(list);

	if (count == 0 || count > CONTRACTS_MAX)
		return error_set(err, "meta.json has %s contract of a saga in it",
				 count ? "too many a" : "no");
	for (size_t i = 0; i < count; i++) {
		contracts[i] = arena_new(arena, sizeof(**contracts));
		if (!contract_from_json(json_array_get(list, i), arena, contracts[i], err))
			return false;
		contracts[i]->number = (uint8_t)i;
	}
	return true;
}

static struct verdicts *judge_meta(const char *directory, const json_t *meta, struct error *err)
{
	const json_t *list = json_object_get(meta, "sagas");
	const char *run = json_string_value(json_object_get(meta, "run"));
	struct contract *contracts[CONTRACTS_MAX] = { NULL };
	struct judge_input input = { .directory = directory,
				     .meta = meta,
				     .contracts = (const struct contract *const *)contracts,
				     .contract_count = json_array_size(list) };
	struct arena arena = ARENA_EMPTY;
	struct verdicts *verdicts = NULL;

	input.run = run ? strtoull(run, NULL, 16) : 0;
	if (read_contracts(list, &arena, contracts, err))
		verdicts = judge_run(&input, err);
	if (verdicts)
		verdicts_keep(verdicts, &arena);
	else
		arena_release(&arena);
	return verdicts;
}

struct verdicts *judge_history(const char *directory, struct error *err)
{
	json_t *meta = load_meta(directory, err);
	struct verdicts *verdicts = meta ? judge_meta(directory, meta, err) : NULL;

	json_decref(meta);
	return verdicts;
}
