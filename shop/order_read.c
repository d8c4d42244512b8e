/* GET /api/orders...: what the customer sees. */
#include "shop/order.h"

#include "lib/clock.h"
#include "shop/order_sql.h"

enum { PAGE_MAX = 100, LAG_US = 700000 };

void order_get(struct request *request, struct reply *reply)
{
	const struct order *order = order_asked(request, reply);

	if (order)
		reply_json(reply, 200, order_json(order));
}

void order_get_by_key(struct request *request, struct reply *reply)
{
	const struct order *order;

	if (!order_user(request, reply))
		return;
	order = order_load_by_key(request->service, request->arena,
				  request->is_admin ? NULL : request->user, request->parameters[0]);
	if (order)
		reply_json(reply, 200, order_json(order));
	else
		reply_error(request, reply, 404, "not_found", "there is no order with that key");
}

void order_history(struct request *request, struct reply *reply)
{
	const struct order *order = order_asked(request, reply);
	json_t *items;
	struct rows rows;

	if (!order)
		return;
	items = json_array();
	rows = store_query(request->service->store,
			   "select status, at from order_history where order_id = ?1"
			   " order by number",
			   "s", order->id);
	while (rows_next(&rows))
		json_array_append_new(items, json_pack("{s:s, s:s}", "status", rows_text(&rows, 0),
						       "at", rows_text(&rows, 1)));
	rows_end(&rows);
	reply_json(reply, 200, json_pack("{s:o}", "items", items));
}

/* Each has its own words, so that each finds its index. */
enum { OF_USER = 1, OF_STATUS = 2 };

#define PAGE " order by o.number desc limit ?3 offset ?4"
#define LISTS(table)                                                                               \
	{                                                                                          \
		ORDERS_FROM(table) PAGE, ORDERS_FROM(table) " where o.user_id = ?1" PAGE,          \
			ORDERS_FROM(table) " where o.status = ?2" PAGE,                            \
			ORDERS_FROM(table) " where o.user_id = ?1 and o.status = ?2" PAGE          \
	}

static const char *const lists[2][4] = { LISTS("orders"), LISTS("orders_copy") };
static const struct {
	const char *sql, *letters;
} counts[4] = {
	{ "select count(*) from orders", "" },
	{ "select count(*) from orders where user_id = ?1", "s" },
	{ "select count(*) from orders where status = ?2", "ss" },
	{ "select count(*) from orders where user_id = ?1 and status = ?2", "ss" },
};

struct listing {
	const char *user, *status;
	int64_t page, limit;
	int kind;
};

static bool read_listing(struct request *request, struct reply *reply, struct listing *listing)
{
	enum order_status status;

	if (!order_user(request, reply) ||
	    !request_query_int(request, reply, "page", 1, 1, 1000000, &listing->page) ||
	    !request_query_int(request, reply, "limit", 20, 1, PAGE_MAX, &listing->limit))
		return false;
	listing->user = request_query(request, "user", NULL);
	if (!request->is_admin)
		listing->user = request->user;
	listing->status = request_query(request, "status", NULL);
	if (listing->status && !order_status_of(listing->status, &status)) {
		reply_error(request, reply, 400, "bad_status", "there is no such status");
		return false;
	}
	listing->kind = (listing->user ? OF_USER : 0) | (listing->status ? OF_STATUS : 0);
	return true;
}

static json_t *list_items(struct request *request, const struct listing *listing)
{
	json_t *items = json_array();
	struct rows rows =
		store_query(request->service->store, lists[bug(BUG_STALE_READ)][listing->kind],
			    "ssii", listing->user, listing->status, listing->limit,
			    (listing->page - 1) * listing->limit);

	while (rows_next(&rows))
		json_array_append_new(items, order_json(order_of_row(&rows, request->arena)));
	rows_end(&rows);
	return items;
}

void order_list(struct request *request, struct reply *reply)
{
	struct listing listing;
	int64_t total;

	if (!read_listing(request, reply, &listing))
		return;
	total = store_int(request->service->store, 0, counts[listing.kind].sql,
			  counts[listing.kind].letters, listing.user, listing.status);
	reply_json(reply, 200,
		   json_pack("{s:o, s:I, s:I, s:I}", "items", list_items(request, &listing), "page",
			     (json_int_t)listing.page, "limit", (json_int_t)listing.limit, "total",
			     (json_int_t)total));
}

/* BUG_STALE_READ: reads from a copy are cheap, and it is hardly ever behind. */
static void copy(void *context)
{
	struct service *service = context;
	int64_t since_us = 0;

	while (!service->ending) {
		int64_t now_us = clock_wall_us();

		store_run(service->store,
			  "insert or replace into orders_copy select * from orders"
			  " where changed_us >= ?1",
			  "i", since_us);
		since_us = now_us - LAG_US;
		task_sleep_us(LAG_US);
	}
}

void order_copy_start(struct service *service)
{
	if (bug(BUG_STALE_READ))
		task_start(copy, service);
}
