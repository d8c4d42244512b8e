#include "shop/settings.h"

#include <stddef.h>
#include <string.h>

const char *shop_edge_url(const struct shop_settings *settings, const char *from, const char *to)
{
	for (uint32_t i = 0; i < settings->edge_count; i++) {
		const struct shop_edge *edge = &settings->edges[i];

		if (strcmp(edge->from, from) == 0 && strcmp(edge->to, to) == 0)
			return edge->url;
	}
	return NULL;
}
