/*
 * Coupons. That one is used is a row whose key can be there once; which order it was for is in the
 * row, so giving it back twice is giving it back once.
 */
#include "shop/order.h"

#include <stdio.h>
#include <string.h>

enum { SALE_COUPONS = 100, SALE_CENTS = 500, WELCOME_PERCENT = 10 };

void coupons_seed(struct service *service)
{
	static const char sql[] = "insert or ignore into coupons (code, percent, amount_cents,"
				  " per_user) values (?1, ?2, ?3, ?4)";

	store_begin(service->store);
	store_run(service->store, sql, "siii", "WELCOME10", (int64_t)WELCOME_PERCENT, INT64_C(0),
		  INT64_C(1));
	for (int i = 1; i <= SALE_COUPONS; i++) {
		char code[16];

		snprintf(code, sizeof(code), "SALE-%d", i);
		store_run(service->store, sql, "siii", code, INT64_C(0), (int64_t)SALE_CENTS,
			  INT64_C(0));
	}
	store_commit(service->store);
}

bool coupon_find(struct service *service, struct arena *arena, const char *code,
		 struct coupon *coupon)
{
	struct rows rows = store_query(service->store,
				       "select percent, amount_cents, per_user from coupons"
				       " where code = ?1",
				       "s", code);
	bool found = rows_next(&rows);

	if (found)
		*coupon = (struct coupon){ .code = arena_string(arena, text_of(code)),
					   .percent = rows_int(&rows, 0),
					   .amount_cents = rows_int(&rows, 1),
					   .per_user = rows_int(&rows, 2) != 0 };
	rows_end(&rows);
	return found;
}

static const char *holder_of(const struct coupon *coupon, const char *user)
{
	return coupon->per_user ? user : "";
}

bool coupon_is_free(struct service *service, const struct coupon *coupon, const char *user)
{
	return store_int(service->store, 0,
			 "select count(*) from coupon_uses where code = ?1 and holder = ?2", "ss",
			 coupon->code, holder_of(coupon, user)) == 0;
}

bool coupon_take(struct service *service, const struct coupon *coupon, const char *user,
		 const char *order)
{
	store_run(service->store,
		  "insert or ignore into coupon_uses (code, holder, order_id) values (?1, ?2, ?3)",
		  "sss", coupon->code, holder_of(coupon, user), order);
	/* Whether it was free has been looked at before the prices were asked for. */
	return store_changes(service->store) == 1 || bug(BUG_COUPON_OUTSIDE);
}

void coupon_give_back(struct service *service, const char *order)
{
	if (!bug(BUG_COUPON_NOT_RETURNED))
		store_run(service->store, "delete from coupon_uses where order_id = ?1", "s",
			  order);
}

void coupon_get(struct request *request, struct reply *reply)
{
	struct coupon coupon;
	json_t *json;

	if (!order_user(request, reply))
		return;
	if (!coupon_find(request->service, request->arena, request->parameters[0], &coupon)) {
		reply_error(request, reply, 404, "not_found", "there is no coupon '%.40s'",
			    request->parameters[0]);
		return;
	}
	json = json_pack("{s:s, s:b}", "code", coupon.code, "available",
			 (int)coupon_is_free(request->service, &coupon, request->user));
	if (coupon.percent)
		json_object_set_new(json, "percent", json_integer(coupon.percent));
	else
		json_object_set_new(json, "amount_cents", json_integer(coupon.amount_cents));
	reply_json(reply, 200, json);
}
