/* A page with a table of rows, and a shift plot per request. See compare.h. */
#include <math.h>
#include <stdio.h>

#include "reports/compare.h"
#include "reports/html_assets.h"
#include "reports/html_write.h"
#include "reports/svg.h"
#include "reports/words.h"

enum { PLOT_HEIGHT = 220, PLOT_TOP = 12, PLOT_BOTTOM = 196, PLOTS_MAX = 60 };

static void add_head(const struct comparison *comparison, struct buffer *out)
{
	static const char *const classes[] = { [COMPARE_SAME] = "good",
					       [COMPARE_IMPROVED] = "good",
					       [COMPARE_REGRESSED] = "bad",
					       [COMPARE_INCONCLUSIVE] = "maybe" };
	const char *verdict = compare_verdict_names[comparison->verdict];

	buffer_add_string(out,
			  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
			  "'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" "
			  "content=\"width=device-width, initial-scale=1\">\n<title>");
	html_format(out, "%s: %s", comparison->base[0]->meta->name, verdict);
	buffer_add_string(out, "</title>\n<style>");
	buffer_add_text(out, html_style());
	buffer_format(out,
		      "</style>\n</head>\n<body>\n<header class=\"%s\">\n"
		      "<p class=\"product\">sagastorm compare</p>\n<div class=\"title\"><h1>",
		      classes[comparison->verdict]);
	html_add(out, comparison->base[0]->meta->name);
	buffer_add_string(out, "</h1>\n<p class=\"stamp\">");
	html_add(out, verdict);
	buffer_add_string(out, "</p></div>\n");
}

static void add_side(const char *title, struct compare_run *const *runs, size_t count,
		     struct buffer *out)
{
	buffer_format(out, "<div><dt>%s</dt><dd>", title);
	for (size_t i = 0; i < count; i++) {
		buffer_add_string(out, i ? ", " : "");
		html_add(out, runs[i]->directory);
	}
	buffer_add_string(out, "</dd></div>\n");
}

static void add_facts(const struct comparison *comparison, struct buffer *out)
{
	buffer_add_string(out, "<dl class=\"facts\">\n");
	add_side("base", comparison->base, comparison->base_count, out);
	add_side("new", comparison->new, comparison->new_count, out);
	buffer_format(out, "<div><dt>tolerance</dt><dd>%g%%</dd></div>\n",
		      100 * comparison->options.tolerance);
	buffer_add_string(out, "<div><dt>method</dt><dd>");
	html_add(out, comparison->method);
	buffer_add_string(out, "</dd></div>\n</dl>\n</header>\n<main>\n");
}

static void add_list(const char *class, const char *const *items, size_t count, struct buffer *out)
{
	if (!count)
		return;
	buffer_format(out, "<ul class=\"%s\">\n", class);
	for (size_t i = 0; i < count; i++) {
		buffer_add_string(out, "<li>");
		html_add_text(out, text_of(items[i]), 700);
		buffer_add_string(out, "</li>\n");
	}
	buffer_add_string(out, "</ul>\n");
}

static void add_verdict(const struct compare_row *row, struct buffer *out)
{
	static const char *const classes[] = { [COMPARE_SAME] = "",
					       [COMPARE_IMPROVED] = "good",
					       [COMPARE_REGRESSED] = "bad",
					       [COMPARE_INCONCLUSIVE] = "maybe" };

	buffer_format(out, "<td><span class=\"verdict %s\">%s</span>", classes[row->verdict],
		      compare_verdict_names[row->verdict]);
	if (isnan(row->p) && *row->why) {
		buffer_add_string(out, " <small>");
		html_add(out, row->why);
		buffer_add_string(out, "</small>");
	}
	buffer_add_string(out, "</td>");
}

static void add_row(const struct compare_row *row, struct buffer *out)
{
	char words[32];

	buffer_add_string(out, "<tr>");
	html_cell_head(out, row->name);
	html_cell(out, row->metric);
	html_cell_number(out, row->base, compare_words_value(words, row, row->base));
	html_cell_number(out, row->new, compare_words_value(words, row, row->new));
	html_cell_number(out, row->difference.change,
			 compare_words_change(words, row, row->difference.change));
	html_cell_number(out, row->difference.low,
			 compare_words_change(words, row, row->difference.low));
	html_cell_number(out, row->difference.high,
			 compare_words_change(words, row, row->difference.high));
	add_verdict(row, out);
	buffer_add_string(out, "</tr>\n");
}

