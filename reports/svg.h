/*
 * svg: charts as static, inline SVG.
 *
 * A chart is as wide as the page and of a fixed height. Text and strokes keep their size on a phone
 * and on a wall, since only what is inside of the plot is stretched: a nested <svg> with a viewBox
 * of its own, in tenths of a bin across and of a pixel down. What stands outside of it has a place
 * in per cent across and in pixels down.
 *
 * Colours are presentation attributes for a light page and classes (`c1`, ...), which page.css
 * gives other colours in the dark; so a chart is complete where styles are forbidden.
 *
 *	svg_begin(out, height, "rate", "Starts per second", "...");
 *	struct svg_scale scale = svg_linear(0, 61, top, bottom);
 *	svg_grid(out, &scale, svg_count_label);
 *	svg_plot_begin(out, bins, height);
 *	struct svg_line line = svg_line_begin(out, 1);
 *	for (...) svg_line_to(&line, x, svg_y(&scale, value));
 *	svg_line_end(&line);
 *	svg_plot_end(out);
 *	svg_end(out);
 */
#ifndef REPORTS_SVG_H
#define REPORTS_SVG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"

enum { SVG_COLOURS = 8, SVG_TICKS_MAX = 16, SVG_LABEL_MAX = 32 };

extern const char *const svg_colours[SVG_COLOURS]; /* on white; of class c0, c1, ... */

/* From values to pixels down. */
struct svg_scale {
	double from, to;   /* of values; on a logarithmic one both are above 0 */
	double top, bottom; /* of pixels: `to` is at the top */
	bool log;
	double ticks[SVG_TICKS_MAX];
	size_t tick_count;
};

/* Both make room for round numbers at their ends. */
struct svg_scale svg_linear(double most, double top, double bottom);
struct svg_scale svg_log(double least, double most, double top, double bottom);
double svg_y(const struct svg_scale *scale, double value);

/* What a tick says. */
typedef const char *svg_label(char out[SVG_LABEL_MAX], double value);

/* An image with a title and a description for those who don't see it. */
void svg_begin(struct buffer *out, int height, const char *id, const char *title,
	       const char *description);
void svg_end(struct buffer *out);

void svg_grid(struct buffer *out, const struct svg_scale *scale);
/* On the lines, at the left, above what is drawn. */
void svg_grid_labels(struct buffer *out, const struct svg_scale *scale, svg_label *label);

void svg_plot_begin(struct buffer *out, double width, int height);
void svg_plot_end(struct buffer *out);

/* A line of a colour, and a dash of its own for those who don't see colours. */
struct svg_line {
	struct buffer *out;
	int64_t x, y;
	bool down; /* the pen */
	bool lonely;
};
struct svg_line svg_line_begin(struct buffer *out, int colour);
/* For a line that stands alone: without a dash. */
struct svg_line svg_line_begin_plain(struct buffer *out, int colour);
/* A faint area with such an edge. */
struct svg_line svg_area_begin(struct buffer *out, int colour);
void svg_line_to(struct svg_line *line, double x, double y);
void svg_line_break(struct svg_line *line);
void svg_line_end(struct svg_line *line);

/* What a line looks like, for a legend. */
void svg_swatch_line(struct buffer *out, int colour);
void svg_swatch_area(struct buffer *out, int colour);

#endif
