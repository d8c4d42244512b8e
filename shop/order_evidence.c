/* GET /api/orders/all, /api/orders/history: everybody's orders, for admins who keep the books. */
#include "shop/order.h"

#include "shop/order_sql.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static bool read_page(struct request *request, struct reply *reply, int64_t *after, int64_t *limit)
{
	if (!request->user) {
		reply_error(request, reply, 401, "unauthorized", "who asks?");
		return false;
	}
	if (!request->is_admin) {
		reply_error(request, reply, 403, "forbidden", "for admins only");
		return false;
	}
	return request_query_int(request, reply, "after", 0, 0, INT64_MAX, after) &&
	       request_query_int(request, reply, "limit", LIMIT_DEFAULT, 1, LIMIT_MAX, limit);
}

static void reply_page(struct reply *reply, json_t *items, int64_t last, int64_t limit)
{
	json_t *next = json_null();

	if (json_array_size(items) == (size_t)limit)
		next = json_integer((json_int_t)last);
	reply_json(reply, 200, json_pack("{s:o, s:o}", "items", items, "next", next));
}

void order_list_all(struct request *request, struct reply *reply)
{
	int64_t after, limit;
	json_t *items;
	struct rows rows;

	if (!read_page(request, reply, &after, &limit))
		return;
	items = json_array();
	rows = store_query(request->service->store,
			   ORDERS_FROM("orders") " where o.number > ?1 order by o.number limit ?2",
			   "ii", after, limit);
	while (rows_next(&rows)) {
		json_t *order = order_json(order_of_row(&rows, request->arena));

		after = rows_int(&rows, ORDERS_NUMBER);
		json_object_set_new(order, "number", json_integer((json_int_t)after));
		json_array_append_new(items, order);
	}
	rows_end(&rows);
	reply_page(reply, items, after, limit);
}

void order_list_history(struct request *request, struct reply *reply)
{
	int64_t after, limit;
	json_t *items;
	struct rows rows;

	if (!read_page(request, reply, &after, &limit))
		return;
	items = json_array();
	rows = store_query(request->service->store,
			   "select h.number, h.order_id, o.key, h.status, h.at from order_history h"
			   " join orders o on o.id = h.order_id where h.number > ?1"
			   " order by h.number limit ?2",
			   "ii", after, limit);
	while (rows_next(&rows)) {
		after = rows_int(&rows, 0);
		json_array_append_new(items,
				      json_pack("{s:I, s:s, s:s, s:s, s:s}", "number",
						(json_int_t)after, "order_id", rows_text(&rows, 1),
						"key", rows_text(&rows, 2), "status",
						rows_text(&rows, 3), "at", rows_text(&rows, 4)));
	}
	rows_end(&rows);
	reply_page(reply, items, after, limit);
}
