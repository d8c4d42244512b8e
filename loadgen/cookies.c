#include "loadgen/cookies.h"

#include <stdlib.h>
#include <strings.h>

#include "lib/memory.h"
#include "loadgen/cookie_parse.h"

/* Its texts stand behind it: name, value, domain, path. */
struct cookie {
	int64_t expires_s;
	uint32_t born; /* in the order of the jar; kept when the value is replaced */
	uint16_t name_length, value_length, domain_length, path_length;
	bool host_only, secure;
	char bytes[];
};

/*
 * Those with longer paths stand first, and among equals the older ones: the order to send them in.
 */
struct cookie_jar {
	uint32_t count, room;
	uint32_t born;
	int64_t next_expiry_s; /* nothing expires before */
	struct cookie *items[];
};

void cookies_init(struct cookies *cookies)
{
	*cookies = (struct cookies)COOKIES_EMPTY;
}

void cookies_release(struct cookies *cookies)
{
	if (!cookies || !cookies->jar)
		return;
	for (uint32_t i = 0; i < cookies->jar->count; i++)
		free(cookies->jar->items[i]);
	free(cookies->jar);
	cookies->jar = NULL;
}

void cookies_clear(struct cookies *cookies)
{
	cookies_release(cookies);
}

static struct text cookie_name(const struct cookie *cookie)
{
	return (struct text){ cookie->bytes, cookie->name_length };
}

static struct text cookie_value(const struct cookie *cookie)
{
	return (struct text){ cookie->bytes + cookie->name_length, cookie->value_length };
}

static struct text cookie_domain(const struct cookie *cookie)
{
	return (struct text){ cookie->bytes + cookie->name_length + cookie->value_length,
			      cookie->domain_length };
}

static struct text cookie_path(const struct cookie *cookie)
{
	struct text domain = cookie_domain(cookie);

	return (struct text){ domain.data + domain.length, cookie->path_length };
}

static void drop(struct cookie_jar *jar, uint32_t index)
{
	free(jar->items[index]);
	jar->count--;
	memmove(jar->items + index, jar->items + index + 1,
		(jar->count - index) * sizeof(struct cookie *));
}

static uint32_t oldest(const struct cookie_jar *jar)
{
	uint32_t found = 0;

	for (uint32_t i = 1; i < jar->count; i++)
		if (jar->items[i]->born < jar->items[found]->born)
			found = i;
	return found;
}

static bool is_same(const struct cookie *cookie, const struct cookie_parts *parts,
		    struct text domain)
{
	struct text own = cookie_domain(cookie);

	return text_equal(cookie_name(cookie), parts->name) &&
	       cookie->host_only == (parts->domain.length == 0) && own.length == domain.length &&
	       strncasecmp(own.data, domain.data, domain.length) == 0 &&
	       text_equal(cookie_path(cookie), parts->path);
}

static struct cookie *new_cookie(const struct cookie_parts *parts, struct text domain)
{
	size_t bytes =
		parts->name.length + parts->value.length + domain.length + parts->path.length;
	struct cookie *cookie = memory_new(sizeof(*cookie) + bytes);
	char *end = cookie->bytes;

	cookie->expires_s = parts->expires_s;
	cookie->host_only = parts->domain.length == 0;
	cookie->secure = parts->secure;
	cookie->name_length = (uint16_t)parts->name.length;
	cookie->value_length = (uint16_t)parts->value.length;
	cookie->domain_length = (uint16_t)domain.length;
	cookie->path_length = (uint16_t)parts->path.length;
	end = mempcpy(end, parts->name.data, parts->name.length);
	end = mempcpy(end, parts->value.data, parts->value.length);
	end = mempcpy(end, domain.data, domain.length);
	memcpy(end, parts->path.data, parts->path.length);
	return cookie;
}

static struct cookie_jar *room_for_one(struct cookies *cookies)
{
	struct cookie_jar *jar = cookies->jar;

	if (!jar) {
		jar = memory_new(sizeof(*jar) + 4 * sizeof(struct cookie *));
		jar->room = 4;
		jar->next_expiry_s = COOKIE_FOREVER;
	} else if (jar->count == COOKIES_MAX) {
		drop(jar, oldest(jar));
	} else if (jar->count == jar->room) {
		jar->room *= 2;
		jar = memory_resize(jar, 1, sizeof(*jar) + jar->room * sizeof(struct cookie *));
	}
	cookies->jar = jar;
	return jar;
}

