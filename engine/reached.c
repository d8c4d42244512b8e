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

void reached_add(struct reached *reached, const struct record_saga *saga)
{
	uint32_t bit;

	if (saga->state >= SAGA_STATES_MAX || saga->contract >= CONTRACTS_MAX ||
	    saga->saga >= SAGAS_MAX)
		return;
	make_room(reached, saga->saga);
	bit = UINT32_C(1) << saga->state;
	if (reached->states[saga->saga] & bit)
		return;
	reached->states[saga->saga] |= bit;
	reached->counts[saga->contract][saga->state]++;
}

uint64_t reached_count(const struct reached *reached, uint8_t contract, uint8_t state)
{
	return contract < CONTRACTS_MAX && state < SAGA_STATES_MAX ?
		       reached->counts[contract][state] :
		       0;
}
