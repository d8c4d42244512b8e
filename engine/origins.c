#include "engine/origins.h"

#include <ctype.h>
#include <strings.h>

#include "lib/schema.h"

static bool take_scheme(struct text *rest, bool *tls)
{
	if (rest->length >= 7 && strncasecmp(rest->data, "http://", 7) == 0)
		*tls = false;
	else if (rest->length >= 8 && strncasecmp(rest->data, "https://", 8) == 0)
		*tls = true;
	else
		return false;
	rest->data += *tls ? 8 : 7;
	rest->length -= *tls ? 8 : 7;
	return true;
}

/* "[::1]" or a name; what follows it stays in `rest`. */
static struct text take_host(struct text *rest)
{
	const char *bracket =
		rest->length && rest->data[0] == '[' ? memchr(rest->data, ']', rest->length) : NULL;
	struct text host = { rest->data, 0 };

	if (bracket)
		host.length = (size_t)(bracket + 1 - rest->data);
	else
		while (host.length < rest->length && rest->data[host.length] != ':')
			host.length++;
	rest->data += host.length;
	rest->length -= host.length;
	return host;
}

static bool is_host(struct text host)
{
	bool address = host.length > 2 && host.data[0] == '[';

	if (!host.length || host.length > 253)
		return false;
	for (size_t i = 0; i < host.length; i++) {
		char c = host.data[i];
		bool edge = address && (i == 0 || i == host.length - 1);

		if (!edge && !isalnum((unsigned char)c) && !strchr("._-", c) &&
		    !(address && c == ':'))
			return false;
	}
	return true;
}

static char *lower_case(struct arena *arena, struct text text)
{
	char *copy = arena_string(arena, text);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static bool read_port(struct text text, bool tls, uint16_t *port, struct error *err)
{
	int64_t number = tls ? 443 : 80;

	if (text.length) {
		text.data++;
		text.length--;
		if (!unit_integer(text, &number, err) || number < 1 || number > 65535)
			return error_set(err, "'%.*s' is no port (1 to 65535)",
					 text.length > 60 ? 60 : (int)text.length, text.data);
	}
	*port = (uint16_t)number;
	return true;
}

static void fill(struct origin *origin, const char *host, bool tls, uint16_t port,
		 struct arena *arena)
{
	bool usual = port == (tls ? 443 : 80);
	struct text name = text_of(host);

	if (host[0] == '[')
		name = (struct text){ host + 1, name.length - 2 };
	origin->name = arena_string(arena, name);
	origin->host = usual ? arena_string(arena, text_of(host)) :
			       arena_format(arena, "%s:%d", host, port);
	origin->url = arena_format(arena, "%s://%s:%d", tls ? "https" : "http", host, port);
	origin->port = port;
	origin->tls = tls;
}

bool origin_parse(struct text url, bool path_allowed, struct origin *origin, struct arena *arena,
		  struct error *err)
{
	struct text rest = text_trim(url), authority = { NULL, 0 }, host;
	int shown = rest.length > 100 ? 100 : (int)rest.length;
	const char *start = rest.data;
	uint16_t port = 0;
	bool tls;

	if (!take_scheme(&rest, &tls))
		return error_set(err, "'%.*s' is no URL such as http://127.0.0.1:8080", shown,
				 start);
	authority.data = rest.data;
	while (authority.length < rest.length && !strchr("/?#", rest.data[authority.length]))
		authority.length++;
	rest.data += authority.length;
	rest.length -= authority.length;
	if (!path_allowed && rest.length && !text_is(rest, "/"))
		return error_set(err, "'%.*s' has a path; paths belong in the requests", shown,
				 start);
	if (memchr(authority.data, '@', authority.length))
		return error_set(err, "a URL can't carry a user and a password (use 'auth' in "
				      "journeys)");
	host = take_host(&authority);
	if (!is_host(host) || (authority.length && authority.data[0] != ':'))
		return error_set(err, "'%.*s' has no valid host", shown, start);
	if (!read_port(authority, tls, &port, err))
		return false;
	fill(origin, lower_case(arena, host), tls, port, arena);
	return true;
}

static bool find(const struct origins *origins, const struct origin *wanted, uint16_t *number)
{
	for (uint16_t i = 0; i < origins->count; i++) {
		if (strcmp(origins->items[i].url, wanted->url) == 0) {
			*number = i;
			return true;
		}
	}
	return false;
}

bool origins_allow(struct origins *origins, struct text host, struct error *err)
{
	const char *scheme = origins->items[0].tls ? "https://" : "http://";
	struct origin origin;
	uint16_t number;

	if (!memmem(host.data, host.length, "://", 3))
		host = text_of(arena_format(origins->arena, "%s%.*s", scheme, TEXT_ARG(host)));
	if (!origin_parse(host, false, &origin, origins->arena, err))
		return false;
	if (find(origins, &origin, &number))
		return true;
	if (origins->count == ORIGINS_MAX)
		return error_set(err, "more than %d hosts", ORIGINS_MAX);
	origins->items[origins->count++] = origin;
	return true;
}

bool origins_find(void *context, struct text url, uint16_t *number, struct error *err)
{
	struct origins *origins = context;
	struct origin origin;

	if (!origin_parse(url, true, &origin, origins->arena, err))
		return false;
	if (find(origins, &origin, number))
		return true;
	return error_set(err, "'%s' is neither the target nor in 'http: allow'", origin.url);
}
