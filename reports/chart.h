/*
 * chart: charts over the time of a run, all on the same axis, with the faults behind them and a
 * table of what they show below.
 */
#ifndef REPORTS_CHART_H
#define REPORTS_CHART_H

#include "reports/html_parts.h"
#include "reports/svg.h"

enum { CHART_LINES_MAX = 10, CHART_TOP = 20, CHART_FOOT = 20 };

struct chart_line {
	const char *label;
	int colour;
	/* Of a bin, in what the chart is of; `which` is the line's own. NAN: nothing is known. */
	double (*value)(const struct series *series, size_t bin, int which);
	int which;
};

struct chart {
	const char *id, *title, *about;
	struct chart_line lines[CHART_LINES_MAX];
	size_t count;
	bool stacked; /* areas on top of each other */
	bool gap;     /* what lies between the first two lines is what matters */
	bool log;
	int height;
	svg_label *label;
};

/* Leaves out a chart whose lines have no value at all. */
void chart_write(struct page *page, const struct chart *chart);

/* The parts of it, for a chart of another kind: */
void chart_begin(struct page *page, const char *id, const char *title, const char *about);
void chart_end(struct page *page);
/* The image, with bands of faults and lines of time behind what follows. */
void chart_image_begin(struct page *page, const char *id, const char *title,
		       const char *description, int height);
void chart_image_end(struct page *page, int height);
/* A table with a row per bin of `series`, which the script reads for the crosshair. */
void chart_table_begin(struct page *page, const char *caption, const struct html_column *columns,
		       size_t count, const struct series *series);
void chart_table_end(struct page *page);
/* "1:05 to 1:10" */
void chart_row_begin(struct page *page, const struct series *series, size_t bin);
void chart_row_end(struct page *page);

/* Per cent across, of a time. */
double chart_x(const struct page *page, int64_t at_us);
/* "90 s", "12:30", "2:05:00", as suits a run of this length. */
const char *chart_time(const struct page *page, char out[SVG_LABEL_MAX], int64_t at_us);

/* The run at a glance; reports/chart_overview.c. */
void chart_overview(struct page *page);
/* Bands without a chart: faults by name, phases; reports/chart_lanes.c. */
void chart_lanes(struct page *page);
/* How loud the latencies were; reports/chart_heat.c. */
void chart_heat(struct page *page);

/* What values are called. */
const char *chart_label_count(char out[SVG_LABEL_MAX], double value);
const char *chart_label_rate(char out[SVG_LABEL_MAX], double value);
const char *chart_label_us(char out[SVG_LABEL_MAX], double value);

#endif