static void insert(struct cookies *cookies, struct cookie *cookie)
{
	struct cookie_jar *jar = room_for_one(cookies);
	uint32_t at = 0;

	cookie->born = jar->born++;
	while (at < jar->count && jar->items[at]->path_length >= cookie->path_length)
		at++;
	memmove(jar->items + at + 1, jar->items + at, (jar->count - at) * sizeof(struct cookie *));
	jar->items[at] = cookie;
	jar->count++;
}

/* Takes the place of one with the same name, domain and path, or is removed, or is new. */
static void put(struct cookies *cookies, const struct cookie_parts *parts, struct text domain,
		bool expired)
{
	struct cookie_jar *jar = cookies->jar;
	struct cookie *cookie;
	uint32_t at = 0;

	while (jar && at < jar->count && !is_same(jar->items[at], parts, domain))
		at++;
	if (expired) {
		if (jar && at < jar->count)
			drop(jar, at);
		return;
	}
	cookie = new_cookie(parts, domain);
	if (jar && at < jar->count) {
		cookie->born = jar->items[at]->born;
		free(jar->items[at]);
		jar->items[at] = cookie;
	} else {
		insert(cookies, cookie);
	}
	if (cookie->expires_s < cookies->jar->next_expiry_s)
		cookies->jar->next_expiry_s = cookie->expires_s;
}

void cookies_set(struct cookies *cookies, struct text host, struct text path, bool tls,
		 struct text line, int64_t now_s)
{
	struct cookie_request request = { host, path, tls, now_s };
	struct cookie_parts parts;

	if (!cookie_parse(line, &request, &parts) || host.length > UINT16_MAX)
		return;
	put(cookies, &parts, parts.domain.length ? parts.domain : host, parts.expires_s <= now_s);
	if (cookies->jar && cookies->jar->count == 0)
		cookies_release(cookies);
}

void cookies_expire(struct cookies *cookies, int64_t now_s)
{
	struct cookie_jar *jar = cookies->jar;

	if (!jar || jar->next_expiry_s > now_s)
		return;
	jar->next_expiry_s = COOKIE_FOREVER;
	for (uint32_t i = jar->count; i-- > 0;) {
		if (jar->items[i]->expires_s <= now_s)
			drop(jar, i);
		else if (jar->items[i]->expires_s < jar->next_expiry_s)
			jar->next_expiry_s = jar->items[i]->expires_s;
	}
	if (jar->count == 0)
		cookies_release(cookies);
}

static bool goes_with(const struct cookie *cookie, struct text host, struct text path, bool safe)
{
	struct text domain = cookie_domain(cookie);

	if (cookie->secure && !safe)
		return false;
	if (cookie->host_only ? host.length != domain.length ||
					strncasecmp(host.data, domain.data, host.length) != 0 :
				!cookie_host_matches(host, domain))
		return false;
	return cookie_path_matches(path, cookie_path(cookie));
}

void cookies_write(const struct cookies *cookies, struct text host, struct text path, bool tls,
		   struct buffer *out)
{
	bool safe = cookie_is_safe(host, tls), some = false;

	for (uint32_t i = 0; cookies->jar && i < cookies->jar->count; i++) {
		const struct cookie *cookie = cookies->jar->items[i];

		if (!goes_with(cookie, host, path, safe))
			continue;
		buffer_add_string(out, some ? "; " : "Cookie: ");
		buffer_add_text(out, cookie_name(cookie));
		buffer_add_char(out, '=');
		buffer_add_text(out, cookie_value(cookie));
		some = true;
	}
	if (some)
		buffer_add_string(out, "\r\n");
}

struct value cookies_get(const struct cookies *cookies, const char *name)
{
	for (uint32_t i = 0; cookies->jar && i < cookies->jar->count; i++)
		if (text_is(cookie_name(cookies->jar->items[i]), name))
			return value_string(cookie_value(cookies->jar->items[i]));
	return (struct value){ VALUE_ABSENT, { "", 0 } };
}
