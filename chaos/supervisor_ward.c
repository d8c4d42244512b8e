/* One fault, from waiting for its trigger to being over. */
#include "chaos/supervisor_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum {
	PLAN_WAIT_US = 20000000,
	ARM_WAIT_US = 40000000,
	END_WAIT_US = 400000, /* for the last count of hits: it must not keep us from healing */
};

void ward_release(struct ward *ward)
{
	hand_release(&ward->keeper);
	hand_release(&ward->healer);
	json_decref(ward->undo);
	free(ward->does);
	free(ward->undoes);
	ward->undo = NULL;
	ward->does = ward->undoes = NULL;
}

void ward_trigger(struct ward *ward, int64_t now_us)
{
	if (ward->step == WARD_WAITING && ward->due_us == INT64_MAX)
		ward->due_us = now_us;
}

static void let_call_go(struct guard *guard, struct ward *ward)
{
	if (ward->held && guard->proxy)
		guard_release_call(guard, ward);
	ward->held = false;
}

static bool comes_again(const struct guard *guard, const struct ward *ward)
{
	const struct fault_trigger *trigger = &ward->fault->trigger;

	return trigger->kind == TRIGGER_ON && trigger->match.every > 0 && !guard->closed &&
	       ward->state == FAULT_HEALED;
}

static void be_over(struct guard *guard, struct ward *ward)
{
	let_call_go(guard, ward);
	hand_release(&ward->keeper);
	hand_release(&ward->healer);
	ward->step = WARD_OVER;
	if (!comes_again(guard, ward))
		return;
	ward_release(ward);
	ward->step = WARD_WAITING;
	ward->due_us = INT64_MAX;
	guard_watch_call(guard, ward);
}

void ward_refuse(struct guard *guard, struct ward *ward, const char *why)
{
	guard_tell(guard, ward, FAULT_REFUSED, why);
	be_over(guard, ward);
}

static void finish(struct guard *guard, struct ward *ward, bool proven, const char *why)
{
	struct buffer text = BUFFER_EMPTY;

	if (!proven) {
		buffer_format(&text, "not proven healed: %s", why);
		guard_tell(guard, ward, FAULT_UNPROVEN, text.data);
	} else if (ward->failing) {
		buffer_format(&text, "could not be armed: %s; what was done is undone",
			      ward->why.text);
		guard_tell(guard, ward, FAULT_FAILED, text.data);
	} else {
		buffer_format(&text, "%s; looked, and it is gone%s%s", ward->undoes,
			      ward->told[0] ? "; " : "", ward->told);
		guard_tell(guard, ward, FAULT_HEALED, text.data);
	}
	buffer_release(&text);
	be_over(guard, ward);
}

/* Its keeper goes first: it must not arm, or keep up, what is being healed. */
static void start_healing(struct guard *guard, struct ward *ward, int64_t now_us)
{
	struct error err;

	hand_release(&ward->keeper);
	guard_tell(guard, ward, FAULT_HEALING, ward->why.text);
	ward->step = WARD_HEALING;
	ward->until_us = now_us + heal_patience_us(ward->undo) + HEAL_GRACE_US;
	if (heal_start(&ward->healer, ward->fault->kind, ward->undo, &err))
		return;
	if (heal_here(ward->fault->kind, ward->undo, &err))
		finish(guard, ward, true, "");
	else
		finish(guard, ward, false, err.text);
}

void ward_heal_again(struct guard *guard, struct ward *ward, int64_t now_us)
{
	if (ward->step != WARD_OVER || ward->state != FAULT_UNPROVEN)
		return;
	error_set(&ward->why, "tried again");
	start_healing(guard, ward, now_us);
}

static void fail(struct guard *guard, struct ward *ward, int64_t now_us, const char *why)
{
	ward->failing = true;
	error_set(&ward->why, "%s", why);
	start_healing(guard, ward, now_us);
}

static void start_planning(struct guard *guard, struct ward *ward, int64_t now_us)
{
	struct keeping keeping = { ward->fault, guard->proxy };
	struct error err;

	ward->triggered = true;
	if (guard->refusal[0]) {
		ward_refuse(guard, ward, guard->refusal);
		return;
	}
	if (!hand_start(&ward->keeper, keeper_work, &keeping, HAND_DIES_WITH_US, &err)) {
		ward_refuse(guard, ward, err.text);
		return;
	}
	ward->step = WARD_PLANNING;
	ward->until_us = now_us + PLAN_WAIT_US;
}

/* Late, as the steady state took its time to be seen: what is left of its time is its time. */
static int64_t end_of(const struct ward *ward, int64_t now_us)
{
	int64_t late_us = ward->fault->trigger.kind == TRIGGER_AT ? now_us - ward->due_us : 0;

	if (late_us < ward->fault->duration_us)
		return now_us + ward->fault->duration_us - (late_us > US_PER_S ? late_us : 0);
	return now_us;
}

static void wait_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	if (guard->closed) {
		be_over(guard, ward);
		return;
	}
	if (ward->due_us > now_us || (!guard->allowed && !guard->refusal[0]))
		return;
	if (ward->fault->trigger.kind == TRIGGER_AT &&
	    now_us - ward->due_us > US_PER_S + ward->fault->duration_us) {
		ward->triggered = true;
		ward_refuse(guard, ward, "its time had passed before faults were allowed");
		return;
	}
	start_planning(guard, ward, now_us);
}

static char *copy(const json_t *word, const char *key)
{
	const char *text = json_string_value(json_object_get(word, key));

	return memory_copy_string(text ? text : "");
}

