#include "tests/unit/made_run.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "reports/report.h"

static void path_in(const struct made_run *run, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", run->directory, name);
}

void made_run_begin(struct made_run *run, const char *meta)
{
	char path[256];

	*run = (struct made_run){ .directory = "/tmp/made_run_XXXXXX" };
	if (!mkdtemp(run->directory))
		abort();
	path_in(run, "history", path);
	run->worker = history_create(path, "worker-0", &run->err);
	run->engine = history_create(path, "engine", &run->err);
	path_in(run, "history/meta.json", path);
	if (!run->worker || !run->engine || !file_write(path, text_of(meta), &run->err))
		abort();
}

void made_request(struct made_run *run, const struct record_request *request, uint16_t flags)
{
	history_put(run->worker, RECORD_REQUEST, flags, request, sizeof(*request));
}

void made_start(struct made_run *run, const struct record_start *start)
{
	history_put(run->worker, RECORD_START, 0, start, sizeof(*start));
}

void made_event(struct made_run *run, enum run_event event, int64_t at_us, uint32_t number)
{
	struct record_event record = { .at_us = at_us, .event = event, .number = number };

	history_put(run->engine, RECORD_EVENT, 0, &record, sizeof(record));
}

void made_run_end(struct made_run *run, int64_t at_us, const uint64_t books[OUTCOME_COUNT])
{
	struct record_event record = { .at_us = at_us, .event = EVENT_RUN_ENDED };

	memcpy(record.books, books, sizeof(record.books));
	history_put(run->engine, RECORD_EVENT, 0, &record, sizeof(record));
}

json_t *made_run_report(struct made_run *run)
{
	const struct report_options options = { .colour = false };
	char path[256];

	history_close(run->worker);
	history_close(run->engine);
	run->worker = run->engine = NULL;
	buffer_clear(&run->terminal);
	if (!report_build(run->directory, &options, &run->terminal, &run->exit_code, &run->err))
		return NULL;
	path_in(run, "report.json", path);
	return json_load_file(path, 0, NULL);
}

const json_t *json_at(const json_t *root, const char *path)
{
	char copy[256];
	char *part, *rest;

	snprintf(copy, sizeof(copy), "%s", path);
	for (part = strtok_r(copy, ".", &rest); part && root; part = strtok_r(NULL, ".", &rest))
		root = json_is_array(root) ? json_array_get(root, strtoul(part, NULL, 10)) :
					     json_object_get(root, part);
	return root;
}

double number_at(const json_t *root, const char *path)
{
	const json_t *value = json_at(root, path);

	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *string_at(const json_t *root, const char *path)
{
	return json_string_value(json_at(root, path));
}

char *made_run_file(const struct made_run *run, const char *name)
{
	struct buffer contents = BUFFER_EMPTY;
	char path[256];

	path_in(run, name, path);
	buffer_add_string(&contents, "");
	file_read(path, &contents, NULL);
	return contents.data;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

void made_run_remove(struct made_run *run)
{
	history_close(run->worker);
	history_close(run->engine);
	buffer_release(&run->terminal);
	nftw(run->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
