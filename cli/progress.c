#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/live.h"
#include "cli/terminal.h"
#include "lib/schema.h"
#include "lib/visible.h"

/* Pipelines give some of their jobs a terminal, which nobody looks at. */
static bool is_pipeline(void)
{
	const char *value = getenv("CI");

	return value && *value && strcmp(value, "false") != 0;
}

void progress_init(struct progress *progress, enum progress_style style, FILE *out)
{
	*progress = (struct progress){ .style = style, .out = out };
	if (style != PROGRESS_AUTO && style != PROGRESS_TUI)
		return;
	progress->style = PROGRESS_PLAIN;
	if (terminal_is_capable(fileno(out)) && (style == PROGRESS_TUI || !is_pipeline()))
		progress->style = PROGRESS_TUI;
	if (progress->style == PROGRESS_TUI)
		progress->live = live_new(out, STDIN_FILENO);
}

static uint64_t failures(const struct tally *tally)
{
	uint64_t sum = 0;

	for (int i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++)
		sum += tally->failures[i];
	return sum;
}

/*
 * " 12/105s  sale 200/s  started 200  requests 612  under way 31  p50 1.2 ms ..."
 *
 * On a terminal the line must not be longer than the terminal is wide: it could not be rewritten
 * then. So what matters least is left out first, and the rest is shown in the order below.
 */
struct part {
	int rank; /* 0 is always shown */
	char words[80];
};

enum { LINE_PARTS = 9, GAP = 2, NAME_COLUMNS = 24 };

struct parts {
	struct part items[LINE_PARTS];
	int count;
};

__attribute__((format(printf, 3, 4))) static void add_part(struct parts *parts, int rank,
							   const char *format, ...)
{
	struct part *part = &parts->items[parts->count++];
	va_list arguments;

	part->rank = rank;
	va_start(arguments, format);
	vsnprintf(part->words, sizeof(part->words), format, arguments);
	va_end(arguments);
}

static void add_duration(struct parts *parts, int rank, const char *what, int64_t us)
{
	struct buffer shown = BUFFER_EMPTY;

	unit_show_duration(&shown, us);
	add_part(parts, rank, "%s %s", what, shown.data);
	buffer_release(&shown);
}

static void add_target(struct parts *parts, const struct run_progress *now)
{
	if (now->stopping || !now->phase)
		add_part(parts, 0, "%s", now->stopping ? "stopping" : "draining");
	else if (now->target_users)
		add_part(parts, 0, "%.*s %" PRIu32 " users", NAME_COLUMNS, now->phase,
			 now->target_users);
	else
		add_part(parts, 0, "%.*s %.0f/s", NAME_COLUMNS, now->phase, now->target_rate);
}

static void list_parts(struct parts *parts, const struct run_progress *now)
{
	uint64_t dropped = now->total->outcomes[OUTCOME_DROPPED];

	add_part(parts, 0, "%3.0f/%.0fs", now->at_s, now->planned_s);
	add_target(parts, now);
	add_part(parts, 7, "started %" PRIu64, now->second->scheduled);
	add_part(parts, 3, "requests %" PRIu64, now->second->done);
	add_part(parts, 5, "under way %" PRIu64, now->total->under_way);
	add_duration(parts, 6, "p50", hist_quantile(now->second->latency, 0.5));
	add_duration(parts, 4, "p99", hist_quantile(now->second->latency, 0.99));
	add_duration(parts, 8, "lag", now->second->lag_max_us);
	if (failures(now->total) && dropped)
		add_part(parts, 1, "errors %" PRIu64 "  dropped %" PRIu64, failures(now->total),
			 dropped);
	else if (failures(now->total))
		add_part(parts, 1, "errors %" PRIu64, failures(now->total));
	else if (dropped)
		add_part(parts, 1, "dropped %" PRIu64, dropped);
}

/* The highest rank that still fits, when all of the lower ones are shown. */
static int rank_that_fits(const struct parts *parts, size_t width)
{
	for (int rank = LINE_PARTS; rank > 0; rank--) {
		size_t length = 0;

		for (int i = 0; i < parts->count; i++)
			if (parts->items[i].rank <= rank)
				length += strlen(parts->items[i].words) + (i ? GAP : 0);
		if (length <= width)
			return rank;
	}
	return 0;
}

static void format(struct buffer *line, const struct run_progress *now, size_t width)
{
	struct parts parts = { .count = 0 };
	int rank;

	list_parts(&parts, now);
	rank = rank_that_fits(&parts, width);
	for (int i = 0; i < parts.count; i++)
		if (parts.items[i].rank <= rank)
			buffer_format(line, "%s%s", i ? "  " : "", parts.items[i].words);
	if (line->length > width)
		line->data[line->length = width] = '\0';
}

/* One less than there are: in the last one some terminals wrap. It may change at any time. */
static size_t columns_of(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
		return 79;
	return size.ws_col - 1u;
}

static void show_line(struct progress *progress, const struct run_progress *now)
{
	bool rewritten = progress->style == PROGRESS_LINE;
	struct buffer line = BUFFER_EMPTY;

	format(&line, now, rewritten ? columns_of(progress->out) : SIZE_MAX);
	fprintf(progress->out, rewritten ? "\r\033[K%s" : "%s\n", line.data);
	fflush(progress->out);
	progress->open_line = rewritten;
	buffer_release(&line);
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
	uint32_t tens = (uint32_t)(now->at_s / 10);
	bool plain = progress->style == PROGRESS_PLAIN;

	if (progress->live) {
		live_take_second(progress->live, now);
		plain = !live_is_shown(progress->live); /* it could not take the terminal */
	}
	if (progress->style == PROGRESS_JSON)
		show_json(progress->out, now);
	else if (progress->style == PROGRESS_LINE || (plain && tens > progress->shown))
		show_line(progress, now);
	progress->shown = tens;
}

void progress_notice(void *context, const char *text)
{
	struct progress *progress = context;
	struct buffer shown = BUFFER_EMPTY;

	if (progress->style == PROGRESS_NONE || progress->style == PROGRESS_JSON)
		return;
	visible_add(&shown, text_of(text)); /* it may quote what others wrote */
	text = shown.data ? shown.data : "";
	if (live_is_shown(progress->live)) {
		live_notice(progress->live, text);
	} else {
		fprintf(progress->out, "%s%s\n", progress->open_line ? "\r\033[K" : "", text);
		fflush(progress->out);
		progress->open_line = false;
	}
	buffer_release(&shown);
}

static unsigned look(void *context, const struct run_view *view)
{
	const struct progress *progress = context;

	return live_look(progress->live, view);
}

static void leave(void *context)
{
	const struct progress *progress = context;

	live_end(progress->live);
}

const struct run_watcher *progress_watcher(const struct progress *progress)
{
	static const struct run_watcher watcher = { look, leave };

	return progress->live ? &watcher : NULL;
}

void progress_end(struct progress *progress)
{
	live_free(progress->live);
	progress->live = NULL;
	if (progress->open_line)
		fputs("\r\033[K", progress->out);
	progress->open_line = false;
	fflush(progress->out);
}
