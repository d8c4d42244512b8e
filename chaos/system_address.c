/* Where something listens. See chaos/system.h. */
#include "chaos/system.h"

static const struct {
	const char *scheme;
	enum edge_protocol protocol;
	uint16_t port; /* 0: has to be written */
} schemes[] = {
	{ "http://", EDGE_HTTP, 80 },
	{ "https://", EDGE_TLS, 443 },
	{ "tcp://", EDGE_TCP, 0 },
	{ "tls://", EDGE_TLS, 0 },
};

static struct text rest_after(struct text text, size_t length)
{
	return (struct text){ text.data + length, text.length - length };
}

static bool take_scheme(struct text *rest, struct address *address, struct error *err)
{
	const char *mark = rest->length ? memmem(rest->data, rest->length, "://", 3) : NULL;

	address->protocol = EDGE_TCP;
	address->port = 0;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!text_starts_with(*rest, schemes[i].scheme))
			continue;
		address->protocol = schemes[i].protocol;
		address->port = schemes[i].port;
		*rest = rest_after(*rest, strlen(schemes[i].scheme));
		return true;
	}
	return !mark ||
	       error_set(err, "unknown scheme '%.*s' (http, https, tcp or tls)",
			 (int)(mark - rest->data > 40 ? 40 : mark - rest->data), rest->data);
}

/* "[::1]" or up to the colon. */
static struct text take_host(struct text *rest)
{
	struct text host = *rest;
	size_t skipped = 0;

	if (rest->length && rest->data[0] == '[') {
		const char *end = memchr(rest->data, ']', rest->length);

		if (!end)
			return (struct text){ rest->data, 0 };
		host = (struct text){ rest->data + 1, (size_t)(end - rest->data - 1) };
		skipped = host.length + 2;
	} else {
		const char *colon = rest->length ? memchr(rest->data, ':', rest->length) : NULL;

		host.length = colon ? (size_t)(colon - rest->data) : rest->length;
		skipped = host.length;
	}
	*rest = rest_after(*rest, skipped);
	return host;
}

static bool is_host(struct text host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:";

	for (size_t i = 0; i < host.length; i++)
		if (!host.data[i] || !strchr(allowed, host.data[i]))
			return false;
	return host.length > 0 && host.length <= 253;
}

bool address_read(struct text text, struct address *address, struct error *err)
{
	struct text rest = text_trim(text), authority = rest;
	int shown = rest.length > 100 ? 100 : (int)rest.length;
	int64_t port;

	if (!take_scheme(&rest, address, err))
		return false;
	authority = rest;
	for (size_t i = 0; i < rest.length; i++)
		if (strchr("/?#", rest.data[i])) {
			authority.length = i;
			break;
		}
	address->host = take_host(&authority);
	if (!is_host(address->host) || (authority.length && authority.data[0] != ':'))
		return error_set(err, "'%.*s' has no valid host (http://host:port or host:port)",
				 shown, text_trim(text).data);
	if (authority.length) {
		if (!unit_integer(rest_after(authority, 1), &port, err) || port < 1 || port > 65535)
			return error_set(err, "'%.*s' has no valid port (1 to 65535)", shown,
					 text_trim(text).data);
		address->port = (uint16_t)port;
	}
	return address->port || error_set(err, "'%.*s' has no port", shown, text_trim(text).data);
}