static void add_rows(const struct comparison *comparison, struct buffer *out)
{
	static const struct html_column columns[] = {
		{ "Request", false }, { "Metric", false },  { "Base", true },
		{ "New", true },      { "Change", true },   { "at least", true },
		{ "at most", true },  { "Verdict", false },
	};

	html_section_begin(out, "rows", "What changed");
	html_table_begin(out, "The change of each metric, with its 90% interval", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < comparison->row_count; i++)
		add_row(&comparison->rows[i], out);
	html_table_end(out);
	html_section_end(out);
}

/* How far from nothing the plot reaches, in per cent: what is known, but no more than doubling. */
static double reach_of(const struct compare_shift *shift, double tolerance)
{
	double most = 150 * tolerance;

	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		const struct difference *difference = &shift->differences[i];

		if (!shift->known[i])
			continue;
		most = fmax(most, 110 * fabs(difference->change));
		if (isfinite(difference->low) && isfinite(difference->high))
			most = fmax(most,
				    105 * fmax(fabs(difference->low), fabs(difference->high)));
	}
	return fmin(fmax(most, 2), 150);
}

static const char *change_label(char out[SVG_LABEL_MAX], double value)
{
	snprintf(out, SVG_LABEL_MAX, "%+.3g%%", value);
	return out;
}

static struct svg_scale scale_of(double reach)
{
	struct svg_scale positive = svg_linear(reach, PLOT_TOP, PLOT_BOTTOM), scale = positive;

	scale.from = -positive.to;
	scale.tick_count = 0;
	for (size_t i = positive.tick_count; i-- > 1;)
		if (scale.tick_count < SVG_TICKS_MAX / 2)
			scale.ticks[scale.tick_count++] = -positive.ticks[i];
	for (size_t i = 0; i < positive.tick_count && scale.tick_count < SVG_TICKS_MAX; i++)
		scale.ticks[scale.tick_count++] = positive.ticks[i];
	return scale;
}

static double clamped_y(const struct svg_scale *scale, double change)
{
	double percent = isnan(change) ? 0 : 100 * change;

	return svg_y(scale, fmin(fmax(percent, scale->from), scale->to));
}

static double x_of(size_t quantile)
{
	return (double)quantile + 0.5;
}

/* The interval, as an area: up one side and down the other. */
static void add_interval(const struct compare_shift *shift, const struct svg_scale *scale,
			 struct buffer *out)
{
	bool any = false;

	buffer_format(out, "<path class=\"f0\" fill=\"%s\" fill-opacity=\"0.18\" d=\"",
		      svg_colours[0]);
	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		if (!shift->known[i])
			continue;
		buffer_format(out, "%c%.0f %.0f", any ? 'L' : 'M', 10 * x_of(i),
			      10 * clamped_y(scale, shift->differences[i].low));
		any = true;
	}
	for (size_t i = COMPARE_QUANTILES; i-- > 0;)
		if (shift->known[i])
			buffer_format(out, "L%.0f %.0f", 10 * x_of(i),
				      10 * clamped_y(scale, shift->differences[i].high));
	buffer_format(out, "%s\"/>\n", any ? "Z" : "");
}

static void add_lines(const struct comparison *comparison, const struct compare_shift *shift,
		      const struct svg_scale *scale, struct buffer *out)
{
	const double tolerances[] = { 0, comparison->options.tolerance,
				      1 / (1 + comparison->options.tolerance) - 1 };
	struct svg_line line;

	for (size_t i = 0; i < 3; i++) {
		double y = clamped_y(scale, tolerances[i]);

		buffer_format(
			out,
			"<path class=\"c7\" stroke=\"%s\" vector-effect=\"non-scaling-stroke\" "
			"stroke-dasharray=\"%s\" d=\"M0 %.0fH%d\"/>\n",
			svg_colours[7], i ? "4 4" : "none", 10 * y, 10 * COMPARE_QUANTILES);
	}
	line = svg_line_begin(out, 0);
	for (size_t i = 0; i < COMPARE_QUANTILES; i++)
		if (shift->known[i])
			svg_line_to(&line, x_of(i), clamped_y(scale, shift->differences[i].change));
	svg_line_end(&line);
}

