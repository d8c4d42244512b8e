#include "reports/svg.h"

#include <inttypes.h>
#include <math.h>

#include "reports/html_write.h"

/* Told apart also by those who see few colours, and 3:1 against white at least. */
const char *const svg_colours[SVG_COLOURS] = { "#0b5cad", "#b45309", "#0f766e", "#a21caf",
					       "#be123c", "#4d7c0f", "#6d28d9", "#57606a" };

static const char *const dashes[SVG_COLOURS] = { "", "6 3", "2 2", "9 3 2 3", "", "4 4", "1 3", "" };

/* 1, 2 or 5 times a power of ten: at least `least`. */
static double round_step(double least)
{
	double power = pow(10, floor(log10(least)));

	for (int i = 0; i < 3; i++) {
		static const int factors[] = { 1, 2, 5 };

		if (power * factors[i] >= least * (1 - 1e-9))
			return power * factors[i];
	}
	return power * 10;
}

struct svg_scale svg_linear(double most, double top, double bottom)
{
	struct svg_scale scale = { .top = top, .bottom = bottom };
	double step = round_step((most > 0 ? most : 1) / 4);

	scale.to = step * ceil((most > 0 ? most : 1) / step - 1e-9);
	for (double tick = 0; tick <= scale.to * (1 + 1e-9) && scale.tick_count < SVG_TICKS_MAX;
	     tick += step)
		scale.ticks[scale.tick_count++] = tick;
	return scale;
}

struct svg_scale svg_log(double least, double most, double top, double bottom)
{
	struct svg_scale scale = { .top = top, .bottom = bottom, .log = true };

	least = least < 1 ? 1 : least;
	most = most < least ? least : most;
	scale.from = pow(10, floor(log10(least)));
	scale.to = pow(10, ceil(log10(most) - 1e-9));
	if (scale.to < scale.from * 10)
		scale.to = scale.from * 10;
	for (double tick = scale.from; tick <= scale.to * 1.001 && scale.tick_count < SVG_TICKS_MAX;
	     tick *= 10)
		scale.ticks[scale.tick_count++] = tick;
	return scale;
}

double svg_y(const struct svg_scale *scale, double value)
{
	double share;

	if (scale->log)
		share = log(fmax(value, scale->from) / scale->from) / log(scale->to / scale->from);
	else
		share = (value - scale->from) / (scale->to - scale->from);
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return scale->bottom - share * (scale->bottom - scale->top);
}

void svg_begin(struct buffer *out, int height, const char *id, const char *title,
	       const char *description)
{
	buffer_format(out,
		      "<svg class=\"chart\" width=\"100%%\" height=\"%d\" role=\"img\" "
		      "aria-labelledby=\"%s-t %s-d\" font-family=\"system-ui,sans-serif\" "
		      "font-size=\"11\">\n<title id=\"%s-t\">",
		      height, id, id, id);
	html_add(out, title);
	buffer_format(out, "</title><desc id=\"%s-d\">", id);
	html_add_text(out, text_of(description), 600);
	buffer_add_string(out, "</desc>\n");
}

void svg_end(struct buffer *out)
{
	buffer_add_string(out, "</svg>\n");
}

void svg_grid(struct buffer *out, const struct svg_scale *scale)
{
	for (size_t i = 0; i < scale->tick_count; i++)
		buffer_format(out,
			      "<line class=\"grid\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\" "
			      "stroke=\"#d5d9e0\"/>\n",
			      svg_y(scale, scale->ticks[i]), svg_y(scale, scale->ticks[i]));
}

void svg_grid_labels(struct buffer *out, const struct svg_scale *scale, svg_label *label)
{
	char words[SVG_LABEL_MAX];

	buffer_add_string(out, "<g class=\"ticks\" fill=\"#57606a\" stroke=\"#fff\" "
			       "stroke-width=\"3\" stroke-linejoin=\"round\" "
			       "paint-order=\"stroke\">");
	for (size_t i = 0; i < scale->tick_count; i++) {
		buffer_format(out, "<text x=\"2\" y=\"%.1f\">", svg_y(scale, scale->ticks[i]) - 3);
		html_add(out, label(words, scale->ticks[i]));
		buffer_add_string(out, "</text>");
	}
	buffer_add_string(out, "</g>\n");
}

void svg_plot_begin(struct buffer *out, double width, int height)
{
	buffer_format(out,
		      "<svg class=\"plot\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %.0f %d\" "
		      "preserveAspectRatio=\"none\" fill=\"none\">\n",
		      height, width * 10, height * 10);
}

void svg_plot_end(struct buffer *out)
{
	buffer_add_string(out, "</svg>\n");
}

static struct svg_line begin_line(struct buffer *out, int colour, const char *dash)
{
	buffer_format(out,
		      "<path class=\"c%d\" stroke=\"%s\" stroke-width=\"1.6\" "
		      "stroke-linejoin=\"round\" vector-effect=\"non-scaling-stroke\"",
		      colour, svg_colours[colour]);
	if (*dash)
		buffer_format(out, " stroke-dasharray=\"%s\"", dash);
	buffer_add_string(out, " d=\"");
	return (struct svg_line){ .out = out };
}

struct svg_line svg_line_begin(struct buffer *out, int colour)
{
	return begin_line(out, colour, dashes[colour]);
}

struct svg_line svg_line_begin_plain(struct buffer *out, int colour)
{
	return begin_line(out, colour, "");
}

struct svg_line svg_area_begin(struct buffer *out, int colour)
{
	buffer_format(out, "<path class=\"f%d\" fill=\"%s\" fill-opacity=\"0.15\" d=\"", colour,
		      svg_colours[colour]);
	return (struct svg_line){ .out = out };
}

void svg_line_to(struct svg_line *line, double x, double y)
{
	int64_t to_x = llround(x * 10), to_y = llround(y * 10);

	if (line->down)
		buffer_format(line->out, "l%" PRId64 " %" PRId64, to_x - line->x, to_y - line->y);
	else
		buffer_format(line->out, "M%" PRId64 " %" PRId64, to_x, to_y);
	line->lonely = !line->down;
	line->x = to_x;
	line->y = to_y;
	line->down = true;
}

/* A point without neighbours would not be seen. */
void svg_line_break(struct svg_line *line)
{
	if (line->down && line->lonely)
		buffer_add_string(line->out, "h4");
	line->down = false;
}

void svg_line_end(struct svg_line *line)
{
	svg_line_break(line);
	buffer_add_string(line->out, "\"/>\n");
}

void svg_swatch_line(struct buffer *out, int colour)
{
	buffer_format(out,
		      "<svg class=\"swatch\" width=\"22\" height=\"10\" aria-hidden=\"true\">"
		      "<line class=\"c%d\" x2=\"22\" y1=\"5\" y2=\"5\" stroke=\"%s\" "
		      "stroke-width=\"2.5\" stroke-dasharray=\"%s\"/></svg>",
		      colour, svg_colours[colour], *dashes[colour] ? dashes[colour] : "none");
}

void svg_swatch_area(struct buffer *out, int colour)
{
	buffer_format(out,
		      "<svg class=\"swatch\" width=\"12\" height=\"12\" aria-hidden=\"true\">"
		      "<rect class=\"f%d\" width=\"12\" height=\"12\" rx=\"2\" fill=\"%s\"/></svg>",
		      colour, svg_colours[colour]);
}
