/*
 * histograms/NAME.hgrm: per request name the percentiles of its latency in measured phases, for
 * HdrHistogram's plotters.
 */
#include <stdlib.h>
#include <strings.h>

#include "lib/file.h"
#include "reports/format.h"

enum { FILE_NAME_MAX = 80 };

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.';
}

/* "GET /api/products?page=1" becomes "GET-api-products-page-1": no path, no surprise in a shell. */
static char *plain_name(struct arena *arena, const char *name)
{
	char plain[FILE_NAME_MAX];
	size_t length = 0;

	for (; *name && length < sizeof(plain); name++) {
		if (is_plain(*name) && (length || *name != '.'))
			plain[length++] = *name;
		else if (length && plain[length - 1] != '-')
			plain[length++] = '-';
	}
	while (length && plain[length - 1] == '-')
		length--;
	if (length == 0)
		return arena_string(arena, text_of("request"));
	return arena_string(arena, (struct text){ plain, length });
}

/* Also apart on file systems that do not tell Cart from cart. */
static bool is_taken(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static char *free_name(struct arena *arena, char *const *names, size_t count, const char *wanted)
{
	char *plain = plain_name(arena, wanted), *name = plain;

	for (unsigned i = 2; is_taken(names, count, name); i++)
		name = arena_format(arena, "%s-%u", plain, i);
	return name;
}

static bool write_one(const struct report *report, const char *name, const struct measure *measure,
		      struct error *err)
{
	struct buffer table = BUFFER_EMPTY, path = BUFFER_EMPTY;
	struct hist *latency = measure_latency(measure);
	bool good;

	hist_write_hgrm(latency, &table);
	buffer_format(&path, "histograms/%s.hgrm", name);
	good = report_write_file(report, path.data, buffer_text(&table), err);
	hist_free(latency);
	buffer_release(&table);
	buffer_release(&path);
	return good;
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	size_t count = report->meta->request_count;
	struct arena arena = ARENA_EMPTY;
	char **names = arena_array(&arena, count, sizeof(*names));
	bool good =
		file_make_directory(arena_format(&arena, "%s/histograms", report->directory), err);

	(void)state;
	for (size_t i = 0; i < count && good; i++) {
		names[i] = free_name(&arena, names, i, report->meta->requests[i]);
		good = write_one(report, names[i], &report->figures->names[i], err);
	}
	arena_release(&arena);
	return good;
}

const struct report_format report_format_hgrm = {
	.name = "hgrm",
	.writes = "histograms/*.hgrm",
	.finish = finish,
};
