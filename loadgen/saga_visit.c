#include "loadgen/saga_visit.h"

#include "lib/http1.h"
#include "lib/saga_key.h"
#include "loadgen/visit.h"

enum { FOUND_ID_MAX = sizeof(((struct record_saga_id *)NULL)->id) };

static struct user_saga *saga_of(struct user *user, uint8_t saga)
{
	return &user->sagas[saga];
}

void saga_forget(struct user *user)
{
	for (uint8_t i = 0; i < user->worker->load->saga_count; i++)
		user->sagas[i] = (struct user_saga){ .number = SAGA_NONE };
}

/* The facts. */

static struct record_saga fact(const struct user *user, uint8_t saga, enum saga_event event,
			       int64_t at_us)
{
	return (struct record_saga){
		.at_us = worker_since_start(user->worker, at_us),
		.saga = user->sagas[saga].number,
		.start = user->number,
		.contract = saga,
		.event = (uint8_t)event,
		.state = STATE_NONE,
		.amount = -1,
	};
}

static void tell(const struct user *user, const struct record_saga *record)
{
	history_put(user->worker->history, RECORD_SAGA, 0, record, sizeof(*record));
}

static struct value rendered(struct user *user, const struct template *template)
{
	struct scene scene = { .user = user };
	struct template_source source = scene_templates(&scene);
	struct buffer *scratch = &user->worker->scratch;

	buffer_clear(scratch);
	template_render(template, &source, scratch);
	return value_string(buffer_text(scratch));
}

/* `text` is what the visitor was shown, `limit` whether anything is; the slot gets the key. */
void saga_mint(struct user *user, const struct instruction *mint)
{
	struct worker *worker = user->worker;
	uint8_t saga = (uint8_t)mint->number;
	const struct saga_rules *rules = &worker->load->sagas[saga];
	struct record_saga record;
	char key[SAGA_KEY_BYTES];

	*saga_of(user, saga) = (struct user_saga){
		.number = worker->sagas++ * worker->place->segments + worker->place->segment,
	};
	record = fact(user, saga, SAGA_MINTED, loop_now(worker->loop));
	if (mint->limit)
		value_decimal(rendered(user, &mint->text), rules->decimals, &record.amount);
	tell(user, &record);
	saga_key_write(worker->load->run, saga, record.saga, key);
	user_set_slot(user, mint->slot, value_string(text_of(key)));
}

/* What a body says. */

static struct value find(struct worker *worker, const struct json_pointer *pointer,
			 struct text body)
{
	struct json_found found;

	if (!pointer->count || json_find(pointer, body, &found) != JSON_FOUND)
		return (struct value){ VALUE_ABSENT, { "", 0 } };
	buffer_clear(&worker->scratch);
	return json_value(&found, &worker->scratch);
}

static uint8_t find_state(struct worker *worker, const struct saga_rules *rules, struct text body)
{
	struct value value = find(worker, &rules->state, body);

	for (uint8_t i = 0; value.kind != VALUE_ABSENT && i < rules->state_count; i++)
		if (text_is(value.text, rules->states[i]))
			return i;
	return STATE_NONE;
}

static struct text get_body(void *context)
{
	return *(const struct text *)context;
}

static struct value get_nothing(void *context, uint16_t ref)
{
	(void)context;
	(void)ref;
	return (struct value){ VALUE_ABSENT, { "", 0 } };
}

static uint64_t find_item(struct worker *worker, const struct saga_rules *rules, struct text body)
{
	const struct expression_source source = { .get = get_nothing,
						  .document = get_body,
						  .context = &body,
						  .scratch = &worker->scratch };
	struct value value;

	if (rules->item_where && !expression_true(rules->item_where, &source))
		return 0;
	value = find(worker, &rules->item, body);
	if (value.kind != VALUE_STRING && value.kind != VALUE_NUMBER)
		return 0;
	return value.text.length ? text_hash(value.text) : 0;
}

