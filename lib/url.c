#include "lib/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "lib/visible.h"

enum { HOST_MAX = 255 };

static bool bad_url(struct error *err, struct text source, const char *why)
{
	char shown[VISIBLE_MAX];

	return error_set(err, "bad URL '%s': %s", visible(shown, source), why);
}

static struct text skip(struct text text, size_t count)
{
	return (struct text){ text.data + count, text.length - count };
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t span_until(struct text text, const char *stops)
{
	size_t length = 0;

	while (length < text.length && !(text.data[length] && strchr(stops, text.data[length])))
		length++;
	return length;
}

static bool has_blank(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
			return true;
	return false;
}

static bool is_name(struct text host)
{
	if (host.length == 0 || host.length > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.length; i++)
		if (!is_letter(host.data[i]) && !is_digit(host.data[i]) &&
		    !strchr("-._", host.data[i] ? host.data[i] : '/'))
			return false;
	return true;
}

static bool is_address6(struct text host)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.length == 0 || host.length >= sizeof(copy))
		return false;
	memcpy(copy, host.data, host.length);
	copy[host.length] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* Nothing, or a colon and perhaps a number. */
static bool read_port(struct text text, struct url *url)
{
	uint32_t port = 0;

	url->port = url->tls ? 443 : 80;
	if (text.length == 0)
		return true;
	if (text.data[0] != ':' || text.length > 6)
		return false;
	if (text.length == 1)
		return true;
	for (size_t i = 1; i < text.length; i++) {
		if (!is_digit(text.data[i]))
			return false;
		port = port * 10 + (uint32_t)(text.data[i] - '0');
	}
	url->port = (uint16_t)port;
	return port >= 1 && port <= 65535;
}

static const char *read_authority(struct text authority, struct url *url)
{
	bool bracket = authority.length && authority.data[0] == '[';
	size_t length = span_until(authority, bracket ? "]" : ":");

	if (memchr(authority.data, '@', authority.length))
		return "a user name in it is not supported";
	if (bracket && length == authority.length)
		return "the bracket of its address is not closed";
	url->host = (struct text){ authority.data + bracket, length - bracket };
	if (bracket ? !is_address6(url->host) : !is_name(url->host))
		return url->host.length ? "bad host" : "no host";
	if (!read_port(skip(authority, length + bracket), url))
		return "bad port";
	return NULL;
}

/* "http://" or "https://", and how long it is; 0: neither. */
static size_t read_scheme(struct text source, bool *tls)
{
	*tls = source.length >= 8 && text_is_nocase((struct text){ source.data, 8 }, "https://");
	if (*tls)
		return 8;
	return source.length >= 7 && text_is_nocase((struct text){ source.data, 7 }, "http://") ?
		       7 :
		       0;
}

bool url_parse(struct text source, struct url *url, struct error *err)
{
	struct text rest;
	size_t length = read_scheme(source, &url->tls);
	const char *problem;

	if (has_blank(source))
		return bad_url(err, source, "a blank or a control character in it");
	if (!length)
		return bad_url(err, source, "it must start with 'http://' or 'https://'");
	rest = skip(source, length);
	length = span_until(rest, "/?#");
	problem = read_authority((struct text){ rest.data, length }, url);
	if (problem)
		return bad_url(err, source, problem);
	rest = skip(rest, length);
	url->path = (struct text){ rest.data, span_until(rest, "#") };
	return true;
}

static void add_encoded(struct buffer *out, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;
	char encoded[3] = { '%', digits[byte >> 4], digits[byte & 15] };

	buffer_add(out, encoded, 3);
}

void url_encode(struct buffer *out, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (is_letter(c) || is_digit(c) || (c && strchr("-._~", c)))
			buffer_add_char(out, c);
		else
			add_encoded(out, c);
	}
}
