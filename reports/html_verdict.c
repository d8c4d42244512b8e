/* What came of the run, and why; then the figures that most people came for. */
#include <math.h>
#include <stdlib.h>

#include "reports/chart.h"
#include "reports/html_parts.h"
#include "reports/words.h"

enum { REASONS_SHOWN_MAX = 6 };

struct reasons {
	struct page *page;
	size_t shown, left_out;
};

/* `kind` is what it is about, in a word or two, linked to where there is more. */
static bool reason_begin(struct reasons *reasons, const char *section, const char *kind)
{
	if (reasons->shown == REASONS_SHOWN_MAX) {
		reasons->left_out++;
		return false;
	}
	reasons->shown++;
	buffer_format(reasons->page->out, "<li class=\"%s\"><a href=\"#%s\">%s</a> ",
		      strcmp(section, "environment") == 0 ? "maybe" : "bad", section, kind);
	return true;
}

static void reason_end(struct reasons *reasons)
{
	buffer_add_string(reasons->page->out, "</li>\n");
}

static void add_broken_faults(struct reasons *reasons)
{
	const struct faults *faults = reasons->page->report->faults;

	for (size_t i = 0; i < faults->count; i++) {
		const struct fault_figures *fault = &faults->items[i];

		if (!fault->broken || !reason_begin(reasons, "faults", "fault"))
			continue;
		html_format(reasons->page->out,
			    "%s (%s of %s) is not known to be gone; look, and run 'sagastorm chaos "
			    "heal'",
			    fault->name, fault->kind, fault->target);
		reason_end(reasons);
	}
}

static void add_invalid(struct reasons *reasons)
{
	const struct report *report = reasons->page->report;

	for (size_t i = 0; i < report->reason_count; i++) {
		if (!reason_begin(reasons, "environment", "not valid"))
			continue;
		html_add_text(reasons->page->out, text_of(report->reasons[i]), 600);
		reason_end(reasons);
	}
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static void add_violation(struct reasons *reasons, const json_t *invariant)
{
	const json_t *witness = json_array_get(json_object_get(invariant, "witnesses"), 0);

	if (strcmp(string_in(invariant, "verdict"), "invalid") != 0 ||
	    !reason_begin(reasons, "sagas", "saga"))
		return;
	buffer_add_string(reasons->page->out, "<b>");
	html_add(reasons->page->out, string_in(invariant, "name"));
	buffer_add_string(reasons->page->out, "</b> violated by ");
	html_format(reasons->page->out, "%lld of %lld",
		    (long long)json_integer_value(json_object_get(invariant, "violations")),
		    (long long)json_integer_value(json_object_get(invariant, "checked")));
	if (witness)
		buffer_add_string(reasons->page->out, ": ");
	html_add(reasons->page->out, string_in(witness, "reason"));
	reason_end(reasons);
}

static void add_violations(struct reasons *reasons)
{
	const json_t *saga, *invariant;
	const char *name;
	size_t i;

	json_object_foreach(reasons->page->report->sagas, name, saga) {
		json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
			add_violation(reasons, invariant);
		}
	}
}

static void add_unsteady(struct reasons *reasons)
{
	static const char *const moments[] = { "before any fault was armed", "during a fault",
					       "again after a fault was healed" };
	const struct faults *faults = reasons->page->report->faults;
	const struct meta *meta = reasons->page->report->meta;
	uint32_t condition = faults->unsteady_condition;

	if (!faults->unsteady || !reason_begin(reasons, "faults", "steady state"))
		return;
	html_format(reasons->page->out, "did not hold %s: %s", moments[faults->unsteady_moment],
		    condition < meta->steady_count ? meta->steady[condition] : "?");
	reason_end(reasons);
}

static void add_failed_gates(struct reasons *reasons)
{
	const struct report *report = reasons->page->report;

	for (size_t i = 0; i < report->gate_count; i++) {
		const struct gate_result *gate = &report->gates[i];

		if (gate->holding != DOES_NOT_HOLD || !reason_begin(reasons, "gates", "gate"))
			continue;
		buffer_add_string(reasons->page->out, "<b>");
		html_add(reasons->page->out, gate->name);
		buffer_add_string(reasons->page->out, "</b> ");
		html_format(reasons->page->out, "is %s%s%s", *gate->shown ? gate->shown : "broken",
			    *gate->reason ? ", " : "", gate->reason);
		reason_end(reasons);
	}
}

static void add_reasons(struct page *page)
{
	struct reasons reasons = { .page = page };
	size_t before = page->out->length;

	buffer_add_string(page->out, "<ul class=\"reasons\">\n");
	add_broken_faults(&reasons);
	add_invalid(&reasons);
	add_violations(&reasons);
	add_unsteady(&reasons);
	add_failed_gates(&reasons);
	if (reasons.left_out)
		buffer_format(page->out, "<li>\xe2\x80\xa6 and %zu more below</li>\n",
			      reasons.left_out);
	buffer_add_string(page->out, "</ul>\n");
	if (!reasons.shown) {
		page->out->length = before;
		page->out->data[before] = '\0';
	}
}

