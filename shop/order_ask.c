/* What other services know, and an order needs before it can be written down. */
#include "shop/order.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

/* An address may change; asking for it at every order would make auth a part of every sale. */
enum { EMAIL_FRESH_US = 600 * 1000000 };

void reply_unavailable(struct request *request, struct reply *reply, const char *what)
{
	buffer_add_string(&reply->headers, "Retry-After: 1\r\n");
	reply_error(request, reply, 503, "unavailable", "%s can't be asked right now", what);
}

static json_t *price_question(const struct order_line *lines, size_t count)
{
	json_t *skus = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(skus, json_string(lines[i].sku));
	return json_pack("{s:o}", "skus", skus);
}

static bool read_price(const json_t *items, struct order_line *line)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		const char *sku = json_string_value(json_object_get(item, "sku"));
		const char *name = json_string_value(json_object_get(item, "name"));

		if (!sku || strcmp(sku, line->sku) != 0)
			continue;
		line->price_cents = json_integer_value(json_object_get(item, "price_cents"));
		snprintf(line->name, sizeof(line->name), "%s", name ? name : "");
		return line->price_cents > 0;
	}
	return false;
}

static enum ask_result read_prices(const struct answer *answer, struct order_line *lines,
				   size_t count, const char **missing)
{
	const json_t *items = json_object_get(answer->json, "items");

	if (!answer_is(answer, 200) || !json_is_array(items))
		return ASK_UNREACHABLE;
	for (size_t i = 0; i < count; i++) {
		if (read_price(items, &lines[i]))
			continue;
		*missing = lines[i].sku;
		return ASK_UNKNOWN_SKU;
	}
	return ASK_OK;
}

enum ask_result ask_prices(struct service *service, const struct call *like,
			   struct order_line *lines, size_t count, const char **missing)
{
	struct call call = *like;
	struct answer answer = { .json = NULL };
	json_t *question = price_question(lines, count);
	enum ask_result result;

	call.json = question;
	call.retries = service->settings->call_retries;
	call.key = "prices"; /* asking twice changes nothing */
	service_call(service, &call, &answer);
	result = read_prices(&answer, lines, count, missing);
	answer_release(&answer);
	json_decref(question);
	return result;
}

static const char *remembered_email(struct request *request, int64_t not_before_us)
{
	struct rows rows =
		store_query(request->service->store,
			    "select email from customers where id = ?1 and asked_us >= ?2", "si",
			    request->user, not_before_us);
	const char *email = rows_next(&rows) ? rows_text(&rows, 0) : NULL;

	if (email)
		email = arena_string(request->arena, text_of(email));
	rows_end(&rows);
	return email;
}

static const char *asked_email(struct request *request)
{
	const char *path = arena_format(request->arena, "/api/users/%s", request->user);
	struct call call = call_for(request, "auth", "GET", path);
	struct answer answer = { .json = NULL };
	const char *email = NULL;

	call.retries = request->service->settings->call_retries;
	service_call(request->service, &call, &answer);
	if (answer_is(&answer, 200))
		email = json_string_value(json_object_get(answer.json, "email"));
	if (email)
		email = arena_string(request->arena, text_of(email));
	answer_release(&answer);
	return email;
}

const char *ask_email(struct request *request)
{
	int64_t now_us = clock_wall_us();
	const char *email = remembered_email(request, now_us - EMAIL_FRESH_US);

	if (email)
		return email;
	email = asked_email(request);
	if (!email)
		return remembered_email(request, 0);
	store_begin(request->service->store);
	store_run(request->service->store,
		  "insert or replace into customers (id, email, asked_us) values (?1, ?2, ?3)",
		  "ssi", request->user, email, now_us);
	store_commit(request->service->store);
	return email;
}
