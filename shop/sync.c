#include "shop/sync.h"

#include <stdio.h>
#include <string.h>

#include "lib/memory.h"
#include "shop/digest.h"
#include "shop/services.h"
#include "shop/settings.h"

enum { PAGE_MAX = 1000 };

const char SYNC_ORDER[] = "order", SYNC_PRICE[] = "price";

static const char schema[] =
	"create table if not exists self (epoch text not null, position integer not null) strict;"
	"create table if not exists copies (kind text not null, id text not null,"
	" region text not null, version integer not null, value text not null,"
	" position integer not null, primary key (kind, id)) strict, without rowid;"
	"create index if not exists copies_in_order on copies (region, position);"
	"create table if not exists received (region text primary key, epoch text not null,"
	" position integer not null) strict, without rowid;";

/* Who we are and who else there is. */

static const char *own_epoch(struct service *service, struct arena *arena)
{
	struct rows rows = store_query(service->store, "select epoch from self", "");
	const char *epoch =
		rows_next(&rows) ? arena_string(arena, text_of(rows_text(&rows, 0))) : NULL;

	rows_end(&rows);
	if (epoch)
		return epoch;
	epoch = make_id(service, arena, "epo_");
	store_begin(service->store);
	store_run(service->store, "insert into self values (?1, 0)", "s", epoch);
	store_commit(service->store);
	return epoch;
}

static void find_peers(struct sync *sync)
{
	const struct shop_settings *settings = sync->service->settings;

	sync->peers = arena_array(&sync->arena, settings->edge_count + 1, sizeof(*sync->peers));
	for (uint32_t i = 0; i < settings->edge_count; i++) {
		const struct shop_edge *edge = &settings->edges[i];

		if (strcmp(edge->from, "sync") != 0 || strncmp(edge->to, "sync.", 5) != 0)
			continue;
		sync->peers[sync->peer_count++] =
			(struct peer){ .sync = sync, .region = edge->to + 5, .edge = edge->to };
	}
}

/* Without waiting, and so ready for the first request; the epoch comes in started(). */
struct sync *sync_of(struct service *service)
{
	struct sync *sync = service->own;

	if (sync)
		return sync;
	service->own = sync = memory_new(sizeof(*sync));
	sync->service = service;
	sync->region = service->settings->region;
	find_peers(sync);
	return sync;
}

struct peer *sync_peer(struct sync *sync, const char *region)
{
	for (size_t i = 0; i < sync->peer_count; i++)
		if (strcmp(sync->peers[i].region, region) == 0)
			return &sync->peers[i];
	return NULL;
}

static void started(struct service *service)
{
	struct sync *sync = sync_of(service);

	sync->epoch = own_epoch(service, &sync->arena);
	for (size_t i = 0; i < sync->peer_count; i++)
		sync_start_sending(&sync->peers[i]);
}

/* Copies. */

bool sync_is_newer(struct service *service, const struct copy *copy)
{
	return !store_int(service->store, 0,
			  "select 1 from copies where kind = ?1 and id = ?2"
			  " and (version, region) >= (?3, ?4)",
			  "ssis", copy->kind, copy->id, copy->version, copy->region);
}

void sync_keep(struct service *service, const struct copy *copy)
{
	store_run(service->store,
		  "insert into copies (kind, id, region, version, value, position)"
		  " values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (kind, id) do update set"
		  " region = excluded.region, version = excluded.version,"
		  " value = excluded.value, position = excluded.position"
		  " where (excluded.version, excluded.region) > (copies.version, copies.region)",
		  "sssisi", copy->kind, copy->id, copy->region, copy->version, copy->value,
		  copy->position);
}

/* Never the same again, even when what had the last one is gone. */
static int64_t next_position(struct store *store)
{
	store_run(store, "update self set position = position + 1", "");
	return store_int(store, 0, "select position from self", "");
}

static void keep_own(struct service *service, const char *kind, const char *id, int64_t version,
		     const char *value)
{
	struct copy copy = { .kind = kind,
			     .id = id,
			     .region = service->settings->region,
			     .value = value,
			     .version = version };

	if (!sync_is_newer(service, &copy))
		return;
	copy.position = next_position(service->store);
	sync_keep(service, &copy);
	sync_wake(sync_of(service));
}

/* Events of this region. */

static bool order_changed(struct service *service, const struct event *event)
{
	const char *status = json_string_value(json_object_get(event->data, "status"));

	if (!status || strlen(event->aggregate) > SYNC_ID_MAX)
		return false;
	keep_own(service, SYNC_ORDER, event->aggregate, event->sequence, status);
	return true;
}

static bool product_changed(struct service *service, const struct event *event)
{
	const char *sku = json_string_value(json_object_get(event->data, "sku"));
	json_t *price = json_object_get(event->data, "price_cents");
	json_t *at = json_object_get(event->data, "changed_at");
	char value[24];

	if (!sku || strlen(sku) > SYNC_ID_MAX || !json_is_integer(price) || !json_is_integer(at))
		return false;
	snprintf(value, sizeof(value), "%lld", (long long)json_integer_value(price));
	keep_own(service, SYNC_PRICE, sku, json_integer_value(at), value);
	return true;
}

