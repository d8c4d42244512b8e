/*
 * reached: how many sagas have reached a state, each counted once, however often it is read there.
 */
#ifndef ENGINE_REACHED_H
#define ENGINE_REACHED_H

#include "lib/record.h"
#include "sagas/contract.h"

struct reached {
	uint32_t *states; /* per saga: a bit for each state it was seen in */
	size_t room;
	uint64_t counts[CONTRACTS_MAX][SAGA_STATES_MAX];
};

void reached_release(struct reached *reached);

/* What no run has (a saga, contract or state out of bounds) is left out. */
void reached_add(struct reached *reached, const struct record_saga *saga);

uint64_t reached_count(const struct reached *reached, uint8_t contract, uint8_t state);

#endif
