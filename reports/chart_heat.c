/* A heatmap: time across, latency up, the darker the more requests. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lib/memory.h"
#include "reports/chart.h"
#include "reports/words.h"

enum { PER_DECADE = 6, DECADES = 10, ROWS = PER_DECADE * DECADES, LEVELS = 6, HEIGHT = 200 };

static const char *const shades[LEVELS] = { "#dbe9f6", "#b3d1ea", "#7fb2dc",
					    "#4a8fc7", "#1f6aab", "#0a3d73" };

struct heat {
	uint64_t *cells; /* [column * ROWS + row], row 0 is from 1 us on */
	size_t columns;
	int first, last; /* rows that are shown */
	uint64_t most;
};

static int row_of(int64_t us)
{
	int row = us < 1 ? 0 : (int)floor(log10((double)us) * PER_DECADE + 1e-9);

	return row < ROWS ? row : ROWS - 1;
}

static double row_from_us(int row)
{
	return pow(10, (double)row / PER_DECADE);
}

static void add_column(struct heat *heat, size_t column, const struct hist *latency)
{
	uint64_t count, *cells = &heat->cells[column * ROWS];
	int64_t lowest, highest;
	uint32_t index = 0;

	while (latency && hist_next(latency, &index, &lowest, &highest, &count))
		cells[row_of(lowest + (highest - lowest) / 2)] += count;
}

/* Whole decades, so that the axis has round numbers. */
static void find_rows(struct heat *heat)
{
	int first = ROWS, last = 0;

	for (size_t i = 0; i < heat->columns * ROWS; i++) {
		int row = (int)(i % ROWS);

		if (!heat->cells[i])
			continue;
		first = row < first ? row : first;
		last = row > last ? row : last;
		heat->most = heat->cells[i] > heat->most ? heat->cells[i] : heat->most;
	}
	heat->first = first / PER_DECADE * PER_DECADE;
	heat->last = (last / PER_DECADE + 1) * PER_DECADE - 1;
}

/* A single request is seen; each level is the same factor above the one before. */
static int level_of(const struct heat *heat, size_t column, int row)
{
	uint64_t count = heat->cells[column * ROWS + (size_t)row];
	int level;

	if (!count)
		return -1;
	level = (int)(LEVELS * log((double)count) / log((double)heat->most + 1));
	return level < LEVELS ? level : LEVELS - 1;
}

/* Neighbours of one level are one piece. */
static void draw_level(struct page *page, const struct heat *heat, int level)
{
	buffer_format(page->out, "<path class=\"h%d\" fill=\"%s\" d=\"", level, shades[level]);
	for (int row = heat->first; row <= heat->last; row++) {
		for (size_t column = 0, end; column < heat->columns; column = end) {
			end = column + 1;
			if (level_of(heat, column, row) != level)
				continue;
			while (end < heat->columns && level_of(heat, end, row) == level)
				end++;
			buffer_format(page->out, "M%zu %dh%zuv1h-%zuz", column, heat->last - row,
				      end - column, end - column);
		}
	}
	buffer_add_string(page->out, "\"/>\n");
}

static void draw(struct page *page, const struct heat *heat)
{
	struct svg_scale scale = svg_log(row_from_us(heat->first), row_from_us(heat->last + 1),
					 CHART_TOP, HEIGHT - CHART_FOOT);

	chart_image_begin(
		page, "heat", "Heatmap of latencies",
		"Time goes to the right, latency up; the darker a cell, the more requests "
		"were in it. The numbers are in the table below.",
		HEIGHT);
	buffer_format(page->out,
		      "<svg class=\"plot cells\" y=\"%d\" width=\"%.3f%%\" height=\"%d\" "
		      "viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\" "
		      "shape-rendering=\"crispEdges\">\n",
		      CHART_TOP,
		      100 * (double)heat->columns * series_bin_s(page->columns) /
			      ((double)page->series->count * series_bin_s(page->series)),
		      HEIGHT - CHART_TOP - CHART_FOOT, heat->columns, heat->last - heat->first + 1);
	for (int level = 0; level < LEVELS; level++)
		draw_level(page, heat, level);
	buffer_add_string(page->out, "</svg>\n");
	svg_grid(page->out, &scale);
	svg_grid_labels(page->out, &scale, chart_label_us);
	chart_image_end(page, HEIGHT);
}

static void write_legend(struct page *page, const struct heat *heat)
{
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<ul class=\"legend\"><li>one request ");
	for (int level = 0; level < LEVELS; level++)
		buffer_format(page->out,
			      "<svg class=\"swatch\" width=\"14\" height=\"12\" "
			      "aria-hidden=\"true\"><rect class=\"h%d\" width=\"14\" height=\"12\" "
			      "fill=\"%s\"/></svg>",
			      level, shades[level]);
	buffer_format(page->out, " %s in one cell of %g s</li></ul>\n",
		      words_count(words, heat->most), series_bin_s(page->columns));
}

/* Half decades are fine enough for a table. */
static void write_table(struct page *page, const struct heat *heat)
{
	enum { STEP = PER_DECADE / 2 };
	struct html_column columns[ROWS / STEP + 1] = { { "from", false } };
	char labels[ROWS / STEP][SVG_LABEL_MAX + 8], words[WORDS_MAX];
	size_t count = 1;

	for (int row = heat->first; row <= heat->last; row += STEP, count++) {
		snprintf(labels[count - 1], sizeof(labels[0]), "from %s",
			 chart_label_us(words, row_from_us(row)));
		columns[count] = (struct html_column){ labels[count - 1], true };
	}
	chart_table_begin(page, "Heatmap of latencies", columns, count, page->columns);
	for (size_t column = 0; column < heat->columns; column++) {
		chart_row_begin(page, page->columns, column);
		for (int row = heat->first; row <= heat->last; row += STEP) {
			uint64_t sum = 0;

			for (int i = row; i < row + STEP && i < ROWS; i++)
				sum += heat->cells[column * ROWS + (size_t)i];
			buffer_format(page->out, "<td>%" PRIu64 "</td>", sum);
		}
		chart_row_end(page);
	}
	chart_table_end(page);
}

void chart_heat(struct page *page)
{
	struct heat heat = { .columns = page->columns->count };

	heat.cells = memory_array(heat.columns * ROWS, sizeof(*heat.cells));
	for (size_t i = 0; i < heat.columns; i++)
		add_column(&heat, i, page->columns->bins[i].latency);
	find_rows(&heat);
	if (heat.most) {
		chart_begin(page, "heatmap", "How latencies were spread",
			    "Every request that was complete, failed ones too.");
		write_legend(page, &heat);
		draw(page, &heat);
		write_table(page, &heat);
		chart_end(page);
	}
	free(heat.cells);
}
