/* One visitor walking a journey's program. See crew.h. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/memory.h"
#include "loadgen/crew.h"

/* What a visitor has saved is kept for the next one to save into, but for what is this large. */
enum { KEPT_SLOT_BYTES = 4096 };

/* A program that never asks or thinks gives way to others after so many instructions. */
enum { STEPS_PER_TURN = 10000 };

/* The only writer of `state`; crew.h says what leads from where to where. */
static void set_state(struct user *user, enum user_state state)
{
	static const bool allowed[USER_STATES][USER_STATES] = {
		[USER_FREE] = { [USER_STEPPING] = true },
		[USER_STEPPING] = { [USER_FREE] = true,
				    [USER_THINKING] = true,
				    [USER_ASKING] = true,
				    [USER_MEETING] = true },
		[USER_THINKING] = { [USER_STEPPING] = true },
		[USER_ASKING] = { [USER_STEPPING] = true },
		[USER_MEETING] = { [USER_STEPPING] = true },
	};

	assert(allowed[user->state][state]);
	user->state = state;
	user_is_idle(user, state == USER_FREE || state == USER_THINKING || state == USER_MEETING);
}

/* The pool. */

static struct user *new_user(struct worker *worker)
{
	struct user *user = memory_new(sizeof(*user) + worker->slot_count * sizeof(struct slot));

	user->worker = worker;
	user->rows = memory_array(worker->load->source_count, sizeof(*user->rows));
	user->sagas = memory_array(worker->load->saga_count, sizeof(*user->sagas));
	cookies_init(&user->cookies);
	return user;
}

static struct user *take_user(struct worker *worker)
{
	struct user *user = worker->free_users;

	if (user)
		worker->free_users = user->next;
	else
		user = new_user(worker);
	user->next = NULL;
	user->older = worker->youngest;
	user->younger = NULL;
	if (user->older)
		user->older->younger = user;
	worker->youngest = user;
	worker->users++;
	return user;
}

static void give_back(struct user *user)
{
	struct worker *worker = user->worker;

	*(user->younger ? &user->younger->older : &worker->youngest) = user->older;
	if (user->older)
		user->older->younger = user->younger;
	if (worker->load->new_visitors)
		user_lanes_free(user);
	cookies_clear(&user->cookies);
	for (uint8_t i = 0; i < user->journey->slot_count; i++)
		if (user->slots[i].own.room > KEPT_SLOT_BYTES)
			buffer_release(&user->slots[i].own);
	user->next = worker->free_users;
	worker->free_users = user;
	worker->users--;
}

void users_free(struct worker *worker)
{
	while (worker->free_users) {
		struct user *user = worker->free_users;

		worker->free_users = user->next;
		user_is_idle(user, false);
		user_lanes_free(user);
		cookies_release(&user->cookies);
		for (uint8_t i = 0; i < worker->slot_count; i++)
			buffer_release(&user->slots[i].own);
		free(user->rows);
		free(user->sagas);
		free(user);
	}
}

void user_set_slot(struct user *user, uint8_t number, struct value value)
{
	struct slot *slot = &user->slots[number];
	char *bytes;

	buffer_clear(&slot->own);
	bytes = buffer_reserve(&slot->own, value.text.length);
	if (value.text.length)
		memmove(bytes, value.text.data, value.text.length);
	slot->own.length = value.text.length;
	bytes[value.text.length] = '\0';
	slot->value = (struct value){ value.kind, buffer_text(&slot->own) };
}

/* Beginning and end of a journey. */

static void deal_rows(struct user *user, const struct beginning *beginning)
{
	const struct load *load = user->worker->load;

	for (uint64_t left = user->journey->sources; left; left &= left - 1) {
		int i = __builtin_ctzll(left);
		const struct data_source *source = &load->sources[i];

		if (beginning->crowd && source->pick == PICK_UNIQUE)
			user->rows[i] = data_pick_for_user(source, beginning->seat);
		else
			user->rows[i] = data_pick(source, beginning->draws[i], 0);
	}
}

