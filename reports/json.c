/*
 * report.json: everything, for other programs. docs/report.schema.json says what is in it.
 */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "reports/format.h"
#include "reports/words.h"

enum { STRING_BYTES_MAX = 600 };

static const char *const outcome_keys[OUTCOME_COUNT] = { "ok", "failed", "timed_out", "dropped" };

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *text_json(struct text text)
{
	struct buffer clean = BUFFER_EMPTY;
	json_t *string;

	words_add_valid(&clean, text, STRING_BYTES_MAX);
	string = json_stringn(buffer_text(&clean).data, clean.length);
	buffer_release(&clean);
	return string;
}

static json_t *string_json(const char *string)
{
	return text_json(text_of(string));
}

/* Three digits behind the point say all that these numbers know. */
static json_t *number_json(double number)
{
	return isfinite(number) ? json_real(round(number * 1000) / 1000) : json_null();
}

/* Shares need more. */
static json_t *exact_json(double number)
{
	return isfinite(number) ? json_real(round(number * 1e9) / 1e9) : json_null();
}

static json_t *count_json(uint64_t count)
{
	return json_integer((json_int_t)count);
}

static json_t *seconds_json(int64_t us)
{
	return number_json((double)us / (double)US_PER_S);
}

static json_t *hist_json(const struct hist *hist)
{
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 }, { "p999", 0.999 }
	};
	json_t *object;

	if (!hist || hist->total == 0)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		set(object, quantiles[i].name,
		    json_integer(hist_quantile(hist, quantiles[i].quantile)));
	set(object, "max", json_integer(hist->max));
	set(object, "mean", number_json(hist_mean(hist)));
	set(object, "count", count_json(hist->total));
	return object;
}

static json_t *validity_json(const struct report *report)
{
	json_t *reasons = json_array();

	for (size_t i = 0; i < report->reason_count; i++)
		json_array_append_new(reasons, string_json(report->reasons[i]));
	return json_pack("{s:b, s:o}", "valid", report->reason_count == 0, "reasons", reasons);
}

static json_t *lag_json(const struct hist *lag)
{
	json_t *object = json_object();

	set(object, "p50", json_integer(hist_quantile(lag, 0.5)));
	set(object, "p99", json_integer(hist_quantile(lag, 0.99)));
	set(object, "max", json_integer(lag->max));
	return object;
}

static json_t *generator_json(const struct report *report)
{
	const struct figures *figures = report->figures;
	json_t *object = json_object();
	double cpu = figures_cpu(figures);
	json_int_t memory_kib = 0;

	for (size_t i = 0; i < figures->worker_count; i++)
		memory_kib += figures->workers[i].memory_kib;
	set(object, "workers", json_integer(report->meta->workers));
	set(object, "transport", string_json(report->meta->transport));
	set(object, "cpu", cpu < 0 ? json_null() : number_json(cpu));
	set(object, "stall_us", json_integer(figures->stall_us));
	set(object, "memory_kib", json_integer(memory_kib));
	return object;
}

static void set_outcomes(json_t *object, const uint64_t outcomes[OUTCOME_COUNT])
{
	set(object, "scheduled", count_json(outcomes_sum(outcomes)));
	for (int i = 0; i < OUTCOME_COUNT; i++)
		set(object, outcome_keys[i], count_json(outcomes[i]));
}

static json_t *load_json(const struct report *report)
{
	const struct figures *figures = report->figures;
	json_t *object = json_object();
	double target = figures_target_rate(figures);

	set_outcomes(object, figures->outcomes);
	set(object, "interrupted", count_json(figures->interrupted_starts));
	set(object, "target_rate", target < 0 ? json_null() : number_json(target));
	set(object, "achieved_rate", number_json(figures_achieved_rate(figures)));
	set(object, "measured_s", seconds_json(figures_measured_us(figures)));
	set(object, "lag_us", lag_json(figures->lag));
	set(object, "generator", generator_json(report));
	return object;
}

