/*
 * order: carts, coupons, orders, and the saga that makes each of them come out right.
 */
#include "shop/order.h"

#include <string.h>

#include "shop/services.h"

bool order_user(struct request *request, struct reply *reply)
{
	if (request->user)
		return true;
	reply_error(request, reply, 401, "unauthorized", "who are you?");
	return false;
}

struct order *order_asked(struct request *request, struct reply *reply)
{
	const char *id = request->parameters[0];
	struct order *order;

	if (!order_user(request, reply))
		return NULL;
	order = order_load_shown(request->service, request->arena, id);
	if (!order) {
		reply_error(request, reply, 404, "not_found", "there is no order '%.60s'", id);
		return NULL;
	}
	if (!request->is_admin && strcmp(order->user, request->user) != 0) {
		reply_error(request, reply, 403, "forbidden", "this is someone else's order");
		return NULL;
	}
	return order;
}

bool optional_string(struct request *request, struct reply *reply, const char *name, size_t longest,
		     const char **out)
{
	const json_t *value = json_object_get(request->json, name);

	*out = NULL;
	if (!value || json_is_null(value))
		return true;
	return request_string(request, reply, name, longest, out);
}

static void started(struct service *service)
{
	sagas_init(service);
	coupons_seed(service);
	order_copy_start(service);
	sagas_start(service);
}

static const struct route routes[] = {
	{ "GET", "/api/cart", cart_get },
	{ "DELETE", "/api/cart", cart_delete },
	{ "POST", "/api/cart/items", cart_add },
	{ "PUT", "/api/cart/items/{sku}", cart_put_item },
	{ "DELETE", "/api/cart/items/{sku}", cart_delete_item },
	{ "GET", "/api/coupons/{code}", coupon_get },
	{ "POST", "/api/orders", order_place },
	{ "GET", "/api/orders", order_list },
	{ "GET", "/api/orders/all", order_list_all },
	{ "GET", "/api/orders/history", order_list_history },
	{ "GET", "/api/orders/by-key/{key}", order_get_by_key },
	{ "GET", "/api/orders/{id}", order_get },
	{ "GET", "/api/orders/{id}/history", order_history },
	{ "PUT", "/api/orders/{id}/status", order_put_status },
	{ "DELETE", "/api/orders/{id}", order_cancel },
	ROUTES_END
};

const struct service_kind service_order = {
	.name = "order",
	.schema = order_schema,
	.routes = routes,
	.subscriptions = saga_subscriptions,
	.started = started,
};
