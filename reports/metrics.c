/*
 * metrics.txt: the figures of a run as OpenMetrics, for a push gateway or a collector of text
 * files. No sample has a time of its own: it is the run's end, which the reader knows better.
 */
#include <inttypes.h>
#include <math.h>

#include "lib/clock.h"
#include "lib/saga_key.h"
#include "reports/format.h"
#include "reports/words.h"

enum { LABEL_BYTES_MAX = 300 };

static const char *const outcome_names[OUTCOME_COUNT] = { "ok", "failed", "timed_out", "dropped" };

static void begin_family(struct buffer *out, const char *name, const char *type, const char *help)
{
	size_t length = strlen(name);

	buffer_format(out, "# TYPE sagastorm_%s %s\n", name, type);
	if (length > 8 && strcmp(name + length - 8, "_seconds") == 0)
		buffer_format(out, "# UNIT sagastorm_%s seconds\n", name);
	buffer_format(out, "# HELP sagastorm_%s %s\n", name, help);
}

/* `before` is '{' for the first label of a sample, ',' for others. */
static void add_label(struct buffer *out, char before, const char *name, const char *value)
{
	struct buffer clean = BUFFER_EMPTY;

	words_add_line(&clean, text_of(value), LABEL_BYTES_MAX);
	/* What was cut must stay apart from what else begins like it. */
	if (strlen(value) > LABEL_BYTES_MAX)
		buffer_format(&clean, " %016" PRIx64, text_hash(text_of(value)));
	buffer_format(out, "%c%s=\"", before, name);
	for (size_t i = 0; i < clean.length; i++) {
		if (clean.data[i] == '"' || clean.data[i] == '\\')
			buffer_add_char(out, '\\');
		buffer_add_char(out, clean.data[i]);
	}
	buffer_add_char(out, '"');
	buffer_release(&clean);
}

static void add_seconds(struct buffer *out, double us)
{
	buffer_format(out, " %.9g\n", us / (double)US_PER_S);
}

static void add_count(struct buffer *out, uint64_t count)
{
	buffer_format(out, " %" PRIu64 "\n", count);
}

static void add_gauge(struct buffer *out, const char *name, const char *help, double value)
{
	begin_family(out, name, "gauge", help);
	buffer_format(out, "sagastorm_%s", name);
	if (isfinite(value))
		buffer_format(out, " %.9g\n", value);
	else
		buffer_add_string(out, " NaN\n");
}

static void write_run(const struct report *report, struct buffer *out)
{
	const struct meta *meta = report->meta;
	double target = figures_target_rate(report->figures);

	begin_family(out, "run", "info", "Which run this was.");
	buffer_add_string(out, "sagastorm_run_info");
	add_label(out, '{', "name", meta->name);
	add_label(out, ',', "seed", meta->seed);
	add_label(out, ',', "started", meta->started);
	add_label(out, ',', "version", meta->version);
	add_label(out, ',', "verdict", report->verdict.name);
	buffer_add_string(out, "} 1\n");
	add_gauge(out, "run_exit_code", "What the run ended with; 0 is a pass.",
		  report->verdict.exit_code);
	add_gauge(out, "run_duration_seconds", "From its start to its end.",
		  (double)figures_duration_us(report->figures) / 1e6);
	add_gauge(out, "run_target_rate", "Starts per second that were planned.",
		  target < 0 ? (double)NAN : target);
	add_gauge(out, "run_achieved_rate", "Starts per second that were made.",
		  figures_achieved_rate(report->figures));
}

static void write_starts(const struct report *report, struct buffer *out)
{
	begin_family(out, "starts", "counter", "Journeys, by how they ended.");
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		buffer_add_string(out, "sagastorm_starts_total");
		add_label(out, '{', "outcome", outcome_names[i]);
		buffer_add_char(out, '}');
		add_count(out, report->figures->outcomes[i]);
	}
}

static void add_quantile(struct buffer *out, const char *family, const char *request,
			 const char *quantile)
{
	buffer_format(out, "sagastorm_%s", family);
	if (request)
		add_label(out, '{', "request", request);
	buffer_format(out, "%cquantile=\"%s\"}", request ? ',' : '{', quantile);
}

static void add_summary(struct buffer *out, const char *family, const char *request,
			const struct hist *hist)
{
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = { { "0.5", 0.5 },   { "0.9", 0.9 },	{ "0.95", 0.95 },
			  { "0.99", 0.99 }, { "0.999", 0.999 }, { "1", 1 } };

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles) && hist->total; i++) {
		add_quantile(out, family, request, quantiles[i].name);
		add_seconds(out, (double)hist_quantile(hist, quantiles[i].quantile));
	}
	for (int sum = 0; sum < 2; sum++) {
		buffer_format(out, "sagastorm_%s_%s", family, sum ? "sum" : "count");
		if (request) {
			add_label(out, '{', "request", request);
			buffer_add_char(out, '}');
		}
		if (sum)
			add_seconds(out, hist->sum);
		else
			add_count(out, hist->total);
	}
}

