#include "lib/path.h"

char *path_beside(struct arena *arena, const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	if (!slash || path[0] == '/')
		return arena_string(arena, text_of(path));
	return arena_format(arena, "%.*s%s", (int)(slash + 1 - file), file, path);
}

char *path_stem(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct text stem = text_of(slash ? slash + 1 : path);
	const char *dot = strrchr(stem.data, '.');

	if (dot && dot != stem.data)
		stem.length = (size_t)(dot - stem.data);
	return arena_string(arena, stem);
}
