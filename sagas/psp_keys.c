#include "sagas/psp_parts.h"

#include <stdlib.h>

#include "lib/memory.h"

void keys_init(struct psp_keys *keys)
{
	keys->places = json_object();
}

void keys_release(struct psp_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free(keys->answers[i].body);
	free(keys->answers);
	json_decref(keys->places);
}

struct psp_answer *keys_find(const struct psp_keys *keys, struct text key)
{
	const json_t *place = json_object_getn(keys->places, key.data, key.length);

	return place ? &keys->answers[json_integer_value(place)] : NULL;
}

void keys_take(struct psp_keys *keys, struct text key, uint64_t hash)
{
	keys->answers =
		memory_grow(keys->answers, keys->count, &keys->room, sizeof(*keys->answers));
	keys->answers[keys->count] = (struct psp_answer){ .hash = hash };
	json_object_setn_new(keys->places, key.data, key.length,
			     json_integer((json_int_t)keys->count));
	keys->count++;
}
