/* `steady:`, the conditions of a steady state. See steady.h. */
#include "engine/steady.h"
#include "lib/schema.h"

enum { STEADY_CONDITIONS_MAX = 50 };

struct condition *steady_read(const struct yaml *list, const struct condition_names *names,
			      struct reading *reading, size_t *count)
{
	const struct yaml *first = list, *rest = NULL;
	struct condition *conditions;
	bool good = true;
	size_t all = 1;

	*count = 0;
	if (!list || yaml_is_null(list))
		return NULL;
	if (list->kind == YAML_LIST) {
		first = list->first;
		all = list->count;
	}
	if (all > STEADY_CONDITIONS_MAX) {
		complain(reading->complaints, list->at, "more than %d conditions",
			 STEADY_CONDITIONS_MAX);
		return NULL;
	}
	conditions = arena_array(reading->arena, all + 1, sizeof(*conditions));
	for (size_t i = 0; i < all; i++, first = rest) {
		rest = first->next;
		good = condition_read(first, names, CONDITION_STEADY, reading, &conditions[i]) &&
		       good;
	}
	*count = good ? all : 0;
	return *count ? conditions : NULL;
}
