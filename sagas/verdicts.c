/* What the judge came to, as JSON: report.json has it under `sagas`. */
#include "sagas/verdicts.h"

#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "lib/visible.h"

struct verdicts *verdicts_new(struct judge *judge)
{
	struct verdicts *verdicts = memory_new(sizeof(*verdicts));

	verdicts->judge = judge;
	return verdicts;
}

void verdicts_keep(struct verdicts *verdicts, struct arena *arena)
{
	verdicts->arena = *arena;
}

void verdicts_free(struct verdicts *verdicts)
{
	if (!verdicts)
		return;
	judge_free(verdicts->judge);
	arena_release(&verdicts->arena);
	free(verdicts);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
	set(object, key, json_integer((json_int_t)count));
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(round(value * 1000) / 1000) : json_null();
}

/* What comes from contracts and from the system, in one line of valid text. */
static json_t *clean(const char *words)
{
	struct buffer out = BUFFER_EMPTY;
	struct text rest = text_of(words);
	char shown[VISIBLE_MAX];
	json_t *json;

	buffer_add_string(&out, "");
	while (rest.length && out.length < 400) {
		struct text piece = { rest.data, rest.length < 16 ? rest.length : 16 };

		buffer_add_string(&out, visible(shown, piece));
		rest.data += piece.length;
		rest.length -= piece.length;
	}
	json = json_string(out.data);
	buffer_release(&out);
	return json;
}

static json_t *witness_json(const struct judge *judge, const struct violation *witness)
{
	json_t *json = json_object();

	set(json, "saga", clean(witness->subject));
	set(json, "reason", clean(witness->reason));
	set(json, "at_s", witness->at_us < 0 ? json_null() : number((double)witness->at_us / 1e6));
	set(json, "seed", json_string(judge->seed));
	set(json, "faults", json_incref(witness->faults));
	set(json, "timeline", json_incref(witness->timeline));
	return json;
}

static json_t *invariant_json(const struct judgement *judgement)
{
	json_t *json = json_object(), *witnesses = json_array();
	char *why;
	enum verdict verdict = judgement_verdict(judgement, &why);

	set(json, "name", json_string(judgement->invariant->name));
	set(json, "statement", json_string(judgement->invariant->statement));
	set(json, "verdict", json_string(verdict_name(verdict)));
	set_count(json, "checked", judgement->held + judgement->violations);
	set_count(json, "violations", judgement->violations);
	set_count(json, "unjudged", judgement->open);
	set(json, "why", why ? clean(why) : json_null());
	for (size_t i = 0; i < judgement->witness_count; i++)
		json_array_append_new(witnesses,
				      witness_json(judgement->judge, &judgement->witnesses[i]));
	set(json, "witnesses", witnesses);
	free(why);
	return json;
}

static json_t *compensation_json(const struct hist *hist)
{
	if (!hist->total)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "p50",
			 (json_int_t)hist_quantile(hist, 0.5), "p90",
			 (json_int_t)hist_quantile(hist, 0.9), "p95",
			 (json_int_t)hist_quantile(hist, 0.95), "p99",
			 (json_int_t)hist_quantile(hist, 0.99), "max", (json_int_t)hist->max,
			 "mean", round(hist_mean(hist)), "count", (json_int_t)hist->total);
}

static json_t *anomalies_json(const struct contract_judge *of)
{
	struct interval interval = wilson(of->violated, of->judged);
	json_t *json = json_object();

	set_count(json, "violated", of->violated);
	set_count(json, "judged", of->judged);
	set(json, "per_million",
	    of->judged ? number(1e6 * (double)of->violated / (double)of->judged) : json_null());
	set(json, "low", number(1e6 * interval.low));
	set(json, "high", number(1e6 * interval.high));
	return json;
}

static json_t *risk_json(const struct judge *judge, const struct contract_judge *of)
{
	json_t *list = json_array();

	for (size_t i = 0; i <= judge->fault_count; i++) {
		const struct at_risk *risk = &of->at_risk[i];
		json_t *json;

		if (!risk->sagas)
			continue;
		json = json_object();
		set(json, "fault",
		    i < judge->fault_count ? clean(judge->faults[i].name) : json_null());
		set_count(json, "sagas", risk->sagas);
		set_count(json, "exactly", risk->exactly);
		set(json, "money", json_integer(risk->money));
		set(json, "quantity", json_integer(risk->quantity));
		json_array_append_new(list, json);
	}
	return list;
}

