/* What stands above the charts: phases and faults, each in a lane of its own. */
#include <math.h>

#include "lib/clock.h"
#include "reports/chart.h"

enum { LANE = 34, PHASES = 22, NAME_BYTES_MAX = 48, LANES_MAX = 24, BARS_MAX = 300 };

/* Names are cut where their phase ends. */
static void add_phase(struct page *page, const struct meta_phase *phase, bool odd)
{
	double x = chart_x(page, phase->start_us);
	double end = chart_x(page, phase->start_us + phase->duration_us);

	buffer_format(
		page->out,
		"<svg class=\"phase\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"%d\"><rect class=\"%s\" "
		"width=\"100%%\" height=\"100%%\" fill=\"%s\"/><text class=\"phase\" x=\"5\" "
		"y=\"15\" fill=\"#30363d\">",
		x, fmax(end - x, 0.1), PHASES, odd ? "lane odd" : "lane",
		odd ? "#e4e7ec" : "#eef0f3");
	html_add_text(page->out, text_of(phase->name), NAME_BYTES_MAX);
	buffer_add_string(page->out, "</text></svg>\n");
}

/* The words begin where the fault does, or end where it ends, so that they always have room. */
static void add_lane(struct page *page, size_t number, int y, size_t *bars)
{
	const struct fault_spans *spans = &page->report->faults->spans[number];
	const struct fault_figures *fault = &page->report->faults->items[number];
	double x = chart_x(page, spans->items[0].start_us);
	bool at_end = x > 60;

	if (at_end)
		x = chart_x(page, spans->items[spans->count - 1].end_us);
	buffer_format(page->out,
		      "<text class=\"fault\" x=\"%.2f%%\" y=\"%d\" text-anchor=\"%s\" "
		      "fill=\"#9a3412\"><tspan font-weight=\"700\">%zu</tspan> ",
		      x, y + 14, at_end ? "end" : "start", number + 1);
	html_add_text(page->out, text_of(fault->name), NAME_BYTES_MAX);
	buffer_add_string(page->out, "</text>\n");
	for (size_t i = 0; i < spans->count && *bars < BARS_MAX; i++, (*bars)++) {
		double from = chart_x(page, spans->items[i].start_us);
		double to = chart_x(page, spans->items[i].end_us);

		buffer_format(page->out,
			      "<rect class=\"bar\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%d\" "
			      "height=\"8\" rx=\"2\" fill=\"#c2410c\"/>\n",
			      from, fmax(to - from, 0.4), y + 20);
	}
}

static size_t list_lanes(const struct faults *faults, size_t lanes[LANES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < faults->count && i < SERIES_FAULTS_MAX && count < LANES_MAX; i++)
		if (faults->spans[i].count)
			lanes[count++] = i;
	return count;
}

void chart_lanes(struct page *page)
{
	const struct meta *meta = page->report->meta;
	size_t lanes[LANES_MAX], count = list_lanes(page->report->faults, lanes), bars = 0;
	int height = CHART_TOP + PHASES + (int)count * LANE + 4 + CHART_FOOT;

	chart_begin(page, "lanes", count ? "Phases and faults" : "Phases",
		    count ? "The same numbers and bands stand behind every chart below." : "");
	chart_image_begin(page, "lanes", "Phases and faults",
			  "When each phase began and each fault was in effect. The section on "
			  "faults has the times.",
			  height);
	buffer_format(page->out, "<svg y=\"%d\" height=\"%d\" width=\"100%%\">\n", CHART_TOP,
		      PHASES);
	for (size_t i = 0; i < meta->phase_count; i++)
		add_phase(page, &meta->phases[i], i & 1);
	buffer_add_string(page->out, "</svg>\n");
	for (size_t i = 0; i < count; i++)
		add_lane(page, lanes[i], CHART_TOP + PHASES + (int)i * LANE, &bars);
	chart_image_end(page, height);
	chart_end(page);
}
