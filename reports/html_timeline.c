/* The run over time: every chart on the same axis. */
#include <math.h>

#include "lib/clock.h"
#include "reports/chart.h"

/* The end of a run is mostly no whole bin. */
static double per_s(const struct series *series, size_t bin, uint64_t count)
{
	return (double)count / series_length_s(series, bin);
}

/* Starts. */

enum { START_PLANNED, START_BEGUN, START_DROPPED };

static double start_rate(const struct series *series, size_t bin, int which)
{
	const struct bin *of = &series->bins[bin];
	double target;

	switch (which) {
	case START_PLANNED:
		target = series_target(series, bin);
		return target < 0 ? (double)NAN : target;
	case START_BEGUN:
		return per_s(series, bin, of->begun);
	default:
		return per_s(series, bin, of->dropped);
	}
}

static const struct chart starts = {
	.id = "starts",
	.title = "Starts",
	.about = "Visitors per second: planned, begun, and dropped for want of room. Open phases "
		 "never wait for the system.",
	.lines = { { "planned", 7, start_rate, START_PLANNED },
		   { "begun", 0, start_rate, START_BEGUN },
		   { "dropped", 4, start_rate, START_DROPPED } },
	.count = 3,
	.height = 150,
	.label = chart_label_rate,
};

/* Latency. `which` is in tenths of a per cent. */

static double latency(const struct series *series, size_t bin, int which)
{
	const struct hist *hist = series->bins[bin].latency;

	return hist && hist->total ? (double)hist_quantile(hist, which / 1000.0) : (double)NAN;
}

static const struct chart latencies = {
	.id = "latency",
	.title = "Latency",
	.about = "From the moment a request was meant to be sent until its answer was complete, "
		 "failed ones too. Logarithmic.",
	.lines = { { "p50", 0, latency, 500 },
		   { "p95", 2, latency, 950 },
		   { "p99", 1, latency, 990 },
		   { "max", 7, latency, 1000 } },
	.count = 4,
	.log = true,
	.height = 210,
	.label = chart_label_us,
};

/* Errors. */

static double error_rate(const struct series *series, size_t bin, int which)
{
	return per_s(series, bin, series->bins[bin].errors[which]);
}

static const struct chart errors = {
	.id = "errors-over-time",
	.title = "Errors",
	.about = "Failed attempts per second by class, those that were tried again included.",
	.lines = { { "dns", 6, error_rate, FAILURE_DNS },
		   { "connect", 1, error_rate, FAILURE_CONNECT },
		   { "tls", 5, error_rate, FAILURE_TLS },
		   { "timeout", 4, error_rate, FAILURE_TIMEOUT },
		   { "reset", 3, error_rate, FAILURE_RESET },
		   { "protocol", 2, error_rate, FAILURE_PROTOCOL },
		   { "http", 0, error_rate, FAILURE_HTTP },
		   { "expectation", 7, error_rate, FAILURE_EXPECTATION } },
	.count = 8,
	.stacked = true,
	.height = 140,
	.label = chart_label_rate,
};

/* Sagas and goodput. */

static double ended_rate(const struct series *series, size_t bin, int which)
{
	return per_s(series, bin, series->bins[bin].ended[which]);
}

static const struct chart sagas = {
	.id = "sagas-over-time",
	.title = "Sagas by how they ended",
	.about = "By the second in which their key was minted.",
	.lines = { { "succeeded", 2, ended_rate, 0 },
		   { "compensated", 0, ended_rate, 1 },
		   { "stuck", 4, ended_rate, 2 },
		   { "unknown", 7, ended_rate, 3 } },
	.count = 4,
	.stacked = true,
	.height = 140,
	.label = chart_label_rate,
};

enum { GOOD_ACKNOWLEDGED, GOOD_VERIFIED, GOOD_JOURNEYS };

static double goodput(const struct series *series, size_t bin, int which)
{
	const struct bin *of = &series->bins[bin];

	return per_s(series, bin,
		     which == GOOD_ACKNOWLEDGED ? of->acknowledged :
		     which == GOOD_VERIFIED	? of->verified :
						  of->ok);
}

static const struct chart proven = {
	.id = "goodput",
	.title = "Goodput and verified goodput",
	.about = "Sagas per second that were acknowledged, and those of them that were later "
		 "proven correct. What lies between was compensated, was violated, or can't be "
		 "told.",
	.lines = { { "acknowledged", 7, goodput, GOOD_ACKNOWLEDGED },
		   { "proven correct", 2, goodput, GOOD_VERIFIED } },
	.count = 2,
	.gap = true,
	.height = 150,
	.label = chart_label_rate,
};

static const struct chart unproven = {
	.id = "goodput",
	.title = "Goodput",
	.about = "Journeys per second that came to a good end.",
	.lines = { { "ok", 2, goodput, GOOD_JOURNEYS } },
	.count = 1,
	.height = 150,
	.label = chart_label_rate,
};

/* The generator. */

static double lag(const struct series *series, size_t bin, int which)
{
	const struct hist *hist = series->bins[bin].lag;

	return hist && hist->total ? fmax((double)hist_quantile(hist, which / 1000.0), 1) :
				     (double)NAN;
}

static const struct chart lags = {
	.id = "lag",
	.title = "Generator lag",
	.about = "How late requests were sent. It is part of the latency; when it is large, the "
		 "generator was the limit. Logarithmic.",
	.lines = { { "p50", 0, lag, 500 }, { "p99", 1, lag, 990 }, { "max", 7, lag, 1000 } },
	.count = 3,
	.log = true,
	.height = 150,
	.label = chart_label_us,
};

static double in_flight(const struct series *series, size_t bin, int which)
{
	(void)which;
	return series->bins[bin].in_flight;
}

static const struct chart flights = {
	.id = "in-flight",
	.title = "In flight",
	.about = "Requests under way at the end of a second, of the worker with the most.",
	.lines = { { "in flight", 0, in_flight, 0 } },
	.count = 1,
	.height = 120,
	.label = chart_label_count,
};

void html_timeline(struct page *page)
{
	html_section_begin(page->out, "timeline", "The run over time");
	buffer_format(
		page->out,
		"<p class=\"lead\">All charts share one axis: the time since the start of the "
		"run, in steps of %g s. Bands are faults, by number; grey is not measured.</p>"
		"\n<div id=\"charts\" data-length=\"%g\">\n",
		series_bin_s(page->series),
		(double)page->series->count * series_bin_s(page->series));
	chart_lanes(page);
	chart_write(page, &starts);
	chart_write(page, &latencies);
	chart_heat(page);
	chart_write(page, &errors);
	chart_write(page, &sagas);
	chart_write(page, json_object_size(page->report->sagas) ? &proven : &unproven);
	chart_write(page, &flights);
	chart_write(page, &lags);
	buffer_add_string(page->out, "</div>\n");
	html_section_end(page->out);
}