static void write_requests(const struct report *report, struct buffer *out)
{
	begin_family(out, "request_latency_seconds", "summary",
		     "Done minus intended, of requests in measured phases.");
	for (size_t i = 0; i < report->meta->request_count; i++) {
		struct hist *latency = measure_latency(&report->figures->names[i]);

		add_summary(out, "request_latency_seconds", report->meta->requests[i], latency);
		hist_free(latency);
	}
	begin_family(out, "lag_seconds", "summary", "Sent minus intended: how late we were.");
	add_summary(out, "lag_seconds", NULL, report->figures->lag);
}

static void write_errors(const struct report *report, struct buffer *out)
{
	const struct figures *figures = report->figures;

	begin_family(out, "request_errors", "counter",
		     "Failed attempts in measured phases, those tried again too, by class.");
	for (size_t name = 0; name < report->meta->request_count; name++)
		for (unsigned class = 0; class < FAILURE_COUNT; class ++) {
			uint64_t count = figures->errors[name * FAILURE_COUNT + class].count;

			if (!count)
				continue;
			buffer_add_string(out, "sagastorm_request_errors_total");
			add_label(out, '{', "request", report->meta->requests[name]);
			add_label(out, ',', "class", failure_name((enum failure) class));
			buffer_add_char(out, '}');
			add_count(out, count);
		}
}

static void write_gates(const struct report *report, struct buffer *out)
{
	static const char *const verdicts[] = { "pass", "fail", "unknown" };

	begin_family(out, "gate", "stateset", "What came of each gate.");
	for (size_t i = 0; i < report->gate_count; i++)
		for (size_t j = 0; j < sizeof(verdicts) / sizeof(*verdicts); j++) {
			const struct gate_result *gate = &report->gates[i];

			buffer_format(out, "sagastorm_gate{number=\"%zu\"", i);
			add_label(out, ',', "name", gate->name);
			add_label(out, ',', "sagastorm_gate", verdicts[j]);
			buffer_format(out, "} %d\n", strcmp(gate->verdict, verdicts[j]) == 0);
		}
}

static void add_fault_labels(struct buffer *out, const struct fault_figures *fault, size_t number)
{
	buffer_format(out, "{number=\"%zu\"", number);
	add_label(out, ',', "name", fault->name);
	add_label(out, ',', "kind", fault->kind);
	buffer_add_char(out, '}');
}

static void write_faults(const struct report *report, struct buffer *out)
{
	const struct faults *faults = report->faults;

	begin_family(out, "fault_hits", "counter", "Connections or calls that met a fault.");
	for (size_t i = 0; i < faults->count; i++)
		if (faults->items[i].hits >= 0) {
			buffer_add_string(out, "sagastorm_fault_hits_total");
			add_fault_labels(out, &faults->items[i], i);
			add_count(out, (uint64_t)faults->items[i].hits);
		}
	begin_family(out, "fault_recovery_seconds", "gauge",
		     "From the end of a fault until all was well again.");
	for (size_t i = 0; i < faults->count; i++)
		if (faults->items[i].recovery_us >= 0) {
			buffer_add_string(out, "sagastorm_fault_recovery_seconds");
			add_fault_labels(out, &faults->items[i], i);
			add_seconds(out, (double)faults->items[i].recovery_us);
		}
	begin_family(out, "fault_not_healed", "gauge", "1: not known to be gone.");
	for (size_t i = 0; i < faults->count; i++) {
		buffer_add_string(out, "sagastorm_fault_not_healed");
		add_fault_labels(out, &faults->items[i], i);
		add_count(out, faults->items[i].broken);
	}
}

static void write_sagas_as(const struct report *report, const char *key, const char *help,
			   struct buffer *out)
{
	const char *name;
	json_t *saga;

	buffer_format(out, "# TYPE sagastorm_sagas_%s gauge\n# HELP sagastorm_sagas_%s %s\n", key,
		      key, help);
	json_object_foreach(report->sagas, name, saga) {
		const json_t *value = json_object_get(saga, key);

		if (!json_is_number(value))
			continue;
		buffer_format(out, "sagastorm_sagas_%s", key);
		add_label(out, '{', "saga", name);
		buffer_format(out, "} %.12g\n", json_number_value(value));
	}
}

static void write_sagas(const struct report *report, struct buffer *out)
{
	write_sagas_as(report, "started", "Business transactions that were begun.", out);
	write_sagas_as(report, "succeeded", "Of these, done.", out);
	write_sagas_as(report, "compensated", "Of these, taken back.", out);
	write_sagas_as(report, "stuck", "Of these, not settled in time.", out);
	write_sagas_as(report, "unknown", "Of these, of unknown fate.", out);
	write_sagas_as(report, "violations", "Of invariants.", out);
	write_sagas_as(report, "verified_goodput", "Acknowledged and proven correct, per second.",
		       out);
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	struct buffer out = BUFFER_EMPTY;
	bool good;

	(void)state;
	write_run(report, &out);
	write_starts(report, &out);
	write_requests(report, &out);
	write_errors(report, &out);
	write_gates(report, &out);
	write_faults(report, &out);
	write_sagas(report, &out);
	buffer_add_string(&out, "# EOF\n");
	good = report_write_file(report, "metrics.txt", buffer_text(&out), err);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_metrics = {
	.name = "metrics",
	.writes = "metrics.txt",
	.finish = finish,
};