/* What is to be spent is known from the request, too: a refusal does not name it. */
void saga_sent(struct visit *visit)
{
	const struct saga_role *role = visit->step->saga;
	struct user_saga *saga = saga_of(visit->user, role->saga);
	struct record_saga record;

	if (saga->number == SAGA_NONE || visit->again ||
	    (role->verb != SAGA_PLACES && role->verb != SAGA_CANCELS))
		return;
	record = fact(visit->user, role->saga,
		      role->verb == SAGA_PLACES ? SAGA_SENT : SAGA_CANCEL_SENT, visit->sent_us);
	record.attempt = visit->attempt;
	if (role->verb == SAGA_PLACES)
		record.item =
			find_item(visit->user->worker,
				  &visit->user->worker->load->sagas[role->saga], visit->first.body);
	tell(visit->user, &record);
}

/* A state moves on, an id and a sum do not. */
static uint64_t unchanging(struct worker *worker, const struct saga_rules *rules, struct text body)
{
	struct value id = find(worker, &rules->id, body);
	uint64_t sum = id.kind == VALUE_ABSENT ? 0 : text_hash(id.text);
	struct value amount = find(worker, &rules->amount, body);

	return sum ^ (amount.kind == VALUE_ABSENT ? 0 : text_hash(amount.text) * 31);
}

static void tell_id(const struct user *user, const struct saga_role *role, struct value id)
{
	struct record_saga_id record = { .saga = user->sagas[role->saga].number,
					 .contract = role->saga };

	if (id.kind == VALUE_ABSENT || !id.text.length || id.text.length > FOUND_ID_MAX)
		return;
	record.length = (uint8_t)id.text.length;
	memcpy(record.id, id.text.data, id.text.length);
	history_put(user->worker->history, RECORD_SAGA_ID, 0, &record, sizeof(record));
}

static void say_state(struct visit *visit, const struct answer *answer, struct record_saga *record)
{
	struct worker *worker = visit->user->worker;
	const struct saga_rules *rules = &worker->load->sagas[visit->step->saga->saga];
	struct value amount;

	record->state = find_state(worker, rules, answer->body);
	amount = find(worker, &rules->amount, answer->body);
	if (!value_decimal(amount, rules->decimals, &record->amount))
		record->amount = -1;
	record->item = find_item(worker, rules, answer->body);
}

/* What an attempt's end means for its effect. */

enum meaning { MEANS_YES, MEANS_NO, MEANS_UNKNOWN };

/* An answer of our own proxy is not what the system says. */
static bool is_made_up(const struct answer *answer)
{
	struct text kind;

	return http1_header(answer->headers, "X-Sagastorm-Fault", &kind);
}

/*
 * Without a connection nothing was sent. A 4xx is a refusal, but for those that say "not now": a
 * request that timed out (408) or came too early (425) may still be carried out.
 */
static enum meaning meaning_of(enum failure failure, const struct answer *answer)
{
	int status = answer->status;

	if (is_made_up(answer))
		return MEANS_UNKNOWN;
	if (failure == FAILURE_DNS || failure == FAILURE_CONNECT || failure == FAILURE_TLS)
		return MEANS_NO;
	if (failure != FAILURE_NONE && failure != FAILURE_HTTP && failure != FAILURE_EXPECTATION)
		return MEANS_UNKNOWN;
	if (status >= 200 && status < 300)
		return MEANS_YES;
	if (status >= 400 && status < 500 && status != 408 && status != 425)
		return MEANS_NO;
	return MEANS_UNKNOWN;
}

static void placed(struct visit *visit, enum meaning meaning, const struct answer *answer,
		   int64_t at_us)
{
	static const enum saga_event events[] = { SAGA_OK, SAGA_FAIL, SAGA_INFO };
	const struct saga_role *role = visit->step->saga;
	struct user *user = visit->user;
	struct worker *worker = user->worker;
	const struct saga_rules *rules = &worker->load->sagas[role->saga];
	struct record_saga record = fact(user, role->saga, events[meaning], at_us);

	record.attempt = visit->attempt;
	record.status = (uint16_t)answer->status;
	if (meaning == MEANS_YES) {
		say_state(visit, answer, &record);
		saga_of(user, role->saga)->acknowledged = true;
		saga_of(user, role->saga)->answer = unchanging(worker, rules, answer->body);
		tell_id(user, role, find(worker, &rules->id, answer->body));
	}
	tell(user, &record);
}

