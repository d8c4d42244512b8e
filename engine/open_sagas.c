#include "engine/open_sagas.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/memory.h"

enum saga_stage { STAGE_UNKNOWN, STAGE_OPEN, STAGE_REFUSED, STAGE_ENDED };

/* More than any run has: a saga in every microsecond of its first minutes, or a month. */
enum { SAGAS_MAX = 1 << 28, SECONDS_MAX = 1 << 22, FIRST_ROOM = 4096 };

void open_sagas_release(struct open_sagas *sagas)
{
	free(sagas->begun);
	free(sagas->states);
	free(sagas->open);
	*sagas = (struct open_sagas){ .begun = NULL };
}

static void make_room(struct open_sagas *sagas, uint32_t saga)
{
	size_t room = sagas->room ? sagas->room : FIRST_ROOM;

	if (saga < sagas->room)
		return;
	while (room <= saga)
		room *= 2;
	sagas->begun = memory_resize(sagas->begun, room, sizeof(*sagas->begun));
	sagas->states = memory_resize(sagas->states, room, sizeof(*sagas->states));
	memset(sagas->states + sagas->room, STAGE_UNKNOWN, room - sagas->room);
	sagas->room = room;
}

static void make_seconds(struct open_sagas *sagas, size_t second)
{
	size_t seconds = sagas->seconds ? sagas->seconds : 64;

	if (second < sagas->seconds)
		return;
	while (seconds <= second)
		seconds *= 2;
	sagas->open = memory_resize(sagas->open, seconds, sizeof(*sagas->open));
	memset(sagas->open + sagas->seconds, 0, (seconds - sagas->seconds) * sizeof(*sagas->open));
	sagas->seconds = seconds;
}

static void open_one(struct open_sagas *sagas, uint32_t saga)
{
	sagas->states[saga] = STAGE_OPEN;
	sagas->open[sagas->begun[saga]]++;
	sagas->late += sagas->begun[saga] < sagas->old;
}

static void close_one(struct open_sagas *sagas, uint32_t saga, enum saga_stage stage)
{
	sagas->states[saga] = (uint8_t)stage;
	sagas->open[sagas->begun[saga]]--;
	sagas->late -= sagas->begun[saga] < sagas->old;
}

void open_sagas_mint(struct open_sagas *sagas, uint32_t saga, int64_t at_us)
{
	int64_t second = at_us < 0 ? 0 : at_us / US_PER_S;

	if (saga >= SAGAS_MAX || second >= SECONDS_MAX)
		return;
	make_room(sagas, saga);
	make_seconds(sagas, (size_t)second);
	if (sagas->states[saga] != STAGE_UNKNOWN)
		return;
	sagas->begun[saga] = (uint32_t)second;
	open_one(sagas, saga);
}

static bool is(const struct open_sagas *sagas, uint32_t saga, enum saga_stage stage)
{
	return saga < sagas->room && sagas->states[saga] == stage;
}

void open_sagas_refuse(struct open_sagas *sagas, uint32_t saga)
{
	if (!is(sagas, saga, STAGE_OPEN))
		return;
	close_one(sagas, saga, STAGE_REFUSED);
	sagas->refused++;
}

void open_sagas_again(struct open_sagas *sagas, uint32_t saga)
{
	if (!is(sagas, saga, STAGE_REFUSED))
		return;
	sagas->refused--;
	open_one(sagas, saga);
}

void open_sagas_end(struct open_sagas *sagas, uint32_t saga)
{
	open_sagas_again(sagas, saga);
	if (is(sagas, saga, STAGE_OPEN))
		close_one(sagas, saga, STAGE_ENDED);
}

void open_sagas_expect(struct open_sagas *sagas, int64_t second)
{
	for (; sagas->old < second; sagas->old++)
		if ((size_t)sagas->old < sagas->seconds)
			sagas->late += sagas->open[sagas->old];
}
