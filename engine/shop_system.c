#include "engine/shop_system.h"

#include <inttypes.h>

#define FIELD(name) offsetof(struct shop_system, name)

static const char *const sagas[] = { "orchestrated", "choreographed", NULL };

/* The same as the options of `sagastorm shop`; tests/cli/system.t compares them. */
const struct key shop_system_keys[] = {
	{ "saga", KEY_CHOICE, FIELD(saga), .choices = sagas, .initial = "orchestrated",
	  .help = "how orders are carried out" },
	{ "bugs", KEY_STRINGS, FIELD(bugs),
	  .help = "mistakes that are switched on; `sagastorm shop --list-bugs` has them all",
	  .example = "[retry-new-key]" },
	{ "stock", KEY_INTEGER, FIELD(stock), .initial = "100000", .maximum = 1e9,
	  .help = "of every product, in the beginning" },
	{ "products", KEY_INTEGER, FIELD(products), .initial = "500", .minimum = 1,
	  .maximum = 100000, .help = "how many products there are" },
	{ "regions", KEY_STRINGS, FIELD(regions), .help = "a shop per region",
	  .example = "[us, eu]" },
	{ "limits", KEY_BOOL, FIELD(limits), .initial = "yes",
	  .help = "whether the gateway has rate limits at all" },
	{ "limit", KEY_INTEGER, FIELD(limit), .initial = "1000", .minimum = 1, .maximum = 1e9,
	  .help = "requests per second that the gateway lets through" },
	{ "auth-limit", KEY_INTEGER, FIELD(auth_limit), .initial = "100", .minimum = 1,
	  .maximum = 1e9,
	  .help = "logins and registrations per minute that the gateway lets through" },
	{ "breaker-failures", KEY_INTEGER, FIELD(breaker_failures), .initial = "5", .minimum = 1,
	  .maximum = 1000, .help = "failures in a row that open a circuit breaker" },
	{ "breaker-open", KEY_DURATION, FIELD(breaker_open_us), .initial = "2s", .minimum = 1000,
	  .maximum = 3600e6, .help = "how long an open breaker waits before it tries again" },
	{ "call-timeout", KEY_DURATION, FIELD(call_timeout_us), .initial = "2s", .minimum = 1000,
	  .maximum = 3600e6, .help = "timeout of a call from service to service" },
	{ "deadline", KEY_DURATION, FIELD(deadline_us), .initial = "8s", .minimum = 1000,
	  .maximum = 3600e6, .help = "an order that is not through by then is compensated" },
	KEYS_END
};

/* What a region has. Those of a counterparty are the same for all regions. */

static const char *const services[] = { "bus",		"auth",	 "catalog", "inventory", "payment",
					"notification", "order", "gateway", NULL };

struct pair {
	const char *from, *to;
};

static const struct pair edges[] = {
	{ "visitors", "gateway" },  { "gateway", "auth" },	  { "gateway", "catalog" },
	{ "gateway", "order" },	    { "gateway", "payment" },	  { "gateway", "inventory" },
	{ "gateway", "bus" },	    { "gateway", "notification" }, { "order", "catalog" },
	{ "order", "inventory" },   { "order", "payment" },	  { "order", "auth" },
	{ "order", "bus" },	    { "auth", "bus" },		  { "catalog", "bus" },
	{ "inventory", "bus" },	    { "payment", "bus" },	  { "payment", "psp" },
	{ "notification", "bus" },  { "notification", "mail" },	  { "bus", "auth" },
	{ "bus", "catalog" },	    { "bus", "order" },		  { "bus", "payment" },
	{ "bus", "inventory" },	    { "bus", "notification" },	  { NULL, NULL },
}, edges_of_sync[] = {
	{ "gateway", "sync" }, { "sync", "bus" }, { "bus", "sync" }, { "sync", "catalog" },
	{ NULL, NULL },
}, edges_of_first[] = {
	{ "psp", "payment" }, { NULL, NULL },
};

static bool is_counterparty(const char *service)
{
	return strcmp(service, "psp") == 0 || strcmp(service, "mail") == 0 ||
	       strcmp(service, "visitors") == 0;
}

static void add_name(const char *service, const char *region, struct buffer *out)
{
	buffer_add_string(out, service);
	if (*region && !is_counterparty(service))
		buffer_format(out, ".%s", region);
}

static void add_service(const char *service, const char *region, struct buffer *out)
{
	buffer_add_string(out, "  ");
	add_name(service, region, out);
	buffer_add_string(out, ": { health: \"http://127.0.0.1:1\" }\n");
}

static bool carries_events(const char *from)
{
	return strcmp(from, "bus") == 0 || strcmp(from, "psp") == 0 || strcmp(from, "sync") == 0;
}

static void add_edges(const struct pair *pairs, const char *region, struct buffer *out)
{
	for (; pairs->from; pairs++) {
		buffer_add_string(out, "  - { from: ");
		add_name(pairs->from, region, out);
		buffer_add_string(out, ", to: ");
		add_name(pairs->to, region, out);
		buffer_format(out, ", url: \"%s127.0.0.1:1\"%s }\n",
			      strcmp(pairs->to, "mail") == 0 ? "" : "http://",
			      carries_events(pairs->from) ? ", events: yes" : "");
	}
}