static void forget(struct user *user)
{
	for (uint8_t i = 0; i < user->journey->slot_count; i++)
		user->slots[i].value = (struct value){ VALUE_ABSENT, { "", 0 } };
	memset(user->loops, 0, sizeof(user->loops));
	user->at = user->picks = user->requests = 0;
	user->parts_next = user->parts_under_way = 0;
	user->failure = FAILURE_NONE;
	user->last_status = 0;
	saga_forget(user);
}

static enum outcome outcome_of(enum failure failure)
{
	if (failure == FAILURE_NONE)
		return OUTCOME_OK;
	return failure == FAILURE_TIMEOUT ? OUTCOME_TIMED_OUT : OUTCOME_FAILED;
}

static void write_start(struct worker *worker, const struct record_start *start)
{
	struct record_start *record = history_next(worker->history);

	if (!record)
		return;
	*record = *start;
	history_commit(worker->history, RECORD_START, 0);
}

static bool is_measured(const struct worker *worker, uint8_t phase)
{
	return worker->load->plan->phases[phase].measured;
}

static void drop(struct worker *worker, const struct start *start)
{
	worker->tally.outcomes[OUTCOME_DROPPED]++;
	write_start(worker,
		    &(struct record_start){ .intended_us = start->at_us,
					    .start = start->number,
					    .journey = start->journey,
					    .phase = start->phase,
					    .outcome = OUTCOME_DROPPED,
					    .measured = is_measured(worker, start->phase) });
}

bool user_begin(struct worker *worker, const struct beginning *beginning)
{
	const struct start *start = &beginning->start;
	struct user *user;

	worker->tally.scheduled++;
	if (worker->paused || worker->users >= worker->users_max) {
		drop(worker, start);
		return false;
	}
	worker->tally.under_way++;
	user = take_user(worker);
	user->journey = &worker->load->journeys[start->journey];
	user->number = start->number;
	user->phase = start->phase;
	user->crowd = beginning->crowd;
	user->seat = beginning->seat;
	user->due_us = user->intended_us = start->at_us + worker->place->start_us;
	user->begun_us = loop_now(worker->loop);
	user->random = random_stream(worker->load->plan->seed, "visitor", start->number);
	forget(user);
	deal_rows(user, beginning);
	set_state(user, USER_STEPPING);
	user_advance(user);
	return true;
}

/* From STEPPING only; the user is free afterwards. */
static void leave(struct user *user)
{
	struct worker *worker = user->worker;
	struct crowd *crowd = user->crowd;
	uint32_t seat = user->seat;
	enum outcome outcome = outcome_of((enum failure)user->failure);
	int64_t left_us = user->due_us;
	bool asked = user->requests > 0;

	write_start(worker, &(struct record_start){
				    .intended_us = worker_since_start(worker, user->intended_us),
				    .lag_us = clamp_u32(user->begun_us - user->intended_us),
				    .duration_us = clamp_u32(left_us - user->intended_us),
				    .start = user->number,
				    .requests = user->requests,
				    .journey = user->journey->number,
				    .phase = user->phase,
				    .outcome = (uint8_t)outcome,
				    .failure = user->failure,
				    .measured = is_measured(worker, user->phase) });
	worker->tally.under_way--;
	worker->tally.outcomes[outcome]++;
	assert(tally_balances(&worker->tally));
	give_back(user);
	set_state(user, USER_FREE);
	if (crowd)
		crowd_user_left(crowd, seat, asked, left_us);
	worker_consider_end(worker);
}

static void fail(struct user *user, enum failure failure)
{
	if (user->failure == FAILURE_NONE)
		user->failure = (uint8_t)failure;
}

/* Waiting. */

static void wake(void *context)
{
	struct user *user = context;

	user_go_on(user, user->alarm.due_us);
}

void user_go_on(struct user *user, int64_t due_us)
{
	alarm_clear(user->worker->loop, &user->alarm);
	user->due_us = due_us;
	set_state(user, USER_STEPPING);
	user_advance(user);
}

