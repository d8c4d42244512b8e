#include "engine/meta_chaos.h"

#include "chaos/chaos_read.h"
#include "lib/buffer.h"

static void add_name(struct buffer *out, const char *name)
{
	if (out->length)
		buffer_add_string(out, ", ");
	buffer_add_string(out, name);
}

/* "order -> payment", "payment, payment.eu"; "this machine" when it is aimed at no part. */
static json_t *target_json(const struct fault *fault)
{
	struct buffer out = BUFFER_EMPTY;
	json_t *json;

	for (size_t i = 0; i < fault->edge_count; i++)
		add_name(&out, fault->edges[i]->name);
	for (size_t i = 0; i < fault->service_count; i++)
		add_name(&out, fault->services[i]->name);
	if (!out.length)
		buffer_add_string(&out, "this machine");
	json = json_string(out.data);
	buffer_release(&out);
	return json;
}

static const char *trigger_name(const struct fault_trigger *trigger)
{
	static const char *const names[] = { "at", "on", "when" };

	return names[trigger->kind];
}

static json_t *fault_json(const struct fault *fault)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:f}", "name", fault->name, "kind",
			 fault->kind->name, "family", fault_family_name(fault->kind->family),
			 "target", target_json(fault), "trigger", trigger_name(&fault->trigger),
			 "at_us", (json_int_t)fault->trigger.at_us, "duration_us",
			 (json_int_t)fault->duration_us, "share", fault->share);
}

json_t *meta_faults(const struct scenario *scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; scenario->chaos && i < scenario->chaos->fault_count; i++)
		json_array_append_new(list, fault_json(&scenario->chaos->faults[i]));
	return list;
}

json_t *meta_gates(const struct scenario *scenario)
{
	json_t *list = json_array();

	for (size_t i = 0; i < scenario->gate_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "gate",
						      scenario->gates[i].condition.text, "name",
						      scenario->gates[i].name, "abort",
						      scenario->gates[i].abort));
	return list;
}

json_t *meta_steady(const struct scenario *scenario)
{
	json_t *conditions = json_array();

	for (size_t i = 0; i < scenario->steady_count; i++)
		json_array_append_new(conditions, json_string(scenario->steady[i].text));
	if (scenario->steady_count)
		return json_pack("{s:o, s:I, s:I}", "conditions", conditions, "for_us",
				 (json_int_t)scenario->chaos->steady_for_us, "recovers_within_us",
				 (json_int_t)scenario->chaos->recovers_within_us);
	json_decref(conditions);
	return NULL;
}
