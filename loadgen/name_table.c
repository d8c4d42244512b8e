#include "loadgen/journey_read.h"

#include <stdlib.h>

#include "lib/memory.h"

uint16_t name_table_intern(struct name_table *table, struct text name)
{
	size_t i = 0;

	while (i < table->count && !text_is(name, table->items[i]))
		i++;
	if (i == table->count && i < UINT16_MAX) {
		table->items = memory_grow(table->items, table->count, &table->room,
					   sizeof(*table->items));
		table->items[table->count] = memory_array(name.length + 1, 1);
		memcpy(table->items[table->count++], name.data, name.length);
	}
	return (uint16_t)(i < UINT16_MAX ? i : UINT16_MAX - 1);
}

void name_table_release(struct name_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->items[i]);
	free(table->items);
	*table = (struct name_table){ NULL, 0, 0 };
}
