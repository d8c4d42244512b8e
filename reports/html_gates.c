/* Gates, with how much room was left. */
#include <math.h>
#include <stdio.h>

#include "reports/html_parts.h"
#include "reports/words.h"

static const struct html_column columns[] = {
	{ "verdict", false }, { "gate", false },   { "bound", false },	 { "actual", true },
	{ "margin", true },   { "samples", true }, { "remarks", false },
};

/* To the left of the middle there was room, to the right of it the bound was overrun. */
static void add_margin(struct page *page, const struct gate_result *gate)
{
	double share = fmax(fmin(gate->margin, 1), -1), width = fabs(share) * 30;

	if (!isfinite(gate->margin) || gate->holding == NOT_KNOWN) {
		html_cell_none(page->out);
		return;
	}
	buffer_format(page->out,
		      "<td class=\"n\" data-v=\"%.4g\"><svg class=\"margin\" width=\"62\" "
		      "height=\"10\" aria-hidden=\"true\"><rect class=\"track\" width=\"62\" "
		      "height=\"10\" rx=\"2\" fill=\"#eef0f3\"/><rect class=\"%s\" x=\"%.1f\" "
		      "width=\"%.1f\" height=\"10\" fill=\"%s\"/><line class=\"bound\" x1=\"31\" "
		      "x2=\"31\" y2=\"10\" stroke=\"#57606a\"/></svg> %+.0f%%</td>",
		      gate->margin, share < 0 ? "fbad" : "fgood", share < 0 ? 31 : 31 - width,
		      width, share < 0 ? "#b42318" : "#116b3a",
		      100 * fmax(fmin(gate->margin, 9.99), -9.99));
}

static void add_gate(struct page *page, const struct gate_result *gate)
{
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr><td>");
	html_add_verdict(page->out, gate->verdict);
	buffer_add_string(page->out, "</td>");
	html_cell_head(page->out, gate->name);
	html_cell(page->out, gate->expected);
	if (isfinite(gate->actual) && *gate->shown)
		html_cell_number(page->out, gate->actual, gate->shown);
	else
		html_cell_none(page->out);
	add_margin(page, gate);
	html_cell_number(page->out, (double)gate->samples, words_count(words, gate->samples));
	buffer_add_string(page->out, "<td>");
	html_add(page->out, gate->reason);
	if (strcmp(gate->name, gate->gate) != 0) {
		buffer_add_string(page->out, " <code>");
		html_add(page->out, gate->gate);
		buffer_add_string(page->out, "</code>");
	}
	buffer_add_string(page->out, "</td></tr>\n");
}

void html_gates(struct page *page)
{
	const struct report *report = page->report;
	size_t shown = report->gate_count < HTML_ROWS_MAX ? report->gate_count : HTML_ROWS_MAX;

	html_section_begin(page->out, "gates", "Gates");
	html_table_begin(page->out, "Gates and how they were met", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < shown; i++)
		add_gate(page, &report->gates[i]);
	html_table_end(page->out);
	html_add_more(page, report->gate_count - shown);
	buffer_add_string(page->out, "<p class=\"note\">The margin is the room left to the bound, "
				     "as a share of it; negative is beyond. Too few samples are "
				     "unknown, not a pass.</p>\n");
	html_section_end(page->out);
}