static bool take_plan(struct ward *ward, struct text text)
{
	json_t *word = json_loadb(text.data, text.length, 0, NULL);
	json_t *undo = json_object_get(word, "undo");

	if (json_is_object(undo)) {
		ward->undo = json_incref(undo);
		ward->does = copy(word, "does");
		ward->undoes = copy(word, "undoes");
	}
	json_decref(word);
	return ward->undo != NULL;
}

static void start_arming(struct guard *guard, struct ward *ward, struct text text, int64_t now_us)
{
	struct error err;
	int64_t until_wall_us = clock_wall_us() + end_of(ward, now_us) - now_us;

	if (!take_plan(ward, text)) {
		ward_refuse(guard, ward, "its plan could not be read");
		return;
	}
	if (!journal_arming(guard->journal, ward->fault, ward->undo, &ward->keeper.process,
			    until_wall_us, &err)) {
		ward_refuse(guard, ward, err.text);
		return;
	}
	guard_tell(guard, ward, FAULT_ARMING, ward->does);
	ward->step = WARD_ARMING;
	ward->until_us = now_us + ARM_WAIT_US;
	hand_tell(&ward->keeper, 'g');
}

static void plan_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	struct hand_word word;
	char why[ERROR_MAX];

	if (guard->closed) {
		ward_refuse(guard, ward, "everything was to be healed before it was armed");
		return;
	}
	if (hand_next(&ward->keeper, &word)) {
		snprintf(why, sizeof(why), "%.*s", TEXT_ARG(word.text));
		if (word.what == KEEPER_PLANNED)
			start_arming(guard, ward, word.text, now_us);
		else
			ward_refuse(guard, ward, why);
	} else if (ward->keeper.ended) {
		ward_refuse(guard, ward, "looking for its target broke off");
	} else if (now_us >= ward->until_us) {
		ward_refuse(guard, ward, "looking for its target took too long");
	}
}

static void be_armed(struct guard *guard, struct ward *ward, int64_t hits, int64_t now_us)
{
	ward->step = WARD_ARMED;
	ward->hits = hits;
	ward->until_us = end_of(ward, now_us);
	guard_tell(guard, ward, FAULT_ARMED, ward->does);
	let_call_go(guard, ward);
}

static void arm_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	struct hand_word word;
	char why[ERROR_MAX];

	if (hand_next(&ward->keeper, &word)) {
		snprintf(why, sizeof(why), "%.*s", TEXT_ARG(word.text));
		if (word.what == KEEPER_ARMED)
			be_armed(guard, ward, word.number, now_us);
		else
			fail(guard, ward, now_us, why);
	} else if (guard->closed) {
		start_healing(guard, ward, now_us);
	} else if (ward->keeper.ended) {
		fail(guard, ward, now_us, "arming it broke off");
	} else if (now_us >= ward->until_us) {
		fail(guard, ward, now_us, "arming it took too long");
	}
}

static void start_ending(struct ward *ward, int64_t now_us, const char *why)
{
	error_set(&ward->why, "%s", why);
	ward->step = WARD_ENDING;
	ward->until_us = now_us + END_WAIT_US;
	hand_tell(&ward->keeper, 'e');
}

static void take_hits(struct ward *ward)
{
	struct hand_word word;

	while (hand_next(&ward->keeper, &word))
		if (word.what == KEEPER_HITS) {
			ward->hits = word.number;
			snprintf(ward->told, sizeof(ward->told), "%.*s", TEXT_ARG(word.text));
		}
}

static void armed_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	take_hits(ward);
	if (guard->closed)
		start_ending(ward, now_us, "everything is healed");
	else if (now_us >= ward->until_us)
		start_ending(ward, now_us, "its time is over");
	else if (ward->fault->times > 0 && ward->hits >= ward->fault->times)
		start_ending(ward, now_us, "it has hit often enough");
	else if (ward->keeper.ended)
		start_ending(ward, now_us, "what kept it up has ended");
}

static void end_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	take_hits(ward);
	if (ward->keeper.ended || now_us >= ward->until_us)
		start_healing(guard, ward, now_us);
}

static void heal_step(struct guard *guard, struct ward *ward, int64_t now_us)
{
	struct hand_word word;
	char why[ERROR_MAX];

	if (hand_next(&ward->healer, &word)) {
		snprintf(why, sizeof(why), "%.*s", TEXT_ARG(word.text));
		finish(guard, ward, word.what == HEAL_DONE, why);
	} else if (ward->healer.ended) {
		finish(guard, ward, false, "healing it broke off");
	} else if (now_us >= ward->until_us) {
		finish(guard, ward, false, "healing it took too long");
	}
}

void ward_step_on(struct guard *guard, struct ward *ward, int64_t now_us)
{
	switch (ward->step) {
	case WARD_WAITING:
		wait_step(guard, ward, now_us);
		break;
	case WARD_PLANNING:
		plan_step(guard, ward, now_us);
		break;
	case WARD_ARMING:
		arm_step(guard, ward, now_us);
		break;
	case WARD_ARMED:
		armed_step(guard, ward, now_us);
		break;
	case WARD_ENDING:
		end_step(guard, ward, now_us);
		break;
	case WARD_HEALING:
		heal_step(guard, ward, now_us);
		break;
	case WARD_OVER:
		break;
	}
}

int64_t ward_next_us(const struct ward *ward, const struct guard *guard)
{
	if (ward->step == WARD_OVER)
		return INT64_MAX;
	if (ward->step == WARD_WAITING)
		return guard->allowed || guard->refusal[0] ? ward->due_us : INT64_MAX;
	return ward->until_us;
}
