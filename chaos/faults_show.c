/* Faults for people: `check --plan`, --dry-run. See chaos/chaos_read.h. */
#include <inttypes.h>

#include "chaos/chaos_read.h"

static void show_call(const struct call_match *match, struct buffer *out)
{
	if (match->method || match->path)
		buffer_format(out, " %s%s%s", match->method ? match->method : "",
			      match->method && match->path ? " " : "",
			      match->path ? match->path : "");
	else
		buffer_add_string(out, " a call");
	if (match->header)
		buffer_format(out, " with %s", match->header);
	if (match->nth)
		buffer_format(out, ", number %" PRId64, match->nth);
	if (match->every)
		buffer_format(out, ", every %" PRId64, match->every);
}

static void show_trigger(const struct fault_trigger *trigger, struct buffer *out)
{
	switch (trigger->kind) {
	case TRIGGER_AT:
		buffer_format(out, "at %.3f s", (double)trigger->at_us / 1e6);
		return;
	case TRIGGER_ON:
		buffer_format(out, "on %s:", trigger->edge->name);
		show_call(&trigger->match, out);
		if (trigger->hold)
			buffer_add_string(out, " (held)");
		return;
	case TRIGGER_WHEN:
		buffer_format(out, "when saga '%s' number %" PRId64 " reaches %s", trigger->saga,
			      trigger->nth, trigger->state);
		return;
	}
}

void chaos_show_plan(const struct chaos_section *section, struct buffer *out)
{
	for (size_t i = 0; i < section->fault_count; i++) {
		const struct fault *fault = &section->faults[i];

		show_trigger(&fault->trigger, out);
		buffer_add_string(out, " for ");
		unit_show_duration(out, fault->duration_us);
		if (fault->times)
			buffer_format(out, " or %" PRId64 " hits", fault->times);
		buffer_format(out, ": %s: %s %s\n", fault->name, fault->kind->name,
			      fault->settings_yaml);
	}
}

/* A kind is asked once, however often it is used. */
static bool was_before(const struct chaos_section *section, size_t number)
{
	for (size_t i = 0; i < number; i++)
		if (section->faults[i].kind == section->faults[number].kind)
			return true;
	return false;
}

void chaos_warn_impossible(const struct chaos_section *section, struct complaints *complaints)
{
	struct error err;

	for (size_t i = 0; i < section->fault_count; i++) {
		const struct fault *fault = &section->faults[i];

		if (!was_before(section, i) && !fault_possible(fault->kind, fault->system, &err))
			complain_warning(complaints, fault->at, "'%s' can't be done here: %s",
					 fault->kind->name, err.text);
	}
}
