/*
 * catalog: what there is to buy, and what it costs.
 *
 * The database is the truth; this process is its only writer, and keeps all products in memory,
 * each with the JSON that stands for it, so that reading costs no query and no tree. A change
 * goes to the database first and is read back from there once it is durable.
 *
 * With several regions a price is what the last of all changes made it, by (changed_at, region).
 * Every change here is after the one that it replaces, whatever the clocks say.
 */
#include "shop/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/json_pointer.h"
#include "lib/memory.h"
#include "shop/digest.h"
#include "shop/service.h"
#include "shop/settings.h"

enum { PAGE_MAX = 100, QUERY_MAX = 100, PRICE_MAX_CENTS = 100000000, RECOMMENDED = 4 };

enum { REGION_MAX = 32 };

#define CATEGORIES 10

static const char schema[] =
	"create table if not exists products (number integer primary key, sku text not null unique,"
	" name text not null, category text not null, price_cents integer not null"
	" check (price_cents > 0), changed_at integer not null default 0,"
	" region text not null default '') strict;";

struct product {
	int64_t price_cents;
	char sku[24], name[48];
	int category;
	struct buffer json;
};

struct catalog {
	struct product *products; /* number n at n - 1 */
	size_t count;
};

struct wares {
	const char *category;
	const char *things[4];
};

static const struct wares wares[CATEGORIES] = {
	{ "books", { "Atlas", "Novel", "Cookbook", "Almanac" } },
	{ "games", { "Chess Set", "Puzzle", "Card Game", "Dominoes" } },
	{ "garden", { "Spade", "Watering Can", "Planter", "Rake" } },
	{ "home", { "Lamp", "Rug", "Cushion", "Clock" } },
	{ "kitchen", { "Kettle", "Teapot", "Skillet", "Whisk" } },
	{ "music", { "Ukulele", "Metronome", "Harmonica", "Drum" } },
	{ "office", { "Stapler", "Notebook", "Fountain Pen", "Folder" } },
	{ "outdoor", { "Tent", "Compass", "Hammock", "Lantern" } },
	{ "sports", { "Racket", "Skates", "Kettlebell", "Football" } },
	{ "toys", { "Kite", "Train", "Spinning Top", "Teddy Bear" } },
};

static const char *const colours[] = { "Red",	"Blue",	  "Green",  "Amber", "White",
				       "Black", "Silver", "Copper", "Oak" };

static struct catalog *catalog_of(const struct request *request)
{
	return request->service->own;
}

static int category_of(const char *name)
{
	for (int i = 0; i < CATEGORIES; i++)
		if (strcmp(wares[i].category, name) == 0)
			return i;
	return -1;
}

/* Seeding and loading. */

static void seed_product(struct store *store, int64_t number)
{
	size_t n = (size_t)number - 1;
	const struct wares *these = &wares[n % CATEGORIES];
	char sku[24], name[48];

	snprintf(sku, sizeof(sku), "SKU-%lld", (long long)number);
	snprintf(name, sizeof(name), "%s %s",
		 colours[n / CATEGORIES / 4 % (sizeof(colours) / sizeof(colours[0]))],
		 these->things[n / CATEGORIES % 4]);
	store_run(store,
		  "insert or ignore into products (number, sku, name, category, price_cents)"
		  " values (?1, ?2, ?3, ?4, ?5)",
		  "isssi", number, sku, name, these->category, 199 + number * 37 % 9000);
}

static void seed(struct service *service)
{
	int64_t there = store_int(service->store, 0, "select count(*) from products", "");

	if (there >= service->settings->products)
		return;
	store_begin(service->store);
	for (int64_t number = 1; number <= service->settings->products; number++)
		seed_product(service->store, number);
	store_commit(service->store);
}

static void write_json(struct product *product)
{
	struct buffer *out = &product->json;

	buffer_clear(out);
	buffer_format(out, "{\"sku\":\"%s\",\"name\":\"", product->sku);
	json_escape(out, text_of(product->name));
	buffer_format(out, "\",\"category\":\"%s\",\"price_cents\":%lld}",
		      wares[product->category].category, (long long)product->price_cents);
}

/* Columns: sku, name, category, price_cents. */
static void read_product(struct rows *rows, struct product *product)
{
	int category = category_of(rows_text(rows, 2));

	snprintf(product->sku, sizeof(product->sku), "%s", rows_text(rows, 0));
	snprintf(product->name, sizeof(product->name), "%s", rows_text(rows, 1));
	product->category = category < 0 ? 0 : category;
	product->price_cents = rows_int(rows, 3);
	write_json(product);
}

static void load(struct service *service, struct catalog *catalog)
{
	struct rows rows =
		store_query(service->store,
			    "select sku, name, category, price_cents from products order by number",
			    "");
	size_t room = 0;

	while (rows_next(&rows)) {
		catalog->products = memory_grow(catalog->products, catalog->count, &room,
						sizeof(*catalog->products));
		memset(&catalog->products[catalog->count], 0, sizeof(*catalog->products));
		read_product(&rows, &catalog->products[catalog->count++]);
	}
	rows_end(&rows);
}

