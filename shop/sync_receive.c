/* What other regions send: checked, brought into the catalog, kept, and only then acknowledged. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shop/sync.h"

enum { PRICE_MAX_CENTS = 100000000 };

struct batch {
	struct peer *peer;
	const char *epoch;
	int64_t after, last;
	struct copy copies[SYNC_BATCH_ITEMS_MAX];
	size_t count;
};

/* Reading. */

static const char *member(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value && *value && strlen(value) <= SYNC_ID_MAX ? value : NULL;
}

/* It becomes part of a path. */
static bool is_id(const char *id)
{
	for (; id && *id; id++)
		if (!isalnum((unsigned char)*id) && *id != '-' && *id != '_')
			return false;
	return id;
}

static int64_t price_of(const struct copy *copy)
{
	char *end;
	long long cents = strtoll(copy->value, &end, 10);

	return *end == '\0' && cents > 0 && cents <= PRICE_MAX_CENTS ? cents : 0;
}

static bool read_copy(const json_t *json, const struct peer *peer, struct copy *copy)
{
	const char *kind = member(json, "kind");
	json_t *version = json_object_get(json, "version");

	*copy = (struct copy){ .kind = kind && strcmp(kind, SYNC_PRICE) == 0 ? SYNC_PRICE :
									       SYNC_ORDER,
			       .id = member(json, "id"),
			       .region = peer->region,
			       .value = member(json, "value"),
			       .version = json_integer_value(version) };
	return kind && strcmp(kind, copy->kind) == 0 && is_id(copy->id) && copy->value &&
	       copy->version > 0 && (copy->kind == SYNC_ORDER || price_of(copy) > 0);
}

static bool read_items(const json_t *items, struct batch *batch)
{
	if (!json_is_array(items) || json_array_size(items) > SYNC_BATCH_ITEMS_MAX)
		return false;
	batch->count = json_array_size(items);
	for (size_t i = 0; i < batch->count; i++)
		if (!read_copy(json_array_get(items, i), batch->peer, &batch->copies[i]))
			return false;
	return true;
}

static bool read_batch(struct request *request, struct reply *reply, struct batch *batch)
{
	const char *from;

	if (!request_string(request, reply, "from", SYNC_ID_MAX, &from) ||
	    !request_string(request, reply, "epoch", SYNC_ID_MAX, &batch->epoch) ||
	    !request_int(request, reply, "after", 0, INT64_MAX, &batch->after) ||
	    !request_int(request, reply, "last", batch->after, INT64_MAX, &batch->last))
		return false;
	batch->peer = sync_peer(sync_of(request->service), from);
	if (!batch->peer) {
		reply_error(request, reply, 404, "no_such_region", "who is '%s'?", from);
		return false;
	}
	if (read_items(json_object_get(request->json, "items"), batch))
		return true;
	reply_error(request, reply, 400, "bad_items", "'items' are no orders and prices");
	return false;
}

/* Dealing with it. */

/* Of another epoch we have nothing. */
static int64_t position_in(struct store *store, const struct batch *batch)
{
	return store_int(store, 0, "select position from received where region = ?1 and epoch = ?2",
			 "ss", batch->peer->region, batch->epoch);
}

/* A price of a product that is not sold here is no reason to wait for anything. */
static bool bring_to_catalog(struct request *request, const struct copy *copy)
{
	json_t *body = json_pack("{s:I, s:I, s:s}", "price_cents", (json_int_t)price_of(copy),
				 "changed_at", (json_int_t)copy->version, "region", copy->region);
	const char *path =
		arena_format(request->arena, "/internal/products/%s/replicate", copy->id);
	struct call call = call_for(request, "catalog", "POST", path);
	struct answer answer;
	bool done;

	call.json = body;
	call.key = "replicate";
	service_call(request->service, &call, &answer);
	done = answer_is(&answer, 200) || answer_is(&answer, 404);
	answer_release(&answer);
	json_decref(body);
	return done;
}

static bool is_wanted(struct service *service, const struct copy *copy)
{
	return sync_is_newer(service, copy) || bug(BUG_ARRIVAL_WINS);
}

static bool bring_prices(struct request *request, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct copy *copy = &batch->copies[i];

		if (copy->kind == SYNC_PRICE && is_wanted(request->service, copy) &&
		    !bring_to_catalog(request, copy))
			return false;
	}
	return true;
}

static void keep_all(struct service *service, const struct batch *batch)
{
	store_begin(service->store);
	for (size_t i = 0; i < batch->count; i++)
		sync_keep(service, &batch->copies[i]);
	store_run(service->store,
		  "insert into received values (?1, ?2, ?3) on conflict (region) do update set"
		  " epoch = excluded.epoch, position = excluded.position",
		  "ssi", batch->peer->region, batch->epoch, batch->last);
	store_commit(service->store);
}

static bool deal_with(struct request *request, const struct batch *batch)
{
	bool done;

	batch->peer->receiving = true;
	done = bring_prices(request, batch);
	if (done)
		keep_all(request->service, batch);
	batch->peer->receiving = false;
	return done;
}

void sync_receive(struct request *request, struct reply *reply)
{
	struct batch *batch = arena_new(request->arena, sizeof(*batch));
	struct store *store = request->service->store;
	bool fits;

	if (!read_batch(request, reply, batch))
		return;
	fits = batch->after == position_in(store, batch);
	/* It gave up waiting for the answer, and asks again: so must we. */
	if (batch->peer->receiving || (fits && batch->count && !deal_with(request, batch))) {
		reply_error(request, reply, 503, "busy", "the batch can't be kept yet");
		return;
	}
	reply_json(reply, 200,
		   json_pack("{s:I}", "position", (json_int_t)position_in(store, batch)));
}
