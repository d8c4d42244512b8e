/* The ledger of sagas: how all of them ended, and what was violated, with witnesses. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "reports/html_parts.h"
#include "reports/svg.h"
#include "reports/words.h"

enum { WITNESSES_SHOWN_MAX = 3, ENDS = 4, INVARIANTS_MAX = 100, RISKS_MAX = 20 };

static const struct {
	const char *key, *says;
	int colour;
} ends[ENDS] = {
	{ "succeeded", "came to their good end", 2 },
	{ "compensated", "ended, and are to be taken back in full", 0 },
	{ "stuck", "had not settled when asked last", 4 },
	{ "unknown", "could not be asked, or are lost", 7 },
};

static uint64_t count_in(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));

	return count > 0 ? (uint64_t)count : 0;
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static bool is_verdict(const json_t *invariant, const char *verdict)
{
	return strcmp(string_in(invariant, "verdict"), verdict) == 0;
}

/* The identity, as a bar: all of it adds up to what was started. */
static void add_bar(struct page *page, const json_t *saga)
{
	uint64_t started = count_in(saga, "started");
	double x = 0;

	if (!started)
		return;
	buffer_add_string(page->out, "<svg class=\"ledger\" width=\"100%\" height=\"18\" "
				     "aria-hidden=\"true\">");
	for (int i = 0; i < ENDS; i++) {
		double width = 100 * (double)count_in(saga, ends[i].key) / (double)started;

		if (width <= 0)
			continue;
		buffer_format(page->out,
			      "<rect class=\"f%d\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"18\" "
			      "fill=\"%s\"/>",
			      ends[i].colour, x, fmax(width, 0.3), svg_colours[ends[i].colour]);
		x += width;
	}
	buffer_add_string(page->out, "</svg>\n");
}

static void add_identity(struct page *page, const json_t *saga)
{
	char words[WORDS_MAX];

	buffer_format(page->out, "<ul class=\"identity\"><li><b>%s</b> started</li>",
		      words_count(words, count_in(saga, "started")));
	for (int i = 0; i < ENDS; i++) {
		buffer_format(page->out, "<li><span class=\"sign\">%s</span> ", i ? "+" : "=");
		svg_swatch_area(page->out, ends[i].colour);
		buffer_format(page->out, " <b>%s</b> %s</li>",
			      words_count(words, count_in(saga, ends[i].key)), ends[i].key);
	}
	buffer_add_string(page->out, "</ul>\n");
}

static void add_asides(struct page *page, const json_t *saga)
{
	static const struct {
		const char *key, *says;
	} asides[] = {
		{ "acknowledged", "were acknowledged" },
		{ "verified", "of those were proven correct" },
		{ "cancels", "were to be cancelled" },
		{ "refused", "were certainly refused" },
		{ "absent", "never came to be" },
		{ "unsent", "were never sent" },
		{ "foreign_effects", "effects are of nobody we know" },
	};
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<p class=\"note\">");
	for (size_t i = 0; i < sizeof(asides) / sizeof(*asides); i++)
		if (i < 2 || count_in(saga, asides[i].key))
			buffer_format(page->out, "%s%s %s", i ? ", " : "",
				      words_count(words, count_in(saga, asides[i].key)),
				      asides[i].says);
	buffer_format(page->out, ". Verified goodput: <b>%s</b>.",
		      words_rate(words,
				 json_number_value(json_object_get(saga, "verified_goodput"))));
	buffer_add_string(page->out, "</p>\n");
}

static const char *whole_in(char out[WORDS_MAX], const json_t *object, const char *key)
{
	double number = json_number_value(json_object_get(object, key));

	return words_count(out, number > 0 && number < 1e15 ? (uint64_t)llround(number) : 0);
}

static void add_anomalies(struct page *page, const json_t *saga)
{
	const json_t *anomalies = json_object_get(saga, "anomalies");
	char rate[WORDS_MAX], low[WORDS_MAX], high[WORDS_MAX], judged[WORDS_MAX];

	if (!json_is_number(json_object_get(anomalies, "per_million")))
		return;
	buffer_format(page->out,
		      "<p class=\"note\">In a million sagas %s would violate something, with 95%% "
		      "certainty between %s and %s, judged by these %s.</p>\n",
		      whole_in(rate, anomalies, "per_million"), whole_in(low, anomalies, "low"),
		      whole_in(high, anomalies, "high"),
		      words_count(judged, count_in(anomalies, "judged")));
}

static void add_invariant(struct page *page, const json_t *invariant)
{
	uint64_t checked = count_in(invariant, "checked");
	uint64_t violations = count_in(invariant, "violations");
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr><td>");
	html_add_verdict(page->out, string_in(invariant, "verdict"));
	buffer_add_string(page->out, "</td>");
	html_cell_head(page->out, string_in(invariant, "name"));
	html_cell(page->out, string_in(invariant, "statement"));
	html_cell_number(page->out, (double)checked, words_count(words, checked));
	html_cell_number(page->out, (double)violations, words_count(words, violations));
	html_cell(page->out, string_in(invariant, "why"));
	buffer_add_string(page->out, "</tr>\n");
}

