/* The keys of a map, once they are all there: none twice, and `<<` replaced by what it brings. */
#include "lib/yaml.h"

#include <stdlib.h>

#include "lib/memory.h"

enum { MERGES_MAX = 1000000 }; /* comparisons of one merge */

static int compare_keys(const void *a, const void *b)
{
	const struct yaml *one = *(const struct yaml *const *)a;
	const struct yaml *two = *(const struct yaml *const *)b;
	int order = strcmp(one->text.data, two->text.data);

	if (order == 0)
		order = one->at.line - two->at.line;
	return order ? order : one->at.column - two->at.column;
}

void yaml_check_duplicates(const struct yaml *map, struct complaints *complaints)
{
	struct yaml **keys = memory_array(map->count, sizeof(struct yaml *));
	size_t count = 0;

	for (struct yaml *key = map->first; key; key = key->next)
		keys[count++] = key;
	qsort(keys, count, sizeof(struct yaml *), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (text_equal(keys[i]->text, keys[i - 1]->text))
			complain(complaints, keys[i]->at, "duplicate key '%s' (first at %d:%d)",
				 keys[i]->text.data, keys[i - 1]->at.line, keys[i - 1]->at.column);
	free(keys);
}

static bool is_merge(const struct yaml *key)
{
	return !key->quoted && text_is(key->text, "<<");
}

/* Adds what the map does not have yet: its own keys win, then earlier merges. */
static bool merge_map(struct yaml *into, struct yaml *from, struct complaints *complaints)
{
	struct yaml **link = &into->first;
	struct yaml *next;

	if (from->kind != YAML_MAP)
		return complain(complaints, from->at, "'<<' wants a map, not %s",
				yaml_kind_name(from));
	if (into->count * from->count > MERGES_MAX)
		return complain(complaints, from->at, "too much to merge");
	while (*link)
		link = &(*link)->next;
	for (struct yaml *key = from->first; key; key = next) {
		next = key->next;
		if (yaml_get(into, key->text.data))
			continue;
		key->next = NULL;
		*link = key;
		link = &key->next;
		into->count++;
	}
	return true;
}

/* What an alias brought is a copy of its own, so its keys can simply move over. */
bool yaml_merge_keys(struct yaml *map, struct complaints *complaints)
{
	for (struct yaml **link = &map->first; *link;) {
		struct yaml *value = (*link)->value;

		if (!is_merge(*link)) {
			link = &(*link)->next;
			continue;
		}
		*link = (*link)->next;
		map->count--;
		if (value->kind != YAML_LIST) {
			if (!merge_map(map, value, complaints))
				return false;
			continue;
		}
		for (struct yaml *item = value->first; item; item = item->next)
			if (!merge_map(map, item, complaints))
				return false;
	}
	return true;
}
