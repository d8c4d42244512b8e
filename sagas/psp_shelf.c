#include "sagas/psp_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/memory.h"

void shelf_init(struct psp_shelf *shelf)
{
	shelf->places = json_object();
}

void shelf_release(struct psp_shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		free(shelf->objects[i].text);
	free(shelf->objects);
	json_decref(shelf->places);
}

struct psp_object *shelf_add(struct psp_shelf *shelf, const json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	const char *currency = json_string_value(json_object_get(object, "currency"));
	struct psp_object *added;

	shelf->objects =
		memory_grow(shelf->objects, shelf->count, &shelf->room, sizeof(*shelf->objects));
	json_object_set_new(shelf->places, id, json_integer((json_int_t)shelf->count));
	added = &shelf->objects[shelf->count++];
	*added = (struct psp_object){ .text = json_dumps(object, JSON_COMPACT) };
	snprintf(added->id, sizeof(added->id), "%s", id);
	snprintf(added->currency, sizeof(added->currency), "%s", currency ? currency : "");
	return added;
}

struct psp_object *shelf_find(const struct psp_shelf *shelf, const char *id)
{
	const json_t *place = json_object_get(shelf->places, id);

	return place ? &shelf->objects[json_integer_value(place)] : NULL;
}

void shelf_date(struct psp_shelf *shelf, const json_t *object, int64_t at_us)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	struct psp_object *found = id ? shelf_find(shelf, id) : NULL;

	if (found)
		found->at_us = at_us;
}
