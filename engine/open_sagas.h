/*
 * open_sagas: which sagas are under way, and how many of them for longer than they may be.
 *
 * As those say who placed them: a saga that nobody asks about stays open here. Five bytes for each,
 * four for each second.
 */
#ifndef ENGINE_OPEN_SAGAS_H
#define ENGINE_OPEN_SAGAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct open_sagas {
	uint32_t *begun; /* per saga: the second it was minted in */
	uint8_t *states; /* enum in open_sagas.c */
	size_t room;
	uint32_t *open;  /* per second: of those minted in it */
	size_t seconds;
	int64_t old;     /* seconds before it are long ago */
	uint64_t late;   /* open, and minted then */
	uint64_t refused;
};

void open_sagas_release(struct open_sagas *sagas);

/* What no run has (a number or a time out of bounds) is left out. */
void open_sagas_mint(struct open_sagas *sagas, uint32_t saga, int64_t at_us);
void open_sagas_refuse(struct open_sagas *sagas, uint32_t saga); /* certainly without effect */
void open_sagas_again(struct open_sagas *sagas, uint32_t saga);  /* so it was not */
void open_sagas_end(struct open_sagas *sagas, uint32_t saga);

/* What was minted in seconds before this one is late. It only ever grows. */
void open_sagas_expect(struct open_sagas *sagas, int64_t second);

#endif
