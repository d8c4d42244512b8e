/* Sparklines and charts of the live view: a column a second, or more. See live_parts.h. */
#include <stdio.h>

#include "cli/live_parts.h"
#include "engine/scenario.h"
#include "engine/watch.h"
#include "lib/clock.h"

enum { BLOCK_ONE = 0x2581, LEVELS = 8, THICKEST = 4 };

static const struct {
	const char *name;
	enum ink ink;
} series_kinds[SERIES] = {
	[SERIES_REQUESTS] = { "requests/s", INK_LINE },
	[SERIES_P99] = { "p99", INK_LINE },
	[SERIES_ERRORS] = { "errors/s", INK_BAD },
};

static double value_at(const struct live *live, enum live_series series, int64_t second)
{
	const struct live_second *at = &live->seconds[second % LIVE_SECONDS];

	switch (series) {
	case SERIES_REQUESTS:
		return (double)at->requests;
	case SERIES_P99:
		return (double)at->p99_us;
	default:
		return (double)at->errors;
	}
}

/* The first second that is shown: the last ones, as many as there are columns. */
static int64_t first_shown(const struct live *live, int columns)
{
	int64_t most = columns < LIVE_SECONDS ? columns : LIVE_SECONDS;

	return live->seconds_taken > most ? live->seconds_taken - most : 0;
}

static double highest(const struct live *live, enum live_series series, int64_t first)
{
	double most = 0;

	for (int64_t i = first; i < live->seconds_taken; i++)
		if (value_at(live, series, i) > most)
			most = value_at(live, series, i);
	return most;
}

/* What there is of anything is seen: an eighth of a row at least. */
static int eighths_of(double value, double most, int rows)
{
	int eighths = most > 0 ? (int)(value / most * rows * LEVELS + 0.5) : 0;

	return value > 0 && eighths == 0 ? 1 : eighths;
}

static void draw_column(struct live *live, struct box box, int column, enum ink ink, int eighths)
{
	for (int row = box.row + box.rows - 1; row >= box.row && eighths > 0; row--) {
		int part = eighths < LEVELS ? eighths : LEVELS;

		screen_set(&live->screen, row, column, ink, (uint32_t)(BLOCK_ONE + part - 1));
		eighths -= LEVELS;
	}
}

/* Each second takes `thick` columns. The highest value. */
static double draw_series(struct live *live, struct box box, int thick, enum live_series series)
{
	int64_t first = first_shown(live, box.columns / thick);
	double most = highest(live, series, first);
	int column = box.column;

	for (int64_t i = first; i < live->seconds_taken; i++)
		for (int j = 0; j < thick; j++)
			draw_column(live, box, column++, series_kinds[series].ink,
				    eighths_of(value_at(live, series, i), most, box.rows));
	return most;
}

/* So many that the whole run fits, if it does. */
static int thickness(const struct live *live, int columns)
{
	int64_t us = plan_duration_us(&live->view->scenario->plan);
	int64_t most = us > 0 ? (int64_t)columns * US_PER_S / us : 1;

	return most < 1 ? 1 : most > THICKEST ? THICKEST : (int)most;
}

void live_draw_spark(struct live *live, struct box box, enum live_series series)
{
	if (box.columns > 3)
		draw_series(live, box, 1, series);
}

static void draw_chart(struct live *live, struct box box, enum live_series series)
{
	struct box area = { box.row, box.column + LABEL_COLUMNS, box.rows,
			    box.columns - LABEL_COLUMNS };
	char words[WORDS_BYTES];
	double most = draw_series(live, area, thickness(live, area.columns), series);

	screen_put(&live->screen, box.row, box.column, INK_DIM, series_kinds[series].name);
	if (most <= 0)
		return;
	if (series == SERIES_P99)
		live_say_us(words, (int64_t)most);
	else
		live_say_count(words, (uint64_t)most);
	screen_format(&live->screen, box.row + 1, box.column, INK_DIM, "%.10s", words);
}

/* Below each other, the same height each; that of errors only when there are any. */
void live_draw_charts(struct live *live, struct box box)
{
	int count = watch_totals(live->view->watch)->errors ? SERIES : SERIES_ERRORS;
	int rows = (box.rows + 1) / count - 1;

	for (int i = 0; i < count && rows > 1; i++) {
		struct box chart = { box.row + i * (rows + 1), box.column, rows, box.columns };

		draw_chart(live, chart, (enum live_series)i);
	}
}
