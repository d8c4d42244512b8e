#include "reports/because.h"

#include <inttypes.h>

struct listener {
	because_teller *tell;
	void *context;
	struct buffer line;
};

static void tell(struct listener *listener, const char *title, bool system)
{
	const struct because because = { title, listener->line.data, system };

	listener->tell(listener->context, &because);
	buffer_clear(&listener->line);
}

static void tell_faults(const struct report *report, struct listener *listener)
{
	for (size_t i = 0; i < report->faults->count; i++) {
		const struct fault_figures *fault = &report->faults->items[i];

		if (!fault->broken)
			continue;
		buffer_format(&listener->line, "fault %s (%s of %s) is not known to be gone%s%s",
			      fault->name, fault->kind, fault->target, fault->words ? ": " : "",
			      fault->words ? fault->words : "");
		tell(listener, "a fault is not healed", true);
	}
}

static void tell_reasons(const struct report *report, struct listener *listener)
{
	for (size_t i = 0; i < report->reason_count; i++) {
		buffer_add_string(&listener->line, report->reasons[i]);
		tell(listener, "the run is invalid", false);
	}
}

static const char *string_in(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

static void tell_invariants(const char *saga, const json_t *invariants, struct listener *listener)
{
	const json_t *invariant;
	size_t i;

	json_array_foreach(invariants, i, invariant) {
		const json_t *witness = json_array_get(json_object_get(invariant, "witnesses"), 0);

		if (strcmp(string_in(invariant, "verdict"), "invalid") != 0)
			continue;
		buffer_format(&listener->line,
			      "%s of sagas %s: %" JSON_INTEGER_FORMAT " violations; saga %s: %s",
			      string_in(invariant, "name"), saga,
			      json_integer_value(json_object_get(invariant, "violations")),
			      string_in(witness, "saga"), string_in(witness, "reason"));
		tell(listener, "a saga invariant was violated", true);
	}
}

static void tell_sagas(const struct report *report, struct listener *listener)
{
	const char *name;
	json_t *saga;

	json_object_foreach(report->sagas, name, saga) {
		tell_invariants(name, json_object_get(saga, "invariants"), listener);
	}
}

static void tell_unsteady(const struct report *report, struct listener *listener)
{
	const struct faults *faults = report->faults;
	uint32_t condition = faults->unsteady_condition;

	if (!faults->unsteady)
		return;
	buffer_format(&listener->line, "it did not hold %s: %s",
		      steady_words(faults->unsteady_moment),
		      condition < report->meta->steady_count ? report->meta->steady[condition] :
							       "?");
	tell(listener, "the steady state", true);
}

static void tell_gates(const struct report *report, struct listener *listener)
{
	for (size_t i = 0; i < report->gate_count; i++) {
		const struct gate_result *gate = &report->gates[i];

		if (gate->holding != DOES_NOT_HOLD)
			continue;
		buffer_format(&listener->line, "%s: it is %s", gate->name,
			      *gate->shown ? gate->shown : "broken");
		if (*gate->reason)
			buffer_format(&listener->line, " (%s)", gate->reason);
		tell(listener, "a gate failed", true);
	}
}

void report_because(const struct report *report, because_teller *teller, void *context)
{
	struct listener listener = { teller, context, BUFFER_EMPTY };

	tell_faults(report, &listener);
	tell_reasons(report, &listener);
	tell_sagas(report, &listener);
	tell_unsteady(report, &listener);
	tell_gates(report, &listener);
	buffer_release(&listener.line);
}
