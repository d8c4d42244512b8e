/* `http:` and `target:`. See sections.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "chaos/system.h"
#include "engine/sections.h"
#include "lib/path.h"

static const char *const versions[] = { "auto", "1.1", "2", NULL };
static const char *const connection_choices[] = { "kept", "per-journey", NULL };

static const struct shape header_shape = { .kind = SHAPE_STRING };
static const struct shape headers_shape = { .kind = SHAPE_MAP_OF, .of = &header_shape };

#define FIELD(name) offsetof(struct http_keys, name)

const struct key http_keys[] = {
	{ "version", KEY_CHOICE, FIELD(version), .choices = versions, .initial = "auto",
	  .help = "HTTP version; `auto` is 1.1" },
	{ "timeout", KEY_DURATION, FIELD(timeout_us), .initial = "30s", .minimum = 1000,
	  .maximum = 86400e6,
	  .help = "for one request, from sending it to the last byte of the answer" },
	{ "connect-timeout", KEY_DURATION, FIELD(connect_timeout_us), .initial = "10s",
	  .minimum = 1000, .maximum = 3600e6,
	  .help = "for name, TCP and TLS of a connection together" },
	{ "redirects", KEY_INTEGER, FIELD(redirects), .initial = "5", .maximum = 20,
	  .help = "how many a request follows, within the target and the hosts of `allow`" },
	{ "headers", KEY_NODE, FIELD(headers), .shape = &headers_shape,
	  .help = "sent with every request", .example = "{ Accept: application/json }" },
	{ "user-agent", KEY_STRING, FIELD(user_agent), .initial = "sagastorm",
	  .help = "what to call ourselves; empty: not sent" },
	{ "compression", KEY_BOOL, FIELD(compression), .initial = "no",
	  .help = "ask for gzip; it costs the generator CPU where bodies are looked at" },
	{ "connections", KEY_CHOICE, FIELD(connections), .choices = connection_choices,
	  .initial = "kept",
	  .help = "whether the next visitor takes over a connection (`kept`) or each makes its "
		  "own" },
	{ "keep-alive", KEY_BOOL, FIELD(keep_alive), .initial = "yes",
	  .help = "no: every request makes a connection of its own" },
	{ "ca", KEY_STRING, FIELD(ca),
	  .help = "PEM file with the certificates to trust instead of the system's" },
	{ "verify", KEY_BOOL, FIELD(verify), .initial = "yes",
	  .help = "check the server's certificate and name" },
	{ "certificate", KEY_STRING, FIELD(certificate),
	  .help = "PEM file with a client certificate" },
	{ "key", KEY_STRING, FIELD(key), .help = "PEM file with the key of `certificate`" },
	{ "sni", KEY_STRING, FIELD(sni),
	  .help = "name to ask for and to check instead of the URL's" },
	{ "proxy", KEY_STRING, FIELD(proxy),
	  .help = "proxy for everything; none by default, whatever the environment says",
	  .example = "http://127.0.0.1:3128" },
	{ "resolve", KEY_STRINGS, FIELD(resolve),
	  .help = "fixed addresses of names, as host:port:address",
	  .example = "[\"shop.example:443:127.0.0.1\"]" },
	{ "from", KEY_STRINGS, FIELD(from),
	  .help = "local addresses to connect from, in turn; each gives about 28,000 more "
		  "connections to one destination", .example = "[127.0.0.2, 127.0.0.3]" },
	{ "max-body", KEY_SIZE, FIELD(max_body_bytes), .initial = "16MiB", .minimum = 1024,
	  .maximum = 1024.0 * 1024 * 1024,
	  .help = "a larger body that something looks at is a failed request" },
	{ "allow", KEY_STRINGS, FIELD(allow),
	  .help = "other hosts that requests and redirects may go to; without a scheme the "
		  "target's is meant", .example = "[cdn.example, \"http://127.0.0.1:9000\"]" },
	KEYS_END
};

static struct place place_of(const struct loading *loading, const char *key)
{
	const struct yaml *http = yaml_get(loading->root, "http");
	const struct yaml *node = yaml_get(http, key);

	return node ? node->at : http ? http->at : loading->root->at;
}

/* A file that libcurl will want: found and readable now, or it is a mistake now. */
static bool read_file_name(struct loading *loading, const char *key, const char *name,
			   const char **out)
{
	struct place at = place_of(loading, key);
	struct error err;
	FILE *file;

	if (!name)
		return true;
	*out = path_beside(&loading->scenario->arena, loading->main_file, name);
	file = fopen(*out, "re");
	if (file) {
		fclose(file);
		return true;
	}
	error_errno(&err, "'%s': cannot open '%s'", key, *out);
	return complain(loading->complaints, at, "%s", err.text);
}

static bool read_files(struct loading *loading)
{
	struct transfer_settings *transfer = &loading->scenario->transfer;
	const struct http_keys *http = &loading->sections.http;
	bool good = read_file_name(loading, "ca", http->ca, &transfer->ca);

	good = read_file_name(loading, "certificate", http->certificate, &transfer->certificate) &&
	       good;
	good = read_file_name(loading, "key", http->key, &transfer->key) && good;
	if (http->key && !http->certificate)
		good = complain(loading->complaints, place_of(loading, "key"),
				"'key' without its 'certificate'");
	return good;
}