static void add_quantile_names(struct buffer *out)
{
	buffer_add_string(out, "<g class=\"times\" fill=\"#57606a\" text-anchor=\"middle\">");
	for (size_t i = 0; i < COMPARE_QUANTILES; i++)
		buffer_format(out, "<text x=\"%.2f%%\" y=\"%d\">p%g</text>",
			      100 * x_of(i) / COMPARE_QUANTILES, PLOT_HEIGHT - 6,
			      100 * compare_quantiles[i]);
	buffer_add_string(out, "</g>\n");
}

static void add_points(const struct compare_shift *shift, struct buffer *out)
{
	static const struct html_column columns[] = {
		{ "Quantile", false }, { "Base", true },     { "New", true },
		{ "Change", true },    { "at least", true }, { "at most", true },
	};
	const struct compare_row as_latency = { .is_errors = false };
	char words[32];

	buffer_add_string(out, "<details class=\"data\"><summary>The numbers</summary>\n");
	html_table_begin(out, "How each quantile moved", columns,
			 sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < COMPARE_QUANTILES; i++) {
		const struct difference *difference = &shift->differences[i];
		const double changes[] = { difference->change, difference->low, difference->high };

		if (!shift->known[i])
			continue;
		snprintf(words, sizeof(words), "p%g", 100 * compare_quantiles[i]);
		buffer_add_string(out, "<tr>");
		html_cell_head(out, words);
		html_cell_number(out, shift->base[i],
				 compare_words_value(words, &as_latency, shift->base[i]));
		html_cell_number(out, shift->new[i],
				 compare_words_value(words, &as_latency, shift->new[i]));
		for (int j = 0; j < 3; j++)
			html_cell_number(out, changes[j],
					 compare_words_change(words, &as_latency, changes[j]));
		buffer_add_string(out, "</tr>\n");
	}
	html_table_end(out);
	buffer_add_string(out, "</details>\n");
}

static void add_plot(const struct comparison *comparison, size_t number, struct buffer *out)
{
	const struct compare_shift *shift = &comparison->shifts[number];
	struct svg_scale scale = scale_of(reach_of(shift, comparison->options.tolerance));
	char id[32], words[WORDS_MAX];

	snprintf(id, sizeof(id), "shift-%zu", number);
	buffer_add_string(out, "<figure>\n<figcaption><h3>");
	html_add(out, shift->name);
	buffer_format(out, "</h3><p>%s requests in the base, ",
		      words_count(words, shift->base_count));
	buffer_format(out, "%s in the new runs</p></figcaption>\n",
		      words_count(words, shift->new_count));
	svg_begin(
		out, PLOT_HEIGHT, id, "How each quantile of latency moved",
		"The change in per cent, from the fastest twentieth to the slowest hundredth, with "
		"its 90% interval. Above the line in the middle it became slower. Dashed: the "
		"tolerance.");
	svg_grid(out, &scale);
	svg_plot_begin(out, COMPARE_QUANTILES, PLOT_HEIGHT);
	add_interval(shift, &scale, out);
	add_lines(comparison, shift, &scale, out);
	svg_plot_end(out);
	svg_grid_labels(out, &scale, change_label);
	add_quantile_names(out);
	svg_end(out);
	add_points(shift, out);
	buffer_add_string(out, "</figure>\n");
}

void compare_write_html(const struct comparison *comparison, struct buffer *out)
{
	size_t plots = comparison->shift_count < PLOTS_MAX ? comparison->shift_count : PLOTS_MAX;

	add_head(comparison, out);
	add_facts(comparison, out);
	add_list("reasons", comparison->mismatches, comparison->mismatch_count, out);
	if (comparison->row_count)
		add_rows(comparison, out);
	if (plots) {
		html_section_begin(out, "shifts", "How the distributions moved");
		for (size_t i = 0; i < plots; i++)
			add_plot(comparison, i, out);
		html_section_end(out);
	}
	add_list("note", comparison->notes, comparison->note_count, out);
	buffer_add_string(out,
			  "</main>\n<footer><p>Made by sagastorm compare from the histories of "
			  "these runs.</p></footer>\n</body>\n</html>\n");
}
