/*
 * The states of a saga: where it may go from each. A state that is meant to be final must be final,
 * and every other must lead somewhere, so that a typing mistake does not become a rule.
 */
#include "sagas/contract_parts.h"

enum { STATE_NAME_MAX = 63 };

uint8_t contract_state(const struct contract *contract, struct text name)
{
	for (uint8_t i = 0; i < contract->state_count; i++)
		if (text_is(name, contract->states[i].name))
			return i;
	return 255; /* STATE_NONE */
}

static bool add_state(struct contract_reader *reader, struct text name, struct place at,
		      enum state_class class)
{
	struct contract *contract = reader->contract;
	struct complaints *complaints = reader->reading->complaints;

	if (contract->state_count == SAGA_STATES_MAX)
		return complain(complaints, at, "more than %d states", SAGA_STATES_MAX);
	if (!name.length || name.length > STATE_NAME_MAX)
		return complain(complaints, at, "a state's name has 1 to %d bytes", STATE_NAME_MAX);
	contract->states[contract->state_count++] = (struct saga_state){
		.name = arena_string(reader->reading->arena, name),
		.class = class,
	};
	return true;
}

/* Those that `moves` has on its left come first, so that the first of them is the initial one. */
static bool add_moving(struct contract_reader *reader, const struct yaml *moves)
{
	bool good = true;

	for (const struct yaml *from = moves->first; from && good; from = from->next)
		good = add_state(reader, from->text, from->at, STATE_MOVING);
	return good;
}

static bool add_final(struct contract_reader *reader, const struct strings *names,
		      enum state_class class)
{
	struct contract *contract = reader->contract;
	bool good = true;

	for (size_t i = 0; i < names->count; i++) {
		uint8_t state = contract_state(contract, text_of(names->items[i]));

		if (state == 255)
			good = add_state(reader, text_of(names->items[i]), names->places[i],
					 class) &&
			       good;
		else if (contract->states[state].class != STATE_MOVING)
			good = complain(reader->reading->complaints, names->places[i],
					"state '%s' is final already", names->items[i]);
		else
			contract->states[state].class = class;
	}
	return good;
}

static bool unknown_state(struct contract_reader *reader, struct text name, struct place at)
{
	const struct contract *contract = reader->contract;
	const char *known[SAGA_STATES_MAX + 1] = { NULL };

	for (uint8_t i = 0; i < contract->state_count; i++)
		known[i] = contract->states[i].name;
	complain_unknown(reader->reading->complaints, at, "state", name, known);
	return false;
}

static bool add_move(struct contract_reader *reader, struct saga_state *from,
		     const struct yaml *node)
{
	struct contract *contract = reader->contract;
	struct complaints *complaints = reader->reading->complaints;
	enum state_class class;
	uint8_t to;

	if (node->kind != YAML_SCALAR)
		return complain(complaints, node->at, "a state is a name, not %s",
				yaml_kind_name(node));
	to = contract_state(contract, node->text);
	if (to == 255)
		return unknown_state(reader, node->text, node->at);
	class = contract->states[to].class;
	if (from->class == STATE_COMPENSATED)
		return complain(complaints, node->at,
				"'%s' is compensated: nothing comes after that", from->name);
	if (from->class == STATE_SUCCEEDED && class == STATE_MOVING)
		return complain(complaints, node->at,
				"'%s' has succeeded: it can't become '%s', which is not final",
				from->name, contract->states[to].name);
	from->moves |= 1u << to;
	return true;
}

static bool read_moves(struct contract_reader *reader, const struct yaml *moves)
{
	struct complaints *complaints = reader->reading->complaints;
	uint8_t number = 0;
	bool good = true;

	for (const struct yaml *from = moves->first; from; from = from->next) {
		struct saga_state *state = &reader->contract->states[number++];
		const struct yaml *to = from->value;

		if (to->kind == YAML_MAP)
			good = complain(complaints, to->at,
					"'%s' wants a list of states, not a map", state->name);
		else if (to->kind == YAML_SCALAR)
			good = (yaml_is_null(to) || add_move(reader, state, to)) && good;
		else
			for (const struct yaml *one = to->first; one; one = one->next)
				good = add_move(reader, state, one) && good;
	}
	return good;
}

/* All that can be reached from these, themselves included. */
static uint32_t reach(const struct contract *contract, uint32_t from)
{
	uint32_t seen = from;

	for (uint32_t before = 0; seen != before;) {
		before = seen;
		for (uint8_t i = 0; i < contract->state_count; i++)
			if (seen >> i & 1)
				seen |= contract->states[i].moves;
	}
	return seen;
}

static struct place place_of(const struct yaml *moves, const char *state)
{
	for (const struct yaml *from = moves->first; from; from = from->next)
		if (text_is(from->text, state))
			return from->at;
	return moves->at;
}

static bool check_reach(struct contract_reader *reader, const struct yaml *moves)
{
	const struct contract *contract = reader->contract;
	struct complaints *complaints = reader->reading->complaints;
	uint32_t reached = reach(contract, 1u << contract->initial), final = 0;
	bool good = true;

	for (uint8_t i = 0; i < contract->state_count; i++)
		final |= contract->states[i].class == STATE_MOVING ? 0 : 1u << i;
	for (uint8_t i = 0; i < contract->state_count; i++) {
		const struct saga_state *state = &contract->states[i];

		if (!(reached >> i & 1))
			good = complain(complaints, place_of(moves, state->name),
					"state '%s' is never reached from '%s'", state->name,
					contract->states[contract->initial].name);
		if (!(reach(contract, 1u << i) & final))
			good = complain(complaints, place_of(moves, state->name),
					"from state '%s' nothing leads to a final one",
					state->name);
	}
	return good;
}

bool contract_states_read(struct contract_reader *reader, const struct yaml *moves,
			  const struct strings *succeeded, const struct strings *compensated)
{
	struct complaints *complaints = reader->reading->complaints;
	bool good;

	if (moves->kind != YAML_MAP || !moves->first)
		return complain(complaints, moves->at,
				"'moves' wants a map of state: [states], not %s",
				moves->kind == YAML_MAP ? "an empty one" : yaml_kind_name(moves));
	if (!add_moving(reader, moves))
		return false;
	good = add_final(reader, succeeded, STATE_SUCCEEDED);
	good = add_final(reader, compensated, STATE_COMPENSATED) && good;
	reader->contract->initial = 0;
	if (reader->contract->states[0].class != STATE_MOVING)
		return complain(complaints, moves->first->at,
				"'%s' stands first, so sagas begin there: it can't be final",
				reader->contract->states[0].name);
	good = read_moves(reader, moves) && good;
	return good && check_reach(reader, moves);
}
