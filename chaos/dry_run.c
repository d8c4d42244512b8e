#include "chaos/dry_run.h"

#include "chaos/proxied.h"
#include "lib/visible.h"

static bool is_proxied(const struct fault *fault)
{
	return fault->kind->family == FAMILY_WIRE || fault->kind->family == FAMILY_CALL;
}

bool chaos_needs_proxy(const struct chaos_section *section)
{
	for (size_t i = 0; i < section->fault_count; i++)
		if (is_proxied(&section->faults[i]) ||
		    section->faults[i].trigger.kind == TRIGGER_ON)
			return true;
	return false;
}

/* The proxy is started later; where it stands is known, where it was said. */
static bool plan_later(const struct fault *fault, const struct fault_plan *plan)
{
	buffer_format(plan->does, "%s, in a proxy for", fault->kind->summary);
	for (size_t i = 0; i < fault->edge_count; i++) {
		const struct edge *edge = fault->edges[i];

		buffer_format(plan->does, "%s %s (at %s, leads to %s)", i ? "," : "", edge->name,
			      edge->listen ? edge->listen : "any free port", edge->url);
	}
	buffer_format(plan->does, ": %s", fault->settings_yaml);
	buffer_add_string(plan->undoes, "the proxy forgets it and passes everything as it is");
	return true;
}

static bool plan(const struct fault *fault, struct proxy *proxy, struct fault_plan *plan,
		 struct error *err)
{
	if (fault->kind->possible && !fault->kind->possible(err))
		return false;
	if (!is_proxied(fault))
		return fault->kind->plan(fault, plan, err);
	return proxy ? proxied_plan(proxy, fault, plan, err) : plan_later(fault, plan);
}

static void say(const char *what, struct text sentence, struct buffer *out)
{
	buffer_format(out, "  %s  ", what);
	visible_add(out, sentence);
	buffer_add_char(out, '\n');
}

static bool dry_run_one(const struct fault *fault, struct proxy *proxy, struct buffer *out)
{
	struct buffer does = BUFFER_EMPTY, undoes = BUFFER_EMPTY;
	struct fault_plan planned = { NULL, &does, &undoes };
	struct error err;
	bool good = plan(fault, proxy, &planned, &err);

	if (good) {
		say("does   ", buffer_text(&does), out);
		say("undoes ", buffer_text(&undoes), out);
	} else {
		say("refused", text_of(err.text), out);
	}
	json_decref(planned.undo);
	buffer_release(&does);
	buffer_release(&undoes);
	return good;
}

size_t chaos_dry_run(const struct chaos_section *section, struct proxy *proxy, struct buffer *out)
{
	size_t refused = 0;

	for (size_t i = 0; i < section->fault_count; i++) {
		struct chaos_section one = { .faults = &section->faults[i], .fault_count = 1 };

		chaos_show_plan(&one, out);
		if (!dry_run_one(&section->faults[i], proxy, out))
			refused++;
	}
	return refused;
}