static void reload(struct service *service, struct product *product)
{
	struct rows rows =
		store_query(service->store,
			    "select sku, name, category, price_cents from products where sku = ?1",
			    "s", product->sku);

	if (rows_next(&rows))
		read_product(&rows, product);
	rows_end(&rows);
}

/*
 * All before the first wait but the commit: nobody is answered from an empty catalog, since what
 * was seeded is loaded in the turn in which the commit returns, and `own` is there only then.
 */
static void started(struct service *service)
{
	struct catalog *catalog = memory_new(sizeof(*catalog));

	seed(service);
	load(service, catalog);
	service->own = catalog;
}

static bool is_loaded(struct request *request, struct reply *reply)
{
	if (catalog_of(request))
		return true;
	buffer_add_string(&reply->headers, "Retry-After: 1\r\n");
	reply_error(request, reply, 503, "starting", "the catalog is being loaded");
	return false;
}

/* Finding. */

/* "SKU-17" and no other spelling of it. */
static struct product *find(struct catalog *catalog, const char *sku)
{
	char *end;
	unsigned long number;

	if (strncmp(sku, "SKU-", 4) != 0 || sku[4] < '1' || sku[4] > '9')
		return NULL;
	number = strtoul(sku + 4, &end, 10);
	if (*end || number < 1 || number > catalog->count)
		return NULL;
	return &catalog->products[number - 1];
}

static struct product *wanted(struct request *request, struct reply *reply)
{
	struct product *product;

	if (!is_loaded(request, reply))
		return NULL;
	product = find(catalog_of(request), request->parameters[0]);
	if (!product)
		reply_error(request, reply, 404, "no_such_product", "there is no such product");
	return product;
}

struct search {
	int64_t page, limit;
	int category;      /* -1: any */
	const char *words; /* NULL: any */
};

static bool fits(const struct search *search, const struct product *product)
{
	if (search->category >= 0 && product->category != search->category)
		return false;
	return !search->words || strcasestr(product->name, search->words) ||
	       strcasecmp(product->sku, search->words) == 0;
}

/* Adds those of the page; returns how many there are in all. */
static int64_t add_page(const struct catalog *catalog, const struct search *search,
			struct buffer *out)
{
	int64_t first = (search->page - 1) * search->limit, total = 0;

	for (size_t i = 0; i < catalog->count; i++) {
		if (!fits(search, &catalog->products[i]))
			continue;
		if (total >= first && total < first + search->limit) {
			if (total > first)
				buffer_add_char(out, ',');
			buffer_add_text(out, buffer_text(&catalog->products[i].json));
		}
		total++;
	}
	return total;
}

static void reply_bytes(struct reply *reply)
{
	reply->status = 200;
	reply->content_type = "application/json";
}

/* Handlers. */

static bool read_search(struct request *request, struct reply *reply, struct search *search)
{
	const char *category = request_query(request, "category", NULL);

	if (!request_query_int(request, reply, "page", 1, 1, 1000000, &search->page) ||
	    !request_query_int(request, reply, "limit", 20, 1, PAGE_MAX, &search->limit))
		return false;
	search->words = request_query(request, "q", NULL);
	if (search->words && strlen(search->words) > QUERY_MAX) {
		reply_error(request, reply, 400, "bad_query", "q is longer than %d bytes",
			    QUERY_MAX);
		return false;
	}
	search->category = category ? category_of(category) : -1;
	if (category && search->category < 0) {
		reply_error(request, reply, 400, "bad_category", "there is no such category");
		return false;
	}
	return true;
}

static void list_products(struct request *request, struct reply *reply)
{
	struct search search = { .category = -1 };
	int64_t total;

	if (!is_loaded(request, reply) || !read_search(request, reply, &search))
		return;
	buffer_add_string(&reply->raw, "{\"items\":[");
	total = add_page(catalog_of(request), &search, &reply->raw);
	buffer_format(&reply->raw, "],\"page\":%lld,\"limit\":%lld,\"total\":%lld}",
		      (long long)search.page, (long long)search.limit, (long long)total);
	reply_bytes(reply);
}

static void get_product(struct request *request, struct reply *reply)
{
	const struct product *product = wanted(request, reply);

	if (!product)
		return;
	buffer_add_text(&reply->raw, buffer_text(&product->json));
	reply_bytes(reply);
}

/* The next ones of the same category, round in a ring. */
static void recommend(struct request *request, struct reply *reply)
{
	const struct product *product = wanted(request, reply);
	const struct catalog *catalog = catalog_of(request);
	size_t at, found = 0;

	if (!product)
		return;
	at = (size_t)(product - catalog->products);
	buffer_add_string(&reply->raw, "{\"items\":[");
	for (size_t step = 1; step < catalog->count && found < RECOMMENDED; step++) {
		const struct product *other = &catalog->products[(at + step) % catalog->count];

		if (other->category != product->category)
			continue;
		if (found++)
			buffer_add_char(&reply->raw, ',');
		buffer_add_text(&reply->raw, buffer_text(&other->json));
	}
	buffer_add_string(&reply->raw, "]}");
	reply_bytes(reply);
}

