/*
 * order_sql: the one way an order is read, so that order_of_row() knows its columns.
 */
#ifndef SHOP_ORDER_SQL_H
#define SHOP_ORDER_SQL_H

enum { ORDERS_NUMBER = 19 }; /* its column */

#define ORDERS_FROM(table)                                                                         \
	"select o.id, o.user_id, o.email, o.key, o.status, o.coupon, o.card, o.items,"             \
	" o.subtotal_cents, o.discount_cents, o.shipping_cents, o.total_cents, o.correlation,"     \
	" o.traceparent, o.created_at, o.updated_at, s.style, s.step, s.reason, o.number"          \
	" from " table " o left join sagas s on s.order_id = o.id"

#endif