static int64_t draw_think_us(struct random *random, const struct think *think)
{
	double drawn;

	switch (think->kind) {
	case THINK_UNIFORM:
		return random_between(random, think->a_us, think->b_us);
	case THINK_EXPONENTIAL:
		drawn = random_exponential(random, (double)think->a_us);
		break;
	case THINK_NORMAL:
		drawn = random_normal(random, (double)think->a_us, (double)think->b_us);
		break;
	case THINK_FIXED:
	default:
		return think->a_us;
	}
	return drawn > 0 ? llround(drawn) : 0;
}

static void wait_until(struct user *user, int64_t due_us)
{
	set_state(user, USER_THINKING);
	alarm_set(user->worker->loop, &user->alarm, due_us, wake, user);
}

/* The instructions. Each returns whether the user can take another one at once. */

static bool render(struct user *user, const struct template *template)
{
	struct scene scene = { .user = user };
	struct template_source source = scene_templates(&scene);
	struct buffer *scratch = &user->worker->scratch;

	buffer_clear(scratch);
	template_render(template, &source, scratch);
	return scratch->length > 0;
}

static void set_variable(struct user *user, const struct instruction *set)
{
	struct scene scene = { .user = user };
	struct template_source source = scene_templates(&scene);
	struct value value;
	double ignored;

	if (template_single(&set->text, &source, &value)) { /* a number stays one, a text too */
		user_set_slot(user, set->slot, value);
		return;
	}
	render(user, &set->text);
	value = value_string(buffer_text(&user->worker->scratch));
	if (value_number(value, &ignored))
		value.kind = VALUE_NUMBER;
	user_set_slot(user, set->slot, value);
}

static bool holds(struct user *user, const struct expression *condition)
{
	struct scene scene = { .user = user };
	struct expression_source source = scene_expressions(&scene);

	return expression_true(condition, &source);
}

static void pick_row(struct user *user, uint16_t number)
{
	const struct data_source *source = &user->worker->load->sources[number];

	user->rows[number] = data_pick(source, user->number, ++user->picks);
}

static void begin_loop(struct user *user, const struct instruction *loop)
{
	struct loop_turn *turn = &user->loops[loop->number];
	struct value value;
	double turns;

	render(user, &loop->text);
	value = value_string(buffer_text(&user->worker->scratch));
	if (!value_number(value, &turns) || turns < 1) {
		user->at = loop->target;
		return;
	}
	*turn = (struct loop_turn){ 0, (turns > loop->limit ? loop->limit : (uint32_t)turns) - 1 };
}

static void next_turn(struct user *user, const struct instruction *next)
{
	struct loop_turn *turn = &user->loops[next->number];

	if (!turn->left)
		return;
	turn->left--;
	turn->turn++;
	user->at = next->target;
}

struct nth_element {
	uint32_t wanted, seen;
	struct json_found found;
	bool is_found;
};

static bool is_wanted(void *context, struct json_found *element)
{
	struct nth_element *nth = context;

	if (nth->seen++ < nth->wanted)
		return true;
	nth->found = *element;
	nth->is_found = true;
	return false;
}

/* `turn` counts from 1 here: 0 is before the first element. */
static void next_element(struct user *user, const struct instruction *each)
{
	struct loop_turn *turn = &user->loops[each->number];
	struct nth_element nth = { .wanted = turn->left };

	json_each(user->slots[each->list].value.text, is_wanted, &nth);
	if (!nth.is_found || turn->left >= each->limit) {
		*turn = (struct loop_turn){ 0, 0 };
		user->at = each->target;
		return;
	}
	turn->turn = turn->left++;
	buffer_clear(&user->worker->scratch);
	user_set_slot(user, each->slot, json_value(&nth.found, &user->worker->scratch));
}

static void branch(struct user *user, const struct instruction *branch)
{
	double drawn = random_unit(&user->random);
	uint16_t i = 0;

	while (i + 1 < branch->branch_count && drawn >= branch->branches[i].upto)
		i++;
	user->at = branch->branches[i].target;
}

