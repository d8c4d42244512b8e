/* Load, latency, errors and sagas in the live view. See live_parts.h. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/live_parts.h"
#include "engine/scenario.h"
#include "engine/watch.h"
#include "lib/clock.h"
#include "sagas/contract.h"

enum { LOAD_ROWS = 2, LATENCY_ROWS = 3, CELL = 17, FIGURE = 9, SPARK_LEAST = 10 };

void live_label(struct live *live, struct box box, const char *label)
{
	screen_put(&live->screen, box.row, box.column, INK_BOLD, label);
}

static bool has_sagas(const struct live *live)
{
	return live->view->scenario->contract_count > 0;
}

int live_figure_groups(const struct live *live)
{
	return 3 + has_sagas(live);
}

int live_figure_rows(const struct live *live)
{
	return LOAD_ROWS + LATENCY_ROWS + 1 + has_sagas(live);
}

/* "planned 200/s", in its cell of the grid; nothing that would stand out of the box. */
static void draw_cell(struct live *live, struct box box, int number, const char *what, enum ink ink,
		      const char *figure)
{
	int column = box.column + LABEL_COLUMNS + number * CELL;

	if (column + CELL - 2 > box.column + box.columns)
		return;
	column = screen_put(&live->screen, box.row, column, INK_DIM, what) + 1;
	screen_put(&live->screen, box.row, column, ink, figure);
}

/* Load. */

static void say_planned(const struct live *live, char words[WORDS_BYTES])
{
	const struct phase *phase = live->view->stopping ? NULL : live_phase(live);
	int64_t since_us = phase ? live->view->now_us - phase->start_us : 0;
	char count[WORDS_BYTES];

	if (!phase)
		snprintf(words, WORDS_BYTES, "nothing");
	else if (phase->kind == PHASE_USERS || phase->kind == PHASE_COUNT)
		snprintf(words, WORDS_BYTES, "%s users",
			 live_say_count(count, phase_users_at(phase, since_us)));
	else
		snprintf(words, WORDS_BYTES, "%s/s",
			 live_say_count(count, (uint64_t)(phase_rate_at(phase, since_us) + 0.5)));
}

static void draw_count(struct live *live, struct box box, int number, const char *what,
		       uint64_t count)
{
	char words[WORDS_BYTES];

	draw_cell(live, box, number, what, INK_PLAIN, live_say_count(words, count));
}

static void draw_rate(struct live *live, struct box box, int number, const char *what,
		      uint64_t count)
{
	char words[WORDS_BYTES], rate[WORDS_BYTES + 2];

	snprintf(rate, sizeof(rate), "%s/s", live_say_count(words, count));
	draw_cell(live, box, number, what, INK_PLAIN, rate);
}

/* Lag as the scenario judges it; its p99 is what counts, but the worst is what is known now. */
static void draw_lag(struct live *live, struct box box, int number)
{
	bool late = live->second.lag_max_us > live->view->scenario->generator.lag_limit_us;
	char words[WORDS_BYTES];

	draw_cell(live, box, number, "lag", late ? INK_WARN : INK_PLAIN,
		  live_say_us(words, live->second.lag_max_us));
}

static void draw_load(struct live *live, struct box box)
{
	uint64_t dropped = live->total.outcomes[OUTCOME_DROPPED];
	char words[WORDS_BYTES];

	live_label(live, box, "load");
	say_planned(live, words);
	draw_cell(live, box, 0, "planned", INK_PLAIN, words);
	draw_rate(live, box, 1, "started",
		  live->second.scheduled - live->second.outcomes[OUTCOME_DROPPED]);
	draw_rate(live, box, 2, "requests", live->second.done);
	draw_lag(live, box, 3);
	box.row++;
	draw_count(live, box, 0, "sent", live->total.sent);
	draw_count(live, box, 1, "done", live->total.done);
	draw_count(live, box, 2, "in flight", live->total.sent - live->total.done);
	draw_cell(live, box, 3, "dropped", dropped ? INK_WARN : INK_PLAIN,
		  live_say_count(words, dropped));
}

/* Latency. */

static const struct {
	const char *name;
	double quantile;
} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 }, { "max", 1 } };

enum { QUANTILES = sizeof(quantiles) / sizeof(quantiles[0]) };

static void draw_right(struct live *live, int row, int end, enum ink ink, const char *words)
{
	screen_put(&live->screen, row, end - screen_width(words), ink, words);
}

static void draw_quantiles(struct live *live, struct box box, const char *label,
			   const struct hist *hist)
{
	char words[WORDS_BYTES];

	screen_put(&live->screen, box.row, box.column + 1, INK_DIM, label);
	for (int i = 0; i < QUANTILES; i++) {
		int end = box.column + LABEL_COLUMNS + (i + 1) * FIGURE;

		if (end <= box.column + box.columns)
			draw_right(live, box.row, end, INK_PLAIN,
				   hist->total ?
					   live_say_us(words,
						       hist_quantile(hist, quantiles[i].quantile)) :
					   "-");
	}
}