static void add_services(const struct strings *regions, struct buffer *out)
{
	buffer_add_string(out, "name: shop\nservices:\n");
	for (size_t i = 0; i < regions->count; i++) {
		for (const char *const *service = services; *service; service++)
			add_service(*service, regions->items[i], out);
		if (regions->count > 1)
			add_service("sync", regions->items[i], out);
	}
	add_service("psp", "", out);
	add_service("mail", "", out);
}

static void add_syncs(const struct strings *regions, size_t from, struct buffer *out)
{
	add_edges(edges_of_sync, regions->items[from], out);
	for (size_t to = 0; to < regions->count; to++)
		if (to != from)
			buffer_format(out,
				      "  - { from: sync.%s, to: sync.%s, "
				      "url: \"http://127.0.0.1:1\", events: yes }\n",
				      regions->items[from], regions->items[to]);
}

static void add_regions(const struct strings *regions, struct buffer *out)
{
	if (!*regions->items[0])
		return;
	buffer_add_string(out, "regions:\n");
	for (size_t i = 0; i < regions->count; i++) {
		buffer_format(out, "  %s: [", regions->items[i]);
		for (const char *const *service = services; *service; service++)
			buffer_format(out, "%s%s.%s", service == services ? "" : ", ", *service,
				      regions->items[i]);
		if (regions->count > 1)
			buffer_format(out, ", sync.%s", regions->items[i]);
		buffer_add_string(out, "]\n");
	}
}

/* The shop as its launcher would write it, but for what only a running one has. */
static void write_system(const struct strings *regions, struct buffer *out)
{
	add_services(regions, out);
	buffer_add_string(out, "edges:\n");
	for (size_t i = 0; i < regions->count; i++) {
		add_edges(edges, regions->items[i], out);
		if (i == 0)
			add_edges(edges_of_first, regions->items[i], out);
		if (regions->count > 1)
			add_syncs(regions, i, out);
	}
	add_regions(regions, out);
}

static bool read_known(const struct strings *regions, struct arena *arena, struct system *system)
{
	char none[] = "", *nameless[] = { none, NULL };
	const struct strings one = { nameless, NULL, 1 };
	struct complaints ignored = COMPLAINTS_EMPTY;
	struct reading reading = { arena, &ignored, NULL, NULL };
	struct buffer text = BUFFER_EMPTY;
	struct yaml *map;
	bool good;

	write_system(regions->count ? regions : &one, &text);
	map = yaml_read_text(arena, "shop", buffer_text(&text), &ignored);
	good = map && system_read(map, &reading, system);
	complaints_release(&ignored);
	buffer_release(&text);
	return good;
}

static bool is_region(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length > 0 && length <= 32 && !name[length];
}

static bool check_regions(const struct strings *regions, struct complaints *complaints)
{
	bool good = true;

	for (size_t i = 0; i < regions->count; i++) {
		if (!is_region(regions->items[i]))
			good = complain(complaints, regions->places[i],
					"'%.60s' is no name for a region (a-z, 0-9 and -)",
					regions->items[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(regions->items[i], regions->items[j]) == 0)
				good = complain(complaints, regions->places[i],
						"region '%s' is there twice", regions->items[i]);
	}
	if (regions->count > 16)
		good = complain(complaints, regions->places[16], "more than 16 regions");
	return good;
}

bool shop_system_read(const struct yaml *options, struct reading *reading, struct shop_system *shop,
		      struct system *system)
{
	bool good = true;

	*system = (struct system){ .name = NULL };
	if (!options || yaml_is_null(options))
		schema_defaults(shop_system_keys, shop, reading->arena);
	else
		good = schema_read(shop_system_keys, options, shop, reading);
	if (!check_regions(&shop->regions, reading->complaints))
		return false;
	return read_known(&shop->regions, reading->arena, system) && good;
}

struct words {
	struct arena *arena;
	const char **items;
	size_t count;
};

static void add_number(struct words *words, const char *option, int64_t number, const char *unit)
{
	words->items[words->count++] =
		arena_format(words->arena, "--%s=%" PRId64 "%s", option, number, unit);
}

static void add_strings(struct words *words, const char *option, const struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		if (*strings->items[i]) /* `bugs: ["${bug}"]`, where it may be none */
			words->items[words->count++] =
				arena_format(words->arena, "--%s=%s", option, strings->items[i]);
}

const char *const *shop_system_arguments(const struct shop_system *shop, struct arena *arena)
{
	struct words words = { .arena = arena };

	words.items = arena_array(arena, shop->bugs.count + shop->regions.count + 16,
				  sizeof(*words.items));
	words.items[words.count++] = arena_format(arena, "--saga=%s", sagas[shop->saga]);
	add_strings(&words, "bug", &shop->bugs);
	add_strings(&words, "regions", &shop->regions);
	add_number(&words, "stock", shop->stock, "");
	add_number(&words, "products", shop->products, "");
	if (!shop->limits)
		words.items[words.count++] = "--no-limits";
	add_number(&words, "limit", shop->limit, "");
	add_number(&words, "auth-limit", shop->auth_limit, "");
	add_number(&words, "breaker-failures", shop->breaker_failures, "");
	add_number(&words, "breaker-open", shop->breaker_open_us, "us");
	add_number(&words, "call-timeout", shop->call_timeout_us, "us");
	add_number(&words, "deadline", shop->deadline_us, "us");
	return words.items;
}