static json_t *phases_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->meta->phase_count; i++) {
		const struct meta_phase *phase = &report->meta->phases[i];
		json_t *object = json_object();

		set(object, "name", string_json(phase->name));
		set(object, "kind", string_json(phase->kind));
		set(object, "measured", json_boolean(phase->measured));
		set(object, "start_s", seconds_json(phase->start_us));
		set(object, "duration_s", seconds_json(figures_phase_us(report->figures, i)));
		set(object, "planned", phase->planned ? count_json(phase->planned) : json_null());
		set_outcomes(object, report->figures->phases[i].outcomes);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *timings_json(const struct measure *measure)
{
	json_t *object = json_object();

	for (int i = 0; i < TIMING_COUNT; i++)
		set(object, timing_names[i], hist_json(measure->timings[i]));
	return object;
}

static void set_measure(json_t *object, const struct measure *measure, int64_t span_us)
{
	struct hist *latency = measure_latency(measure);

	set(object, "count", count_json(measure->count));
	set(object, "errors", count_json(measure->errors));
	set(object, "retries", count_json(measure->retries));
	set(object, "interrupted", count_json(measure->interrupted));
	set(object, "rate",
	    number_json(span_us > 0 ? (double)measure->count * 1e6 / (double)span_us : 0));
	set(object, "latency_us", hist_json(latency));
	set(object, "ok_us", hist_json(measure->ok));
	set(object, "failed_us", hist_json(measure->failed));
	set(object, "service_us", hist_json(measure->service));
	set(object, "timing_us", timings_json(measure));
	set(object, "bytes_in", count_json(measure->bytes_in));
	set(object, "bytes_out", count_json(measure->bytes_out));
	hist_free(latency);
}

static json_t *request_json(const struct report *report, size_t name, const char *phase,
			    bool measured)
{
	json_t *object = json_object();

	set(object, "name", string_json(report->meta->requests[name]));
	set(object, "journey", string_json(report->journeys[name]));
	set(object, "phase", string_json(phase));
	set(object, "measured", json_boolean(measured));
	return object;
}

/* A name in all measured phases, then in each phase that it was seen in. */
static void add_requests(json_t *list, const struct report *report, size_t name)
{
	const struct meta *meta = report->meta;
	json_t *object = request_json(report, name, "all", true);

	set_measure(object, &report->figures->names[name], figures_measured_us(report->figures));
	json_array_append_new(list, object);
	for (size_t phase = 0; phase < meta->phase_count; phase++) {
		const struct measure *cell =
			report->figures->cells[name * meta->phase_count + phase];

		if (!cell)
			continue;
		object = request_json(report, name, meta->phases[phase].name,
				      meta->phases[phase].measured);
		set_measure(object, cell, figures_phase_us(report->figures, phase));
		json_array_append_new(list, object);
	}
}

static json_t *requests_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t name = 0; name < report->meta->request_count; name++)
		add_requests(list, report, name);
	return list;
}

static json_t *totals_json(const struct report *report)
{
	json_t *object = json_object();

	set_measure(object, &report->figures->all, figures_measured_us(report->figures));
	return object;
}

static json_t *error_json(const struct report *report, size_t name, enum failure failure)
{
	const struct error_figures *error =
		&report->figures->errors[name * FAILURE_COUNT + failure];
	json_t *object = json_object();

	set(object, "class", json_string(failure_name(failure)));
	set(object, "name", string_json(report->meta->requests[name]));
	set(object, "count", count_json(error->count));
	set(object, "sample",
	    error->sample ? text_json((struct text){ error->sample, error->sample_bytes }) :
			    json_null());
	return object;
}

static json_t *errors_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t name = 0; name < report->meta->request_count; name++)
		for (unsigned failure = 0; failure < FAILURE_COUNT; failure++)
			if (report->figures->errors[name * FAILURE_COUNT + failure].count)
				json_array_append_new(list, error_json(report, name,
								       (enum failure)failure));
	return list;
}

