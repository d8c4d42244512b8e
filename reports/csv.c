/*
 * timeseries.csv: a line per second and request name in which anything was done, for spreadsheets
 * and data frames (RFC 4180). All phases; a request is in the second in which its answer was
 * complete, as in the log of histograms. Written as the run is read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/memory.h"
#include "reports/format.h"
#include "reports/words.h"

#define CSV_NAME "timeseries.csv"

enum { NAME_BYTES_MAX = 300 };

struct tally {
	uint64_t errors, retries, bytes_in;
};

struct table {
	FILE *file;
	char *part, *path; /* while it is written, and at the end */
	struct buffer lines;
	struct tally *names; /* of this second */
	struct error problem;
	bool failed;
};

/*
 * In quotes, whatever it is. What a spreadsheet would take for a formula gets an apostrophe before
 * it, as they want it themselves.
 */
static void add_name(struct buffer *out, const char *name)
{
	struct buffer clean = BUFFER_EMPTY;

	words_add_line(&clean, text_of(name), NAME_BYTES_MAX);
	buffer_add_char(out, '"');
	if (clean.length && strchr("=+-@", clean.data[0]))
		buffer_add_char(out, '\'');
	for (size_t i = 0; i < clean.length; i++) {
		if (clean.data[i] == '"')
			buffer_add_char(out, '"');
		buffer_add_char(out, clean.data[i]);
	}
	buffer_add_char(out, '"');
	buffer_release(&clean);
}

static void write_lines(struct table *table)
{
	if (!table->failed &&
	    fwrite(table->lines.data, 1, table->lines.length, table->file) != table->lines.length)
		table->failed = !error_errno(&table->problem, "cannot write '%s'", table->part);
	buffer_clear(&table->lines);
}

static struct table *table_new(const struct report *report)
{
	struct table *table = memory_new(sizeof(*table));
	struct buffer path = BUFFER_EMPTY;

	table->names = memory_array(report->meta->request_count + 1, sizeof(*table->names));
	buffer_format(&path, "%s/" CSV_NAME, report->directory);
	table->path = path.data;
	path = (struct buffer)BUFFER_EMPTY;
	buffer_format(&path, "%s.part", table->path);
	table->part = path.data;
	table->file = fopen(table->part, "we");
	if (!table->file)
		table->failed = !error_errno(&table->problem, "cannot create '%s'", table->part);
	buffer_add_string(&table->lines,
			  "second,request,done,errors,retries,p50_us,p90_us,p99_us,max_us,"
			  "bytes_in\r\n");
	write_lines(table);
	return table;
}

static struct table *table_of(void **state, const struct report *report)
{
	return *state ? *state : (*state = table_new(report));
}

static void add_record(void **state, const struct report *report, const struct record *record)
{
	struct record_request request;
	struct tally *tally;

	if (record->kind != RECORD_REQUEST)
		return;
	memcpy(&request, record->payload, sizeof(request));
	tally = &table_of(state, report)->names[request.name];
	tally->bytes_in += request.bytes_in;
	if (record->flags & REQUEST_WILL_RETRY)
		tally->retries++;
	else if (request_counts(&request, record->flags))
		tally->errors += request.failure != FAILURE_NONE;
}

static void add_line(struct table *table, const struct second *second, const char *name,
		     const struct hist *hist, const struct tally *tally)
{
	struct buffer *out = &table->lines;

	buffer_format(out, "%" PRId64 ",", second->start_us / US_PER_S);
	add_name(out, name);
	buffer_format(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, hist->total, tally->errors,
		      tally->retries);
	buffer_format(out, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 "\r\n",
		      hist_quantile(hist, 0.5), hist_quantile(hist, 0.9), hist_quantile(hist, 0.99),
		      hist->max, tally->bytes_in);
}

static void end_second(void **state, const struct report *report, const struct second *second)
{
	struct table *table = table_of(state, report);

	for (size_t i = 0; i < second->name_count; i++) {
		const struct hist *hist = second->latencies[i];

		if (!hist || !hist->total)
			continue;
		add_line(table, second, report->meta->requests[i], hist, &table->names[i]);
		table->names[i] = (struct tally){ 0 };
	}
	write_lines(table);
}

static bool put_in_place(struct table *table, struct error *err)
{
	if (table->file && fclose(table->file) != 0 && !table->failed)
		table->failed = !error_errno(&table->problem, "cannot write '%s'", table->part);
	if (!table->failed && rename(table->part, table->path) != 0)
		table->failed = !error_errno(&table->problem, "cannot write '%s'", table->path);
	if (!table->failed)
		return true;
	unlink(table->part);
	return error_set(err, "%s", table->problem.text);
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct table *table = state ? state : table_new(report);
	bool good = put_in_place(table, err);

	buffer_release(&table->lines);
	free(table->names);
	free(table->part);
	free(table->path);
	free(table);
	return good;
}

const struct report_format report_format_csv = {
	.name = "csv",
	.writes = CSV_NAME,
	.second = end_second,
	.record = add_record,
	.finish = finish,
};
