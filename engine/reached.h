/*
 * reached: how many sagas have reached a state, each counted once, however often it is read there.
 */
#ifndef ENGINE_REACHED_H
#define ENGINE_REACHED_H

#include "lib/record.h"
#include "sagas/contract.h"

enum saga_end { SAGA_SUCCEEDED, SAGA_COMPENSATED, SAGA_ENDS };

struct reached {
	uint32_t *states; /* per saga: a bit for each state it was seen in */
	size_t room;
	uint64_t counts[CONTRACTS_MAX][SAGA_STATES_MAX];
	uint32_t ends[CONTRACTS_MAX][SAGA_ENDS];   /* states, a bit each */
	uint64_t ended[CONTRACTS_MAX][SAGA_ENDS];  /* sagas, by the end they came to last */
};

void reached_release(struct reached *reached);

/* Which states are ends: before anything is added. */
void reached_know_ends(struct reached *reached, const struct contract *contract);

/*
 * What no run has (a saga, contract or state out of bounds) is left out. True when that is an end,
 * whether it was seen there before or not.
 */
bool reached_add(struct reached *reached, const struct record_saga *saga);

uint64_t reached_count(const struct reached *reached, uint8_t contract, uint8_t state);

#endif
