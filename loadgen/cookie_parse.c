#include "loadgen/cookie_parse.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <strings.h>

#include "loadgen/cookies.h"

enum { PATH_MAX_BYTES = 1024, DATE_MAX = 64 };

static struct text before(struct text text, char stop)
{
	const char *found = text.length ? memchr(text.data, stop, text.length) : NULL;

	return (struct text){ text.data, found ? (size_t)(found - text.data) : text.length };
}

/* Behind `head` and the character that ended it. */
static struct text behind(struct text text, struct text head)
{
	size_t taken = head.length < text.length ? head.length + 1 : text.length;

	return (struct text){ text.data + taken, text.length - taken };
}

/* Without the query. */
static struct text cookie_same_path(struct text path)
{
	return before(path, '?');
}

bool cookie_path_matches(struct text path, struct text cookie_path)
{
	path = cookie_same_path(path);
	if (path.length < cookie_path.length || cookie_path.length == 0 ||
	    memcmp(path.data, cookie_path.data, cookie_path.length) != 0)
		return false;
	return path.length == cookie_path.length ||
	       cookie_path.data[cookie_path.length - 1] == '/' ||
	       path.data[cookie_path.length] == '/';
}

static bool same_nocase(struct text a, struct text b)
{
	return a.length == b.length && strncasecmp(a.data, b.data, a.length) == 0;
}

static bool is_address(struct text host)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (host.length == 0 || host.length >= sizeof(copy))
		return false;
	memcpy(copy, host.data, host.length);
	copy[host.length] = '\0';
	return inet_pton(AF_INET, copy, &address) == 1 || inet_pton(AF_INET6, copy, &address) == 1;
}

static bool ends_in_domain(struct text host, struct text domain)
{
	size_t more;

	if (host.length <= domain.length)
		return false;
	more = host.length - domain.length;
	return host.data[more - 1] == '.' &&
	       same_nocase((struct text){ host.data + more, domain.length }, domain);
}

bool cookie_host_matches(struct text host, struct text domain)
{
	return same_nocase(host, domain) || (ends_in_domain(host, domain) && !is_address(host));
}

bool cookie_is_safe(struct text host, bool tls)
{
	return tls || text_is_nocase(host, "localhost") ||
	       ends_in_domain(host, text_of("localhost")) || text_is(host, "::1") ||
	       (text_starts_with(host, "127.") && is_address(host));
}

static bool has_control(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (((unsigned char)text.data[i] < ' ' && text.data[i] != '\t') ||
		    text.data[i] == 0x7f)
			return true;
	return false;
}

/* Seconds from now; what is not a number is no Max-Age. */
static void read_max_age(struct text value, int64_t now_s, int64_t *expires_s)
{
	bool negative = value.length && value.data[0] == '-';
	int64_t age = 0;

	if (value.length == (size_t)negative)
		return;
	for (size_t i = negative; i < value.length; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return;
		if (age < INT64_C(10000000000)) /* three hundred years are enough */
			age = age * 10 + (value.data[i] - '0');
	}
	*expires_s = negative || age == 0 ? 0 : now_s + age;
}

static void read_expires(struct text value, int64_t *expires_s)
{
	char copy[DATE_MAX];
	time_t when;

	if (value.length == 0 || value.length >= sizeof(copy))
		return;
	memcpy(copy, value.data, value.length);
	copy[value.length] = '\0';
	when = curl_getdate(copy, NULL);
	if (when != -1)
		*expires_s = when;
}

struct attributes {
	bool has_domain, has_path, has_max_age;
	int64_t max_age_s, expires_s;
};

static void read_attribute(struct text name, struct text value, int64_t now_s,
			   struct cookie_parts *parts, struct attributes *seen)
{
	if (text_is_nocase(name, "secure")) {
		parts->secure = true;
	} else if (text_is_nocase(name, "path")) {
		parts->path = value;
		seen->has_path = true;
	} else if (text_is_nocase(name, "domain")) {
		if (value.length && value.data[0] == '.')
			value = (struct text){ value.data + 1, value.length - 1 };
		parts->domain = value;
		seen->has_domain = value.length > 0;
	} else if (text_is_nocase(name, "max-age")) {
		read_max_age(value, now_s, &seen->max_age_s);
	} else if (text_is_nocase(name, "expires")) {
		read_expires(value, &seen->expires_s);
	}
}

/* RFC 6265 §5.1.4: the directory of what was asked for. */
static struct text default_path(struct text path)
{
	const char *slash;

	path = cookie_same_path(path);
	slash = path.length && path.data[0] == '/' ? memrchr(path.data, '/', path.length) : NULL;
	if (!slash || slash == path.data)
		return (struct text){ "/", 1 };
	return (struct text){ path.data, (size_t)(slash - path.data) };
}

static bool has_prefix(struct text name, const char *prefix)
{
	size_t length = strlen(prefix);

	return name.length >= length && strncasecmp(name.data, prefix, length) == 0;
}

/* Whether whoever asked may be told this. */
static bool is_allowed(struct cookie_parts *parts, const struct cookie_request *request,
		       const struct attributes *seen)
{
	bool safe = cookie_is_safe(request->host, request->tls);

	if (seen->has_domain && !same_nocase(parts->domain, request->host) &&
	    (!cookie_host_matches(request->host, parts->domain) ||
	     !memchr(parts->domain.data, '.', parts->domain.length)))
		return false;
	if (parts->secure && !safe)
		return false;
	if (has_prefix(parts->name, "__Secure-") && !parts->secure)
		return false;
	return !has_prefix(parts->name, "__Host-") ||
	       (parts->secure && !seen->has_domain && seen->has_path && text_is(parts->path, "/"));
}

static bool read_pair(struct text pair, struct cookie_parts *parts)
{
	struct text name = before(pair, '=');

	if (name.length == pair.length)
		return false;
	parts->value = text_trim(behind(pair, name));
	parts->name = text_trim(name);
	return parts->name.length && parts->name.length + parts->value.length <= COOKIE_BYTES_MAX &&
	       !has_control(parts->name) && !has_control(parts->value);
}

bool cookie_parse(struct text line, const struct cookie_request *request,
		  struct cookie_parts *parts)
{
	struct attributes seen = { .max_age_s = COOKIE_FOREVER, .expires_s = COOKIE_FOREVER };
	struct text pair = before(line, ';'), rest = behind(line, pair);

	*parts = (struct cookie_parts){ .domain = { "", 0 } };
	if (!read_pair(pair, parts))
		return false;
	while (rest.length) {
		struct text attribute = before(rest, ';'), name = before(attribute, '=');

		read_attribute(text_trim(name), text_trim(behind(attribute, name)), request->now_s,
			       parts, &seen);
		rest = behind(rest, attribute);
	}
	if (!seen.has_path || !parts->path.length || parts->path.data[0] != '/' ||
	    parts->path.length > PATH_MAX_BYTES || has_control(parts->path)) {
		parts->path = default_path(request->path);
		seen.has_path = false;
	}
	parts->expires_s = seen.max_age_s != COOKIE_FOREVER ? seen.max_age_s : seen.expires_s;
	return parts->path.length <= PATH_MAX_BYTES && is_allowed(parts, request, &seen);
}
