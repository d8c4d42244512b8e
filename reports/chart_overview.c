/* The run at a glance, for the first screen: three strips on the one axis of time. */
#include <math.h>

#include "reports/chart.h"

enum { STRIP = 34, GAP = 8, HEIGHT = CHART_TOP + 3 * (STRIP + GAP) };

struct strip {
	const char *label;
	int colour;
	bool log;
	double (*value)(const struct series *series, size_t bin);
};

static double p99(const struct series *series, size_t bin)
{
	const struct hist *hist = series->bins[bin].latency;

	return hist && hist->total ? (double)hist_quantile(hist, 0.99) : (double)NAN;
}

static double failed(const struct series *series, size_t bin)
{
	return (double)bin_errors(&series->bins[bin]);
}

static double proven(const struct series *series, size_t bin)
{
	return (double)series->bins[bin].verified;
}

static double went_well(const struct series *series, size_t bin)
{
	return (double)series->bins[bin].ok;
}

static struct svg_scale scale_of(const struct page *page, const struct strip *strip, int y)
{
	double least = HUGE_VAL, most = 0;

	for (size_t i = 0; i < page->series->count; i++) {
		double value = strip->value(page->series, i);

		if (!isfinite(value))
			continue;
		least = fmin(least, value);
		most = fmax(most, value);
	}
	least = strip->log ? fmax(isfinite(least) ? least : 1, 1) * 0.7 : 0;
	return (struct svg_scale){ .from = least,
				   .to = fmax(most, least + 1) * 1.05,
				   .top = y,
				   .bottom = y + STRIP,
				   .log = strip->log };
}

/* Down to its floor on both sides; then it is an area. */
static void draw_line(struct page *page, const struct strip *strip, const struct svg_scale *scale,
		      struct svg_line line, bool area)
{
	size_t count = page->series->count - 1; /* the last bin is mostly not a whole one */
	double last = 0;

	for (size_t i = 0; i < count; i++) {
		double value = strip->value(page->series, i);

		if (!isfinite(value)) {
			if (area && line.down)
				svg_line_to(&line, last, scale->bottom);
			svg_line_break(&line);
			continue;
		}
		last = (double)i + 0.5;
		if (area && !line.down)
			svg_line_to(&line, last, scale->bottom);
		svg_line_to(&line, last, svg_y(scale, value));
	}
	if (area && line.down)
		svg_line_to(&line, last, scale->bottom);
	svg_line_end(&line);
}

static void draw(struct page *page, const struct strip *strip, int y)
{
	struct svg_scale scale = scale_of(page, strip, y);

	buffer_format(page->out,
		      "<line class=\"grid\" x2=\"100%%\" y1=\"%d\" y2=\"%d\" "
		      "stroke=\"#d5d9e0\"/>\n",
		      y + STRIP, y + STRIP);
	svg_plot_begin(page->out, (double)page->series->count, HEIGHT);
	draw_line(page, strip, &scale, svg_area_begin(page->out, strip->colour), true);
	draw_line(page, strip, &scale, svg_line_begin_plain(page->out, strip->colour), false);
	svg_plot_end(page->out);
	buffer_format(page->out,
		      "<g class=\"ticks\" fill=\"#57606a\" stroke=\"#fff\" stroke-width=\"3\" "
		      "paint-order=\"stroke\"><text x=\"2\" y=\"%d\">%s</text></g>\n",
		      y + 9, strip->label);
}

void chart_overview(struct page *page)
{
	bool sagas = json_object_size(page->report->sagas) > 0;
	const struct strip strips[] = {
		{ "latency, p99", 1, true, p99 },
		{ "errors", 4, false, failed },
		{ sagas ? "verified goodput" : "goodput", 2, false, sagas ? proven : went_well },
	};

	if (page->series->count < 3)
		return;
	buffer_add_string(page->out, "<figure class=\"overview\"><a href=\"#timeline\">\n");
	chart_image_begin(page, "overview", "The run at a glance",
			  "Latency, errors and goodput over the time of the run, with its faults. "
			  "The charts further below have axes and tables.",
			  HEIGHT);
	for (int i = 0; i < 3; i++)
		draw(page, &strips[i], CHART_TOP + i * (STRIP + GAP));
	svg_end(page->out);
	buffer_add_string(page->out, "</a></figure>\n");
}