/* A figure in large, what it is, and what it is made of. */
static void add_tile(struct page *page, const char *name, const char *figure, const char *detail,
		     bool bad)
{
	buffer_format(page->out, "<div class=\"tile%s\"><dt>%s</dt><dd><b>", bad ? " bad" : "",
		      name);
	html_add(page->out, figure);
	buffer_add_string(page->out, "</b> <span>");
	html_add(page->out, detail);
	buffer_add_string(page->out, "</span></dd></div>\n");
}

static void add_load_tiles(struct page *page)
{
	const struct figures *figures = page->report->figures;
	double target = figures_target_rate(figures), achieved = figures_achieved_rate(figures);
	uint64_t scheduled = outcomes_sum(figures->outcomes);
	char figure[WORDS_MAX], detail[120], a[WORDS_MAX], b[WORDS_MAX], c[WORDS_MAX];

	snprintf(detail, sizeof(detail), "%s failed, %s timed out, %s dropped",
		 words_count(a, figures->outcomes[OUTCOME_FAILED]),
		 words_count(b, figures->outcomes[OUTCOME_TIMED_OUT]),
		 words_count(c, figures->outcomes[OUTCOME_DROPPED]));
	add_tile(page, "visitors", words_count(figure, scheduled), detail,
		 scheduled != figures->outcomes[OUTCOME_OK]);
	if (target > 0)
		snprintf(detail, sizeof(detail), "of %s planned", words_rate(a, target));
	else
		snprintf(detail, sizeof(detail), "started, while measured");
	add_tile(page, "rate", words_rate(figure, achieved), detail,
		 target > 0 && achieved < 0.99 * target);
}

static void add_request_tiles(struct page *page)
{
	const struct measure *all = &page->report->figures->all;
	struct hist *latency = measure_latency(all);
	char figure[WORDS_MAX], detail[120], a[WORDS_MAX], b[WORDS_MAX];

	snprintf(detail, sizeof(detail), "p50 %s, max %s",
		 html_duration(a, hist_quantile(latency, 0.5)), html_duration(b, latency->max));
	add_tile(page, "latency, p99",
		 latency->total ? html_duration(figure, hist_quantile(latency, 0.99)) : "none",
		 latency->total ? detail : "no request was measured", false);
	snprintf(detail, sizeof(detail), "%s of %s requests", words_count(a, all->errors),
		 words_count(b, all->count));
	add_tile(page, "errors", words_share(figure, all->errors, all->count), detail,
		 all->errors > 0);
	hist_free(latency);
}

static size_t count_unknown(const json_t *saga)
{
	const json_t *invariant;
	size_t i, count = 0;

	json_array_foreach(json_object_get(saga, "invariants"), i, invariant) {
		count += strcmp(string_in(invariant, "verdict"), "unknown") == 0;
	}
	return count;
}

static void add_saga_tiles(struct page *page)
{
	double verified = 0, violations = 0, started = 0, acknowledged = 0, proven = 0;
	char figure[WORDS_MAX], detail[120], a[WORDS_MAX], b[WORDS_MAX];
	const json_t *saga;
	size_t unknown = 0;
	const char *name;

	json_object_foreach(page->report->sagas, name, saga) {
		unknown += count_unknown(saga);
		verified += json_number_value(json_object_get(saga, "verified_goodput"));
		violations += json_number_value(json_object_get(saga, "violations"));
		started += json_number_value(json_object_get(saga, "started"));
		acknowledged += json_number_value(json_object_get(saga, "acknowledged"));
		proven += json_number_value(json_object_get(saga, "verified"));
	}
	snprintf(detail, sizeof(detail), "%s of %s acknowledged proven correct",
		 words_count(a, (uint64_t)proven), words_count(b, (uint64_t)acknowledged));
	add_tile(page, "verified goodput", words_rate(figure, verified), detail,
		 acknowledged > 0 && proven <= 0);
	snprintf(detail, sizeof(detail), "in %s sagas; %zu invariant%s can't be told",
		 words_count(a, (uint64_t)started), unknown, unknown == 1 ? "" : "s");
	add_tile(page, "violations", words_count(figure, (uint64_t)violations), detail,
		 violations > 0);
}

static void add_tiles(struct page *page)
{
	buffer_add_string(page->out, "<dl class=\"tiles\">\n");
	if (json_object_size(page->report->sagas))
		add_saga_tiles(page);
	add_load_tiles(page);
	add_request_tiles(page);
	buffer_add_string(page->out, "</dl>\n");
}

void html_verdict(struct page *page)
{
	const struct verdict *verdict = &page->report->verdict;

	html_section_begin(page->out, "verdict", "Verdict");
	buffer_add_string(page->out, "<p class=\"lead\">");
	html_add_verdict(page->out, verdict->name);
	buffer_add_string(page->out, " ");
	html_add(page->out, *verdict->reason ?
				    verdict->reason :
				    "every gate held, and nothing speaks against the run");
	buffer_add_string(page->out, "</p>\n");
	add_reasons(page);
	add_tiles(page);
	chart_overview(page);
	html_section_end(page->out);
}
