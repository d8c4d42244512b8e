/* Which sagas there are, and what the system calls them: read from what the workers wrote. */
#include <stdlib.h>

#include "lib/memory.h"
#include "lib/saga_key.h"
#include "sagas/evidence_parts.h"

/* Hashes to numbers. */

void hash_map_release(struct hash_map *map)
{
	free(map->keys);
	free(map->values);
	*map = (struct hash_map){ NULL, NULL, 0, 0 };
}

static size_t place_of(const struct hash_map *map, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15)) & (map->room - 1);

	while (map->keys[at] && map->keys[at] != key)
		at = (at + 1) & (map->room - 1);
	return at;
}

static void grow(struct hash_map *map)
{
	struct hash_map larger = { .room = map->room ? map->room * 2 : 64, .count = map->count };

	larger.keys = memory_array(larger.room, sizeof(*larger.keys));
	larger.values = memory_array(larger.room, sizeof(*larger.values));
	for (size_t i = 0; i < map->room; i++) {
		size_t to = map->keys[i] ? place_of(&larger, map->keys[i]) : 0;

		if (!map->keys[i])
			continue;
		larger.keys[to] = map->keys[i];
		larger.values[to] = map->values[i];
	}
	hash_map_release(map);
	*map = larger;
}

bool hash_map_add(struct hash_map *map, uint64_t key, uint32_t value)
{
	size_t at;

	if ((map->count + 1) * 4 > map->room * 3)
		grow(map);
	at = place_of(map, key);
	if (map->keys[at])
		return false;
	map->keys[at] = key;
	map->values[at] = value;
	map->count++;
	return true;
}

bool hash_map_find(const struct hash_map *map, uint64_t key, uint32_t *value)
{
	size_t at;

	if (!map->room)
		return false;
	at = place_of(map, key);
	*value = map->values[at];
	return map->keys[at] != 0;
}

/* Sagas. */

static struct known_saga *place(struct known *known, uint32_t saga)
{
	if (saga >= KNOWN_SAGAS_MAX)
		return NULL;
	if (saga >= known->room) {
		size_t room = known->room ? known->room : 256;

		while (room <= saga)
			room *= 2;
		known->sagas = memory_resize(known->sagas, room, sizeof(*known->sagas));
		memset(known->sagas + known->room, 0, (room - known->room) * sizeof(*known->sagas));
		known->room = room;
	}
	if (saga >= known->count)
		known->count = saga + 1;
	return &known->sagas[saga];
}

struct known_saga *known_saga(struct known *known, uint32_t saga, uint8_t contract)
{
	if (saga >= known->count || !known->sagas[saga].minted ||
	    known->sagas[saga].contract != contract)
		return NULL;
	return &known->sagas[saga];
}

void known_name(struct known *known, uint32_t saga, uint8_t contract, struct text id)
{
	struct known_saga *at = known_saga(known, saga, contract);

	if (!at || !id.length || memchr(id.data, '\0', id.length))
		return;
	hash_map_add(&known->by_id[contract], text_hash(id), saga);
	if (at->id || known->ids.length > UINT32_MAX - 1000)
		return;
	if (!known->ids.length)
		buffer_add_char(&known->ids, '\0'); /* so that no id begins at 0 */
	at->id = (uint32_t)known->ids.length;
	buffer_add_text(&known->ids, id);
	buffer_add_char(&known->ids, '\0');
}

const char *known_id(const struct known *known, const struct known_saga *saga)
{
	return saga->id ? known->ids.data + saga->id : NULL;
}

static void minted(struct known *known, const struct record_saga *record)
{
	struct known_saga *saga;

	if (record->contract >= CONTRACTS_MAX)
		return;
	if (record->event == SAGA_SENT) {
		saga = known_saga(known, record->saga, record->contract);
		if (saga)
			saga->tried = true;
		return;
	}
	saga = record->event == SAGA_MINTED ? place(known, record->saga) : NULL;
	if (!saga || saga->minted)
		return;
	*saga = (struct known_saga){ .minted = true,
				     .contract = record->contract,
				     .state = STATE_NONE };
	known->minted++;
}

static void look_at(struct known *known, const struct record *record)
{
	struct record_saga saga;
	struct record_saga_id named;

	if (record->kind == RECORD_SAGA) {
		memcpy(&saga, record->payload, sizeof(saga));
		minted(known, &saga);
	} else if (record->kind == RECORD_SAGA_ID) {
		memcpy(&named, record->payload, sizeof(named));
		if (named.contract < CONTRACTS_MAX && named.length <= sizeof(named.id))
			known_name(known, named.saga, named.contract,
				   (struct text){ named.id, named.length });
	}
}

bool known_read(struct known *known, const struct evidence_settings *settings, struct error *err)
{
	const struct record *record;
	char **paths;
	size_t count = history_list(settings->directory, &paths, err);
	bool good = count > 0;

	for (size_t i = 0; i < count && good; i++) {
		struct history_reader *reader = history_open(paths[i], err);

		good = reader != NULL;
		while (good && (record = history_read(reader)))
			look_at(known, record);
		history_reader_free(reader);
	}
	history_list_free(paths, count);
	return good;
}

void known_release(struct known *known)
{
	free(known->sagas);
	buffer_release(&known->ids);
	for (size_t i = 0; i < CONTRACTS_MAX; i++)
		hash_map_release(&known->by_id[i]);
}