static const char *const ends[SAGA_ENDS] = { "succeeded", "compensated", "stuck", "unknown" };

static json_t *series_json(const struct per_second *of)
{
	json_t *list = json_array();

	for (size_t i = 0; i < of->seconds; i++)
		json_array_append_new(list, json_integer(of->counts[i]));
	return list;
}

static json_t *ended_json(const struct contract_judge *of)
{
	json_t *json = json_object();

	for (int end = 0; end < SAGA_ENDS; end++)
		set(json, ends[end], series_json(&of->ended_per_s[end]));
	return json;
}

/* Per second of the measured time; of a run without phases, of the time in which they came. */
static json_t *goodput_json(const struct judge *judge, const struct contract_judge *of)
{
	if (judge->measured_us)
		return number((double)of->verified_measured * 1e6 / (double)judge->measured_us);
	return number(of->verified_per_s.seconds ?
			      (double)of->verified / (double)of->verified_per_s.seconds :
			      0);
}

static uint64_t sum_of_violations(const struct contract_judge *of)
{
	uint64_t sum = 0;

	for (size_t i = 0; invariants[i]; i++)
		sum += of->judgements[i].violations;
	return sum;
}

static const char *worst(const struct contract_judge *of)
{
	enum verdict worst = VERDICT_VALID;

	for (size_t i = 0; invariants[i]; i++) {
		char *why;
		enum verdict verdict = judgement_verdict(&of->judgements[i], &why);

		free(why);
		if (verdict == VERDICT_INVALID)
			return verdict_name(verdict);
		if (verdict == VERDICT_UNKNOWN)
			worst = verdict;
	}
	return verdict_name(worst);
}

static void set_numbers(json_t *json, const struct contract_judge *of)
{
	set_count(json, "minted", of->minted);
	set_count(json, "started", of->started);
	for (int end = 0; end < SAGA_ENDS; end++)
		set_count(json, ends[end], of->ended[end]);
	set_count(json, "refused", of->refused);
	set_count(json, "absent", of->absent);
	set_count(json, "unsent", of->unsent);
	set_count(json, "acknowledged", of->acknowledged);
	set_count(json, "cancels", of->cancels);
	set_count(json, "foreign_effects", of->foreign);
	set_count(json, "violations", sum_of_violations(of));
	set_count(json, "verified", of->verified);
}

static json_t *contract_json(const struct judge *judge, const struct contract_judge *of)
{
	json_t *json = json_object(), *list = json_array();

	set(json, "verdict", json_string(worst(of)));
	set_numbers(json, of);
	set(json, "verified_goodput", goodput_json(judge, of));
	set(json, "verified_per_s", series_json(&of->verified_per_s));
	set(json, "ended_per_s", ended_json(of));
	set(json, "compensation_us", compensation_json(of->compensation));
	set(json, "anomalies", anomalies_json(of));
	set(json, "at_risk", risk_json(judge, of));
	for (size_t i = 0; invariants[i]; i++)
		json_array_append_new(list, invariant_json(&of->judgements[i]));
	set(json, "invariants", list);
	return json;
}

json_t *verdicts_to_json(const struct verdicts *verdicts)
{
	const struct judge *judge = verdicts->judge;
	json_t *root = json_object(), *sagas = json_object();

	set(root, "schema", json_string("sagastorm/verdicts/1"));
	set(root, "seed", json_string(judge->seed));
	set(root, "damage", judge->damage ? clean(judge->damage) : json_null());
	set_count(root, "strange_records", judge->strange);
	for (size_t i = 0; i < judge->contract_count; i++)
		set(sagas, judge->contracts[i].contract->name,
		    contract_json(judge, &judge->contracts[i]));
	set(root, "sagas", sagas);
	return root;
}

bool verdicts_any_invalid(const struct verdicts *verdicts)
{
	for (size_t c = 0; c < verdicts->judge->contract_count; c++)
		for (size_t i = 0; invariants[i]; i++)
			if (verdicts->judge->contracts[c].judgements[i].violations)
				return true;
	return false;
}

bool verdicts_any_owed(const struct verdicts *verdicts)
{
	for (size_t c = 0; c < verdicts->judge->contract_count; c++)
		for (size_t i = 0; invariants[i]; i++)
			if (verdicts->judge->contracts[c].judgements[i].owed)
				return true;
	return false;
}