/* What is bad first, then what is not known. */
static void add_invariants(struct page *page, const json_t *saga)
{
	static const char *const order[] = { "invalid", "unknown", "valid" };
	static const struct html_column columns[] = {
		{ "verdict", false }, { "invariant", false },  { "says", false },
		{ "checked", true },  { "violations", true }, { "why it can't be told", false },
	};
	const json_t *invariant;
	size_t i, shown = 0;

	html_table_begin(page->out, "Invariants", columns, sizeof(columns) / sizeof(*columns));
	for (size_t verdict = 0; verdict < 3; verdict++) {
		json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
			if (is_verdict(invariant, order[verdict]) && shown++ < INVARIANTS_MAX)
				add_invariant(page, invariant);
		}
	}
	html_table_end(page->out);
}

static void add_witnesses(struct page *page, const json_t *invariant)
{
	const json_t *witnesses = json_object_get(invariant, "witnesses"), *witness;
	uint64_t violations = count_in(invariant, "violations");
	size_t i, shown = 0;

	buffer_add_string(page->out, "<h4>");
	html_add(page->out, string_in(invariant, "name"));
	buffer_add_string(page->out, ": ");
	html_add(page->out, string_in(invariant, "statement"));
	buffer_add_string(page->out, "</h4>\n");
	json_array_foreach(witnesses, i, witness) {
		if (i == 1)
			buffer_add_string(page->out, "<details><summary>Another one</summary>\n");
		if (shown < WITNESSES_SHOWN_MAX && ++shown)
			html_witness(page, witness);
	}
	buffer_add_string(page->out, shown > 1 ? "</details>\n" : "");
	if (violations > shown)
		buffer_format(page->out,
			      "<p class=\"more\">\xe2\x80\xa6 and %" PRIu64
			      " more of this kind; <code>report.json</code> and "
			      "<code>witnesses.txt</code> have the smallest of them.</p>\n",
			      violations - shown);
}

static void add_violated(struct page *page, const json_t *saga)
{
	const json_t *invariant;
	bool any = false;
	size_t i;

	json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
		if (!is_verdict(invariant, "invalid"))
			continue;
		if (!any)
			buffer_add_string(page->out, "<h3>Witnesses</h3>\n<p>The smallest stories "
						     "that show what was violated. The marked line "
						     "contradicts what stands above it.</p>\n");
		any = true;
		add_witnesses(page, invariant);
	}
}

static void add_risk(struct page *page, const json_t *risk)
{
	json_int_t money = json_integer_value(json_object_get(risk, "money"));
	json_int_t quantity = json_integer_value(json_object_get(risk, "quantity"));
	uint64_t sagas = count_in(risk, "sagas"), exactly = count_in(risk, "exactly");
	const char *fault = json_string_value(json_object_get(risk, "fault"));
	char words[WORDS_MAX];

	buffer_add_string(page->out, "<tr>");
	html_cell_head(page->out, fault ? fault : "no fault");
	html_cell_number(page->out, (double)sagas, words_count(words, sagas));
	html_cell_number(page->out, (double)exactly, words_count(words, exactly));
	snprintf(words, sizeof(words), "%lld", (long long)money);
	html_cell_number(page->out, (double)money, words);
	snprintf(words, sizeof(words), "%lld", (long long)quantity);
	html_cell_number(page->out, (double)quantity, words);
	buffer_add_string(page->out, "</tr>\n");
}

static void add_risks(struct page *page, const json_t *saga)
{
	static const struct html_column columns[] = {
		{ "fault that they met", false },
		{ "violated sagas", true },
		{ "met it for certain", true },
		{ "money, smallest unit", true },
		{ "quantity", true },
	};
	const json_t *risks = json_object_get(saga, "at_risk"), *risk;
	size_t i;

	if (!json_array_size(risks))
		return;
	buffer_add_string(page->out, "<h3>At risk</h3>\n");
	html_table_begin(page->out, "What violated sagas moved, by the fault that they met",
			 columns, sizeof(columns) / sizeof(*columns));
	json_array_foreach(risks, i, risk) {
		if (i < RISKS_MAX)
			add_risk(page, risk);
	}
	html_table_end(page->out);
	if (json_array_size(risks) > RISKS_MAX)
		html_add_more(page, json_array_size(risks) - RISKS_MAX);
}

static void add_saga(struct page *page, const char *name, const json_t *saga)
{
	buffer_add_string(page->out, "<h3>");
	html_add(page->out, name);
	buffer_add_string(page->out, "</h3>\n");
	add_identity(page, saga);
	add_bar(page, saga);
	add_asides(page, saga);
	add_anomalies(page, saga);
	add_invariants(page, saga);
	add_violated(page, saga);
	add_risks(page, saga);
}

void html_sagas(struct page *page)
{
	const json_t *saga;
	const char *name;

	if (!json_object_size(page->report->sagas))
		return;
	html_section_begin(page->out, "sagas", "Sagas");
	json_object_foreach(page->report->sagas, name, saga) {
		add_saga(page, name, saga);
	}
	html_section_end(page->out);
}