static const struct subscription subscriptions[] = {
	{ .type = "OrderCreated", .consume = order_changed },
	{ .type = "OrderInventoryReserved", .consume = order_changed },
	{ .type = "OrderPaymentProcessed", .consume = order_changed },
	{ .type = "OrderConfirmed", .consume = order_changed },
	{ .type = "OrderProcessing", .consume = order_changed },
	{ .type = "OrderShipped", .consume = order_changed },
	{ .type = "OrderDelivered", .consume = order_changed },
	{ .type = "OrderFailed", .consume = order_changed },
	{ .type = "OrderCancelled", .consume = order_changed },
	{ .type = "ProductChanged", .consume = product_changed },
	SUBSCRIPTIONS_END
};

/* What can be asked. */

static json_t *order_json(struct rows *rows)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "order_id", rows_text(rows, 0), "region",
			 rows_text(rows, 1), "status", rows_text(rows, 2), "sequence",
			 (json_int_t)rows_int(rows, 3));
}

static void list_orders(struct request *request, struct reply *reply)
{
	const char *region = request_query(request, "region", NULL);
	struct store *store = request->service->store;
	int64_t page, limit, total;
	json_t *items;
	struct rows rows;

	if (!request_query_int(request, reply, "page", 1, 1, 1000000, &page) ||
	    !request_query_int(request, reply, "limit", 20, 1, PAGE_MAX, &limit))
		return;
	items = json_array();
	rows = store_query(store,
			   "select id, region, value, version from copies where kind = 'order'"
			   " and (?1 is null or region = ?1) order by id limit ?2 offset ?3",
			   "sii", region, limit, (page - 1) * limit);
	while (rows_next(&rows))
		json_array_append_new(items, order_json(&rows));
	rows_end(&rows);
	total = store_int(store, 0,
			  "select count(*) from copies where kind = 'order'"
			  " and (?1 is null or region = ?1)",
			  "s", region);
	reply_json(reply, 200,
		   json_pack("{s:o, s:I, s:I, s:I}", "items", items, "page", (json_int_t)page,
			     "limit", (json_int_t)limit, "total", (json_int_t)total));
}

static json_t *orders_digest(struct request *request, const char *region)
{
	struct rows rows = store_query(request->service->store,
				       "select id || ' ' || version || ' ' || value from copies"
				       " where kind = 'order' and region = ?1 order by id",
				       "s", region);
	int64_t orders;
	const char *digest = digest_rows(&rows, request->arena, &orders);

	return json_pack("{s:I, s:s}", "orders", (json_int_t)orders, "digest", digest);
}

/* Of the catalog itself: what is sold is what must agree, not what this service knows of it. */
static json_t *catalog_digest(struct request *request)
{
	struct call call = call_for(request, "catalog", "GET", "/internal/digest");
	struct answer answer;
	json_t *digest = NULL;

	service_call(request->service, &call, &answer);
	if (answer_is(&answer, 200))
		digest = json_incref(json_object_get(answer.json, "digest"));
	answer_release(&answer);
	return digest ? digest : json_null();
}

static void get_digest(struct request *request, struct reply *reply)
{
	const struct sync *sync = sync_of(request->service);
	json_t *regions = json_object();

	json_object_set_new(regions, sync->region, orders_digest(request, sync->region));
	for (size_t i = 0; i < sync->peer_count; i++)
		json_object_set_new(regions, sync->peers[i].region,
				    orders_digest(request, sync->peers[i].region));
	reply_json(reply, 200,
		   json_pack("{s:o, s:o}", "regions", regions, "catalog", catalog_digest(request)));
}

static json_t *peer_json(const struct peer *peer)
{
	int64_t behind =
		store_int(peer->sync->service->store, 0,
			  "select count(*) from copies where region = ?1 and position > ?2", "si",
			  peer->sync->region, peer->position);

	return json_pack("{s:b, s:I}", "reachable", peer->reachable, "behind", (json_int_t)behind);
}

/* Alive it is, even when it is alone. */
static void get_health(struct request *request, struct reply *reply)
{
	const struct sync *sync = sync_of(request->service);
	json_t *regions = json_object();
	bool alone = false;

	for (size_t i = 0; i < sync->peer_count; i++) {
		json_object_set_new(regions, sync->peers[i].region, peer_json(&sync->peers[i]));
		alone = alone || !sync->peers[i].reachable;
	}
	reply_json(reply, 200,
		   json_pack("{s:s, s:s, s:s, s:o}", "status", alone ? "cut_off" : "ok", "service",
			     "sync", "region", sync->region, "regions", regions));
}

static const struct route routes[] = {
	{ "POST", "/internal/sync", sync_receive },
	{ "GET", "/api/replica/orders", list_orders },
	{ "GET", "/api/replica/digest", get_digest },
	{ "GET", "/api/replica/health", get_health },
	{ "GET", "/health", get_health },
	ROUTES_END
};

const struct service_kind service_sync = {
	.name = "sync",
	.schema = schema,
	.routes = routes,
	.subscriptions = subscriptions,
	.started = started,
};
