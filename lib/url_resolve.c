#include "lib/url.h"

#include <assert.h>

#include "lib/visible.h"

static size_t length_until(struct text text, char stop)
{
	const char *found = text.length ? memchr(text.data, stop, text.length) : NULL;

	return found ? (size_t)(found - text.data) : text.length;
}

static bool starts_with(struct text text, const char *prefix)
{
	return text.length && text_starts_with(text, prefix);
}

/* A colon before any '/', '?' and '#', behind what may be a scheme. */
static bool has_scheme(struct text location)
{
	for (size_t i = 0; i < location.length; i++) {
		char c = location.data[i], lower = (char)(c | 0x20);

		if (c == ':')
			return i > 0;
		if (lower >= 'a' && lower <= 'z')
			continue;
		if (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
			return false;
	}
	return false;
}

/* Back to before the last segment that stands behind `from`. */
static void drop_segment(struct buffer *out, size_t from)
{
	while (out->length > from && out->data[out->length - 1] != '/')
		out->length--;
	if (out->length > from)
		out->length--;
}

/*
 * Appends a path that starts with '/' without its "." and ".." segments: RFC 3986 §5.2.4. A path that
 * ends in one ends in a slash.
 */
static void add_path(struct buffer *out, struct text path)
{
	size_t from = out->length;

	while (path.length) {
		struct text behind = { path.data + 1, path.length - 1 };
		struct text segment = { behind.data, length_until(behind, '/') };
		bool last = segment.length == behind.length, dots = false;

		if (text_is(segment, "..")) {
			drop_segment(out, from);
			dots = true;
		} else if (text_is(segment, ".")) {
			dots = true;
		}
		if (!dots || last)
			buffer_add_char(out, '/');
		if (!dots)
			buffer_add_text(out, segment);
		path = (struct text){ segment.data + segment.length,
				      behind.length - segment.length };
	}
	if (out->length == from)
		buffer_add_char(out, '/');
}

/* Path and query; what is outside ASCII is percent-encoded. */
static void add_target(struct buffer *out, struct text path, struct text query)
{
	struct buffer whole = BUFFER_EMPTY;

	if (!starts_with(path, "/"))
		buffer_add_char(&whole, '/');
	buffer_add_text(&whole, path);
	add_path(out, buffer_text(&whole));
	buffer_release(&whole);
	buffer_add_text(out, query);
}

static void encode_bytes(struct text text, struct buffer *out)
{
	for (size_t i = 0; i < text.length; i++) {
		if ((unsigned char)text.data[i] < 0x80)
			buffer_add_char(out, text.data[i]);
		else
			url_encode(out, (struct text){ text.data + i, 1 });
	}
}

/* "http://host:port" of a URL that has it all. */
static struct text origin_of(struct text url)
{
	size_t scheme = length_until(url, ':') + 3, length = scheme;

	while (length < url.length && !strchr("/?#", url.data[length]))
		length++;
	return (struct text){ url.data, length };
}

/* An absolute URL, or one that lacks only its scheme: as it is, without dot segments. */
static bool resolve_absolute(struct text location, struct buffer *target, struct url *url,
			     struct error *err)
{
	struct text path, query;

	if (!url_parse(location, url, err))
		return false;
	path = (struct text){ url->path.data, length_until(url->path, '?') };
	query = (struct text){ path.data + path.length, url->path.length - path.length };
	buffer_add_text(target, origin_of(location));
	add_target(target, path, query);
	return true;
}

/* The base's directory and a path relative to it. */
static void merge(struct text base, struct text path, struct buffer *out)
{
	const char *slash = base.length ? memrchr(base.data, '/', base.length) : NULL;

	buffer_add(out, base.data, slash ? (size_t)(slash + 1 - base.data) : 0);
	buffer_add_text(out, path);
}

static void resolve_path(struct text base, struct text location, struct buffer *target)
{
	struct text path = { location.data, length_until(location, '?') };
	struct text query = { path.data + path.length, location.length - path.length };
	struct text base_path = { base.data, length_until(base, '?') };
	struct buffer merged = BUFFER_EMPTY;

	if (path.length == 0) {
		if (location.length == 0)
			query = (struct text){ base.data + base_path.length,
					       base.length - base_path.length };
		path = base_path;
	} else if (path.data[0] != '/') {
		merge(base_path, path, &merged);
		path = buffer_text(&merged);
	}
	add_target(target, path, query);
	buffer_release(&merged);
}

static bool check(struct text location, struct error *err)
{
	char shown[VISIBLE_MAX];

	for (size_t i = 0; i < location.length; i++)
		if ((unsigned char)location.data[i] <= ' ' || location.data[i] == 0x7f)
			return error_set(err, "a blank or a control character in Location '%s'",
					 visible(shown, location));
	return true;
}

/* By the shape of the location. `url` is the origin's until it becomes the target's. */
static bool resolve(struct text origin, struct text path, struct text location,
		    struct buffer *target, struct url *url, struct error *err)
{
	struct buffer whole = BUFFER_EMPTY;
	bool good;

	if (has_scheme(location))
		return resolve_absolute(location, target, url, err);
	if (starts_with(location, "//")) {
		buffer_add_string(&whole, url->tls ? "https:" : "http:");
		buffer_add_text(&whole, location);
		good = resolve_absolute(buffer_text(&whole), target, url, err);
		buffer_release(&whole);
		return good;
	}
	buffer_add_text(target, origin_of(origin));
	resolve_path(path, location, target);
	return true;
}

bool url_resolve(const char *origin, struct text path, struct text location, struct buffer *target,
		 struct url *url, struct error *err)
{
	struct buffer ascii = BUFFER_EMPTY;
	bool good;

	assert(origin);
	buffer_clear(target);
	location = text_trim(location);
	location.length = length_until(location, '#');
	if (!check(location, err) || !url_parse(text_of(origin), url, err))
		return false;
	encode_bytes(location, &ascii);
	good = resolve(text_of(origin), path, buffer_text(&ascii), target, url, err) &&
	       url_parse(buffer_text(target), url, err);
	buffer_release(&ascii);
	return good;
}
