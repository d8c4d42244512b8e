/* Paths and the patterns they fit. */
#include "shop/frame.h"

bool path_split(struct text path, struct path_parts *parts)
{
	const char *at = path.data, *end = path.data + path.length;

	parts->count = 0;
	while (at < end && *at == '/') {
		const char *start = ++at;

		if (parts->count == sizeof(parts->parts) / sizeof(*parts->parts))
			return false;
		while (at < end && *at != '/')
			at++;
		parts->parts[parts->count++] = (struct text){ start, (size_t)(at - start) };
	}
	return at == end;
}

static bool takes_rest(struct text pattern)
{
	return pattern.length > 2 && pattern.data[pattern.length - 2] == '*' &&
	       pattern.data[pattern.length - 1] == '}';
}

static struct text rest_of(const struct path_parts *path, size_t from)
{
	struct text first = path->parts[from], last = path->parts[path->count - 1];

	return (struct text){ first.data, (size_t)(last.data + last.length - first.data) };
}

bool route_fits(const struct path_parts *pattern, const struct path_parts *path,
		struct text found[4])
{
	size_t parameters = 0;

	memset(found, 0, 4 * sizeof(*found));
	if (path->count < pattern->count)
		return false;
	for (size_t i = 0; i < pattern->count; i++) {
		struct text wanted = pattern->parts[i];

		if (!text_starts_with(wanted, "{")) {
			if (!text_equal(wanted, path->parts[i]))
				return false;
			continue;
		}
		if (takes_rest(wanted)) {
			found[parameters] = rest_of(path, i);
			return true;
		}
		if (path->parts[i].length == 0)
			return false;
		found[parameters++] = path->parts[i];
	}
	return path->count == pattern->count;
}