/* To the right of the figures: how it went lately. */
static struct box spark_box(struct box box, int columns)
{
	int begin = box.column + LABEL_COLUMNS + columns + 2;

	return (struct box){ box.row, begin, 1, box.column + box.columns - begin };
}

static void draw_latency(struct live *live, struct box box)
{
	struct box spark = spark_box(box, QUANTILES * FIGURE);

	live_label(live, box, "latency");
	for (int i = 0; i < QUANTILES; i++)
		draw_right(live, box.row, box.column + LABEL_COLUMNS + (i + 1) * FIGURE, INK_DIM,
			   quantiles[i].name);
	if (spark.columns >= SPARK_LEAST)
		screen_put(&live->screen, spark.row, spark.column, INK_DIM, "p99 over requests/s");
	box.row++;
	draw_quantiles(live, box, "last 10 s", live->recent);
	spark.row++;
	live_draw_spark(live, spark, SERIES_P99);
	box.row++;
	draw_quantiles(live, box, "whole run", live->whole);
	spark.row++;
	live_draw_spark(live, spark, SERIES_REQUESTS);
}

/* Errors, the classes with most of them first. */

static enum failure most_frequent(const uint64_t counts[FAILURE_COUNT], unsigned shown)
{
	unsigned most = FAILURE_NONE;

	for (unsigned i = FAILURE_NONE + 1; i < FAILURE_COUNT; i++)
		if (!(shown >> i & 1) && counts[i] &&
		    (most == FAILURE_NONE || counts[i] > counts[most]))
			most = i;
	return (enum failure)most;
}

static void draw_classes(struct live *live, struct box box, int column, int end)
{
	const uint64_t *counts = watch_totals(live->view->watch)->by_failure;
	enum failure failure;
	unsigned shown = 0;

	while ((failure = most_frequent(counts, shown)) != FAILURE_NONE) {
		char count[WORDS_BYTES], words[2 * WORDS_BYTES];

		shown |= 1u << failure;
		snprintf(words, sizeof(words), "%s %s", failure_name(failure),
			 live_say_count(count, counts[failure]));
		if (column + screen_width(words) > end)
			return;
		column = screen_put(&live->screen, box.row, column, INK_PLAIN, words) + 3;
	}
}

static void draw_errors(struct live *live, struct box box)
{
	const struct watch_totals *totals = watch_totals(live->view->watch);
	struct box spark = spark_box(box, QUANTILES * FIGURE);
	int column = box.column + LABEL_COLUMNS, end = box.column + box.columns;
	char count[WORDS_BYTES];

	live_label(live, box, "errors");
	if (!totals->errors) {
		screen_put(&live->screen, box.row, column, INK_PLAIN, "none");
		return;
	}
	column = screen_format(&live->screen, box.row, column, INK_BAD, "%s  %.3g%%",
			       live_say_count(count, totals->errors),
			       100.0 * (double)totals->errors / (double)totals->requests) +
		 3;
	if (spark.columns >= SPARK_LEAST) {
		live_draw_spark(live, spark, SERIES_ERRORS);
		end = spark.column - 1;
	}
	draw_classes(live, box, column, end);
}

/* Sagas. */

static int draw_sum(struct live *live, struct box box, int column, const char *what, enum ink ink,
		    uint64_t count)
{
	char words[WORDS_BYTES];

	live_say_count(words, count);
	if (column + screen_width(what) + 1 + screen_width(words) > box.column + box.columns)
		return column;
	column = screen_put(&live->screen, box.row, column, INK_DIM, what) + 1;
	return screen_put(&live->screen, box.row, column, ink, words) + 3;
}

static void draw_sagas(struct live *live, struct box box)
{
	const struct watch_sagas sagas = watch_sagas(live->view->watch);
	uint64_t ended = sagas.succeeded + sagas.compensated + sagas.refused;
	int column = box.column + LABEL_COLUMNS;

	live_label(live, box, "sagas");
	column = draw_sum(live, box, column, "running", INK_PLAIN,
			  sagas.minted > ended ? sagas.minted - ended : 0);
	column = draw_sum(live, box, column, "done", INK_GOOD, sagas.succeeded);
	column = draw_sum(live, box, column, "compensated", INK_PLAIN, sagas.compensated);
	column = draw_sum(live, box, column, "violated", sagas.wrong ? INK_BAD : INK_PLAIN,
			  sagas.wrong);
	column =
		draw_sum(live, box, column, "stuck", sagas.late ? INK_WARN : INK_PLAIN, sagas.late);
	draw_sum(live, box, column, "refused", INK_PLAIN, sagas.refused);
}

void live_draw_figures(struct live *live, struct box box, int gap)
{
	int end = box.row + box.rows;

	if (box.row + LOAD_ROWS <= end)
		draw_load(live, box);
	box.row += LOAD_ROWS + gap;
	if (box.row + LATENCY_ROWS <= end)
		draw_latency(live, box);
	box.row += LATENCY_ROWS + gap;
	if (box.row + 1 <= end)
		draw_errors(live, box);
	box.row += 1 + gap;
	if (has_sagas(live) && box.row + 1 <= end)
		draw_sagas(live, box);
}
