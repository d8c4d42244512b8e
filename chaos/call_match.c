#include "chaos/call_match.h"

#include <strings.h>

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!is_token_char(text.data[i]))
			return false;
	return text.length > 0;
}

static bool is_upper(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] >= 'a' && text.data[i] <= 'z')
			return false;
	return true;
}

/* Up to `c`, which is taken, too. All of it when there is none. */
static struct text take_until(struct text *rest, char c)
{
	const char *found = rest->length ? memchr(rest->data, c, rest->length) : NULL;
	struct text taken = { rest->data, found ? (size_t)(found - rest->data) : rest->length };
	size_t skipped = taken.length + (found != NULL);

	rest->data += skipped;
	rest->length -= skipped;
	return taken;
}

static bool path_check(struct text path, struct error *err)
{
	struct text rest = { path.data + 1, path.length - 1 };

	for (size_t i = 0; i < path.length; i++)
		if ((unsigned char)path.data[i] <= ' ' || path.data[i] == 0x7f)
			return error_set(err, "a path has no blanks");
	if (memchr(path.data, '?', path.length) || memchr(path.data, '#', path.length))
		return error_set(err, "a path without a query: calls match whatever theirs is");
	while (rest.length)
		if (text_is(take_until(&rest, '/'), "**") && rest.length)
			return error_set(err, "'**' has to be the last segment of a path");
	return true;
}

bool call_match_read(struct text call, struct arena *arena, struct call_match *match,
		     struct error *err)
{
	struct text path = text_trim(call), method = { "", 0 };

	if (path.length && path.data[0] != '/') {
		method = take_until(&path, ' ');
		path = text_trim(path);
		if (!is_token(method) || !is_upper(method))
			return error_set(err,
					 "a call is a method in capitals, a path, or both "
					 "('POST /v1/charges'), not '%.*s'",
					 TEXT_ARG(text_trim(call)));
	} else if (!path.length) {
		return error_set(err, "a call is a method, a path, or both ('POST /v1/charges')");
	}
	if (path.length && path.data[0] != '/')
		return error_set(err, "a path starts with '/', unlike '%.*s'", TEXT_ARG(path));
	if (path.length && !path_check(path, err))
		return false;
	match->method = method.length ? arena_string(arena, method) : NULL;
	match->path = path.length ? arena_string(arena, path) : NULL;
	return true;
}

bool call_match_header_check(struct text header, struct error *err)
{
	struct text rest = header, name = take_until(&rest, ':');

	if (!is_token(name))
		return error_set(err, "a header is 'Name' or 'Name: value', not '%.*s'",
				 TEXT_ARG(header));
	for (size_t i = 0; i < rest.length; i++)
		if ((unsigned char)rest.data[i] < ' ' && rest.data[i] != '\t')
			return error_set(err, "the value of header '%.*s' has a control character",
					 TEXT_ARG(name));
	return true;
}

/* What is asked for, without the query; of "http://host/path" the path. */
static struct text path_of(struct text target)
{
	struct text path = take_until(&target, '?');
	struct text rest = path;

	if (path.length && path.data[0] == '/')
		return path;
	take_until(&rest, '/'); /* "http:" */
	if (!text_starts_with(rest, "/"))
		return path;
	rest = (struct text){ rest.data + 1, rest.length - 1 };
	while (rest.length && rest.data[0] != '/')
		rest = (struct text){ rest.data + 1, rest.length - 1 };
	return rest.length ? rest : text_of("/");
}

static bool path_is(const char *pattern, struct text path)
{
	struct text wanted = text_of(pattern);

	if (!path.length || path.data[0] != '/')
		return false;
	take_until(&wanted, '/');
	take_until(&path, '/');
	for (;;) {
		bool more_wanted = memchr(wanted.data, '/', wanted.length) != NULL;
		bool more = path.length && memchr(path.data, '/', path.length) != NULL;
		struct text segment = take_until(&wanted, '/'), is = take_until(&path, '/');

		if (text_is(segment, "**"))
			return true;
		if (text_is(segment, "*") ? !is.length : !text_equal(segment, is))
			return false;
		if (more_wanted && !more) /* "/a" is in "/a/(**)", too */
			return text_is(wanted, "**");
		if (more_wanted != more)
			return false;
		if (!more)
			return true;
	}
}

static bool header_is(const char *header, struct text headers)
{
	struct text wanted = text_of(header), name, value, wanted_name = take_until(&wanted, ':');
	bool any = wanted.data == header + wanted_name.length;

	wanted = text_trim(wanted);
	while (http1_next_header(&headers, &name, &value))
		if (name.length == wanted_name.length &&
		    strncasecmp(name.data, wanted_name.data, name.length) == 0 &&
		    (any || text_equal(value, wanted)))
			return true;
	return false;
}

bool call_match_is(const struct call_match *match, const struct http1_head *request)
{
	if (match->method && !text_is(request->method, match->method))
		return false;
	if (match->path && !path_is(match->path, path_of(request->target)))
		return false;
	return !match->header || header_is(match->header, request->headers);
}

bool call_match_counts(const struct call_match *match, uint64_t counted)
{
	uint64_t nth = match->nth > 0 ? (uint64_t)match->nth : 0;
	uint64_t every = match->every > 0 ? (uint64_t)match->every : 0;

	if (!every)
		return !nth || counted == nth;
	if (!nth)
		return counted % every == 0;
	return counted >= nth && (counted - nth) % every == 0;
}
