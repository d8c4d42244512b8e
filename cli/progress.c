#include "cli/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/schema.h"

void progress_init(struct progress *progress, enum progress_style style, FILE *out)
{
	const char *terminal = getenv("TERM");

	*progress = (struct progress){ .style = style, .out = out };
	if (style != PROGRESS_AUTO)
		return;
	progress->style = PROGRESS_PLAIN;
	if (isatty(fileno(out)) && terminal && strcmp(terminal, "dumb") != 0)
		progress->style = PROGRESS_LINE;
}

static uint64_t failures(const struct tally *tally)
{
	uint64_t sum = 0;

	for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++)
		sum += tally->failures[i];
	return sum;
}

static void add_target(struct buffer *line, const struct run_progress *now)
{
	if (now->stopping || !now->phase)
		buffer_add_string(line, now->stopping ? "stopping" : "draining");
	else if (now->target_users)
		buffer_format(line, "%s %" PRIu32 " users", now->phase, now->target_users);
	else
		buffer_format(line, "%s %.0f/s", now->phase, now->target_rate);
}

static void add_durations(struct buffer *line, const struct run_progress *now)
{
	buffer_add_string(line, "  p50 ");
	unit_show_duration(line, hist_quantile(now->second->latency, 0.5));
	buffer_add_string(line, "  p99 ");
	unit_show_duration(line, hist_quantile(now->second->latency, 0.99));
	buffer_add_string(line, "  lag ");
	unit_show_duration(line, now->second->lag_max_us);
}

/* " 12/105s  sale 200/s  started 200  requests 612  under way 31  p50 1.2 ms ..." */
static void format(struct buffer *line, const struct run_progress *now)
{
	buffer_format(line, "%3.0f/%.0fs  ", now->at_s, now->planned_s);
	add_target(line, now);
	buffer_format(line, "  started %" PRIu64 "  requests %" PRIu64 "  under way %" PRIu64,
		      now->second->scheduled, now->second->done, now->total->under_way);
	add_durations(line, now);
	if (failures(now->total))
		buffer_format(line, "  errors %" PRIu64, failures(now->total));
	if (now->total->outcomes[OUTCOME_DROPPED])
		buffer_format(line, "  dropped %" PRIu64, now->total->outcomes[OUTCOME_DROPPED]);
}

static void show_json(FILE *out, const struct run_progress *now)
{
	const struct tally *total = now->total, *second = now->second;

	fprintf(out,
		"{\"at_s\":%.3f,\"planned_s\":%.3f,\"target_rate\":%.3f,\"target_users\":%" PRIu32
		",\"scheduled\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64
		",\"timed_out\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"under_way\":%" PRIu64
		",\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"second\":{\"started\":%" PRIu64
		",\"requests\":%" PRIu64 ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64
		",\"lag_max_us\":%" PRId64 "},\"stopping\":%s}\n",
		now->at_s, now->planned_s, now->target_rate, now->target_users, total->scheduled,
		total->outcomes[OUTCOME_OK], total->outcomes[OUTCOME_FAILED],
		total->outcomes[OUTCOME_TIMED_OUT], total->outcomes[OUTCOME_DROPPED],
		total->under_way, total->done, failures(total), second->scheduled, second->done,
		hist_quantile(second->latency, 0.5), hist_quantile(second->latency, 0.99),
		second->lag_max_us, now->stopping ? "true" : "false");
	fflush(out);
}

void progress_show(void *context, const struct run_progress *now)
{
	struct progress *progress = context;
	struct buffer line = BUFFER_EMPTY;
	uint32_t tens = (uint32_t)(now->at_s / 10);

	if (progress->style == PROGRESS_JSON)
		show_json(progress->out, now);
	if (progress->style == PROGRESS_LINE ||
	    (progress->style == PROGRESS_PLAIN && tens > progress->shown)) {
		format(&line, now);
		fprintf(progress->out, progress->style == PROGRESS_LINE ? "\r\033[K%s" : "%s\n",
			line.data);
		fflush(progress->out);
		progress->open_line = progress->style == PROGRESS_LINE;
	}
	progress->shown = tens;
	buffer_release(&line);
}

void progress_notice(void *context, const char *text)
{
	struct progress *progress = context;

	if (progress->style == PROGRESS_NONE || progress->style == PROGRESS_JSON)
		return;
	fprintf(progress->out, "%s%s\n", progress->open_line ? "\r\033[K" : "", text);
	fflush(progress->out);
	progress->open_line = false;
}

void progress_end(struct progress *progress)
{
	if (progress->open_line)
		fputs("\r\033[K", progress->out);
	progress->open_line = false;
	fflush(progress->out);
}
