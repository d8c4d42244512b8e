#include "shop/evidence.h"

#include <string.h>

enum { LIMIT_MAX = 1000 };

/* Of an order that nobody has heard of here, everyone may know that. */
static bool may_read(struct request *request, const struct evidence *evidence, const char *order)
{
	bool allowed = true;
	struct rows rows;

	if (request->is_admin)
		return true;
	if (!order)
		return false;
	rows = store_query(request->service->store, evidence->owner, "s", order);
	if (rows_next(&rows)) {
		const char *owner = rows_text(&rows, 0);

		allowed = owner && strcmp(owner, request->user) == 0;
	}
	rows_end(&rows);
	return allowed;
}

static void collect(struct request *request, struct reply *reply, const struct evidence *evidence,
		    const char *order, int64_t after, int64_t limit)
{
	json_t *items = json_array(), *next = json_null();
	struct rows rows =
		store_query(request->service->store, evidence->list, "sii", order, after, limit);

	while (rows_next(&rows)) {
		json_array_append_new(items, evidence->show(&rows));
		after = rows_int(&rows, 0);
	}
	rows_end(&rows);
	if (json_array_size(items) == (size_t)limit)
		next = json_integer((json_int_t)after);
	reply_json(reply, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

void evidence_reply(struct request *request, struct reply *reply, const struct evidence *evidence)
{
	const char *order = request_query(request, "order", NULL);
	int64_t after, limit;

	if (!request->user) {
		reply_error(request, reply, 401, "unauthorized", "who asks?");
		return;
	}
	if (!request_query_int(request, reply, "after", 0, 0, INT64_MAX, &after) ||
	    !request_query_int(request, reply, "limit", 100, 1, LIMIT_MAX, &limit))
		return;
	if (may_read(request, evidence, order))
		collect(request, reply, evidence, order, after, limit);
	else
		reply_error(request, reply, 403, "forbidden",
			    order ? "the order is someone else's" : "for admins only");
}