static void publish_change(struct request *request, const struct product *product,
			   int64_t price_cents, int64_t changed_at)
{
	service_publish(request->service, "ProductChanged",
			arena_format(request->arena, "product-%s", product->sku),
			request->correlation,
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "sku", product->sku, "name",
				  product->name, "category", wares[product->category].category,
				  "price_cents", (json_int_t)price_cents, "changed_at",
				  (json_int_t)changed_at));
}

/* When, in microseconds. */
static int64_t set_price(struct service *service, const char *sku, int64_t price_cents)
{
	store_run(service->store,
		  "update products set price_cents = ?1, changed_at = max(?2, changed_at + 1),"
		  " region = ?3 where sku = ?4",
		  "iiss", price_cents, clock_wall_us(), service->settings->region, sku);
	return store_int(service->store, 0, "select changed_at from products where sku = ?1", "s",
			 sku);
}

static void change_product(struct request *request, struct reply *reply)
{
	struct product *product;
	int64_t price_cents, changed_at;

	if (!request->is_admin) {
		reply_error(request, reply, 403, "forbidden", "only an admin changes products");
		return;
	}
	product = wanted(request, reply);
	if (!product ||
	    !request_int(request, reply, "price_cents", 1, PRICE_MAX_CENTS, &price_cents))
		return;
	store_begin(request->service->store);
	changed_at = set_price(request->service, product->sku, price_cents);
	publish_change(request, product, price_cents, changed_at);
	store_commit(request->service->store);

	/* Two changes may have waited for the same commit: the database knows which came last. */
	reload(request->service, product);
	buffer_add_text(&reply->raw, buffer_text(&product->json));
	reply_bytes(reply);
}

static bool is_over(struct store *store, const char *sku, int64_t changed_at, const char *region)
{
	return store_int(store, 0,
			 "select (changed_at, region) >= (?2, ?3) from products where sku = ?1",
			 "sis", sku, changed_at, region);
}

/* What another region made it, unless that is known or over. Nobody is told: they all are. */
static void replicate(struct request *request, struct reply *reply)
{
	struct product *product = wanted(request, reply);
	int64_t price_cents, changed_at;
	const char *region;

	if (!product ||
	    !request_int(request, reply, "price_cents", 1, PRICE_MAX_CENTS, &price_cents) ||
	    !request_int(request, reply, "changed_at", 1, INT64_MAX - 1, &changed_at) ||
	    !request_string(request, reply, "region", REGION_MAX, &region))
		return;
	if (!is_over(request->service->store, product->sku, changed_at, region) ||
	    bug(BUG_ARRIVAL_WINS))
		store_run(request->service->store,
			  "update products set price_cents = ?1, changed_at = ?2, region = ?3"
			  " where sku = ?4",
			  "iiss", price_cents, changed_at, region, product->sku);
	reload(request->service, product);
	reply_json(reply, 200, json_pack("{s:I}", "price_cents", (json_int_t)product->price_cents));
}

/* Of all prices, so that regions can be compared. */
static void get_digest(struct request *request, struct reply *reply)
{
	struct rows rows = store_query(request->service->store,
				       "select sku || ' ' || price_cents || ' ' || changed_at"
				       " || ' ' || region from products order by number",
				       "");
	const char *digest = digest_rows(&rows, request->arena, NULL);

	reply_json(reply, 200, json_pack("{s:s}", "digest", digest));
}

/* For the order service: today's prices. What there is not is left out. */
static void get_prices(struct request *request, struct reply *reply)
{
	json_t *skus = json_object_get(request->json, "skus"), *sku, *items;
	size_t i;

	if (!is_loaded(request, reply))
		return;
	if (!json_is_array(skus) || json_array_size(skus) > PAGE_MAX) {
		reply_error(request, reply, 400, "bad_skus", "skus must be a list of at most %d",
			    PAGE_MAX);
		return;
	}
	items = json_array();
	json_array_foreach(skus, i, sku) {
		const char *name = json_string_value(sku);
		const struct product *product = name ? find(catalog_of(request), name) : NULL;

		if (product)
			json_array_append_new(items, json_pack("{s:s, s:I, s:s}", "sku",
							       product->sku, "price_cents",
							       (json_int_t)product->price_cents,
							       "name", product->name));
	}
	reply_json(reply, 200, json_pack("{s:o}", "items", items));
}

static const struct route routes[] = {
	{ "GET", "/api/products", list_products },
	{ "GET", "/api/products/search", list_products },
	{ "GET", "/api/products/{sku}", get_product },
	{ "PUT", "/api/products/{sku}", change_product },
	{ "GET", "/api/recommendations/{sku}", recommend },
	{ "POST", "/internal/prices", get_prices },
	{ "POST", "/internal/products/{sku}/replicate", replicate },
	{ "GET", "/internal/digest", get_digest },
	ROUTES_END
};

const struct service_kind service_catalog = {
	.name = "catalog",
	.schema = schema,
	.routes = routes,
	.started = started,
};