static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_resolve(struct arena *arena, const char *entry)
{
	const char *first = strchr(entry, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	struct text address;
	int64_t port;

	if (!second || first == entry ||
	    !unit_integer((struct text){ first + 1, (size_t)(second - first - 1) }, &port, NULL) ||
	    port < 1 || port > 65535)
		return false;
	address = text_of(second + 1);
	if (address.length > 2 && address.data[0] == '[' && address.data[address.length - 1] == ']')
		address = (struct text){ address.data + 1, address.length - 2 };
	return is_address(arena_string(arena, address));
}

static bool check_addresses(struct loading *loading)
{
	const struct http_keys *http = &loading->sections.http;
	bool good = true;

	for (size_t i = 0; i < http->resolve.count; i++)
		if (!is_resolve(&loading->scenario->arena, http->resolve.items[i]))
			good = complain(loading->complaints, http->resolve.places[i],
					"'%.100s' is not host:port:address",
					http->resolve.items[i]);
	for (size_t i = 0; i < http->from.count; i++)
		if (!is_address(http->from.items[i]))
			good = complain(loading->complaints, http->from.places[i],
					"'%.100s' is no address", http->from.items[i]);
	return good;
}

static bool is_proxy(const char *proxy)
{
	static const char *const schemes[] = { "http://", "https://", "socks4://", "socks4a://",
					       "socks5://", "socks5h://", NULL };

	for (const char *const *scheme = schemes; *scheme; scheme++)
		if (strncasecmp(proxy, *scheme, strlen(*scheme)) == 0 && proxy[strlen(*scheme)])
			return true;
	return false;
}

/* Their names and values are checked where requests are put together. */
static bool check_headers(struct loading *loading)
{
	const struct yaml *headers = loading->sections.http.headers;

	return !headers || headers->kind == YAML_MAP ||
	       complain(loading->complaints, headers->at,
			"'headers' wants a map of name: value, not %s", yaml_kind_name(headers));
}

/* The way into the system, if there is one. */
static const char *system_target(const struct loading *loading)
{
	const struct system *system = loading->scenario->system;
	const struct edge *entrance = system ? system_entrance(system) : NULL;

	return entrance && strstr(entrance->url, "://") ? entrance->url : NULL;
}

static bool read_target(struct loading *loading)
{
	const char *override = loading->overrides ? loading->overrides->target : NULL;
	const char *target = override		       ? override :
			     loading->sections.target  ? loading->sections.target :
			     yaml_get(loading->root, "target") ? NULL :
								 system_target(loading);
	const struct yaml *node = yaml_get(loading->root, "target");
	struct place at = override ? (struct place){ "--target", 0, 0 } :
			  node	   ? node->at :
				     loading->root->at;
	struct origins *origins = &loading->origins;
	struct error err;
	bool good = true;

	if (!target) {
		/* A target that could not be read was complained about already. */
		if (!node && !loading->system_bad)
			complain(loading->complaints, at,
				 "missing key 'target': where do requests go? (or give --target "
				 "URL)");
		good = false;
	} else if (!origin_parse(text_of(target), false, &origins->items[0], origins->arena,
				 &err)) {
		good = complain(loading->complaints, at, "%s", err.text);
	}
	if (!good) /* something to go on with, so that the rest is checked too */
		origin_parse(text_of("http://127.0.0.1"), false, &origins->items[0], origins->arena,
			     NULL);
	loading->scenario->target_of_system = target && !override && !loading->sections.target;
	origins->count = 1;
	return good;
}

static bool read_allowed(struct loading *loading)
{
	const struct strings *allow = &loading->sections.http.allow;
	bool good = true;
	struct error err;

	for (size_t i = 0; i < allow->count; i++)
		if (!origins_allow(&loading->origins, text_of(allow->items[i]), &err))
			good = complain(loading->complaints, allow->places[i], "%s", err.text);
	return good;
}

static const char *const *ended(struct arena *arena, const struct strings *strings)
{
	const char **list = arena_array(arena, strings->count + 1, sizeof(*list));

	for (size_t i = 0; i < strings->count; i++)
		list[i] = strings->items[i];
	return list;
}

static void fill_transfer(struct loading *loading)
{
	struct transfer_settings *transfer = &loading->scenario->transfer;
	const struct http_keys *http = &loading->sections.http;
	struct arena *arena = &loading->scenario->arena;

	transfer->version = (enum http_version)http->version;
	transfer->verify = http->verify;
	transfer->sni = http->sni;
	transfer->proxy = http->proxy;
	transfer->resolve = ended(arena, &http->resolve);
	transfer->from = ended(arena, &http->from);
	transfer->connect_timeout_us = http->connect_timeout_us;
	transfer->max_body_bytes = http->max_body_bytes;
	transfer->keep_alive = http->keep_alive;
	transfer->seed = (uint32_t)loading->sections.seed;
	transfer->origins = loading->origins.items;
	transfer->origin_count = loading->origins.count;
	loading->scenario->new_visitors = http->connections == 1;
}

bool http_section_read(struct loading *loading)
{
	const struct http_keys *http = &loading->sections.http;
	bool good = read_target(loading);

	good = read_allowed(loading) && good;
	good = read_files(loading) && good;
	good = check_addresses(loading) && good;
	good = check_headers(loading) && good;
	if (http->proxy && !is_proxy(http->proxy))
		good = complain(loading->complaints, place_of(loading, "proxy"),
				"'%.100s' is no URL of a proxy (http://, https://, socks5://)",
				http->proxy);
	fill_transfer(loading);
	return good;
}
