/*
 * histograms/latency.hlog: HdrHistogram's log, a line per second and request name (its tag), all
 * phases, at the second in which the answer was complete. Written as the run is read, so that its
 * length costs no memory, and put in place at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "reports/format.h"

#define LOG_NAME "histograms/latency.hlog"

struct log {
	FILE *file;
	char *part, *path; /* while it is written, and at the end */
	struct buffer lines;
	struct error problem;
	bool failed;
};

static char *path_of(const struct report *report, const char *suffix)
{
	struct buffer path = BUFFER_EMPTY;

	buffer_format(&path, "%s/" LOG_NAME "%s", report->directory, suffix);
	return path.data;
}

static void write_lines(struct log *log)
{
	if (!log->failed &&
	    fwrite(log->lines.data, 1, log->lines.length, log->file) != log->lines.length)
		log->failed = !error_errno(&log->problem, "cannot write '%s'", log->part);
	buffer_clear(&log->lines);
}

static struct log *log_new(const struct report *report)
{
	struct log *log = memory_new(sizeof(*log));
	struct buffer directory = BUFFER_EMPTY;

	log->part = path_of(report, ".part");
	log->path = path_of(report, "");
	buffer_format(&directory, "%s/histograms", report->directory);
	log->failed = !file_make_directory(directory.data, &log->problem);
	buffer_release(&directory);
	if (log->failed)
		return log;
	log->file = fopen(log->part, "we");
	if (!log->file)
		log->failed = !error_errno(&log->problem, "cannot create '%s'", log->part);
	hist_log_begin(&log->lines, report->meta->wall_start_us,
		       "sagastorm: latencies in microseconds");
	write_lines(log);
	return log;
}

static void second(void **state, const struct report *report, const struct second *second)
{
	struct log *log = *state ? *state : (*state = log_new(report));

	for (size_t i = 0; i < second->name_count && !log->failed; i++)
		if (second->latencies[i] && second->latencies[i]->total)
			hist_log_add(&log->lines, second->latencies[i], report->meta->requests[i],
				     (double)second->start_us / (double)US_PER_S, 1);
	write_lines(log);
}

static bool put_in_place(struct log *log, struct error *err)
{
	if (log->file && fclose(log->file) != 0 && !log->failed)
		log->failed = !error_errno(&log->problem, "cannot write '%s'", log->part);
	if (!log->failed && rename(log->part, log->path) != 0)
		log->failed = !error_errno(&log->problem, "cannot write '%s'", log->path);
	if (!log->failed)
		return true;
	unlink(log->part);
	return error_set(err, "%s", log->problem.text);
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct log *log = state ? state : log_new(report);
	bool good = put_in_place(log, err);

	buffer_release(&log->lines);
	free(log->part);
	free(log->path);
	free(log);
	return good;
}

const struct report_format report_format_hlog = {
	.name = "hlog",
	.writes = LOG_NAME,
	.second = second,
	.finish = finish,
};