/* A conflict or a limit is no answer to the question whether it is the same. */
static bool is_answer(int status)
{
	return status != 409 && status != 429;
}

static void repeated(struct visit *visit, enum meaning meaning, const struct answer *answer,
		     int64_t at_us)
{
	const struct saga_role *role = visit->step->saga;
	struct worker *worker = visit->user->worker;
	struct record_saga record = fact(visit->user, role->saga, SAGA_AGAIN, at_us);

	if (meaning == MEANS_UNKNOWN || !is_answer(answer->status) || !answer->status)
		return;
	record.status = (uint16_t)answer->status;
	record.attempt = visit->attempt;
	if (meaning == MEANS_YES) {
		say_state(visit, answer, &record);
		record.value = unchanging(worker, &worker->load->sagas[role->saga], answer->body) ==
			       saga_of(visit->user, role->saga)->answer;
	}
	tell(visit->user, &record);
}

static void misused(struct visit *visit, enum meaning meaning, const struct answer *answer,
		    int64_t at_us)
{
	struct record_saga record = fact(visit->user, visit->step->saga->saga, SAGA_MISUSED, at_us);

	if (meaning == MEANS_UNKNOWN || !answer->status || answer->status == 429)
		return;
	record.status = (uint16_t)answer->status;
	record.attempt = visit->attempt;
	record.value = meaning == MEANS_NO;
	tell(visit->user, &record);
}

static void cancelled(struct visit *visit, enum meaning meaning, const struct answer *answer,
		      int64_t at_us)
{
	static const enum saga_event events[] = { SAGA_CANCEL_OK, SAGA_CANCEL_NO,
						  SAGA_CANCEL_INFO };
	struct record_saga record =
		fact(visit->user, visit->step->saga->saga, events[meaning], at_us);

	record.status = (uint16_t)answer->status;
	record.attempt = visit->attempt;
	if (meaning == MEANS_YES)
		say_state(visit, answer, &record);
	tell(visit->user, &record);
}

static void seen(struct visit *visit, enum meaning meaning, const struct answer *answer,
		 int64_t at_us)
{
	const struct saga_role *role = visit->step->saga;
	bool missed = answer->status == 404 && saga_of(visit->user, role->saga)->acknowledged;
	struct record_saga record =
		fact(visit->user, role->saga, missed ? SAGA_MISSED : SAGA_SAW, at_us);

	if (meaning == MEANS_UNKNOWN || (meaning == MEANS_NO && !missed))
		return;
	record.status = (uint16_t)answer->status;
	if (!missed)
		say_state(visit, answer, &record);
	tell(visit->user, &record);
}

void saga_answered(struct visit *visit, enum failure failure, const struct answer *answer,
		   int64_t at_us)
{
	const struct saga_role *role = visit->step->saga;
	enum meaning meaning = meaning_of(failure, answer);

	if (saga_of(visit->user, role->saga)->number == SAGA_NONE)
		return;
	if (visit->again)
		repeated(visit, meaning, answer, at_us);
	else if (role->verb == SAGA_PLACES)
		placed(visit, meaning, answer, at_us);
	else if (role->verb == SAGA_MISUSES)
		misused(visit, meaning, answer, at_us);
	else if (role->verb == SAGA_CANCELS)
		cancelled(visit, meaning, answer, at_us);
	else
		seen(visit, meaning, answer, at_us);
}

bool saga_wants_again(struct visit *visit, enum failure failure, const struct answer *answer)
{
	const struct saga_role *role = visit->step->saga;

	return role->verb == SAGA_PLACES && role->again > 0 && !visit->again &&
	       failure == FAILURE_NONE && meaning_of(failure, answer) == MEANS_YES &&
	       !visit->user->worker->cutting_off && random_unit(&visit->user->random) < role->again;
}
