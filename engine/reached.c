#include "engine/reached.h"

#include <stdlib.h>
#include <string.h>

#include "lib/memory.h"

/* Their numbers are dense, so this is more than any run has; what is larger is no number. */
enum { SAGAS_MAX = 1 << 28, FIRST_ROOM = 4096 };

void reached_release(struct reached *reached)
{
	free(reached->states);
	*reached = (struct reached){ .states = NULL };
}

static void make_room(struct reached *reached, uint32_t saga)
{
	size_t room = reached->room ? reached->room : FIRST_ROOM;

	if (saga < reached->room)
		return;
	while (room <= saga)
		room *= 2;
	reached->states = memory_resize(reached->states, room, sizeof(*reached->states));
	memset(reached->states + reached->room, 0,
	       (room - reached->room) * sizeof(*reached->states));
	reached->room = room;
}

void reached_know_ends(struct reached *reached, const struct contract *contract)
{
	uint32_t *ends = reached->ends[contract->number % CONTRACTS_MAX];

	for (size_t i = 0; i < contract->state_count && i < SAGA_STATES_MAX; i++) {
		enum state_class class = contract->states[i].class;

		if (class != STATE_MOVING)
			ends[class == STATE_SUCCEEDED ? SAGA_SUCCEEDED : SAGA_COMPENSATED] |=
				UINT32_C(1) << i;
	}
}

static void count_end(struct reached *reached, uint8_t contract, uint32_t before, uint32_t bit)
{
	const uint32_t *ends = reached->ends[contract];
	enum saga_end end = bit & ends[SAGA_SUCCEEDED] ? SAGA_SUCCEEDED : SAGA_COMPENSATED;

	if (!(bit & ends[end]) || before & ends[end])
		return;
	if (before & ends[!end])
		reached->ended[contract][!end]--;
	reached->ended[contract][end]++;
}

static bool is_end(const struct reached *reached, uint8_t contract, uint32_t bit)
{
	const uint32_t *ends = reached->ends[contract];

	return (ends[SAGA_SUCCEEDED] | ends[SAGA_COMPENSATED]) & bit;
}

bool reached_add(struct reached *reached, const struct record_saga *saga)
{
	uint32_t bit;

	if (saga->state >= SAGA_STATES_MAX || saga->contract >= CONTRACTS_MAX ||
	    saga->saga >= SAGAS_MAX)
		return false;
	make_room(reached, saga->saga);
	bit = UINT32_C(1) << saga->state;
	if (reached->states[saga->saga] & bit)
		return is_end(reached, saga->contract, bit);
	count_end(reached, saga->contract, reached->states[saga->saga], bit);
	reached->states[saga->saga] |= bit;
	reached->counts[saga->contract][saga->state]++;
	return is_end(reached, saga->contract, bit);
}

uint64_t reached_count(const struct reached *reached, uint8_t contract, uint8_t state)
{
	return contract < CONTRACTS_MAX && state < SAGA_STATES_MAX ?
		       reached->counts[contract][state] :
		       0;
}