static json_t *gates_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->gate_count; i++) {
		const struct gate_result *gate = &report->gates[i];
		json_t *object = json_object();

		set(object, "gate", string_json(gate->gate));
		set(object, "name", string_json(gate->name));
		set(object, "scope", string_json(gate->scope));
		set(object, "expected", string_json(gate->expected));
		set(object, "actual", exact_json(gate->actual));
		set(object, "unit", json_string(gate->unit));
		set(object, "shown", string_json(gate->shown));
		set(object, "margin", number_json(gate->margin));
		set(object, "samples", count_json(gate->samples));
		set(object, "reason", string_json(gate->reason));
		set(object, "verdict", json_string(gate->verdict));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *time_or_null(int64_t us)
{
	return us < 0 ? json_null() : seconds_json(us);
}

/* Whether it is gone: null when it never was there. */
static json_t *cleaned_json(const struct fault_figures *fault)
{
	if (fault->broken)
		return json_false();
	return fault->armed_us < 0 ? json_null() : json_true();
}

static json_t *fault_json(const struct fault_figures *fault)
{
	json_t *object = json_object();

	set(object, "name", string_json(fault->name));
	set(object, "kind", string_json(fault->kind));
	set(object, "target", string_json(fault->target));
	set(object, "state", json_string(fault_state_name(fault->state)));
	set(object, "armed_at_s", time_or_null(fault->armed_us));
	set(object, "healed_at_s", time_or_null(fault->healed_us));
	set(object, "first_hit_at_s", time_or_null(fault->first_hit_us));
	set(object, "hits", fault->hits < 0 ? json_null() : count_json((uint64_t)fault->hits));
	set(object, "confirmed", fault->hits < 0 ? json_null() : json_boolean(fault->hits > 0));
	set(object, "cleaned", cleaned_json(fault));
	set(object, "recovery_s", time_or_null(fault->recovery_us));
	set(object, "words", string_json(fault->words ? fault->words : ""));
	return object;
}

static json_t *faults_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->faults->count; i++)
		json_array_append_new(list, fault_json(&report->faults->items[i]));
	return list;
}

static json_t *signal_json(int signal)
{
	const char *name = signal ? sigabbrev_np(signal) : NULL;

	return !signal ? json_null() :
	       name    ? json_sprintf("SIG%s", name) :
			 json_sprintf("%d", signal);
}

static json_t *environment_json(const struct report *report)
{
	json_t *object = json_object();

	if (json_is_object(report->meta->environment))
		json_object_update(object, report->meta->environment);
	set(object, "sagastorm", string_json(report->meta->version));
	set(object, "scenario", string_json(report->meta->scenario));
	set(object, "target", string_json(report->meta->target));
	return object;
}

static json_t *report_json(const struct report *report)
{
	const struct meta *meta = report->meta;
	json_t *root = json_object();

	set(root, "schema", json_string("sagastorm/report/1"));
	set(root, "name", string_json(meta->name));
	set(root, "about", string_json(meta->about));
	set(root, "seed", string_json(meta->seed));
	set(root, "started", string_json(meta->started));
	set(root, "duration_s", seconds_json(figures_duration_us(report->figures)));
	set(root, "verdict", json_string(report->verdict.name));
	set(root, "exit_code", json_integer(report->verdict.exit_code));
	set(root, "interrupted", signal_json(report->figures->events.signal));
	set(root, "validity", validity_json(report));
	set(root, "load", load_json(report));
	set(root, "phases", phases_json(report));
	set(root, "totals", totals_json(report));
	set(root, "requests", requests_json(report));
	set(root, "errors", errors_json(report));
	set(root, "faults", faults_json(report));
	set(root, "sagas", json_incref(report->sagas));
	set(root, "gates", gates_json(report));
	set(root, "environment", environment_json(report));
	return root;
}

static bool finish(void *state, const struct report *report, struct error *err)
{
	json_t *root = report_json(report);
	char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	struct buffer out = BUFFER_EMPTY;
	bool good;

	(void)state;
	json_decref(root);
	if (!text)
		return error_set(err, "cannot write report.json: something in it is not JSON");
	buffer_format(&out, "%s\n", text);
	free(text);
	good = report_write_file(report, "report.json", buffer_text(&out), err);
	buffer_release(&out);
	return good;
}

const struct report_format report_format_json = {
	.name = "json",
	.writes = "report.json",
	.finish = finish,
};