/* As many parts as there are lanes; the others follow when one of these ends. */
static void ask_parts(struct user *user, const struct instruction *together)
{
	while (user->parts_next < together->part_count && user->parts_under_way < together->lanes) {
		user->parts_under_way++;
		visit_begin(user, together->parts[user->parts_next++], user->due_us, true);
	}
}

static void ask(struct user *user, const struct instruction *instruction)
{
	set_state(user, USER_ASKING);
	if (instruction->operation == OP_TOGETHER) {
		user->parts_next = user->parts_under_way = 0;
		ask_parts(user, instruction);
		return;
	}
	user->parts_under_way = 1;
	visit_begin(user, instruction->request, user->due_us, false);
}

static bool take_step(struct user *user, const struct instruction *instruction)
{
	switch (instruction->operation) {
	case OP_REQUEST:
	case OP_TOGETHER:
		ask(user, instruction);
		return false;
	case OP_THINK:
		wait_until(user, user->due_us + draw_think_us(&user->random, &instruction->think));
		return false;
	case OP_MEET:
		set_state(user, USER_MEETING);
		meeting_join(user, instruction);
		return false;
	case OP_SET:
		set_variable(user, instruction);
		break;
	case OP_PICK:
		pick_row(user, instruction->number);
		break;
	case OP_MINT:
		saga_mint(user, instruction);
		break;
	case OP_JUMP:
		user->at = instruction->target;
		break;
	case OP_UNLESS:
		if (!holds(user, instruction->condition))
			user->at = instruction->target;
		break;
	case OP_LOOP:
		begin_loop(user, instruction);
		break;
	case OP_LOOP_NEXT:
		next_turn(user, instruction);
		break;
	case OP_EACH:
		next_element(user, instruction);
		break;
	case OP_BRANCH:
		branch(user, instruction);
		break;
	case OP_FAIL:
		fail(user, FAILURE_EXPECTATION);
		user->at = user->journey->length;
		break;
	case OP_LEAVE:
		user->at = user->journey->length;
		break;
	}
	return true;
}

void user_advance(struct user *user)
{
	const struct journey *journey = user->journey;

	for (int steps = 0; steps < STEPS_PER_TURN; steps++) {
		if (user->at >= journey->length) {
			leave(user);
			return;
		}
		if (!take_step(user, &journey->program[user->at++]))
			return;
	}
	wait_until(user, loop_now(user->worker->loop));
}

static const struct instruction *current(const struct user *user)
{
	return &user->journey->program[user->at - 1];
}

void user_visit_ended(struct user *user, const struct request_step *step, enum failure failure,
		      int64_t done_us)
{
	if (done_us > user->due_us)
		user->due_us = done_us;
	if (failure != FAILURE_NONE && !step->goes_on)
		fail(user, failure);
	user->parts_under_way--;
	if (current(user)->operation == OP_TOGETHER && user->failure == FAILURE_NONE)
		ask_parts(user, current(user));
	if (user->parts_under_way)
		return;
	if (user->failure != FAILURE_NONE)
		user->at = user->journey->length;
	set_state(user, USER_STEPPING);
	user_advance(user);
}

/*
 * A visitor who only thinks or waits when the run ends has seen nothing go wrong. One who waits for
 * an answer has: it did not come in the time that the drain gave it. Unless it is us who abort, or
 * who had no room to ask.
 */
void user_cut_off(struct user *user)
{
	struct worker *worker = user->worker;

	alarm_clear(worker->loop, &user->alarm);
	if (user->state == USER_MEETING)
		meeting_leave(user);
	if (user->state == USER_ASKING) {
		fail(user,
		     worker->aborting || visits_wait(user) ? FAILURE_INTERRUPTED : FAILURE_TIMEOUT);
		visits_cut_off(user);
	}
	user->due_us = loop_now(worker->loop);
	set_state(user, USER_STEPPING);
	leave(user);
}
